//! What differs between two reports, check by check.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::{Report, phrase};
use crate::check::engine::Status;
use crate::ui::Look;

/// One check that came out differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Change {
    /// `area.slug`.
    pub id: String,
    /// How it came out before; null if it was not in that report.
    pub before: Option<Status>,
    /// How it came out after; likewise.
    pub after: Option<Status>,
    /// What it said before.
    pub said_before: String,
    /// What it said after.
    pub said_after: String,
}

/// Every check whose status or words differ, in the later report's order, then
/// those that are gone.
pub fn changes(before: &Report, after: &Report) -> Vec<Change> {
    let mut old: BTreeMap<&str, _> = before.checks.iter().map(|c| (c.id.as_str(), c)).collect();
    let mut changes = Vec::new();
    for new in &after.checks {
        let old = old.remove(new.id.as_str());
        // A reader without the facts has no words for what passed.
        let same = |old: &super::CheckResult| {
            old.status == new.status
                && (old.summary == new.summary || old.summary.is_empty() || new.summary.is_empty())
        };
        if !old.is_some_and(same) {
            changes.push(Change {
                id: new.id.clone(),
                before: old.map(|c| c.status),
                after: Some(new.status),
                said_before: old.map(|c| c.summary.clone()).unwrap_or_default(),
                said_after: new.summary.clone(),
            });
        }
    }
    let gone = before
        .checks
        .iter()
        .filter(|c| old.contains_key(c.id.as_str()));
    changes.extend(gone.map(|c| Change {
        id: c.id.clone(),
        before: Some(c.status),
        after: None,
        said_before: c.summary.clone(),
        said_after: String::new(),
    }));
    changes
}

/// The changes for people.
pub fn render(changes: &[Change], look: &Look) -> String {
    let mut out = String::new();
    for change in changes {
        let word = |status: Option<Status>| status.map_or("-", phrase::word);
        let head = format!(
            "{:<4} -> {:<4}  {}",
            word(change.before),
            word(change.after),
            change.id
        );
        let _ = writeln!(out, "{}", look.safe(&head));
        for (label, said) in [("was", &change.said_before), ("is", &change.said_after)] {
            if !said.is_empty() && change.said_before != change.said_after {
                let _ = writeln!(out, "      {label:<4}{}", look.wrap(said, 10).trim_start());
            }
        }
    }
    out
}
