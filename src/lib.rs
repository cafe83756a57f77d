//! `rootless-setup`: finds out why rootless Docker does not run on a host, says
//! how to mend it, and sets it up.
//!
//! # One pipeline, one rule
//!
//! ```text
//! host (I/O) -> facts (data) -> checks (pure) -> report (data) -> renderers
//!                  |-> plan (data) -> apply (I/O, journal) -> undo
//! ```
//!
//! Only [`host`] and [`apply`] touch the machine: [`host`] changes nothing on
//! it, and [`apply`] nothing of which the way back is not in its journal
//! first. Everything else is pure, and can be replayed from a recorded host
//! (`doctor --capture`, `doctor --replay`). Three states keep it honest: a
//! fact is known, absent or unreadable ([`fact::Fact`]); a check passes, fails
//! or is undetermined. What could not be determined is never green and never
//! red.
//!
//! # The rooms
//!
//! - [`cli`] the command line; [`command`] one thin file a subcommand
//! - [`host`] the door to the machine: live, recorded, recorder, D-Bus, probe
//! - [`facts`] one file an area: parse text, collect through the host
//! - [`check`] the catalogue, the engine, one file of rules an area
//! - [`known`] known issues: from the text of a log to ranked causes
//! - [`plan`] what is to be done: options, texts of files, steps, their undoing
//! - [`apply`] the only room that changes anything: files, units, the journal
//! - [`private`] what can tell who somebody is, and how it stays out of a ticket
//! - [`report`] the report as data, and one renderer a format
//! - [`ui`] the only door to the terminal
//! - [`thread`] threads that can be refused
//! - [`exit`] documented exit codes; [`mod@error`] expected errors and hints

pub mod apply;
pub mod check;
pub mod cli;
pub mod command;
pub mod error;
pub mod exit;
pub mod fact;
pub mod facts;
pub mod host;
pub mod known;
pub mod plan;
pub mod private;
pub mod report;
pub mod thread;
pub mod ui;

#[cfg(test)]
pub(crate) mod testing;
