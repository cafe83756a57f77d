//! The user's `docker.service`: whether it says what its writer meant, and
//! whether what it names is there. No line of it is shown: a user's file may
//! be a link to anything, and environments hold passwords.

use super::{NO_UNIT, docker, manager, unit_file};
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::facts::unit::{self, UnitFile};
use crate::facts::{Facts, daemon_json};

pub fn installed(facts: &Facts) -> Verdict {
    let manager = docker(facts)?.manager.known().map(|m| &m.docker);
    let by_manager = manager.filter(|unit| unit.is_installed());
    // A masked one is a link to /dev/null, and cannot be read.
    if by_manager.is_some_and(|unit| unit.load_state == "masked") {
        return Ok(fail("docker.service is masked").remedy("masked"));
    }
    let file = unit_file(facts)?;
    let path = match (file, by_manager) {
        (Some(file), _) => file.path.to_string_lossy().into_owned(),
        (None, Some(unit)) => unit.fragment_path.clone(),
        (None, None) => return Ok(skip(NO_UNIT)),
    };
    let state = by_manager.map(|unit| unit.unit_file_state.as_str());
    Ok(match state {
        Some("disabled") => fail("docker.service does not start by itself"),
        Some("enabled") => pass("docker.service is installed and enabled"),
        _ => pass("docker.service is installed"),
    }
    .seen("unit", path))
}

pub fn exec(facts: &Facts) -> Verdict {
    let Some(file) = unit_file(facts)? else {
        return Ok(skip(NO_UNIT));
    };
    let Some((path, stat)) = &docker(facts)?.exec_start else {
        return Ok(fail("docker.service has no ExecStart that can be read")
            .seen(file.path.to_string_lossy(), "no ExecStart"));
    };
    let text = path.to_string_lossy();
    // What is left of a specifier that only systemd can fill in.
    let unfilled = text.contains('%') && stat.is_absent();
    if !path.is_absolute() || unfilled {
        return Err(Undetermined::new("which program the unit starts"));
    }
    Ok(match stat.ask(&text)? {
        None => fail("the program that docker.service starts is gone").seen(text, "not there"),
        Some(stat) if stat.mode & 0o111 == 0 => {
            fail("the program that docker.service starts cannot be executed")
                .seen(text, format!("mode {:o}", stat.mode))
        }
        Some(_) => pass("the program that docker.service starts is there").seen("ExecStart", text),
    })
}

fn files(facts: &Facts) -> impl Iterator<Item = &UnitFile> {
    let unit = &facts.ground.unit;
    unit.file.iter().chain(&unit.drop_ins)
}

/// What systemd ignores in a file, by line.
fn ignored(file: &UnitFile) -> Vec<(usize, &'static str)> {
    let lines = file.malformed.iter();
    let mut found: Vec<_> = lines
        .map(|(line, _)| (*line, "neither a section nor a setting"))
        .collect();
    for setting in &file.settings {
        if setting.section != "Service" || setting.name != "Environment" {
            continue;
        }
        match unit::words(&setting.value) {
            Err(_) => found.push((setting.line, "a quote is not closed")),
            Ok(words) if words.iter().any(|word| !word.contains('=')) => {
                found.push((setting.line, "not an assignment: a space without quotes"));
            }
            Ok(_) => {}
        }
    }
    found
}

pub fn malformed(facts: &Facts) -> Verdict {
    if let Some((path, why)) = facts.ground.unit.unreadable.first() {
        return Err(Undetermined::new(format!("{}: {why}", path.display())));
    }
    let mut outcome: Option<Outcome> = None;
    for file in files(facts) {
        for (line, why) in ignored(file).into_iter().take(5) {
            let found = outcome.unwrap_or_else(|| fail("systemd ignores a part of docker.service"));
            outcome = Some(found.seen(format!("{}:{line}", file.path.display()), why));
        }
    }
    Ok(match (outcome, files(facts).next()) {
        (Some(found), _) => found,
        (None, Some(_)) => pass("systemd reads all of docker.service"),
        (None, None) => skip(NO_UNIT),
    })
}

pub fn stale(facts: &Facts) -> Verdict {
    if unit_file(facts)?.is_none() {
        return Ok(skip(NO_UNIT));
    }
    Ok(match manager(facts)? {
        None => skip("the user's systemd manager does not run"),
        Some(manager) if manager.docker.need_daemon_reload => {
            fail("docker.service was changed and not read again").seen("NeedDaemonReload", "yes")
        }
        Some(_) => pass("systemd knows docker.service as it is on the disk"),
    })
}

/// Programs that the daemon or its script looks for by name.
const HELPERS: [&str; 13] = [
    "dockerd",
    "rootlesskit",
    "containerd",
    "runc",
    "newuidmap",
    "newgidmap",
    "slirp4netns",
    "pasta",
    "fuse-overlayfs",
    "iptables",
    "nsenter",
    "sysctl",
    "ip",
];

