//! Paths that only root can replace, checked on file descriptors.
//!
//! A path is opened one component at a time. Each component must belong to root,
//! and other users must not be able to write to it. Root then works on the
//! descriptor, so a path that is exchanged afterwards changes nothing. In a program
//! that does not run as root, the user who runs it counts like root.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use thiserror::Error;

/// No chain of symbolic links is longer.
const MOST_LINKS: usize = 16;

/// No path has more components.
const MOST_COMPONENTS: usize = 128;

/// Only root can mount something here: the directory above belongs to root, and no
/// tool mounts a user's file system there.
const MOUNT_POINTS: [&str; 19] = [
    "/",
    "/usr",
    "/usr/local",
    "/etc",
    "/var",
    "/var/lib",
    "/var/tmp",
    "/run",
    "/dev",
    "/proc",
    "/sys",
    "/tmp",
    "/opt",
    "/root",
    "/home",
    "/nix",
    "/nix/store",
    "/gnu",
    "/gnu/store",
];

/// File systems whose server decides who owns what: FUSE, NFS, CIFS, SMB2, SMB, 9P,
/// Ceph, AFS, Coda.
const SERVED: [u32; 9] = [
    0x6573_5546,
    0x6969,
    0xff53_4d42,
    0xfe53_4d42,
    0x517b,
    0x0102_1997,
    0x00c3_6400,
    0x5346_414f,
    0x7375_7245,
];

/// Why a path is not root's alone.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NotRoots {
    /// The path, or a directory on the way to it, does not exist.
    #[error("{0:?} does not exist")]
    Missing(PathBuf),
    /// Other users can change it, or the system refuses.
    #[error("{0:?} {1}")]
    Other(PathBuf, String),
}

/// A file or directory that only root can change or replace.
#[derive(Debug)]
pub struct RootOwned {
    fd: OwnedFd,
    stat: Stat,
    path: PathBuf,
}

/// Whether symbolic links that belong to root are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    Refuse,
    Follow,
}

/// Checks that only root can change or replace `path`, links of root followed.
///
/// # Errors
/// [`NotRoots`].
pub fn check(path: &Path) -> Result<(), NotRoots> {
    RootOwned::resolve(path).map(drop)
}

impl RootOwned {
    /// Opens a path in which no component is a symbolic link.
    ///
    /// # Errors
    /// [`NotRoots`].
    pub fn open(path: &Path) -> Result<Self, NotRoots> {
        walk(path, Links::Refuse)
    }

    /// Opens a path; symbolic links that belong to root are followed, and what they
    /// point to is checked in the same way.
    ///
    /// # Errors
    /// [`NotRoots`].
    pub fn resolve(path: &Path) -> Result<Self, NotRoots> {
        walk(path, Links::Follow)
    }

    /// Opens the directory of `path`, and gives the last component.
    ///
    /// # Errors
    /// [`NotRoots`].
    pub fn parent(path: &Path) -> Result<(Self, OsString), NotRoots> {
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(other(path, "has no directory"));
        };
        Ok((Self::open(dir)?, name.to_owned()))
    }

    /// What fstat(2) says.
    pub fn stat(&self) -> &Stat {
        &self.stat
    }

    /// What kind of file it is.
    pub fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    /// Where it was found, without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path for this descriptor, for calls that take no descriptor.
    pub fn by_fd(&self) -> PathBuf {
        by_fd(self.fd.as_fd())
    }

    /// A path for an entry of this directory.
    pub fn entry(&self, name: &OsStr) -> PathBuf {
        self.by_fd().join(name)
    }
}

