//! Files and directories: what they were, unless somebody changed them since.

use std::io;
use std::path::Path;

use super::{Outcome, Revert, told};
use crate::apply::file;
use crate::apply::target::Target;
use crate::plan::undo::{Former, Undo};
use crate::plan::{cli_config, context, shell_block};

impl Revert<'_> {
    /// A file or directory. Root changes only those of its list, in directories that
    /// nobody else can change.
    pub(super) fn file(&self, undo: &Undo) -> Result<Outcome, String> {
        let (path, target) = match undo {
            Undo::RemoveDir { path } => (path, Target::of_dir(path, self.world)?),
            Undo::RemoveFile { path, .. }
            | Undo::RestoreFile { path, .. }
            | Undo::CurrentContext { path, .. }
            | Undo::RemoveBlock { path, .. } => (path, Target::of(path, self.world)?),
            _ => return Err("this is not a change of a file".into()),
        };
        let Some(target) = target else {
            return Ok(Outcome::Undone);
        };
        let at = (path.as_path(), target.path());
        let done = match undo {
            Undo::RemoveFile { sha256, .. } => remove_file(at, sha256),
            Undo::RestoreFile {
                backup,
                mode,
                sha256,
                ..
            } => {
                let (backup, mode) = (backup.clone(), *mode);
                self.restore(at, &Former { backup, mode }, sha256.as_deref())
            }
            Undo::CurrentContext {
                previous,
                former,
                sha256,
                ..
            } => {
                let edit = |text: &str| without_context(text, previous.as_deref());
                self.edited(at, former.as_ref(), sha256, &edit)
            }
            Undo::RemoveBlock { former, sha256, .. } => {
                self.edited(at, former.as_ref(), sha256, &without_block)
            }
            _ => remove_dir(at),
        };
        told(path, done)
    }

    /// Gives a whole file back, unless somebody wrote to it since.
    fn restore(
        &self,
        (path, at): (&Path, &Path),
        former: &Former,
        wrote: Option<&str>,
    ) -> io::Result<Outcome> {
        let bytes = self.journal.kept(&former.backup)?;
        let now = file::read(at)?;
        let hash = now.as_ref().map(|content| file::sha256(&content.bytes));
        let same = now.as_ref().is_some_and(|content| content.bytes == bytes);
        if same || hash.as_deref() == wrote {
            file::remove(&file::temporary(at))?;
            let mode = former.mode & 0o777;
            if !same || now.is_some_and(|content| content.mode != mode) {
                file::write(at, &bytes, mode)?;
            }
            return Ok(Outcome::Undone);
        }
        Ok(Outcome::Kept(edited_since(path)))
    }

    /// Gives a file back that we changed in one place: whole where nobody
    /// wrote to it since, else by `edit`.
    fn edited(
        &self,
        (path, at): (&Path, &Path),
        former: Option<&Former>,
        wrote: &str,
        edit: &dyn Fn(&str) -> Result<Option<String>, String>,
    ) -> io::Result<Outcome> {
        file::remove(&file::temporary(at))?;
        let Some(now) = file::read(at)? else {
            return Ok(Outcome::Undone);
        };
        if file::sha256(&now.bytes) == wrote {
            match former {
                None => file::remove(at)?,
                Some(former) => {
                    let bytes = self.journal.kept(&former.backup)?;
                    file::write(at, &bytes, former.mode & 0o777)?;
                }
            }
            return Ok(Outcome::Undone);
        }
        let Ok(text) = String::from_utf8(now.bytes) else {
            return Ok(Outcome::Kept(edited_since(path)));
        };
        match edit(&text) {
            Ok(Some(text)) => file::write(at, text.as_bytes(), now.mode)?,
            Ok(None) => {}
            Err(why) => return Ok(Outcome::Kept(format!("{}: {why}", path.display()))),
        }
        Ok(Outcome::Undone)
    }
}

fn edited_since(path: &Path) -> String {
    format!("{} was changed since and is kept", path.display())
}

fn remove_file((path, at): (&Path, &Path), wrote: &str) -> io::Result<Outcome> {
    file::remove(&file::temporary(at))?;
    let Some(now) = file::read(at)? else {
        return Ok(Outcome::Undone);
    };
    if file::sha256(&now.bytes) != wrote {
        return Ok(Outcome::Kept(edited_since(path)));
    }
    file::remove(at)?;
    Ok(Outcome::Undone)
}

fn remove_dir((path, at): (&Path, &Path)) -> io::Result<Outcome> {
    Ok(match file::remove_dir(at)? {
        true => Outcome::Undone,
        false => Outcome::Kept(format!("{} is kept: it is not empty", path.display())),
    })
}

/// `config.json` with the former context current, if ours still is.
fn without_context(text: &str, previous: Option<&str>) -> Result<Option<String>, String> {
    let current = cli_config::current_context(text).map_err(|e| e.to_string())?;
    if current.as_deref() != Some(context::NAME) {
        return Ok(None);
    }
    let changed = cli_config::with_current_context(Some(text), previous);
    changed.map(Some).map_err(|e| e.to_string())
}

fn without_block(text: &str) -> Result<Option<String>, String> {
    shell_block::remove(text).map_err(|e| e.to_string())
}
