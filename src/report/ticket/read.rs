//! A ticket read back: from what was pasted, quoted, wrapped or cut.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::item::Item;
use super::log::Log;
use super::mend::mend;
use super::model::{FORM, Ticket, Values};
use super::pack::unpack;
use crate::check::catalogue::Catalogue;
use crate::host::Bundle;
use crate::report::{CapabilityRow, HostSummary, Report, SCHEMA_VERSION, Summary, Tool, markdown};

/// What the data of a ticket begins with.
const MARK: &str = "{\"rootless_setup_ticket\"";

/// A ticket, and what is missing of it.
#[derive(Debug)]
pub struct Read {
    /// What there is.
    pub ticket: Ticket,
    /// What there is not.
    pub missing: Missing,
}

/// What is missing of a ticket that was cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Its end is missing.
    pub cut: bool,
    /// So many checks of so many are there, if not all.
    pub checks: Option<(usize, usize)>,
    /// So many files of so many are there, if not all.
    pub files: Option<(usize, usize)>,
}

impl Missing {
    /// It in words; none if nothing is missing.
    pub fn words(&self) -> Option<String> {
        let part =
            |what: &str, (have, of): (usize, usize)| format!("{have} of {of} {what} are there");
        let parts = [
            self.checks.map(|n| part("checks", n)),
            self.files.map(|n| part("recorded files", n)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match (self.cut, parts.is_empty()) {
            (false, _) => None,
            (true, true) => Some("its end is cut off".into()),
            (true, false) => Some(format!("its end is cut off: {}", parts.join(", "))),
        }
    }
}

/// Why there is no ticket in a text.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NoTicket {
    /// It is something else.
    #[error("this is no report of rootless-setup")]
    Other,
    /// It begins like a ticket, and its data is gone.
    #[error("this ticket is cut before its data: of the block of JSON at its end nothing is left")]
    NoData,
    /// There are several, and they differ.
    #[error("there are {} different reports in this (lines {}): read one at a time", .0.len(), list(.0))]
    Several(Vec<usize>),
    /// It is of a newer form.
    #[error(
        "this report is of form {0}, and this program reads up to form {1}: read it with a newer rootless-setup"
    )]
    Newer(u32, u32),
    /// Its data is not what it should be.
    #[error("the data of this report cannot be read: {0}")]
    Malformed(String),
}

