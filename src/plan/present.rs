//! What there is already of what an installation consists of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::drop_in;
use super::option::origin::{self, Origins};
use super::step::{Seen, UNIT};
use super::{context, docker_service, shell_block};
use crate::fact::Fact;
use crate::facts::Ground;
use crate::facts::area::network::script::{self, Driver, Script};
use crate::facts::listens::Listens;
use crate::host::{Host, Kind, UserManager};

/// Programs the daemon's unit must find.
const NEEDED: [&str; 14] = [
    "dockerd",
    "rootlesskit",
    "containerd",
    "runc",
    "docker-init",
    "docker-proxy",
    "slirp4netns",
    "pasta",
    "vpnkit",
    "newuidmap",
    "newgidmap",
    "fuse-overlayfs",
    "iptables",
    "nsenter",
];

/// A file as it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is not there.
    Absent,
    /// A text file; `link` if the name leads elsewhere.
    File {
        /// Text and mode.
        seen: Seen,
        /// The file itself, links resolved.
        real: PathBuf,
        /// The name is a symbolic link.
        link: bool,
    },
    /// It is there and cannot be used, and why.
    Unusable(String),
}

/// What there is.
#[derive(Clone, Debug)]
pub struct Present {
    /// The user's id.
    pub uid: u32,
    /// `~/.config/systemd/user`.
    pub unit_dir: PathBuf,
    /// `docker.service` in it.
    pub unit: Found,
    /// Our drop-ins, by name.
    pub drop_ins: BTreeMap<&'static str, Found>,
    /// The daemon's `daemon.json`.
    pub daemon_json: (PathBuf, Found),
    /// The unit that is there names it (`--config-file`).
    pub daemon_json_is_named: bool,
    /// `default.target.wants`: its permission bits, if it is there.
    pub wants_mode: Option<u32>,
    /// The user's systemd manager.
    pub manager: Fact<UserManager>,
    /// Lingering.
    pub linger: Fact<bool>,
    /// `dockerd-rootless.sh`, if it was found.
    pub script: Option<PathBuf>,
    /// Where a daemon listens that the unit starts, if nothing says otherwise.
    pub unit_socket: PathBuf,
    /// Network drivers of which the program is there.
    pub net_tools: Vec<Driver>,
    /// What that script, and the one a unit starts that is there, can do.
    pub scripts: Vec<Script>,
    /// The PATH a new unit gets.
    pub path: String,
    /// Where the daemon listens.
    pub socket: PathBuf,
    /// `$DOCKER_CONFIG`, else `~/.docker`.
    pub docker_dir: PathBuf,
    /// `config.json` in it.
    pub config: Found,
    /// The meta file of the context `rootless`.
    pub meta: Found,
    /// Where the journal lies, and who asked for which option.
    pub state_dir: PathBuf,
    /// Who asked for which option, as an earlier run kept it.
    pub origins: Found,
    /// The start file of the user's shell, if it is one we know.
    pub rc: Option<(PathBuf, Found)>,
    /// The user's login shell.
    pub shell: String,
    /// Directories of all these that are not there.
    pub missing: BTreeSet<PathBuf>,
}

impl Present {
    /// Looks. `None` if there is no user, or no home to look in.
    pub fn collect(host: &dyn Host, ground: &Ground) -> Option<Present> {
        let mut present = Self::files(host, ground)?;
        present.ask(host, ground);
        Some(present)
    }

