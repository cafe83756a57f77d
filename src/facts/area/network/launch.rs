//! What the user's unit hands to `dockerd-rootless.sh`: the variables that pin
//! its drivers, and where they were set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::fact::Fact;
use crate::facts::limits::{Allowance, MOST_FILES, MOST_NAMES};
use crate::facts::{Context, unit};

/// Variables of the script, without this in front.
const PREFIX: &str = "DOCKERD_ROOTLESS_ROOTLESSKIT_";

/// More of them than this no installation sets.
const MOST_PINS: usize = 256;

/// A setting and the file that makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// What was set.
    pub value: String,
    /// The file it was set in.
    pub file: String,
}

/// What the unit hands over.
#[derive(Debug, Default)]
pub struct Launch {
    /// The script the unit starts; none where it starts something else, or there is no unit.
    pub script_path: Option<PathBuf>,
    /// Pinned network driver, also by `--net=` in the flags.
    pub net: Option<Pin>,
    /// Pinned port driver.
    pub port_driver: Option<Pin>,
    /// Pinned MTU.
    pub mtu: Option<Pin>,
    /// `--cidr=` in the flags.
    pub cidr: Option<Pin>,
    /// Pinned sandbox of slirp4netns.
    pub sandbox: Option<Pin>,
    /// Whether the daemon's network namespace is detached, if pinned.
    pub detach: Option<Pin>,
    /// `DOCKER_IGNORE_BR_NETFILTER_ERROR` is set.
    pub ignores_br_netfilter: bool,
    /// A file that may set variables could not be read.
    pub unreadable: Option<String>,
}

/// Reads it.
pub fn collect(cx: Context<'_>) -> Launch {
    let mut unreadable = cx.ground.unit.unreadable.first().map(told);
    let variables = variables(cx, &mut unreadable);
    let pin = |name: &str| {
        let found = variables.get(&format!("{PREFIX}{name}")).cloned();
        found.filter(|pin| !pin.value.is_empty())
    };
    let flags = pin("FLAGS");
    let flag = |name: &str| flags.as_ref().and_then(|pin| flag(pin, name));
    Launch {
        script_path: script_path(cx),
        net: flag("net").or_else(|| pin("NET")),
        port_driver: flag("port-driver").or_else(|| pin("PORT_DRIVER")),
        mtu: flag("mtu").or_else(|| pin("MTU")),
        cidr: flag("cidr"),
        sandbox: pin("SLIRP4NETNS_SANDBOX"),
        detach: pin("DETACH_NETNS"),
        ignores_br_netfilter: variables
            .get("DOCKER_IGNORE_BR_NETFILTER_ERROR")
            .is_some_and(|pin| pin.value == "1"),
        unreadable,
    }
}

/// The variables of the script that are set, and who sets them.
pub fn pins(cx: Context<'_>) -> BTreeMap<String, Pin> {
    let mut found = variables(cx, &mut None);
    found.retain(|_, pin| !pin.value.is_empty());
    found
}

fn told((path, why): &(PathBuf, String)) -> String {
    format!("{}: {why}", path.display())
}

fn script_path(cx: Context<'_>) -> Option<PathBuf> {
    let program = PathBuf::from(cx.ground.unit.exec_start()?.into_iter().next()?);
    let is_script = program
        .file_name()
        .is_some_and(|n| n == "dockerd-rootless.sh");
    let real = || cx.host.real_path(&program).into_known();
    (is_script && program.is_absolute()).then(real)?
}

/// The last `--name=value` (or `--name value`) of RootlessKit's own flags.
fn flag(flags: &Pin, name: &str) -> Option<Pin> {
    let long = format!("--{name}");
    let words: Vec<&str> = flags.value.split_whitespace().collect();
    let value = |(at, word): (usize, &&str)| {
        let joined = word.strip_prefix(&long)?;
        match joined.strip_prefix('=') {
            Some(value) => Some(value.to_owned()),
            None if joined.is_empty() => words.get(at + 1).map(ToString::to_string),
            None => None,
        }
    };
    let value = words.iter().enumerate().filter_map(value).next_back()?;
    Some(Pin {
        value,
        file: flags.file.clone(),
    })
}

