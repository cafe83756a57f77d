//! What running or dead daemons of the user left in the runtime directory.
//! Locks are looked up in `/proc/locks`; none is ever taken.

use std::path::{Path, PathBuf};

use crate::fact::Fact;
use crate::facts::Context;
use crate::facts::listens::Listens;
use crate::facts::process;

/// The runtime directory's contents.
#[derive(Debug)]
pub struct State {
    /// RootlessKit's state of rootless containerd (nerdctl).
    pub containerd: StateDir,
    /// RootlessKit's state of `dockerd-rootless.sh`.
    pub dockerd: StateDir,
    /// Somebody listens on the daemon's socket.
    pub socket: Fact<()>,
    /// Pid files with the name of the program they should belong to.
    pub pid_files: Vec<PidFile>,
}

/// A state directory of RootlessKit.
#[derive(Debug)]
pub struct StateDir {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// It exists.
    pub exists: Fact<bool>,
    /// Somebody holds its lock: a RootlessKit is running.
    pub held: Fact<bool>,
}

/// A pid file and the process it names.
#[derive(Debug)]
pub struct PidFile {
    /// Where it is.
    pub path: PathBuf,
    /// The program that writes it.
    pub program: &'static str,
    /// The process id in it.
    pub pid: Fact<u32>,
    /// `/proc/PID/comm`; `Absent` when there is no such process.
    pub comm: Fact<String>,
    /// It has the program's name and more in it, and runs in the control group of the
    /// user's docker.service: the program is wrapped, as on NixOS (`.dockerd-wrapped`).
    pub wrapped: bool,
}

/// Reads it.
pub fn collect(cx: Context<'_>, runtime_dir: &Path) -> State {
    let environment = cx.ground.unit.environment(cx.ground.home_path());
    let dir = |variable: &str, name: &str| {
        let named = environment.get(variable).filter(|dir| dir.starts_with('/'));
        let path = named.map_or_else(|| runtime_dir.join(name), PathBuf::from);
        state_dir(cx, path)
    };
    State {
        containerd: dir(
            "CONTAINERD_ROOTLESS_ROOTLESSKIT_STATE_DIR",
            "containerd-rootless",
        ),
        dockerd: dir("DOCKERD_ROOTLESS_ROOTLESSKIT_STATE_DIR", "dockerd-rootless"),
        socket: match cx.ground.listens() {
            Listens::Usual => cx.host.connect(&runtime_dir.join("docker.sock")),
            Listens::At(socket) => cx.host.connect(&socket),
            Listens::Unknown(why) => Fact::unreadable(why),
        },
        pid_files: vec![
            pid_file(cx, runtime_dir.join("docker.pid"), "dockerd"),
            pid_file(
                cx,
                runtime_dir.join("docker/containerd/containerd.pid"),
                "containerd",
            ),
        ],
    }
}

fn state_dir(cx: Context<'_>, path: PathBuf) -> StateDir {
    let exists = match cx.host.stat(&path) {
        Fact::Known(_) => Fact::Known(true),
        Fact::Absent => Fact::Known(false),
        Fact::Unreadable(why) => Fact::Unreadable(why),
    };
    StateDir {
        held: match exists {
            Fact::Known(true) => held(cx, &path.join("lock")),
            _ => Fact::Known(false),
        },
        exists,
        path,
    }
}

/// Whether the lock file is locked, by its inode on its device.
fn held(cx: Context<'_>, lock: &Path) -> Fact<bool> {
    let inode = match cx.host.stat(lock) {
        Fact::Known(stat) => stat.inode,
        Fact::Absent => return Fact::Known(false),
        Fact::Unreadable(why) => return Fact::Unreadable(why),
    };
    let device = cx.ground.mount_of(lock).map(|m| m.device.clone());
    let Some(device) = device.as_deref().and_then(parse_device) else {
        return Fact::unreadable(format!("{}: on no known device", lock.display()));
    };
    let locks = cx.host.read(Path::new("/proc/locks"));
    match locks {
        Fact::Known(text) => Fact::Known(is_locked(&text, device, inode)),
        Fact::Absent => Fact::unreadable("there is no /proc/locks"),
        Fact::Unreadable(why) => Fact::Unreadable(why),
    }
}

