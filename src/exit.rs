//! The documented exit codes.

use std::process::ExitCode;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Fine; warnings allowed unless `--strict`.
    Fine = 0,
    /// A required check failed.
    Failed = 1,
    /// The command line, or a file it names, cannot be used.
    Usage = 2,
    /// Nothing failed, but something could not be determined. Or a log says
    /// nothing that is known.
    Undetermined = 3,
    /// Nothing was done: it was declined, or something has to be decided or
    /// finished first. Or all is done but for an administrator's part.
    Declined = 4,
    /// A step failed, and everything done before it was taken back.
    RolledBack = 5,
    /// Not everything could be taken back; the journal tells what is left.
    Incomplete = 6,
    /// A private value would have stood in a report: nothing was written.
    Private = 7,
    /// A bug in this program.
    Bug = 70,
    /// Ended by Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
