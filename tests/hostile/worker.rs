//! The hidden modes of the program, spoken to as root's own process does.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// No account has these ids: the kernel needs none.
pub const RUNNER: u32 = 54_321;
pub const READER: u32 = 54_421;

/// Whether the tests can become somebody else.
pub fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("not run: these attacks need root");
    }
    root
}

/// A process of the program's in one of its modes.
pub struct Worker {
    pub child: Child,
    stream: BufReader<UnixStream>,
}

impl Worker {
    pub fn start(mode: &str, order: &Value) -> Worker {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_rootless-setup"))
            .arg(mode)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut worker = Worker {
            child,
            stream: BufReader::new(ours),
        };
        worker.send(order);
        worker
    }

    pub fn send(&mut self, what: &Value) {
        let line = format!("{what}\n");
        self.stream.get_mut().write_all(line.as_bytes()).unwrap();
    }

    /// The next answer; none if it ended without one.
    pub fn answer(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
    }

    pub fn ask(&mut self, question: &Value) -> Value {
        self.send(question);
        self.answer().unwrap()
    }
}

pub fn account(uid: u32) -> Value {
    json!({"uid": uid, "gid": uid, "groups": [uid + 1], "tasks": 64})
}

/// What the runner runs now, by its process ids.
pub fn processes() -> Vec<i32> {
    let all = procfs::process::all_processes().unwrap().flatten();
    let of_account = |process: &procfs::process::Process| {
        let alive = |state| !matches!(state, 'Z' | 'X');
        process.uid().is_ok_and(|uid| uid == RUNNER)
            && process.stat().is_ok_and(|stat| alive(stat.state))
    };
    all.filter(of_account).map(|process| process.pid).collect()
}
