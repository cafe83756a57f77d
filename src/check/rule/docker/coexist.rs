//! What stands in the way of the user's daemon: other daemons, and what dead
//! ones left.

use std::path::Path;

use super::{docker, manager, unit_file};
use crate::check::{Undetermined, Verdict, fail, pass};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::area::docker::rootful::Rootful;
use crate::facts::area::docker::state::{PidFile, State};
use crate::facts::listens::Listens;

/// The rootful Docker runs, or does not, or nobody can tell.
fn runs(rootful: &Rootful) -> Result<bool, Undetermined> {
    if rootful.comm.known().is_some_and(|comm| comm == "dockerd") {
        return Ok(true);
    }
    if let Fact::Known(unit) = &rootful.unit
        && unit.is_installed()
    {
        return Ok(unit.active_state == "active");
    }
    let Some(socket) = rootful.socket.ask("/run/docker.sock")? else {
        return Ok(false);
    };
    let path = socket.path.to_string_lossy();
    match (&socket.answers, &rootful.unit) {
        (Fact::Known(answers), _) => Ok(*answers),
        (Fact::Absent, Fact::Unreadable(why)) => Err(Undetermined::new(format!(
            "whether somebody listens at {path}: {}",
            why.text
        ))),
        _ => Err(Undetermined::new(format!(
            "whether somebody listens at {path}"
        ))),
    }
}

pub fn rootful(facts: &Facts) -> Verdict {
    let rootful = &docker(facts)?.rootful;
    let socket = rootful.socket.known();
    let accessible = socket.is_some_and(|s| s.writable == Fact::Known(true));
    let summary = match (runs(rootful)?, accessible, &facts.ground.subject) {
        (true, _, None) => "a rootful Docker is running",
        (true, true, _) => "a rootful Docker is running, and the user can use it",
        (true, false, _) => "a rootful Docker is running; the user cannot use it",
        // The socket of docker.socket: the first client starts the daemon.
        (false, _, _) if socket.is_some() && unit_is_there(rootful) => {
            "a rootful Docker starts when its socket is used"
        }
        _ => return Ok(pass("no rootful Docker is running")),
    };
    let source = socket.map_or_else(|| "docker.service".into(), |s| s.path.to_string_lossy());
    Ok(fail(summary).seen(
        source,
        match accessible {
            true => "can be written to",
            false => "cannot be written to",
        },
    ))
}

fn unit_is_there(rootful: &Rootful) -> bool {
    rootful.unit.known().is_some_and(|unit| unit.is_installed())
}

pub fn containerd_rootless(facts: &Facts) -> Verdict {
    let docker = docker(facts)?;
    let state = &docker.state.containerd;
    let path = state.path.to_string_lossy();
    if !*state.exists.need(&path)? {
        return Ok(pass("no rootless containerd is in the way"));
    }
    if *state.held.need(&path)? {
        return Ok(fail("rootless containerd is running")
            .seen(path, "locked")
            .remedy("running"));
    }
    let refuses = docker
        .script
        .need("dockerd-rootless.sh")?
        .refuses_containerd;
    Ok(match refuses {
        true => fail("a leftover of rootless containerd is in the way")
            .seen(&*path, "not locked")
            .fill("dir", path),
        false => pass("this dockerd-rootless.sh minds no leftover of containerd"),
    })
}

