//! How a change is taken back: a small closed set. Only these are written to
//! the journal, so that any later version can still undo what this one did.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How one change is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "kebab-case")]
pub enum Undo {
    /// Remove a file that was not there before, if it is still as we wrote it.
    RemoveFile {
        /// The file.
        path: PathBuf,
        /// SHA-256 of what we wrote, in hexadecimal.
        sha256: String,
    },
    /// Give a file its former content back, if it is still as we left it.
    RestoreFile {
        /// The file.
        path: PathBuf,
        /// Name of the copy of its former content, beside the journal.
        backup: String,
        /// Its former permission bits.
        mode: u32,
        /// SHA-256 of what we wrote; none if we removed the file.
        sha256: Option<String>,
    },
    /// Remove a directory that was not there before, if it is empty.
    RemoveDir {
        /// The directory.
        path: PathBuf,
    },
    /// Set the docker client's current context back. The whole file, byte for
    /// byte, where nobody wrote to it since; else the one key.
    CurrentContext {
        /// `config.json`, links resolved.
        path: PathBuf,
        /// The context that was current; none for the default.
        previous: Option<String>,
        /// The file as it was; none if it was not there.
        former: Option<Former>,
        /// SHA-256 of what we wrote.
        sha256: String,
    },
    /// Take our block out of a shell's start file.
    RemoveBlock {
        /// The start file, links resolved.
        path: PathBuf,
        /// The file as it was; none if it was not there.
        former: Option<Former>,
        /// SHA-256 of what we wrote.
        sha256: String,
    },
    /// Disable a unit that was not enabled before.
    Disable {
        /// The unit.
        unit: String,
        /// The link that enables it, for when no bus answers.
        link: PathBuf,
        /// Permission bits of the link's directory if it was there before:
        /// systemd removes it when it is empty.
        dir_mode: Option<u32>,
    },
    /// Stop a unit that did not run before.
    Stop {
        /// The unit.
        unit: String,
    },
    /// Start a unit again with its former configuration, once that is back.
    Restart {
        /// The unit.
        unit: String,
    },
    /// Switch lingering off.
    Linger {
        /// The user.
        uid: u32,
    },
}

/// A file as it was before we changed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// Name of the copy of its content, beside the journal.
    pub backup: String,
    /// Its permission bits.
    pub mode: u32,
}

impl Undo {
    /// One line: what is done.
    pub fn title(&self) -> String {
        match self {
            Undo::RemoveFile { path, .. } => format!("remove {}", path.display()),
            Undo::RestoreFile { path, .. } => format!("restore {}", path.display()),
            Undo::RemoveDir { path } => format!("remove {} if it is empty", path.display()),
            Undo::CurrentContext { path, previous, .. } => {
                let name = previous.as_deref().unwrap_or("default");
                format!("make {name} the current context in {}", path.display())
            }
            Undo::RemoveBlock { path, .. } => format!("take our block out of {}", path.display()),
            Undo::Disable { unit, .. } => format!("disable {unit}"),
            Undo::Stop { unit } => format!("stop {unit}: running containers stop"),
            Undo::Restart { unit } => format!("restart {unit} as it was before"),
            Undo::Linger { .. } => "disable lingering".into(),
        }
    }
}
