//! The machine as it would be with some files written: so that the checks
//! judge an installation before it is made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{
    BuildInfo, FileSystem, Host, Identity, Kind, Output, Program, Stat, SystemBus, UserManager,
};
use crate::fact::Fact;

/// A host with some of its text files replaced or removed.
pub struct Planned {
    host: Arc<dyn Host>,
    files: BTreeMap<PathBuf, Option<String>>,
}

impl Planned {
    /// `files` by path: the text they would have, or none where they would go.
    pub fn new(host: Arc<dyn Host>, files: BTreeMap<PathBuf, Option<String>>) -> Self {
        Planned { host, files }
    }

    /// Names of planned files in `dir`, and whether they would be there.
    fn planned_in(&self, dir: &Path) -> Vec<(String, bool)> {
        let name = |path: &PathBuf| Some(path.file_name()?.to_string_lossy().into_owned());
        let inside = self
            .files
            .iter()
            .filter(|(path, _)| path.parent() == Some(dir));
        inside
            .filter_map(|(path, text)| Some((name(path)?, text.is_some())))
            .collect()
    }
}

impl Host for Planned {
    fn read_up_to(&self, path: &Path, limit: u64) -> Fact<String> {
        match self.files.get(path) {
            Some(text) => text.clone().into(),
            None => self.host.read_up_to(path, limit),
        }
    }

    fn stat(&self, path: &Path) -> Fact<Stat> {
        match self.files.get(path) {
            Some(None) => Fact::Absent,
            Some(Some(text)) => Fact::Known(Stat {
                kind: Kind::File,
                mode: 0o644,
                uid: self.host.identity().euid,
                gid: self.host.identity().egid,
                size: text.len() as u64,
                ..Stat::default()
            }),
            None => self.host.stat(path),
        }
    }

    fn list(&self, dir: &Path) -> Fact<Vec<String>> {
        let (planned, listed) = (self.planned_in(dir), self.host.list(dir));
        if planned.is_empty() || matches!(listed, Fact::Unreadable(_)) {
            return listed;
        }
        let was_there = !listed.is_absent();
        let mut names = listed.into_known().unwrap_or_default();
        for (name, there) in planned {
            names.retain(|n| *n != name);
            names.extend(there.then_some(name));
        }
        names.sort();
        match was_there || !names.is_empty() {
            true => Fact::Known(names),
            false => Fact::Absent,
        }
    }

    fn identity(&self) -> Identity {
        self.host.identity()
    }
    fn env(&self, name: &str) -> Fact<String> {
        self.host.env(name)
    }
    fn env_is_set(&self, name: &str) -> Fact<bool> {
        self.host.env_is_set(name)
    }
    fn link(&self, path: &Path) -> Fact<PathBuf> {
        self.host.link(path)
    }
    fn real_path(&self, path: &Path) -> Fact<PathBuf> {
        self.host.real_path(path)
    }
    fn tells_types(&self, dir: &Path) -> Fact<bool> {
        self.host.tells_types(dir)
    }
    fn modified(&self, path: &Path) -> Fact<i64> {
        self.host.modified(path)
    }
    fn writable(&self, path: &Path) -> Fact<bool> {
        self.host.writable(path)
    }
    fn capability(&self, path: &Path) -> Fact<Vec<u8>> {
        self.host.capability(path)
    }
    fn file_system(&self, path: &Path) -> Fact<FileSystem> {
        self.host.file_system(path)
    }
    fn connect(&self, socket: &Path) -> Fact<()> {
        self.host.connect(socket)
    }
    fn open_device(&self, path: &Path) -> Fact<()> {
        self.host.open_device(path)
    }
    fn build_info(&self, path: &Path) -> Fact<BuildInfo> {
        self.host.build_info(path)
    }
    fn package_version(&self, path: &Path) -> Fact<String> {
        self.host.package_version(path)
    }
    fn run(&self, program: &Program) -> Fact<Output> {
        self.host.run(program)
    }
    fn user_manager(&self, runtime_dir: &Path) -> Fact<UserManager> {
        self.host.user_manager(runtime_dir)
    }
    fn system_bus(&self, uid: u32) -> Fact<SystemBus> {
        self.host.system_bus(uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Recorded;
    use crate::testing::TestHost;

    #[test]
    fn planned_files_are_there_and_removed_ones_are_not() {
        let host = TestHost::new().file("/etc/d/old", "old");
        let host: Arc<dyn Host> = Arc::new(Recorded::new(host.0));
        let files = [
            ("/etc/d/old", None),
            ("/etc/d/new", Some("new".to_owned())),
            ("/etc/e/none", None),
        ];
        let files = files.map(|(path, text)| (path.into(), text)).into();
        let planned = Planned::new(host, files);
        let text = |path: &str| planned.read(Path::new(path));
        assert_eq!(text("/etc/d/new"), Fact::Known("new".to_owned()));
        assert!(text("/etc/d/old").is_absent());
        assert!(planned.stat(Path::new("/etc/d/old")).is_absent());
        assert!(text("/etc/os-release").known().is_some());
        assert_eq!(
            planned.list(Path::new("/etc/d")),
            Fact::Known(vec!["new".to_owned()])
        );
        assert!(planned.list(Path::new("/etc/e")).is_absent());
    }
}
