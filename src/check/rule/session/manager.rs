//! The init system, the user's systemd, and what outlives a login.

use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::area::session::Facts as Session;
use crate::facts::init::Init;
use crate::facts::process;
use crate::facts::subject::Subject;
use crate::host::Unit;

pub fn session(facts: &Facts) -> Result<&Session, Undetermined> {
    facts.session.need("the session")
}

pub fn subject(facts: &Facts) -> Result<&Subject, Undetermined> {
    let subject = facts.ground.subject.as_ref();
    subject.ok_or_else(|| Undetermined::new("no user is examined"))
}

pub fn systemd(facts: &Facts) -> Verdict {
    let source = "/run/systemd/system";
    let outcome = match session(facts)?.init.need(source)? {
        Init::Systemd => return Ok(pass("systemd runs this host").seen(source, "exists")),
        Init::Other(name) if name.is_empty() => fail("this host does not run systemd"),
        Init::Other(name) => fail(format!("{name} runs this host, not systemd")),
    };
    let outcome = match is_wsl(facts) {
        true => outcome.remedy("wsl"),
        false => outcome,
    };
    Ok(outcome.seen(source, "not there"))
}

/// Whether this is WSL, where systemd only has to be switched on.
pub fn is_wsl(facts: &Facts) -> bool {
    let release = facts.ground.kernel_release.known();
    release.is_some_and(|r| r.to_lowercase().contains("microsoft"))
}

/// Whether the user's systemd runs: by its cgroup, else by its socket.
pub fn runs(facts: &Facts) -> Result<Option<(String, String)>, Undetermined> {
    if let Some(manager) = facts.host.need("the host")?.manager.known() {
        return Ok(Some((
            format!("process {}", manager.pid),
            "systemd --user".to_owned(),
        )));
    }
    let dir = facts.ground.runtime_dir.display();
    let socket = format!("{dir}/systemd/private");
    let session = session(facts)?;
    match &session.manager {
        // Nobody listens any more.
        crate::fact::Fact::Unreadable(why) if why.errno == Some(111) => Ok(None),
        listens => Ok(listens
            .ask(&socket)?
            .map(|()| (socket, "answers".to_owned()))),
    }
}

pub fn user_manager(facts: &Facts) -> Verdict {
    let subject = subject(facts)?;
    if let Some((source, value)) = runs(facts)? {
        return Ok(pass(format!("{}'s systemd runs", subject.name)).seen(source, value));
    }
    let session = session(facts)?;
    let lingers = session.linger.known() == Some(&true);
    let bus = session.system_bus.known();
    let unit = bus.and_then(|bus| bus.user_service.known());
    let name = format!("user@{}.service", subject.uid);
    if let Some(unit) = failed_unit(facts) {
        return Ok(failed(unit, &name));
    }
    if !subject.is_self && !lingers {
        return Ok(skip(format!(
            "{} is not logged in, and linger is off",
            subject.name
        )));
    }
    let outcome = match (without_user_units(facts), lingers) {
        (true, _) => fail("this distribution starts no systemd for users").remedy("by-hand"),
        (false, true) => fail(format!(
            "{}'s systemd does not run, though linger is on",
            subject.name
        )),
        (false, false) => fail("this shell is no login session: no user's systemd runs"),
    };
    let runtime = facts.ground.runtime_dir.display().to_string();
    let there = if session.runtime_dir.is_absent() {
        "not there"
    } else {
        "exists"
    };
    let outcome = outcome
        .seen(runtime, there)
        .fill("user", &subject.name)
        .fill("unit", &name);
    Ok(match unit {
        Some(unit) => outcome.seen(name, &unit.active_state),
        None => outcome,
    })
}

/// The unit of the user's systemd, if that failed.
pub fn failed_unit(facts: &Facts) -> Option<&Unit> {
    let bus = facts.session.known()?.system_bus.known()?;
    let unit = bus.user_service.known()?;
    (unit.active_state == "failed").then_some(unit)
}

