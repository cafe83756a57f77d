//! A host that answers from a bundle.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::bundle::{Bundle, Node, Unlisted};
use super::model::{FileSystem, Identity, Kind, Output, Program, Stat, SystemBus, UserManager};
use super::{BuildInfo, Host};
use crate::fact::{Fact, Why};

/// Replays a [`Bundle`].
pub struct Recorded {
    bundle: Bundle,
}

impl Recorded {
    /// A host that is what the bundle says.
    pub fn new(bundle: Bundle) -> Self {
        Recorded { bundle }
    }

    /// What the bundle is, for the page's header.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    fn missing<T>(&self) -> Fact<T> {
        match self.bundle.unlisted {
            Unlisted::Absent => Fact::Absent,
            Unlisted::Unknown => Fact::unreadable("not recorded in this bundle"),
        }
    }

    fn node(&self, path: &Path) -> Fact<&Node> {
        match self.bundle.files.get(path.to_string_lossy().as_ref()) {
            Some(node) if node.absent => Fact::Absent,
            Some(Node {
                error: Some(why), ..
            }) => Fact::Unreadable(why.clone()),
            Some(node) => Fact::Known(node),
            None => self.missing(),
        }
    }

    /// A bundle of a whole host need not list the directories its files lie in.
    fn implied(&self, dir: &Path) -> Option<Vec<String>> {
        if self.bundle.unlisted == Unlisted::Unknown {
            return None;
        }
        let prefix = format!("{}/", dir.to_string_lossy().trim_end_matches('/'));
        let names: BTreeSet<&str> = self
            .bundle
            .files
            .iter()
            .filter(|(_, node)| !node.absent)
            .filter_map(|(path, _)| path.strip_prefix(&prefix)?.split('/').next())
            .collect();
        (!names.is_empty()).then(|| names.into_iter().map(str::to_owned).collect())
    }
}

