//! The runtime directory: `$XDG_RUNTIME_DIR` and `/run/user/UID`.

use std::path::{Path, PathBuf};

use super::manager::{session, subject};
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::init::Init;
use crate::host::{FileSystem, Kind, Stat};

const NAME: &str = "$XDG_RUNTIME_DIR";

/// Less than this is used up by a few containers.
const LOW: u64 = 8 << 20;
/// Bytes and inodes of what a daemon writes when it starts.
const START: (u64, u64) = (64 << 10, 16);
/// A container takes a dozen or two.
const FEW_INODES: u64 = 500;

/// What the variable says; none if it is not set, or empty.
fn set(facts: &Facts) -> Result<Option<&str>, Undetermined> {
    let value = facts.ground.xdg_runtime_dir.ask(NAME)?;
    Ok(value.map(String::as_str).filter(|value| !value.is_empty()))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

pub fn env(facts: &Facts) -> Verdict {
    if let Some(value) = set(facts)? {
        return Ok(pass("XDG_RUNTIME_DIR is set").seen(NAME, value));
    }
    let dir = &facts.ground.runtime_dir;
    let session = session(facts)?;
    let there = session.runtime_dir.ask(&shown(dir))?.is_some();
    let systemd = session.init.known() == Some(&Init::Systemd);
    let outcome = match (there, systemd) {
        (true, _) => fail(format!(
            "XDG_RUNTIME_DIR is not set; {} is there",
            dir.display()
        )),
        (false, true) => {
            fail("XDG_RUNTIME_DIR is not set: this is no login session").remedy("login")
        }
        (false, false) => fail("XDG_RUNTIME_DIR is not set").remedy("by-hand"),
    };
    let subject = subject(facts)?;
    Ok(outcome
        .seen(NAME, "not set")
        .seen(shown(dir), if there { "exists" } else { "not there" })
        .fill("user", &subject.name)
        .fill("uid", subject.uid)
        .fill("home", facts.ground.home_path().display())
        .fill("dir", dir.display()))
}

pub fn stale(facts: &Facts) -> Verdict {
    let Some(value) = set(facts)? else {
        return Ok(skip("XDG_RUNTIME_DIR is not set"));
    };
    let dir = &facts.ground.runtime_dir;
    let session = session(facts)?;
    let own = session.runtime_dir.ask(&shown(dir))?;
    let outcome = match Path::new(value) == dir {
        true if own.is_none() => fail(format!("XDG_RUNTIME_DIR names {value}, which is not there")),
        true => return Ok(pass("XDG_RUNTIME_DIR is the user's own").seen(NAME, value)),
        false => match other(facts, value, own.is_some())? {
            Some(outcome) => outcome,
            None => return Ok(pass("XDG_RUNTIME_DIR is the user's own").seen(NAME, value)),
        },
    };
    let outcome = match (own, session.init.known()) {
        (Some(_), _) => outcome,
        (None, Some(Init::Systemd)) => outcome.remedy("login"),
        (None, _) => outcome.remedy("by-hand"),
    };
    Ok(outcome
        .seen(NAME, value)
        .fill("user", &subject(facts)?.name)
        .fill("home", facts.ground.home_path().display())
        .fill("dir", dir.display()))
}

/// What is wrong with a directory that is not `/run/user/UID`.
fn other(facts: &Facts, value: &str, own: bool) -> Result<Option<Outcome>, Undetermined> {
    let uid = subject(facts)?.uid;
    let stat = session(facts)?.other_dir.ask(value)?;
    Ok(match stat {
        _ if !value.starts_with('/') => Some(fail("XDG_RUNTIME_DIR is not an absolute path")),
        None => Some(fail(format!(
            "XDG_RUNTIME_DIR names {value}, which is not there"
        ))),
        Some(stat) if stat.uid != uid => Some(fail(format!(
            "XDG_RUNTIME_DIR is left over from uid {}",
            stat.uid
        ))),
        Some(_) if own => Some(fail(format!(
            "XDG_RUNTIME_DIR is not {}",
            facts.ground.runtime_dir.display()
        ))),
        Some(_) => None,
    })
}

/// The directory the daemon would use, and what it is; none if there is none.
fn used(facts: &Facts) -> Result<Option<(PathBuf, &Stat)>, Undetermined> {
    let dir = &facts.ground.runtime_dir;
    let session = session(facts)?;
    if let Some(stat) = session.runtime_dir.ask(&shown(dir))? {
        return Ok(Some((dir.clone(), stat)));
    }
    let set = set(facts)?.map(PathBuf::from).filter(|path| path != dir);
    let stat = session.other_dir.ask(NAME)?;
    Ok(set.zip(stat))
}

const NONE: &str = "there is no runtime directory";

fn owner(stat: &Stat) -> String {
    format!("owner {}, mode {:04o}", stat.uid, stat.mode)
}

pub fn dir(facts: &Facts) -> Verdict {
    let Some((path, stat)) = used(facts)? else {
        return Ok(skip(NONE));
    };
    let subject = subject(facts)?;
    let shown = shown(&path);
    let writable = *session(facts)?.writable.need(&shown)?;
    let standard = path == facts.ground.runtime_dir;
    let outcome = match () {
        () if stat.kind != Kind::Dir => fail(format!("{shown} is not a directory")),
        // A foreign one in the variable is the shell's trouble, and told there.
        () if stat.uid != subject.uid && !standard => {
            return Ok(skip("XDG_RUNTIME_DIR is not the user's own"));
        }
        () if stat.uid != subject.uid => fail(format!(
            "{shown} belongs to uid {}, not to {}",
            stat.uid, subject.name
        )),
        () if !writable => fail(format!("{} may not write to {shown}", subject.name)),
        () => pass(format!("{shown} is {}'s", subject.name)),
    };
    let unit = format!("user-runtime-dir@{}.service", subject.uid);
    Ok(outcome
        .seen(&shown, owner(stat))
        .fill("dir", &shown)
        .fill("unit", unit))
}

pub fn mode(facts: &Facts) -> Verdict {
    let Some((path, stat)) = used(facts)? else {
        return Ok(skip(NONE));
    };
    if stat.uid != subject(facts)?.uid {
        return Ok(skip("the runtime directory is not the user's own"));
    }
    let open = stat.mode & 0o077 != 0;
    let outcome = match open {
        true => fail(format!("others may look into {}", path.display())),
        false => pass("the runtime directory is private"),
    };
    Ok(outcome
        .seen(shown(&path), owner(stat))
        .fill("dir", path.display()))
}

pub fn place(facts: &Facts) -> Verdict {
    let Some((path, _)) = used(facts)? else {
        return Ok(skip(NONE));
    };
    let temporary = ["/tmp", "/var/tmp"].iter().any(|tmp| path.starts_with(tmp));
    let outcome = match temporary {
        true => fail("the runtime directory lies where files are cleaned up"),
        false => pass(format!("the runtime directory is {}", path.display())),
    };
    Ok(outcome
        .seen(NAME, shown(&path))
        .fill("home", facts.ground.home_path().display()))
}

/// The runtime directory's name, and the room in it.
fn room(facts: &Facts) -> Result<Option<(String, FileSystem)>, Undetermined> {
    let Some((path, _)) = used(facts)? else {
        return Ok(None);
    };
    let path = shown(&path);
    let space = session(facts)?.space.need(&path)?.clone();
    match space.size {
        0 => Err(Undetermined::new(format!("{path}: its size is not known"))),
        _ => Ok(Some((path, space))),
    }
}

pub fn full(facts: &Facts) -> Verdict {
    let Some((path, space)) = room(facts)? else {
        return Ok(skip(NONE));
    };
    let no_inodes = space.inodes != 0 && space.inodes_available < START.1;
    let outcome = match space.available < START.0 || no_inodes {
        true => fail(format!("{path} is full: the daemon cannot start")),
        false => pass("the runtime directory has room for a daemon"),
    };
    let free = space.available >> 10;
    Ok(outcome.seen(
        path,
        format!("{free} KiB, {} inodes", space.inodes_available),
    ))
}

pub fn space(facts: &Facts) -> Verdict {
    let Some((path, space)) = room(facts)? else {
        return Ok(skip(NONE));
    };
    let free = format!("{} MiB of {} MiB", space.available >> 20, space.size >> 20);
    let inodes = space.inodes != 0 && space.inodes_available < FEW_INODES;
    let outcome = match (space.available < LOW, inodes) {
        (true, _) => fail(format!("only {free} are free for sockets and state")),
        (false, true) => fail(format!(
            "only {} more files fit into the runtime directory",
            space.inodes_available
        )),
        (false, false) => pass(format!("{free} are free for sockets and state")),
    };
    let seen = format!("{free}, {} inodes", space.inodes_available);
    Ok(outcome.seen(&path, seen).fill("dir", &path))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{booted, owned};
    use crate::check::engine::Status;
    use crate::host::FileSystem;
    use crate::testing::TestHost;

    const DIR: &str = "/run/user/1000";

    fn unset(host: TestHost) -> TestHost {
        host.with(|b| {
            b.env.remove("XDG_RUNTIME_DIR");
        })
    }

    #[test]
    fn a_shell_without_the_variable_in_three_places() {
        let id = "session.runtime-dir-env";
        assert_eq!(booted().check(id).status, Status::Pass);
        let command = |host| unset(host).check(id).fix.unwrap().commands.remove(0);
        let su = booted().node(DIR, owned(1000, "700"));
        assert_eq!(command(su), "export XDG_RUNTIME_DIR=/run/user/1000");
        assert_eq!(command(booted()), "sudo loginctl enable-linger alice");
        assert_eq!(
            command(TestHost::new()),
            "mkdir -p -m 700 /home/alice/.docker/run"
        );
    }

    #[test]
    fn a_variable_left_over_from_su() {
        let with = |value: &str| {
            booted()
                .env("XDG_RUNTIME_DIR", value)
                .node(DIR, owned(1000, "700"))
                .node("/run/user/0", owned(0, "700"))
                .node("/home/alice/run", owned(1000, "700"))
                .check("session.runtime-dir-stale")
        };
        assert_eq!(with(DIR).status, Status::Pass);
        assert_eq!(
            with("/run/user/0").summary,
            "XDG_RUNTIME_DIR is left over from uid 0"
        );
        assert_eq!(with("/home/alice/run").status, Status::Warn);
        assert_eq!(with("/nowhere").status, Status::Warn);
        assert_eq!(with("run").status, Status::Warn);
        assert_eq!(with("").status, Status::Skip);
        let gone = booted().check("session.runtime-dir-stale");
        assert!(gone.summary.ends_with("which is not there"));
    }

    #[test]
    fn whose_directory_it_is() {
        let with = |uid, mode: &str| booted().node(DIR, owned(uid, mode)).examine();
        let fine = with(1000, "700");
        assert_eq!(fine["session.runtime-dir"].status, Status::Pass);
        assert_eq!(fine["session.runtime-dir-mode"].status, Status::Pass);
        let roots = with(0, "755");
        assert_eq!(roots["session.runtime-dir"].status, Status::Fail);
        assert_eq!(roots["session.runtime-dir-mode"].status, Status::Skip);
        let open = with(1000, "755");
        assert_eq!(open["session.runtime-dir-mode"].status, Status::Warn);
        let fixed = with(1000, "500");
        assert_eq!(fixed["session.runtime-dir"].status, Status::Fail);
        assert_eq!(booted().check("session.runtime-dir").status, Status::Skip);
        let foreign = booted().env("XDG_RUNTIME_DIR", "/run/user/0");
        let foreign = foreign.node("/run/user/0", owned(0, "700"));
        assert_eq!(foreign.check("session.runtime-dir").status, Status::Skip);
    }

    #[test]
    fn a_directory_that_is_cleaned_up() {
        let with = |dir: &str| {
            TestHost::new()
                .env("XDG_RUNTIME_DIR", dir)
                .node(dir, owned(1000, "700"))
                .check("session.runtime-dir-place")
                .status
        };
        assert_eq!(with("/tmp/docker-1000"), Status::Warn);
        assert_eq!(with("/home/alice/.docker/run"), Status::Pass);
    }

    #[test]
    fn room_for_sockets_and_state() {
        let with = |size, available, inodes_available| {
            let space = FileSystem {
                size,
                available,
                inodes: 50_000,
                inodes_available,
                ..FileSystem::default()
            };
            booted()
                .node(DIR, owned(1000, "700"))
                .with(|b| {
                    b.file_systems.insert(DIR.into(), space);
                })
                .check("session.run-user-space")
                .status
        };
        assert_eq!(with(200 << 20, 199 << 20, 49_000), Status::Pass);
        assert_eq!(with(200 << 20, 1 << 20, 49_000), Status::Warn);
        assert_eq!(with(200 << 20, 199 << 20, 30), Status::Warn);
        assert_eq!(with(200 << 20, 0, 49_000), Status::Skip);
        assert_eq!(with(0, 0, 0), Status::Skip);
    }
}
