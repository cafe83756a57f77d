//! Errors a user can do something about, each with its exit code and a hint.

use thiserror::Error;

use crate::apply::journal::JournalError;
use crate::apply::lock::NoLock;
use crate::exit::Exit;
use crate::facts::subject::NoSubject;
use crate::host::BundleError;
use crate::plan::asked::NoPlan;
use crate::private::gate::Leak;
use crate::report::ticket::NoTicket;

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
    /// A `setup.toml` that cannot be meant; what is wrong was told line by line.
    #[error("nothing was changed: {path} has {}", counted(*.mistakes))]
    Setup {
        /// The file.
        path: String,
        /// How many lines are wrong.
        mistakes: usize,
    },
    /// A recorded host cannot be replayed.
    #[error("{path}: {error}")]
    Bundle {
        /// The file.
        path: String,
        /// What is wrong with it.
        error: BundleError,
    },
    /// A file that should be a report.
    #[error("{path}: {error}")]
    Ticket {
        /// The file.
        path: String,
        /// What is wrong with it.
        error: NoTicket,
    },
    /// A private value stands in the finished report; it was not written.
    #[error("nothing was written, because the report would tell too much: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Leak(Vec<Leak>),
    /// A file that is no text cannot be explained.
    #[error("{path} cannot be explained: {why}")]
    NotText {
        /// The file.
        path: String,
        /// What it is instead.
        why: String,
        /// What makes text of it; empty if nothing does.
        by: String,
    },
    /// No such check.
    #[error("there is no check {id}")]
    NoCheck {
        /// What was asked for.
        id: String,
        /// The nearest ids.
        near: Vec<String>,
    },
    /// Root asked for what only an ordinary user can have.
    #[error("{0} is for an ordinary user, not for root")]
    Root(&'static str),
    /// An ordinary user asked for what only root can do.
    #[error("{0} is for root")]
    NotRoot(&'static str),
    /// Nobody was named.
    #[error("for which users?")]
    NoUsers,
    /// There is no such group.
    #[error("there is no group {0}")]
    NoGroup(String),
    /// Rootless Docker is not for this account.
    #[error("{0:?} is no name of a user that could have rootless Docker")]
    OddName(String),
    /// A system account was named without the switch for them.
    #[error("{name} is a system account (uid {uid}); nothing was changed")]
    SystemUser {
        /// Its name.
        name: String,
        /// Its id.
        uid: u32,
    },
    /// There are no namespaces to enter.
    #[error("your rootless Docker does not run")]
    NotRunning,
    /// Another program could not be started.
    #[error("{program} cannot be started: {why}")]
    Program {
        /// Its name or path.
        program: String,
        /// The system's words.
        why: String,
    },
    /// An option stands where it would do nothing.
    #[error("{0} before a command does nothing: put it after the command")]
    Misplaced(&'static str),
    /// There is no home directory to work in.
    #[error("your home directory is not known: HOME is not set")]
    NoHome,
    /// Another run is in progress.
    #[error(transparent)]
    Busy(#[from] NoLock),
    /// Others can read or change what is root's alone; nothing was changed.
    #[error("nothing was changed: {0}")]
    NotPrivate(String),
    /// The journal cannot be used; nothing was changed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There is no plan; nothing was changed.
    #[error(transparent)]
    NoPlan(#[from] NoPlan),
    /// Required checks fail; nothing was changed.
    #[error("nothing was changed: {0} of what rootless Docker needs is missing here")]
    Unfit(usize),
    /// A rootful Docker is there, and `--force` was not given.
    #[error("nothing was changed: a rootful Docker runs here, and you may use it ({0})")]
    Rootful(&'static str),
    /// Nobody said yes.
    #[error("nothing was changed: {0}")]
    Declined(&'static str),
    /// All is done, but no container runs.
    #[error("rootless Docker is set up, but no container runs: {0}")]
    Unproved(String),
    /// A run failed, and was taken back.
    #[error("{0}")]
    RolledBack(String),
    /// A run failed or an uninstall did not get through; the journal is kept.
    #[error("{what}; the remaining changes are listed in {journal}")]
    Incomplete {
        /// What did not work.
        what: String,
        /// The journal.
        journal: String,
        /// What to do next.
        hint: String,
    },
    /// Ctrl-C, and how things stand now.
    #[error("interrupted; {0}")]
    Interrupted(&'static str),
    /// A limit of this process would end it in the middle.
    #[error("cannot run: {what} is limited to {have} KiB, and {need} KiB are required")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// Its limit.
        have: u64,
        /// What is enough.
        need: u64,
        /// What raises it.
        raise: &'static str,
    },
    /// Standard output is gone.
    #[error("failed to print: {0}")]
    Print(std::io::Error),
    /// The program contradicts itself.
    #[error("{0}")]
    Bug(String),
}

fn counted(mistakes: usize) -> String {
    match mistakes {
        1 => "a mistake".to_owned(),
        n => format!("{n} mistakes"),
    }
}

impl Error {
    /// The exit code that goes with it.
    pub fn exit(&self) -> Exit {
        match self {
            Error::Bug(_) => Exit::Bug,
            Error::Leak(_) => Exit::Private,
            // The reader of a pipe has seen enough.
            Error::Unfit(_) | Error::Rootful(_) | Error::NoHome | Error::NotRunning => Exit::Failed,
            Error::Unproved(_) => Exit::Failed,
            Error::NoPlan(NoPlan::Options(_)) => Exit::Usage,
            Error::NoPlan(NoPlan::Foreign { .. }) => Exit::Declined,
            Error::NoPlan(_) => Exit::Failed,
            Error::Busy(NoLock::Unusable(_)) | Error::NotPrivate(_) => Exit::Failed,
            Error::Busy(NoLock::Busy(_)) | Error::Declined(_) => Exit::Declined,
            Error::RolledBack(_) => Exit::RolledBack,
            // Found before anything was changed.
            Error::Journal(_) => Exit::Failed,
            Error::Incomplete { .. } => Exit::Incomplete,
            Error::Interrupted(_) => Exit::Interrupted,
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
            Error::NotRoot(command) => Some(format!("sudo rootless-setup {command} …")),
            Error::NoUsers => Some("--user NAME, --users-file FILE or --all-in-group GROUP".into()),
            Error::SystemUser { .. } => Some("--system-users, if it is meant".into()),
            Error::NotText { by, .. } if !by.is_empty() => Some(by.clone()),
            Error::Root(command) => Some(format!(
                "log in as the user who shall have it (ssh, or machinectl shell NAME@) \
                 and run rootless-setup {command} there"
            )),
            Error::NoPlan(NoPlan::Foreign { .. }) => Some(
                "--adopt replaces it (uninstall brings it back), --keep leaves it as it is".into(),
            ),
            Error::Unfit(_) => Some("rootless-setup doctor".into()),
            Error::Unproved(_) => Some("rootless-setup explain --journal".into()),
            Error::NotRunning => {
                Some("systemctl --user start docker; rootless-setup status".into())
            }
            Error::Rootful(_) => Some(
                "sudo systemctl disable --now docker.service docker.socket, \
                 or --force to have both"
                    .into(),
            ),
            Error::Incomplete { hint, .. } => Some(hint.clone()),
            Error::Leak(_) => Some(
                "this is a bug in rootless-setup, please report it; --show-private writes \
                 the report as it is, for somebody you trust"
                    .into(),
            ),
            Error::Limit { raise, .. } => Some((*raise).into()),
            Error::NotPrivate(_) => Some(
                "make the directory root's with mode 0700, after a look at who changed it".into(),
            ),
            Error::NoCheck { .. } => Some("rootless-setup checks list shows them all".into()),
            Error::Bug(_) => Some("please report it with the command you typed".into()),
            _ => None,
        }
    }
}
