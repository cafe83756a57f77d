//! What every area builds on: who, which distribution, which kernel, what is
//! mounted, what the user's unit says and which executables it would run.

use std::path::{Path, PathBuf};

use super::daemon_json::{self, ConfigFile};
use super::mounts::{self, Mount};
use super::os_release::{self, OsRelease};
use super::subject::Subject;
use super::tools::{self, Tools};
use super::unit::{self, DockerUnit};
use super::version::Version;
use crate::fact::Fact;
use crate::host::{Host, Identity};

/// The PATH of a login on a host that says nothing else.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `PATH_MAX`: no system call accepts a longer path.
const LONGEST_PATH: usize = 4096;

/// What every area builds on.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The ids of this process.
    pub identity: Identity,
    /// The user under examination; none when root looks at the machine only.
    pub subject: Option<Subject>,
    /// The distribution.
    pub os: OsRelease,
    /// `/proc/sys/kernel/osrelease`, for example `6.1.0-18-amd64`.
    pub kernel_release: Fact<String>,
    /// `/proc/sys/kernel/arch`, else by the name of this build.
    pub arch: String,
    /// `/proc/sys/kernel/hostname`.
    pub hostname: Fact<String>,
    /// What is mounted.
    pub mounts: Fact<Vec<Mount>>,
    /// The user's home: `$HOME` for oneself, else by passwd.
    pub home: Fact<PathBuf>,
    /// `$XDG_CONFIG_HOME`, else `~/.config`.
    pub config_dir: Fact<PathBuf>,
    /// `$XDG_RUNTIME_DIR` of this shell.
    pub xdg_runtime_dir: Fact<String>,
    /// `/run/user/UID`, what the runtime directory should be.
    pub runtime_dir: PathBuf,
    /// The user's `docker.service` on the disk.
    pub unit: DockerUnit,
    /// The `daemon.json` of the user's daemon.
    pub daemon_json: ConfigFile,
    /// The PATH of this shell.
    pub shell_path: Fact<String>,
    /// The PATH the unit has, or would get from an install now.
    pub unit_path: String,
    /// Executables by the shell's PATH.
    pub shell_tools: Tools,
    /// Executables by the unit's PATH: the ones the daemon would run.
    pub tools: Tools,
}

impl Ground {
    /// Reads it. `subject` comes from [`super::subject::find`].
    pub fn collect(host: &dyn Host, subject: Option<Subject>) -> Self {
        let text = |path: &str| host.read(Path::new(path)).map(|t| t.trim().to_owned());
        let home = home(host, subject.as_ref());
        let runtime_dir = match &subject {
            Some(s) => PathBuf::from(format!("/run/user/{}", s.uid)),
            None => PathBuf::new(),
        };
        let config_dir = home
            .as_ref()
            .map(|home| config_dir(host, subject.as_ref(), home));
        let is_self = subject.as_ref().is_some_and(|s| s.is_self);
        let shell_path = match is_self {
            true => host.env("PATH"),
            false => Fact::Known(USUAL_PATH.to_owned()),
        };
        let shell_tools = Tools::search(host, shell_path.known().map_or("", String::as_str));
        let ground = Ground {
            identity: host.identity(),
            os: os_release::collect(host),
            kernel_release: text("/proc/sys/kernel/osrelease"),
            arch: text("/proc/sys/kernel/arch")
                .into_known()
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            hostname: text("/proc/sys/kernel/hostname"),
            mounts: mounts::collect(host),
            xdg_runtime_dir: match is_self {
                true => host.env("XDG_RUNTIME_DIR"),
                false => Fact::Absent,
            },
            subject,
            home,
            config_dir,
            runtime_dir,
            unit: DockerUnit::default(),
            daemon_json: ConfigFile::default(),
            shell_path,
            unit_path: String::new(),
            shell_tools,
            tools: Tools::default(),
        };
        ground.with_unit_of(host)
    }

    /// The same with the unit as it is on `host`, and what follows from it.
    #[must_use]
    pub fn with_unit_of(self, host: &dyn Host) -> Self {
        let (unit, daemon_json) = configuration(host, &self.home, &self.config_dir);
        let at_home = self.home.known().map_or(Path::new("/"), PathBuf::as_path);
        let unit_path = unit_path(&unit, at_home, &self.shell_path, &self.shell_tools);
        let shell_path = self.shell_path.known().map_or("", String::as_str);
        let tools = match tools::search_path(&unit_path) == tools::search_path(shell_path) {
            true => self.shell_tools.clone(),
            false => Tools::search(host, &unit_path),
        };
        Ground {
            tools: tools.behind(wrapper(&unit)),
            unit,
            daemon_json,
            unit_path,
            ..self
        }
    }

    /// The kernel's version by its leading numbers.
    pub fn kernel(&self) -> Option<Version> {
        Version::parse(self.kernel_release.known()?)
    }

    /// The home directory, or an empty path.
    pub fn home_path(&self) -> &Path {
        self.home.known().map_or(Path::new(""), PathBuf::as_path)
    }

    /// The mount that holds a path.
    pub fn mount_of(&self, path: &Path) -> Option<&Mount> {
        mounts::holding(self.mounts.known()?, path)
    }
}

fn home(host: &dyn Host, subject: Option<&Subject>) -> Fact<PathBuf> {
    match subject {
        None => Fact::Absent,
        Some(s) if s.is_self => host.env("HOME").and_then(|home| match home.as_str() {
            "" => Fact::Absent,
            home if home.len() >= LONGEST_PATH => Fact::unreadable("$HOME is too long for a path"),
            home => Fact::Known(PathBuf::from(home)),
        }),
        Some(s) => Fact::Known(s.home.clone()),
    }
}

/// What the user's daemon is configured by: its unit and its `daemon.json`.
fn configuration(
    host: &dyn Host,
    home: &Fact<PathBuf>,
    config: &Fact<PathBuf>,
) -> (DockerUnit, ConfigFile) {
    let (Some(home), Some(config)) = (home.known(), config.known()) else {
        return Default::default();
    };
    let unit = unit::collect(host, config);
    let daemon_json = daemon_json::collect(host, &unit, home, config);
    (unit, daemon_json)
}

/// `$XDG_CONFIG_HOME`, else `~/.config`.
fn config_dir(host: &dyn Host, subject: Option<&Subject>, home: &Path) -> PathBuf {
    let own = subject.is_some_and(|s| s.is_self);
    let set = host
        .env("XDG_CONFIG_HOME")
        .into_known()
        .filter(|dir| own && dir.starts_with('/'));
    set.map_or_else(|| home.join(".config"), PathBuf::from)
}

/// What the unit starts, if that is not Docker's own script.
fn wrapper(unit: &DockerUnit) -> Option<PathBuf> {
    let program = PathBuf::from(unit.exec_start()?.into_iter().next()?);
    (program.file_name()? != "dockerd-rootless.sh").then_some(program)
}

/// The unit's own `Environment=PATH=`, else what an install from here would
/// write: the directory of the script and the sbin ones before the shell's PATH.
fn unit_path(
    unit: &DockerUnit,
    home: &Path,
    shell_path: &Fact<String>,
    shell_tools: &Tools,
) -> String {
    let own = unit.environment(home).remove("PATH");
    own.unwrap_or_else(|| {
        let shell = shell_path.known().map_or(USUAL_PATH, String::as_str);
        let script = shell_tools.first("dockerd-rootless.sh");
        match script.and_then(|hit| hit.path.parent()) {
            Some(dir) => format!("{}:/sbin:/usr/sbin:{shell}", dir.display()),
            None => format!("/sbin:/usr/sbin:{shell}"),
        }
    })
}