/// Of the user manager (environment.d), the unit and its files, in the order
/// in which the later wins.
fn variables(cx: Context<'_>, unreadable: &mut Option<String>) -> BTreeMap<String, Pin> {
    let mut found = BTreeMap::new();
    let (paths, beyond) = environment_d(cx);
    *unreadable = unreadable.take().or(beyond);
    let mut left = Allowance::system();
    for path in paths {
        add_file(left.read(cx.host, &path), &path, &mut found, unreadable);
    }
    let docker = &cx.ground.unit;
    let expanded = docker.environment(cx.ground.home_path());
    // The file that sets each last: its value is the expanded one.
    let mut files = BTreeMap::new();
    for file in docker.file.iter().chain(&docker.drop_ins) {
        let settings = file.settings.iter();
        for setting in settings.filter(|s| s.section == "Service" && s.name == "Environment") {
            let words = unit::words(&setting.value).unwrap_or_default();
            for name in words.iter().filter_map(|word| word.split('=').next()) {
                if wanted(name) && expanded.contains_key(name) {
                    files.insert(name.to_owned(), &file.path);
                }
            }
        }
    }
    for (name, path) in files {
        let value = expanded.get(&name).cloned().unwrap_or_default();
        let file = path.to_string_lossy().into_owned();
        found.insert(name, Pin { value, file });
    }
    let mut left = Allowance::default();
    for path in environment_files(cx) {
        add_file(left.read(cx.host, &path), &path, &mut found, unreadable);
    }
    if found.len() > MOST_PINS {
        unreadable.get_or_insert_with(|| format!("there are more than {MOST_PINS} variables"));
        found = found.into_iter().take(MOST_PINS).collect();
    }
    found
}

fn wanted(name: &str) -> bool {
    name.starts_with(PREFIX) || name == "DOCKER_IGNORE_BR_NETFILTER_ERROR"
}

fn add_file(
    text: Fact<String>,
    path: &Path,
    found: &mut BTreeMap<String, Pin>,
    unreadable: &mut Option<String>,
) {
    let text = match text {
        Fact::Known(text) => text,
        Fact::Absent => return,
        Fact::Unreadable(why) => {
            unreadable.get_or_insert_with(|| told(&(path.into(), why.text)));
            return;
        }
    };
    for (name, value) in assignments(&text).filter(|(name, _)| wanted(name)) {
        let file = path.to_string_lossy().into_owned();
        found.insert(name, Pin { value, file });
        if found.len() > MOST_PINS {
            return;
        }
    }
}

/// `NAME=value` lines as in systemd's EnvironmentFile=, quotes taken off.
pub fn assignments(text: &str) -> impl Iterator<Item = (String, String)> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        let (name, value) = line.split_once('=')?;
        let plain = !line.starts_with(['#', ';']) && !name.contains(char::is_whitespace);
        let value = value.trim().trim_matches(['"', '\'']);
        plain.then(|| (name.to_owned(), value.to_owned()))
    })
}

/// The files of environment.d(5), whose variables every user unit inherits, and
/// the directory that has more than are listed.
pub fn environment_d(cx: Context<'_>) -> (Vec<PathBuf>, Option<String>) {
    let own = cx.ground.home_path().join(".config/environment.d");
    let dirs = [
        "/usr/lib/environment.d",
        "/run/environment.d",
        "/etc/environment.d",
    ];
    let mut by_name = BTreeMap::new();
    let mut beyond = None;
    for dir in dirs.iter().map(PathBuf::from).chain([own]) {
        let names = cx.host.list(&dir).into_known().unwrap_or_default();
        if names.len() >= MOST_NAMES {
            beyond = Some(told(&(dir.clone(), "it holds too many names".into())));
        }
        for name in names.into_iter().filter(|name| name.ends_with(".conf")) {
            let path = dir.join(&name);
            by_name.insert(name, path);
        }
    }
    (by_name.into_values().collect(), beyond)
}

/// The files the unit names with `EnvironmentFile=`.
pub fn environment_files(cx: Context<'_>) -> Vec<PathBuf> {
    let settings = cx.ground.unit.values("Service", "EnvironmentFile");
    let home = cx.ground.home_path().to_string_lossy();
    let path = |value: &str| PathBuf::from(value.trim_start_matches('-').replace("%h", &home));
    // One more than are read.
    let settings = settings.iter().take(MOST_FILES + 1);
    let paths = settings.map(|s| path(&s.value));
    paths.filter(|path| path.is_absolute()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_assignments() {
        let pin = |value: &str| Pin {
            value: value.into(),
            file: "/f".into(),
        };
        let flags = pin("--cidr=10.9.0.0/24 --net slirp4netns --cidr 10.8.0.0/24 --ifname=x");
        let of = |name| flag(&flags, name).map(|pin| pin.value);
        assert_eq!(of("cidr").as_deref(), Some("10.8.0.0/24"));
        assert_eq!(of("net").as_deref(), Some("slirp4netns"));
        assert_eq!(of("mtu"), None);
        let text = "# A=1\nB = 2\r\nC=\"x y\"\r\nnonsense\n";
        let found: Vec<_> = assignments(text).collect();
        assert_eq!(found, [("C".to_owned(), "x y".to_owned())]);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            assignments(&text).count();
            flag(&Pin { value: text, file: String::new() }, "net");
        }
    }
}
