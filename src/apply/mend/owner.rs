//! Mode and owner of files, never through a symbolic link: root works here in
//! directories that a user owns.

use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Uid};

use crate::plan::undo::Had;

/// No more files than these are given away at a time.
const MOST: usize = 20_000;

/// What a file has now.
///
/// # Errors
/// The system's, in words; a symbolic link is none of our files.
pub fn had(path: &Path) -> Result<Had, String> {
    let told = |e| format!("{}: {e}", path.display());
    let fd = open(path).map_err(told)?;
    of(&fd, path)
}

fn of(fd: &OwnedFd, path: &Path) -> Result<Had, String> {
    let stat = rustix::fs::fstat(fd).map_err(|e| format!("{}: {e}", path.display()))?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind == FileType::Symlink {
        return Err(format!("{} is a symbolic link", path.display()));
    }
    // It may be a file of the system's that the user made a second name for.
    if kind != FileType::Directory && stat.st_nlink > 1 {
        return Err(format!("{} has a second name somewhere", path.display()));
    }
    Ok(Had {
        path: path.into(),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
    })
}

/// Sets owner, then mode: chown takes setuid bits away.
///
/// # Errors
/// As [`had`].
pub fn set(path: &Path, mode: u32, uid: u32, gid: u32) -> Result<(), String> {
    let told = |e: rustix::io::Errno| format!("{}: {e}", path.display());
    let fd = open(path).map_err(told)?;
    let now = of(&fd, path)?;
    if (now.uid, now.gid) != (uid, gid) {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        rustix::fs::chownat(&fd, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH).map_err(told)?;
    }
    // A descriptor of O_PATH cannot be chmodded but through /proc.
    let by_fd = format!("/proc/self/fd/{}", fd.as_raw_fd());
    rustix::fs::chmod(by_fd, Mode::from_raw_mode(mode)).map_err(told)
}

/// Goes down from the root, one name at a time and through no link: a user
/// who owns a directory on the way cannot lead us elsewhere.
fn open(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut fd = rustix::fs::open("/", flags, Mode::empty())?;
    for part in path.components() {
        match part {
            Component::RootDir => {}
            Component::Normal(name) => fd = rustix::fs::openat(&fd, name, flags, Mode::empty())?,
            _ => return Err(rustix::io::Errno::INVAL),
        }
    }
    Ok(fd)
}

/// Nobody but root can put another file in its place.
///
/// # Errors
/// In words: who can.
pub fn only_root_writes(path: &Path) -> Result<(), String> {
    for part in path.ancestors() {
        let had = had(part)?;
        let sticky = part != path && had.mode & 0o1000 != 0;
        if had.uid != 0 || (had.mode & 0o022 != 0 && !sticky) {
            return Err(format!(
                "{} is not root's alone: root's rights are not given to what is in it",
                part.display()
            ));
        }
    }
    Ok(())
}

/// Everything below a directory, itself included, that is not of this owner.
///
/// # Errors
/// In words; too many files, or one with a second name.
pub fn strangers(top: &Path, uid: u32, gid: u32) -> Result<Vec<Had>, String> {
    let mut found = Vec::new();
    let mut dirs: Vec<PathBuf> = vec![top.into()];
    let mut of_other = |had: Had| {
        if (had.uid, had.gid) != (uid, gid) {
            found.push(had);
        }
        match found.len() > MOST {
            true => Err(format!("{} holds too many files", top.display())),
            false => Ok(()),
        }
    };
    of_other(had(top)?)?;
    while let Some(dir) = dirs.pop() {
        for (name, kind) in entries(&dir)? {
            let path = dir.join(name);
            if kind == FileType::Symlink {
                continue;
            }
            of_other(had(&path)?)?;
            if kind == FileType::Directory {
                dirs.push(path);
            }
        }
    }
    Ok(found)
}

fn entries(dir: &Path) -> Result<Vec<(OsString, FileType)>, String> {
    let told = |e: rustix::io::Errno| format!("{}: {e}", dir.display());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = open(dir).map_err(told)?;
    let fd = rustix::fs::openat(&fd, ".", flags, Mode::empty()).map_err(told)?;
    let mut all = Vec::new();
    for entry in Dir::read_from(&fd).map_err(told)? {
        let entry = entry.map_err(told)?;
        let name = entry.file_name().to_bytes();
        if ![&b"."[..], b".."].contains(&name) {
            let stat = rustix::fs::statat(&fd, name, AtFlags::SYMLINK_NOFOLLOW).map_err(told)?;
            let kind = FileType::from_raw_mode(stat.st_mode);
            all.push((OsString::from_vec(name.to_vec()), kind));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::file;

    #[test]
    fn no_link_is_followed_and_no_second_name_given_away() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        file::make_dir(&dir.join("own"), 0o755).unwrap();
        file::write(&dir.join("own/f"), b"", 0o640).unwrap();
        std::os::unix::fs::symlink("/etc", dir.join("own/link")).unwrap();
        let own = had(&dir.join("own/f")).unwrap();
        assert_eq!(own.mode, 0o640);
        assert_eq!(strangers(&dir.join("own"), own.uid, own.gid).unwrap(), []);
        let of_other = strangers(&dir.join("own"), own.uid + 1, own.gid).unwrap();
        let paths: Vec<&Path> = of_other.iter().map(|h| h.path.as_path()).collect();
        assert_eq!(paths, [dir.join("own"), dir.join("own/f")]);
        assert!(had(&dir.join("own/link/passwd")).is_err());
        set(&dir.join("own/f"), 0o600, own.uid, own.gid).unwrap();
        assert_eq!(had(&dir.join("own/f")).unwrap().mode, 0o600);
        std::fs::hard_link(dir.join("own/f"), dir.join("own/g")).unwrap();
        assert!(strangers(&dir.join("own"), own.uid, own.gid).is_err());
        assert!(set(&dir.join("own/f"), 0o644, own.uid, own.gid).is_err());
    }

    #[test]
    fn what_others_can_replace_gets_no_rights_of_root() {
        only_root_writes(Path::new("/proc/self/mounts")).unwrap_err();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("f");
        file::write(&path, b"", 0o777).unwrap();
        assert!(only_root_writes(&path).is_err());
        only_root_writes(Path::new("/etc/passwd")).unwrap();
    }
}
