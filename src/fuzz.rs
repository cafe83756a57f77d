//! What the fuzz targets and their replay reach beyond the public parsers. No
//! part of the API: each function hands bytes to one private parser.

use crate::apply::journal::Record;
use crate::facts::area::lsm::glob;
use crate::host::{BuildInfo, elf_info};

/// What a journal's lines say.
#[derive(Debug)]
pub struct Journal {
    /// Changes that are not undone, in order.
    pub records: Vec<Record>,
    /// Numbers of the lines that cannot be read.
    pub damaged: Vec<usize>,
    /// Bytes up to the end of the last whole line.
    pub whole: u64,
    /// The number the next record gets.
    pub next: u64,
}

/// Parses a journal.
pub fn journal(bytes: &[u8]) -> Journal {
    let lines = crate::apply::journal::lines(bytes);
    Journal {
        records: lines.records,
        damaged: lines.damaged.iter().map(|damaged| damaged.line).collect(),
        whole: lines.whole,
        next: lines.next,
    }
}

/// Reads the build information of an executable.
pub fn elf(bytes: &[u8]) -> Option<BuildInfo> {
    elf_info(bytes)
}

/// Whether an AppArmor path expression matches a path.
pub fn glob(pattern: &str, variables: &glob::Variables, path: &str) -> Option<bool> {
    glob::matches(pattern, variables, path)
}
