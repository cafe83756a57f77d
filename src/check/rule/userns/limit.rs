//! Switches and limits of the kernel: whether, and how many.

use crate::check::{Outcome, Verdict, fail, pass, skip};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::area::userns;

/// RootlessKit itself warns below this.
const FEW_USER: u64 = 1024;

/// Every container takes one of each kind.
const FEW_OTHER: u64 = 128;

pub fn kernel(facts: &Facts) -> Verdict {
    let file = "/proc/self/ns/user";
    if super::probe::works(facts) {
        return Ok(pass("the kernel has user namespaces"));
    }
    let userns = facts.userns.need("user namespaces")?;
    Ok(match userns.in_kernel.ask(file)? {
        Some(()) => pass("the kernel has user namespaces"),
        None => fail("this kernel has no user namespaces").seen(file, "no such file"),
    })
}

pub fn unprivileged_clone(facts: &Facts) -> Verdict {
    let sysctl = "kernel.unprivileged_userns_clone";
    let userns = facts.userns.need("user namespaces")?;
    Ok(match userns.unprivileged_clone.ask(sysctl)? {
        None => skip("this kernel has no such switch"),
        Some(0) => {
            let why = fail("only root may create user namespaces").seen(sysctl, "0");
            name_setter(why, userns, sysctl)
        }
        Some(n) => pass("ordinary users may create user namespaces").seen(sysctl, n.to_string()),
    })
}

pub fn max_user(facts: &Facts) -> Verdict {
    limit(facts, "user", "user")
}

pub fn max_mnt(facts: &Facts) -> Verdict {
    limit(facts, "mnt", "mount")
}

pub fn max_net(facts: &Facts) -> Verdict {
    limit(facts, "net", "network")
}

pub fn max_pid(facts: &Facts) -> Verdict {
    limit(facts, "pid", "PID")
}

pub fn max_ipc(facts: &Facts) -> Verdict {
    limit(facts, "ipc", "IPC")
}

pub fn max_uts(facts: &Facts) -> Verdict {
    limit(facts, "uts", "UTS")
}

pub fn max_cgroup(facts: &Facts) -> Verdict {
    limit(facts, "cgroup", "cgroup")
}

fn limit(facts: &Facts, kind: &str, name: &str) -> Verdict {
    let sysctl = format!("user.max_{kind}_namespaces");
    let userns = facts.userns.need("user namespaces")?;
    Ok(match userns.limit(kind).ask(&sysctl)? {
        None => skip("this kernel has no such limit"),
        Some(0) => {
            let why = fail(format!("no {name} namespace may be created here")).seen(&sysctl, "0");
            name_setter(why, userns, &sysctl)
        }
        Some(n) => pass(format!("up to {n} {name} namespaces")).seen(sysctl, n.to_string()),
    })
}

pub fn max_user_low(facts: &Facts) -> Verdict {
    let sysctl = "user.max_user_namespaces";
    let userns = facts.userns.need("user namespaces")?;
    Ok(match userns.limit("user").ask(sysctl)? {
        None => skip("this kernel has no such limit"),
        Some(n) if *n < FEW_USER => {
            let why = fail(format!("only {n} user namespaces for each user"));
            name_setter(why.seen(sysctl, n.to_string()), userns, sysctl)
        }
        Some(n) => pass(format!("up to {n} user namespaces")).seen(sysctl, n.to_string()),
    })
}

pub fn max_other_low(facts: &Facts) -> Verdict {
    let userns = facts.userns.need("user namespaces")?;
    let few = |(kind, limit): (&&str, &Fact<u64>)| match limit.known() {
        // None at all has a check of its own.
        Some(n) if *kind != "user" && (1..FEW_OTHER).contains(n) => {
            Some((format!("user.max_{kind}_namespaces"), *n))
        }
        _ => None,
    };
    let low: Vec<_> = userns.limits.iter().filter_map(few).collect();
    let Some((first, least)) = low.iter().min_by_key(|(_, n)| *n) else {
        return Ok(match userns.limits.values().any(|l| l.known().is_some()) {
            true => pass("no kind of namespace is scarce"),
            false => skip("this kernel has no such limits"),
        });
    };
    let mut why = fail(format!(
        "room for no more than {least} containers at a time"
    ));
    for (sysctl, n) in &low {
        why = why.seen(sysctl, n.to_string());
    }
    Ok(name_setter(why, userns, first)
        .fill("sysctl", first)
        .fill("name", first.replace("user.", "").replace('_', "-")))
}

