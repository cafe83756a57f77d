//! Takes the deeds of `prepare` and `fix` back.

use std::path::Path;

use super::aside::{self, Renamed};
use super::program::{self, SHORT};
use super::{capability, lines, owner, packages, profile, run, setting, sub_ids};
use crate::apply::file;
use crate::apply::journal::Journal;
use crate::apply::run::World;
use crate::apply::target::Target;
use crate::plan::mend::allowed;
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
    (former, wrote): (Option<&Former>, &str),
    world: &World,
) -> Taken {
    let told = |e: std::io::Error| format!("{}: {e}", path.display());
    let Some(at) = Target::of_root(path, world, allowed::is_subid_file)? else {
        return Ok(None);
    };
    let at = at.path();
    let _lock = sub_ids::Lock::take(path)?;
    let Some(now) = file::read(at).map_err(told)? else {
        return Ok(None);
    };
    if file::sha256(&now.bytes) == wrote {
        return match former {
            None => file::remove(at).map_err(told),
            Some(former) => {
                let bytes = journal.kept(&former.backup).map_err(told)?;
                file::write(at, &bytes, former.mode & 0o777).map_err(told)
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
        file::write(at, without.as_bytes(), now.mode).map_err(told)?;
    }
    Ok(None)
}

/// Modes of files. Root sets only those again that it also changes today; what it gave
/// below a home directory, by an earlier version, stays as it is.
///
/// # Errors
/// In words.
pub fn modes(files: &[Had], world: &World) -> Taken {
    let mut kept = Vec::new();
    for had in files {
        if !world.system {
            if had.path.symlink_metadata().is_ok() {
                owner::set_mode(&had.path, had.mode)?;
            }
            continue;
        }
        match owner::of_root(&had.path, world) {
            Ok(None) => {}
            Ok(Some(file)) if owner::is_restorable(had, world) => {
                owner::set(&file, had.mode, had.uid, had.gid)?;
            }
            Ok(Some(_)) => kept.push(format!("mode and owner of {:?} stay as they are", had.path)),
            Err(why) => kept.push(format!("{why}: its mode and owner stay as they are")),
        }
    }
    let more = kept.len().saturating_sub(1);
    Ok(kept.into_iter().next().map(|first| match more {
        0 => first,
        more => format!("{first} (and {more} more)"),
    }))
}

/// A sysctl's former value.
///
/// # Errors
/// In words.
pub fn setting(key: &str, value: &str) -> Taken {
    match allowed::is_sysctl(key) {
        true => setting::set(key, value).map(|()| None),
        false => Ok(Some(format!(
            "{key:?} stays as it is: root does not change it"
        ))),
    }
}

/// Packages that were not there before; one that others need stays.
///
/// # Errors
/// In words.
pub fn packages(family: &str, names: &[String]) -> Taken {
    packages::remove(family, names)
}

/// A former option of `/proc`. Other mounts stay as they are.
///
/// # Errors
/// In words.
pub fn remount(mount: &str, option: &str) -> Taken {
    match mount == "/proc" && (option == "nohidepid" || option.starts_with("hidepid=")) {
        true => run::remount(mount, option).map(|()| None),
        false => Ok(Some(format!("the mount {mount:?} stays as it is"))),
    }
}

/// The link whose place a copy took. Root's are `/etc/subuid` and `/etc/subgid`.
///
/// # Errors
/// In words.
pub fn link(path: &Path, target: &Path, wrote: &str, world: &World) -> Taken {
    let told = |e: std::io::Error| format!("{}: {e}", path.display());
    let Some(at) = Target::of_root(path, world, allowed::is_subid_file)? else {
        return Ok(None);
    };
    let at = at.path();
    if at.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
        return Ok(None);
    }
    let now = file::read(at).map_err(told)?;
    if now.is_some_and(|content| file::sha256(&content.bytes) != wrote) {
        return Ok(Some(format!(
            "{} was changed since and is kept",
            path.display()
        )));
    }
    let new = file::temporary(at);
    file::remove(&new).map_err(told)?;
    std::os::unix::fs::symlink(target, &new).map_err(told)?;
    file::rename(&new, at).map_err(told).map(|()| None)
}

/// Services that were switched off.
///
/// # Errors
/// In words.
pub fn enable(enabled: &[String], active: &[String]) -> Taken {
    let mut units = enabled.iter().chain(active);
    if let Some(odd) = units.find(|unit| !allowed::is_docker_unit(unit)) {
        return Ok(Some(format!(
            "{odd:?} is not started: it is not a unit of Docker"
        )));
    }
    for (verb, units) in [("enable", enabled), ("start", active)] {
        let names: Vec<&str> = units.iter().map(String::as_str).collect();
        if !names.is_empty() {
            program::run("systemctl", &[&[verb, "--"][..], &names].concat(), SHORT)?;
        }
    }
    Ok(None)
}

/// A program's former capability.
///
/// # Errors
/// In words.
pub fn capability(path: &Path, former: Option<&str>, world: &World) -> Taken {
    if let Some(program) = capability::program(path, world)? {
        capability::restore(&program, former)?;
    }
    Ok(None)
}

/// A profile that was not in the kernel before; its file is still there.
///
/// # Errors
/// In words.
pub fn unload_profile(path: &Path, world: &World) -> Taken {
    let Some(name) = profile::file(path, world)? else {
        return Ok(None);
    };
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
pub fn load_profile(path: &Path, world: &World) -> Result<(), String> {
    match profile::file(path, world)? {
        Some(name) => program::run("apparmor_parser", &["-r", "--", &name], SHORT).map(drop),
        None => Ok(()),
    }
}

/// A file that was moved out of the way.
///
/// # Errors
/// In words.
pub fn rename(from: &Path, to: &Path, world: &World) -> Taken {
    Ok(match aside::rename(from, to, world)? {
        Renamed::Done | Renamed::Missing => None,
        Renamed::Taken => Some(format!(
            "{} is kept: there is a new {}",
            from.display(),
            to.display()
        )),
    })
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
