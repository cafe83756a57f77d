//! Questions on a real terminal: whoever leaves one by Ctrl-C, Escape or a signal
//! finds the terminal as it was, nothing changed, and the exit code that is
//! documented. (The questions of a host that is fit are asked in `tests/vm`.)
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

/// Nobody's uid, used when the tests run as root.
const UID: u32 = 54_321;
const PATIENCE: Duration = Duration::from_secs(30);
const CTRL_C: &str = "\x03";
const ESCAPE: &str = "\x1b";
const DOWN: &str = "\x1b[B";
const SHOW_CURSOR: &str = "\x1b[?25h";

/// One that the docker client cannot read: `fix` can set it aside.
const CONFIG: &str = ".docker/config.json";

/// A home with a hand-written unit, something to fix and something to uninstall.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Home(tempfile::tempdir().unwrap());
        home.file("bin/dockerd-rootless.sh", "#!/bin/sh\n");
        home.file(".config/systemd/user/docker.service", "[Service]\n");
        home.file(CONFIG, "{ \"debug\": tru");
        let line = "{\"entry\":\"journal\",\"format\":1,\"tool\":\"t\",\"made\":[]}\n\
             {\"entry\":\"before\",\"id\":0,\"undo\":\"remove-dir\",\"path\":\"/nowhere/x\"}\n";
        home.file(".local/state/rootless-setup/journal.jsonl", line);
        // The build tree may lie where an ordinary user cannot look. By another
        // process: a test that starts something meanwhile would inherit the file,
        // open for writing, and it could not be run ("Text file busy").
        let copied = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_rootless-setup"))
            .arg(home.path("bin/tool"))
            .status();
        assert!(copied.unwrap().success());
        for name in ["bin/dockerd-rootless.sh", "bin/tool", ""] {
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(home.path(name), mode).unwrap();
        }
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The tool on a terminal of its own, which is the terminal of its session.
    fn start(&self, args: &[&str]) -> Session {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(i32::try_from(OFlags::NOCTTY.bits()).unwrap())
            .open(name.to_str().unwrap())
            .unwrap();
        let mut command = Command::new("setsid");
        command
            .arg("--ctty")
            .arg(self.path("bin/tool"))
            .args(args)
            .env_clear()
            .env("HOME", self.0.path())
            .env("TERM", "xterm")
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path("bin").display()),
            )
            .current_dir("/")
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave.try_clone().unwrap());
        if rustix::process::geteuid().is_root() {
            own(self.0.path());
            command.uid(UID).gid(UID);
        }
        let child = command.spawn().unwrap();
        let screen = Arc::new(Mutex::new(Vec::new()));
        let master = File::from(master);
        let (seen, from) = (Arc::clone(&screen), master.try_clone().unwrap());
        std::thread::spawn(move || read(from, &seen));
        Session {
            child,
            master,
            slave,
            screen,
        }
    }

    /// Every path with its mode and content.
    fn tree(&self) -> BTreeMap<PathBuf, (u32, Option<Vec<u8>>)> {
        let mut found = BTreeMap::new();
        let mut todo = vec![self.0.path().to_owned()];
        while let Some(path) = todo.pop() {
            let meta = path.symlink_metadata().unwrap();
            if meta.is_dir() {
                let entries = std::fs::read_dir(&path).unwrap();
                todo.extend(entries.map(|entry| entry.unwrap().path()));
            }
            let content = meta.is_file().then(|| std::fs::read(&path).unwrap());
            found.insert(path, (meta.permissions().mode(), content));
        }
        found
    }
}

fn own(path: &Path) {
    lchown(path, Some(UID), Some(UID)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            own(&entry.unwrap().path());
        }
    }
}

/// Reads what the terminal shows, as long as somebody looks at it.
fn read(mut from: File, screen: &Arc<Mutex<Vec<u8>>>) {
    let mut bytes = [0; 4096];
    let slice = Timespec::try_from(Duration::from_millis(20)).unwrap();
    while Arc::strong_count(screen) > 1 {
        let mut fds = [PollFd::new(&from, PollFlags::IN)];
        if poll(&mut fds, Some(&slice)).unwrap() == 0 {
            continue;
        }
        match from.read(&mut bytes) {
            Ok(n @ 1..) => screen.lock().unwrap().extend_from_slice(&bytes[..n]),
            _ => return,
        }
    }
}

struct Session {
    child: Child,
    master: File,
    slave: File,
    screen: Arc<Mutex<Vec<u8>>>,
}

impl Session {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Waits until the screen shows `text` and the program reads keys.
    fn asks(&self, text: &str) {
        let asks = || self.text().contains(text) && !self.echoes();
        self.wait(&format!("asks {text:?}"), asks);
    }

