//! Questions on a real terminal: whoever leaves one by Ctrl-C, Escape or a signal
//! finds the terminal as it was, nothing changed, and the exit code that is
//! documented. (The questions of a host that is fit are asked in `tests/vm`.)
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

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
const UID: u32 = 54_321;
const PATIENCE: Duration = Duration::from_secs(30);
const CTRL_C: &str = "\x03";
const ESCAPE: &str = "\x1b";
const DOWN: &str = "\x1b[B";
const SHOW_CURSOR: &str = "\x1b[?25h";

/// One that the docker client cannot read: `fix` can set it aside.
const CONFIG: &str = ".docker/config.json";

/// What a terminal is, and what is said of it.
#[derive(Clone, Copy)]
struct Terminal {
    term: &'static str,
    columns: u16,
    lang: &'static str,
    no_color: bool,
    /// The working directory is the home.
    inside: bool,
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

    fn start(&self, args: &[&str]) -> Session {
        self.start_on(Terminal::default(), args)
    }

    /// The tool on a terminal of its own, which is the terminal of its session.
    fn start_on(&self, terminal: Terminal, args: &[&str]) -> Session {
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
    /// Up to where the screen was looked at.
    seen: Cell<usize>,
}

/// Comes after everything else.
const END: &[u8] = b"\x1c";

impl Session {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Waits until the screen shows `text` and the program reads keys.
    fn asks(&self, text: &str) {
        let asks = || self.text().contains(text) && !self.echoes();
        self.wait(&format!("asks {text:?}"), asks);
    }

