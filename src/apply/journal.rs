//! The write-ahead journal: before a change is made, the way back from it is
//! on the disk. `$XDG_STATE_HOME/rootless-setup/journal.jsonl`, a line each,
//! with copies of replaced files beside it.
//!
//! The journal comes into being with its first line and goes with its last: it
//! is made under another name, with every directory that was missing, and
//! renamed into place; so a run that is killed leaves nothing that cannot be
//! found again.

mod line;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::file::{self, temporary};
use crate::plan::undo::{Former, Undo};
pub use line::{Damaged, Record};
use line::{FORMAT, Line, Lines};

const NAME: &str = "journal.jsonl";

/// Why the journal cannot be used.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The system refuses.
    #[error("the journal {path} cannot be written: {why}")]
    Io {
        /// The file or directory.
        path: String,
        /// The system's words.
        why: String,
    },
    /// A later version of this program wrote it.
    #[error("the journal {0} was written by a newer rootless-setup")]
    Newer(String),
}

/// What was done and has not been undone.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    /// None where it is only read.
    file: Option<File>,
    whole: u64,
    made: Vec<PathBuf>,
    records: Vec<Record>,
    next: u64,
    /// Lines that cannot be understood.
    pub damaged: Vec<Damaged>,
}

impl Journal {
    /// The journal in `dir`, if there is one; nothing is changed.
    ///
    /// # Errors
    /// When it cannot be read, or a newer version wrote it.
    pub fn read(dir: &Path) -> Result<Option<Journal>, JournalError> {
        let path = dir.join(NAME);
        let Some(content) = file::read(&path).map_err(|e| failed(&path, &e))? else {
            return Ok(None);
        };
        let lines = Lines::parse(&content.bytes);
        if lines.format > FORMAT {
            return Err(JournalError::Newer(path.display().to_string()));
        }
        Ok(Some(Journal {
            dir: dir.into(),
            file: None,
            whole: lines.whole,
            next: lines.next,
            made: lines.made,
            records: lines.records,
            damaged: lines.damaged,
        }))
    }

    /// The journal in `dir`, if there is one, to go on with.
    ///
    /// # Errors
    /// Those of [`Journal::read`], and when it cannot be written to.
    pub fn find(dir: &Path) -> Result<Option<Journal>, JournalError> {
        let Some(mut journal) = Self::read(dir)? else {
            return Ok(None);
        };
        let path = journal.path();
        let file = reopen(&path, journal.whole).map_err(|e| failed(&path, &e))?;
        journal.file = Some(file);
        Ok(Some(journal))
    }

    /// The journal in `dir`, made if there is none.
    ///
    /// # Errors
    /// Those of [`Journal::find`], and when it cannot be made.
    pub fn open(dir: &Path) -> Result<Journal, JournalError> {
        if let Some(journal) = Self::find(dir)? {
            return Ok(journal);
        }
        bear(dir).map_err(|e| failed(dir, &e))?;
        Self::find(dir)?.ok_or_else(|| failed(dir, &io::ErrorKind::NotFound.into()))
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.dir.join(NAME)
    }

    /// What to do about lines that cannot be understood, a sentence each.
    pub fn about_damaged(&self) -> Vec<String> {
        let path = self.path().display().to_string();
        let one = |damaged: &Damaged| match &damaged.kind {
            Some(kind) => format!(
                "line {} of {path} is a change of the unknown kind {kind:?}, written by a newer \
                 rootless-setup: undo it with that version, or remove the line",
                damaged.line
            ),
            None => format!(
                "line {} of {path} cannot be read: undo by hand what it says, then remove the line",
                damaged.line
            ),
        };
        self.damaged.iter().map(one).collect()
    }

    /// What has not been undone, in the order in which it was done.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The number the next record gets: where a run begins.
    pub fn mark(&self) -> u64 {
        self.next
    }

    /// What we wrote last to a file, as SHA-256, if we did.
    pub fn wrote(&self, path: &Path) -> Option<&str> {
        let mut newest = self.records.iter().rev();
        newest.find_map(|record| match &record.undo {
            Undo::RemoveFile { path: p, sha256 }
            | Undo::CurrentContext {
                path: p, sha256, ..
            }
            | Undo::RemoveBlock {
                path: p, sha256, ..
            } if p == path => Some(sha256.as_str()),
            Undo::RestoreFile {
                path: p, sha256, ..
            } if p == path => sha256.as_deref(),
            _ => None,
        })
    }

    /// Writes down the way back from a change that is about to be made.
    ///
    /// # Errors
    /// When it does not reach the disk; the change must not be made then.
    pub fn before(&mut self, undo: Undo) -> Result<(), JournalError> {
        self.before_all(vec![undo])
    }

    /// [`Journal::before`] for several changes at once.
    ///
    /// # Errors
    /// As there.
    pub fn before_all(&mut self, undos: Vec<Undo>) -> Result<(), JournalError> {
        if undos.is_empty() {
            return Ok(());
        }
        let record = |(id, undo)| Record { id, undo };
        let records: Vec<Record> = (self.next..).zip(undos).map(record).collect();
        let lines: Vec<Line> = records.iter().map(Line::before).collect();
        self.append(&lines)?;
        self.next += records.len() as u64;
        self.records.extend(records);
        Ok(())
    }

