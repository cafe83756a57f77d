//! Questions on a real terminal: whoever leaves one by Ctrl-C, Escape or a signal
//! finds the terminal as it was, nothing changed, and the exit code that is
//! documented. (The questions of a host that is fit are asked in `tests/vm`.)
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

mod alone;
mod options;
mod questions;
mod terminal;
mod wizard;
