//! Mode and owner of files, on descriptors and never through a symbolic link.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid};

use crate::apply::run::World;
use crate::host::root_owned::{NotRoots, RootOwned, by_fd};
use crate::plan::mend::allowed;
use crate::plan::mend::place::TUN;
use crate::plan::undo::Had;

/// Bits that give a program the rights of its owner or group.
pub const SETUID: u32 = 0o6000;

/// What a file has now.
///
/// # Errors
/// In words: the system's, a symbolic link, a file with a second name.
pub fn had(path: &Path) -> Result<Had, String> {
    let told = |e| format!("{}: {e}", path.display());
    let fd = open(path).map_err(told)?;
    let stat = rustix::fs::fstat(&fd).map_err(told)?;
    of(&stat, path)
}

fn of(stat: &Stat, path: &Path) -> Result<Had, String> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind == FileType::Symlink {
        return Err(format!("{} is a symbolic link", path.display()));
    }
    // It may be a file of the system's that the user made a second name for.
    if kind != FileType::Directory && stat.st_nlink > 1 {
        return Err(format!("{} has more than one hard link", path.display()));
    }
    Ok(Had {
        path: path.into(),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
    })
}

/// Sets the mode of a file of one's own; no bits of [`SETUID`].
///
/// # Errors
/// As [`had`].
pub fn set_mode(path: &Path, mode: u32) -> Result<(), String> {
    let told = |e| format!("{}: {e}", path.display());
    if mode & SETUID != 0 {
        return Err(format!("{} gets no setuid bit", path.display()));
    }
    let fd = open(path).map_err(told)?;
    of(&rustix::fs::fstat(&fd).map_err(told)?, path)?;
    rustix::fs::chmod(by_fd(fd.as_fd()), Mode::from_raw_mode(mode)).map_err(told)
}

/// Goes down from `/`, one name at a time and through no link.
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

/// A file of the system of which root sets the mode; none if it does not exist.
///
/// # Errors
/// In words: it is not on the list, others can replace it, or it is not what is
/// expected under this name.
pub fn of_root(path: &Path, world: &World) -> Result<Option<RootOwned>, String> {
    let known = |path: &Path| world.system_path(path).filter(|p| allowed::has_mode(p));
    let refused = || format!("root does not change the mode of {path:?}");
    known(path).ok_or_else(refused)?;
    // On most systems /bin is a link of root's.
    let file = match RootOwned::resolve(path) {
        Ok(file) => file,
        Err(NotRoots::Missing(_)) => return Ok(None),
        Err(why) => return Err(why.to_string()),
    };
    let name = known(file.path()).ok_or_else(refused)?;
    of(file.stat(), path)?;
    let device = rustix::fs::makedev(10, 200);
    let fits = match file.kind() {
        FileType::RegularFile => name != Path::new(TUN),
        FileType::CharacterDevice => name == Path::new(TUN) && file.stat().st_rdev == device,
        _ => false,
    };
    match fits {
        true => Ok(Some(file)),
        false => Err(format!("{path:?} is not the file that is expected there")),
    }
}

/// What a file of root's has now.
pub fn had_of(file: &RootOwned) -> Had {
    Had {
        path: file.path().into(),
        mode: file.stat().st_mode & 0o7777,
        uid: file.stat().st_uid,
        gid: file.stat().st_gid,
    }
}

/// Sets the group, then the mode: chown takes setuid bits away.
///
/// # Errors
/// The system's, in words.
pub fn set(file: &RootOwned, mode: u32, uid: u32, gid: u32) -> Result<(), String> {
    let told = |e: rustix::io::Errno| format!("{}: {e}", file.path().display());
    if (file.stat().st_uid, file.stat().st_gid) != (uid, gid) {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        rustix::fs::chownat(file, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH).map_err(told)?;
    }
    rustix::fs::chmod(file.by_fd(), Mode::from_raw_mode(mode)).map_err(told)
}

/// Whether a former mode can be set again: root's own, no more than what
/// [`of_root`] accepts.
pub fn is_restorable(had: &Had, world: &World) -> bool {
    let helper = world
        .system_path(&had.path)
        .is_some_and(|path| !allowed::is_subid_file(&path) && path != Path::new(TUN));
    let device = world.system_path(&had.path).as_deref() == Some(Path::new(TUN));
    let own = had.uid == 0 || had.uid == rustix::process::geteuid().as_raw();
    own && (helper || had.mode & SETUID == 0) && (device || had.mode & 0o022 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::file;

    #[test]
    fn no_link_is_followed_and_no_second_name_changed() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        file::make_dir(&dir.join("own"), 0o755).unwrap();
        file::write(&dir.join("own/f"), b"", 0o640).unwrap();
        std::os::unix::fs::symlink("/etc", dir.join("own/link")).unwrap();
        assert_eq!(had(&dir.join("own/f")).unwrap().mode, 0o640);
        assert!(had(&dir.join("own/link/passwd")).is_err());
        set_mode(&dir.join("own/f"), 0o600).unwrap();
        assert_eq!(had(&dir.join("own/f")).unwrap().mode, 0o600);
        assert!(set_mode(&dir.join("own/f"), 0o4755).is_err());
        std::fs::hard_link(dir.join("own/f"), dir.join("own/g")).unwrap();
        assert!(set_mode(&dir.join("own/f"), 0o644).is_err());
    }

    #[test]
    fn root_sets_modes_of_a_few_files() {
        let world = World {
            system: true,
            ..World::nowhere()
        };
        for path in ["/etc/shadow", "/usr/bin/bash", "/home/a/newuidmap"] {
            assert!(of_root(Path::new(path), &world).is_err(), "{path}");
        }
    }
}
