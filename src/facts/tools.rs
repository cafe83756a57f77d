//! Which executables there are, where, and which of them the unit would run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::fact::{Fact, Why};
use crate::host::{Host, Kind};

/// The programs rootless Docker may use, by file name.
pub const NAMES: [&str; 30] = [
    "dockerd",
    "dockerd-rootless.sh",
    "dockerd-rootless-setuptool.sh",
    "docker",
    "docker-init",
    "docker-proxy",
    "rootlesskit",
    "rootlesskit-docker-proxy",
    "containerd",
    "runc",
    "crun",
    "newuidmap",
    "newgidmap",
    "getsubids",
    "slirp4netns",
    "pasta",
    "pesto",
    "vpnkit",
    "fuse-overlayfs",
    "iptables",
    "ip6tables",
    "nft",
    "nsenter",
    "sysctl",
    "ip",
    "mount",
    "getenforce",
    "machinectl",
    "podman",
    "busybox",
];

/// Where Debian's docker.io keeps the rootless scripts, off every PATH.
const DEBIAN_CONTRIB: &str = "/usr/share/docker.io/contrib";

/// One executable found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Path as found by the search.
    pub path: PathBuf,
    /// With every link resolved.
    pub real: PathBuf,
}

/// Executables by name, in the order of the search path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    hits: BTreeMap<&'static str, Vec<Hit>>,
    /// Directories of the search path that could not be looked into, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
    wrapper: Option<PathBuf>,
}

impl Tools {
    /// Looks for every known program in `dirs`.
    pub fn collect(host: &dyn Host, dirs: &[PathBuf]) -> Self {
        let mut tools = Tools::default();
        for dir in dirs
            .iter()
            .map(PathBuf::as_path)
            .chain([Path::new(DEBIAN_CONTRIB)])
        {
            tools.look_into(host, dir);
        }
        tools
    }

    /// The same programs where the unit starts a wrapper that sets a PATH of its
    /// own (NixOS): what is not found here may well be found there.
    #[must_use]
    pub fn behind(mut self, wrapper: Option<PathBuf>) -> Self {
        self.wrapper = wrapper;
        self
    }

    fn look_into(&mut self, host: &dyn Host, dir: &Path) {
        match host.stat(dir) {
            Fact::Known(_) => {}
            // Whoever may not look into it finds nothing there when running it either.
            Fact::Unreadable(Why {
                errno: Some(13), ..
            })
            | Fact::Absent => return,
            Fact::Unreadable(why) => {
                self.unreadable.push((dir.into(), why.text));
                return;
            }
        }
        for name in NAMES {
            let path = dir.join(name);
            let Fact::Known(stat) = host.stat(&path) else {
                continue;
            };
            if stat.kind != Kind::File || stat.mode & 0o111 == 0 {
                continue;
            }
            let real = host
                .real_path(&path)
                .into_known()
                .unwrap_or_else(|| path.clone());
            let hits = self.hits.entry(name).or_default();
            // /bin and /usr/bin are one directory on most hosts.
            if !hits.iter().any(|hit| hit.real == real) {
                hits.push(Hit { path, real });
            }
        }
    }

    /// Every hit of a program, first the one that runs.
    pub fn all(&self, name: &str) -> &[Hit] {
        self.hits.get(name).map_or(&[], Vec::as_slice)
    }

    /// The executable that runs when `name` is called.
    pub fn first(&self, name: &str) -> Option<&Hit> {
        self.all(name).first()
    }

    /// Whether `name` would be found; a directory that could not be looked
    /// into makes "no" a "cannot tell".
    pub fn fact(&self, name: &str) -> Fact<&Hit> {
        match (self.first(name), &self.wrapper, self.unreadable.first()) {
            (Some(hit), ..) => Fact::Known(hit),
            (None, Some(path), _) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let why = format!("the unit starts {name}, which has a PATH of its own");
                Fact::Unreadable(Why::off(why))
            }
            (None, None, Some((dir, why))) => Fact::unreadable(format!("{}: {why}", dir.display())),
            (None, None, None) => Fact::Absent,
        }
    }
}

/// Splits a PATH; empty and relative entries, which systemd ignores, are left out.
pub fn split_path(path: &str) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = Vec::new();
    for dir in path
        .split(':')
        .filter(|d| d.starts_with('/'))
        .map(PathBuf::from)
    {
        if !dirs.contains(&dir) {
            dirs.push(dir);
        }
    }
    dirs
}
