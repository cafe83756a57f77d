//! Facts of the area `cgroup`: which hierarchy, and what of it is the user's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::fact::Fact;
use crate::facts::init::{self, Init};
use crate::facts::limits::Allowance;
use crate::facts::mounts::{self, Mount};
use crate::facts::unit::{self, UnitFile};
use crate::facts::version::Version;
use crate::facts::{Context, process};
use crate::host::Host;

const ROOT: &str = "/sys/fs/cgroup";

/// Where systemd looks for units of the system, the first found wins.
const UNIT_DIRS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Where systemd's own library lies, whose name holds the version.
const SYSTEMD_DIRS: [&str; 7] = [
    "/usr/lib/systemd",
    "/lib/systemd",
    "/usr/lib64/systemd",
    "/usr/lib/x86_64-linux-gnu/systemd",
    "/usr/lib/aarch64-linux-gnu/systemd",
    "/usr/lib/arm-linux-gnueabihf/systemd",
    "/run/current-system/systemd/lib/systemd",
];

/// Controllers, by name.
pub type Controllers = BTreeSet<String>;

/// How control groups are mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hierarchy {
    /// cgroup v2 alone, as rootless Docker needs it for limits.
    Unified,
    /// Controllers on v1, an empty v2 beside them.
    Hybrid,
    /// v1 alone.
    Legacy,
}

/// What the area's rules judge.
#[derive(Debug)]
pub struct Facts {
    /// How control groups are mounted; `Absent` when they are not.
    pub hierarchy: Fact<Hierarchy>,
    /// The init system.
    pub init: Fact<Init>,
    /// Controllers this kernel has on v2.
    pub kernel: Fact<Controllers>,
    /// Controllers the user's systemd has; `Absent` when none runs.
    pub delegated: Fact<Controllers>,
    /// Those of them that were delegated after the user's systemd was started: the
    /// kernel hands them down after a daemon-reload, systemd only after a restart.
    pub late: Controllers,
    /// What `user@.service` says the user is to have.
    pub asked: Asked,
    /// systemd's version, where it matters.
    pub systemd: Fact<Version>,
    /// The user's daemon that runs now.
    pub daemon: Fact<Daemon>,
}

/// `Delegate=` of `user@.service` and its drop-ins.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The controllers; `yes` is written as all five of ours.
    pub controllers: Controllers,
    /// Files that say so.
    pub files: Vec<PathBuf>,
    /// A file that could not be read, with the reason.
    pub unreadable: Option<String>,
}

/// The user's daemon that runs now.
#[derive(Debug, PartialEq, Eq)]
pub struct Daemon {
    /// Its process id.
    pub pid: u32,
    /// The cgroup it is in.
    pub cgroup: String,
}

/// Controllers that `docker run` has options for.
pub const WANTED: [&str; 5] = ["cpu", "cpuset", "io", "memory", "pids"];

/// Reads the area's facts.
pub fn collect(cx: Context<'_>) -> Facts {
    let mounts = cx.ground.mounts.as_ref();
    let hierarchy = mounts.and_then(|mounts| Fact::from(hierarchy(mounts)));
    let unified = hierarchy == Fact::Known(Hierarchy::Unified);
    let list = |path: PathBuf| match unified {
        true => cx.host.read(&path).map(|text| controllers(&text)),
        false => Fact::Absent,
    };
    let service = cx.ground.subject.as_ref().map(|s| s.uid).map(|uid| {
        PathBuf::from(format!(
            "{ROOT}/user.slice/user-{uid}.slice/user@{uid}.service"
        ))
    });
    let delegated = match &service {
        Some(dir) => list(dir.join("cgroup.controllers")),
        None => Fact::Absent,
    };
    let asked = match unified {
        true => asked(cx),
        false => Asked::default(),
    };
    let lacks = unified && !delegated.known().is_some_and(|d| d.contains("cpuset"));
    Facts {
        hierarchy,
        init: init::collect(cx.host),
        kernel: list(Path::new(ROOT).join("cgroup.controllers")),
        late: match (&service, &delegated) {
            (Some(dir), Fact::Known(there)) => late(cx.host, dir, &asked, there),
            _ => Controllers::default(),
        },
        asked,
        systemd: match lacks {
            true => systemd_version(cx),
            false => Fact::Absent,
        },
        delegated,
        daemon: daemon(cx),
    }
}

