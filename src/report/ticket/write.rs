//! A ticket as JSON: one check and one fact a line, what matters most first, so
//! that what is left of a ticket that was cut can still be read.

use std::borrow::Cow;
use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::item::Item;
use super::log::Log;
use super::model::{FORM, Ticket};
use super::pack::pack;
use crate::check::catalogue::Catalogue;
use crate::fact::Why;
use crate::host::{Bundle, Node};
use crate::ui::filter;

/// How much of a ticket is written.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// Also what the reader's catalogue says anyway.
    pub full: bool,
    /// Only so many of the log's lines, the last.
    pub log_lines: Option<usize>,
    /// Checks that passed or were skipped by their status only.
    pub fine_without_words: bool,
    /// What was found only, not where.
    pub no_evidence: bool,
    /// What failed only, not what to do.
    pub no_fixes: bool,
    /// No AppArmor profiles among the facts.
    pub no_profiles: bool,
    /// No facts.
    pub no_facts: bool,
    /// The log lies elsewhere.
    pub no_log: bool,
    /// The longest text, in characters.
    pub longest: Option<usize>,
    /// Only so many checks, those that failed first.
    pub most_checks: Option<usize>,
}

impl Detail {
    /// A text no longer than asked for.
    pub fn clip(&self, text: &str) -> String {
        let end = self.longest.and_then(|most| text.char_indices().nth(most));
        end.map_or_else(
            || text.to_owned(),
            |(at, _)| format!("{} [cut]", &text[..at]),
        )
    }
}

/// A ticket as JSON.
pub fn json(ticket: &Ticket, catalogue: &Catalogue, detail: &Detail) -> String {
    let report = &ticket.report;
    let mut checks: Vec<_> = report.checks.iter().collect();
    if let Some(most) = detail.most_checks {
        checks.sort_by_key(|check| rank(check.status));
        checks.truncate(most);
    }
    let facts = ticket.facts.as_ref().filter(|_| !detail.no_facts);
    let facts = facts.map(|facts| match detail.no_profiles {
        true => Cow::Owned(without_profiles(facts)),
        false => Cow::Borrowed(facts),
    });
    let mut out = format!("{{\"rootless_setup_ticket\":{FORM}");
    let mut member = |name: &str, value: &str| {
        let _ = write!(out, ",\n\"{name}\":{value}");
    };
    member("schema_version", &text(report.schema_version));
    member("values", &text(ticket.values));
    member("tool", &text(&report.tool));
    member("host", &text(&report.host));
    member("summary", &text(&report.summary));
    member(
        "counts",
        &text(json!({"checks": checks.len(), "files": files(facts.as_deref())})),
    );
    member("capabilities", &text(&report.capabilities));
    let items = checks
        .into_iter()
        .map(|check| text(Item::new(check, catalogue, detail)));
    member("checks", &lines(items, ['[', ']']));
    if let Some(log) = &ticket.log {
        member("log", &text(short(log, detail)));
    }
    member("left_out", &text(&ticket.left_out));
    if let Some(facts) = facts {
        member("facts", &members(&pack(&facts)));
    }
    out.push_str(",\n\"end\":true}\n");
    filter::json(out)
}

/// What is left out must not look like a host without profiles.
fn without_profiles(facts: &Bundle) -> Bundle {
    const DIR: &str = "/etc/apparmor.d";
    let mut facts = facts.clone();
    facts
        .files
        .retain(|path, _| !path.starts_with("/etc/apparmor.d/"));
    let why = Why::new("left out of the ticket");
    let node = Node {
        error: Some(why),
        ..Node::default()
    };
    facts.files.insert(DIR.into(), node);
    facts
}

fn short(log: &Log, detail: &Detail) -> Log {
    let most = if detail.no_log { 0 } else { log.lines.len() };
    let from = log.lines.len() - detail.log_lines.unwrap_or(most).min(most);
    Log {
        lines: log.lines[from..].to_vec(),
        ..log.clone()
    }
}