/// Says which file sets the value at boot.
fn name_setter(why: Outcome, userns: &userns::Facts, sysctl: &str) -> Outcome {
    let Some(setting) = userns.set_by.get(sysctl) else {
        return why.fill("file", "");
    };
    let file = setting.file.to_string_lossy();
    let why = why.seen(
        format!("{file}, line {}", setting.line),
        format!("{sysctl}={}", setting.value),
    );
    why.fill("file", file)
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::check::remedy::Fix;
    use crate::testing::TestHost;

    fn host(kind: &str, n: &str) -> TestHost {
        TestHost::new().file(&format!("/proc/sys/user/max_{kind}_namespaces"), n)
    }

    #[test]
    fn zero_is_a_failure_and_no_such_file_is_not() {
        for kind in super::userns::LIMITS {
            let id = format!("userns.max-{kind}-namespaces");
            let with = |n: &str| host(kind, n).check(&id).status;
            assert_eq!(with("0\n"), Status::Fail);
            assert_eq!(with("96365\n"), Status::Pass);
            assert_eq!(with("rubbish"), Status::Unknown);
            assert_eq!(TestHost::new().check(&id).status, Status::Skip);
        }
    }

    #[test]
    fn few_is_a_warning() {
        let id = "userns.max-user-namespaces-low";
        assert_eq!(host("user", "15\n").check(id).status, Status::Warn);
        assert_eq!(host("user", "1024\n").check(id).status, Status::Pass);
        let id = "userns.max-namespaces-low";
        let low = host("net", "10\n").check(id);
        assert_eq!(low.status, Status::Warn);
        assert!(low.fix.unwrap().commands[0].contains("user.max_net_namespaces"));
        assert_eq!(host("net", "500\n").check(id).status, Status::Pass);
        // None at all is the other check's.
        assert_eq!(host("net", "0\n").check(id).status, Status::Pass);
    }

    #[test]
    fn ours_sorts_after_the_file_that_sets_it() {
        let id = "userns.max-user-namespaces";
        let by = |file: &str| {
            let text = "# CIS 1.2.3\nuser.max_user_namespaces=0\n";
            host("user", "0").file(file, text).check(id)
        };
        let early = by("/etc/sysctl.d/60-cis.conf");
        assert_eq!(
            early.evidence[1].source,
            "/etc/sysctl.d/60-cis.conf, line 2"
        );
        let ours = |fix: Option<Fix>| fix.unwrap().commands;
        assert_eq!(
            ours(early.fix),
            [
                "echo user.max_user_namespaces=28633 | sudo tee /etc/sysctl.d/zz-rootless-max-user-namespaces.conf",
                "sudo sysctl -p /etc/sysctl.d/zz-rootless-max-user-namespaces.conf",
            ]
        );
        let late = ours(by("/etc/sysctl.d/zz-z.conf").fix);
        assert!(late[0].ends_with("/etc/sysctl.d/zzz-rootless-max-user-namespaces.conf"));
        // Nothing sorts after it: the line itself has to go.
        let last = ours(by("/etc/sysctl.conf").fix);
        assert!(last[0].starts_with("sudo sed -i 's|^[[:space:]]*user[./]max_user_namespaces"));
    }

    #[test]
    fn the_switch_of_debian_kernels() {
        let id = "userns.unprivileged-clone";
        let with = |n: &str| TestHost::new().file("/proc/sys/kernel/unprivileged_userns_clone", n);
        assert_eq!(with("0\n").check(id).status, Status::Fail);
        assert_eq!(with("1\n").check(id).status, Status::Pass);
        assert_eq!(TestHost::new().check(id).status, Status::Skip);
    }

    #[test]
    fn no_namespace_file_is_not_the_same_as_no_proc() {
        let id = "userns.kernel";
        assert_eq!(TestHost::new().check(id).status, Status::Unknown);
        let proc = TestHost::new().file("/proc/self/ns/mnt", "");
        assert_eq!(proc.check(id).status, Status::Fail);
        let both = TestHost::new().file("/proc/self/ns/user", "");
        assert_eq!(both.check(id).status, Status::Pass);
    }
}
