//! What `/proc/PID/status` and `/proc/PID/cgroup` say of a process, and which
//! process is the user's systemd manager.

use std::path::Path;

use crate::fact::Fact;
use crate::host::Host;

/// The part of proc_pid_status(5) that checks look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Command name, at most 15 bytes.
    pub name: String,
    /// Real user id.
    pub uid: Option<u32>,
    /// `NoNewPrivs`; none on kernels before 4.10.
    pub no_new_privs: Option<bool>,
    /// `Seccomp`: 0 off, 1 strict, 2 filter; none where the kernel has no seccomp.
    pub seccomp: Option<u32>,
    /// `Seccomp_filters`; none on kernels before 5.9.
    pub seccomp_filters: Option<u32>,
}

/// Parses the text of a status file; what is missing or malformed stays none.
pub fn parse_status(text: &str) -> Status {
    let mut status = Status::default();
    for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
        let number = || value.split_whitespace().next()?.parse().ok();
        match name {
            "Name" => value.trim().clone_into(&mut status.name),
            "Uid" => status.uid = number(),
            "NoNewPrivs" => status.no_new_privs = number().map(|n: u32| n != 0),
            "Seccomp" => status.seccomp = number(),
            "Seccomp_filters" => status.seccomp_filters = number(),
            _ => {}
        }
    }
    status
}

/// Reads `/proc/PID/status`; `pid` may be `self`.
pub fn status(host: &dyn Host, pid: &str) -> Fact<Status> {
    let text = host.read(Path::new(&format!("/proc/{pid}/status")));
    text.and_then(|text| match parse_status(&text) {
        status if status == Status::default() => Fact::unreadable("it is of no known form"),
        status => Fact::Known(status),
    })
}

/// Where systemd put a process, by the text of `/proc/PID/cgroup`: its path in
/// systemd's own v1 hierarchy or in the unified one.
pub fn parse_cgroup(text: &str) -> Option<String> {
    let path = |controllers: &str| {
        text.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (found, path) = rest.split_once(':')?;
            (found == controllers && path.starts_with('/')).then(|| path.trim_end().to_owned())
        })
    };
    // A container may have one hierarchy to itself and the other not at all.
    let both = [path("name=systemd"), path("")];
    let deeper = both.iter().flatten().find(|path| *path != "/").cloned();
    deeper.or_else(|| both.into_iter().flatten().next())
}

/// Reads `/proc/PID/cgroup`; `pid` may be `self`.
pub fn cgroup(host: &dyn Host, pid: &str) -> Fact<String> {
    let text = host.read(Path::new(&format!("/proc/{pid}/cgroup")));
    text.and_then(|text| Fact::from(parse_cgroup(&text)))
}

/// The uid of the slice `user-UID.slice` that a cgroup path lies in.
pub fn slice_uid(cgroup: &str) -> Option<u32> {
    let slice = |part: &str| {
        part.strip_prefix("user-")?
            .strip_suffix(".slice")?
            .parse()
            .ok()
    };
    cgroup.split('/').find_map(slice)
}

/// The user's systemd manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// Its process id.
    pub pid: u32,
    /// Its `/proc/PID/status`.
    pub status: Status,
}

/// Finds the manager of a user by its cgroup. `Absent`: none runs, or its
/// cgroup is not to be seen from here.
pub fn manager(host: &dyn Host, uid: u32) -> Fact<Manager> {
    let service = format!("user.slice/user-{uid}.slice/user@{uid}.service");
    // v2; systemd's own hierarchy on v1; and before systemd 226 without init.scope.
    let files = [
        format!("/sys/fs/cgroup/{service}/init.scope/cgroup.procs"),
        format!("/sys/fs/cgroup/systemd/{service}/init.scope/cgroup.procs"),
        format!("/sys/fs/cgroup/systemd/{service}/cgroup.procs"),
    ];
    for file in &files {
        match host.read(Path::new(file)) {
            Fact::Known(text) => match among(host, &text, uid) {
                Fact::Absent => {}
                found => return found,
            },
            Fact::Unreadable(why) => return Fact::Unreadable(why),
            Fact::Absent => {}
        }
    }
    Fact::Absent
}

