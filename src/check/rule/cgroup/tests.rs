//! Tests of the rules of the area `cgroup`.

use crate::check::engine::Status;
use crate::testing::TestHost;

const SERVICE: &str = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service";

fn v2() -> TestHost {
    TestHost::new()
        .file(
            "/proc/self/mountinfo",
            "22 1 8:1 / / rw - ext4 /dev/vda rw\n\
             31 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        )
        .file("/run/systemd/system/x", "")
        .file(
            "/sys/fs/cgroup/cgroup.controllers",
            "cpuset cpu io memory hugetlb pids\n",
        )
}

fn delegated(names: &str) -> TestHost {
    v2().file(&format!("{SERVICE}/cgroup.controllers"), names)
}

#[test]
fn on_wsl_systemd_only_has_to_be_switched_on() {
    let host = |release: &str| {
        let v2 = "31 22 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n";
        let root = "22 1 8:1 / / rw shared:1 - ext4 /dev/vda rw\n";
        crate::testing::TestHost::new()
            .file("/proc/self/mountinfo", &format!("{root}{v2}"))
            .file("/proc/1/comm", "init\n")
            .file("/proc/sys/kernel/osrelease", release)
            .check("cgroup.systemd")
    };
    let commands = |release: &str| host(release).fix.unwrap().commands;
    assert!(commands("6.6.87.2-microsoft-standard-WSL2\n")[0].ends_with("/etc/wsl.conf"));
    assert!(commands("6.12.0-alpine\n").is_empty());
}

#[test]
fn versions_told_apart() {
    let of = |id: &str, lines: &str| {
        let root = "22 1 8:1 / / rw - ext4 /dev/vda rw\n";
        let host = TestHost::new().file("/proc/self/mountinfo", &format!("{root}{lines}"));
        host.check(id)
    };
    let with = |lines: &str| of("cgroup.version", lines);
    let v1 = "31 22 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
              32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
    let unified = "33 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    assert_eq!(v2().check("cgroup.version").status, Status::Pass);
    assert_eq!(with(v1).summary, "cgroup v1: limits are ignored");
    assert!(with(&format!("{v1}{unified}")).summary.contains("hybrid"));
    assert_eq!(with("").status, Status::Skip);
    assert_eq!(of("cgroup.mounted", "").status, Status::Fail);
    assert_eq!(of("cgroup.mounted", v1).status, Status::Pass);
    assert_eq!(of("cgroup.mounted", "rubbish").status, Status::Unknown);
}

#[test]
fn no_systemd_no_limits() {
    assert_eq!(v2().check("cgroup.systemd").status, Status::Pass);
    let host = v2().with(|b| {
        b.files.remove("/run/systemd/system/x");
    });
    assert_eq!(host.check("cgroup.systemd").status, Status::Warn);
}

#[test]
fn a_kernel_without_memory() {
    let id = "cgroup.kernel-controllers";
    let with = |names: &str| {
        v2().file("/sys/fs/cgroup/cgroup.controllers", names)
            .check(id)
    };
    assert_eq!(v2().check(id).status, Status::Pass);
    let pi = with("cpuset cpu io pids\n");
    assert_eq!(pi.status, Status::Warn);
    assert!(pi.fix.unwrap().note.contains("cgroup_enable=memory"));
}

#[test]
fn what_is_delegated() {
    let id = "cgroup.delegation";
    let some = delegated("cpu memory pids\n").check(id);
    assert_eq!(some.status, Status::Info);
    assert_eq!(some.summary, "cpu memory pids; not cpuset io");
    assert_eq!(
        delegated("cpuset cpu io memory pids\n").check(id).status,
        Status::Pass
    );
    assert_eq!(
        delegated("\n").check(id).summary,
        "no controller is delegated"
    );
    assert_eq!(v2().check(id).status, Status::Skip);
    let core = |names| delegated(names).check("cgroup.core-delegation");
    assert_eq!(core("cpu memory pids").status, Status::Pass);
    assert_eq!(core("memory pids").summary, "cpu not delegated: no --cpus");
}

#[test]
fn a_drop_in_that_waits_for_a_relogin() {
    let id = "cgroup.delegation-pending";
    let drop_in = "/etc/systemd/system/user@.service.d/delegate.conf";
    let with = |names: &str, library: &str| {
        delegated(names)
            .file(drop_in, "[Service]\nDelegate=cpu cpuset io memory pids\n")
            .file(&format!("/usr/lib/systemd/{library}"), "")
            .check(id)
    };
    let waits = with("cpu memory pids", "libsystemd-shared-252.so");
    assert_eq!(waits.status, Status::Warn);
    assert_eq!(
        waits.summary,
        "cpuset io missing until the user's systemd is restarted"
    );
    let commands = waits.fix.unwrap().commands;
    assert_eq!(commands[1], "sudo systemctl restart user@1000.service");
    let old = with("cpu io memory pids", "libsystemd-shared-241.so");
    assert_eq!(old.status, Status::Pass);
    assert_eq!(with("cpu cpuset io memory pids", "x").status, Status::Pass);
    assert_eq!(delegated("memory pids").check(id).status, Status::Pass);
}

#[test]
fn a_drop_in_that_only_the_kernel_has_heard_of() {
    let drop_in = "/etc/systemd/system/user@.service.d/delegate.conf";
    let host = |changed: i64| {
        delegated("cpuset cpu io memory pids")
            .file(drop_in, "[Service]\nDelegate=cpu cpuset io memory pids\n")
            .file(
                &format!("{SERVICE}/cgroup.subtree_control"),
                "cpu memory pids\n",
            )
            .file(&format!("{SERVICE}/init.scope/cgroup.procs"), "612\n613\n")
            .file(
                "/proc/612/stat",
                "612 (systemd) S 1 612 612 0 -1 0 0 0 0 0 5 6 7 8 20 0 1 0 3000 1 2\n",
            )
            .file("/proc/stat", "cpu 1\nbtime 1763770000\n")
            .with(|b| b.files.entry(drop_in.into()).or_default().modified = Some(changed))
            .examine()
    };
    let late = host(1_763_770_900);
    assert_eq!(late["cgroup.delegation-pending"].status, Status::Warn);
    assert_eq!(
        late["cgroup.delegation"].summary,
        "cpu memory pids; not cpuset io"
    );
    let early = host(1_763_770_020);
    assert_eq!(early["cgroup.delegation-pending"].status, Status::Pass);
    assert_eq!(early["cgroup.delegation"].status, Status::Pass);
}

#[test]
fn systemd_that_is_too_old_for_cpuset() {
    let id = "cgroup.systemd-version";
    let with = |library: &str| {
        let path = format!("/usr/lib/systemd/{library}");
        delegated("memory pids").file(&path, "").check(id).status
    };
    assert_eq!(with("libsystemd-shared-241.so"), Status::Info);
    assert_eq!(with("libsystemd-shared-252.so"), Status::Pass);
    assert_eq!(with("none"), Status::Unknown);
    assert_eq!(delegated("cpuset").check(id).status, Status::Pass);
}

#[test]
fn a_daemon_started_by_hand() {
    let id = "cgroup.session-scope";
    let with = |path: &str| {
        v2().file("/run/user/1000/docker.pid", "812")
            .file("/proc/812/comm", "dockerd\n")
            .file(
                "/proc/812/cgroup",
                &format!("0::/user.slice/user-1000.slice/{path}\n"),
            )
            .check(id)
    };
    assert_eq!(
        with("user@1000.service/app.slice/docker.service").status,
        Status::Pass
    );
    let hand = with("session-6.scope");
    assert_eq!(hand.status, Status::Warn);
    assert!(hand.summary.contains("session-6.scope"));
    assert_eq!(v2().check(id).status, Status::Skip);
}
