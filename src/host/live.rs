//! The machine itself.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags};

use super::model::{FileSystem, Identity, Kind, Output, Program, Stat, SystemBus, UserManager};
use super::mounts::Mounts;
use super::{BuildInfo, Host, build_info, bus, dpkg, program, root_owned};
use crate::fact::{Fact, Why};

/// `XFS_SUPER_MAGIC`.
const XFS: u64 = 0x5846_5342;

/// The part of the whole that a bus may take to answer: of ten seconds, three.
const BUS_SHARE: (u32, u32) = (3, 10);

/// The most names taken from one directory.
const MOST_NAMES: usize = 4096;

/// What a bounded host reads in all, in bytes: both files of subordinate IDs with a
/// million lines each; and how often it is asked, a hundred times what an ordinary
/// host needs. What a user can make many of has lower limits (`facts::limits`).
const MOST_READ: u64 = 96 << 20;
const MOST_QUESTIONS: u64 = 200_000;

/// This machine, as seen by this process.
pub struct Live {
    mounts: Mounts,
    probe: bool,
    deadline: Duration,
    end: Instant,
    bounds: Option<Bounds>,
    // Several areas ask; the buses are asked once.
    user_manager: OnceLock<Fact<UserManager>>,
    system_bus: OnceLock<Fact<SystemBus>>,
}

impl Live {
    /// Looks at this machine; everything has to be answered within `deadline`.
    /// Without `probe` no other program is run.
    pub fn new(probe: bool, deadline: Duration) -> Self {
        let mut live = Live {
            mounts: Mounts::default(),
            probe,
            deadline,
            end: Instant::now() + deadline,
            bounds: None,
            user_manager: OnceLock::new(),
            system_bus: OnceLock::new(),
        };
        let mountinfo = live.read_up_to(Path::new("/proc/self/mountinfo"), 16 << 20);
        live.mounts = Mounts::parse(mountinfo.known().map_or("", String::as_str));
        live
    }

    /// Every question counts against the deadline, and what is read against a
    /// limit: for an examination of a host that may be hostile.
    #[must_use]
    pub fn bounded(self) -> Self {
        Live {
            bounds: Some(Bounds::default()),
            ..self
        }
    }

    fn guarded<T>(&self, path: &Path, ask: impl FnOnce() -> std::io::Result<T>) -> Fact<T> {
        match self.may_ask().and_then(|()| self.mounts.guard(path)) {
            Ok(()) => Fact::from_io(ask()),
            Err(why) => Fact::Unreadable(why),
        }
    }

    /// When a bus that is asked now has to have answered.
    fn bus_end(&self) -> Instant {
        let patience = self.deadline * BUS_SHARE.0 / BUS_SHARE.1;
        self.end.min(Instant::now() + patience)
    }

    fn may_ask(&self) -> Result<(), Why> {
        let Some(bounds) = &self.bounds else {
            return Ok(());
        };
        let questions = bounds.questions.fetch_add(1, Ordering::Relaxed);
        let read = bounds.read.load(Ordering::Relaxed);
        match questions < MOST_QUESTIONS && read < MOST_READ {
            true => self.has_time(),
            false => Err(Why::new("this host holds more than is looked at")),
        }
    }

    /// Counts what was read.
    fn counted<T>(&self, answer: Fact<T>, size: impl FnOnce(&T) -> usize) -> Fact<T> {
        if let (Some(bounds), Fact::Known(value)) = (&self.bounds, &answer) {
            bounds.read.fetch_add(size(value) as u64, Ordering::Relaxed);
        }
        answer
    }

    fn has_time(&self) -> Result<(), Why> {
        if Instant::now() < self.end {
            return Ok(());
        }
        Err(Why::new("no time was left"))
    }
}

/// What a bounded host was asked so far.
#[derive(Default)]
struct Bounds {
    questions: AtomicU64,
    read: AtomicU64,
}

