//! Quotas and limits that end in an error far from their cause.

use std::path::Path;

use super::docker;
use crate::check::{Undetermined, Verdict, fail, pass, skip};
use crate::facts::area::docker::limits::ProcessLimits;
use crate::facts::area::docker::login_limits::LoginLimits;
use crate::facts::{Facts, subject};

/// A container takes one key; fewer than this are left.
const FEW_KEYS: u64 = 20;

const MAX_KEYS: &str = "kernel.keys.maxkeys";
const KEY_USERS: &str = "/proc/key-users";

/// The kernel's own defaults; less was set by somebody.
const INOTIFY: (u64, u64) = (128, 8192);

/// Fewer open files stop a daemon with a few dozen containers.
const FEW_FILES: u64 = 4096;

/// Fewer threads stop a daemon from starting.
const THREADS: u64 = 64;

/// Fewer processes stop a build.
const FEW_PROCESSES: u64 = 1024;

/// Keys the user has, and may have; none where the kernel keeps no keys.
fn keys(facts: &Facts) -> Result<Option<(u64, u64)>, Undetermined> {
    let limits = &docker(facts)?.limits;
    let Some(most) = limits.max_keys.ask(MAX_KEYS)? else {
        return Ok(None);
    };
    Ok(Some((*limits.keys.need(KEY_USERS)?, *most)))
}

fn judge_keys(facts: &Facts, least: u64, lack: &str) -> Verdict {
    let Some((used, most)) = keys(facts)? else {
        return Ok(skip("this kernel keeps no keys"));
    };
    let text = format!("{used} of {most} keys are used");
    Ok(match most.saturating_sub(used) < least {
        true => fail(format!("{text}: {lack}")),
        false => pass(text),
    }
    .seen(MAX_KEYS, most.to_string())
    .seen(KEY_USERS, used.to_string()))
}

pub fn keyring_full(facts: &Facts) -> Verdict {
    judge_keys(facts, 1, "no container can start")
}

pub fn keyring(facts: &Facts) -> Verdict {
    judge_keys(facts, FEW_KEYS, "few containers can start")
}

pub fn inotify(facts: &Facts) -> Verdict {
    let limits = &docker(facts)?.limits;
    let names = [
        "fs.inotify.max_user_instances",
        "fs.inotify.max_user_watches",
    ];
    let instances = limits.inotify_instances.ask(names[0])?;
    let watches = limits.inotify_watches.ask(names[1])?;
    let (Some(instances), Some(watches)) = (instances, watches) else {
        return Ok(skip("this kernel has no inotify"));
    };
    let few = *instances < INOTIFY.0 || *watches < INOTIFY.1;
    Ok(match few {
        true => fail("fewer inotify watches are allowed than usual"),
        false => pass(format!("{instances} inotify instances, {watches} watches")),
    }
    .seen(names[0], instances.to_string())
    .seen(names[1], watches.to_string()))
}

/// A limit of the user's manager, and the file that limits logins.
type Limit = (
    fn(&ProcessLimits) -> Option<u64>,
    fn(&LoginLimits) -> Option<&Path>,
);

const FILES: Limit = (|manager| manager.files, |login| login.files.as_deref());

const PROCESSES: Limit = (
    |manager| manager.processes,
    |login| login.processes.as_deref(),
);

/// The limit against the least that is enough.
fn enough(facts: &Facts, what: &str, (limit, file): Limit, least: u64) -> Verdict {
    let limits = &docker(facts)?.limits;
    let Some(manager) = limits.manager.ask("the limits of the user's manager")? else {
        return Ok(skip("the user's systemd manager does not run"));
    };
    let Some(limit) = limit(manager) else {
        return Ok(pass(format!("the daemon may have any number of {what}")));
    };
    let subject = facts.ground.subject.as_ref();
    let source = format!("limits of user@{}.service", subject.map_or(0, |s| s.uid));
    if limit >= least {
        let why = pass(format!("the daemon may have {limit} {what}"));
        return Ok(why.seen(source, limit.to_string()));
    }
    let why =
        fail(format!("the daemon may have only {limit} {what}")).seen(source, limit.to_string());
    Ok(match (file(&limits.login), subject) {
        // It decides after what the unit says (pam_limits).
        (Some(file), Some(subject)) if subject::is_plain(&subject.name) => why
            .seen(file.to_string_lossy(), format!("limits {what} at login"))
            .fill("user", &subject.name)
            .fill("over", file.to_string_lossy())
            .remedy("login"),
        _ => why,
    })
}

