//! A terminal with a program at it, and a home for the program.

use std::cell::Cell;
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
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// Nobody's uid, used when the tests run as root.
pub const UID: u32 = 54_321;
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const CTRL_C: &str = "\x03";
pub const ESCAPE: &str = "\x1b";
pub const DOWN: &str = "\x1b[B";
pub const SHOW_CURSOR: &str = "\x1b[?25h";

/// One that the docker client cannot read: `fix` can set it aside.
pub const CONFIG: &str = ".docker/config.json";

/// What a terminal is, and what is said of it.
#[derive(Clone, Copy)]
pub struct Terminal {
    pub term: &'static str,
    pub columns: u16,
    pub lang: &'static str,
    pub no_color: bool,
    /// The working directory is the home.
    pub inside: bool,
}

impl Default for Terminal {
    fn default() -> Self {
        Terminal {
            term: "xterm",
            columns: 80,
            lang: "C.UTF-8",
            no_color: false,
            inside: false,
        }
    }
}

/// A home with a hand-written unit, something to fix and something to uninstall.
pub struct Home(tempfile::TempDir);

impl Home {
    pub fn new() -> Self {
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

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn start(&self, args: &[&str]) -> Session {
        self.start_on(Terminal::default(), args)
    }

    /// The tool on a terminal of its own, which is the terminal of its session.
    pub fn start_on(&self, terminal: Terminal, args: &[&str]) -> Session {
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
        let size = Winsize {
            ws_row: 40,
            ws_col: terminal.columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&slave, size).unwrap();
        let mut command = Command::new("setsid");
        command
            .arg("--ctty")
            .arg(self.path("bin/tool"))
            .args(args)
            .env_clear()
            .env("HOME", self.0.path())
            .env("TERM", terminal.term)
            .env("LANG", terminal.lang)
            .envs(terminal.no_color.then_some(("NO_COLOR", "1")))
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path("bin").display()),
            )
            .current_dir(match terminal.inside {
                true => self.0.path(),
                false => Path::new("/"),
            })
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
            seen: Cell::new(0),
        }
    }

    /// Every path with its mode and content.
    pub fn tree(&self) -> BTreeMap<PathBuf, (u32, Option<Vec<u8>>)> {
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

pub fn own(path: &Path) {
    lchown(path, Some(UID), Some(UID)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            own(&entry.unwrap().path());
        }
    }
}

/// Reads what the terminal shows, as long as somebody looks at it.
pub fn read(mut from: File, screen: &Arc<Mutex<Vec<u8>>>) {
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

pub struct Session {
    pub child: Child,
    pub master: File,
    pub slave: File,
    pub screen: Arc<Mutex<Vec<u8>>>,
    /// Up to where the screen was looked at.
    pub seen: Cell<usize>,
}

/// Comes after everything else.
pub const END: &[u8] = b"\x1c";

impl Session {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Waits until the screen shows `text` and the program reads keys.
    pub fn asks(&self, text: &str) {
        let asks = || self.text().contains(text) && !self.echoes();
        self.wait(&format!("asks {text:?}"), asks);
    }

    /// The same for what was not looked at yet.
    pub fn asks_next(&self, text: &str) {
        let new = || {
            self.text()
                .get(self.seen.get()..)
                .unwrap_or_default()
                .to_owned()
        };
        let asks = || new().contains(&format!("{text}:")) && !self.echoes();
        self.wait(&format!("asks {text:?}"), asks);
        self.seen.set(self.text().len());
    }

    /// Waits until it has shown `text`, which was not looked at yet, and reads a line.
    pub fn reads(&self, text: &str) {
        let start = self.seen.get();
        let shown = || {
            let screen = self.text();
            let at = screen.get(start..)?.find(text)? + start;
            screen[at..].find("]: ").map(|end| at + end)
        };
        self.wait(&format!("reads {text:?}"), || shown().is_some());
        self.seen.set(shown().unwrap());
    }

    pub fn wait(&self, what: &str, until: impl Fn() -> bool) {
        let start = Instant::now();
        while !until() {
            let screen = self.text();
            assert!(start.elapsed() < PATIENCE, "never {what}:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end of the program, and until all it wrote is on the screen.
    pub fn ended(&mut self) -> Option<i32> {
        let code = ended(&mut self.child);
        let written = self.text().len();
        self.slave.write_all(END).unwrap();
        let shown = || self.screen.lock().unwrap()[written..].ends_with(END);
        self.wait("comes to an end", shown);
        let mut screen = self.screen.lock().unwrap();
        let kept = screen.len() - END.len();
        screen.truncate(kept);
        code
    }

    pub fn echoes(&self) -> bool {
        let modes = tcgetattr(&self.slave).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    pub fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit code and what was said; the terminal is as it was.
    pub fn end(mut self, says: &str) -> Option<i32> {
        let code = self.ended();
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
pub fn ended(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(start.elapsed() < PATIENCE, "it goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
}