fn failed(unit: &Unit, name: &str) -> Outcome {
    let summary = format!("{name} failed ({})", unit.result);
    let state = format!("{}, result {}", unit.active_state, unit.result);
    fail(summary)
        .seen(name, state)
        .remedy("failed")
        .fill("unit", name)
}

/// RHEL and CentOS 7 ship systemd without user managers.
fn without_user_units(facts: &Facts) -> bool {
    let os = &facts.ground.os;
    let red_hat = os.id == "rhel" || os.id_like.iter().any(|id| id == "rhel") || os.id == "centos";
    red_hat && os.major() == 7
}

pub fn login(facts: &Facts) -> Verdict {
    let uid = subject(facts)?.uid;
    let source = "/proc/self/cgroup";
    let cgroup = session(facts)?.cgroup.need(source)?;
    let outcome = match process::slice_uid(cgroup) {
        Some(slice) if slice == uid => pass("this shell belongs to a login of the user"),
        Some(slice) => fail(format!("this shell belongs to a login of uid {slice}")),
        None if cgroup == "/" => {
            return Err(Undetermined::new("/proc/self/cgroup shows the root only"));
        }
        None => fail("this shell belongs to no login"),
    };
    Ok(outcome
        .seen(source, cgroup)
        .fill("user", &subject(facts)?.name))
}

pub fn linger(facts: &Facts) -> Verdict {
    let subject = subject(facts)?;
    if let Init::Other(_) = session(facts)?.init.need("/run/systemd/system")? {
        return Ok(skip("no systemd: another init system has to start it"));
    }
    let source = format!("/var/lib/systemd/linger/{}", subject.name);
    let on = *session(facts)?.linger.need(&source)?;
    let outcome = match on {
        true => pass("linger is on").seen(source, "exists"),
        false => fail("linger is off").seen(source, "not there"),
    };
    Ok(outcome.fill("user", &subject.name))
}