pub fn path(facts: &Facts) -> Verdict {
    if unit_file(facts)?.is_none() {
        return Ok(skip(NO_UNIT));
    }
    if super::programs::is_wrapped(facts)? {
        return Ok(skip(
            "docker.service starts a wrapper with a PATH of its own",
        ));
    }
    let (shell, unit) = (&facts.ground.shell_tools, &facts.ground.tools);
    let by_shell_only = |name: &&str| shell.first(name).is_some() && unit.first(name).is_none();
    let missed: Vec<&str> = HELPERS.into_iter().filter(by_shell_only).collect();
    if missed.is_empty() {
        return Ok(pass("the unit finds every program that the shell finds"));
    }
    if let Some((dir, why)) = unit.unreadable.first() {
        return Err(Undetermined::new(format!("{}: {why}", dir.display())));
    }
    let found = fail(format!("the unit does not find {}", missed.join(", ")));
    let hits = missed.iter().filter_map(|name| shell.first(name));
    let seen = |found: Outcome, hit: &crate::facts::tools::Hit| {
        found.seen(hit.path.to_string_lossy(), "not on the unit's PATH")
    };
    Ok(hits.take(5).fold(found, seen))
}

pub fn iptables(facts: &Facts) -> Verdict {
    let Some(file) = unit_file(facts)? else {
        return Ok(skip(NO_UNIT));
    };
    let flag = daemon_json::flag(&facts.ground.unit, facts.ground.home_path(), "iptables");
    Ok(match flag.as_deref() {
        Some("false" | "False" | "FALSE" | "0" | "f" | "F") => {
            fail("docker.service switches iptables off for ever")
                .seen(file.path.to_string_lossy(), "--iptables=false")
        }
        _ => pass("docker.service leaves iptables on"),
    })
}

pub fn failed(facts: &Facts) -> Verdict {
    let Some(manager) = manager(facts)? else {
        return Ok(skip("the user's systemd manager does not run"));
    };
    let unit = &manager.docker;
    if !unit.is_installed() {
        return Ok(skip(NO_UNIT));
    }
    let failed = unit.active_state == "failed" || unit.sub_state == "auto-restart";
    if !failed {
        return Ok(pass(match unit.active_state.as_str() {
            "active" => "docker.service is running",
            _ => "docker.service is not running, and did not fail",
        }));
    }
    let why = if unit.result.is_empty() {
        "failed"
    } else {
        unit.result.as_str()
    };
    Ok(fail(format!("docker.service failed: {why}"))
        .seen("Result", why)
        .seen("NRestarts", unit.restarts.to_string()))
}

