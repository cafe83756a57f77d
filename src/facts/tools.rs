//! Which executables there are, where, and which of them the unit would run.

use std::collections::{BTreeMap, HashSet};
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

/// A PATH with more directories is not searched to its end.
const MOST_DIRS: usize = 128;

/// `PATH_MAX`: no system call accepts a longer path.
const LONGEST_PATH: usize = 4096;

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
    /// Looks for every known program by a PATH.
    pub fn search(host: &dyn Host, path: &str) -> Self {
        let path = search_path(path);
        let mut tools = Tools::collect(host, &path.dirs);
        let beyond = path.beyond.map(|dir| (dir, LONG_PATH.to_owned()));
        tools.unreadable.extend(beyond);
        tools
    }

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

/// The directories of a PATH.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPath {
    /// The first of them, none twice.
    pub dirs: Vec<PathBuf>,
    /// The first that is not searched, if there are too many.
    pub beyond: Option<PathBuf>,
}

/// Why a program that is in none of [`SearchPath::dirs`] may still be found.
pub const LONG_PATH: &str = "the PATH has too many directories: this one was not searched";

/// Splits a PATH; empty and relative entries, which systemd ignores, are left
/// out, and those that no system call accepts.
pub fn search_path(path: &str) -> SearchPath {
    let mut seen = HashSet::new();
    let absolute = path.split(':').filter(|d| d.starts_with('/'));
    let mut dirs = absolute
        .filter(|dir| dir.len() < LONGEST_PATH && seen.insert(*dir))
        .map(PathBuf::from);
    SearchPath {
        dirs: dirs.by_ref().take(MOST_DIRS).collect(),
        beyond: dirs.next(),
    }
}

/// The directories of [`search_path`].
pub fn split_path(path: &str) -> Vec<PathBuf> {
    search_path(path).dirs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Recorded;
    use crate::testing::TestHost;

    #[test]
    fn each_directory_once() {
        let dirs = split_path("/bin:bin::/usr/bin:/bin:/");
        assert_eq!(dirs, ["/bin", "/usr/bin", "/"].map(PathBuf::from));
        assert!(split_path(&format!("/{}", "x".repeat(5000))).is_empty());
    }

    #[test]
    fn beyond_the_limit_a_program_is_not_absent() {
        let host = Recorded::new(TestHost::new().exe("/usr/bin/runc", "0755").0);
        let many: String = (0..200).map(|n| format!(":/d/{n}")).collect();
        let tools = Tools::search(&host, &format!("/usr/bin{many}"));
        assert!(tools.fact("runc").known().is_some());
        assert!(matches!(tools.fact("crun"), Fact::Unreadable(_)));
        let few = Tools::search(&host, "/usr/bin:/d/1");
        assert!(few.fact("crun").is_absent());
    }
}
