//! Takes changes back, newest first. It has no preconditions, goes on past
//! errors, and can be run again: what is undone is undone.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::bring_up::{Up, bring_up};
use super::file;
use super::journal::{Journal, Record};
use super::login;
use super::manager::{
    BusError, JobEnd, Manager, Wait, WithoutBus, reload_without_bus, stop_without_bus,
};
use super::mend::undo as mend;
use super::run::World;
use crate::plan::context;
use crate::plan::undo::{Former, Undo};
use crate::plan::{cli_config, shell_block};

/// How taking back went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reverted {
    /// Changes that were taken back.
    pub undone: usize,
    /// What was kept because somebody changed it since, or does not run again, in words.
    pub kept: Vec<String>,
    /// What could not be taken back, in words; it stays in the journal.
    pub failed: Vec<String>,
}

impl Reverted {
    /// Nothing of it is left.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty()
    }
}

/// Takes back what was done from the journal's `mark` on.
pub fn since(journal: &mut Journal, mark: u64, world: &World) -> Reverted {
    let newer = |record: &&Record| record.id >= mark;
    let records: Vec<Record> = journal.records().iter().filter(newer).cloned().collect();
    let mut revert = Revert {
        journal,
        world,
        manager: None,
        units_changed: false,
        restart: Vec::new(),
        profiles: Vec::new(),
        done: Reverted::default(),
    };
    for record in records.iter().rev() {
        revert.one(record);
    }
    revert.settle();
    revert.done
}

struct Revert<'a> {
    journal: &'a mut Journal,
    world: &'a World,
    manager: Option<Result<Manager, BusError>>,
    units_changed: bool,
    restart: Vec<(u64, String)>,
    profiles: Vec<(u64, PathBuf)>,
    done: Reverted,
}

/// What became of one change.
enum Outcome {
    Undone,
    Kept(String),
    /// It is done at the end, when the files are back.
    Later,
}

