//! Giving a user the configuration below the home directory that belongs to root.
//!
//! The home directory is one that a hostile user can rename and link in at any moment.
//! So each file is opened below a descriptor of the home directory, through no link and
//! into no other file system, and what is checked is the descriptor that is changed.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Uid};
use rustix::io::Errno;

use crate::host::root_owned::{RootOwned, by_fd};
use crate::plan::mend::place;

/// No more files and directories are given to a user in one step.
const MOST: usize = 200;

/// No more entries of a directory are read.
const MOST_ENTRIES: usize = 1000;

const FLAGS: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A file that belongs to root, and where it was found below the home directory.
struct Found {
    name: String,
    fd: OwnedFd,
}

/// What belongs to root in `top` below `home`, the home directory of `uid`.
///
/// # Errors
/// In words: the home directory is not one, or something there must not be given away.
pub fn survey(home: &Path, top: &str, uid: u32) -> Result<Vec<String>, String> {
    let found = collect(home, top, uid)?;
    Ok(found.into_iter().map(|found| found.name).collect())
}

/// Gives what [`survey`] found to the user.
///
/// # Errors
/// As there, and where it found something else than `expected`.
pub fn give(
    home: &Path,
    top: &str,
    (uid, gid): (u32, u32),
    expected: &[String],
) -> Result<(), String> {
    let found = collect(home, top, uid)?;
    if !found.iter().map(|found| &found.name).eq(expected) {
        return Err(format!(
            "{home:?} changed since the plan was made; run the same command again"
        ));
    }
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    for Found { name, fd } in &found {
        rustix::fs::chownat(fd, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)
            .map_err(|e| format!("{:?}: {e}", home.join(name)))?;
    }
    Ok(())
}

fn collect(home: &Path, top: &str, uid: u32) -> Result<Vec<Found>, String> {
    let dir = open_home(home, uid)?;
    let mut found = Vec::new();
    for pattern in place::handed_over(top) {
        for name in expand(&dir, pattern)? {
            let Some((fd, stat)) = beneath(&dir, &name)? else {
                continue;
            };
            if stat.st_uid == uid {
                continue;
            }
            is_harmless(&fd, &stat)
                .and_then(|()| super::closed::check(&fd, &stat, &name))
                .map_err(|why| format!("{:?} {why}", home.join(&name)))?;
            found.push(Found { name, fd });
            if found.len() > MOST {
                return Err(format!("{:?} holds too many files", home.join(top)));
            }
        }
    }
    Ok(found)
}

/// The home directory itself: no link, the user's own, in a directory of root's.
fn open_home(home: &Path, uid: u32) -> Result<OwnedFd, String> {
    let (Some(parent), Some(name)) = (home.parent(), home.file_name()) else {
        return Err(format!("{home:?} is not a home directory"));
    };
    let parent = RootOwned::resolve(parent).map_err(|why| why.to_string())?;
    let told = |e: Errno| format!("{home:?}: {e}");
    let fd = rustix::fs::openat(&parent, name, FLAGS, Mode::empty()).map_err(told)?;
    let stat = rustix::fs::fstat(&fd).map_err(told)?;
    let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    match is_dir && stat.st_uid == uid && uid != 0 {
        true => Ok(fd),
        false => Err(format!(
            "{home:?} is not a directory of its user (uid {uid})"
        )),
    }
}

/// A pattern's names: `*` is an entry whose name is a SHA-256.
fn expand(home: &OwnedFd, pattern: &str) -> Result<Vec<String>, String> {
    let Some((dir, rest)) = pattern.split_once("/*") else {
        return Ok(vec![pattern.to_owned()]);
    };
    let Some((fd, stat)) = beneath(home, dir)? else {
        return Ok(Vec::new());
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Ok(Vec::new());
    }
    let told = |e: Errno| format!("{dir}: {e}");
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(by_fd(fd.as_fd()), flags, Mode::empty()).map_err(told)?;
    let mut names = Vec::new();
    for entry in Dir::read_from(&fd).map_err(told)?.take(MOST_ENTRIES) {
        let entry = entry.map_err(told)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()) {
            names.push(format!("{dir}/{name}{rest}"));
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Opens a file below the home directory; none if it does not exist.
fn beneath(home: &OwnedFd, name: &str) -> Result<Option<(OwnedFd, Stat)>, String> {
    let told = |e: Errno| match e {
        Errno::LOOP => format!("{name} leads through a symbolic link"),
        Errno::XDEV => format!("{name} is on another file system than the home directory"),
        e => format!("{name}: {e}"),
    };
    let resolve = ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV;
    let opened = match rustix::fs::openat2(home, name, FLAGS, Mode::empty(), resolve) {
        // Before Linux 5.6, and where seccomp does not know it.
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(home, name),
        other => other,
    };
    let fd = match opened {
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        other => other.map_err(told)?,
    };
    let stat = rustix::fs::fstat(&fd).map_err(told)?;
    Ok(Some((fd, stat)))
}

fn step_by_step(home: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let device = rustix::fs::fstat(home)?.st_dev;
    let mut dir: Option<OwnedFd> = None;
    for part in Path::new(name).components() {
        let part = OsStr::from_bytes(part.as_os_str().as_bytes());
        let at = dir.as_ref().unwrap_or(home);
        let fd = rustix::fs::openat(at, part, FLAGS, Mode::empty())?;
        if rustix::fs::fstat(&fd)?.st_dev != device {
            return Err(Errno::XDEV);
        }
        dir = Some(fd);
    }
    dir.ok_or(Errno::NOENT)
}

/// What belongs to root and gives no rights of root's to the one who gets it.
pub(super) fn is_harmless(fd: &OwnedFd, stat: &Stat) -> Result<(), &'static str> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    let is_dir = kind == FileType::Directory;
    if !is_dir && kind != FileType::RegularFile {
        return Err("is neither a file nor a directory");
    }
    if stat.st_uid != 0 {
        return Err("belongs to a third user");
    }
    if is_dir {
        return Ok(());
    }
    if stat.st_mode & super::owner::SETUID != 0 {
        return Err("has a setuid or setgid bit");
    }
    if stat.st_nlink > 1 {
        return Err("has more than one hard link");
    }
    let mut value = [0; 1];
    match rustix::fs::getxattr(by_fd(fd.as_fd()), "security.capability", &mut value) {
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(()),
        _ => Err("has a file capability"),
    }
}
