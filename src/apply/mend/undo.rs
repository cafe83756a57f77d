//! Takes the deeds of `prepare` and `fix` back.

use std::path::Path;

use super::program::{self, SHORT};
use super::{lines, owner, packages, run, setting, sub_ids};
use crate::apply::file;
use crate::apply::journal::Journal;
use crate::plan::undo::{Former, Had};

/// What became of it: done, or kept, and why.
pub type Taken = Result<Option<String>, String>;

/// Lines of ours in a file that others write to as well.
///
/// # Errors
/// In words.
pub fn lines(
    journal: &Journal,
    path: &Path,
    ours: &[(String, Option<String>)],
    former: Option<&Former>,
    wrote: &str,
) -> Taken {
    let told = |e: std::io::Error| format!("{}: {e}", path.display());
    let is_shadows = sub_ids::FILES.iter().any(|file| Path::new(file) == path);
    let _lock = match is_shadows {
        true => Some(sub_ids::Lock::take(path)?),
        false => None,
    };
    let Some(now) = file::read(path).map_err(told)? else {
        return Ok(None);
    };
    if file::sha256(&now.bytes) == wrote {
        return match former {
            None => file::remove(path).map_err(told),
            Some(former) => {
                let bytes = journal.kept(&former.backup).map_err(told)?;
                file::write(path, &bytes, former.mode).map_err(told)
            }
        }
        .map(|()| None);
    }
    let Ok(text) = String::from_utf8(now.bytes) else {
        return Ok(Some(format!(
            "{} was changed since and is kept",
            path.display()
        )));
    };
    let without = lines::without(&text, ours);
    if without != text {
        file::write(path, without.as_bytes(), now.mode).map_err(told)?;
    }
    Ok(None)
}

/// Mode and owner of files.
///
/// # Errors
/// In words.
pub fn modes(files: &[Had]) -> Taken {
    for had in files {
        if had.path.symlink_metadata().is_ok() {
            owner::set(&had.path, had.mode, had.uid, had.gid)?;
        }
    }
    Ok(None)
}

/// A sysctl's former value.
///
/// # Errors
/// In words.
pub fn setting(key: &str, value: &str) -> Taken {
    setting::set(key, value).map(|()| None)
}

/// Packages that were not there before; one that others need stays.
///
/// # Errors
/// In words.
pub fn packages(family: &str, names: &[String]) -> Taken {
    packages::remove(family, names)
}

/// A former option of a mount; one that is gone needs none.
///
/// # Errors
/// In words.
pub fn remount(mount: &str, option: &str) -> Taken {
    run::remount(mount, option).map(|()| None)
}

/// The link whose place a copy took.
///
/// # Errors
/// In words.
pub fn link(path: &Path, target: &Path, wrote: &str) -> Taken {
    let told = |e: std::io::Error| format!("{}: {e}", path.display());
    if path.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
        return Ok(None);
    }
    let now = file::read(path).map_err(told)?;
    if now.is_some_and(|content| file::sha256(&content.bytes) != wrote) {
        return Ok(Some(format!(
            "{} was changed since and is kept",
            path.display()
        )));
    }
    let new = file::temporary(path);
    file::remove(&new).map_err(told)?;
    std::os::unix::fs::symlink(target, &new).map_err(told)?;
    file::rename(&new, path).map_err(told).map(|()| None)
}

/// Services that were switched off.
///
/// # Errors
/// In words.
pub fn enable(enabled: &[String], active: &[String]) -> Taken {
    for (verb, units) in [("enable", enabled), ("start", active)] {
        let names: Vec<&str> = units.iter().map(String::as_str).collect();
        if !names.is_empty() {
            program::run("systemctl", &[&[verb, "--"][..], &names].concat(), SHORT)?;
        }
    }
    Ok(None)
}

const CAPABILITY: &str = "security.capability";

/// The extended attribute of a program's capability, in hexadecimal.
///
/// # Errors
/// The system's, in words.
pub fn capability(path: &Path) -> Result<Option<String>, String> {
    let mut value = [0; 64];
    match rustix::fs::getxattr(path, CAPABILITY, &mut value) {
        Ok(n) => Ok(Some(
            value[..n].iter().map(|b| format!("{b:02x}")).collect(),
        )),
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => Ok(None),
        Err(e) => Err(format!("{}: {e}", path.display())),
    }
}

/// A program's former capability.
///
/// # Errors
/// In words.
pub fn set_capability(path: &Path, former: Option<&str>) -> Taken {
    let told = |e: rustix::io::Errno| format!("{}: {e}", path.display());
    match former {
        None => match rustix::fs::removexattr(path, CAPABILITY) {
            Ok(()) | Err(rustix::io::Errno::NODATA | rustix::io::Errno::NOENT) => Ok(None),
            Err(e) => Err(told(e)),
        },
        Some(hex) => {
            let digits: Vec<char> = hex.chars().collect();
            let byte =
                |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok();
            let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
            let bytes = bytes.ok_or_else(|| format!("{hex:?} is no capability"))?;
            let flags = rustix::fs::XattrFlags::empty();
            rustix::fs::setxattr(path, CAPABILITY, &bytes, flags).map_err(told)?;
            Ok(None)
        }
    }
}

/// A profile that was not in the kernel before; its file is still there.
///
/// # Errors
/// In words.
pub fn unload_profile(path: &Path) -> Taken {
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let name = path.to_string_lossy();
    let told = program::run("apparmor_parser", &["-R", "--", &name], SHORT);
    match told {
        // It was never loaded: the same state.
        Err(why) if why.contains("doesn't exist") => Ok(None),
        other => other.map(|_| None),
    }
}

/// A profile whose file is back.
///
/// # Errors
/// In words.
pub fn load_profile(path: &Path) -> Result<(), String> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let name = path.to_string_lossy();
    program::run("apparmor_parser", &["-r", "--", &name], SHORT).map(drop)
}

/// A file that was moved out of the way.
///
/// # Errors
/// In words.
pub fn rename(from: &Path, to: &Path) -> Taken {
    let there = |path: &Path| path.symlink_metadata().is_ok();
    match (there(from), there(to)) {
        (false, _) => Ok(None),
        (true, true) => Ok(Some(format!(
            "{} is kept: there is a new {}",
            from.display(),
            to.display()
        ))),
        (true, false) => {
            let told = |e: std::io::Error| format!("{}: {e}", from.display());
            file::rename(from, to).map_err(told).map(|()| None)
        }
    }
}

/// Has the system's systemd read its units again.
///
/// # Errors
/// In words; a host without systemd has none to read.
pub fn reload() -> Result<(), String> {
    match Path::new("/run/systemd/system").exists() {
        true => program::run("systemctl", &["daemon-reload"], SHORT).map(drop),
        false => Ok(()),
    }
}