/// Tells the three ways to mount control groups apart, as containerd does.
fn hierarchy(mounts: &[Mount]) -> Option<Hierarchy> {
    let at = |path: &str| mounts.iter().rfind(|m| m.at == Path::new(path));
    let kind = |path: &str| at(path).map(|m| m.kind.as_str());
    let below = |m: &&Mount| m.kind == "cgroup" && m.at.starts_with(ROOT);
    match mounts::holding(mounts, Path::new(ROOT))?.kind.as_str() {
        "cgroup2" => Some(Hierarchy::Unified),
        _ if kind("/sys/fs/cgroup/unified") == Some("cgroup2") => Some(Hierarchy::Hybrid),
        _ if mounts.iter().any(|m| below(&m)) => Some(Hierarchy::Legacy),
        _ => None,
    }
}

/// The names in a `cgroup.controllers` file.
fn controllers(text: &str) -> Controllers {
    text.split_whitespace().map(str::to_owned).collect()
}

fn asked(cx: Context<'_>) -> Asked {
    let mut asked = Asked::default();
    let mut files = Vec::new();
    let base = UNIT_DIRS.map(|dir| Path::new(dir).join("user@.service"));
    files.extend(
        base.into_iter()
            .find(|path| cx.host.stat(path).known().is_some()),
    );
    let uid = cx.ground.subject.as_ref().map(|s| s.uid);
    let instance = uid.map(|uid| format!("user@{uid}.service.d"));
    let dirs = std::iter::once("user@.service.d".to_owned()).chain(instance);
    for dir in dirs {
        files.extend(drop_ins(cx.host, &dir));
    }
    let mut left = Allowance::default();
    for path in files {
        match left.read(cx.host, &path) {
            Fact::Known(text) => delegate(&unit::parse(&path, &text), &mut asked),
            Fact::Unreadable(why) => {
                asked.unreadable = Some(format!("{}: {}", path.display(), why.text));
            }
            Fact::Absent => {}
        }
    }
    asked
}

/// A systemd gives its units only the controllers that it found at its own start.
/// Which those were it does not tell, but the ones it has handed on are among them.
fn late(host: &dyn Host, service: &Path, asked: &Asked, there: &Controllers) -> Controllers {
    let Some(started) = started(host, service) else {
        return Controllers::default();
    };
    let newer = |file: &PathBuf| host.modified(file).known().is_some_and(|t| *t > started);
    let handed_on = host.read(&service.join("cgroup.subtree_control"));
    match handed_on {
        Fact::Known(text) if asked.files.iter().any(newer) => {
            let asked = asked.controllers.intersection(there).cloned();
            asked
                .collect::<Controllers>()
                .difference(&controllers(&text))
                .cloned()
                .collect()
        }
        _ => Controllers::default(),
    }
}

/// When the systemd of a `user@.service` was started, a second late rather than early.
fn started(host: &dyn Host, service: &Path) -> Option<i64> {
    let processes = host.read(&service.join("init.scope/cgroup.procs"));
    let pid = processes.into_known()?.lines().next()?.to_owned();
    process::started(host, &pid)?.checked_add(2)
}

/// Drop-ins by name, the earlier directory hiding the later.
fn drop_ins(host: &dyn Host, dir: &str) -> Vec<PathBuf> {
    let mut found = std::collections::BTreeMap::new();
    for dir in UNIT_DIRS.map(|unit| Path::new(unit).join(dir)) {
        let names = host.list(&dir).into_known().unwrap_or_default();
        for name in names.into_iter().filter(|name| name.ends_with(".conf")) {
            let path = dir.join(&name);
            found.entry(name).or_insert(path);
        }
    }
    found.into_values().collect()
}

