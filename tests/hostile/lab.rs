//! A tree in a temporary directory, and a thread that exchanges two names in it.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use rootless_setup::apply::journal::Journal;
use rootless_setup::apply::mend::run::{self, Done};
use rootless_setup::apply::revert::{self, Reverted};
use rootless_setup::apply::run::World;
use rootless_setup::plan::mend::deed::Deed;
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// The user who attacks. No account has this number.
pub const USER: u32 = 4242;

/// How many times each operation is raced.
pub const RACES: usize = 250;

/// Whether these tests can run; says so if not.
pub fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: this test needs root");
    }
    root
}

pub struct Lab {
    _dir: tempfile::TempDir,
    pub top: PathBuf,
}

impl Lab {
    pub fn new() -> Lab {
        Lab::below("/tmp")
    }

    pub fn below(dir: &str) -> Lab {
        let dir = tempfile::tempdir_in(dir).unwrap();
        let top = dir.path().canonicalize().unwrap();
        // The attacker can reach it, as a home directory.
        std::fs::set_permissions(&top, std::fs::Permissions::from_mode(0o755)).unwrap();
        Lab { _dir: dir, top }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.top.join(name)
    }

    pub fn dir(&self, name: &str, uid: u32, mode: u32) {
        let path = self.at(name);
        std::fs::create_dir_all(&path).unwrap();
        set(&path, uid, mode);
    }

    pub fn file(&self, name: &str, text: &str, uid: u32, mode: u32) {
        let path = self.at(name);
        std::fs::write(&path, text).unwrap();
        set(&path, uid, mode);
    }

    pub fn link(&self, name: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.at(name)).unwrap();
        std::os::unix::fs::lchown(self.at(name), Some(USER), Some(USER)).unwrap();
    }

    pub fn world(&self) -> World {
        World {
            system: true,
            root: self.top.clone(),
            runtime_dir: "/nowhere".into(),
            socket: "/nowhere/docker.sock".into(),
            patience: Duration::from_secs(1),
            grace: Duration::from_secs(1),
        }
    }

    pub fn journal(&self) -> Journal {
        Journal::open(&self.at("state")).unwrap()
    }

    /// Does one deed as root.
    pub fn does(&self, deed: Deed) -> Done {
        run::run(&[deed], &self.world(), &mut self.journal(), &|_| {})
    }

    /// Undoes everything that was done.
    pub fn undoes(&self) -> Reverted {
        revert::since(&mut self.journal(), 0, &self.world())
    }

    /// Everything below a directory: name, kind and mode, owner, contents.
    pub fn tree(&self, name: &str) -> Vec<String> {
        let mut all = Vec::new();
        let mut left = vec![self.at(name)];
        while let Some(path) = left.pop() {
            let meta = path.symlink_metadata().unwrap();
            let text = match meta.is_file() {
                true => std::fs::read(&path).unwrap(),
                false => Vec::new(),
            };
            let owner = (meta.uid(), meta.gid(), meta.nlink(), meta.ino());
            all.push(format!("{path:?} {:o} {owner:?} {text:?}", meta.mode()));
            if meta.is_dir() {
                left.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            }
        }
        all.sort();
        all
    }
}

pub fn set(path: &Path, uid: u32, mode: u32) {
    chown(path, Some(uid), Some(uid)).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

pub fn exchange(a: &Path, b: &Path) {
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).unwrap();
}

/// Runs `work` while a thread exchanges two names without pause; how often it did. The
/// names are as before at the end.
pub fn race(a: &Path, b: &Path, work: impl FnOnce()) -> u64 {
    let stop = AtomicBool::new(false);
    let count = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(SeqCst) || count.load(SeqCst) % 2 == 1 {
                exchange(a, b);
                count.fetch_add(1, SeqCst);
            }
        });
        struct Stop<'a>(&'a AtomicBool);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.store(true, SeqCst);
            }
        }
        let _stop = Stop(&stop);
        work();
    });
    count.into_inner()
}