pub fn system_unit_user(facts: &Facts) -> Verdict {
    let files = &docker(facts)?.rootful.files;
    let settings = files
        .iter()
        .flat_map(|file| file.settings.iter().map(move |s| (file, s)));
    let mut users = settings.filter(|(_, s)| s.section == "Service" && s.name == "User");
    let ordinary = |user: &str| !matches!(user, "" | "root" | "0");
    Ok(match users.rfind(|_| true) {
        Some((file, setting)) if ordinary(&setting.value) => {
            fail("the system's docker.service runs as a user")
                .seen(format!("{}:{}", file.path.display(), setting.line), "User=")
        }
        _ => pass("no system unit runs Docker as a user"),
    })
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::fact::Fact;
    use crate::host::{Unit, UserManager};
    use crate::testing::TestHost;

    const UNIT: &str = "/home/alice/.config/systemd/user/docker.service";

    fn unit(text: &str) -> TestHost {
        TestHost::new().file(UNIT, text)
    }

    fn managed(host: TestHost, change: impl FnOnce(&mut Unit)) -> TestHost {
        let mut docker = Unit {
            load_state: "loaded".into(),
            active_state: "active".into(),
            unit_file_state: "enabled".into(),
            result: "success".into(),
            ..Unit::default()
        };
        change(&mut docker);
        host.with(|b| {
            b.user_manager = Some(Fact::Known(UserManager {
                docker,
                ..UserManager::default()
            }));
        })
    }

    #[test]
    fn without_a_unit_nothing_is_wrong() {
        let found = TestHost::new().examine();
        for id in [
            "unit",
            "unit-exec",
            "unit-malformed",
            "unit-stale",
            "unit-path",
            "unit-iptables",
            "unit-failed",
        ] {
            assert_eq!(found[&format!("docker.{id}")].status, Status::Skip, "{id}");
        }
    }

    #[test]
    fn enabled_disabled_masked() {
        let state = |state: &str| {
            let host = managed(unit("[Service]\n"), |u| u.unit_file_state = state.into());
            host.check("docker.unit").status
        };
        assert_eq!(state("enabled"), Status::Pass);
        assert_eq!(state("disabled"), Status::Info);
        let masked = managed(TestHost::new(), |u| u.load_state = "masked".into());
        assert_eq!(masked.check("docker.unit").status, Status::Info);
        assert_eq!(
            unit("[Service]\n").check("docker.unit").status,
            Status::Pass
        );
    }

    #[test]
    fn the_program_of_the_unit() {
        let text = "[Service]\nExecStart=/home/alice/bin/dockerd-rootless.sh \n";
        let check = |host: TestHost| host.check("docker.unit-exec");
        assert_eq!(check(unit(text)).status, Status::Fail);
        let program = "/home/alice/bin/dockerd-rootless.sh";
        assert_eq!(check(unit(text).exe(program, "755")).status, Status::Pass);
        assert_eq!(check(unit(text).exe(program, "644")).status, Status::Fail);
        assert_eq!(
            check(unit(&text.replace("/home/alice", "%h")).exe(program, "755")).status,
            Status::Pass
        );
        assert_eq!(check(unit("[Service]\n")).status, Status::Fail);
        assert_eq!(
            check(unit("[Service]\nExecStart=${X}/d\n")).status,
            Status::Unknown
        );
    }

    #[test]
    fn a_path_with_spaces_and_other_rubbish() {
        let check = |text: &str| unit(text).check("docker.unit-malformed");
        let wsl =
            check("[Service]\r\nEnvironment=PATH=/usr/bin:/mnt/c/Program Files/Git/cmd:/sbin\r\n");
        assert_eq!(wsl.status, Status::Warn);
        assert_eq!(wsl.evidence[0].source, format!("{UNIT}:2"));
        let quoted = check("[Service]\nEnvironment=\"PATH=/usr/bin:/mnt/c/Program Files\" A=b\n");
        assert_eq!(quoted.status, Status::Pass);
        let shadow = check("root:$6$secret:1::::::\n[Service]\nEnvironment=\"A=b\n");
        assert_eq!(shadow.evidence.len(), 2);
        assert!(!format!("{shadow:?}").contains("secret"));
        let binary = check("\u{7f}ELF\0\u{fffd}\n");
        assert_eq!(binary.status, Status::Warn);
    }

    #[test]
    fn changed_and_not_read_again() {
        let stale = |need| {
            let host = managed(unit("[Service]\n"), |u| u.need_daemon_reload = need);
            host.check("docker.unit-stale").status
        };
        assert_eq!((stale(true), stale(false)), (Status::Warn, Status::Pass));
    }

    #[test]
    fn programs_that_only_the_shell_finds() {
        let text = "[Service]\nEnvironment=PATH=/usr/bin:/bin\n";
        let wrapped = format!("{text}ExecStart=/nix/store/x/bin/dockerd-rootless\n");
        let host = unit(&wrapped)
            .exe("/nix/store/x/bin/dockerd-rootless", "755")
            .exe("/usr/local/bin/slirp4netns", "755");
        assert_eq!(host.check("docker.unit-path").status, Status::Skip);
        let host = unit(text).exe("/usr/local/bin/slirp4netns", "755");
        let found = host.check("docker.unit-path");
        assert_eq!(found.status, Status::Warn);
        assert_eq!(found.summary, "the unit does not find slirp4netns");
        let host = unit(text).exe("/usr/bin/slirp4netns", "755");
        assert_eq!(host.check("docker.unit-path").status, Status::Pass);
    }

    #[test]
    fn iptables_left_off() {
        let check = |args: &str| {
            let text = format!("[Service]\nExecStart=/x/dockerd-rootless.sh {args}\n");
            unit(&text).check("docker.unit-iptables").status
        };
        assert_eq!(check("--iptables=false"), Status::Warn);
        assert_eq!(
            (check(""), check("--iptables=true")),
            (Status::Pass, Status::Pass)
        );
    }

    #[test]
    fn a_unit_that_failed() {
        let check = |active: &str, result: &str| {
            let host = managed(unit("[Service]\n"), |u| {
                u.active_state = active.into();
                u.result = result.into();
            });
            host.check("docker.unit-failed")
        };
        let found = check("failed", "start-limit-hit");
        assert_eq!(found.summary, "docker.service failed: start-limit-hit");
        assert_eq!(found.status, Status::Warn);
        assert_eq!(check("active", "success").status, Status::Pass);
        assert_eq!(check("inactive", "success").status, Status::Pass);
    }

    #[test]
    fn a_system_unit_with_a_user() {
        let path = "/etc/systemd/system/docker.service";
        let check = |text: &str| {
            TestHost::new()
                .file(path, text)
                .check("docker.system-unit-user")
        };
        assert_eq!(check("[Service]\nUser=alice\n").status, Status::Warn);
        assert_eq!(check("[Service]\nUser=root\n").status, Status::Pass);
        assert_eq!(check("[Service]\nExecStart=/x\n").status, Status::Pass);
    }
}
