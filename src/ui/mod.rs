//! The only door to the terminal: what it can show, and printing. Everything
//! passes the filter (`filter.rs`) on its way out.

#![expect(clippy::disallowed_methods, reason = "the only room that prints")]

pub mod filter;
mod look;
mod progress;
pub mod prompt;
mod terminal;

pub use look::{Look, Tone};
pub use progress::with_progress;
pub use terminal::restore;

use std::io::{Error as IoError, Write};

use crate::error::Error;

/// Prints a result to standard output.
///
/// # Errors
/// [`Error::Print`] when standard output is gone.
pub fn print(text: &str) -> Result<(), Error> {
    emit(std::io::stdout().lock(), text).map_err(Error::Print)
}

/// The one way out.
fn emit(mut to: impl Write, text: &str) -> Result<(), IoError> {
    to.write_all(filter::page(text).as_bytes())?;
    to.flush()
}

/// Writes to standard error.
pub fn note(text: &str) {
    // Nobody is left to tell if this fails.
    let _ = emit(std::io::stderr().lock(), text);
}

/// Tells something on standard error without stopping.
pub fn warn(text: &str) {
    tell(&format!("warning: {text}"));
}

/// Shows an expected error with its hint on standard error.
pub fn complain(error: &Error) {
    tell(&format!("error: {error}"));
    if let Some(hint) = error.hint() {
        // Mostly a command, to be copied.
        note(&format!("hint: {}\n", Look::stderr().safe(&hint)));
    }
}

/// Tells what is going on, on standard error.
pub fn tell(text: &str) {
    note(&format!("{}\n", Look::stderr().line(text, 2)));
}

/// Tells a paragraph on standard error, wrapped, its further lines indented.
pub fn paragraph(look: &Look, text: &str, indent: usize) {
    note(&format!("{}\n", look.wrap(text, indent)));
}