/// The systemd among a handful of processes; the others are its PAM helper.
fn among(host: &dyn Host, pids: &str, uid: u32) -> Fact<Manager> {
    let mut answer = Fact::Absent;
    for pid in pids
        .lines()
        .filter_map(|l| l.trim().parse::<u32>().ok())
        .take(16)
    {
        match status(host, &pid.to_string()) {
            Fact::Known(status) if status.name == "systemd" && status.uid == Some(uid) => {
                return Fact::Known(Manager { pid, status });
            }
            Fact::Unreadable(why) => answer = Fact::Unreadable(why),
            _ => {}
        }
    }
    answer
}

/// When a process was started, in seconds since 1970.
pub fn started(host: &dyn Host, pid: &str) -> Option<i64> {
    let read = |path: &str| host.read(Path::new(path)).into_known();
    let ticks = start_ticks(&read(&format!("/proc/{pid}/stat"))?)?;
    // The kernel counts in hundredths of a second for everybody: USER_HZ.
    boot_time(&read("/proc/stat")?)?.checked_add(ticks / 100)
}

/// The 22nd field of proc_pid_stat(5); the second may hold blanks and brackets.
fn start_ticks(stat: &str) -> Option<i64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

/// `btime` of proc_stat(5).
fn boot_time(stat: &str) -> Option<i64> {
    stat.lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_process_was_started() {
        let rest = "S 1 612 612 0 -1 4194560 2000 500 9 3 5 6 7 8 20 0 1 0 1234 17461248 2304";
        assert_eq!(start_ticks(&format!("612 (a (b) c) {rest}")), Some(1234));
        assert_eq!(start_ticks("612 (systemd) S 1"), None);
        assert_eq!(
            boot_time("cpu 1 2\nbtime 1763770000\n"),
            Some(1_763_770_000)
        );
        assert_eq!(boot_time("btime"), None);
    }

    #[test]
    fn status_of_a_shell_and_rubbish() {
        let text = "Name:\tbash\nUid:\t1000\t1000\t1000\t1000\nNoNewPrivs:\t1\r\nSeccomp:\t2\n\
                    Seccomp_filters:\t3\n";
        let status = parse_status(text);
        assert_eq!((status.name.as_str(), status.uid), ("bash", Some(1000)));
        assert_eq!(status.no_new_privs, Some(true));
        assert_eq!((status.seccomp, status.seccomp_filters), (Some(2), Some(3)));
        let old = parse_status("Name:\tbash\nSeccomp:\tmany\n");
        assert_eq!((old.no_new_privs, old.seccomp), (None, None));
        assert_eq!(parse_status("\u{feff}\0"), Status::default());
    }

    #[test]
    fn cgroup_of_either_version() {
        let v2 = "0::/user.slice/user-1000.slice/session-6.scope\n";
        let v1 = "12:pids:/user.slice\n1:name=systemd:/user.slice/user-1000.slice/x\n0::/\n";
        assert_eq!(parse_cgroup(v2).and_then(|p| slice_uid(&p)), Some(1000));
        assert_eq!(
            parse_cgroup(v1).as_deref(),
            Some("/user.slice/user-1000.slice/x")
        );
        let mixed = "1:name=systemd:/\n0::/user.slice/user-7.slice/y\n";
        assert_eq!(parse_cgroup(mixed).and_then(|p| slice_uid(&p)), Some(7));
        assert_eq!(
            parse_cgroup("1:name=systemd:/\n0::/\n").as_deref(),
            Some("/")
        );
        assert_eq!(parse_cgroup("rubbish"), None);
        assert_eq!(slice_uid("/system.slice/cron.service"), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            parse_status(&text);
            parse_cgroup(&text);
            slice_uid(&text);
        }
    }
}
