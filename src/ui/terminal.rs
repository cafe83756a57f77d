//! The state of the terminal: a question changes it (no echo, a hidden cursor),
//! and a program that is ended in the middle has to give it back.

use std::sync::{Mutex, PoisonError};

use console::Term;
use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};

static FORMER: Mutex<Option<Termios>> = Mutex::new(None);

/// Nothing can be drawn on it.
#[expect(clippy::disallowed_methods, reason = "the terminal's own variables")]
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// Remembers the state, for [`restore`].
pub fn remember() {
    let mut former = FORMER.lock().unwrap_or_else(PoisonError::into_inner);
    *former = tcgetattr(std::io::stdin()).ok();
}

/// Discards what was typed, or put there by another program, and not read yet.
pub fn discard_input() {
    // Where this fails there is no terminal, and nothing is asked.
    let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
}

/// Gives the terminal back as it was: for an exit in the middle of a question or
/// of anything else that draws. What comes next stands on a line of its own.
pub fn restore() {
    // Nobody is left to tell if this fails.
    let former = FORMER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(former) = former.as_ref() {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, former);
    }
    let terminal = Term::stderr();
    if terminal.is_term() {
        let _ = terminal.show_cursor();
        let _ = terminal.write_line("");
    }
}
