//! Keeps the tool from hanging on a dead network home.
//!
//! A stat(2) on a hard NFS mount whose server is gone does not return. Before
//! a path on such a file system is touched, a child process of our own touches
//! it first, once per mount point, with a deadline; if it does not come back,
//! the mount is dead for this run and nobody goes there.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use procfs::process::MountInfo;

use super::program;
use crate::fact::Why;

/// The hidden argument that makes this program touch a path and exit.
pub const ALIVE: &str = "__alive";

/// How long a mount may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// More symbolic links than this in one path is a loop (as in the kernel).
const MOST_LINKS: usize = 40;

/// More steps than this no honest path takes, links and their targets included.
const MOST_STEPS: usize = 1024;

/// The ways to no more paths are kept.
const MOST_KNOWN: usize = 4096;

/// File systems whose server may be gone while the mount is still there.
const REMOTE: [&str; 16] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "autofs",
    "9p",
    "ceph",
    "glusterfs",
    "lustre",
    "gpfs",
    "afs",
    "beegfs",
    "ncpfs",
    "orangefs",
    "fuse",
];

/// The mounts that may hang.
#[derive(Default)]
pub struct Mounts {
    /// Every mount point, with what is mounted there if it may hang.
    points: HashMap<PathBuf, Option<String>>,
    has_remote: bool,
    /// Paths that were walked to, and where they lead.
    real: Mutex<HashMap<PathBuf, PathBuf>>,
    verdicts: Mutex<BTreeMap<PathBuf, Result<(), Why>>>,
}

impl Mounts {
    /// Reads `/proc/self/mountinfo` text.
    pub fn parse(mountinfo: &str) -> Self {
        let mut mounts = Mounts::default();
        // One at a time: a host can have a hundred thousand.
        for line in mountinfo.lines() {
            let Ok(info) = MountInfo::from_line(line) else {
                continue;
            };
            // fusectl is the kernel's own; lxcfs is the container's /proc.
            let own = info.fs_type == "fusectl" || info.fs_type == "fuse.lxcfs";
            let remote =
                REMOTE.contains(&info.fs_type.as_str()) || info.fs_type.starts_with("fuse.");
            let point = mounts.points.entry(info.mount_point.clone()).or_default();
            if remote && !own {
                let source = info.mount_source.unwrap_or_default();
                let at = info.mount_point.display();
                *point = Some(format!("{at} ({} {source})", info.fs_type));
                mounts.has_remote = true;
            }
        }
        mounts
    }

    /// Refuses a path that leads through a mount that does not answer.
    ///
    /// # Errors
    /// Which mount is dead.
    pub fn guard(&self, path: &Path) -> Result<(), Why> {
        if !self.has_remote {
            return Ok(());
        }
        let mut walk = Walk {
            mounts: self,
            asked: path,
            links: 0,
            steps: 0,
        };
        walk.real(path).map(drop)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<PathBuf, PathBuf>> {
        self.real.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, at: &Path, path: &Path) -> Result<(), Why> {
        let Some((mount, what)) = self.remote_mount_of(at) else {
            return Ok(());
        };
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let ask = || alive(path, what);
        verdicts.entry(mount.into()).or_insert_with(ask).clone()
    }

    /// The mount that holds `at`, if it is one of the doubtful ones.
    fn remote_mount_of<'a>(&'a self, at: &'a Path) -> Option<(&'a Path, &'a str)> {
        let held = |dir| Some((dir, self.points.get(dir)?));
        let (mount, what) = at.ancestors().find_map(held)?;
        Some((mount, what.as_deref()?))
    }
}

/// The way to one path, link by link.
struct Walk<'a> {
    mounts: &'a Mounts,
    asked: &'a Path,
    links: usize,
    steps: usize,
}

