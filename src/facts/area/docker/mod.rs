//! Facts of the area `docker`: its programs, its unit, what else is called
//! Docker on this host, and the limits a daemon runs into.

pub mod cli;
pub mod limits;
pub mod login_limits;
pub mod rootful;
pub mod state;

use std::path::{Path, PathBuf};

use crate::fact::Fact;
use crate::facts::Context;
use crate::host::{Host, Stat, UserManager};

/// What the area's rules judge.
#[derive(Debug)]
pub struct Facts {
    /// `$XDG_RUNTIME_DIR` of the daemon.
    pub runtime_dir: PathBuf,
    /// The user's systemd manager.
    pub manager: Fact<UserManager>,
    /// The program of the unit's `ExecStart=`, if the unit is installed.
    pub exec_start: Option<(PathBuf, Fact<Stat>)>,
    /// `dockerd-rootless.sh`: the unit's, else the one on the unit's PATH.
    pub script: Fact<Script>,
    /// Docker's own packages are installed, or to be had: what is missing comes from there.
    pub own_packages: bool,
    /// The start program of the image `docker:dind-rootless`, which needs no script.
    pub dind_entrypoint: Fact<Stat>,
    /// `/sys/fs/cgroup` is a cgroup v2 hierarchy.
    pub cgroup_v2: Fact<bool>,
    /// The docker client and its configuration.
    pub cli: cli::Cli,
    /// What running or dead daemons of the user left.
    pub state: state::State,
    /// The machine's own Docker.
    pub rootful: rootful::Rootful,
    /// Quotas and limits.
    pub limits: limits::Limits,
}

/// What the start script does, by its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Where it is.
    pub path: PathBuf,
    /// It can pass `--detach-netns` to RootlessKit (since 29.5 it does).
    pub detaches_netns: bool,
    /// It gives RootlessKit a state directory of a fixed name, which only one can
    /// hold; that of Engine 20.10 has a fresh one made each time.
    pub fixed_state_dir: bool,
    /// It refuses to run beside containerd-rootless.sh (since 29.4).
    pub refuses_containerd: bool,
}

/// Reads the area's facts.
pub fn collect(cx: Context<'_>) -> Facts {
    let runtime_dir = runtime_dir(cx);
    let uid = cx.ground.subject.as_ref().map_or(0, |s| s.uid);
    let bus = cx.host.system_bus(uid);
    Facts {
        manager: match cx.ground.subject {
            Some(_) => cx.host.user_manager(&cx.ground.runtime_dir),
            None => Fact::Absent,
        },
        exec_start: exec_start(cx),
        script: script(cx),
        own_packages: own_packages(cx.host),
        dind_entrypoint: cx
            .host
            .stat(Path::new("/usr/local/bin/dockerd-entrypoint.sh")),
        cgroup_v2: cx
            .host
            .file_system(Path::new("/sys/fs/cgroup"))
            .map(|fs| fs.magic == 0x6367_7270),
        cli: cli::collect(cx),
        state: state::collect(cx, &runtime_dir),
        rootful: rootful::collect(cx.host, &bus),
        limits: limits::collect(cx, &bus),
        runtime_dir,
    }
}

/// dpkg's record of the package, or the repository as Docker's documents set it up.
fn own_packages(host: &dyn Host) -> bool {
    let signs = [
        "/var/lib/dpkg/info/docker-ce.list",
        "/etc/yum.repos.d/docker-ce.repo",
    ];
    let there = |path: &&str| host.stat(Path::new(path)).known().is_some();
    signs.iter().any(there)
}

/// `$XDG_RUNTIME_DIR` of this shell where it is the user's own, else the one
/// that logind makes: a shell by `su` has root's.
fn runtime_dir(cx: Context<'_>) -> PathBuf {
    let uid = cx.ground.subject.as_ref().map(|s| s.uid);
    let own = |dir: &PathBuf| cx.host.stat(dir).known().map(|s| s.uid) == uid;
    let set = cx.ground.xdg_runtime_dir.known();
    let set = set.filter(|dir| dir.starts_with('/')).map(PathBuf::from);
    set.filter(own)
        .unwrap_or_else(|| cx.ground.runtime_dir.clone())
}

fn exec_start(cx: Context<'_>) -> Option<(PathBuf, Fact<Stat>)> {
    let home = cx.ground.home_path().to_string_lossy().into_owned();
    let program = cx.ground.unit.exec_start()?.into_iter().next()?;
    let path = PathBuf::from(program.replace("%h", &home).replace("%%", "%"));
    let stat = cx.host.stat(&path);
    Some((path, stat))
}

fn script(cx: Context<'_>) -> Fact<Script> {
    let by_unit = exec_start(cx).map(|(path, _)| path);
    let by_unit = by_unit.filter(|path| path.ends_with("dockerd-rootless.sh"));
    let by_unit = by_unit.filter(|path| !cx.host.stat(path).is_absent());
    let by_path = || Some(cx.ground.tools.first("dockerd-rootless.sh")?.path.clone());
    let path: Fact<PathBuf> = by_unit.or_else(by_path).into();
    path.and_then(|path| cx.host.read(&path).map(|text| parse_script(path, &text)))
}

/// What the text of the script says of its ways.
pub fn parse_script(path: PathBuf, text: &str) -> Script {
    Script {
        path,
        detaches_netns: text.contains("--detach-netns"),
        // Only a text that starts RootlessKit tells how.
        fixed_state_dir: text.contains("--state-dir") || !text.contains("exec $rootlesskit"),
        refuses_containerd: text.contains("containerd-rootless"),
    }
}
