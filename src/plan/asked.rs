//! What is asked for, and why there may be no plan for it.

use thiserror::Error;

use std::path::Path;

use super::option::Options;
use super::option::fit::Contradiction;
use super::quote::Unquotable;

/// What to do with a `docker.service` that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Ask first.
    Ask,
    /// Replace it; it is kept, and comes back with uninstall.
    Adopt,
    /// Leave it as it is.
    Keep,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Settings of the daemon.
    pub options: Options,
    /// What to do with a unit that is not ours.
    pub foreign: Foreign,
    /// Enable lingering.
    pub linger: bool,
    /// Write the block into the shell's start file.
    pub shell: bool,
}

/// Why there is no plan.
#[derive(Debug, Error)]
pub enum NoPlan {
    /// Somebody else's unit is there, and what to do with it was not said.
    #[error("{path} is there already and is not what install would write")]
    Foreign {
        /// The unit.
        path: String,
        /// What install would change.
        diff: String,
    },
    /// A file stands in the way.
    #[error("{path} {why}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The options contradict each other.
    #[error("{0}")]
    Options(#[from] Contradiction),
    /// `dockerd-rootless.sh` was not found.
    #[error("dockerd-rootless.sh was not found on the PATH")]
    NoScript,
    /// The user's manager gave no answer.
    #[error("your systemd user manager cannot be asked: {0}")]
    Manager(String),
    /// A name that a unit file cannot hold.
    #[error("{0}")]
    Unit(#[from] Unquotable),
    /// The shell's start file is not known.
    #[error("no start file is known for the shell {0:?}")]
    Shell(String),
}

impl NoPlan {
    /// A file stands in the way.
    pub(super) fn file(path: &Path, why: &str) -> Self {
        NoPlan::File {
            path: path.display().to_string(),
            why: why.into(),
        }
    }
}