pub fn kill_user_processes(facts: &Facts) -> Verdict {
    let session = session(facts)?;
    let name = &subject(facts)?.name;
    let kill = &session.kill;
    let bus = session.system_bus.known();
    let asked = bus.and_then(|bus| bus.kill_user_processes.known()).copied();
    let Some(on) = kill.on.or(asked) else {
        return Ok(skip(
            "no file says it, and the default differs between distributions",
        ));
    };
    let source = match kill.on {
        Some(_) => kill.source.display().to_string(),
        None => "logind".to_owned(),
    };
    let listed = |names: &[String]| names.iter().any(|n| n == name);
    let spared = listed(&kill.exclude) || !(kill.only.is_empty() || listed(&kill.only));
    let outcome = match (on, spared, facts.ground.unit.file.is_some()) {
        (false, _, _) => pass("what a session started may outlive it"),
        (true, true, _) => pass(format!("{name} is exempt from it")),
        (true, false, true) => pass("sessions are cleared, and the daemon is a service"),
        (true, false, false) => fail("logind kills what a session started when it ends"),
    };
    let value = if on {
        "KillUserProcesses=yes"
    } else {
        "KillUserProcesses=no"
    };
    Ok(outcome.seen(source, value))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{booted, connectable};
    use crate::check::engine::Status;
    use crate::fact::Fact;
    use crate::host::{SystemBus, Unit};
    use crate::testing::TestHost;

    const PRIVATE: &str = "/run/user/1000/systemd/private";

    fn bus(state: &str, result: &str) -> SystemBus {
        SystemBus {
            version: Fact::Known("252".into()),
            user_service: Fact::Known(Unit {
                active_state: state.into(),
                result: result.into(),
                ..Unit::default()
            }),
            docker: Fact::Absent,
            login: Fact::Absent,
            kill_user_processes: Fact::Known(true),
        }
    }

    #[test]
    fn systemd_or_another_init() {
        let id = "session.systemd";
        assert_eq!(booted().check(id).status, Status::Pass);
        let other = TestHost::new().file("/proc/1/comm", "runit\n").examine();
        assert_eq!(other[id].summary, "runit runs this host, not systemd");
        assert_eq!(other[id].status, Status::Info);
        for id in ["user-manager", "login", "user-bus", "dbus-socket", "linger"] {
            assert_eq!(other[&format!("session.{id}")].status, Status::Skip, "{id}");
        }
        let wsl = TestHost::new()
            .file(
                "/proc/sys/kernel/osrelease",
                "5.15.90.1-microsoft-standard-WSL2\n",
            )
            .check(id);
        assert!(wsl.fix.unwrap().commands[0].contains("wsl.conf"));
    }

    #[test]
    fn the_manager_runs_or_the_shell_is_no_login() {
        let id = "session.user-manager";
        assert_eq!(
            booted().node(PRIVATE, connectable(0)).check(id).status,
            Status::Pass
        );
        assert_eq!(
            booted().node(PRIVATE, connectable(111)).check(id).status,
            Status::Warn
        );
        assert_eq!(
            booted().node(PRIVATE, connectable(13)).check(id).status,
            Status::Unknown
        );
        let su = booted().check(id);
        assert_eq!(su.status, Status::Warn);
        assert!(su.summary.contains("no login session"));
        let seven = "ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\n";
        let seven = booted().file("/etc/os-release", seven).check(id);
        assert_eq!(
            seven.summary,
            "this distribution starts no systemd for users"
        );
    }

    #[test]
    fn a_manager_that_failed_says_why() {
        let host = booted().with(|b| {
            b.system_bus = Some(Fact::Known(bus("failed", "exit-code")));
        });
        let found = host.check("session.user-manager");
        assert_eq!(found.summary, "user@1000.service failed (exit-code)");
        assert!(found.fix.unwrap().commands[0].contains("journalctl"));
    }

    #[test]
    fn root_looks_at_a_user_who_is_not_logged_in() {
        let root = || {
            booted().with(|b| {
                (b.identity.uid, b.identity.euid) = (0, 0);
                b.user = Some("alice".into());
            })
        };
        let id = "session.user-manager";
        assert_eq!(root().check(id).status, Status::Skip);
        let lingers = root().file("/var/lib/systemd/linger/alice", "");
        assert_eq!(lingers.check(id).status, Status::Warn);
    }

    #[test]
    fn whose_login_it_is() {
        let with = |path: &str| {
            booted()
                .file("/proc/self/cgroup", &format!("0::{path}\n"))
                .check("session.login")
                .status
        };
        assert_eq!(
            with("/user.slice/user-1000.slice/session-6.scope"),
            Status::Pass
        );
        assert_eq!(
            with("/user.slice/user-0.slice/session-1.scope"),
            Status::Info
        );
        assert_eq!(with("/system.slice/cron.service"), Status::Info);
        assert_eq!(with("/"), Status::Unknown);
    }

    #[test]
    fn linger_is_a_file() {
        let id = "session.linger";
        assert_eq!(booted().check(id).status, Status::Info);
        let on = booted().file("/var/lib/systemd/linger/alice", "");
        assert_eq!(on.check(id).summary, "linger is on");
    }

    #[test]
    fn what_a_session_leaves_behind() {
        let id = "session.kill-user-processes";
        let with = |text: &str| booted().file("/etc/systemd/logind.conf", text);
        assert_eq!(
            with("[Login]\n#KillUserProcesses=no\n").check(id).status,
            Status::Pass
        );
        let yes = || with("[Login]\nKillUserProcesses=yes\n");
        assert_eq!(yes().check(id).status, Status::Info);
        let drop_in = "/etc/systemd/logind.conf.d/a.conf";
        let spared = yes().file(drop_in, "[Login]\nKillExcludeUsers=root alice\n");
        assert_eq!(spared.check(id).status, Status::Pass);
        let unit = "/home/alice/.config/systemd/user/docker.service";
        assert_eq!(
            yes().file(unit, "[Service]\n").check(id).status,
            Status::Pass
        );
        assert_eq!(booted().check(id).status, Status::Skip);
        let asked = booted().with(|b| b.system_bus = Some(Fact::Known(bus("inactive", ""))));
        assert_eq!(asked.check(id).status, Status::Info);
    }
}
