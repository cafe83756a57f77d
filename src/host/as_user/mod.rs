//! Another user's view of this host, for root.
//!
//! What a user can write decides nothing in root's own process. Files are read
//! by a process that has become that user ([`reader`]), and programs run as
//! that user in a session of their own ([`supervisor`]): without root's
//! terminal, descriptors and environment, with limits, and to the last
//! descendant ended with the question. So root is told what the user is told,
//! and whatever hangs or grows is a child that can be ended.

mod account;
mod channel;
mod descendants;
mod reader;
mod supervisor;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

pub use account::Account;
pub use reader::{MODE as READER, run as read};
pub(super) use supervisor::end_all;
pub use supervisor::{BECOME, MODE as SUPERVISOR, become_program, supervise};

use super::model::{FileSystem, Identity, Output, Program, Stat, SystemBus, UserManager};
use super::{BuildInfo, Host, Live};
use crate::fact::{Fact, Why};
use reader::{Question, Reader};

/// How long one question about a file may take: two seconds are for a mount
/// whose server does not answer (`host::mounts`).
const FILE_PATIENCE: Duration = Duration::from_secs(3);

/// How many bytes of answers are taken in all: both files of subordinate IDs with a
/// million lines each. What a user can make many of has lower limits (`facts::limits`).
const MOST_ANSWERS: u64 = 96 << 20;

/// This machine, as one user sees it.
pub struct AsUser {
    account: Account,
    /// What is root's own to tell: its ids, its environment, the system bus.
    own: Live,
    probe: bool,
    end: Instant,
    idle: Mutex<Vec<Reader>>,
    answered: AtomicU64,
}

impl AsUser {
    /// Looks at this machine as `account`; everything has to be answered within
    /// `deadline`. Without `probe` no other program is run.
    pub fn new(account: Account, probe: bool, deadline: Duration) -> Self {
        AsUser {
            account,
            own: Live::new(probe, deadline),
            probe,
            end: Instant::now() + deadline,
            idle: Mutex::default(),
            answered: AtomicU64::new(0),
        }
    }

    /// Asks a reader that is free, or a new one. One that is late or lost is ended.
    fn ask<T: DeserializeOwned>(&self, question: &Question<'_>) -> Fact<T> {
        match self.answer(question).and_then(|answer| parse(&answer)) {
            Ok(fact) => fact,
            Err(why) => Fact::Unreadable(why),
        }
    }

    fn answer(&self, question: &Question<'_>) -> Result<String, Why> {
        let end = self.end.min(Instant::now() + FILE_PATIENCE);
        if Instant::now() >= self.end {
            return Err(Why::new("no time was left"));
        }
        if self.answered.load(Ordering::Relaxed) > MOST_ANSWERS {
            return Err(Why::new("more was read for this user than is looked at"));
        }
        let idle = self.idle().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => Reader::start(&self.account, self.probe, self.end)?,
        };
        let answer = reader.ask(question, end)?;
        self.answered
            .fetch_add(answer.len() as u64, Ordering::Relaxed);
        self.idle().push(reader);
        Ok(answer)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse<T: DeserializeOwned>(answer: &str) -> Result<Fact<T>, Why> {
    serde_json::from_str(answer).map_err(|_| Why::new("the answer was cut short"))
}

impl Host for AsUser {
    fn identity(&self) -> Identity {
        self.own.identity()
    }

    fn env(&self, name: &str) -> Fact<String> {
        self.own.env(name)
    }

    fn env_is_set(&self, name: &str) -> Fact<bool> {
        self.own.env_is_set(name)
    }

    fn read_up_to(&self, path: &Path, limit: u64) -> Fact<String> {
        self.ask(&Question::Read {
            path: path.into(),
            limit,
        })
    }

    fn stat(&self, path: &Path) -> Fact<Stat> {
        self.ask(&Question::Stat(path.into()))
    }

    fn link(&self, path: &Path) -> Fact<PathBuf> {
        self.ask(&Question::Link(path.into()))
    }

    fn real_path(&self, path: &Path) -> Fact<PathBuf> {
        self.ask(&Question::RealPath(path.into()))
    }

    fn list(&self, dir: &Path) -> Fact<Vec<String>> {
        self.ask(&Question::List(dir.into()))
    }

    fn tells_types(&self, dir: &Path) -> Fact<bool> {
        self.ask(&Question::TellsTypes(dir.into()))
    }

    fn modified(&self, path: &Path) -> Fact<i64> {
        self.ask(&Question::Modified(path.into()))
    }

    fn writable(&self, path: &Path) -> Fact<bool> {
        self.ask(&Question::Writable(path.into()))
    }

    fn capability(&self, path: &Path) -> Fact<Vec<u8>> {
        self.ask(&Question::Capability(path.into()))
    }

    fn file_system(&self, path: &Path) -> Fact<FileSystem> {
        self.ask(&Question::FileSystem(path.into()))
    }

    fn connect(&self, socket: &Path) -> Fact<()> {
        self.ask(&Question::Connect(socket.into()))
    }

    fn open_device(&self, path: &Path) -> Fact<()> {
        self.ask(&Question::OpenDevice(path.into()))
    }

    fn build_info(&self, path: &Path) -> Fact<BuildInfo> {
        self.ask(&Question::BuildInfo(path.into()))
    }

    fn package_version(&self, path: &Path) -> Fact<String> {
        self.ask(&Question::PackageVersion(path.into()))
    }

    fn run(&self, program: &Program) -> Fact<Output> {
        if !self.probe {
            return Fact::Unreadable(Why::off("no program was run (--no-probe)"));
        }
        if Instant::now() >= self.end {
            return Fact::unreadable("no time was left");
        }
        supervisor::run(&self.account, program, self.end)
    }

    fn user_manager(&self, _runtime_dir: &Path) -> Fact<UserManager> {
        let why = "only the user can ask the user's own systemd manager";
        Fact::Unreadable(Why::off(why))
    }

    fn system_bus(&self, uid: u32) -> Fact<SystemBus> {
        self.own.system_bus(uid)
    }
}
