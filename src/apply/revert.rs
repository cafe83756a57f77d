//! Takes changes back, newest first. It has no preconditions, goes on past
//! errors, and can be run again: what is undone is undone.

mod files;

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
use crate::plan::undo::Undo;

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
        let undone = match &record.undo {
            Undo::RemoveFile { .. }
            | Undo::RestoreFile { .. }
            | Undo::RemoveDir { .. }
            | Undo::CurrentContext { .. }
            | Undo::RemoveBlock { .. } => self.file(&record.undo),
            Undo::Disable {
                unit,
                link,
                dir_mode,
            } => self.users(|all| all.disable(unit, link, *dir_mode)),
            Undo::Stop { unit } => self.users(|all| all.stop(unit)),
            Undo::Restart { unit } => self.users(|all| {
                all.restart.push((record.id, unit.clone()));
                Ok(Outcome::Later)
            }),
            Undo::Linger { uid } => login::set_linger(*uid, false, false, &|| false)
                .map(|()| Outcome::Undone)
                .map_err(|e| e.to_string()),
            Undo::LoadProfile { file } => {
                self.profiles.push((record.id, file.clone()));
                Ok(Outcome::Later)
            }
            Undo::Packages { .. }
            | Undo::Setting { .. }
            | Undo::Lines { .. }
            | Undo::Modes { .. }
            | Undo::Stays { .. }
            | Undo::Remount { .. }
            | Undo::Link { .. }
            | Undo::EnableUnits { .. }
            | Undo::Capability { .. }
            | Undo::UnloadProfile { .. }
            | Undo::Rename { .. } => self.mended(&record.undo),
        };
        undone.inspect(|_| self.units_changed |= is_unit_file(&record.undo))
    }

    /// What only a user's own journal can hold: units of the user's manager.
    fn users(
        &mut self,
        undo: impl FnOnce(&mut Self) -> Result<Outcome, String>,
    ) -> Result<Outcome, String> {
        match self.world.system {
            true => Err("a change of a user's own is in the journal of root".into()),
            false => undo(self),
        }
    }

    /// What `prepare` and `fix` do.
    fn mended(&self, undo: &Undo) -> Result<Outcome, String> {
        let world = self.world;
        let taken = match undo {
            Undo::Packages { family, names } => mend::packages(family, names),
            Undo::Setting { key, value } => mend::setting(key, value),
            Undo::Lines {
                path,
                lines,
                former,
                sha256,
            } => mend::lines(self.journal, path, lines, (former.as_ref(), sha256), world),
            Undo::Modes { files } => mend::modes(files, world),
            Undo::Stays { path, uid, count } => Ok(Some(format!(
                "{count} files and directories in {} stay with uid {uid}",
                path.display()
            ))),
            Undo::Remount { mount, option } => mend::remount(mount, option),
            Undo::Link {
                path,
                target,
                sha256,
            } => mend::link(path, target, sha256, world),
            Undo::EnableUnits { enabled, active } => mend::enable(enabled, active),
            Undo::Capability { path, former } => mend::capability(path, former.as_deref(), world),
            Undo::UnloadProfile { file } => mend::unload_profile(file, world),
            Undo::Rename { from, to } => mend::rename(from, to, world),
            Undo::RemoveFile { .. }
            | Undo::RestoreFile { .. }
            | Undo::RemoveDir { .. }
            | Undo::CurrentContext { .. }
            | Undo::RemoveBlock { .. }
            | Undo::Disable { .. }
            | Undo::Stop { .. }
            | Undo::Restart { .. }
            | Undo::Linger { .. }
            | Undo::LoadProfile { .. } => Err("this is not a change of prepare".into()),
        };
        taken.map(|kept| kept.map_or(Outcome::Undone, Outcome::Kept))
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
            match mend::load_profile(&file, self.world) {
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

fn is_unit_file(undo: &Undo) -> bool {
    match undo {
        Undo::RemoveFile { path, .. } | Undo::RestoreFile { path, .. } => {
            path.components().any(|c| c.as_os_str() == "systemd")
        }
        Undo::Disable { .. } => true,
        _ => false,
    }
}