    /// Reads the files alone: all that the texts of the unit depend on. What
    /// runs has to be asked for then, with [`Present::ask`].
    pub fn files(host: &dyn Host, ground: &Ground) -> Option<Present> {
        let subject = ground.subject.as_ref()?;
        let (home, config) = (ground.home.known()?, ground.config_dir.known()?);
        let unit_dir = config.join("systemd/user");
        let docker_dir = docker_dir(host, home);
        let script = ground.shell_tools.first("dockerd-rootless.sh");
        let script = script.map(|hit| hit.path.clone());
        let rc = shell_block::rc_file(&subject.shell, home, config);
        let state_dir = state_dir(host, home);
        Some(Present {
            uid: subject.uid,
            unit: found(host, &unit_dir.join(UNIT)),
            drop_ins: drop_ins(host, &unit_dir),
            daemon_json: daemon_json(host, ground),
            daemon_json_is_named: ground.daemon_json.named,
            wants_mode: dir_mode(host, &unit_dir.join("default.target.wants")),
            linger: Fact::Absent,
            path: path(ground, script.as_deref()),
            unit_socket: ground.runtime_dir.join("docker.sock"),
            net_tools: net_tools(ground),
            scripts: scripts(host, ground, script.as_deref()),
            script,
            socket: PathBuf::new(),
            manager: Fact::Absent,
            config: found(host, &docker_dir.join("config.json")),
            meta: found(host, &meta_path(&docker_dir)),
            rc: rc.map(|path| (path.clone(), found(host, &path))),
            shell: subject.shell.clone(),
            missing: BTreeSet::new(),
            origins: found(host, &state_dir.join(origin::NAME)),
            state_dir,
            docker_dir,
            unit_dir,
        })
    }

    /// Asks the buses: what runs, and where the daemon listens, or will listen
    /// where `ground` is what the plan makes of it.
    pub fn ask(&mut self, host: &dyn Host, ground: &Ground) {
        let user = ground.subject.as_ref().map_or("", |s| s.name.as_str());
        let login = host.system_bus(self.uid).and_then(|bus| bus.login);
        self.linger = linger(login, user, host);
        self.manager = host.user_manager(&ground.runtime_dir);
        self.socket = match ground.listens() {
            Listens::At(socket) if socket != self.unit_socket => socket,
            _ => usual_socket(ground, ground.home_path(), &self.manager),
        };
        self.missing = self.missing_dirs(host);
    }

    /// The link that enables the unit.
    pub fn link(&self) -> PathBuf {
        self.unit_dir.join("default.target.wants").join(UNIT)
    }

    /// Where a drop-in of ours lies.
    pub fn drop_in(&self, name: &str) -> PathBuf {
        self.unit_dir.join("docker.service.d").join(name)
    }

    /// What a script can do; none where its text cannot be read or tells nothing.
    pub fn script_at(&self, path: &Path) -> Option<&Script> {
        let of = |script: &&Script| Path::new(&script.path) == path;
        let found = self.scripts.iter().find(of);
        // A wrapper (NixOS) hands variables on that it does not name.
        found.filter(|script| !script.variables.is_empty())
    }

    /// Who asked for which option.
    pub fn known_origins(&self) -> Origins {
        match &self.origins {
            Found::File { seen, .. } => Origins::parse(&seen.text),
            _ => Origins::default(),
        }
    }

    /// The meta file of the context.
    pub fn meta_path(&self) -> PathBuf {
        meta_path(&self.docker_dir)
    }

    fn missing_dirs(&self, host: &dyn Host) -> BTreeSet<PathBuf> {
        let rc = self.rc.as_ref().map(|(path, _)| path.clone());
        let files = [
            self.link(),
            self.drop_in("x"),
            self.meta_path(),
            self.socket.clone(),
            self.daemon_json.0.clone(),
        ];
        let mut missing = BTreeSet::new();
        for file in files.iter().chain(&rc) {
            let dirs = file.ancestors().skip(1);
            let absent = |dir: &&Path| host.stat(dir).is_absent();
            missing.extend(dirs.take_while(absent).map(Path::to_path_buf));
        }
        missing
    }
}

fn meta_path(docker_dir: &Path) -> PathBuf {
    let dir = docker_dir.join("contexts/meta");
    dir.join(context::id(context::NAME)).join("meta.json")
}

/// `$XDG_STATE_HOME/rootless-setup`, by default in `~/.local/state`.
pub fn state_dir(host: &dyn Host, home: &Path) -> PathBuf {
    let set = host.env("XDG_STATE_HOME").into_known();
    let base = set.filter(|dir| dir.starts_with('/')).map(PathBuf::from);
    base.unwrap_or_else(|| home.join(".local/state"))
        .join("rootless-setup")
}

fn docker_dir(host: &dyn Host, home: &Path) -> PathBuf {
    let set = host.env("DOCKER_CONFIG").into_known();
    set.filter(|dir| !dir.is_empty())
        .map_or_else(|| home.join(".docker"), PathBuf::from)
}

