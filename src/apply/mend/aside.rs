//! Renaming a file within its directory, on one descriptor of that directory.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::apply::run::World;
use crate::host::root_owned::{NotRoots, RootOwned, by_fd};
use crate::plan::mend::allowed;
use crate::plan::mend::typed;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renamed {
    /// It has the new name.
    Done,
    /// There is no file of the old name.
    Missing,
    /// There is a file of the new name, which stays.
    Taken,
}

/// Renames a file. Root renames only a copy of newuidmap or newgidmap that is root's own,
/// in a directory that only root can change.
///
/// # Errors
/// In words.
pub fn rename(from: &Path, to: &Path, world: &World) -> Result<Renamed, String> {
    let (Some(dir), Some(old), Some(new)) = (from.parent(), from.file_name(), to.file_name())
    else {
        return Err(format!("{from:?} has no directory"));
    };
    if to.parent() != Some(dir) {
        return Err(format!("{to:?} is in another directory than {from:?}"));
    }
    if !world.system {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = match rustix::fs::open(dir, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(Renamed::Missing),
            other => other.map_err(|e| format!("{dir:?}: {e}"))?,
        };
        return renamed(dir.as_fd(), old, new).map_err(|e| format!("{from:?}: {e}"));
    }
    match open(from, to, world)? {
        Some(dir) => renamed(dir.as_fd(), old, new).map_err(|e| format!("{from:?}: {e}")),
        None => Ok(Renamed::Missing),
    }
}

/// Whether root renames this file.
///
/// # Errors
/// Why not, in words.
pub fn judge(from: &Path, to: &Path, world: &World) -> Result<(), String> {
    open(from, to, world).map(drop)
}

/// The directory of a copy that root renames.
fn open(from: &Path, to: &Path, world: &World) -> Result<Option<RootOwned>, String> {
    if !is_roots(from, to, world) {
        return Err(format!("root does not rename {from:?}"));
    }
    let file = match RootOwned::open(from) {
        Err(NotRoots::Missing(_)) => return Ok(None),
        other => other.map_err(|why| why.to_string())?,
    };
    if file.kind() != FileType::RegularFile {
        return Err(format!("{from:?} is not a regular file"));
    }
    let (dir, _) = RootOwned::parent(from).map_err(|why| why.to_string())?;
    Ok(Some(dir))
}

/// One of the two names is that of a copy, the other that of the copy out of the way.
fn is_roots(from: &Path, to: &Path, world: &World) -> bool {
    let copy = |path: &Path| {
        world
            .system_path(path)
            .is_some_and(|p| allowed::is_copy(&p))
    };
    let aside = |path: &Path| typed::aside(&path.to_string_lossy());
    (copy(from) && to == Path::new(&aside(from))) || (copy(to) && from == Path::new(&aside(to)))
}

fn renamed(dir: BorrowedFd<'_>, old: &OsStr, new: &OsStr) -> io::Result<Renamed> {
    let exists = |name: &OsStr| rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    let flags = RenameFlags::NOREPLACE;
    let done = match rustix::fs::renameat_with(dir, old, dir, new, flags) {
        // Not every file system has it.
        Err(Errno::INVAL | Errno::NOSYS) if !exists(new) => {
            rustix::fs::renameat(dir, old, dir, new)
        }
        Err(Errno::INVAL | Errno::NOSYS) => Err(Errno::EXIST),
        other => other,
    };
    match done {
        Ok(()) => {
            // The new name is on the disk only when the directory is.
            File::open(by_fd(dir))?.sync_all()?;
            Ok(Renamed::Done)
        }
        Err(Errno::NOENT) => Ok(Renamed::Missing),
        Err(Errno::EXIST) => Ok(Renamed::Taken),
        Err(e) => Err(e.into()),
    }
}
