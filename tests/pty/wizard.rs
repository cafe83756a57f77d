//! The questions of `install --ask`, on a recorded host that is fit.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::terminal::*;

/// A recorded host that is fit: Debian's testing, with slirp4netns and pasta.
pub const FIT: &str = "tests/hosts/debian-sid.toml";

impl Home {
    /// `install --ask` for a recorded host, which changes nothing.
    pub fn wizard(&self, terminal: Terminal, more: &[&str]) -> Session {
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

pub const NET: &str = "Network driver";
pub const BOOT: &str = "Start at boot";
pub const SHELL: &str = "Set DOCKER_HOST in your shell";
pub const MORE: &str = "Anything else to set?";
pub const KEEP: &str = "Keep these answers as a file?";
pub const ENTER: &str = "\r";

/// Answers each question with its keys.
pub fn walk(session: &mut Session, way: &[(&str, &str)]) {
    for (question, keys) in way {
        session.asks_next(question);
        session.keys(keys);
    }
}

/// To the question of this number, by what stands there.
pub const WAY: [(&str, &str); 5] = [
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
        assert!(screen.contains("what is not an answer"), "{screen}");
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