pub fn rootlesskit_lock(facts: &Facts) -> Verdict {
    let state = &docker(facts)?.state.dockerd;
    let path = state.path.join("lock");
    let path = path.to_string_lossy();
    if !*state.exists.need(&path)? || !*state.held.need(&path)? {
        return Ok(pass("no RootlessKit holds the state directory"));
    }
    let script = docker(facts)?.script.known();
    if script.is_some_and(|script| !script.fixed_state_dir) {
        return Ok(pass(
            "this dockerd-rootless.sh takes a fresh state directory",
        ));
    }
    if unit_file(facts)?.is_none() {
        return Ok(match serves(&docker(facts)?.state) {
            true => pass("a daemon that systemd does not know is running"),
            false => fail("a RootlessKit without a daemon is running").seen(path, "locked"),
        });
    }
    let manager = manager(facts)?;
    let manager = manager.ok_or_else(|| Undetermined::new("whose RootlessKit is running"))?;
    let state = manager.docker.active_state.as_str();
    Ok(match state {
        "active" | "activating" | "reloading" | "deactivating" => {
            pass("docker.service holds its state directory")
        }
        // It runs, if by hand; cgroup.session-scope tells what that costs.
        _ if runs_by_hand(facts) => pass("a daemon started by hand holds the state directory"),
        _ => fail("a RootlessKit outside docker.service is running")
            .seen(&*path, "locked")
            .seen("docker.service", state),
    })
}

/// The user's daemon runs, whoever started it.
fn runs_by_hand(facts: &Facts) -> bool {
    let cgroup = facts.cgroup.known();
    cgroup.is_some_and(|cgroup| cgroup.daemon.known().is_some())
}

/// A daemon lives in the runtime directory.
fn serves(state: &State) -> bool {
    let named = |file: &PidFile| file.comm.known().is_some_and(|comm| comm == "dockerd");
    let lives = |file: &PidFile| named(file) || file.wrapped;
    state.socket.known().is_some() || state.pid_files.iter().any(lives)
}

pub fn leftover_pid(facts: &Facts) -> Verdict {
    for file in &docker(facts)?.state.pid_files {
        let path = file.path.to_string_lossy();
        // A file without a number is overwritten by the next daemon.
        let Fact::Known(pid) = &file.pid else {
            continue;
        };
        let Some(comm) = file.comm.ask(&format!("/proc/{pid}/comm"))? else {
            continue;
        };
        if comm != file.program && !file.wrapped {
            let comm: String = comm.chars().filter(|c| !c.is_control()).collect();
            return Ok(
                fail(format!("a pid file names {comm}, not {}", file.program))
                    .seen(&*path, pid.to_string())
                    .fill("file", path),
            );
        }
    }
    Ok(pass("no pid file names another program"))
}

/// The longest path below the runtime directory that a daemon binds.
const LONGEST: &str = "docker/containerd/containerd.sock.ttrpc";

/// `sun_path` of unix(7), without the final NUL.
const MOST_BYTES: usize = 107;