pub fn files(facts: &Facts) -> Verdict {
    enough(facts, "open files", FILES, FEW_FILES)
}

pub fn threads(facts: &Facts) -> Verdict {
    enough(facts, "processes", PROCESSES, THREADS)
}

pub fn processes(facts: &Facts) -> Verdict {
    enough(facts, "processes", PROCESSES, FEW_PROCESSES)
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::fact::Fact;
    use crate::host::{SystemBus, Unit};
    use crate::testing::TestHost;

    #[test]
    fn keys() {
        let check = |users: &str| {
            let host = TestHost::new().file("/proc/sys/kernel/keys/maxkeys", "200\n");
            host.file("/proc/key-users", users)
                .check("docker.keyring-quota")
                .status
        };
        assert_eq!(
            check(" 1000:   210 200/200 199/200 3900/20000\n"),
            Status::Warn
        );
        assert_eq!(check(" 1000:     9 8/8 3/200 40/20000\n"), Status::Pass);
        assert_eq!(
            check(" 1001:   210 200/200 199/200 3900/20000\n"),
            Status::Pass
        );
        let full = TestHost::new()
            .file("/proc/sys/kernel/keys/maxkeys", "200\n")
            .file(
                "/proc/key-users",
                " 1000:   210 200/200 200/200 3900/20000\n",
            )
            .examine();
        assert_eq!(full["docker.keyring-full"].status, Status::Fail);
        assert_eq!(full["docker.keyring-quota"].status, Status::Skip);
        assert_eq!(
            TestHost::new().check("docker.keyring-quota").status,
            Status::Skip
        );
    }

    #[test]
    fn inotify() {
        let check = |instances: &str, watches: &str| {
            let host = TestHost::new().file("/proc/sys/fs/inotify/max_user_instances", instances);
            host.file("/proc/sys/fs/inotify/max_user_watches", watches)
                .check("docker.inotify")
                .status
        };
        assert_eq!(check("128\n", "8192\n"), Status::Pass);
        assert_eq!(check("16\n", "8192\n"), Status::Info);
        assert_eq!(check("128\n", "rubbish"), Status::Unknown);
    }

    #[test]
    fn limits_of_the_manager() {
        let host = |files: &str, processes: &str| {
            let text = format!(
                "Max processes   {processes} {processes} processes\nMax open files  1024 {files} files\n"
            );
            let unit = Unit {
                main_pid: 612,
                ..Unit::default()
            };
            TestHost::new().file("/proc/612/limits", &text).with(|b| {
                b.system_bus = Some(Fact::Known(SystemBus {
                    version: Fact::Absent,
                    user_service: Fact::Known(unit),
                    docker: Fact::Absent,
                    login: Fact::Absent,
                    kill_user_processes: Fact::Absent,
                }));
            })
        };
        let found = host("524288", "unlimited").examine();
        assert_eq!(found["docker.nofile"].status, Status::Pass);
        assert_eq!(found["docker.nproc"].status, Status::Pass);
        let found = host("1024", "100").examine();
        assert_eq!(found["docker.nofile"].status, Status::Warn);
        assert_eq!(found["docker.nproc"].status, Status::Warn);
        let found = host("1024", "40").examine();
        assert_eq!(found["docker.nproc-start"].status, Status::Fail);
        assert_eq!(found["docker.nproc"].status, Status::Skip);
        let pam = host("524288", "40").file("/etc/security/limits.d/low.conf", "* hard nproc 40");
        let fix = pam.check("docker.nproc-start").fix.expect("a fix");
        let file = "/etc/security/limits.d/zz-rootless-nproc-alice.conf";
        let all = fix.commands.join("\n");
        assert!(
            all.contains(file) && all.contains("'alice - nproc unlimited'"),
            "{all}"
        );
        assert_eq!(TestHost::new().check("docker.nofile").status, Status::Skip);
    }
}
