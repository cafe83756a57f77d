//! Files and directories: written whole or not at all, with their final mode
//! from the first moment.

#![expect(
    clippy::disallowed_methods,
    reason = "the one place that changes files"
)]

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use sha2::{Digest, Sha256};

use crate::host::root_owned::by_fd;

/// No file we change is larger than this, in bytes.
const MOST: u64 = 4 << 20;

/// What a file holds, and its permission bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its permission bits.
    pub mode: u32,
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name under which `path` is written before it is renamed into place. It
/// is always the same, so that one left by a killed run is found again.
pub fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.rootless-setup-tmp"))
}

/// A regular file's content; none if it does not exist. Links are followed. Nothing else
/// is opened for reading: opening a device can start something.
///
/// # Errors
/// The system's, `FileTooLarge` over 4 MiB, `InvalidInput` for what is not a regular file.
pub fn read(path: &Path) -> io::Result<Option<Content>> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let fd = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let stat = rustix::fs::fstat(&fd)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        let why = "it is not a regular file";
        return Err(io::Error::new(ErrorKind::InvalidInput, why));
    }
    let file = File::open(by_fd(fd.as_fd()))?;
    let mode = file.metadata()?.mode() & 0o7777;
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MOST {
        true => Err(ErrorKind::FileTooLarge.into()),
        false => Ok(Some(Content { bytes, mode })),
    }
}

/// Replaces or creates a file: a new one beside it, flushed, then renamed.
/// A file that is replaced hands its group on.
///
/// # Errors
/// The system's; the file is then as it was.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let new = temporary(path);
    remove(&new)?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&new)?;
    let filled = fill(file, bytes, mode, path).and_then(|()| fs::rename(&new, path));
    if filled.is_err() {
        // The first error is the one to tell of.
        let _ = remove(&new);
    }
    filled?;
    sync_parent(path)
}

fn fill(mut file: File, bytes: &[u8], mode: u32, replaced: &Path) -> io::Result<()> {
    file.write_all(bytes)?;
    if let Ok(old) = fs::metadata(replaced) {
        let own = file.metadata()?;
        if old.gid() != own.gid() {
            // A group the user is no member of any more cannot be kept.
            let _ = std::os::unix::fs::fchown(&file, None, Some(old.gid()));
        }
    }
    // The umask took bits away when the file was made.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

/// Makes one directory with exactly these permission bits.
///
/// # Errors
/// The system's; a directory that is there is none.
pub fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        // The first file that is written into it makes it last.
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(mode)),
        Err(e) if e.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(e) => Err(e),
    }
}

/// Removes a file or link; one that is not there is removed already.
///
/// # Errors
/// The system's.
pub fn remove(path: &Path) -> io::Result<()> {
    unless_gone(path, fs::remove_file(path))
}

/// Removes a directory if it is empty; says whether it is gone.
///
/// # Errors
/// The system's, but for a directory that is not empty.
pub fn remove_dir(path: &Path) -> io::Result<bool> {
    match fs::remove_dir(path) {
        Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => Ok(false),
        other => unless_gone(path, other).map(|()| true),
    }
}

/// Removes a directory with all that is in it.
///
/// # Errors
/// The system's.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    unless_gone(path, fs::remove_dir_all(path))
}

/// A read-only file system refuses to remove even what is not there.
fn unless_gone(path: &Path, removed: io::Result<()>) -> io::Result<()> {
    let gone = |e: io::Error| matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    match removed {
        Err(_) if path.symlink_metadata().is_err_and(gone) => Ok(()),
        other => other,
    }
}

/// Renames, and makes the new name last.
///
/// # Errors
/// The system's.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_parent(to)
}

/// Names in a directory; none if it is not there.
///
/// # Errors
/// The system's.
pub fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|e| Ok(e?.path())).collect(),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// The new name is on the disk only when its directory is.
fn sync_parent(path: &Path) -> io::Result<()> {
    let dir = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(dir.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gets_its_mode_and_keeps_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(temporary(&path), "left by a killed run").unwrap();
        write(&path, b"one", 0o640).unwrap();
        write(&path, b"two", 0o600).unwrap();
        let content = read(&path).unwrap().unwrap();
        assert_eq!(
            (content.bytes.as_slice(), content.mode),
            (&b"two"[..], 0o600)
        );
        assert_eq!(list(dir.path()).unwrap(), [path]);
    }

    #[test]
    fn only_regular_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::from_raw_mode(0o600)).unwrap();
        for path in [fifo.as_path(), dir.path(), Path::new("/dev/null")] {
            assert_eq!(read(path).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        assert!(read(Path::new("/proc/self/mounts")).unwrap().is_some());
    }

    #[test]
    fn a_link_in_the_place_of_the_new_file_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("f"), dir.path().join("other"));
        fs::write(&other, "mine").unwrap();
        std::os::unix::fs::symlink(&other, temporary(&path)).unwrap();
        write(&path, b"one", 0o644).unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"mine");
    }

    #[test]
    fn what_is_not_there_is_removed_already() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        remove(&path).unwrap();
        remove_tree(&path).unwrap();
        assert!(remove_dir(&path).unwrap());
        assert_eq!(read(&path).unwrap(), None);
    }
}