impl Walk<'_> {
    /// Where `path` really is. A directory is walked to once, whatever is asked
    /// of it: hundreds of questions go to a dozen directories.
    fn real(&mut self, path: &Path) -> Result<PathBuf, Why> {
        if let Some(known) = self.mounts.known().get(path) {
            return Ok(known.clone());
        }
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(Why::new("its path has too many links and components"));
        }
        let up = path.parent().unwrap_or(Path::new("/"));
        let real = match path.components().next_back() {
            Some(Component::Normal(name)) => {
                let dir = self.real(up)?;
                self.entry(&dir, name)?
            }
            Some(Component::ParentDir) => {
                let mut dir = self.real(up)?;
                dir.pop();
                dir
            }
            _ => PathBuf::from("/"),
        };
        let mut known = self.mounts.known();
        if known.len() < MOST_KNOWN {
            known.insert(path.into(), real.clone());
        }
        Ok(real)
    }

    /// Where an entry of a directory leads; a loop leads nowhere else.
    fn entry(&mut self, dir: &Path, name: &OsStr) -> Result<PathBuf, Why> {
        let at = dir.join(name);
        self.mounts.check(&at, self.asked)?;
        let Ok(target) = rustix::fs::readlink(&at, Vec::new()) else {
            return Ok(at);
        };
        self.links += 1;
        if self.links > MOST_LINKS {
            return Ok(at);
        }
        self.real(&dir.join(OsStr::from_bytes(target.as_bytes())))
    }
}

/// Has a child of our own touch the path. It is left behind if it hangs:
/// nothing can end a process that waits for a dead server.
fn alive(path: &Path, what: &str) -> Result<(), Why> {
    let child = program::own(ALIVE).arg(path).spawn();
    let Ok(mut child) = child else {
        return Err(Why::new(format!(
            "whether {what} answers could not be tried"
        )));
    };
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match child.try_wait() {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => std::thread::sleep(Duration::from_micros(500)),
            Err(e) => return Err(Why::from(&e)),
        }
    }
    let _ = child.kill();
    Err(Why::new(format!("{what} gives no answer")))
}

/// What the child does: touch the path, whatever comes of it.
pub fn touch(path: &Path) {
    let _ = rustix::fs::stat(path);
    let _ = rustix::fs::statfs(path);
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "they make their own directories")]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A directory with an NFS mount in it, as far as mountinfo tells.
    fn with_nfs() -> (tempfile::TempDir, Mounts) {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().display();
        std::fs::create_dir_all(dir.path().join("nfs/deep")).unwrap();
        let mounts = Mounts::parse(&format!(
            "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:4 / {at}/nfs rw - nfs4 server:/home rw\n\
             3 2 0:5 / {at}/nfs/deep/local rw - tmpfs tmpfs rw\n"
        ));
        (dir, mounts)
    }

    fn asked(mounts: &Mounts) -> usize {
        mounts.verdicts.lock().unwrap().len()
    }

    #[test]
    fn a_mount_is_asked_before_what_lies_on_it_is_touched() {
        let (dir, mounts) = with_nfs();
        for path in ["", "nfsx", "other/../file"] {
            mounts.guard(&dir.path().join(path)).unwrap();
            assert_eq!(asked(&mounts), 0, "{path}");
        }
        mounts.guard(&dir.path().join("nfs/deep")).unwrap();
        assert_eq!(asked(&mounts), 1);
    }

    #[test]
    fn what_is_mounted_on_top_of_it_is_reached_through_it() {
        let (dir, mounts) = with_nfs();
        let on_top = dir.path().join("nfs/deep/local");
        assert!(mounts.remote_mount_of(&on_top).is_none());
        mounts.guard(&on_top.join("file")).unwrap();
        assert_eq!(asked(&mounts), 1);
    }

    #[test]
    fn links_are_followed_one_by_one() {
        for target in ["nfs/deep", "./sub/../nfs", "ABSOLUTE"] {
            let (dir, mounts) = with_nfs();
            std::fs::create_dir(dir.path().join("sub")).unwrap();
            let absolute = dir.path().join("nfs");
            let target = match target {
                "ABSOLUTE" => absolute.as_path(),
                relative => Path::new(relative),
            };
            symlink(target, dir.path().join("link")).unwrap();
            symlink("link", dir.path().join("second")).unwrap();
            mounts.guard(&dir.path().join("second/file")).unwrap();
            assert_eq!(asked(&mounts), 1, "{}", target.display());
        }
    }

    #[test]
    fn a_loop_of_links_comes_to_an_end() {
        let (dir, mounts) = with_nfs();
        symlink("b", dir.path().join("a")).unwrap();
        symlink("a/c", dir.path().join("b")).unwrap();
        mounts.guard(&dir.path().join("a/file")).unwrap();
        assert_eq!(asked(&mounts), 0);
    }
}
