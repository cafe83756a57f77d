//! A deed: one change to the machine, in the words of the plan that is shown.

use super::ranges::Want;
use crate::plan::step::Change;
use crate::report::phrase::plural;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Install packages.
    Packages {
        /// The family whose manager it is.
        family: String,
        /// What to install.
        names: Vec<String>,
    },
    /// Make a directory of mode 0755.
    MakeDir(String),
    /// Write or remove a file.
    Change(Change),
    /// Set a sysctl now.
    Setting {
        /// Its name.
        key: String,
        /// Its value.
        value: String,
    },
    /// Load kernel modules.
    LoadModules(Vec<String>),
    /// Have systemd read its units again.
    Reload,
    /// Start a user's manager again.
    RestartManager {
        /// `user@UID.service`.
        unit: String,
    },
    /// Give subordinate ids to users.
    SubIds(Vec<Want>),
    /// Set the mode of a file, and give it to root if asked for.
    Mode {
        /// The file.
        path: String,
        /// Permission bits.
        mode: u32,
        /// Its owner shall be root.
        to_root: bool,
    },
    /// Give a user the configuration below the home directory that belongs to root.
    Own {
        /// The user's home directory.
        home: String,
        /// The directory, below the home directory.
        top: String,
        /// The user's id.
        uid: u32,
        /// The group's id.
        gid: u32,
        /// What belongs to root there, below the home directory.
        files: Vec<String>,
    },
    /// Change an option of `/proc`.
    Remount {
        /// Where it is mounted.
        mount: String,
        /// The option.
        option: String,
    },
    /// Load an AppArmor profile.
    LoadProfile {
        /// Its file.
        file: String,
    },
    /// Have a user's manager run without a login.
    Linger {
        /// The user's name.
        user: String,
        /// The user's id.
        uid: u32,
    },
    /// Put a copy in the place of a symbolic link.
    Regular {
        /// The link.
        path: String,
        /// Where it points.
        target: String,
    },
    /// Stop system services, now and at boot.
    Disable(Vec<String>),
    /// Give a program a capability.
    Capability {
        /// The program.
        path: String,
        /// As setcap(8) takes it.
        capability: String,
    },
    /// Move a file out of the way.
    SetAside {
        /// The file.
        path: String,
        /// Its new name.
        to: String,
    },
    /// Have the user's daemon run with what its unit says now.
    RestartDaemon,
    /// Start a unit of the user's manager.
    StartUnit(String),
}

impl Deed {
    /// One line: what is done.
    pub fn title(&self) -> String {
        match self {
            Deed::Packages { names, .. } => format!("install {}", names.join(" ")),
            Deed::MakeDir(path) => format!("make {path}"),
            Deed::Change(change) => change.title(),
            Deed::Setting { key, value } => format!("set {key} to {value} now"),
            Deed::LoadModules(modules) => format!("load {}", modules.join(" ")),
            Deed::Reload => "have systemd read its units again".into(),
            Deed::RestartManager { unit } => {
                format!("restart {unit}: what the user runs in it ends")
            }
            Deed::SubIds(wants) => sub_ids(wants),
            Deed::Mode {
                path,
                mode,
                to_root: true,
            } => format!("give {path} to root, mode {mode:04o}"),
            Deed::Mode { path, mode, .. } => format!("set the mode of {path} to {mode:04o}"),
            Deed::Own {
                home, uid, files, ..
            } => format!(
                "give {} of root in {home} to uid {uid}: {}",
                plural(files.len(), "file or directory", "files and directories"),
                files.join(", ")
            ),
            Deed::Remount { mount, option } => format!("remount {mount} with {option}"),
            Deed::LoadProfile { file } => format!("load {file}"),
            Deed::Linger { user, .. } => {
                format!("enable lingering for {user}: the daemon starts at boot")
            }
            Deed::Regular { path, target } => {
                format!("put a copy of {target} in the place of the link {path}")
            }
            Deed::Disable(units) => format!("stop {}, also at boot", units.join(" and ")),
            Deed::Capability { path, capability } => format!("give {path} {capability}"),
            Deed::SetAside { path, to } => format!("move {path} to {to}"),
            Deed::RestartDaemon => "restart docker.service: running containers stop".into(),
            Deed::StartUnit(unit) => format!("start {unit}"),
        }
    }

    /// What it changes to the letter, where the title does not say it all.
    pub fn diff(&self) -> Option<String> {
        match self {
            Deed::Change(change) => Some(change.diff()),
            _ => None,
        }
    }
}

fn sub_ids(wants: &[Want]) -> String {
    let files = |want: &Want| match (&want.uids, &want.gids) {
        (Some(_), Some(_)) => "uids and gids",
        (Some(_), None) => "uids",
        _ => "gids",
    };
    match wants {
        [one] => {
            let wish = one.uids.or(one.gids).and_then(|wish| wish.span);
            let which = wish.map_or(String::new(), |s| {
                format!(" ({}-{} if they are still free)", s.first, s.last)
            });
            format!("give {} 65536 subordinate {}{which}", one.user, files(one))
        }
        many => {
            let names: Vec<&str> = many.iter().map(|want| want.user.as_str()).collect();
            format!(
                "give {} users 65536 subordinate ids each: {}",
                many.len(),
                names.join(", ")
            )
        }
    }
}