/// `major:minor` in decimal, as mountinfo has it.
fn parse_device(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Whether `/proc/locks` (proc_locks(5)) lists a lock on a file.
pub fn is_locked(locks: &str, device: (u32, u32), inode: u64) -> bool {
    let on_file = |field: &str| {
        let mut parts = field.split(':');
        let mut hex = || u32::from_str_radix(parts.next()?, 16).ok();
        let found = hex().zip(hex());
        let number = parts.next().and_then(|n| n.parse::<u64>().ok());
        found == Some(device) && number == Some(inode)
    };
    // A line with `->` is somebody who waits for the lock.
    let lines = locks.lines().filter(|line| !line.contains("->"));
    lines
        .filter_map(|line| line.split_whitespace().nth(5))
        .any(on_file)
}

fn pid_file(cx: Context<'_>, path: PathBuf, program: &'static str) -> PidFile {
    let pid = cx.host.read_up_to(&path, 64);
    let pid = pid.and_then(|text| match parse_pid(&text) {
        Some(pid) => Fact::Known(pid),
        None => Fact::unreadable("it holds no process id"),
    });
    let comm = comm(cx.host, &pid);
    let is_like = |comm: &String| comm != program && comm.contains(program);
    let is_like = comm.known().is_some_and(is_like);
    PidFile {
        wrapped: is_like && pid.known().is_some_and(|pid| in_service(cx, *pid)),
        comm,
        path,
        program,
        pid,
    }
}

/// Whether a process belongs to the user's docker.service.
fn in_service(cx: Context<'_>, pid: u32) -> bool {
    let uid = cx.ground.subject.as_ref().map_or(0, |s| s.uid);
    let manager = format!("user@{uid}.service");
    let cgroup = process::cgroup(cx.host, &pid.to_string());
    cgroup.known().is_some_and(|path| {
        let mut below = path.split('/').skip_while(|part| *part != manager);
        below.any(|part| part == "docker.service")
    })
}

/// The name of a process.
pub fn comm(host: &dyn crate::host::Host, pid: &Fact<u32>) -> Fact<String> {
    pid.clone().and_then(|pid| {
        let comm = host.read(Path::new(&format!("/proc/{pid}/comm")));
        comm.map(|name| name.trim_end().to_owned())
    })
}

/// A process id, with at most white space around it.
pub fn parse_pid(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKS: &str = "1: FLOCK  ADVISORY  WRITE 13576 fe:00:5464072 0 EOF\n\
        2: FLOCK  ADVISORY  WRITE 77 00:2d:35 0 EOF\n\
        2: -> FLOCK  ADVISORY  WRITE 78 00:2e:36 0 EOF\n\
        3: OFDLCK ADVISORY  READ -1 fe:00:10117137 203 203\n";

    #[test]
    fn locks_by_device_and_inode() {
        assert!(is_locked(LOCKS, (254, 0), 5_464_072));
        assert!(is_locked(LOCKS, (0, 45), 35));
        assert!(!is_locked(LOCKS, (0, 46), 35), "another tmpfs");
        assert!(!is_locked(LOCKS, (0, 46), 36), "only waits for it");
        assert_eq!(parse_device("0:45"), Some((0, 45)));
    }

    #[test]
    fn process_ids() {
        assert_eq!(parse_pid("4711\n"), Some(4711));
        for text in ["", "0", "-1", "12 13", "99999999999", "root:x:0:0"] {
            assert_eq!(parse_pid(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            is_locked(&text, (1, 2), 3);
            parse_device(&text);
            parse_pid(&text);
        }
    }
}