fn errno_answer(errno: Option<i32>, missing: Fact<()>) -> Fact<()> {
    match errno {
        Some(0) => Fact::Known(()),
        Some(number) => Fact::Unreadable(Why::from(&std::io::Error::from_raw_os_error(number))),
        None => missing,
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

fn stat_of(node: &Node) -> Stat {
    let kind = node.kind.unwrap_or(match node.entries {
        Some(_) => Kind::Dir,
        None => Kind::File,
    });
    let default = if kind == Kind::Dir { 0o755 } else { 0o644 };
    let mode = node.mode.as_deref();
    Stat {
        kind,
        mode: mode
            .and_then(|m| u32::from_str_radix(m, 8).ok())
            .unwrap_or(default),
        uid: node.uid,
        gid: node.gid,
        size: node
            .size
            .unwrap_or_else(|| node.text.as_ref().map_or(0, |t| t.len() as u64)),
        device: node.device,
        inode: node.inode.unwrap_or_default(),
    }
}

impl Host for Recorded {
    fn identity(&self) -> Identity {
        self.bundle.identity.clone()
    }

    fn env(&self, name: &str) -> Fact<String> {
        self.bundle.env.get(name).cloned().into()
    }

    fn env_is_set(&self, name: &str) -> Fact<bool> {
        Fact::Known(self.bundle.env.get(name).is_some_and(|v| !v.is_empty()))
    }

    fn read_up_to(&self, path: &Path, limit: u64) -> Fact<String> {
        self.node(path)
            .and_then(|node| match (&node.read_error, &node.text) {
                (Some(why), _) => Fact::Unreadable(why.clone()),
                (None, Some(text)) if text.len() as u64 > limit => {
                    Fact::unreadable(format!("larger than {limit} bytes"))
                }
                (None, Some(text)) => Fact::Known(text.clone()),
                (None, None) if self.bundle.unlisted == Unlisted::Absent => {
                    Fact::Known(String::new())
                }
                (None, None) => self.missing(),
            })
    }

    fn stat(&self, path: &Path) -> Fact<Stat> {
        if self.node(path).is_absent() && self.implied(path).is_some() {
            return Fact::Known(Stat {
                kind: Kind::Dir,
                mode: 0o755,
                ..Stat::default()
            });
        }
        self.node(path).map(stat_of)
    }

    fn link(&self, path: &Path) -> Fact<PathBuf> {
        self.node(path)
            .and_then(|node| node.link.as_ref().map(PathBuf::from).into())
    }

    fn real_path(&self, path: &Path) -> Fact<PathBuf> {
        let real = |node: &Node| {
            node.real
                .as_ref()
                .map_or_else(|| path.into(), PathBuf::from)
        };
        match self.node(path) {
            Fact::Absent if self.implied(path).is_some() => Fact::Known(path.into()),
            node => node.map(real),
        }
    }

    fn list(&self, dir: &Path) -> Fact<Vec<String>> {
        match (self.node(dir), self.implied(dir)) {
            (
                Fact::Known(Node {
                    entries: Some(names),
                    ..
                }),
                _,
            ) => Fact::Known(names.clone()),
            (Fact::Known(_) | Fact::Absent, Some(names)) => Fact::Known(names),
            (Fact::Known(node), None) => match &node.read_error {
                Some(why) => Fact::Unreadable(why.clone()),
                None => self.missing(),
            },
            (other, _) => other.and_then(|_| self.missing()),
        }
    }

    fn modified(&self, path: &Path) -> Fact<i64> {
        self.node(path).and_then(|node| match node.modified {
            Some(time) => Fact::Known(time),
            None => Fact::unreadable("its time was not recorded"),
        })
    }

    fn tells_types(&self, dir: &Path) -> Fact<bool> {
        self.node(dir).and_then(|node| match node.tells_types {
            Some(told) => Fact::Known(told),
            None => self.missing(),
        })
    }

    fn writable(&self, path: &Path) -> Fact<bool> {
        let id = &self.bundle.identity;
        let mut gids = id.groups.clone();
        gids.push(id.egid);
        let by_mode = self.stat(path).map(|s| s.allows(id.euid, &gids, 2));
        match self.node(path) {
            Fact::Known(Node {
                writable: Some(writable),
                ..
            }) => Fact::Known(*writable),
            _ => by_mode,
        }
    }

    fn capability(&self, path: &Path) -> Fact<Vec<u8>> {
        self.node(path)
            .and_then(|node| match node.capability.as_deref() {
                Some("") => Fact::Absent,
                Some(text) => {
                    hex(text).map_or_else(|| Fact::unreadable("not hexadecimal"), Fact::Known)
                }
                None => self.missing(),
            })
    }

    fn file_system(&self, path: &Path) -> Fact<FileSystem> {
        let holds = |at: &&String| path.starts_with(Path::new(at.as_str()));
        if let Some((_, why)) = self
            .bundle
            .dead_file_systems
            .iter()
            .find(|(at, _)| holds(at))
        {
            return Fact::Unreadable(why.clone());
        }
        let best = self.bundle.file_systems.iter().filter(|(at, _)| holds(at));
        match best.max_by_key(|(at, _)| at.len()) {
            Some((_, found)) => Fact::Known(found.clone()),
            None => self.missing(),
        }
    }

    fn connect(&self, socket: &Path) -> Fact<()> {
        self.node(socket)
            .and_then(|node| errno_answer(node.connect, self.missing()))
    }

    fn open_device(&self, path: &Path) -> Fact<()> {
        self.node(path)
            .and_then(|node| errno_answer(node.open, self.missing()))
    }

    fn build_info(&self, path: &Path) -> Fact<BuildInfo> {
        self.node(path)
            .and_then(|node| node.build_info.clone().into())
    }

    fn package_version(&self, path: &Path) -> Fact<String> {
        self.node(path).and_then(|node| node.package.clone().into())
    }

    fn run(&self, program: &Program) -> Fact<Output> {
        match self.bundle.programs.get(&*program.key) {
            Some(run) => match (&run.error, &run.output) {
                (Some(why), _) => Fact::Unreadable(why.clone()),
                (None, Some(output)) => Fact::Known(output.clone()),
                (None, None) => Fact::unreadable("recorded without its output"),
            },
            None => Fact::unreadable("was not run when this host was recorded"),
        }
    }

    fn user_manager(&self, _runtime_dir: &Path) -> Fact<UserManager> {
        self.bundle
            .user_manager
            .clone()
            .unwrap_or_else(|| self.missing())
    }

    fn system_bus(&self, _uid: u32) -> Fact<SystemBus> {
        self.bundle
            .system_bus
            .clone()
            .unwrap_or_else(|| self.missing())
    }
}
