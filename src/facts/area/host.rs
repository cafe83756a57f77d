//! Facts of the area `host`: the kernel, the user's home, and what this shell
//! and the user's systemd manager were started under.

use std::path::{Path, PathBuf};

use crate::fact::Fact;
use crate::facts::Context;
use crate::facts::process::{self, Manager, Status};
use crate::host::{Host, Stat};

/// What the area's rules judge.
#[derive(Debug)]
pub struct Facts {
    /// `kernel.ostype`.
    pub ostype: Fact<String>,
    /// `/proc/version`, its first 200 characters.
    pub version: Fact<String>,
    /// The home directory.
    pub home: Place,
    /// `~/.config` and the directories below it that an install writes to.
    pub config: Vec<Place>,
    /// `~/.docker` and what the client needs below it.
    pub docker_config: Vec<Place>,
    /// Signs of a container: where seen, and which kind it says.
    pub container: Vec<Marker>,
    /// `/proc/self/uid_map`: whether all ids of the machine are mapped.
    pub all_ids: Fact<bool>,
    /// `/proc/self/status`.
    pub own: Fact<Status>,
    /// The user's systemd manager; `Absent` when none runs.
    pub manager: Fact<Manager>,
}

/// A path and what the user may do with it.
#[derive(Debug)]
pub struct Place {
    /// Where it is.
    pub path: PathBuf,
    /// stat(2), links followed.
    pub stat: Fact<Stat>,
    /// The user may write to it.
    pub writable: Fact<bool>,
}

/// A sign that this is a container.
#[derive(Debug, PartialEq, Eq)]
pub struct Marker {
    /// Where it was seen.
    pub source: String,
    /// `docker`, `podman`, `lxc`, `systemd-nspawn`, …
    pub kind: String,
}

/// Reads the area's facts.
pub fn collect(cx: Context<'_>) -> Facts {
    let uid = cx.ground.subject.as_ref().map(|s| s.uid);
    let uid_map = cx.host.read(Path::new("/proc/self/uid_map"));
    Facts {
        ostype: cx
            .host
            .read(Path::new("/proc/sys/kernel/ostype"))
            .map(|t| t.trim().to_owned()),
        version: cx
            .host
            .read(Path::new("/proc/version"))
            .map(|t| t.trim().chars().take(200).collect()),
        home: place(cx.host, cx.ground.home_path()),
        config: config(cx),
        docker_config: docker_config(cx),
        container: container(cx),
        all_ids: uid_map.map(|text| all_ids(&text)),
        own: process::status(cx.host, "self"),
        manager: uid.map_or(Fact::Absent, |uid| process::manager(cx.host, uid)),
    }
}

fn place(host: &dyn Host, path: &Path) -> Place {
    let known = path.is_absolute();
    let stat = if known { host.stat(path) } else { Fact::Absent };
    Place {
        path: path.into(),
        writable: match stat {
            Fact::Known(_) => host.writable(path),
            _ => Fact::Absent,
        },
        stat,
    }
}

fn config(cx: Context<'_>) -> Vec<Place> {
    let Some(dir) = cx.ground.config_dir.known() else {
        return Vec::new();
    };
    let below = ["systemd", "systemd/user", "docker"].map(|name| dir.join(name));
    let all = std::iter::once(dir.clone()).chain(below);
    all.map(|path| place(cx.host, &path)).collect()
}

fn docker_config(cx: Context<'_>) -> Vec<Place> {
    let Some(home) = cx.ground.home.known() else {
        return Vec::new();
    };
    let own = cx.ground.subject.as_ref().is_some_and(|s| s.is_self);
    let set = cx.host.env("DOCKER_CONFIG").into_known();
    let set = set.filter(|dir| own && dir.starts_with('/'));
    let dir = set.map_or_else(|| home.join(".docker"), PathBuf::from);
    let below = ["config.json", "contexts", "contexts/meta"].map(|name| dir.join(name));
    let all = std::iter::once(dir).chain(below);
    all.map(|path| place(cx.host, &path)).collect()
}

/// The signs systemd-detect-virt(1) goes by, as far as an ordinary user sees them.
fn container(cx: Context<'_>) -> Vec<Marker> {
    let mut found = Vec::new();
    let mut add = |source: &str, kind: &str| {
        found.push(Marker {
            source: source.to_owned(),
            kind: kind.to_owned(),
        });
    };
    // Written by systemd when it is process 1 of a container.
    if let Fact::Known(text) = cx.host.read(Path::new("/run/systemd/container")) {
        add("/run/systemd/container", text.trim());
    }
    for (path, kind) in [("/.dockerenv", "docker"), ("/run/.containerenv", "podman")] {
        if let Fact::Known(_) = cx.host.stat(Path::new(path)) {
            add(path, kind);
        }
    }
    if let Some(kind) = cx
        .host
        .env("container")
        .into_known()
        .filter(|k| !k.is_empty())
    {
        add("$container", &kind);
    }
    if let Fact::Known(true) = cx.host.env_is_set("KUBERNETES_SERVICE_HOST") {
        add("$KUBERNETES_SERVICE_HOST", "kubernetes");
    }
    let mounts = cx.ground.mounts.known().into_iter().flatten();
    if let Some(mount) = mounts.into_iter().find(|m| m.kind == "fuse.lxcfs") {
        add(&mount.at.to_string_lossy(), "lxc");
    }
    // WSL says so in the same file; it is no container that stands in the way.
    found.retain(|marker| marker.kind != "wsl");
    found
}

/// Whether a uid_map is the one of the first user namespace.
fn all_ids(text: &str) -> bool {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    lines.next().is_none() && first.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_of_the_first_namespace() {
        assert!(all_ids("         0          0 4294967295\n"));
        assert!(!all_ids("0 100000 65536\n"));
        assert!(!all_ids(""));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            all_ids(&text);
        }
    }
}
