//! The only door to the terminal: what it can show, and printing.

mod look;
mod progress;
pub mod prompt;
mod terminal;

pub use look::{Look, Tone};
pub use progress::with_progress;
pub use terminal::restore;

use std::io::Write;

use crate::error::Error;

/// Prints a result to standard output.
///
/// # Errors
/// [`Error::Print`] when standard output is gone.
pub fn print(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Error::Print)
}

/// Tells something on standard error without stopping.
pub fn warn(text: &str) {
    // Nobody is left to tell if this fails.
    let text = format!("warning: {text}");
    let _ = writeln!(std::io::stderr(), "{}", Look::stderr().line(&text, 2));
}

/// Shows an expected error with its hint on standard error.
pub fn complain(error: &Error) {
    let look = Look::stderr();
    let mut err = std::io::stderr().lock();
    // Nobody is left to tell if this fails.
    let _ = writeln!(err, "{}", look.line(&format!("error: {error}"), 2));
    if let Some(hint) = error.hint() {
        // Mostly a command, to be copied.
        let _ = writeln!(err, "hint: {}", look.safe(&hint));
    }
}

/// Tells what is going on, on standard error.
pub fn tell(text: &str) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(std::io::stderr(), "{}", Look::stderr().line(text, 2));
}

/// Shows a text of this program's own, as it is, on standard error.
pub fn note(text: &str) {
    // Nobody is left to tell if this fails.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Tells a paragraph on standard error, wrapped, its further lines indented.
pub fn paragraph(look: &Look, text: &str, indent: usize) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(std::io::stderr(), "{}", look.wrap(text, indent));
}
