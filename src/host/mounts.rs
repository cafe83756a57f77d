//! Keeps the tool from hanging on a dead network home.
//!
//! A stat(2) on a hard NFS mount whose server is gone does not return. Before
//! a path on such a file system is touched, a child process of our own touches
//! it first, once per mount point, with a deadline; if it does not come back,
//! the mount is dead for this run and nobody goes there.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use procfs::FromBufRead;
use procfs::process::MountInfos;

use crate::fact::Why;

/// The hidden argument that makes this program touch a path and exit.
pub const ALIVE: &str = "__alive";

/// How long a mount may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// More symbolic links than this in one path is a loop (as in the kernel).
const MOST_LINKS: usize = 40;

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
    remote: Vec<Mount>,
    all: Vec<PathBuf>,
    verdicts: Mutex<BTreeMap<PathBuf, Result<(), Why>>>,
}

struct Mount {
    at: PathBuf,
    what: String,
}

impl Mounts {
    /// Reads `/proc/self/mountinfo` text.
    pub fn parse(mountinfo: &str) -> Self {
        let infos = MountInfos::from_buf_read(mountinfo.as_bytes()).map(|m| m.0);
        let mut mounts = Mounts::default();
        for info in infos.unwrap_or_default() {
            // fusectl is the kernel's own; lxcfs is the container's /proc.
            let own = info.fs_type == "fusectl" || info.fs_type == "fuse.lxcfs";
            let remote =
                REMOTE.contains(&info.fs_type.as_str()) || info.fs_type.starts_with("fuse.");
            if remote && !own {
                let source = info.mount_source.unwrap_or_default();
                let what = format!("{} ({} {source})", info.mount_point.display(), info.fs_type);
                mounts.remote.push(Mount {
                    at: info.mount_point.clone(),
                    what,
                });
            }
            mounts.all.push(info.mount_point);
        }
        mounts
    }

    /// Refuses a path that leads through a mount that does not answer.
    ///
    /// # Errors
    /// Which mount is dead.
    pub fn guard(&self, path: &Path) -> Result<(), Why> {
        if self.remote.is_empty() {
            return Ok(());
        }
        let mut links = 0;
        let mut rest: Vec<PathBuf> = components(path);
        let mut at = PathBuf::from("/");
        while let Some(next) = rest.pop() {
            if next.as_os_str() == ".." {
                at.pop();
                continue;
            }
            at.push(next);
            self.check(&at, path)?;
            if let Ok(target) = rustix::fs::readlink(&at, Vec::new()) {
                links += 1;
                if links > MOST_LINKS {
                    return Ok(());
                }
                at.pop();
                let target = PathBuf::from(target.to_string_lossy().into_owned());
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                rest.extend(components(&target));
            }
        }
        Ok(())
    }

    fn check(&self, at: &Path, path: &Path) -> Result<(), Why> {
        let Some(mount) = self.remote_mount_of(at) else {
            return Ok(());
        };
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let ask = || alive(path, &mount.what);
        verdicts.entry(mount.at.clone()).or_insert_with(ask).clone()
    }

    /// The mount that holds `at`, if it is one of the doubtful ones. The last
    /// of equals wins: it is mounted on top.
    fn remote_mount_of(&self, at: &Path) -> Option<&Mount> {
        let holder = self
            .all
            .iter()
            .filter(|m| at.starts_with(m))
            .max_by_key(|m| m.as_os_str().len())?;
        self.remote.iter().rev().find(|m| m.at == *holder)
    }
}

/// Path components, last first.
fn components(path: &Path) -> Vec<PathBuf> {
    let part = |c: Component<'_>| match c {
        Component::Normal(name) => Some(PathBuf::from(name)),
        Component::ParentDir => Some(PathBuf::from("..")),
        _ => None,
    };
    path.components().rev().filter_map(part).collect()
}

/// Has a child of our own touch the path. It is left behind if it hangs:
/// nothing can end a process that waits for a dead server.
#[expect(
    clippy::disallowed_methods,
    reason = "a child of our own, not another program"
)]
fn alive(path: &Path, what: &str) -> Result<(), Why> {
    let child = Command::new("/proc/self/exe")
        .arg(ALIVE)
        .arg(path)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
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