/// Only regular files are read, and nothing else is opened: opening a tape or a
/// watchdog acts already.
fn read_file(path: &Path, limit: u64) -> std::io::Result<String> {
    if stat_file(path)?.kind != Kind::File {
        return Err(std::io::Error::other("not a regular file"));
    }
    // It may be another one by now: no waiting for a FIFO, no terminal.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(limit)).unwrap_or_default());
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(std::io::Error::other(format!("larger than {limit} bytes")));
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

fn stat_file(path: &Path) -> std::io::Result<Stat> {
    let stat = rustix::fs::stat(path)?;
    let kind = match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
        rustix::fs::FileType::RegularFile => Kind::File,
        rustix::fs::FileType::Directory => Kind::Dir,
        rustix::fs::FileType::Symlink => Kind::Link,
        rustix::fs::FileType::Socket => Kind::Socket,
        rustix::fs::FileType::CharacterDevice => Kind::CharDevice,
        _ => Kind::Other,
    };
    let device = (
        rustix::fs::major(stat.st_rdev),
        rustix::fs::minor(stat.st_rdev),
    );
    Ok(Stat {
        kind,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: u64::try_from(stat.st_size).unwrap_or_default(),
        device: (kind == Kind::CharDevice).then_some(device),
        inode: stat.st_ino,
    })
}

#[expect(clippy::disallowed_methods, reason = "the room that reads the machine")]
fn list_dir(dir: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir)?.take(MOST_NAMES) {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// The first entry decides: `.` and `..` are told even where others are not.
fn tells_types(dir: &Path) -> std::io::Result<Option<bool>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(dir, flags, Mode::empty())?;
    for entry in rustix::fs::Dir::read_from(&fd)?.take(MOST_NAMES) {
        let entry = entry?;
        if ![&b"."[..], b".."].contains(&entry.file_name().to_bytes()) {
            return Ok(Some(entry.file_type() != rustix::fs::FileType::Unknown));
        }
    }
    Ok(stores_types(fd))
}

/// An empty directory tells nothing; but an XFS that keeps the time of birth has
/// the format of 2013, which stores the kind of every entry.
fn stores_types(dir: impl std::os::fd::AsFd) -> Option<bool> {
    use rustix::fs::StatxFlags;
    let is_xfs = rustix::fs::fstatfs(&dir).is_ok_and(|fs| fs.f_type as u64 == XFS);
    let stat = rustix::fs::statx(dir, "", AtFlags::EMPTY_PATH, StatxFlags::BTIME).ok()?;
    let keeps_birth = StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::BTIME);
    (is_xfs && keeps_birth).then_some(true)
}

