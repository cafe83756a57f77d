//! The lines of a journal.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plan::undo::Undo;

/// The form this program writes and reads.
pub const FORMAT: u32 = 1;

/// A change that has not been taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number, never used twice in one journal.
    pub id: u64,
    /// The way back.
    pub undo: Undo,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Line {
    /// The first one.
    Journal {
        format: u32,
        tool: String,
        /// Directories that were made for the journal, outermost first.
        made: Vec<PathBuf>,
    },
    /// A change is about to be made.
    Before {
        id: u64,
        #[serde(flatten)]
        undo: Undo,
    },
    /// It has been taken back.
    Undone { id: u64 },
}

impl Line {
    pub fn before(record: &Record) -> Self {
        Line::Before {
            id: record.id,
            undo: record.undo.clone(),
        }
    }

    pub fn journal(made: Vec<PathBuf>) -> Self {
        Line::Journal {
            format: FORMAT,
            tool: format!("rootless-setup {}", env!("CARGO_PKG_VERSION")),
            made,
        }
    }
}

/// A line that cannot be understood, so that its change cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Its number, from 1.
    pub line: usize,
    /// The kind of change, if a newer version wrote it.
    pub kind: Option<String>,
}

/// What every line of a change has.
#[derive(Deserialize)]
struct Any {
    id: u64,
    undo: String,
}

/// Only what tells whether the rest can be understood.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

/// What the lines of a journal say.
#[derive(Debug, Default)]
pub struct Lines {
    pub format: u32,
    pub made: Vec<PathBuf>,
    pub records: Vec<Record>,
    pub damaged: Vec<Damaged>,
    pub next: u64,
    /// Bytes up to the end of the last whole line.
    pub whole: u64,
}

impl Lines {
    pub fn parse(bytes: &[u8]) -> Self {
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        let mut lines = Lines {
            whole: whole as u64,
            ..Lines::default()
        };
        for (number, line) in (1..).zip(bytes[..whole].split(|b| *b == b'\n')) {
            if !line.is_empty() {
                lines.take(number, line);
            }
        }
        lines
    }

    fn take(&mut self, number: usize, line: &[u8]) {
        if let Ok(form) = serde_json::from_slice::<Form>(line) {
            self.format = self.format.max(form.format);
        }
        match serde_json::from_slice(line) {
            Ok(Line::Journal { made, .. }) => self.made = made,
            Ok(Line::Before { id, undo }) => {
                self.next = self.next.max(id.saturating_add(1));
                self.records.push(Record { id, undo });
            }
            Ok(Line::Undone { id }) => self.records.retain(|r| r.id != id),
            Err(_) => {
                let any = serde_json::from_slice::<Any>(line).ok();
                if let Some(any) = &any {
                    self.next = self.next.max(any.id.saturating_add(1));
                }
                self.damaged.push(Damaged {
                    line: number,
                    kind: any.map(|any| any.undo),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            Lines::parse(&bytes);
        }
    }

    #[test]
    fn the_journal_of_every_release_can_be_read() {
        let text = include_str!("../../../tests/journals/v1.jsonl");
        let lines = Lines::parse(text.as_bytes());
        assert!(lines.damaged.is_empty());
        assert_eq!(lines.records.len(), 9);
    }
}
