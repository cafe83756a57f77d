//! Facts of the area `session`: login, runtime directory, bus and linger.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::fact::{Fact, Why};
use crate::facts::init::{self, Init};
use crate::facts::limits::Allowance;
use crate::facts::{Context, process, unit};
use crate::host::{FileSystem, Host, Stat, SystemBus};

/// Where systemd's configuration lies, the first found wins.
const CONFIG_DIRS: [&str; 4] = [
    "/etc/systemd",
    "/run/systemd",
    "/usr/local/lib/systemd",
    "/usr/lib/systemd",
];

/// Where systemd looks for units of all users.
const USER_UNIT_DIRS: [&str; 5] = [
    "/etc/systemd/user",
    "/run/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
    "/lib/systemd/user",
];

/// What the area's rules judge.
#[derive(Debug)]
pub struct Facts {
    /// The init system.
    pub init: Fact<Init>,
    /// `/run/user/UID`.
    pub runtime_dir: Fact<Stat>,
    /// What `$XDG_RUNTIME_DIR` names, if it is set and names another directory.
    pub other_dir: Fact<Stat>,
    /// The user may write to the directory the daemon would use.
    pub writable: Fact<bool>,
    /// The file system that holds that directory.
    pub space: Fact<FileSystem>,
    /// Somebody listens on `/run/user/UID/systemd/private`: the user's systemd.
    pub manager: Fact<()>,
    /// Somebody listens on `/run/user/UID/bus`.
    pub bus: Fact<()>,
    /// The unit file `dbus.socket` for users.
    pub dbus_socket: Fact<PathBuf>,
    /// `$DBUS_SESSION_BUS_ADDRESS` of this shell.
    pub bus_address: Fact<String>,
    /// The cgroup of this shell.
    pub cgroup: Fact<String>,
    /// logind keeps the user's systemd without a session.
    pub linger: Fact<bool>,
    /// What logind does with processes that a session leaves behind.
    pub kill: Kill,
    /// systemd and logind, asked only where the user's systemd does not run.
    pub system_bus: Fact<SystemBus>,
}

/// `KillUserProcesses=` and its exceptions in logind.conf(5).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Kill {
    /// The setting; none where no file says it.
    pub on: Option<bool>,
    /// The file that says so.
    pub source: PathBuf,
    /// `KillOnlyUsers=`.
    pub only: Vec<String>,
    /// `KillExcludeUsers=`.
    pub exclude: Vec<String>,
}

/// Reads the area's facts.
pub fn collect(cx: Context<'_>) -> Facts {
    let dir = &cx.ground.runtime_dir;
    let systemd = init::collect(cx.host);
    let own = |path: &Path| match path.is_absolute() {
        true => cx.host.stat(path),
        false => Fact::Absent,
    };
    let runtime_dir = own(dir);
    let manager = below(cx.host, dir, "systemd/private");
    let used = used_dir(cx, &runtime_dir);
    Facts {
        other_dir: match other(cx) {
            Some(path) => own(&path),
            None => Fact::Absent,
        },
        writable: used.clone().and_then(|dir| cx.host.writable(&dir)),
        space: used.and_then(|dir| cx.host.file_system(&dir)),
        bus: below(cx.host, dir, "bus"),
        dbus_socket: unit_file(cx.host, "dbus.socket"),
        bus_address: cx.host.env("DBUS_SESSION_BUS_ADDRESS"),
        cgroup: process::cgroup(cx.host, "self"),
        linger: linger(cx),
        kill: kill(cx.host),
        system_bus: match (&systemd, &manager, &cx.ground.subject) {
            (Fact::Known(Init::Systemd), Fact::Known(()), _) => {
                Fact::Unreadable(Why::off("the user's systemd runs, nothing was to be asked"))
            }
            (Fact::Known(Init::Systemd), _, Some(s)) => cx.host.system_bus(s.uid),
            _ => Fact::Absent,
        },
        init: systemd,
        runtime_dir,
        manager,
    }
}

fn below(host: &dyn Host, dir: &Path, name: &str) -> Fact<()> {
    match dir.is_absolute() {
        true => host.connect(&dir.join(name)),
        false => Fact::Absent,
    }
}

/// `$XDG_RUNTIME_DIR`, if it is set and not `/run/user/UID`.
fn other(cx: Context<'_>) -> Option<PathBuf> {
    let set = cx
        .ground
        .xdg_runtime_dir
        .known()
        .filter(|d| !d.is_empty())?;
    let path = PathBuf::from(set);
    (path != cx.ground.runtime_dir).then_some(path)
}

