//! The closed set of what can be done about a failing check.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::place;

/// One thing that mends a host. Its texts hold what this host needs: names,
/// paths and values are plain data, quoted where they become part of a command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Install packages by the distribution's own package manager.
    Packages {
        /// The family whose manager it is, for example `debian`.
        family: String,
        /// What to install.
        names: Vec<String>,
    },
    /// Set sysctls now and at boot.
    Sysctl {
        /// Ends the name of the file: `zz-rootless-NAME.conf`.
        name: String,
        /// `key=value`, each.
        settings: Vec<String>,
        /// The file that says otherwise at boot; empty if none does.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        over: String,
    },
    /// Load kernel modules now and at boot.
    Modules {
        /// Ends the name of the file: `rootless-NAME.conf`.
        name: String,
        /// The modules.
        modules: Vec<String>,
    },
    /// A setting of every user's systemd manager.
    UserManager {
        /// Ends the name of the drop-in: `zz-rootless-NAME.conf`.
        name: String,
        /// A line of its section `[Service]`.
        setting: String,
    },
    /// Limit a user's logins otherwise than another file does.
    LoginLimit(LoginLimit),
    /// Start a user's manager again, with everything in it.
    RestartManager {
        /// `user@UID.service`.
        unit: String,
    },
    /// Give a user subordinate ids that nobody else has.
    SubIds(SubIds),
    /// Set the mode of a file, and its owner if one is named.
    Mode {
        /// The file.
        path: String,
        /// Permission bits, octal.
        mode: String,
        /// `root` or nothing.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        owner: String,
    },
    /// Give a user the configuration below the home directory that belongs to root.
    Own {
        /// The user.
        user: String,
        /// The user's home directory.
        home: String,
        /// The directory, below the home directory.
        path: String,
        /// `UID:GID`.
        owner: String,
        /// The check that asks for it.
        check: String,
    },
    /// Change an option of `/proc`, now and in `/etc/fstab`.
    Remount {
        /// Where it is mounted.
        mount: String,
        /// The option.
        option: String,
    },
    /// Write an AppArmor profile and load it.
    Profile {
        /// Its file.
        file: String,
        /// Its lines.
        lines: Vec<String>,
    },
    /// Load an AppArmor profile that is there.
    LoadProfile {
        /// Its file.
        file: String,
    },
    /// Have a user's manager run without a login.
    Linger {
        /// The user.
        user: String,
    },
    /// Put a copy in the place of a symbolic link.
    Regular {
        /// The link.
        path: String,
    },
    /// Stop system services, now and at boot.
    Disable {
        /// The units.
        units: Vec<String>,
    },
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
        /// Whose it is.
        #[serde(default)]
        by: By,
    },
    /// By the user: set the mode of something of one's own.
    OwnMode {
        /// The file or directory.
        path: String,
        /// Permission bits, octal.
        mode: String,
    },
    /// By the user: have the daemon run with what its unit says now.
    RestartDaemon {},
    /// By the user: start a unit of one's own manager.
    StartUnit {
        /// The unit.
        unit: String,
    },
}

/// A limit that pam_limits(8) sets for a user, after all others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LoginLimit {
    /// The user.
    pub user: String,
    /// What is limited, by limits.conf(5): `nproc`.
    pub item: String,
    /// The new limit, the soft one and the hard one.
    pub value: String,
    /// The file that says otherwise.
    pub over: String,
}

impl LoginLimit {
    /// Where it is written.
    pub fn file(&self) -> String {
        place::login_limit(&self.user, &self.item, &self.over)
    }

    /// The lines of that file.
    pub fn lines(&self) -> Vec<String> {
        vec![format!("{} - {} {}", self.user, self.item, self.value)]
    }
}

/// Ranges of subordinate ids, as `FIRST-LAST`; an empty text is no range.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SubIds {
    /// Whose they shall be.
    pub user: String,
    /// New ones for `/etc/subuid`; free when this was worked out.
    pub uids: String,
    /// New ones for `/etc/subgid`.
    pub gids: String,
    /// Those of `/etc/subuid` that the new ones replace.
    pub not_uids: String,
    /// Those of `/etc/subgid`.
    pub not_gids: String,
    /// usermod(8) does not do here: the lines are appended.
    pub append: bool,
    /// The last line of the file has no end.
    pub open: bool,
}

/// Who can do it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The user.
    #[default]
    User,
    /// Root.
    Root,
}

impl Action {
    /// Who can do it.
    pub fn by(&self) -> By {
        match self {
            Action::SetAside { by, .. } => *by,
            Action::OwnMode { .. } | Action::RestartDaemon {} | Action::StartUnit { .. } => {
                By::User
            }
            Action::Packages { .. }
            | Action::Sysctl { .. }
            | Action::Modules { .. }
            | Action::UserManager { .. }
            | Action::LoginLimit(_)
            | Action::RestartManager { .. }
            | Action::SubIds(_)
            | Action::Mode { .. }
            | Action::Own { .. }
            | Action::Remount { .. }
            | Action::Profile { .. }
            | Action::LoadProfile { .. }
            | Action::Linger { .. }
            | Action::Regular { .. }
            | Action::Disable { .. }
            | Action::Capability { .. } => By::Root,
        }
    }

    /// Reads a template of the catalogue, with `{name}` replaced by its value
    /// wherever it stands.
    ///
    /// # Errors
    /// serde's words, if that is no action.
    pub fn from_template(
        template: &serde_json::Value,
        fill: &BTreeMap<&'static str, String>,
    ) -> Result<Action, serde_json::Error> {
        serde_json::from_value(filled(template, fill))
    }
}

fn filled(
    template: &serde_json::Value,
    fill: &BTreeMap<&'static str, String>,
) -> serde_json::Value {
    use serde_json::Value;
    match template {
        Value::String(text) => Value::String(crate::check::remedy::plain(text, fill)),
        Value::Array(items) => items.iter().map(|item| filled(item, fill)).collect(),
        Value::Object(fields) => {
            let one = |(name, value): (&String, &Value)| (name.clone(), filled(value, fill));
            Value::Object(fields.iter().map(one).collect())
        }
        other => other.clone(),
    }
}
