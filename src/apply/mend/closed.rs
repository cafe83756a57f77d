//! What root closed to a user is not opened by a change of its owner.
//!
//! A user can give any file or directory of root's in the home directory the name of
//! one that is given away. So one that the user cannot read yet has to show that it
//! is what its name says.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Dir, FileType, Mode, OFlags, Stat};

use crate::host::root_owned::by_fd;

/// No configuration of Docker's client is larger, in bytes.
const MOST: u64 = 1 << 20;

/// Members of the client's `config.json` (docker/cli, cli/config/configfile).
const CLIENT: [&str; 28] = [
    "HttpHeaders",
    "aliases",
    "auths",
    "cliPluginsExtraDirs",
    "configFormat",
    "credHelpers",
    "credsStore",
    "credentialHelpers",
    "currentContext",
    "detachKeys",
    "experimental",
    "features",
    "imagesFormat",
    "networksFormat",
    "nodesFormat",
    "plugins",
    "pluginsFormat",
    "proxies",
    "pruneFilters",
    "psFormat",
    "secretFormat",
    "serviceInspectFormat",
    "servicesFormat",
    "stackOrchestrator",
    "statsFormat",
    "tasksFormat",
    "volumesFormat",
    "kubernetes",
];

/// Checks what the user could read only because it is given away; `name` is its
/// path below the home directory.
///
/// # Errors
/// In words.
pub fn check(fd: &OwnedFd, stat: &Stat, name: &str) -> Result<(), &'static str> {
    let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    match (is_dir, stat.st_mode & 0o005) {
        (true, 0o005) | (false, 0o004 | 0o005) => Ok(()),
        (true, _) => directory(fd),
        (false, _) if name.ends_with("/config.json") => client_configuration(fd),
        (false, _) => Err("is closed to the user: look at it, and give it away by hand"),
    }
}

fn client_configuration(fd: &OwnedFd) -> Result<(), &'static str> {
    if FileType::from_raw_mode(rustix::fs::fstat(fd).map_err(|_| "cannot be read")?.st_mode)
        != FileType::RegularFile
    {
        return Err("is not a file");
    }
    let mut text = String::new();
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::open(by_fd(fd.as_fd()), flags, Mode::empty());
    let file = file.map_err(|_| "cannot be read")?;
    let read = std::fs::File::from(file)
        .take(MOST)
        .read_to_string(&mut text);
    // What is not UTF-8 leaves the text empty, and is no empty file.
    read.map_err(|_| "is closed to the user, and not plain text")?;
    let members = serde_json::from_str::<serde_json::Map<_, _>>(&text);
    let known = |m: serde_json::Map<_, _>| m.keys().all(|key| CLIENT.contains(&key.as_str()));
    match text.is_empty() || members.is_ok_and(known) {
        true => Ok(()),
        false => Err("is closed to the user, and not a configuration of Docker's client"),
    }
}

/// A directory that is closed holds nothing, or the configuration of Docker's client,
/// as `sudo docker login` makes it: whatever else is in it would be open then, whoever
/// it belongs to and whatever its own mode is.
fn directory(dir: &OwnedFd) -> Result<(), &'static str> {
    let failed = |_| "cannot be listed";
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(by_fd(dir.as_fd()), flags, Mode::empty()).map_err(failed)?;
    for entry in Dir::read_from(&fd).map_err(failed)? {
        match entry.map_err(failed)?.file_name().to_bytes() {
            b"." | b".." => {}
            b"config.json" => {
                let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = rustix::fs::openat(&fd, "config.json", flags, Mode::empty());
                let file = file.map_err(failed)?;
                let stat = rustix::fs::fstat(&file).map_err(failed)?;
                super::home::is_harmless(&file, &stat)?;
                client_configuration(&file)?;
            }
            _ => return Err("is closed to the user, and holds what would be open then"),
        }
    }
    Ok(())
}