impl AsFd for RootOwned {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A path that names a descriptor.
pub fn by_fd(fd: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

fn other(path: &Path, why: impl Into<String>) -> NotRoots {
    NotRoots::Other(path.into(), why.into())
}

fn failed(path: &Path, errno: Errno) -> NotRoots {
    match errno {
        Errno::NOENT => NotRoots::Missing(path.into()),
        errno => other(path, format!("cannot be opened: {errno}")),
    }
}

fn names(path: &Path) -> Result<VecDeque<OsString>, NotRoots> {
    let mut names = VecDeque::new();
    for part in path.components() {
        match part {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => names.push_back(name.to_owned()),
            Component::ParentDir => names.push_back("..".into()),
            Component::Prefix(_) => return Err(other(path, "is not a path")),
        }
    }
    match names.len() > MOST_COMPONENTS {
        true => Err(other(path, "has too many components")),
        false => Ok(names),
    }
}

fn walk(path: &Path, links: Links) -> Result<RootOwned, NotRoots> {
    let dotted = path.components().any(|part| part == Component::ParentDir);
    if !path.is_absolute() || dotted {
        return Err(other(path, "is not a full path"));
    }
    let mut way = vec![root()?];
    let mut left = names(path)?;
    let mut followed = 0;
    while let Some(name) = left.pop_front() {
        if name == ".." {
            if way.len() > 1 {
                way.pop();
            }
            continue;
        }
        let node = child(&way[way.len() - 1], &name)?;
        if node.kind() != FileType::Symlink {
            node.only_root_writes(!left.is_empty())?;
            way.push(node);
            continue;
        }
        followed += 1;
        if links == Links::Refuse {
            return Err(other(&node.path, "is a symbolic link"));
        }
        if followed > MOST_LINKS || left.len() > MOST_COMPONENTS {
            return Err(other(&node.path, "leads through too many symbolic links"));
        }
        let target = target(&node)?;
        if target.is_absolute() {
            way.truncate(1);
        }
        for name in names(&target)?.into_iter().rev() {
            left.push_front(name);
        }
    }
    way.pop().ok_or_else(|| other(path, "is not a path"))
}

const FLAGS: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn root() -> Result<RootOwned, NotRoots> {
    let path = Path::new("/");
    let told = |errno| failed(path, errno);
    let fd = rustix::fs::open(path, FLAGS, Mode::empty()).map_err(told)?;
    let stat = rustix::fs::fstat(&fd).map_err(told)?;
    let path = path.into();
    let root = RootOwned { fd, stat, path };
    root.only_root_writes(true)?;
    Ok(root)
}

/// The entry of a checked directory, with the checks that concern both.
fn child(dir: &RootOwned, name: &OsStr) -> Result<RootOwned, NotRoots> {
    let path = dir.path.join(name);
    let told = |errno| failed(&path, errno);
    let fd = rustix::fs::openat(&dir.fd, name, FLAGS, Mode::empty()).map_err(told)?;
    let stat = rustix::fs::fstat(&fd).map_err(told)?;
    let node = RootOwned { fd, stat, path };
    if !is_trusted(node.stat.st_uid) {
        let uid = node.stat.st_uid;
        return Err(other(&node.path, format!("belongs to uid {uid}")));
    }
    // In a sticky directory such as /tmp others cannot rename root's directory. A
    // file there can be a second name of another file, and a link can be anything.
    if dir.others_write() && node.kind() != FileType::Directory {
        return Err(other(&dir.path, "can be written to by other users"));
    }
    if node.stat.st_dev != dir.stat.st_dev && rustix::process::geteuid().is_root() {
        mounted(dir, &node)?;
    }
    Ok(node)
}

fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

impl RootOwned {
    fn others_write(&self) -> bool {
        let mode = self.stat.st_mode;
        // With an ACL the group bits are its mask: without them no entry can write.
        let by_group = mode & 0o020 != 0 && (self.stat.st_gid != 0 || self.has_acl());
        self.kind() != FileType::Symlink && (mode & 0o002 != 0 || by_group)
    }

    fn has_acl(&self) -> bool {
        let mut none: [u8; 0] = [];
        let size = rustix::fs::getxattr(self.by_fd(), "system.posix_acl_access", &mut none);
        !matches!(size, Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS))
    }

    /// A directory on the way may be sticky; the last component must be closed to
    /// others. A device is not: writing to it does not replace it.
    fn only_root_writes(&self, on_the_way: bool) -> Result<(), NotRoots> {
        let sticky = self.stat.st_mode & 0o1000 != 0;
        let device = matches!(
            self.kind(),
            FileType::CharacterDevice | FileType::BlockDevice
        );
        match is_trusted(self.stat.st_uid) {
            false => Err(other(
                &self.path,
                format!("belongs to uid {}", self.stat.st_uid),
            )),
            true if self.others_write() && !(on_the_way && sticky) && !device => {
                Err(other(&self.path, "can be written to by other users"))
            }
            true => Ok(()),
        }
    }
}

fn target(link: &RootOwned) -> Result<PathBuf, NotRoots> {
    let target = rustix::fs::readlinkat(&link.fd, "", Vec::new());
    let target = target.map_err(|errno| failed(&link.path, errno))?;
    Ok(OsString::from_vec(target.into_bytes()).into())
}

/// Another file system begins here: root must have mounted it, and no other program
/// or host may serve it.
fn mounted(dir: &RootOwned, node: &RootOwned) -> Result<(), NotRoots> {
    let (above, here) = (mount_id(dir), mount_id(node));
    // A btrfs subvolume has a device number of its own, but is not a mount.
    if above.is_some() && above == here {
        return Ok(());
    }
    let fs = rustix::fs::fstatfs(&node.fd).map_err(|errno| failed(&node.path, errno))?;
    // The magic number has 32 bits; the type of the field differs between systems.
    let kind = (fs.f_type as i128) as u32;
    if SERVED.contains(&kind) {
        return Err(other(
            &node.path,
            "is on a file system that a program or another host serves",
        ));
    }
    let fixed = MOUNT_POINTS.iter().any(|at| node.path == Path::new(at));
    match fixed || in_fstab(&fstab(), &node.path) {
        true => Ok(()),
        false => Err(other(
            &node.path,
            "is a mount point that is not in /etc/fstab, or that users can mount",
        )),
    }
}

fn mount_id(node: &RootOwned) -> Option<u64> {
    let info = format!("/proc/self/fdinfo/{}", node.fd.as_raw_fd());
    let text = text(Path::new(&info))?;
    let line = text.lines().find_map(|line| line.strip_prefix("mnt_id:"))?;
    line.trim().parse().ok()
}

fn fstab() -> String {
    text(Path::new("/etc/fstab")).unwrap_or_default()
}

fn text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(1 << 20).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A line mounts something here, and only root can mount it.
fn in_fstab(fstab: &str, at: &Path) -> bool {
    let users = ["user", "users", "owner", "group"];
    let open = |options: &str| options.split(',').any(|option| users.contains(&option));
    let line = |line: &str| {
        let mut fields = line.split_whitespace();
        let device = fields.next().filter(|device| !device.starts_with('#'))?;
        let place = fields.next()?.replace("\\040", " ");
        let options = fields.nth(1).unwrap_or("defaults");
        (Path::new(&place) == at).then(|| !device.is_empty() && !open(options))
    };
    let mut lines = fstab.lines().filter_map(line).peekable();
    lines.peek().is_some() && lines.all(|closed| closed)
}
