//! The functional probe: what `rootlesskit true` says, ranked causes beside it.

use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::programs::Probe;
use crate::facts::refusal::{self, Obstacle, Refusal};

/// RootlessKit made its namespaces on this host, here and now.
pub fn works(facts: &Facts) -> bool {
    facts.programs.probe.known().is_some_and(Probe::works)
}

/// Why RootlessKit did not make them, if it was asked and said so.
pub fn refusal(facts: &Facts) -> Option<Refusal> {
    let probe = facts.programs.probe.known()?;
    (!probe.works()).then(|| refusal::classify(&probe.output.stderr))?
}

pub fn probe(facts: &Facts) -> Verdict {
    let Some(probe) = facts.programs.probe.ask("rootlesskit true")? else {
        return Ok(skip("rootlesskit is not installed"));
    };
    let path = probe.path.to_string_lossy();
    if probe.works() {
        return Ok(pass("rootlesskit makes its namespaces").seen(format!("{path} true"), "works"));
    }
    let source = format!("{path} true");
    Ok(match refusal::classify(&probe.output.stderr) {
        Some(refusal) => {
            let why = fail(refusal.obstacle.words()).seen(source, refusal.words);
            rank(why, facts, refusal.obstacle)
        }
        None if probe.output.signal == Some(31) => fail("a seccomp filter killed rootlesskit")
            .seen(source, "SIGSYS")
            .remedy("seccomp"),
        None => return Err(mute(probe)),
    })
}