/// The directory the daemon would use: `/run/user/UID` as a service, else what
/// the shell says.
fn used_dir(cx: Context<'_>, runtime_dir: &Fact<Stat>) -> Fact<PathBuf> {
    match (runtime_dir, other(cx)) {
        (Fact::Known(_), _) => Fact::Known(cx.ground.runtime_dir.clone()),
        (_, Some(path)) if path.is_absolute() => Fact::Known(path),
        _ => Fact::Absent,
    }
}

fn unit_file(host: &dyn Host, name: &str) -> Fact<PathBuf> {
    for dir in USER_UNIT_DIRS {
        let path = Path::new(dir).join(name);
        match host.stat(&path) {
            Fact::Known(_) => return Fact::Known(path),
            Fact::Unreadable(why) => return Fact::Unreadable(why),
            Fact::Absent => {}
        }
    }
    Fact::Absent
}

/// logind remembers it as an empty file named after the user.
fn linger(cx: Context<'_>) -> Fact<bool> {
    let Some(subject) = &cx.ground.subject else {
        return Fact::Absent;
    };
    let path = format!("/var/lib/systemd/linger/{}", escape(&subject.name));
    match cx.host.stat(Path::new(&path)) {
        Fact::Known(_) => Fact::Known(true),
        Fact::Absent => Fact::Known(false),
        Fact::Unreadable(why) => Fact::Unreadable(why),
    }
}

/// As systemd's `cescape()` writes names: `DOM\alice` is `DOM\\alice`.
fn escape(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b'\\' | b'"' | b'\'' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out
}

fn kill(host: &dyn Host) -> Kill {
    let main = CONFIG_DIRS.map(|dir| Path::new(dir).join("logind.conf"));
    let texts = main.into_iter().map(|path| (host.read(&path), path));
    let main = texts
        .filter_map(|(text, path)| Some((path, text.into_known()?)))
        .next();
    let mut drop_ins = BTreeMap::new();
    for dir in CONFIG_DIRS.map(|dir| Path::new(dir).join("logind.conf.d")) {
        let names = host.list(&dir).into_known().unwrap_or_default();
        for name in names.into_iter().filter(|name| name.ends_with(".conf")) {
            let path = dir.join(&name);
            drop_ins.entry(name).or_insert(path);
        }
    }
    let mut kill = Kill::default();
    let mut left = Allowance::default();
    if let Some((path, text)) = &main {
        defaults(path, text, &mut kill);
        settings(path, text, &mut kill);
    }
    for path in drop_ins.into_values() {
        if let Fact::Known(text) = left.read(host, &path) {
            settings(&path, &text, &mut kill);
        }
    }
    kill
}

/// The shipped file shows the defaults that systemd was built with as comments;
/// they differ between distributions.
fn defaults(path: &Path, text: &str, kill: &mut Kill) {
    let comment = |line: &str| line.trim().strip_prefix('#').map(str::to_owned);
    let shown: Vec<_> = text.lines().filter_map(comment).collect();
    settings(path, &format!("[Login]\n{}", shown.join("\n")), kill);
}

fn settings(path: &Path, text: &str, kill: &mut Kill) {
    let words = |value: &str| value.split_whitespace().map(str::to_owned).collect();
    for setting in unit::parse(path, text).settings {
        if setting.section != "Login" {
            continue;
        }
        match (setting.name.as_str(), setting.value.as_str()) {
            ("KillUserProcesses", "yes" | "true" | "on" | "1") => kill.on = Some(true),
            ("KillUserProcesses", "no" | "false" | "off" | "0") => kill.on = Some(false),
            ("KillOnlyUsers", value) => kill.only = words(value),
            ("KillExcludeUsers", value) => kill.exclude = words(value),
            _ => continue,
        }
        if setting.name == "KillUserProcesses" {
            kill.source = path.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_logind_writes_them() {
        assert_eq!(escape("alice"), "alice");
        assert_eq!(escape("DOM\\al ice@x"), "DOM\\\\al ice@x");
        assert_eq!(escape("é"), "\\303\\251");
    }

    #[test]
    fn comments_show_the_default_and_settings_win() {
        let of = |text: &str| {
            let mut kill = Kill::default();
            defaults(Path::new("/c"), text, &mut kill);
            settings(Path::new("/c"), text, &mut kill);
            kill
        };
        assert_eq!(of("[Login]\n#KillUserProcesses=no\n").on, Some(false));
        assert_eq!(
            of("[Login]\r\n#KillUserProcesses=no\r\nKillUserProcesses=1\r\n").on,
            Some(true)
        );
        assert_eq!(
            of("[Login]\nKillExcludeUsers=root alice\n").exclude,
            ["root", "alice"]
        );
        assert_eq!(of("KillUserProcesses=yes\n").on, None);
        assert_eq!(of("\u{feff}\0[Login").on, None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            escape(&text);
            defaults(Path::new("/c"), &text, &mut Kill::default());
            settings(Path::new("/c"), &text, &mut Kill::default());
        }
    }
}