/// Applies `Delegate=` as systemd does: a boolean is all or nothing, names are
/// added, an empty value starts over.
fn delegate(file: &UnitFile, asked: &mut Asked) {
    let ours = |s: &&unit::Setting| s.section == "Service" && s.name == "Delegate";
    for setting in file.settings.iter().filter(ours) {
        match setting.value.as_str() {
            "yes" | "true" | "on" | "1" => {
                asked.controllers = WANTED.map(str::to_owned).into();
            }
            "" | "no" | "false" | "off" | "0" => asked.controllers.clear(),
            names => asked.controllers.extend(controllers(names)),
        }
        asked.files.push(file.path.clone());
    }
}

/// By the name of the library that all of systemd shares (since version 231),
/// which costs nothing; else systemd is asked.
fn systemd_version(cx: Context<'_>) -> Fact<Version> {
    for dir in SYSTEMD_DIRS {
        let names = cx
            .host
            .list(Path::new(dir))
            .into_known()
            .unwrap_or_default();
        if let Some(version) = names.iter().find_map(|name| shared_library(name)) {
            return Fact::Known(version);
        }
    }
    let uid = cx.ground.subject.as_ref().map_or(0, |s| s.uid);
    let version = cx.host.system_bus(uid).and_then(|bus| bus.version);
    version.and_then(|text| Fact::from(Version::parse(&text)))
}

fn shared_library(name: &str) -> Option<Version> {
    Version::parse(
        name.strip_prefix("libsystemd-shared-")?
            .strip_suffix(".so")?,
    )
}

/// By the pid file that dockerd writes into the runtime directory.
fn daemon(cx: Context<'_>) -> Fact<Daemon> {
    let own = cx.ground.xdg_runtime_dir.known().map(PathBuf::from);
    let dirs = own.into_iter().chain([cx.ground.runtime_dir.clone()]);
    for dir in dirs.filter(|dir| dir.is_absolute()) {
        let text = cx.host.read(&dir.join("docker.pid")).into_known();
        let Some(pid) = text.and_then(|text| text.trim().parse::<u32>().ok()) else {
            continue;
        };
        let name = cx.host.read(Path::new(&format!("/proc/{pid}/comm")));
        if name.known().is_none_or(|name| name.trim() != "dockerd") {
            continue;
        }
        let cgroup = process::cgroup(cx.host, &pid.to_string());
        return cgroup.map(|cgroup| Daemon { pid, cgroup });
    }
    Fact::Absent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounted(text: &str) -> Option<Hierarchy> {
        hierarchy(&mounts::parse(text).expect("mountinfo"))
    }

    #[test]
    fn three_ways_to_mount_them() {
        let v1 = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                  32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        let beside = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let v2 = "31 22 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(mounted(v2), Some(Hierarchy::Unified));
        assert_eq!(mounted(v1), Some(Hierarchy::Legacy));
        assert_eq!(mounted(&format!("{v1}{beside}")), Some(Hierarchy::Hybrid));
        assert_eq!(mounted("22 1 8:1 / / rw - ext4 /dev/vda rw\n"), None);
    }

    #[test]
    fn delegate_adds_replaces_and_resets() {
        let after = |text: &str| {
            let mut asked = Asked::default();
            delegate(&unit::parse(Path::new("/u"), text), &mut asked);
            asked.controllers.into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            after("[Service]\nDelegate=pids memory\nDelegate=cpu\n"),
            "cpu memory pids"
        );
        assert_eq!(after("[Service]\r\nDelegate=yes\r\n"), WANTED.join(" "));
        assert_eq!(
            after("[Service]\nDelegate=yes\nDelegate=\nDelegate=io\n"),
            "io"
        );
        assert_eq!(after("[Unit]\nDelegate=yes\nrubbish"), "");
    }

    #[test]
    fn the_version_in_a_library_name() {
        let version = |name: &str| shared_library(name).map(|v| v.major());
        assert_eq!(version("libsystemd-shared-252.so"), Some(252));
        assert_eq!(version("libsystemd-shared-254.5-2.fc39.so"), Some(254));
        assert_eq!(version("libsystemd-core-252.so"), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            controllers(&text);
            shared_library(&text);
            delegate(&unit::parse(Path::new("/u"), &text), &mut Asked::default());
        }
    }
}