/// It failed without an error of its own: nothing to judge by.
fn mute(probe: &Probe) -> Undetermined {
    let end = match (probe.output.exit, probe.output.signal) {
        (Some(status), _) => format!("exit status {status}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no status".to_owned(),
    };
    let last = probe.output.stderr.lines().last().unwrap_or("no message");
    let last: String = last.chars().take(160).collect();
    Undetermined::new(format!(
        "rootlesskit ended without an error of its own: {end}, {last}"
    ))
}

/// Adds what on this host may have done it, the likeliest first.
fn rank(mut why: Outcome, facts: &Facts, obstacle: Obstacle) -> Outcome {
    let (remedy, causes) = match obstacle {
        Obstacle::NotPermitted => ("not-permitted", not_permitted(facts)),
        Obstacle::Denied | Obstacle::Inside => ("denied", denied(facts)),
        Obstacle::NoSpace => ("no-space", no_space(facts)),
        Obstacle::NoKernel => ("no-kernel", Vec::new()),
        Obstacle::NoProcess => ("no-process", Vec::new()),
        Obstacle::WrongGroup => ("wrong-group", Vec::new()),
        Obstacle::NoAccount => ("no-account", Vec::new()),
        Obstacle::HelperUnprivileged => ("unprivileged", unprivileged(facts)),
        Obstacle::Other => return why,
        _ => ("ids", Vec::new()),
    };
    for (source, value) in causes {
        why = why.seen(source, value);
    }
    why.remedy(remedy)
}

type Cause = (&'static str, String);

fn not_permitted(facts: &Facts) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(userns) = facts.userns.known() {
        if userns.unprivileged_clone == Fact::Known(0) {
            causes.push(("kernel.unprivileged_userns_clone", "0".to_owned()));
        }
        if userns.chroot {
            causes.push(("/proc/self/mountinfo", "nothing at /: a chroot".to_owned()));
        }
        if userns.seccomp == Fact::Known(2) {
            causes.push((
                "/proc/self/status",
                "Seccomp: 2, a filter is in force".to_owned(),
            ));
        }
    }
    causes.extend(denied(facts));
    causes
}

fn unprivileged(facts: &Facts) -> Vec<Cause> {
    let mut causes = Vec::new();
    let userns = facts.userns.known();
    if userns.is_some_and(|u| u.no_new_privs == Fact::Known(1)) {
        causes.push(("/proc/self/status", "NoNewPrivs: 1".to_owned()));
    }
    let helper = facts.subid.known().and_then(|s| s.newuidmap.known());
    causes.extend(helper.map(|h| ("newuidmap", format!("{}, {}", h.path.display(), h.mode))));
    causes
}

fn denied(facts: &Facts) -> Vec<Cause> {
    let mut causes = Vec::new();
    let Some(lsm) = facts.lsm.known() else {
        return causes;
    };
    if let Some(label) = lsm.label.known().filter(|l| !l.starts_with("unconfined")) {
        causes.push(("/proc/self/attr/current", label.clone()));
    }
    if lsm.restrict == Fact::Known(1) {
        causes.push((
            "kernel.apparmor_restrict_unprivileged_userns",
            "1".to_owned(),
        ));
    }
    if lsm.selinux == Fact::Known(true) {
        causes.push(("/sys/fs/selinux/enforce", "1".to_owned()));
    }
    causes
}

fn no_space(facts: &Facts) -> Vec<Cause> {
    let sysctls = [
        ("user", "user.max_user_namespaces"),
        ("mnt", "user.max_mnt_namespaces"),
    ];
    let value = |(kind, sysctl)| {
        let limit = facts.userns.known()?.limit(kind).into_known()?;
        Some((sysctl, limit.to_string()))
    };
    sysctls.into_iter().filter_map(value).collect()
}

/// `cgroup` is not among them before Linux 4.6, and runc can do without it.
const NEEDED: [&str; 5] = ["mnt", "net", "pid", "ipc", "uts"];

pub fn namespaces(facts: &Facts) -> Verdict {
    let Some(probe) = facts.programs.probe.ask("rootlesskit true")? else {
        return Ok(skip("rootlesskit is not installed"));
    };
    let Some(inside) = &probe.inside else {
        return Err(Undetermined::new(
            "the probe did not run inside rootlesskit's namespaces",
        ));
    };
    let failed = |name: &&str| {
        inside
            .namespaces
            .iter()
            .any(|s| s.name == **name && s.errno != 0)
    };
    let refused: Vec<&str> = NEEDED.into_iter().filter(failed).collect();
    if refused.is_empty() {
        return Ok(pass("every namespace a container needs can be created"));
    }
    let kind = if refused.len() == 1 { "kind" } else { "kinds" };
    let names = refused.join(", ");
    let mut why = fail(format!(
        "{kind} of namespace that no container gets: {names}"
    ));
    let mut remedy = "filtered";
    for step in inside
        .namespaces
        .iter()
        .filter(|s| refused.contains(&s.name.as_str()))
    {
        why = why.seen(format!("unshare {}", step.name), errno_name(step.errno));
        if step.errno == 28 {
            remedy = "limit";
        }
    }
    Ok(why.remedy(remedy))
}

fn errno_name(errno: i32) -> String {
    match errno {
        1 => "EPERM, operation not permitted".to_owned(),
        13 => "EACCES, permission denied".to_owned(),
        22 => "EINVAL, not in this kernel".to_owned(),
        28 => "ENOSPC, over the limit".to_owned(),
        n => format!("errno {n}"),
    }
}

#[cfg(test)]
pub mod tests {
    use crate::check::engine::Status;
    use crate::host::{Output, Run};
    use crate::report::CheckResult;
    use crate::testing::TestHost;

    /// RootlessKit is installed and its probe ended so.
    pub fn ended(host: TestHost, exit: i32, stdout: &str, stderr: &str) -> TestHost {
        let output = Output {
            exit: Some(exit),
            stdout: stdout.into(),
            stderr: stderr.into(),
            ..Output::default()
        };
        let run = Run {
            output: Some(output),
            ..Run::default()
        };
        host.exe("/usr/bin/rootlesskit", "755")
            .with(|b| drop(b.programs.insert("rootlesskit probe".into(), run)))
    }

    /// RootlessKit failed with these words.
    pub fn refused(host: TestHost, words: &str) -> TestHost {
        ended(
            host,
            1,
            "",
            &format!("[rootlesskit:parent] error: {words}\n"),
        )
    }

    const START: &str = "failed to start the child: fork/exec /proc/self/exe: ";

    fn check(host: TestHost) -> CheckResult {
        host.check("userns.probe")
    }

    #[test]
    fn it_works_even_if_our_own_program_could_not_be_executed() {
        assert_eq!(check(TestHost::new()).status, Status::Skip);
        assert_eq!(
            check(ended(TestHost::new(), 0, "", "")).status,
            Status::Pass
        );
        let noexec = "[rootlesskit:child ] error: command [/home/alice/x __inside] exited: \
            fork/exec /home/alice/x: permission denied\n\
            [rootlesskit:parent] error: child exited: exit status 1\n";
        assert_eq!(
            check(ended(TestHost::new(), 1, "", noexec)).status,
            Status::Pass
        );
    }

    #[test]
    fn causes_are_ranked_by_what_the_host_says() {
        let host = TestHost::new()
            .file("/proc/sys/kernel/unprivileged_userns_clone", "0\n")
            .file("/proc/self/status", "Name:\tx\nSeccomp:\t2\n");
        let result = check(refused(host, &format!("{START}operation not permitted")));
        assert_eq!(result.status, Status::Fail);
        let sources: Vec<_> = result.evidence.iter().map(|e| e.source.as_str()).collect();
        assert_eq!(
            sources[1..],
            ["kernel.unprivileged_userns_clone", "/proc/self/status"]
        );
        let plain = check(refused(
            TestHost::new(),
            &format!("{START}invalid argument"),
        ));
        assert!(plain.summary.contains("kernel"), "{}", plain.summary);
    }

    #[test]
    fn nothing_to_judge_by_is_unknown() {
        assert_eq!(
            check(ended(TestHost::new(), 2, "", "")).status,
            Status::Unknown
        );
        assert_eq!(
            check(ended(TestHost::new(), 127, "", "\u{0}\u{0}")).status,
            Status::Unknown
        );
        let unheard = check(refused(TestHost::new(), "something new"));
        assert_eq!(unheard.status, Status::Fail);
    }

    #[test]
    fn further_namespaces_by_errno() {
        let with = |name: &str, errno: i32| {
            let line = format!(
                "{{\"rootless_setup_probe\":1,\"namespaces\":[{{\"name\":\"{name}\",\"errno\":{errno}}}]}}\n"
            );
            ended(TestHost::new(), 0, &line, "").check("userns.probe-namespaces")
        };
        assert_eq!(with("net", 0).status, Status::Pass);
        assert_eq!(with("net", 28).status, Status::Fail);
        assert_eq!(with("pid", 1).status, Status::Fail);
        // CentOS 7 has none, and needs none.
        assert_eq!(with("cgroup", 22).status, Status::Pass);
        let none = ended(TestHost::new(), 0, "", "").check("userns.probe-namespaces");
        assert_eq!(none.status, Status::Unknown);
    }
}