/// What failed before what passed.
fn rank(status: crate::check::engine::Status) -> u8 {
    use crate::check::engine::Status;
    match status {
        Status::Fail => 0,
        Status::Unknown => 1,
        Status::Warn => 2,
        Status::Info => 3,
        Status::Pass | Status::Skip => 4,
    }
}

fn text(value: impl Serialize) -> String {
    // Strings, numbers and vectors: there is nothing that could fail.
    serde_json::to_string(&value).unwrap_or_default()
}

fn lines(items: impl Iterator<Item = String>, [open, close]: [char; 2]) -> String {
    let items: Vec<String> = items.collect();
    format!("{open}\n{}{close}", items.join(",\n"))
}

/// An object, a line for each member, and for each member of those that have many.
fn members(object: &Value) -> String {
    let many = |value: &Value| value.as_object().is_some_and(|members| members.len() > 3);
    let member = |(name, value): (&String, &Value)| match many(value) && name != "identity" {
        true => format!("{}:{}", text(name), flat(value)),
        false => format!("{}:{}", text(name), text(value)),
    };
    let members = object.as_object().into_iter().flatten().map(member);
    lines(members, ['{', '}'])
}

fn flat(object: &Value) -> String {
    let member = |(name, value): (&String, &Value)| format!("{}:{}", text(name), text(value));
    lines(
        object.as_object().into_iter().flatten().map(member),
        ['{', '}'],
    )
}

fn files(facts: Option<&Bundle>) -> usize {
    facts.map_or(0, |facts| facts.files.len())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::command::report::ticket::Recording;
    use crate::report::ticket::{Log, Values};
    use crate::report::{CapabilityRow, HostSummary, Summary, Tool};
    use crate::testing::{TestHost, assert_published};

    /// A ticket as JSON: one check and one fact a line.
    #[derive(Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "the shape is all that counts")]
    struct TicketJson {
        /// Major form of the ticket; readers refuse a higher one.
        rootless_setup_ticket: u32,
        /// Major form of the report in it.
        schema_version: u32,
        /// What became of private values.
        values: Values,
        /// The program that wrote it.
        tool: Tool,
        /// The host that was examined.
        host: HostSummary,
        /// Counts by status, and what to do next.
        summary: Summary,
        /// How much there is, to know of a ticket that was cut.
        counts: Counts,
        /// What a user can do with rootless Docker there.
        capabilities: Vec<CapabilityRow>,
        /// Every check.
        checks: Vec<crate::report::ticket::Item>,
        /// The log of the user's docker.service.
        log: Option<Log>,
        /// What was left out to keep it short, in words.
        left_out: Vec<String>,
        /// What the host answered, as a recorded host, packed.
        facts: Option<Value>,
        /// Always true, and last.
        end: bool,
    }

    /// How much there is.
    #[derive(Deserialize, schemars::JsonSchema)]
    #[allow(dead_code, reason = "the shape is all that counts")]
    struct Counts {
        /// Checks.
        checks: usize,
        /// Recorded files.
        files: usize,
    }

    #[test]
    fn a_ticket_has_the_published_form() {
        let host = TestHost::new().0;
        let recording = Recording::of_recorded(host, None, std::time::Duration::from_secs(9));
        let mut ticket = recording.unwrap().hidden().unwrap().0;
        ticket.log = Some(Log::without("why"));
        let detail = Detail {
            full: true,
            ..Detail::default()
        };
        let text = json(&ticket, Catalogue::built_in().unwrap(), &detail);
        serde_json::from_str::<TicketJson>(&text).unwrap();
    }

    #[test]
    fn schemas_are_the_published_ones() {
        let summary = schemars::schema_for!(crate::report::fleet::json::Summed);
        assert_published("ticket", &schemars::schema_for!(TicketJson));
        assert_published("summary", &summary);
    }
}
