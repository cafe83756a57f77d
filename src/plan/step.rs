//! Steps: what will be done, in the words of the plan that is shown.

use std::path::{Path, PathBuf};

use super::option::value::without_secret;

/// The unit that everything is about.
pub const UNIT: &str = "docker.service";

/// A text file as it was seen when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its text.
    pub text: String,
    /// Its permission bits.
    pub mode: u32,
}

/// What a file is for: it decides how its change is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `docker.service` or a drop-in of it: systemd has to read it again.
    Unit,
    /// A docker context.
    Context,
    /// The docker client's `config.json`.
    CurrentContext,
    /// A shell's start file.
    Shell,
    /// The daemon's `daemon.json`, which may hold passwords.
    DaemonJson,
    /// Our own note of who asked for which option.
    Origins,
    /// A file of the system's, changed by root.
    System,
}

/// One file, before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file, links resolved.
    pub path: PathBuf,
    /// What it is for.
    pub kind: Kind,
    /// As it is; none if it is not there.
    pub before: Option<Seen>,
    /// As it shall be; none to remove it.
    pub after: Option<Seen>,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make a directory.
    MakeDir {
        /// Where.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// Write or remove a file.
    Change(Change),
    /// Have the unit start with the user's manager.
    Enable {
        /// The link that does it.
        link: PathBuf,
        /// Permission bits of its directory, if that is there already.
        dir_mode: Option<u32>,
    },
    /// Have the manager read the units again.
    Reload,
    /// Start the daemon and wait until it answers.
    Start,
    /// Start the daemon again and wait until it answers.
    Restart,
    /// Have the user's manager run without a login.
    Linger {
        /// The user's id.
        uid: u32,
    },
}

/// What is to be done, and what the user should know of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// What is left alone, and why.
    pub notes: Vec<String>,
}

impl Step {
    /// One line: what is done.
    pub fn title(&self) -> String {
        match self {
            Step::MakeDir { path, mode } => format!("make {} (mode {mode:04o})", path.display()),
            Step::Change(change) => change.title(),
            Step::Enable { .. } => format!("enable {UNIT}: it starts with your user manager"),
            Step::Reload => "have systemd read the units again".into(),
            Step::Start => format!("start {UNIT} and wait until the daemon answers"),
            Step::Restart => format!("restart {UNIT}: running containers stop"),
            Step::Linger { .. } => "enable lingering: the daemon starts at boot".into(),
        }
    }

    /// The call that does it, for steps over D-Bus.
    pub fn call(&self) -> Option<String> {
        let systemd = |call: &str| Some(format!("org.freedesktop.systemd1.Manager.{call}"));
        // Earlier starts do not count.
        let anew = |call| format!("ResetFailedUnit({UNIT:?}), {call}({UNIT:?}, \"replace\")");
        match self {
            Step::MakeDir { .. } | Step::Change(_) => None,
            Step::Enable { .. } => systemd(&format!("EnableUnitFiles([{UNIT:?}], false, false)")),
            Step::Reload => systemd("Reload()"),
            Step::Start => systemd(&anew("StartUnit")),
            Step::Restart => systemd(&anew("RestartUnit")),
            Step::Linger { uid } => Some(format!(
                "org.freedesktop.login1.Manager.SetUserLinger({uid}, true, false)"
            )),
        }
    }

    /// It makes a directory.
    pub fn is_make_dir(&self) -> bool {
        matches!(self, Step::MakeDir { .. })
    }

    /// It starts the daemon.
    pub fn is_start(&self) -> bool {
        matches!(self, Step::Start | Step::Restart)
    }

    /// The file or directory it is about.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Step::MakeDir { path, .. } => Some(path),
            Step::Change(change) => Some(&change.path),
            _ => None,
        }
    }
}

impl Change {
    /// One line: what is done.
    pub fn title(&self) -> String {
        let path = self.path.display();
        match (&self.before, &self.after) {
            (None, Some(after)) => format!("write {path} (mode {:04o})", after.mode),
            (Some(_), Some(_)) => format!("change {path}"),
            (_, None) => format!("remove {path}"),
        }
    }

    /// The difference it makes, for people.
    pub fn diff(&self) -> String {
        let text = |seen: &Option<Seen>| seen.as_ref().map_or(String::new(), |s| s.text.clone());
        let path = self.path.display().to_string();
        let diff = super::diff::unified(&text(&self.before), &text(&self.after), &path);
        match self.kind {
            Kind::DaemonJson => {
                let lines = diff.lines().map(|line| without_secret(line) + "\n");
                lines.collect()
            }
            _ => diff,
        }
    }
}

impl Plan {
    /// Nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}
