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
    /// Nothing failed, but something could not be determined.
    Undetermined = 3,
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
