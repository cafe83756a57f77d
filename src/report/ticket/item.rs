//! One check in a ticket: what the reader's catalogue says of it anyway is left
//! out, and put in again when it is read.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::write::Detail;
use crate::check::Evidence;
use crate::check::catalogue::{Catalogue, Level};
use crate::check::engine::Status;
use crate::check::remedy::Fix;
use crate::report::CheckResult;

/// One check with its result; what is missing is as in the catalogue.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Item {
    /// `area.slug`.
    pub id: String,
    /// `pass`, `warn`, `fail`, `info`, `skip` or `unknown`; a newer program may
    /// know others.
    pub status: String,
    /// One sentence on this host.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What was seen, and where.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// `required`, `recommended` or `optional`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// What is so when it passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The page that says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docs: Option<String>,
    /// Time the check took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// The word of a status or level in JSON.
pub fn word(value: impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn parsed<T: for<'a> Deserialize<'a>>(word: &str) -> Option<T> {
    serde_json::from_value(Value::String(word.to_owned())).ok()
}

impl Item {
    /// A check as a ticket holds it, in this much detail.
    pub fn new(check: &CheckResult, catalogue: &Catalogue, detail: &Detail) -> Self {
        let known = catalogue.get(&check.id);
        let full = detail.full;
        let fine = matches!(check.status, Status::Pass | Status::Skip);
        let told = !(fine && detail.fine_without_words);
        let clip = |text: &str| detail.clip(text);
        let evidence = check
            .evidence
            .iter()
            .filter(|_| told && !detail.no_evidence);
        Item {
            id: check.id.clone(),
            status: word(check.status),
            summary: if told {
                clip(&check.summary)
            } else {
                String::new()
            },
            evidence: evidence
                .map(|e| Evidence {
                    source: clip(&e.source),
                    value: clip(&e.value),
                })
                .collect(),
            fix: check.fix.clone().filter(|_| !detail.no_fixes),
            level: (full || known.is_none_or(|k| k.level != check.level))
                .then(|| word(check.level)),
            title: (full || known.is_none_or(|k| k.title != check.title))
                .then(|| check.title.clone()),
            docs: (full || known.is_none_or(|k| k.docs != check.docs)).then(|| check.docs.clone()),
            duration_ms: (full || check.duration_ms > 0).then_some(check.duration_ms),
        }
    }

    /// The check, with what was left out from the catalogue at hand.
    pub fn into_result(self, catalogue: &Catalogue) -> CheckResult {
        let known = catalogue.get(&self.id);
        let status = parsed(&self.status);
        let summary = match status {
            Some(_) => self.summary,
            None => format!("{} ({})", self.summary, self.status),
        };
        let title = self.title.or_else(|| known.map(|k| k.title.clone()));
        let docs = self.docs.or_else(|| known.map(|k| k.docs.clone()));
        let level = self
            .level
            .and_then(|word| parsed(&word))
            .or(known.map(|k| k.level));
        CheckResult {
            area: self
                .id
                .split_once('.')
                .map_or("", |(area, _)| area)
                .to_owned(),
            title: title.unwrap_or_else(|| self.id.clone()),
            level: level.unwrap_or(Level::Optional),
            status: status.unwrap_or(Status::Unknown),
            summary,
            evidence: self.evidence,
            fix: self.fix,
            docs: docs.unwrap_or_default(),
            duration_ms: self.duration_ms.unwrap_or_default(),
            id: self.id,
        }
    }
}
