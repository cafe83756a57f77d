//! Rules of the area `cgroup`.

use std::collections::BTreeSet;

use super::Rule;
use crate::check::{Undetermined, Verdict, fail, pass, skip};
use crate::facts::area::cgroup::{Asked, Controllers, Facts as Cgroup, Hierarchy, WANTED};
use crate::facts::init::Init;
use crate::facts::version::Version;
use crate::facts::{Facts, process};

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[
    ("cgroup.mounted", mounted),
    ("cgroup.version", version),
    ("cgroup.systemd", systemd),
    ("cgroup.kernel-controllers", kernel_controllers),
    ("cgroup.delegation", delegation),
    ("cgroup.core-delegation", core_delegation),
    ("cgroup.delegation-pending", delegation_pending),
    ("cgroup.systemd-version", systemd_version),
    ("cgroup.session-scope", session_scope),
];

/// The controllers behind `--memory`, `--cpus` and `--pids-limit`.
const CORE: [&str; 3] = ["cpu", "memory", "pids"];

fn cgroup(facts: &Facts) -> Result<&Cgroup, Undetermined> {
    facts.cgroup.need("control groups")
}

fn mounted(facts: &Facts) -> Verdict {
    let hierarchy = cgroup(facts)?.hierarchy.ask("/proc/self/mountinfo")?;
    Ok(match hierarchy {
        Some(_) => pass("control groups are mounted"),
        None => fail("no control groups are mounted").seen("/proc/self/mountinfo", "no cgroup"),
    })
}

fn version(facts: &Facts) -> Verdict {
    let hierarchy = cgroup(facts)?.hierarchy.ask("/proc/self/mountinfo")?;
    let seen = |kind: &str| ("/sys/fs/cgroup", kind.to_owned());
    let (outcome, (path, kind)) = match hierarchy {
        Some(Hierarchy::Unified) => (pass("cgroup v2"), seen("cgroup2")),
        Some(Hierarchy::Hybrid) => (
            fail("cgroup v1 (hybrid): limits are ignored"),
            seen("v1 controllers, cgroup2 on unified"),
        ),
        Some(Hierarchy::Legacy) => (fail("cgroup v1: limits are ignored"), seen("cgroup")),
        None => return Ok(skip("no control groups are mounted")),
    };
    // cgroup v2 would not help: limits come from systemd.
    let outcome = match cgroup(facts)?.init.known() {
        Some(Init::Other(_)) => outcome.remedy("no-systemd"),
        _ => outcome,
    };
    Ok(outcome.seen(path, kind))
}

fn systemd(facts: &Facts) -> Verdict {
    let source = "/run/systemd/system";
    Ok(match cgroup(facts)?.init.need(source)? {
        Init::Systemd => pass("systemd hands out control groups").seen(source, "exists"),
        Init::Other(_) => {
            let outcome = fail("without systemd there are no limits").seen(source, "not there");
            match super::session::is_wsl(facts) {
                true => outcome.remedy("wsl"),
                false => outcome,
            }
        }
    })
}

