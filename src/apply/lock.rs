//! One run at a time: flock(2) on a directory, so that nothing is left behind
//! and a killed run holds nothing.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use thiserror::Error;

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _dir: Option<File>,
}

/// Another run holds the lock.
#[derive(Debug, Error)]
#[error("another run of rootless-setup is in progress{}", .pid.map(|p| format!(" (process {p})")).unwrap_or_default())]
pub struct Busy {
    /// Its process, where `/proc/locks` tells.
    pub pid: Option<u32>,
}

impl Lock {
    /// Locks the user's runtime directory, else the home. Where neither can be
    /// locked (NFS), the run goes on without.
    ///
    /// # Errors
    /// [`Busy`] when another run holds it.
    pub fn take(runtime_dir: &Path, home: &Path) -> Result<Lock, Busy> {
        let dir = File::open(runtime_dir).or_else(|_| File::open(home));
        let Ok(dir) = dir else {
            return Ok(Lock { _dir: None });
        };
        match dir.try_lock() {
            Ok(()) => Ok(Lock { _dir: Some(dir) }),
            Err(TryLockError::WouldBlock) => Err(Busy { pid: holder(&dir) }),
            Err(TryLockError::Error(_)) => Ok(Lock { _dir: None }),
        }
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

    #[test]
    fn a_second_run_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path(), Path::new("/")).unwrap();
        let busy = Lock::take(dir.path(), Path::new("/")).unwrap_err();
        assert_eq!(busy.pid, Some(std::process::id()));
        drop(first);
        Lock::take(dir.path(), Path::new("/")).unwrap();
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