pub fn socket_path_length(facts: &Facts) -> Verdict {
    if let Listens::At(socket) = facts.ground.listens()
        && socket.as_os_str().len() > MOST_BYTES
    {
        let found = fail("the name of the daemon's socket is too long").remedy("socket");
        return Ok(found.seen("-H", format!("{} bytes", socket.as_os_str().len())));
    }
    let dir = &docker(facts)?.runtime_dir;
    let length = dir.join(Path::new(LONGEST)).as_os_str().len();
    let path = dir.to_string_lossy();
    Ok(match length {
        0..=MOST_BYTES => pass(format!("sockets below {path} have short enough names")),
        _ => fail("the runtime directory's name is too long for sockets")
            .seen("XDG_RUNTIME_DIR", format!("{} bytes", path.len())),
    })
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::fact::Fact;
    use crate::host::{Kind, Node, SystemBus, Unit, UserManager};
    use crate::testing::TestHost;

    const RUN: &str = "/run/user/1000";

    fn runtime() -> TestHost {
        let node = Node {
            kind: Some(Kind::Dir),
            uid: 1000,
            mode: Some("700".into()),
            ..Node::default()
        };
        TestHost::new().node(RUN, node).file(
            "/proc/self/mountinfo",
            "22 1 8:1 / / rw - ext4 /dev/vda rw\n\
             40 22 0:45 / /run/user/1000 rw - tmpfs tmpfs rw\n",
        )
    }

    fn socket(host: TestHost, mode: &str, connect: i32) -> TestHost {
        let node = Node {
            kind: Some(Kind::Socket),
            mode: Some(mode.into()),
            gid: 998,
            connect: Some(connect),
            ..Node::default()
        };
        host.node("/run/docker.sock", node)
    }

    fn system_docker(host: TestHost, load: &str, active: &str) -> TestHost {
        let unit = Unit {
            load_state: load.into(),
            active_state: active.into(),
            ..Unit::default()
        };
        host.with(|b| {
            b.system_bus = Some(Fact::Known(SystemBus {
                version: Fact::Absent,
                user_service: Fact::Absent,
                docker: Fact::Known(unit),
                login: Fact::Absent,
                kill_user_processes: Fact::Absent,
            }));
        })
    }

    #[test]
    fn a_rootful_docker() {
        let check = |host: TestHost| host.check("docker.rootful-running");
        assert_eq!(check(TestHost::new()).status, Status::Pass);
        let active = |mode| system_docker(socket(TestHost::new(), mode, 0), "loaded", "active");
        assert_eq!(
            check(active("660")).summary,
            "a rootful Docker is running; the user cannot use it"
        );
        assert_eq!(
            check(active("666")).summary,
            "a rootful Docker is running, and the user can use it"
        );
        let waiting = system_docker(socket(TestHost::new(), "660", 0), "loaded", "inactive");
        assert_eq!(
            check(waiting).summary,
            "a rootful Docker starts when its socket is used"
        );
        // Without systemd the socket tells.
        assert_eq!(
            check(socket(TestHost::new(), "666", 0)).status,
            Status::Info
        );
        assert_eq!(
            check(socket(TestHost::new(), "666", 111)).status,
            Status::Pass
        );
        assert_eq!(
            check(socket(TestHost::new(), "660", 13)).status,
            Status::Unknown
        );
        let by_pid = socket(TestHost::new(), "660", 13)
            .file("/run/docker.pid", "712")
            .file("/proc/712/comm", "dockerd\n");
        assert_eq!(check(by_pid).status, Status::Info);
    }

    fn lock(host: TestHost, dir: &str, held: bool) -> TestHost {
        let node = Node {
            uid: 1000,
            inode: Some(35),
            ..Node::default()
        };
        let locks = match held {
            true => "1: FLOCK  ADVISORY  WRITE 77 00:2d:35 0 EOF\n",
            false => "1: FLOCK  ADVISORY  WRITE 77 00:2e:35 0 EOF\n",
        };
        host.node(&format!("{RUN}/{dir}/lock"), node)
            .file("/proc/locks", locks)
    }

    #[test]
    fn rootless_containerd() {
        let check = |host: TestHost| host.check("docker.containerd-rootless");
        let script = |host: TestHost, text: &str| {
            let node = Node {
                mode: Some("755".into()),
                text: Some(text.into()),
                ..Node::default()
            };
            host.node("/usr/bin/dockerd-rootless.sh", node)
        };
        assert_eq!(check(runtime()).status, Status::Pass);
        let live = check(lock(runtime(), "containerd-rootless", true));
        assert_eq!(live.summary, "rootless containerd is running");
        let stale = || lock(runtime(), "containerd-rootless", false);
        assert_eq!(
            check(script(stale(), "containerd-rootless")).status,
            Status::Fail
        );
        assert_eq!(check(script(stale(), "exec dockerd")).status, Status::Pass);
        assert_eq!(check(stale()).status, Status::Unknown);
    }

    #[test]
    fn a_second_rootlesskit() {
        let unit = "/home/alice/.config/systemd/user/docker.service";
        let held = |state: &str| {
            let docker = Unit {
                load_state: "loaded".into(),
                active_state: state.into(),
                ..Unit::default()
            };
            let host = lock(runtime(), "dockerd-rootless", true).file(unit, "[Service]\n");
            host.with(|b| {
                b.user_manager = Some(Fact::Known(UserManager {
                    docker,
                    ..UserManager::default()
                }));
            })
        };
        let check = |host: TestHost| host.check("docker.rootlesskit-lock").status;
        assert_eq!(check(held("active")), Status::Pass);
        assert_eq!(check(held("failed")), Status::Fail);
        let by_hand = held("inactive")
            .file(&format!("{RUN}/docker.pid"), "2630")
            .file("/proc/2630/comm", "dockerd\n")
            .file("/proc/2630/cgroup", "0::/user.slice/session-3.scope\n");
        assert_eq!(check(by_hand), Status::Pass);
        assert_eq!(
            check(lock(runtime(), "dockerd-rootless", false)),
            Status::Pass
        );
        let by_hand = lock(runtime(), "dockerd-rootless", true);
        assert_eq!(check(by_hand), Status::Fail);
        let by_hand = lock(runtime(), "dockerd-rootless", true);
        let named = by_hand.file(&format!("{RUN}/docker.pid"), "712\n");
        assert_eq!(
            check(named.file("/proc/712/comm", "dockerd\n")),
            Status::Pass
        );
    }

    #[test]
    fn pid_files_of_dead_daemons() {
        let pid = |name: &str, comm: &str| {
            let host = runtime().file(&format!("{RUN}/{name}"), "712\n");
            let host = match comm {
                "" => host,
                comm => host.file("/proc/712/comm", comm),
            };
            host.check("docker.leftover-pid")
        };
        assert_eq!(pid("docker.pid", "firefox\n").status, Status::Fail);
        assert_eq!(
            pid("docker.pid", "firefox\n").summary,
            "a pid file names firefox, not dockerd"
        );
        assert_eq!(pid("docker.pid", "dockerd\n").status, Status::Pass);
        assert_eq!(pid("docker.pid", "").status, Status::Pass);
        assert_eq!(
            pid("docker/containerd/containerd.pid", "bash\n").status,
            Status::Fail
        );
        // Of the service itself, under another name.
        let wrapped = |comm: &str, group: &str| {
            let host = runtime().file(&format!("{RUN}/docker.pid"), "712\n");
            let host = host.file("/proc/712/comm", comm);
            let host = host.file("/proc/712/cgroup", &format!("0::{group}\n"));
            host.check("docker.leftover-pid").status
        };
        let manager = "/user.slice/user-1000.slice/user@1000.service";
        let service = format!("{manager}/app.slice/docker.service");
        assert_eq!(wrapped(".dockerd-wrappe\n", &service), Status::Pass);
        // It has the number of the dead one by chance.
        assert_eq!(wrapped("rootlesskit\n", &service), Status::Fail);
        let other = format!("{manager}/app.slice/other.service");
        assert_eq!(wrapped(".dockerd-wrappe\n", &other), Status::Fail);
        let rootful = "/system.slice/docker.service";
        assert_eq!(wrapped(".dockerd-wrappe\n", rootful), Status::Fail);
        let rubbish = runtime().file(&format!("{RUN}/docker.pid"), "\u{fffd}\0\n");
        assert_eq!(rubbish.check("docker.leftover-pid").status, Status::Pass);
    }

    #[test]
    fn names_of_sockets() {
        let long = format!("/home/alice/{}/.docker/run", "x".repeat(60));
        let node = Node {
            kind: Some(Kind::Dir),
            uid: 1000,
            ..Node::default()
        };
        let host = TestHost::new()
            .node(&long, node)
            .env("XDG_RUNTIME_DIR", &long);
        assert_eq!(host.check("docker.socket-path-length").status, Status::Fail);
        let of = |length: usize| {
            let unit = "/home/alice/.config/systemd/user/docker.service";
            let path = "x".repeat(length - 1);
            let line = format!("[Service]\nExecStart=/x -H unix:///{path}\n");
            runtime()
                .file(unit, &line)
                .check("docker.socket-path-length")
                .status
        };
        assert_eq!((of(107), of(108)), (Status::Pass, Status::Fail));
        assert_eq!(
            runtime().check("docker.socket-path-length").status,
            Status::Pass
        );
    }
}