/// Those of `wanted` that are among `there`, and those that are not.
fn split(wanted: &[&'static str], there: &Controllers) -> (Vec<&'static str>, Vec<&'static str>) {
    wanted
        .iter()
        .copied()
        .partition(|name| there.contains(*name))
}

fn joined(controllers: &Controllers) -> String {
    if controllers.is_empty() {
        return "(empty)".to_owned();
    }
    controllers
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}

fn kernel_controllers(facts: &Facts) -> Verdict {
    let source = "/sys/fs/cgroup/cgroup.controllers";
    // Not at the root of the hierarchy in a container without a cgroup namespace.
    let kernel = cgroup(facts)?.kernel.need(source)?;
    let (_, lacking) = split(&CORE, kernel);
    let outcome = match lacking.as_slice() {
        [] => pass("the kernel has cpu, memory and pids"),
        _ => fail(format!(
            "the kernel has no controller {}",
            lacking.join(" ")
        )),
    };
    let outcome = match lacking.contains(&"memory") {
        true => outcome.remedy("memory"),
        false => outcome,
    };
    Ok(outcome.seen(source, joined(kernel)))
}

/// Where the user's controllers are listed.
fn delegated_source(facts: &Facts) -> String {
    let uid = facts.ground.subject.as_ref().map_or(0, |s| s.uid);
    format!("/sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service/cgroup.controllers")
}

/// What a container can get: the user's systemd has it, and knows that it has.
fn given(facts: &Facts, source: &str) -> Result<Option<Controllers>, Undetermined> {
    let cgroup = cgroup(facts)?;
    let delegated = cgroup.delegated.ask(source)?;
    Ok(delegated.map(|there| there.difference(&cgroup.late).cloned().collect()))
}

fn delegation(facts: &Facts) -> Verdict {
    let source = delegated_source(facts);
    let Some(delegated) = given(facts, &source)? else {
        return Ok(skip("no systemd manager of this user runs"));
    };
    let delegated = &delegated;
    let (has, lacks) = split(&WANTED, delegated);
    let outcome = match (has.as_slice(), lacks.as_slice()) {
        (_, []) => pass(has.join(" ")),
        ([], _) => fail("no controller is delegated"),
        _ => fail(format!("{}; not {}", has.join(" "), lacks.join(" "))),
    };
    Ok(outcome.seen(source, joined(delegated)))
}

fn core_delegation(facts: &Facts) -> Verdict {
    let source = delegated_source(facts);
    let Some(delegated) = given(facts, &source)? else {
        return Ok(skip("no systemd manager of this user runs"));
    };
    let delegated = &delegated;
    let (_, lacks) = split(&CORE, delegated);
    let option = |name: &&str| match *name {
        "cpu" => "--cpus",
        "memory" => "--memory",
        _ => "--pids-limit",
    };
    let outcome = match lacks.as_slice() {
        [] => pass("memory, CPU time and processes can be limited"),
        _ => {
            let options: Vec<_> = lacks.iter().map(option).collect();
            fail(format!(
                "{} not delegated: no {}",
                lacks.join(" "),
                options.join(" ")
            ))
        }
    };
    Ok(outcome.seen(source, joined(delegated)))
}

fn delegation_pending(facts: &Facts) -> Verdict {
    let source = delegated_source(facts);
    let cgroup = cgroup(facts)?;
    let Some(delegated) = given(facts, &source)? else {
        return Ok(skip("no systemd manager of this user runs"));
    };
    let delegated = &delegated;
    let asked = asked(&cgroup.asked)?;
    let kernel = cgroup.kernel.need("/sys/fs/cgroup/cgroup.controllers")?;
    let able = |name: &&&str| **name != "cpuset" || delegates_cpuset(cgroup) != Some(false);
    let asked_for = WANTED
        .iter()
        .filter(able)
        .filter(|name| asked.controllers.contains(**name) && kernel.contains(**name));
    let pending: Vec<_> = asked_for
        .filter(|name| !delegated.contains(**name))
        .copied()
        .collect();
    let uid = facts.ground.subject.as_ref().map_or(0, |s| s.uid);
    let outcome = match pending.as_slice() {
        [] => pass("what user@.service delegates has arrived"),
        _ => fail(format!(
            "{} missing until the user's systemd is restarted",
            pending.join(" ")
        )),
    };
    let files: BTreeSet<_> = asked.files.iter().collect();
    let outcome = outcome
        .seen(source, joined(delegated))
        .fill("unit", format!("user@{uid}.service"));
    Ok(files.into_iter().fold(outcome, |o, file| {
        o.seen(
            file.display().to_string(),
            format!("Delegate={}", joined(&asked.controllers)),
        )
    }))
}

fn asked(asked: &Asked) -> Result<&Asked, Undetermined> {
    match &asked.unreadable {
        Some(why) => Err(Undetermined::new(why)),
        None => Ok(asked),
    }
}

/// Whether this systemd can delegate cpuset at all; none if its version is not known.
fn delegates_cpuset(cgroup: &Cgroup) -> Option<bool> {
    cgroup
        .systemd
        .known()
        .map(|version| *version >= Version::new(244, 0, 0))
}

fn systemd_version(facts: &Facts) -> Verdict {
    let cgroup = cgroup(facts)?;
    if cgroup
        .delegated
        .known()
        .is_some_and(|d| d.contains("cpuset"))
    {
        return Ok(pass("systemd delegates cpuset"));
    }
    let version = cgroup.systemd.need("systemd's version")?;
    let major = version.major();
    let outcome = match delegates_cpuset(cgroup) {
        Some(true) => pass(format!("systemd {major}")),
        _ => fail(format!("systemd {major} cannot delegate cpuset")),
    };
    Ok(outcome.seen("libsystemd-shared", major.to_string()))
}

fn session_scope(facts: &Facts) -> Verdict {
    let Some(daemon) = cgroup(facts)?.daemon.ask("the daemon's cgroup")? else {
        return Ok(skip("the user's daemon does not run"));
    };
    let uid = facts.ground.subject.as_ref().map_or(0, |s| s.uid);
    let source = format!("/proc/{}/cgroup", daemon.pid);
    let path = &daemon.cgroup;
    let outcome = match path
        .split('/')
        .any(|part| part == format!("user@{uid}.service"))
    {
        true => pass("the daemon runs under the user's systemd"),
        false => {
            let last = path.rsplit('/').next().filter(|name| !name.is_empty());
            let own = process::slice_uid(path) == Some(uid);
            let place = last.filter(|_| own).unwrap_or("another place");
            fail(format!(
                "the daemon runs in {place}, not under the user's systemd"
            ))
        }
    };
    Ok(outcome.seen(source, path))
}

#[cfg(test)]
mod tests;
