//! The user's D-Bus, over which containers get their control groups.

use super::manager::{failed_unit, runs, session, subject};
use crate::check::{Verdict, fail, pass, skip};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::area::cgroup::Hierarchy;
use crate::facts::version::Version;

/// The first engine whose unit has `Requires=dbus.socket` (moby#48134).
const NEEDS_SOCKET: Version = Version::new(27, 1, 0);

pub fn user_bus(facts: &Facts) -> Verdict {
    let session = session(facts)?;
    let socket = format!("{}/bus", facts.ground.runtime_dir.display());
    let seen = match &session.bus {
        Fact::Known(()) => return Ok(pass("the user's bus answers").seen(socket, "answers")),
        // The socket is there, and nobody listens any more.
        Fact::Unreadable(why) if why.errno == Some(111) => why.text.clone(),
        other => other.ask(&socket).map(|_| "not there".to_owned())?,
    };
    let hierarchy = facts.cgroup.need("control groups")?.hierarchy.known();
    if hierarchy != Some(&Hierarchy::Unified) {
        return Ok(skip("containers need it with cgroup v2 only").seen(socket, seen));
    }
    if runs(facts)?.is_none() {
        return Ok(without_manager(facts)?.seen(socket, seen));
    }
    let outcome = match session.dbus_socket.ask("dbus.socket")? {
        Some(unit) => fail("the user's bus is not started")
            .remedy("start")
            .seen(unit.display().to_string(), "exists"),
        None => fail("there is no bus for users on this host"),
    };
    Ok(outcome.seen(socket, seen))
}

/// runc turns to the system's manager then, which refuses: "Interactive
/// authentication required".
fn without_manager(facts: &Facts) -> Verdict {
    let subject = subject(facts)?;
    let lingers = session(facts)?.linger.known() == Some(&true);
    let failed = failed_unit(facts).is_some();
    let name = &subject.name;
    if !subject.is_self && !lingers && !failed {
        return Ok(skip(format!("{name} is not logged in, and linger is off")));
    }
    let remedy = if failed { "failed" } else { "manager" };
    Ok(
        fail(format!("without {name}'s systemd no container starts"))
            .remedy(remedy)
            .fill("user", name)
            .fill("unit", format!("user@{}.service", subject.uid)),
    )
}

pub fn dbus_socket(facts: &Facts) -> Verdict {
    let session = session(facts)?;
    if let Some(path) = session.dbus_socket.ask("dbus.socket")? {
        return Ok(pass("dbus.socket is there").seen(path.display().to_string(), "exists"));
    }
    let engine = match facts.programs.dockerd.ask("dockerd --version")? {
        None => return Ok(skip("no engine is installed that would need it")),
        Some(engine) => &engine.line,
    };
    let version = facts.programs.engine_version();
    Ok(match version {
        Some(version) if version < NEEDS_SOCKET => {
            skip(format!("engine {version} does without it")).seen("dockerd --version", engine)
        }
        _ => fail("there is no dbus.socket, which docker.service requires")
            .seen("/usr/lib/systemd/user/dbus.socket", "not there")
            .seen("dockerd --version", engine),
    })
}

pub fn address(facts: &Facts) -> Verdict {
    let name = "$DBUS_SESSION_BUS_ADDRESS";
    let session = session(facts)?;
    let value = session
        .bus_address
        .ask(name)?
        .filter(|value| !value.is_empty());
    let Some(value) = value else {
        return Ok(pass("the bus is found by XDG_RUNTIME_DIR"));
    };
    let dir = facts.ground.runtime_dir.display().to_string();
    // More follows a comma (guid=) or a semicolon (another address).
    let first = value.split([',', ';']).next().unwrap_or_default();
    let outcome = match first == format!("unix:path={dir}/bus") {
        true => pass("the shell names the user's bus"),
        false => fail("the shell names another bus than the user's"),
    };
    let uid = subject(facts)?.uid;
    Ok(outcome
        .seen(name, first)
        .fill("address", format!("unix:path={dir}/bus"))
        .fill("uid", uid))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{booted, connectable};
    use crate::check::engine::Status;
    use crate::testing::TestHost;

    const V2: &str = "22 1 8:1 / / rw - ext4 /dev/vda rw\n\
        31 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    const BUS: &str = "/run/user/1000/bus";
    const UNIT: &str = "/usr/lib/systemd/user/dbus.socket";

    fn managed() -> TestHost {
        booted()
            .node("/run/user/1000/systemd/private", connectable(0))
            .file("/proc/self/mountinfo", V2)
    }

    #[test]
    fn a_bus_that_answers_or_is_missing() {
        let id = "session.user-bus";
        assert_eq!(
            managed().node(BUS, connectable(0)).check(id).status,
            Status::Pass
        );
        let none = managed().check(id);
        assert_eq!(none.status, Status::Fail);
        assert!(none.fix.unwrap().commands[0].contains("dbus-user-session"));
        let stopped = managed()
            .file(UNIT, "")
            .node(BUS, connectable(111))
            .check(id);
        assert_eq!(stopped.status, Status::Fail);
        assert_eq!(
            stopped.fix.unwrap().commands,
            [
                "systemctl --user daemon-reload",
                "systemctl --user start dbus.socket"
            ]
        );
        assert_eq!(
            managed().node(BUS, connectable(13)).check(id).status,
            Status::Unknown
        );
        let v1 = managed().file(
            "/proc/self/mountinfo",
            "22 1 8:1 / / rw - ext4 /dev/vda rw\n",
        );
        assert_eq!(v1.check(id).status, Status::Skip);
    }

    #[test]
    fn no_bus_because_no_systemd_of_the_user_runs() {
        let id = "session.user-bus";
        let su = booted().file("/proc/self/mountinfo", V2).check(id);
        assert_eq!(su.status, Status::Fail);
        assert_eq!(su.summary, "without alice's systemd no container starts");
        let v1 = "22 1 8:1 / / rw - ext4 /dev/vda rw\n";
        let v1 = booted().file("/proc/self/mountinfo", v1).check(id);
        assert_eq!(v1.status, Status::Skip);
    }

    #[test]
    fn the_unit_that_newer_engines_require() {
        let id = "session.dbus-socket";
        let with = |version: &str| {
            managed()
                .node(BUS, connectable(0))
                .exe("/usr/bin/dockerd", "755")
                .prints("dockerd --version", version)
        };
        assert_eq!(
            with("Docker version 29.0.0, build x\n").check(id).status,
            Status::Fail
        );
        assert_eq!(
            with("Docker version 20.10.24, build x\n").check(id).status,
            Status::Skip
        );
        let there = with("Docker version 29.0.0, build x\n").file(UNIT, "");
        assert_eq!(there.check(id).status, Status::Pass);
    }

    #[test]
    fn the_address_of_another_bus() {
        let with = |value: &str| {
            booted()
                .env("DBUS_SESSION_BUS_ADDRESS", value)
                .check("session.bus-address")
                .status
        };
        assert_eq!(with(""), Status::Pass);
        assert_eq!(with("unix:path=/run/user/1000/bus,guid=1"), Status::Pass);
        assert_eq!(with("unix:path=/run/user/0/bus"), Status::Info);
        assert_eq!(with("unix:abstract=/tmp/dbus-1"), Status::Info);
    }
}
