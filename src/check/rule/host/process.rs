//! What this shell and the user's systemd manager were started under.

use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::init::Init;
use crate::facts::process::{Manager, Status};

const OWN: &str = "/proc/self/status";

/// Whether rootlesskit, started by this process, got its ids; none if it was
/// not tried.
fn probe(facts: &Facts) -> Option<bool> {
    facts
        .programs
        .probe
        .known()
        .map(crate::facts::programs::Probe::works)
}

fn own(facts: &Facts) -> Result<&Status, Undetermined> {
    facts.host.need("the host")?.own.need(OWN)
}

fn manager(facts: &Facts) -> Result<Option<&Manager>, Undetermined> {
    facts
        .host
        .need("the host")?
        .manager
        .ask("the user's systemd manager")
}

fn source(manager: &Manager) -> String {
    format!("/proc/{}/status", manager.pid)
}

/// Judges `NoNewPrivs` of this process.
fn judge_own(facts: &Facts) -> Verdict {
    match (own(facts)?.no_new_privs, probe(facts)) {
        (Some(true), _) => {
            Ok(fail("no_new_privs is set here: newuidmap gains no rights")
                .seen(OWN, "NoNewPrivs: 1"))
        }
        (Some(false), _) => Ok(pass("setuid programs work here").seen(OWN, "NoNewPrivs: 0")),
        (None, Some(true)) => Ok(pass("newuidmap gains its rights").seen("rootlesskit", "works")),
        (None, _) => Err(Undetermined::new(
            "this kernel does not show it (before 4.10)",
        )),
    }
}

pub fn no_new_privs(facts: &Facts) -> Verdict {
    judge_own(facts)
}

pub fn manager_no_new_privs(facts: &Facts) -> Verdict {
    let Some(manager) = manager(facts)? else {
        return match by_hand(facts)? {
            true => Ok(judge_own(facts)?.remedy("shell")),
            false => Ok(skip("no systemd manager of this user runs")),
        };
    };
    let seen = |value: &str| (source(manager), format!("NoNewPrivs: {value}"));
    let (outcome, (path, value)) = match manager.status.no_new_privs {
        Some(true) => (
            fail("no_new_privs is set for the user's systemd"),
            seen("1"),
        ),
        Some(false) => (
            pass("setuid programs work under the user's systemd"),
            seen("0"),
        ),
        None => {
            return Err(Undetermined::new(
                "this kernel does not show it (before 4.10)",
            ));
        }
    };
    Ok(outcome.seen(path, value))
}

/// Without systemd the daemon is started from the user's shell.
fn by_hand(facts: &Facts) -> Result<bool, Undetermined> {
    let init = &facts.session.need("the session")?.init;
    let other = *init.need("/run/systemd/system")? != Init::Systemd;
    Ok(other && facts.ground.subject.as_ref().is_some_and(|s| s.is_self))
}

fn describe(status: &Status) -> String {
    let mode = status
        .seccomp
        .map_or_else(|| "none".to_owned(), |n| n.to_string());
    match status.seccomp_filters {
        Some(n) => format!("Seccomp: {mode}, Seccomp_filters: {n}"),
        None => format!("Seccomp: {mode}"),
    }
}

fn filtered(status: &Status) -> bool {
    status.seccomp.is_some_and(|mode| mode != 0)
}

pub fn seccomp(facts: &Facts) -> Verdict {
    let own = own(facts)?;
    let outcome = match (filtered(own), probe(facts)) {
        (false, _) => pass("no seccomp filter"),
        (true, Some(true)) => pass("a seccomp filter, which lets rootlesskit through"),
        (true, Some(false)) => blamed(facts),
        (true, None) => return Err(untried(&facts.programs.probe)),
    };
    Ok(outcome.seen(OWN, describe(own)))
}

/// rootlesskit fails under a filter: whether as a refused clone(2) does.
fn blamed(facts: &Facts) -> Outcome {
    let printed = facts
        .programs
        .probe
        .known()
        .map(|p| p.output.stderr.as_str());
    let refused = |text: &str| {
        let line = |l: &str| l.contains("fork/exec") && l.contains("operation not permitted");
        text.lines().any(line)
    };
    match printed.is_some_and(refused) {
        true => fail("a seccomp filter is loaded, and rootlesskit is refused"),
        false => skip("a seccomp filter is loaded, but rootlesskit fails otherwise"),
    }
}

/// A filter is there, and nobody tried whether it matters.
fn untried<T>(probe: &Fact<T>) -> Undetermined {
    let why = "a seccomp filter is loaded, and rootlesskit was not tried";
    match probe {
        Fact::Unreadable(reason) if reason.off => Undetermined {
            why: why.to_owned(),
            off: true,
        },
        _ => Undetermined::new(why),
    }
}

