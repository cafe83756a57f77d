//! Writes down what somebody else asks and is told.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bundle::{Bundle, Node, Run};
use super::model::{FileSystem, Identity, Output, Program, Stat, SystemBus, UserManager};
use super::secret::masked;
use super::{BuildInfo, Host};
use crate::fact::{Fact, Why};

/// Passes every question on to another host and keeps the answer.
pub struct Recorder {
    host: Arc<dyn Host>,
    bundle: Mutex<Bundle>,
    secrets: Mutex<BTreeSet<String>>,
}

impl Recorder {
    /// Records what is asked of `host`; `user` is who was asked for, if anybody.
    pub fn new(host: Arc<dyn Host>, user: Option<String>) -> Self {
        let mut bundle = Bundle::capture(host.identity());
        bundle.user = user;
        Recorder {
            host,
            bundle: Mutex::new(bundle),
            secrets: Mutex::default(),
        }
    }

    /// What was recorded so far.
    pub fn bundle(&self) -> Bundle {
        self.lock().clone()
    }

    /// The passwords and tokens that stood in the answers and are not in the
    /// recording: so that whoever passes it on can make sure of it.
    pub fn secrets(&self) -> BTreeSet<String> {
        let secrets = self.secrets.lock();
        secrets.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The text without secrets; they are kept apart.
    fn mask(&self, text: &str) -> String {
        let (text, found) = masked(text);
        if !found.is_empty() {
            let secrets = self.secrets.lock();
            secrets
                .unwrap_or_else(PoisonError::into_inner)
                .extend(found);
        }
        text
    }

    fn masked(&self, output: &Output) -> Output {
        Output {
            stdout: self.mask(&output.stdout),
            stderr: self.mask(&output.stderr),
            ..output.clone()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Bundle> {
        // A panicking check loses its own answer, not the whole recording.
        self.bundle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every recorded path carries its stat and its link, whatever was asked of it.
    fn note(&self, path: &Path, set: impl FnOnce(&mut Node)) {
        let key = path.to_string_lossy().into_owned();
        let known = self.lock().files.contains_key(&key);
        let fresh = (!known).then(|| self.describe(path));
        let mut bundle = self.lock();
        let node = bundle.files.entry(key).or_default();
        if let Some(fresh) = fresh {
            *node = fresh;
        }
        set(node);
    }

    fn describe(&self, path: &Path) -> Node {
        let mut node = match self.host.stat(path) {
            Fact::Known(stat) => node_of(&stat),
            Fact::Absent => Node {
                absent: true,
                ..Node::default()
            },
            Fact::Unreadable(why) => Node {
                error: Some(why),
                ..Node::default()
            },
        };
        node.link = text(self.host.link(path));
        node.real = text(self.host.real_path(path)).filter(|real| Path::new(real) != path);
        // A dangling link is absent to stat, and still a link.
        node.absent &= node.link.is_none();
        node
    }
}

fn text(path: Fact<PathBuf>) -> Option<String> {
    path.into_known().map(|p| p.to_string_lossy().into_owned())
}

fn node_of(stat: &Stat) -> Node {
    Node {
        kind: Some(stat.kind),
        mode: Some(format!("{:04o}", stat.mode)),
        uid: stat.uid,
        gid: stat.gid,
        size: Some(stat.size),
        inode: Some(stat.inode),
        device: stat.device,
        ..Node::default()
    }
}

fn errno(answer: &Fact<()>) -> Option<i32> {
    match answer {
        Fact::Known(()) => Some(0),
        Fact::Absent => None,
        Fact::Unreadable(why) => why.errno.or(Some(eio())),
    }
}

/// For a failure without an errno of its own (a dead mount): EIO.
fn eio() -> i32 {
    rustix::io::Errno::IO.raw_os_error()
}

fn error_of<T>(answer: &Fact<T>) -> Option<Why> {
    match answer {
        Fact::Unreadable(why) => Some(why.clone()),
        _ => None,
    }
}

impl Host for Recorder {
    fn identity(&self) -> Identity {
        self.host.identity()
    }

    fn env(&self, name: &str) -> Fact<String> {
        let answer = self.host.env(name);
        if let Fact::Known(value) = &answer {
            let value = self.mask(value);
            self.lock().env.insert(name.into(), value);
        }
        answer
    }

    fn env_is_set(&self, name: &str) -> Fact<bool> {
        let answer = self.host.env_is_set(name);
        if answer == Fact::Known(true) {
            let note = || "(set; the value was not recorded)".into();
            self.lock().env.entry(name.into()).or_insert_with(note);
        }
        answer
    }

    fn read_up_to(&self, path: &Path, limit: u64) -> Fact<String> {
        let answer = self.host.read_up_to(path, limit);
        let text = answer.known().map(|text| self.mask(text));
        self.note(path, |node| match text {
            Some(text) => node.text = Some(text),
            None => node.read_error = error_of(&answer),
        });
        answer
    }

    fn stat(&self, path: &Path) -> Fact<Stat> {
        self.note(path, |_| ());
        self.host.stat(path)
    }

    fn link(&self, path: &Path) -> Fact<PathBuf> {
        self.note(path, |_| ());
        self.host.link(path)
    }

    fn real_path(&self, path: &Path) -> Fact<PathBuf> {
        self.note(path, |_| ());
        self.host.real_path(path)
    }

    fn list(&self, dir: &Path) -> Fact<Vec<String>> {
        let answer = self.host.list(dir);
        self.note(dir, |node| match &answer {
            Fact::Known(names) => node.entries = Some(names.clone()),
            other => node.read_error = error_of(other),
        });
        answer
    }

    fn tells_types(&self, dir: &Path) -> Fact<bool> {
        let answer = self.host.tells_types(dir);
        self.note(dir, |node| node.tells_types = answer.known().copied());
        answer
    }

    fn modified(&self, path: &Path) -> Fact<i64> {
        let answer = self.host.modified(path);
        self.note(path, |node| node.modified = answer.known().copied());
        answer
    }

    fn writable(&self, path: &Path) -> Fact<bool> {
        let answer = self.host.writable(path);
        self.note(path, |node| node.writable = answer.known().copied());
        answer
    }

    fn capability(&self, path: &Path) -> Fact<Vec<u8>> {
        let answer = self.host.capability(path);
        let hex = |bytes: &Vec<u8>| bytes.iter().map(|b| format!("{b:02x}")).collect();
        self.note(path, |node| {
            node.capability = match &answer {
                Fact::Known(bytes) => Some(hex(bytes)),
                Fact::Absent => Some(String::new()),
                Fact::Unreadable(_) => None,
            }
        });
        answer
    }

    fn file_system(&self, path: &Path) -> Fact<FileSystem> {
        let answer = self.host.file_system(path);
        let key = path.to_string_lossy().into_owned();
        match &answer {
            Fact::Known(found) => {
                self.lock().file_systems.insert(key, found.clone());
            }
            Fact::Absent => self.note(path, |_| ()),
            Fact::Unreadable(why) => {
                self.lock().dead_file_systems.insert(key, why.clone());
            }
        }
        answer
    }

    fn connect(&self, socket: &Path) -> Fact<()> {
        let answer = self.host.connect(socket);
        self.note(socket, |node| node.connect = errno(&answer));
        answer
    }

    fn open_device(&self, path: &Path) -> Fact<()> {
        let answer = self.host.open_device(path);
        self.note(path, |node| node.open = errno(&answer));
        answer
    }

    fn build_info(&self, path: &Path) -> Fact<BuildInfo> {
        let answer = self.host.build_info(path);
        self.note(path, |node| node.build_info = answer.known().cloned());
        answer
    }

    fn package_version(&self, path: &Path) -> Fact<String> {
        let answer = self.host.package_version(path);
        self.note(path, |node| node.package = answer.known().cloned());
        answer
    }

    fn run(&self, program: &Program) -> Fact<Output> {
        let answer = self.host.run(program);
        let run = Run {
            path: program.path.clone(),
            error: error_of(&answer),
            output: answer.known().map(|output| self.masked(output)),
        };
        self.lock()
            .programs
            .insert(program.key.clone().into_owned(), run);
        answer
    }

    fn user_manager(&self, runtime_dir: &Path) -> Fact<UserManager> {
        let answer = self.host.user_manager(runtime_dir);
        let recorded = answer.clone().map(|mut manager| {
            for variable in &mut manager.environment {
                *variable = self.mask(variable);
            }
            manager
        });
        self.lock().user_manager = Some(recorded);
        answer
    }

    fn system_bus(&self, uid: u32) -> Fact<SystemBus> {
        let answer = self.host.system_bus(uid);
        self.lock().system_bus = Some(answer.clone());
        answer
    }
}
