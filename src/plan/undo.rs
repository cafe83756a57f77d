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
    /// Remove packages that were not installed before.
    Packages {
        /// The family whose manager installed them.
        family: String,
        /// Which.
        names: Vec<String>,
    },
    /// Set a sysctl back.
    Setting {
        /// Its name.
        key: String,
        /// Its former value.
        value: String,
    },
    /// Take lines out of a file that others write to as well. The whole file,
    /// byte for byte, where nobody wrote to it since; else only the lines.
    Lines {
        /// The file.
        path: PathBuf,
        /// Our lines, each with the one that stood in its place.
        lines: Vec<(String, Option<String>)>,
        /// The file as it was; none if it was not there.
        former: Option<Former>,
        /// SHA-256 of what we wrote.
        sha256: String,
    },
    /// Set mode and owner of files back, where they are still as we set them.
    Modes {
        /// Each with what it had.
        files: Vec<Had>,
    },
    /// Nothing: what a user was given below the home directory stays the user's.
    Stays {
        /// The directory.
        path: PathBuf,
        /// The user.
        uid: u32,
        /// How many files and directories were given.
        count: usize,
    },
    /// Mount with the former option again.
    Remount {
        /// Where it is mounted.
        mount: String,
        /// The option.
        option: String,
    },
    /// Make the symbolic link again that a copy replaced.
    Link {
        /// The link.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
        /// SHA-256 of the copy.
        sha256: String,
    },
    /// Enable and start system services again.
    EnableUnits {
        /// Those that started at boot.
        enabled: Vec<String>,
        /// Those that ran.
        active: Vec<String>,
    },
    /// Set a program's capability back.
    Capability {
        /// The program.
        path: PathBuf,
        /// The former extended attribute in hexadecimal; none if it had none.
        former: Option<String>,
    },
    /// Take an AppArmor profile out of the kernel that was not there before.
    UnloadProfile {
        /// Its file, which is removed after.
        file: PathBuf,
    },
    /// Load an AppArmor profile again once its file is as before.
    LoadProfile {
        /// Its file.
        file: PathBuf,
    },
    /// Move a file back that was moved out of the way.
    Rename {
        /// Where it is.
        from: PathBuf,
        /// Where it was.
        to: PathBuf,
    },
}

/// What a file had before we changed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Had {
    /// The file.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
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
            Undo::Packages { names, .. } => format!("remove {}", names.join(" ")),
            Undo::Setting { key, value } => format!("set {key} back to {value}"),
            Undo::Lines { path, .. } => format!("take our lines out of {}", path.display()),
            Undo::Modes { files } => modes(files),
            Undo::Stays { path, uid, count } => {
                format!(
                    "leave {count} files and directories in {} to uid {uid}",
                    path.display()
                )
            }
            Undo::Remount { mount, option } => format!("remount {mount} with {option}"),
            Undo::Link { path, target, .. } => {
                format!("link {} to {} again", path.display(), target.display())
            }
            Undo::EnableUnits { enabled, active } => {
                let units = enabled.iter().chain(active);
                let mut units: Vec<&str> = units.map(String::as_str).collect();
                units.sort_unstable();
                units.dedup();
                format!("enable {} again", units.join(" and "))
            }
            Undo::Capability { path, .. } => {
                format!("set the capability of {} back", path.display())
            }
            Undo::UnloadProfile { file } => format!("unload {}", file.display()),
            Undo::LoadProfile { file } => format!("load {} again", file.display()),
            Undo::Rename { from, to } => {
                format!("move {} back to {}", from.display(), to.display())
            }
        }
    }
}

fn modes(files: &[Had]) -> String {
    match files {
        [] => "set no mode back".into(),
        [one] => format!("set mode and owner of {} back", one.path.display()),
        [first, rest @ ..] => format!(
            "set mode and owner of {} and {} more back",
            first.path.display(),
            rest.len()
        ),
    }
}