pub fn manager_seccomp(facts: &Facts) -> Verdict {
    let Some(manager) = manager(facts)? else {
        return Ok(skip("no systemd manager of this user runs"));
    };
    let (own, status) = (own(facts)?, &manager.status);
    let more = status.seccomp_filters > own.seccomp_filters || !filtered(own);
    let outcome = match (filtered(status), more, probe(facts)) {
        (false, _, _) => pass("no seccomp filter"),
        (true, false, Some(true)) => {
            pass("the same seccomp filter as here, where rootlesskit works")
        }
        (true, false, Some(false)) => blamed(facts),
        (true, false, None) => return Err(untried(&facts.programs.probe)),
        (true, true, _) => {
            let why = "the user's systemd has a seccomp filter that this process has not";
            return Err(Undetermined::new(why));
        }
    };
    Ok(outcome.seen(source(manager), describe(status)))
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::host::{Output, Run};
    use crate::testing::TestHost;

    const PROCS: &str =
        "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/init.scope/cgroup.procs";

    const REFUSED: &str = "[rootlesskit:parent] error: failed to start the child: \
        fork/exec /proc/self/exe: operation not permitted\n";

    fn shell(text: &str) -> TestHost {
        TestHost::new().file("/proc/self/status", &format!("Name:\tbash\n{text}"))
    }

    fn managed(host: TestHost, text: &str) -> TestHost {
        let status = format!("Name:\tsystemd\nUid:\t1000\t1000\t1000\t1000\n{text}");
        host.file(PROCS, "700\n701\n")
            .file("/proc/700/status", &status)
            .file(
                "/proc/701/status",
                "Name:\t(sd-pam)\nUid:\t1000\t1000\t1000\t1000\n",
            )
    }

    fn probed(host: TestHost, exit: i32, stderr: &str) -> TestHost {
        let output = Output {
            exit: Some(exit),
            stderr: stderr.into(),
            ..Output::default()
        };
        host.exe("/usr/bin/rootlesskit", "755").with(|b| {
            let run = Run {
                output: Some(output),
                ..Run::default()
            };
            b.programs.insert("rootlesskit probe".into(), run);
        })
    }

    #[test]
    fn no_new_privs_of_the_shell() {
        let id = "host.no-new-privs";
        assert_eq!(shell("NoNewPrivs:\t1\n").check(id).status, Status::Warn);
        assert_eq!(shell("NoNewPrivs:\t0\n").check(id).status, Status::Pass);
        assert_eq!(shell("").check(id).status, Status::Unknown);
        assert_eq!(probed(shell(""), 0, "").check(id).status, Status::Pass);
        assert_eq!(TestHost::new().check(id).status, Status::Unknown);
    }

    #[test]
    fn no_new_privs_of_what_starts_the_daemon() {
        let id = "host.manager-no-new-privs";
        let (on, off) = ("NoNewPrivs:\t1\n", "NoNewPrivs:\t0\n");
        assert_eq!(managed(shell(on), off).check(id).status, Status::Pass);
        assert_eq!(managed(shell(off), on).check(id).status, Status::Fail);
        assert_eq!(shell(on).check(id).status, Status::Fail);
        let su = shell(on).file("/run/systemd/system/x", "");
        assert_eq!(su.check(id).status, Status::Skip);
        assert_eq!(shell(off).check(id).status, Status::Pass);
    }

    #[test]
    fn the_manager_of_cgroup_v1() {
        let procs = PROCS.replace("/cgroup/", "/cgroup/systemd/");
        let status = "Name:\tsystemd\nUid:\t1000\nNoNewPrivs:\t1\n";
        let host = shell("NoNewPrivs:\t0\n").file(&procs, "rubbish\n700\n");
        let found = host
            .file("/proc/700/status", status)
            .check("host.manager-no-new-privs");
        assert_eq!(found.status, Status::Fail);
        assert_eq!(found.evidence[0].source, "/proc/700/status");
    }

    #[test]
    fn a_seccomp_filter_matters_by_what_it_does() {
        let id = "host.seccomp";
        let filter = || shell("Seccomp:\t2\nSeccomp_filters:\t1\n");
        assert_eq!(shell("Seccomp:\t0\n").check(id).status, Status::Pass);
        assert_eq!(probed(filter(), 0, "").check(id).status, Status::Pass);
        assert_eq!(probed(filter(), 1, REFUSED).check(id).status, Status::Warn);
        let other = probed(filter(), 1, "No subuid ranges found\n");
        assert_eq!(other.check(id).status, Status::Skip);
        assert_eq!(filter().check(id).status, Status::Unknown);
    }

    #[test]
    fn a_seccomp_filter_of_the_manager() {
        let id = "host.manager-seccomp";
        let one = "Seccomp:\t2\nSeccomp_filters:\t1\n";
        assert_eq!(shell("Seccomp:\t0\n").check(id).status, Status::Skip);
        let free = managed(shell("Seccomp:\t0\n"), "Seccomp:\t0\n");
        assert_eq!(free.check(id).status, Status::Pass);
        let only = managed(shell("Seccomp:\t0\n"), one);
        assert_eq!(probed(only, 0, "").check(id).status, Status::Unknown);
        assert_eq!(
            probed(managed(shell(one), one), 0, "").check(id).status,
            Status::Pass
        );
        assert_eq!(
            probed(managed(shell(one), one), 1, REFUSED)
                .check(id)
                .status,
            Status::Warn
        );
    }
}
