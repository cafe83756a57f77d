//! Leaving the questions of `install`, `uninstall` and `fix`.

use std::time::Duration;

use rustix::process::Signal;

use super::terminal::*;

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

/// It was for something else, or another program put it there.
#[test]
fn what_was_typed_before_a_question_is_not_an_answer() {
    for (more, no) in [(None, "n"), (Some("--plain"), "n\n")] {
        let home = Home::new();
        let args: Vec<&str> = UNINSTALL.0.iter().copied().chain(more).collect();
        let before = home.tree();
        let mut session = home.start(&args);
        session.keys("y\ny\n");
        match more {
            Some(_) => session.reads(UNINSTALL.1),
            None => session.asks(UNINSTALL.1),
        }
        // As long as it takes to read an answer that is there.
        std::thread::sleep(Duration::from_millis(300));
        assert!(
            session.child.try_wait().unwrap().is_none(),
            "it did not wait"
        );
        session.keys(no);
        let code = session.end("nothing was changed: you said no");
        assert_eq!(code, Some(4));
        assert!(home.tree() == before, "the home was changed");
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