/// logind's word, else the file in which it keeps it.
fn linger(login: Fact<crate::host::LoginUser>, user: &str, host: &dyn Host) -> Fact<bool> {
    let file = Path::new("/var/lib/systemd/linger").join(user);
    match login {
        Fact::Known(login) => Fact::Known(login.linger),
        _ => Fact::Known(host.stat(&file).known().is_some()),
    }
}

/// Where the daemon listens by itself: systemd's runtime directory; without
/// systemd this shell's, else the one the setup script makes.
fn usual_socket(ground: &Ground, home: &Path, manager: &Fact<UserManager>) -> PathBuf {
    let own = ground
        .xdg_runtime_dir
        .known()
        .filter(|d| d.starts_with('/'));
    let dir = match (manager, own) {
        (Fact::Known(_), _) => ground.runtime_dir.clone(),
        (_, Some(dir)) => PathBuf::from(dir),
        (_, None) => home.join(".docker/run"),
    };
    dir.join("docker.sock")
}

/// The PATH of the unit: the script's directory, the standard ones, and those
/// in which alone a program that is needed was found.
fn path(ground: &Ground, script: Option<&Path>) -> String {
    let dir = script
        .and_then(Path::parent)
        .unwrap_or(Path::new("/usr/bin"));
    let hits = NEEDED
        .iter()
        .filter_map(|name| ground.shell_tools.first(name));
    let dirs: Vec<PathBuf> = hits
        .filter_map(|h| Some(h.path.parent()?.to_path_buf()))
        .collect();
    docker_service::minimal_path(dir, &dirs)
}

fn net_tools(ground: &Ground) -> Vec<Driver> {
    let there = |driver: &Driver| {
        *driver == Driver::Gvisor || ground.shell_tools.first(driver.name()).is_some()
    };
    Driver::ALL.into_iter().filter(there).collect()
}

fn daemon_json(host: &dyn Host, ground: &Ground) -> (PathBuf, Found) {
    let path = &ground.daemon_json.path;
    (path.clone(), found(host, path))
}

fn scripts(host: &dyn Host, ground: &Ground, own: Option<&Path>) -> Vec<Script> {
    let started = ground
        .unit
        .exec_start()
        .and_then(|words| words.into_iter().next());
    let paths = own
        .map(Path::to_path_buf)
        .into_iter()
        .chain(started.map(PathBuf::from));
    let read = |path: PathBuf| {
        let text = host.read(&path).into_known()?;
        Some(script::parse(&path.to_string_lossy(), &text))
    };
    paths.filter_map(read).collect()
}

fn drop_ins(host: &dyn Host, unit_dir: &Path) -> BTreeMap<&'static str, Found> {
    let dir = unit_dir.join("docker.service.d");
    drop_in::names()
        .map(|name| (name, found(host, &dir.join(name))))
        .collect()
}

fn dir_mode(host: &dyn Host, path: &Path) -> Option<u32> {
    host.stat(path).known().map(|s| s.mode)
}

/// A text file that can be changed and put back.
fn found(host: &dyn Host, path: &Path) -> Found {
    let link = !host.link(path).is_absent();
    let stat = match host.stat(path) {
        Fact::Known(stat) => stat,
        Fact::Absent if link => return Found::Unusable("is a link to nowhere".into()),
        Fact::Absent => return Found::Absent,
        Fact::Unreadable(why) => return Found::Unusable(format!("cannot be read: {}", why.text)),
    };
    if stat.kind != Kind::File {
        return Found::Unusable("is not a regular file".into());
    }
    match (host.read(path), host.real_path(path)) {
        // What is not UTF-8 would not come back as it was.
        (Fact::Known(text), _) if text.contains('\u{fffd}') => {
            Found::Unusable("holds bytes that are not UTF-8".into())
        }
        (Fact::Known(text), Fact::Known(real)) => Found::File {
            seen: Seen {
                text,
                mode: stat.mode,
            },
            real,
            link,
        },
        (Fact::Unreadable(why), _) | (_, Fact::Unreadable(why)) => {
            Found::Unusable(format!("cannot be read: {}", why.text))
        }
        _ => Found::Absent,
    }
}
