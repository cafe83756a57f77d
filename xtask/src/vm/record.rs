//! What a run has seen, kept as lines of JSON, so that a table can be made of
//! several runs, and again when a case says more.

use super::observe::{DOCTOR, Observed};
use super::report::{Failure, Outcome};
use super::suite::Suite;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// One case on one guest.
#[derive(Clone, Serialize, Deserialize)]
pub struct Row {
    pub suite: Suite,
    pub name: String,
    /// Doctor said what the case wants.
    pub as_expected: bool,
    pub observed: Observed,
}

impl Row {
    pub fn new(outcome: &Outcome) -> Row {
        let mut observed = outcome.observed.clone();
        // Its report is long, and has been judged.
        if let Some(said) = observed.get_mut(DOCTOR) {
            said.stdout.clear();
        }
        Row {
            suite: outcome.suite,
            name: outcome.name.clone(),
            as_expected: outcome.failure.as_ref().is_none_or(Failure::is_of_others),
            observed,
        }
    }
}

/// Adds one outcome to a file.
pub fn add(file: &Path, outcome: &Outcome) -> Result<()> {
    let line = serde_json::to_string(&Row::new(outcome))?;
    let mut out = OpenOptions::new().create(true).append(true).open(file)?;
    writeln!(out, "{line}")?;
    Ok(())
}

/// What several files hold; where one case on one guest is there twice, the later.
pub fn read(files: &[impl AsRef<Path>]) -> Result<Vec<Row>> {
    let mut rows = BTreeMap::new();
    for file in files.iter().map(AsRef::as_ref) {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        for (at, line) in text.lines().enumerate() {
            let row: Row = serde_json::from_str(line)
                .with_context(|| format!("{}, line {}", file.display(), at + 1))?;
            rows.insert((row.name.clone(), row.suite), row);
        }
    }
    Ok(rows.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_outcome_counts() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("record.jsonl");
        let line = |expected: bool| {
            let row = Row {
                suite: Suite::Sid,
                name: "a".into(),
                as_expected: expected,
                observed: Observed::new(),
            };
            serde_json::to_string(&row).unwrap()
        };
        fs::write(&file, format!("{}\n{}\n", line(false), line(true))).unwrap();
        let rows = read(&[&file]).unwrap();
        assert_eq!(rows.len(), 1);
        assert!(rows[0].as_expected);
        fs::write(&file, "{}\n").unwrap();
        let error = format!("{:#}", read(&[&file]).err().unwrap());
        assert!(error.contains("record.jsonl, line 1"), "{error}");
    }
}
