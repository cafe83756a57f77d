//! Errors a user can do something about, each with its exit code and a hint.

use thiserror::Error;

use crate::exit::Exit;
use crate::facts::subject::NoSubject;
use crate::host::BundleError;

/// An expected failure: shown as one line and a hint, never as a trace.
#[derive(Debug, Error)]
pub enum Error {
    /// The user to examine is not to be had.
    #[error("{0}")]
    Subject(#[from] NoSubject),
    /// A file the user named cannot be read.
    #[error("{path} cannot be read: {why}")]
    Read {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// A file the user asked for cannot be written.
    #[error("{path} cannot be written: {why}")]
    Write {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// A recorded host cannot be replayed.
    #[error("{path}: {error}")]
    Bundle {
        /// The file.
        path: String,
        /// What is wrong with it.
        error: BundleError,
    },
    /// No such check.
    #[error("there is no check {id}")]
    NoCheck {
        /// What was asked for.
        id: String,
        /// The nearest ids.
        near: Vec<String>,
    },
    /// Standard output is gone.
    #[error("failed to print: {0}")]
    Print(std::io::Error),
    /// The program contradicts itself.
    #[error("{0}")]
    Bug(String),
}

impl Error {
    /// The exit code that goes with it.
    pub fn exit(&self) -> Exit {
        match self {
            Error::Bug(_) => Exit::Bug,
            // The reader of a pipe has seen enough.
            Error::Print(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Exit::Fine,
            _ => Exit::Usage,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Subject(NoSubject::NotRoot(name)) => {
                Some(format!("sudo rootless-setup doctor --user {name}"))
            }
            Error::NoCheck { near, .. } if !near.is_empty() => {
                Some(format!("did you mean {}?", near.join(" or ")))
            }
            Error::NoCheck { .. } => Some("rootless-setup checks list shows them all".into()),
            Error::Bug(_) => Some("please report it with the command you typed".into()),
            _ => None,
        }
    }
}