    fn wait(&self, what: &str, until: impl Fn() -> bool) {
        let start = Instant::now();
        while !until() {
            let screen = self.text();
            assert!(start.elapsed() < PATIENCE, "never {what}:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn echoes(&self) -> bool {
        let modes = tcgetattr(&self.slave).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit code and what was said; the terminal is as it was.
    fn end(mut self, says: &str) -> Option<i32> {
        let code = ended(&mut self.child);
        self.wait(&format!("says {says:?}"), || self.text().contains(says));
        let screen = self.text();
        let cursor = screen.rfind("\x1b[?25").map(|at| &screen[at..]);
        let shown = cursor.is_none_or(|last| last.starts_with(SHOW_CURSOR));
        assert!(shown, "the cursor is hidden:\n{screen:?}");
        assert!(self.echoes(), "the terminal does not echo");
        assert_eq!(screen.matches("error: ").count(), 1, "{screen}");
        code
    }
}

/// Its exit code, once it has ended.
fn ended(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(start.elapsed() < PATIENCE, "it goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

const FOREIGN: (&[&str], &str) = (&["install"], "What to do with it?");
const UNINSTALL: (&[&str], &str) = (&["uninstall"], "Do this?");
const FIX: (&[&str], &str) = (&["fix"], "What shall be mended?");
const FIX_PLAN: (&[&str], &str) = (&["fix", "docker.cli-config"], "Do this?");

/// Leaves the question by `leave`, and nothing was changed.
fn left(
    (args, question): (&[&str], &str),
    says: &str,
    leave: impl Fn(&mut Session),
) -> Option<i32> {
    let home = Home::new();
    let mut session = home.start(args);
    let before = home.tree();
    session.asks(question);
    leave(&mut session);
    let code = session.end(says);
    assert!(home.tree() == before, "the home was changed");
    code
}

#[test]
fn ctrl_c_at_a_question_ends_it_with_nothing_changed() {
    for question in [FOREIGN, UNINSTALL, FIX, FIX_PLAN] {
        // The more often, the likelier a race would show.
        for _ in 0..5 {
            let code = left(question, "interrupted; nothing was changed", |s| {
                s.keys(CTRL_C)
            });
            assert_eq!(code, Some(130));
        }
    }
}

#[test]
fn a_signal_at_a_question_ends_it_with_nothing_changed() {
    for question in [FOREIGN, UNINSTALL, FIX] {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
            let send = |s: &mut Session| s.signal(signal);
            let ended = left(question, "interrupted; nothing was changed", send);
            assert_eq!(ended, Some(code), "{signal:?}");
        }
    }
}

#[test]
fn to_say_no_is_to_decline() {
    let no = "nothing was changed: you said no";
    let stop = format!("{DOWN}{DOWN}\r");
    for (question, keys) in [
        (FOREIGN, ESCAPE),
        (FOREIGN, stop.as_str()),
        (UNINSTALL, ESCAPE),
        (FIX, ESCAPE),
        (FIX_PLAN, "n"),
        (UNINSTALL, "n"),
        // Anything that is no answer is passed over.
        (UNINSTALL, "x\x04\x1a\u{e9}\x1b[An"),
    ] {
        let code = left(question, no, |s| s.keys(keys));
        assert_eq!(code, Some(4), "{keys:?}");
    }
}

#[test]
fn a_terminal_that_goes_away_is_no_yes() {
    let home = Home::new();
    let session = home.start(UNINSTALL.0);
    let before = home.tree();
    session.asks(UNINSTALL.1);
    let Session {
        mut child,
        master,
        slave,
        screen,
    } = session;
    drop((master, slave, screen));
    let code = ended(&mut child);
    assert!(matches!(code, Some(4 | 129)), "{code:?}");
    assert!(home.tree() == before, "the home was changed");
}

/// `fix` for what is marked: at first everything that fails is.
#[test]
fn fix_mends_what_is_marked() {
    let home = Home::new();
    let mut session = home.start(FIX.0);
    session.asks(FIX.1);
    session.keys("\r");
    session.asks("Do this?");
    session.keys("y");
    // What root has to do depends on the host that runs this test.
    let script = "Write root's part as a script?";
    session.wait("comes to its end", || {
        session.text().contains(script) || !home.path(CONFIG).exists()
    });
    let mut asked = false;
    let code = loop {
        if let Some(status) = session.child.try_wait().unwrap() {
            break status.code();
        }
        if !asked && session.text().contains(script) {
            session.asks(script);
            session.keys("\r");
            asked = true;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(matches!(code, Some(0 | 1 | 4)), "{code:?}");
    assert!(!home.path(CONFIG).exists());
    let aside = std::fs::read_dir(home.path(".docker")).unwrap();
    assert_eq!(aside.count(), 1, "set aside, not removed");
}

/// Nothing marked is nothing done.
#[test]
fn fix_leaves_what_is_not_marked() {
    let home = Home::new();
    let mut session = home.start(FIX.0);
    let before = home.tree();
    session.asks(FIX.1);
    // A key that marks everything, or nothing where all is marked already.
    session.keys("a");
    session.keys(DOWN);
    let marked = |text: &str| {
        text.rsplit(FIX.1)
            .next()
            .map(|now| now.matches("[x]").count())
    };
    session.wait("marks all", || marked(&session.text()) > Some(0));
    session.keys("a");
    session.keys("\r");
    let code = ended(&mut session.child);
    assert!(matches!(code, Some(0 | 4)), "{code:?}:\n{}", session.text());
    assert!(home.tree() == before, "the home was changed");
}