impl Revert<'_> {
    fn one(&mut self, record: &Record) {
        match self.undo(record) {
            Ok(Outcome::Undone) => self.note(record.id),
            Ok(Outcome::Kept(what)) => {
                self.settled(record.id);
                self.done.kept.push(what);
            }
            Ok(Outcome::Later) => {}
            Err(why) => self.done.failed.push(why),
        }
    }

    fn note(&mut self, id: u64) {
        if self.settled(id) {
            self.done.undone += 1;
        }
    }

    /// Writes down that nothing more is to be done about a change.
    fn settled(&mut self, id: u64) -> bool {
        let written = self.journal.undone(id);
        written
            .map_err(|why| self.done.failed.push(why.to_string()))
            .is_ok()
    }

    fn undo(&mut self, record: &Record) -> Result<Outcome, String> {
        match &record.undo {
            Undo::RemoveFile { path, sha256 } => told(path, remove_file(path, sha256)),
            Undo::RestoreFile {
                path,
                backup,
                mode,
                sha256,
            } => {
                let former = Former {
                    backup: backup.clone(),
                    mode: *mode,
                };
                told(path, self.restore(path, &former, sha256.as_deref()))
            }
            Undo::RemoveDir { path } => told(path, remove_dir(path)),
            Undo::CurrentContext {
                path,
                previous,
                former,
                sha256,
            } => {
                let edit = |text: &str| without_context(text, previous.as_deref());
                told(path, self.edited(path, former.as_ref(), sha256, &edit))
            }
            Undo::RemoveBlock {
                path,
                former,
                sha256,
            } => told(
                path,
                self.edited(path, former.as_ref(), sha256, &without_block),
            ),
            Undo::Disable {
                unit,
                link,
                dir_mode,
            } => self.disable(unit, link, *dir_mode),
            Undo::Stop { unit } => self.stop(unit),
            Undo::Restart { unit } => {
                self.restart.push((record.id, unit.clone()));
                Ok(Outcome::Later)
            }
            Undo::Linger { uid } => {
                login::set_linger(*uid, false, false, &|| false).map_err(|e| e.to_string())?;
                Ok(Outcome::Undone)
            }
            Undo::LoadProfile { file } => {
                self.profiles.push((record.id, file.clone()));
                Ok(Outcome::Later)
            }
            other => self.mended(other),
        }
        .inspect(|_| self.units_changed |= is_unit_file(&record.undo))
    }

    /// What `prepare` and `fix` do.
    fn mended(&self, undo: &Undo) -> Result<Outcome, String> {
        let taken = match undo {
            Undo::Packages { family, names } => mend::packages(family, names),
            Undo::Setting { key, value } => mend::setting(key, value),
            Undo::Lines {
                path,
                lines,
                former,
                sha256,
            } => mend::lines(self.journal, path, lines, former.as_ref(), sha256),
            Undo::Modes { files } => mend::modes(files),
            Undo::Remount { mount, option } => mend::remount(mount, option),
            Undo::Link {
                path,
                target,
                sha256,
            } => mend::link(path, target, sha256),
            Undo::EnableUnits { enabled, active } => mend::enable(enabled, active),
            Undo::Capability { path, former } => mend::set_capability(path, former.as_deref()),
            Undo::UnloadProfile { file } => mend::unload_profile(file),
            Undo::Rename { from, to } => mend::rename(from, to),
            // The rest is undone above.
            _ => Ok(None),
        };
        taken.map(|kept| kept.map_or(Outcome::Undone, Outcome::Kept))
    }

    /// Gives a whole file back, unless somebody wrote to it since.
    fn restore(&self, path: &Path, former: &Former, wrote: Option<&str>) -> io::Result<Outcome> {
        let bytes = self.journal.kept(&former.backup)?;
        let now = file::read(path)?;
        let hash = now.as_ref().map(|content| file::sha256(&content.bytes));
        let same = now.as_ref().is_some_and(|content| content.bytes == bytes);
        if same || hash.as_deref() == wrote {
            file::remove(&file::temporary(path))?;
            if !same || now.is_some_and(|content| content.mode != former.mode) {
                file::write(path, &bytes, former.mode)?;
            }
            return Ok(Outcome::Undone);
        }
        Ok(Outcome::Kept(edited_since(path)))
    }

    /// Gives a file back that we changed in one place: whole where nobody
    /// wrote to it since, else by `edit`.
    fn edited(
        &self,
        path: &Path,
        former: Option<&Former>,
        wrote: &str,
        edit: &dyn Fn(&str) -> Result<Option<String>, String>,
    ) -> io::Result<Outcome> {
        file::remove(&file::temporary(path))?;
        let Some(now) = file::read(path)? else {
            return Ok(Outcome::Undone);
        };
        if file::sha256(&now.bytes) == wrote {
            match former {
                None => file::remove(path)?,
                Some(former) => {
                    let bytes = self.journal.kept(&former.backup)?;
                    file::write(path, &bytes, former.mode)?;
                }
            }
            return Ok(Outcome::Undone);
        }
        let Ok(text) = String::from_utf8(now.bytes) else {
            return Ok(Outcome::Kept(edited_since(path)));
        };
        match edit(&text) {
            Ok(Some(text)) => file::write(path, text.as_bytes(), now.mode)?,
            Ok(None) => {}
            Err(why) => return Ok(Outcome::Kept(format!("{}: {why}", path.display()))),
        }
        Ok(Outcome::Undone)
    }

    fn disable(
        &mut self,
        unit: &str,
        link: &Path,
        dir_mode: Option<u32>,
    ) -> Result<Outcome, String> {
        if let Some(manager) = self.manager() {
            // Without the bus the link is all there is to remove.
            let _ = manager.disable(unit);
        }
        told(link, file::remove(link).map(|()| Outcome::Undone))?;
        if let (Some(mode), Some(dir)) = (dir_mode, link.parent()) {
            told(dir, file::make_dir(dir, mode).map(|()| Outcome::Undone))?;
        }
        Ok(Outcome::Undone)
    }

    fn stop(&mut self, unit: &str) -> Result<Outcome, String> {
        // What did not run before need not be restarted.
        let pending = std::mem::take(&mut self.restart).into_iter();
        let (moot, restart): (Vec<_>, Vec<_>) = pending.partition(|(_, name)| name == unit);
        self.restart = restart;
        let world = self.world;
        stop(self.manager(), world, unit)?;
        moot.iter().for_each(|(id, _)| self.note(*id));
        if let Some(manager) = self.manager() {
            // Only a failed unit has something to forget.
            let _ = manager.reset_failed(unit);
        }
        Ok(Outcome::Undone)
    }

    /// With the files back: systemd reads them, and what ran before runs again.
    fn settle(&mut self) {
        if self.units_changed
            && let Err(why) = self.reload()
        {
            self.done.failed.push(why);
        }
        for (id, file) in std::mem::take(&mut self.profiles) {
            match mend::load_profile(&file) {
                Ok(()) => self.note(id),
                Err(why) => self.done.failed.push(why),
            }
        }
        let wait = Wait {
            end: Instant::now() + self.world.patience,
            cancelled: &|| false,
        };
        for (id, unit) in std::mem::take(&mut self.restart) {
            let up = |manager| bring_up(manager, &unit, Manager::restart, &wait);
            match self.manager().map(up) {
                Some(Err(why)) => self.done.failed.push(why.to_string()),
                Some(Ok(Up::Failed(_) | Up::Waiting)) => {
                    self.note(id);
                    self.done.kept.push(format!(
                        "{unit} is as it was before, and does not come up: \
                         systemctl --user status {unit}"
                    ));
                }
                _ => self.note(id),
            }
        }
    }

    fn reload(&mut self) -> Result<(), String> {
        let world = self.world;
        if world.system {
            return mend::reload();
        }
        match self.manager() {
            Some(manager) => manager.reload().map_err(|e| e.to_string()),
            None => match reload_without_bus(&world.runtime_dir, Instant::now() + world.patience) {
                // It will read them when it starts.
                Ok(()) | Err(WithoutBus::NoManager | WithoutBus::NoProgram) => Ok(()),
                Err(why) => Err(why.to_string()),
            },
        }
    }

    /// The manager, if it can be reached; asked once.
    fn manager(&mut self) -> Option<&Manager> {
        let world = self.world;
        let manager = self
            .manager
            .get_or_insert_with(|| Manager::connect(&world.runtime_dir, world.patience));
        manager.as_ref().ok()
    }
}