fn list(lines: &[usize]) -> String {
    lines
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Raw {
    rootless_setup_ticket: Option<u32>,
    schema_version: Option<u32>,
    values: Option<Value>,
    tool: Option<Tool>,
    host: Option<HostSummary>,
    summary: Option<Summary>,
    counts: Counts,
    capabilities: Vec<Value>,
    checks: Option<Vec<Item>>,
    log: Option<Log>,
    left_out: Vec<String>,
    facts: Option<Value>,
    end: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Counts {
    checks: Option<usize>,
    files: Option<usize>,
}

/// Reads the ticket in a text: pasted Markdown, or a report as JSON.
///
/// # Errors
/// [`NoTicket`] when there is none, or more than one.
pub fn read(text: &str, catalogue: &Catalogue) -> Result<Read, NoTicket> {
    let (json, cut) = data(text)?;
    if json.is_empty() {
        return Err(NoTicket::NoData);
    }
    let raw: Raw = serde_json::from_str(&json).map_err(|e| NoTicket::Malformed(e.to_string()))?;
    for (form, newest) in [
        (raw.rootless_setup_ticket, FORM),
        (raw.schema_version, SCHEMA_VERSION),
    ] {
        if let Some(form) = form.filter(|form| *form > newest) {
            return Err(NoTicket::Newer(form, newest));
        }
    }
    if raw.checks.is_none() && !cut {
        return Err(NoTicket::Other);
    }
    let mut read = build(raw, cut, catalogue)?;
    if let Some(log) = read.ticket.log.as_mut().filter(|log| log.lines.is_empty()) {
        log.lines = markdown::log_of(text);
    }
    Ok(read)
}

/// The JSON in a text, and whether it was cut.
fn data(text: &str) -> Result<(String, bool), NoTicket> {
    let bad = |why: &str| NoTicket::Malformed(why.to_owned());
    let starts: Vec<usize> = text.match_indices(MARK).map(|(at, _)| at).collect();
    if starts.is_empty() {
        return plain(text);
    }
    let mut found: Vec<(usize, String, bool)> = Vec::new();
    for start in starts {
        let mended = mend(&text[start..]).map_err(bad)?;
        let new = found.iter().all(|(_, text, _)| *text != mended.text);
        if new {
            found.push((start, mended.text, mended.cut));
        }
    }
    if found.len() > 1 {
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        return Err(NoTicket::Several(
            found.iter().map(|(at, ..)| line(*at)).collect(),
        ));
    }
    let (_, json, cut) = found.swap_remove(0);
    Ok((json, cut))
}

/// A report as `doctor --format json` prints it, or the rest of a ticket.
fn plain(text: &str) -> Result<(String, bool), NoTicket> {
    let start = text.find('{').filter(|at| {
        let before = text[..*at].trim_start_matches('\u{feff}');
        before.chars().all(|c| c.is_whitespace() || c == '>')
    });
    let Some(start) = start.filter(|_| text.contains("\"schema_version\"")) else {
        let ticket = text.contains(markdown::TITLE);
        return Err(if ticket {
            NoTicket::NoData
        } else {
            NoTicket::Other
        });
    };
    let mended = mend(&text[start..]).map_err(|why| NoTicket::Malformed(why.to_owned()))?;
    let rest = &text[start + mended.used..];
    if let Some(next) = rest
        .find('{')
        .filter(|_| rest.contains("\"schema_version\""))
    {
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        return Err(NoTicket::Several(vec![
            line(start),
            line(start + mended.used + next),
        ]));
    }
    Ok((mended.text, mended.cut))
}

fn build(raw: Raw, cut: bool, catalogue: &Catalogue) -> Result<Read, NoTicket> {
    let wrong = |e: serde_json::Error| NoTicket::Malformed(e.to_string());
    // The end of a ticket that was cut may be a part of the facts: what is there counts.
    let facts = raw
        .facts
        .filter(|facts| facts.get("bundle_version").is_some());
    let facts: Option<Bundle> = match facts.map(unpack).transpose() {
        Ok(facts) => facts,
        Err(_) if cut => None,
        Err(error) => return Err(wrong(error)),
    };
    let items = raw.checks.unwrap_or_default();
    let files = facts.as_ref().map_or(0, |facts| facts.files.len());
    let short = |have: usize, of: Option<usize>| of.filter(|of| have < *of).map(|of| (have, of));
    let missing = Missing {
        cut: cut || (raw.rootless_setup_ticket.is_some() && !raw.end),
        checks: short(items.len(), raw.counts.checks),
        files: short(files, raw.counts.files),
    };
    let row = |row| serde_json::from_value::<CapabilityRow>(row).ok();
    let report = Report {
        schema_version: raw.schema_version.unwrap_or(SCHEMA_VERSION),
        tool: raw.tool.unwrap_or_else(|| Tool {
            name: String::new(),
            version: String::new(),
        }),
        host: raw.host.unwrap_or_else(nowhere),
        capabilities: raw.capabilities.into_iter().filter_map(row).collect(),
        checks: items
            .into_iter()
            .map(|item| item.into_result(catalogue))
            .collect(),
        summary: raw.summary.unwrap_or_default(),
    };
    let values = raw.values.and_then(|v| serde_json::from_value(v).ok());
    let ticket = Ticket {
        values: values.unwrap_or(Values::Shown),
        report,
        log: raw.log,
        facts,
        left_out: raw.left_out,
    };
    Ok(Read { ticket, missing })
}

fn nowhere() -> HostSummary {
    HostSummary {
        os: String::new(),
        kernel: String::new(),
        arch: String::new(),
        user: None,
        uid: None,
        source: String::new(),
    }
}