    /// The same for what was not looked at yet.
    fn asks_next(&self, text: &str) {
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
    fn reads(&self, text: &str) {
        let start = self.seen.get();
        let shown = || {
            let screen = self.text();
            let at = screen.get(start..)?.find(text)? + start;
            screen[at..].find("]: ").map(|end| at + end)
        };
        self.wait(&format!("reads {text:?}"), || shown().is_some());
        self.seen.set(shown().unwrap());
    }

    fn wait(&self, what: &str, until: impl Fn() -> bool) {
        let start = Instant::now();
        while !until() {
            let screen = self.text();
            assert!(start.elapsed() < PATIENCE, "never {what}:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end of the program, and until all it wrote is on the screen.
    fn ended(&mut self) -> Option<i32> {
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
        ..
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
    let code = session.ended();
    assert!(matches!(code, Some(0 | 4)), "{code:?}:\n{}", session.text());
    assert!(home.tree() == before, "the home was changed");
}

/// A recorded host that is fit: Debian's testing, with slirp4netns and pasta.
const FIT: &str = "tests/hosts/debian-sid.toml";

impl Home {
    /// `install --ask` for a recorded host, which changes nothing.
    fn wizard(&self, terminal: Terminal, more: &[&str]) -> Session {
        let host = std::fs::read_to_string(FIT).unwrap();
        self.file("host.toml", &host);
        let host = self.path("host.toml");
        let args = [
            "install",
            "--ask",
            "--dry-run",
            "--replay",
            host.to_str().unwrap(),
        ];
        self.start_on(terminal, &[&args, more].concat())
    }
}

const NET: &str = "Network driver";
const BOOT: &str = "Start at boot";
const SHELL: &str = "Set DOCKER_HOST in your shell";
const MORE: &str = "Anything else to set?";
const KEEP: &str = "Keep these answers as a file?";
const ENTER: &str = "\r";

/// Answers each question with its keys.
fn walk(session: &mut Session, way: &[(&str, &str)]) {
    for (question, keys) in way {
        session.asks_next(question);
        session.keys(keys);
    }
}

/// To the question of this number, by what stands there.
const WAY: [(&str, &str); 5] = [
    (NET, ENTER),
    (BOOT, ENTER),
    (SHELL, ENTER),
    (MORE, ENTER),
    (KEEP, ENTER),
];

#[test]
fn ctrl_c_at_every_question_of_the_wizard_changes_nothing() {
    let group = [(MORE, "\x1b[B\r"), ("Network", DOWN)];
    let option = [
        (MORE, "\x1b[B\r"),
        ("Network", "\x1b[B\x1b[B\x1b[B\r"),
        ("mtu", DOWN),
    ];
    let typed = [
        (MORE, "\x1b[B\r"),
        ("Network", "\x1b[B\x1b[B\x1b[B\r"),
        ("mtu", "\x1b[B\r"),
    ];
    let mut ways: Vec<Vec<(&str, &str)>> = (0..WAY.len()).map(|n| WAY[..=n].to_vec()).collect();
    for inner in [&group[..], &option, &typed] {
        ways.push([&WAY[..3], inner].concat());
    }
    for way in ways {
        let home = Home::new();
        let mut session = home.wizard(Terminal::default(), &[]);
        let before = home.tree();
        let ((last, keys), rest) = way.split_last().unwrap();
        walk(&mut session, rest);
        session.asks_next(last);
        if *keys == "\x1b[B\r" {
            session.keys(keys);
            session.wait("asks for a line", || session.text().contains("Type it"));
        }
        session.keys(CTRL_C);
        let code = session.end("interrupted; nothing was changed");
        assert_eq!(code, Some(130), "{last}");
        assert!(home.tree() == before, "the home was changed at {last}");
    }
}

#[test]
fn the_wizard_ends_in_the_plan_of_what_was_answered() {
    let home = Home::new();
    let mut session = home.wizard(Terminal::default(), &[]);
    let before = home.tree();
    let pasta = "\x1b[B\x1b[B\r";
    walk(
        &mut session,
        &[(NET, pasta), (BOOT, ENTER), (SHELL, ESCAPE), (BOOT, ESCAPE)],
    );
    // It finds its way back, and what was answered stands there.
    walk(
        &mut session,
        &[(NET, ENTER), (BOOT, "\x1b[B\r"), (SHELL, "\x1b[A\r")],
    );
    walk(
        &mut session,
        &[(MORE, "\x1b[B\r"), ("Network", "\x1b[B\x1b[B\x1b[B\r")],
    );
    walk(&mut session, &[("mtu", "\x1b[B\r")]);
    session.wait("asks for a line", || session.text().contains("Type it"));
    session.keys("1400\r");
    walk(
        &mut session,
        &[("Network", ESCAPE), (MORE, ENTER), (KEEP, ENTER)],
    );
    let code = session.ended();
    let screen = session.text();
    assert_eq!(code, Some(0), "{screen}");
    assert!(
        screen.contains("DOCKERD_ROOTLESS_ROOTLESSKIT_NET=pasta"),
        "{screen}"
    );
    assert!(
        screen.contains("DOCKERD_ROOTLESS_ROOTLESSKIT_MTU=1400"),
        "{screen}"
    );
    assert!(screen.contains("/home/alice/.bashrc"), "{screen}");
    assert!(!screen.contains("start at boot, without"), "{screen}");
    assert!(home.tree() == before, "the home was changed");
}

#[test]
fn escape_at_the_first_question_declines() {
    let home = Home::new();
    let mut session = home.wizard(Terminal::default(), &["--net", "pasta", "--no-linger"]);
    // What was said is not asked.
    walk(&mut session, &[(SHELL, ESCAPE)]);
    let code = session.end("nothing was changed: you said no");
    assert_eq!(code, Some(4));
}

#[test]
fn answers_are_kept_in_a_file_that_install_reads() {
    let home = Home::new();
    home.file("setup.toml", "version = 1\n");
    let inside = Terminal {
        inside: true,
        ..Terminal::default()
    };
    let mut session = home.wizard(inside, &[]);
    walk(&mut session, &WAY[..4]);
    walk(&mut session, &[(KEEP, "\x1b[B\r")]);
    let code = session.ended();
    let screen = session.text();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("wrote setup-2.toml"), "{screen}");
    let path = home.path("setup-2.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("\nlinger = true\n") && text.contains("\nshell-env = false\n"),
        "{text}"
    );
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let read = Command::new(home.path("bin/tool"))
        .args(["install", "--dry-run", "--replay", FIT, "--config"])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(
        read.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
}

/// Lines with numbers: nothing is drawn, and every line is understood.
#[test]
fn without_drawing_the_questions_are_lines() {
    let dumb = Terminal {
        term: "dumb",
        ..Terminal::default()
    };
    for (terminal, more) in [(dumb, &[][..]), (Terminal::default(), &["--plain"])] {
        let home = Home::new();
        let mut session = home.wizard(terminal, more);
        let ways = [
            (NET, "9\n"),
            (NET, "what\n"),
            (NET, "pasta\n"),
            (BOOT, "b\n"),
            (NET, "\n"),
        ];
        for (question, keys) in ways
            .into_iter()
            .chain([(BOOT, "2\n"), (SHELL, "\n"), (MORE, "\n")])
        {
            session.reads(&format!("{question} ["));
            session.keys(keys);
        }
        session.reads("Keep these answers");
        session.keys("\n");
        let code = session.ended();
        let screen = session.text();
        assert_eq!(code, Some(0), "{screen}");
        assert!(screen.contains("what is no answer"), "{screen}");
        assert!(
            screen.contains("DOCKERD_ROOTLESS_ROOTLESSKIT_NET=pasta"),
            "{screen}"
        );
        assert!(!screen.contains('\x1b'), "{screen:?}");
        let mut session = home.wizard(terminal, more);
        session.reads(&format!("{NET} ["));
        session.keys(CTRL_C);
        assert_eq!(session.ended(), Some(130));
        let mut session = home.wizard(terminal, more);
        session.reads(&format!("{NET} ["));
        session.keys("\x04");
        assert_eq!(session.ended(), Some(4));
    }
}

#[test]
fn narrow_and_wide_terminals_without_colour_and_without_unicode() {
    let plain = Terminal {
        no_color: true,
        lang: "C",
        ..Terminal::default()
    };
    for (columns, most) in [(40, 40), (200, 100)] {
        for terminal in [
            Terminal { columns, ..plain },
            Terminal {
                columns,
                ..Terminal::default()
            },
        ] {
            let home = Home::new();
            let mut session = home.wizard(terminal, &[]);
            walk(&mut session, &WAY[..3]);
            walk(&mut session, &[(MORE, "\x1b[B\x1b[B\x1b[B\r")]);
            session.asks_next("Daemon (daemon.json)");
            let screen = session.text();
            session.keys(CTRL_C);
            assert_eq!(session.end("interrupted"), Some(130));
            let bare = console::strip_ansi_codes(&screen).into_owned();
            // The spinner of a slow host draws over its line, to the end of it.
            for line in bare.split(['\n', '\r']).map(str::trim_end) {
                assert!(
                    console::measure_text_width(line) <= most,
                    "{columns}: {line:?}"
                );
            }
            let colours = screen.split("\x1b[").skip(1).filter(|rest| {
                rest.find(|c: char| c.is_ascii_alphabetic())
                    .is_some_and(|at| rest[at..].starts_with('m'))
            });
            assert_eq!(colours.count(), 0, "{screen:?}");
            assert!(!terminal.no_color || screen.is_ascii(), "{screen}");
        }
    }
}

/// `rootless-setup` alone, as far as a host that is not fit lets it go.
#[test]
fn alone_it_examines_and_offers_to_mend() {
    let home = Home::new();
    let mut session = home.start(&[]);
    let before = home.tree();
    session.asks("Mend what can be mended?");
    assert!(
        session.text().contains("run containers"),
        "{}",
        session.text()
    );
    session.keys("n");
    let code = session.end("nothing was changed: ");
    assert_eq!(code, Some(1));
    let mut session = home.start(&[]);
    session.asks("Mend what can be mended?");
    session.keys("y");
    session.asks("What shall be mended?");
    session.keys(CTRL_C);
    let code = session.end("interrupted; nothing was changed");
    assert_eq!(code, Some(130));
    assert!(home.tree() == before, "the home was changed");
    let mut session = home.start(&["--no-input"]);
    assert_eq!(session.ended(), Some(2));
    session.wait("shows the help", || {
        session.text().contains("Usage: rootless-setup")
    });
}

/// The page that the README shows.
#[test]
fn the_readme_shows_the_wizard() {
    let home = Home::new();
    let mut session = home.wizard(Terminal::default(), &["--plain"]);
    for (question, keys) in [(NET, "pasta\n"), (BOOT, "\n"), (SHELL, "\n"), (MORE, "\n")] {
        session.reads(&format!("{question} ["));
        session.keys(keys);
    }
    session.reads(KEEP);
    session.keys("\n");
    assert_eq!(session.ended(), Some(0));
    let screen = session.text().replace('\r', "");
    // A slow host has a line of its own before them, and after.
    let begin = screen.find("b goes back").unwrap();
    let last = screen.find(KEEP).unwrap();
    let end = screen[last..].find("]: ").unwrap() + last + 2;
    let questions = &screen[begin..end];
    let readme = std::fs::read_to_string("README.md").unwrap();
    assert!(
        readme.contains(questions),
        "README.md is out of date:\n{questions}"
    );
}

/// `rootless-setup` alone, on a recorded host that is fit: to its plan.
#[test]
fn alone_it_goes_all_the_way() {
    let home = Home::new();
    home.file("host.toml", &std::fs::read_to_string(FIT).unwrap());
    let host = home.path("host.toml");
    let args = ["--replay", host.to_str().unwrap()];
    let go_on = "Go on to set rootless Docker up?";
    let mut session = home.start(&args);
    let before = home.tree();
    session.asks(go_on);
    assert!(
        session.text().contains("run containers    "),
        "{}",
        session.text()
    );
    session.keys("y");
    walk(&mut session, &WAY);
    let code = session.ended();
    let screen = session.text();
    assert_eq!(code, Some(0), "{screen}");
    assert!(
        screen.contains("This will be done:") && screen.contains("SetUserLinger"),
        "{screen}"
    );
    for (keys, code, says) in [
        ("n", 4, "nothing was changed: you said no"),
        (CTRL_C, 130, "interrupted; nothing was changed"),
    ] {
        let mut session = home.start(&args);
        session.asks(go_on);
        session.keys(keys);
        assert_eq!(session.end(says), Some(code));
    }
    assert!(home.tree() == before, "the home was changed");
}