/// Stops a unit, whether or not the bus is there, and waits until it has.
///
/// # Errors
/// Why it may still run, in words.
pub fn stop(manager: Option<&Manager>, world: &World, unit: &str) -> Result<(), String> {
    let wait = Wait {
        end: Instant::now() + world.patience,
        cancelled: &|| false,
    };
    let Some(manager) = manager else {
        return match stop_without_bus(&world.runtime_dir, unit, wait.end) {
            // Nobody is there who could run it.
            Ok(()) | Err(WithoutBus::NoManager) => Ok(()),
            Err(why) => Err(format!("{unit} cannot be stopped: {why}")),
        };
    };
    match manager.stop_or_kill(unit, world.grace, &wait) {
        Ok(JobEnd::Done) => Ok(()),
        Ok(JobEnd::Failed(result)) => Err(format!("{unit} did not stop: {result}")),
        Ok(JobEnd::Late | JobEnd::Cancelled) => Err(format!("{unit} does not stop")),
        Err(why) => Err(format!("{unit} cannot be stopped: {why}")),
    }
}

fn told(path: &Path, done: io::Result<Outcome>) -> Result<Outcome, String> {
    done.map_err(|e| format!("{}: {e}", path.display()))
}

fn edited_since(path: &Path) -> String {
    format!("{} was changed since and is kept", path.display())
}

fn remove_file(path: &Path, wrote: &str) -> io::Result<Outcome> {
    file::remove(&file::temporary(path))?;
    let Some(now) = file::read(path)? else {
        return Ok(Outcome::Undone);
    };
    if file::sha256(&now.bytes) != wrote {
        return Ok(Outcome::Kept(edited_since(path)));
    }
    file::remove(path)?;
    Ok(Outcome::Undone)
}

fn remove_dir(path: &Path) -> io::Result<Outcome> {
    Ok(match file::remove_dir(path)? {
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

fn is_unit_file(undo: &Undo) -> bool {
    match undo {
        Undo::RemoveFile { path, .. } | Undo::RestoreFile { path, .. } => {
            path.components().any(|c| c.as_os_str() == "systemd")
        }
        Undo::Disable { .. } => true,
        _ => false,
    }
}
