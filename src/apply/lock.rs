//! One run at a time: flock(2) on something that no other user can open, so that no other
//! user can hold it. A killed run holds nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

use super::file;
use crate::host::root_owned::RootOwned;

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    held: Option<File>,
    has_file: bool,
}

/// The file that goes with the lock, if it needed one.
static FILE: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Removes the file of a lock that is held: for the moment before this process ends
/// without dropping anything. The next run uses one that is left behind.
pub fn remove_file() {
    let path = FILE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(path) = path {
        let _ = file::remove(&path);
    }
}

/// Why there is no lock.
#[derive(Debug, Error)]
pub enum NoLock {
    /// Another run holds it; its process, where `/proc/locks` tells.
    #[error("another run of rootless-setup is in progress{}", .0.map(|p| format!(" (process {p})")).unwrap_or_default())]
    Busy(Option<u32>),
    /// It is not a file that is root's alone.
    #[error("the lock cannot be used: {0}")]
    Unusable(String),
}

impl Lock {
    /// Locks a file of root's own, which stays.
    ///
    /// # Errors
    /// [`NoLock`].
    pub fn of_root(path: &Path) -> Result<Lock, NoLock> {
        let told = |why: String| NoLock::Unusable(why);
        let (dir, name) = RootOwned::parent(path).map_err(|why| told(why.to_string()))?;
        let file = open(&dir.entry(&name)).map_err(|e| told(format!("{path:?}: {e}")))?;
        let meta = file
            .metadata()
            .map_err(|e| told(format!("{path:?}: {e}")))?;
        if !is_own(&meta) || !meta.is_file() || meta.nlink() != 1 {
            return Err(told(format!("{path:?} is not a file of root's alone")));
        }
        hold(file)
    }

    /// Locks the user's runtime directory, else the home directory, where they are the
    /// user's alone; else a file in the home directory. Where none can be locked (NFS), the
    /// run continues without.
    ///
    /// # Errors
    /// [`NoLock::Busy`] when another run holds it.
    pub fn take(runtime_dir: &Path, home: &Path) -> Result<Lock, NoLock> {
        let private = |dir: &Path| {
            let dir = File::open(dir).ok()?;
            dir.metadata()
                .is_ok_and(|meta| is_own(&meta))
                .then_some(dir)
        };
        if let Some(dir) = private(runtime_dir).or_else(|| private(home)) {
            return hold(dir);
        }
        let path = home.join(".rootless-setup.lock");
        let free = || Lock {
            held: None,
            has_file: false,
        };
        let Ok(file) = open(&path) else {
            return Ok(free());
        };
        let meta = file.metadata().ok();
        let Some(meta) = meta.filter(|meta| is_own(meta) && meta.is_file()) else {
            return Ok(free());
        };
        let mut lock = hold(file)?;
        lock.has_file = lock.held.is_some();
        // Another run may have removed it before we held it.
        let same = path
            .symlink_metadata()
            .is_ok_and(|now| now.ino() == meta.ino());
        match same {
            true => {
                *FILE.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
                Ok(lock)
            }
            false => Err(NoLock::Busy(None)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.has_file {
            remove_file();
        }
    }
}

/// It belongs to the user of this process, and no other can open it.
fn is_own(meta: &std::fs::Metadata) -> bool {
    meta.uid() == rustix::process::geteuid().as_raw() && meta.mode() & 0o077 == 0
}

fn open(path: &Path) -> std::io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

fn hold(held: File) -> Result<Lock, NoLock> {
    match held.try_lock() {
        Ok(()) => Ok(Lock {
            held: Some(held),
            has_file: false,
        }),
        Err(TryLockError::WouldBlock) => Err(NoLock::Busy(holder(&held))),
        Err(TryLockError::Error(_)) => Ok(Lock {
            held: None,
            has_file: false,
        }),
    }
}

#[expect(clippy::disallowed_methods, reason = "who holds the lock")]
fn holder(dir: &File) -> Option<u32> {
    let meta = dir.metadata().ok()?;
    let (major, minor) = (rustix::fs::major(meta.dev()), rustix::fs::minor(meta.dev()));
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    holder_in(&locks, &format!("{major:02x}:{minor:02x}:{}", meta.ino()))
}

/// `1: FLOCK  ADVISORY  WRITE 4711 00:1a:1234 0 EOF`
fn holder_in(locks: &str, file: &str) -> Option<u32> {
    let mut fields = locks
        .lines()
        .map(|l| l.split_whitespace().collect::<Vec<_>>());
    let line = fields.find(|f| f.get(1) == Some(&"FLOCK") && f.get(5) == Some(&file));
    line?.get(4)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(taken: Result<Lock, NoLock>) -> bool {
        let own = Some(std::process::id());
        matches!(taken, Err(NoLock::Busy(pid)) if pid == own)
    }

    #[test]
    fn a_second_run_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path(), Path::new("/")).unwrap();
        assert!(busy(Lock::take(dir.path(), Path::new("/"))));
        drop(first);
        Lock::take(dir.path(), Path::new("/")).unwrap();
    }

    #[test]
    fn what_others_can_open_is_not_locked() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        file::make_dir(&home, 0o755).unwrap();
        // Anybody can lock a directory that anybody can read.
        let theirs = File::open(&home).unwrap();
        theirs.lock().unwrap();
        let first = Lock::take(Path::new("/nowhere"), &home).unwrap();
        assert!(busy(Lock::take(Path::new("/nowhere"), &home)));
        drop(first);
        assert_eq!(file::list(&home).unwrap(), Vec::<PathBuf>::new());
    }

    #[test]
    fn roots_lock_is_a_private_file_and_no_link() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let path = dir.path().join("l");
        let first = Lock::of_root(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
        assert!(busy(Lock::of_root(&path)));
        drop(first);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Lock::of_root(&path), Err(NoLock::Unusable(_))));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(Lock::of_root(&link), Err(NoLock::Unusable(_))));
        assert!(matches!(
            Lock::of_root(Path::new("/tmp/l")),
            Err(NoLock::Unusable(_))
        ));
    }

    #[test]
    fn another_file_system_has_the_same_inode_numbers() {
        let locks = "1: FLOCK  ADVISORY  WRITE 11 00:2c:1 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 12 00:2d:1 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 13 00:2d:1 0 EOF\n";
        assert_eq!(holder_in(locks, "00:2d:1"), Some(13));
        assert_eq!(holder_in(locks, "00:2d:11"), None);
    }

    #[test]
    fn nothing_to_lock_is_no_obstacle() {
        Lock::take(Path::new("/nowhere"), Path::new("/nowhere")).unwrap();
    }
}