    /// Notes that a change has been taken back.
    ///
    /// # Errors
    /// When it does not reach the disk.
    pub fn undone(&mut self, id: u64) -> Result<(), JournalError> {
        self.append(&[Line::Undone { id }])?;
        self.records.retain(|record| record.id != id);
        Ok(())
    }

    /// Keeps a copy of a file that is about to be changed, for our eyes only.
    ///
    /// # Errors
    /// When it does not reach the disk.
    pub fn keep(&self, content: &file::Content) -> Result<Former, JournalError> {
        let backup = format!("backup-{}", self.next);
        let path = self.dir.join(&backup);
        file::write(&path, &content.bytes, 0o600).map_err(|e| failed(&path, &e))?;
        Ok(Former {
            backup,
            mode: content.mode,
        })
    }

    /// A copy made by [`Journal::keep`].
    ///
    /// # Errors
    /// The system's; a name that leads out of the journal's directory is none of ours.
    pub fn kept(&self, backup: &str) -> io::Result<Vec<u8>> {
        if backup.contains('/') {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let copy = file::read(&self.dir.join(backup))?;
        copy.map(|c| c.bytes)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Removes the journal if nothing is left to undo, with the directories
    /// that were made for it. Says whether it is gone.
    ///
    /// # Errors
    /// The system's.
    pub fn close(self) -> Result<bool, JournalError> {
        if !self.records.is_empty() || !self.damaged.is_empty() {
            return Ok(false);
        }
        bury(&self.dir, &self.made).map_err(|e| failed(&self.dir, &e))?;
        Ok(true)
    }

    fn append(&mut self, lines: &[Line]) -> Result<(), JournalError> {
        let path = self.path();
        let appended = match &mut self.file {
            Some(file) => append(file, lines),
            None => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        };
        appended.map_err(|e| failed(&path, &e))
    }
}

/// Removes what a killed run left while it made or removed the journal.
///
/// # Errors
/// The system's.
pub fn sweep(dir: &Path) -> Result<(), JournalError> {
    let all = dir.ancestors().filter(|p| p.file_name().is_some());
    for left in all
        .map(temporary)
        .filter(|left| left.symlink_metadata().is_ok())
    {
        file::remove_tree(&left).map_err(|e| failed(&left, &e))?;
    }
    Ok(())
}

/// Opens for appending; half a line at the end is a write that was cut off,
/// and the change it speaks of was never made.
fn reopen(path: &Path, whole: u64) -> io::Result<File> {
    let file = OpenOptions::new().append(true).open(path)?;
    if file.metadata()?.len() > whole {
        file.set_len(whole)?;
        file.sync_all()?;
    }
    Ok(file)
}

/// Makes the directory and the journal in it, all at once.
fn bear(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|p| !p.exists()).collect();
    let made: Vec<PathBuf> = missing.iter().rev().map(|p| p.to_path_buf()).collect();
    let Some(top) = made.first() else {
        let mut file = create(&dir.join(NAME))?;
        append(&mut file, &[Line::journal(Vec::new())])?;
        // The name is on the disk only when the directory is.
        return File::open(dir)?.sync_all();
    };
    let new = temporary(top);
    file::remove_tree(&new)?;
    let inside = |path: &Path| match path.strip_prefix(top) {
        Ok(rest) if rest.as_os_str().is_empty() => new.clone(),
        Ok(rest) => new.join(rest),
        Err(_) => path.to_path_buf(),
    };
    for path in &made {
        // The base directory specification wants 0700 for what it names.
        file::make_dir(&inside(path), 0o700)?;
    }
    let mut file = create(&inside(dir).join(NAME))?;
    append(&mut file, &[Line::journal(made.clone())])?;
    file::rename(&new, top)?;
    // Each directory was new: what is in it has to reach the disk as well.
    made.iter().try_for_each(|dir| File::open(dir)?.sync_all())
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)
}

/// Removes the journal's directory and those made for it in which nothing else
/// lies: renamed first, so that they go all at once.
fn bury(dir: &Path, made: &[PathBuf]) -> io::Result<()> {
    let ours = dir.ancestors().take_while(|p| made.iter().any(|m| m == p));
    let only = |path: &&Path| *path == dir || file::list(path).is_ok_and(|l| l.len() == 1);
    match ours.take_while(only).last() {
        None => {
            for path in file::list(dir)?.iter().filter(|p| is_backup(p)) {
                file::remove(path)?;
            }
            file::remove(&dir.join(NAME))
        }
        Some(top) => {
            let old = temporary(top);
            file::remove_tree(&old)?;
            file::rename(top, &old)?;
            file::remove_tree(&old)
        }
    }
}

fn is_backup(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("backup-") || name.ends_with(".rootless-setup-tmp")
}

fn append(file: &mut File, lines: &[Line]) -> io::Result<()> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line).map_err(io::Error::other)?;
        text.push(b'\n');
    }
    let end = file.metadata()?.len();
    let written = file.write_all(&text).and_then(|()| file.sync_data());
    if written.is_err() {
        // Half a line would spoil the next one; whoever reads it drops it anyway.
        let _ = file.set_len(end);
    }
    written
}

fn failed(path: &Path, error: &io::Error) -> JournalError {
    JournalError::Io {
        path: path.display().to_string(),
        why: error.to_string(),
    }
}