/// Connects without waiting: a full queue means that somebody listens.
pub(super) fn knock(socket: &Path) -> std::io::Result<()> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let fd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&fd, &SocketAddrUnix::new(socket)?) {
        Ok(()) | Err(rustix::io::Errno::AGAIN) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn get_capability(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let mut value = [0; 64];
    match rustix::fs::getxattr(path, "security.capability", &mut value) {
        Ok(n) => Ok(Some(value[..n].to_vec())),
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

#[expect(
    clippy::cast_sign_loss,
    clippy::allow_attributes,
    reason = "the kernel's own widths"
)]
#[allow(clippy::unnecessary_cast, reason = "they differ between libcs")]
fn statfs(path: &Path) -> std::io::Result<FileSystem> {
    let fs = rustix::fs::statfs(path)?;
    let flags = rustix::fs::statvfs(path)?.f_flag.bits();
    let block = fs.f_bsize as u64;
    Ok(FileSystem {
        // Sign-extended where the field is signed (CIFS is 0xff534d42).
        magic: fs.f_type as u64 & 0xffff_ffff,
        flags: flags as u64,
        size: fs.f_blocks as u64 * block,
        available: fs.f_bavail as u64 * block,
        inodes: fs.f_files as u64,
        inodes_available: fs.f_ffree as u64,
    })
}

impl Host for Live {
    fn identity(&self) -> Identity {
        let groups = rustix::process::getgroups().unwrap_or_default();
        Identity {
            uid: rustix::process::getuid().as_raw(),
            euid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            egid: rustix::process::getegid().as_raw(),
            groups: groups
                .into_iter()
                .map(rustix::process::Gid::as_raw)
                .collect(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the room that reads the environment"
    )]
    fn env(&self, name: &str) -> Fact<String> {
        let value = std::env::var_os(name);
        value.map(|v| v.to_string_lossy().into_owned()).into()
    }

    fn env_is_set(&self, name: &str) -> Fact<bool> {
        Fact::Known(self.env(name).known().is_some_and(|v| !v.is_empty()))
    }

    fn read_up_to(&self, path: &Path, limit: u64) -> Fact<String> {
        let text = self.guarded(path, || read_file(path, limit));
        self.counted(text, String::len)
    }

    fn stat(&self, path: &Path) -> Fact<Stat> {
        self.guarded(path, || stat_file(path))
    }

    fn link(&self, path: &Path) -> Fact<PathBuf> {
        let read = || match rustix::fs::readlink(path, Vec::new()) {
            Ok(target) => Ok(Some(PathBuf::from(target.to_string_lossy().into_owned()))),
            Err(rustix::io::Errno::INVAL) => Ok(None),
            Err(e) => Err(e.into()),
        };
        self.guarded(path, read).and_then(Fact::from)
    }

    #[expect(clippy::disallowed_methods, reason = "the room that reads the machine")]
    fn real_path(&self, path: &Path) -> Fact<PathBuf> {
        self.guarded(path, || std::fs::canonicalize(path))
    }

    fn list(&self, dir: &Path) -> Fact<Vec<String>> {
        let names = self.guarded(dir, || list_dir(dir));
        self.counted(names, |names| names.iter().map(String::len).sum())
    }

    fn tells_types(&self, dir: &Path) -> Fact<bool> {
        self.guarded(dir, || tells_types(dir)).and_then(Fact::from)
    }

    fn modified(&self, path: &Path) -> Fact<i64> {
        self.guarded(path, || Ok(rustix::fs::stat(path)?.st_mtime))
    }

    fn writable(&self, path: &Path) -> Fact<bool> {
        let ask = || match rustix::fs::accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS | rustix::io::Errno::PERM) => {
                Ok(false)
            }
            Err(e) => Err(e.into()),
        };
        self.guarded(path, ask)
    }

    fn capability(&self, path: &Path) -> Fact<Vec<u8>> {
        self.guarded(path, || get_capability(path))
            .and_then(Fact::from)
    }

    fn file_system(&self, path: &Path) -> Fact<FileSystem> {
        self.guarded(path, || statfs(path))
    }

    fn connect(&self, socket: &Path) -> Fact<()> {
        self.guarded(socket, || {
            if stat_file(socket)?.kind != Kind::Socket {
                return Err(std::io::Error::other("not a socket"));
            }
            knock(socket)
        })
    }

    fn open_device(&self, path: &Path) -> Fact<()> {
        // Reading is enough to learn the errno, and opens nothing for writing.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        self.guarded(path, || match stat_file(path)?.kind {
            Kind::CharDevice => Ok(rustix::fs::open(path, flags, Mode::empty()).map(drop)?),
            _ => Err(rustix::io::Errno::NODEV.into()),
        })
    }

    fn build_info(&self, path: &Path) -> Fact<BuildInfo> {
        if !self.probe {
            return Fact::Unreadable(Why::off("no program was asked (--no-probe)"));
        }
        self.guarded(path, || build_info::read(path))
            .and_then(Fact::from)
    }

    fn package_version(&self, path: &Path) -> Fact<String> {
        self.guarded(path, || Ok(dpkg::version(path)))
            .and_then(Fact::from)
    }

    fn run(&self, program: &Program) -> Fact<Output> {
        if !self.probe {
            return Fact::Unreadable(Why::off("no program was run (--no-probe)"));
        }
        if let Err(why) = self
            .has_time()
            .and_then(|()| self.mounts.guard(Path::new(&program.path)))
        {
            return Fact::Unreadable(why);
        }
        // Whoever can replace it would be root by it.
        if rustix::process::geteuid().is_root()
            && let Err(why) = root_owned::check(Path::new(&program.path))
        {
            return Fact::unreadable(format!("root does not run it: {why}"));
        }
        program::run(program, self.end, program::MOST_OUTPUT)
    }

    fn user_manager(&self, runtime_dir: &Path) -> Fact<UserManager> {
        let ask = || bus::user_manager(runtime_dir, self.bus_end());
        self.user_manager.get_or_init(ask).clone()
    }

    fn system_bus(&self, uid: u32) -> Fact<SystemBus> {
        let ask = || bus::system_bus(uid, self.bus_end());
        self.system_bus.get_or_init(ask).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_tells_by_its_entries() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(tells_types(dir.path()).unwrap(), None);
        let _file = tempfile::NamedTempFile::new_in(dir.path()).unwrap();
        assert_eq!(tells_types(dir.path()).unwrap(), Some(true));
        assert!(tells_types(Path::new("/proc/self/status")).is_err());
    }
}
