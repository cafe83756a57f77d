//! What `install` and `uninstall` share: who it is for, where the journal
//! lies, asking, and telling how it ended.

use std::path::PathBuf;
use std::time::Duration;

use crate::apply::revert::Reverted;
use crate::apply::run::{Failed, StepError, World};
use crate::cli::Manner;
use crate::error::Error;
use crate::facts::{Ground, subject};
use crate::host::Host;
use crate::plan::present;
use crate::ui::{self, prompt};

/// An ordinary user's ground.
///
/// # Errors
/// For root, and where no home is known.
pub fn ground(host: &dyn Host, command: &'static str) -> Result<Ground, Error> {
    if host.identity().euid == 0 {
        return Err(Error::Root(command));
    }
    let ground = Ground::collect(host, subject::find(host, None)?);
    match ground.home.known() {
        Some(_) => Ok(ground),
        None => Err(Error::NoHome),
    }
}

/// Where the journal lies.
pub fn state_dir(host: &dyn Host, ground: &Ground) -> PathBuf {
    present::state_dir(host, ground.home_path())
}

/// Where changes are made.
pub fn world(ground: &Ground, socket: PathBuf, seconds: u64, grace: Duration) -> World {
    World {
        system: ground.identity.euid == 0,
        root: "/".into(),
        grace,
        runtime_dir: ground.runtime_dir.clone(),
        socket,
        patience: Duration::from_secs(seconds),
    }
}

/// Whether to go on with a plan that was shown.
///
/// # Errors
/// When nobody says yes.
pub fn agree(manner: Manner, question: &str) -> Result<(), Error> {
    match manner {
        Manner { yes: true, .. } => Ok(()),
        Manner { no_input: true, .. } => Err(Error::Declined("--yes was not given")),
        _ if !prompt::somebody_is_there() => Err(Error::Declined(
            "nobody is there to ask, and --yes was not given",
        )),
        _ if prompt::confirm(question, true) => Ok(()),
        _ => Err(Error::Declined("you said no")),
    }
}

/// A question that has a harmless answer of its own when nobody can be asked.
pub fn ask(manner: Manner, question: &str) -> bool {
    let silent = manner.yes || manner.no_input || manner.dry_run;
    !silent && prompt::somebody_is_there() && prompt::confirm(question, true)
}

/// Tells why a run failed, and makes the error that ends it.
pub fn failed(failed: &Failed, journal: String) -> Error {
    if let StepError::Daemon { failure, .. } = &failed.error {
        for line in failure.words() {
            ui::tell(&line);
        }
    }
    tell(&failed.reverted);
    match (&failed.error, failed.reverted.is_complete()) {
        (StepError::Interrupted, true) => {
            Error::Interrupted("everything done so far was taken back")
        }
        (error, true) => {
            Error::RolledBack(format!("{error}; everything done so far was taken back"))
        }
        (error, false) => incomplete(
            error.to_string(),
            journal,
            "rootless-setup uninstall",
            &failed.reverted.failed,
        ),
    }
}

/// The error of an undo that is not complete. What `failed` can be tried again; a line of
/// the journal that cannot be understood cannot.
pub fn incomplete(what: String, journal: String, again: &str, failed: &[String]) -> Error {
    let hint = match failed {
        [] => format!("see the warnings above for the lines of the journal, then: {again}"),
        _ => format!("remove the cause, then: {again}"),
    };
    Error::Incomplete {
        what,
        journal,
        hint,
    }
}

/// Tells what was kept, and what could not be taken back.
pub fn tell(reverted: &Reverted) {
    for kept in &reverted.kept {
        ui::tell(kept);
    }
    for why in &reverted.failed {
        ui::warn(why);
    }
}
