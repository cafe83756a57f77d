//! One file, from what it was when the plan was made to what it shall be.

use std::path::Path;

use super::file::{self, Content};
use super::journal::Journal;
use super::run::{StepError, failed};
use crate::plan::cli_config;
use crate::plan::step::{Change, Kind};
use crate::plan::undo::{Former, Undo};

/// Writes or removes a file, with the way back in the journal first. `at` is the path by
/// which it is changed.
///
/// # Errors
/// [`StepError::Meanwhile`] when it is no longer as the plan saw it; the
/// system's and the journal's.
pub fn make(change: &Change, at: &Path, journal: &mut Journal) -> Result<(), StepError> {
    let path = change.path.as_path();
    let now = file::read(at).map_err(|e| failed(path, &e))?;
    let text = |content: &Content| String::from_utf8_lossy(&content.bytes).into_owned();
    if now.as_ref().map(text) != change.before.as_ref().map(|seen| seen.text.clone()) {
        return Err(StepError::Meanwhile(path.display().to_string()));
    }
    let undo = way_back(change, now.as_ref(), journal)?;
    journal.before(undo)?;
    let done = match &change.after {
        Some(after) => file::write(at, after.text.as_bytes(), after.mode),
        None => file::remove(at),
    };
    done.map_err(|e| failed(path, &e))
}

/// How a file comes back, with a copy of what it holds now.
fn way_back(change: &Change, now: Option<&Content>, journal: &Journal) -> Result<Undo, StepError> {
    let path = change.path.clone();
    let former = now.map(|content| journal.keep(content)).transpose()?;
    let wrote = change
        .after
        .as_ref()
        .map(|seen| file::sha256(seen.text.as_bytes()));
    Ok(match (change.kind, former, wrote) {
        (Kind::CurrentContext, former, Some(sha256)) => Undo::CurrentContext {
            previous: previous(change),
            path,
            former,
            sha256,
        },
        (Kind::Shell, former, Some(sha256)) => Undo::RemoveBlock {
            path,
            former,
            sha256,
        },
        (_, None, sha256) => Undo::RemoveFile {
            path,
            sha256: sha256.unwrap_or_default(),
        },
        (_, Some(Former { backup, mode }), sha256) => Undo::RestoreFile {
            path,
            backup,
            mode,
            sha256,
        },
    })
}

/// The context that was current before.
fn previous(change: &Change) -> Option<String> {
    let before = change.before.as_ref()?;
    cli_config::current_context(&before.text).ok().flatten()
}
