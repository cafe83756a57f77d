//! Quotas and limits that a daemon with many containers runs into.

use std::path::Path;

use super::login_limits::{self, LoginLimits};
use crate::fact::Fact;
use crate::facts::Context;
use crate::host::SystemBus;

/// Quotas and limits.
#[derive(Debug)]
pub struct Limits {
    /// `kernel.keys.maxkeys`: keys an ordinary user may have.
    pub max_keys: Fact<u64>,
    /// Keys the user has.
    pub keys: Fact<u64>,
    /// `fs.inotify.max_user_instances`.
    pub inotify_instances: Fact<u64>,
    /// `fs.inotify.max_user_watches`.
    pub inotify_watches: Fact<u64>,
    /// Limits of the user's systemd manager, which the daemon cannot exceed.
    pub manager: Fact<ProcessLimits>,
    /// Where a login's limits are set.
    pub login: LoginLimits,
}

/// Hard limits of a process; `None` is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Open files.
    pub files: Option<u64>,
    /// Processes of the user.
    pub processes: Option<u64>,
}

/// Reads them.
pub fn collect(cx: Context<'_>, bus: &Fact<SystemBus>) -> Limits {
    let number = |path: &str| {
        let text = cx.host.read(Path::new(path));
        text.and_then(|text| match text.trim().parse() {
            Ok(number) => Fact::Known(number),
            Err(_) => Fact::unreadable(format!("{path} does not hold a number")),
        })
    };
    let uid = cx.ground.subject.as_ref().map(|s| s.uid);
    let users = cx.host.read(Path::new("/proc/key-users"));
    Limits {
        max_keys: number("/proc/sys/kernel/keys/maxkeys"),
        // A user without keys is not listed.
        keys: users.map(|text| uid.and_then(|uid| parse_keys(&text, uid)).unwrap_or(0)),
        inotify_instances: number("/proc/sys/fs/inotify/max_user_instances"),
        inotify_watches: number("/proc/sys/fs/inotify/max_user_watches"),
        manager: manager(cx, bus),
        login: login_limits::collect(cx),
    }
}

fn manager(cx: Context<'_>, bus: &Fact<SystemBus>) -> Fact<ProcessLimits> {
    let pid = bus.clone().and_then(|bus| bus.user_service);
    let pid = pid.and_then(|unit| match unit.main_pid {
        0 => Fact::Absent,
        pid => Fact::Known(pid),
    });
    pid.and_then(|pid| {
        let path = format!("/proc/{pid}/limits");
        let text = cx.host.read(Path::new(&path));
        text.and_then(|text| match parse_limits(&text) {
            Some(limits) => Fact::Known(limits),
            None => Fact::unreadable(format!("{path} is not of its form")),
        })
    })
}

/// The keys of a user that count, by proc_key_users(5):
/// `1000: usage nkeys/nikeys qnkeys/maxkeys qnbytes/maxbytes`.
pub fn parse_keys(text: &str, uid: u32) -> Option<u64> {
    let of_user = |line: &&str| {
        let id = line.split(':').next().unwrap_or_default();
        id.trim().parse() == Ok(uid)
    };
    let line = text.lines().find(of_user)?;
    let quota = line.split(':').nth(1)?.split_whitespace().nth(2)?;
    quota.split('/').next()?.parse().ok()
}

/// The hard limits in a `/proc/PID/limits`.
pub fn parse_limits(text: &str) -> Option<ProcessLimits> {
    let hard = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        match line.split_whitespace().nth(1)? {
            "unlimited" => Some(None),
            number => number.parse().ok().map(Some),
        }
    };
    Some(ProcessLimits {
        files: hard("Max open files")?,
        processes: hard("Max processes")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
        Max processes             unlimited            unlimited            processes \n\
        Max open files            1024                 524288               files     \n";

    #[test]
    fn hard_limits() {
        let found = parse_limits(LIMITS).expect("limits");
        assert_eq!(found.files, Some(524_288));
        assert_eq!(found.processes, None);
        assert_eq!(parse_limits("Max open files x y\n"), None);
    }

    #[test]
    fn keys_that_count() {
        let text =
            "    0:     9 8/8 3/1000000 40/25000000\n 1000:   210 200/200 199/200 3900/20000\n";
        assert_eq!(parse_keys(text, 1000), Some(199));
        assert_eq!(parse_keys(text, 100), None);
        assert_eq!(parse_keys("1000: rubbish\n", 1000), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*", uid: u32) {
            parse_keys(&text, uid);
            parse_limits(&text);
        }
    }
}
