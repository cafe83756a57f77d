//! The ticket as Markdown, to be pasted into an issue: what failed is open, the
//! rest is folded, and the data for `report read` is at the end.

use std::fmt::Write;

use super::prose::{block, cell, code, prose};
use super::ticket::{Detail, Ticket, Values, json};
use super::{CheckResult, Report, State, phrase};
use crate::check::catalogue::Catalogue;
use crate::check::engine::Status;

/// The first line.
pub const TITLE: &str = "# rootless-setup report";

/// No ticket is longer, in characters: GitHub takes 65,536 in an issue.
pub const MOST: usize = 60_000;

/// What the log's block begins with, after its fence.
const LOG_INFO: &str = "text docker.service";

/// What is left out to keep a ticket short, step by step, in this order.
fn steps() -> Vec<(Detail, &'static [&'static str])> {
    let full = Detail {
        no_log: true,
        ..Detail::default()
    };
    let log = |lines, from: Detail| Detail {
        log_lines: Some(lines),
        ..from
    };
    let no_profiles = Detail {
        no_profiles: true,
        ..log(50, full.clone())
    };
    let no_facts = Detail {
        no_facts: true,
        ..log(50, full.clone())
    };
    let terse = Detail {
        fine_without_words: true,
        no_evidence: true,
        ..log(20, no_facts.clone())
    };
    let clipped = Detail {
        longest: Some(300),
        no_fixes: true,
        ..log(0, terse.clone())
    };
    let few = Detail {
        longest: Some(100),
        most_checks: Some(60),
        ..clipped.clone()
    };
    vec![
        (full.clone(), &[]),
        (log(100, full.clone()), &[LOG_100]),
        (log(50, full), &[LOG_50]),
        (no_profiles, &[LOG_50, PROFILES]),
        (no_facts, &[LOG_50, FACTS]),
        (terse, &[LOG_20, FACTS, EVIDENCE]),
        (clipped, &[LOG, FACTS, FIXES, ENDS]),
        (few, &[LOG, FACTS, FIXES, ENDS, CHECKS]),
    ]
}

const LOG: &str = "the log";
const PROFILES: &str = "the AppArmor profiles among the facts";
const FACTS: &str = "the recorded facts";
const EVIDENCE: &str = "what the passed checks saw, and all evidence";
const FIXES: &str = "evidence and fixes";
const ENDS: &str = "the ends of long texts";
const CHECKS: &str = "checks beyond the first 60";
const LOG_100: &str = "the log but for its last 100 lines";
const LOG_50: &str = "the log but for its last 50 lines";
const LOG_20: &str = "the log but for its last 20 lines";

/// The ticket as Markdown, at most [`MOST`] characters.
pub fn render(ticket: &Ticket, catalogue: &Catalogue) -> String {
    let mut ticket = ticket.clone();
    let mut page = String::new();
    for (detail, left_out) in steps() {
        let named = left_out.iter().filter(|what| is_there(&ticket, what));
        ticket.left_out = named.map(|what| (*what).to_owned()).collect();
        // What passed is in the data as well: first its words go, then its names.
        for words in [Words::All, Words::Names, Words::None] {
            page = Page::new(&ticket, &detail, words).whole(catalogue);
            if page.chars().count() <= MOST {
                return page;
            }
        }
    }
    page.chars().take(MOST).collect()
}

fn is_there(ticket: &Ticket, what: &str) -> bool {
    let lines = ticket.log.as_ref().map_or(0, |log| log.lines.len());
    match what {
        LOG_100 => lines > 100,
        LOG_50 => lines > 50,
        LOG_20 => lines > 20,
        LOG => lines > 0,
        FACTS => ticket.facts.is_some(),
        _ => true,
    }
}

/// What is told of checks that passed or do not apply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    All,
    Names,
    None,
}

struct Page<'a> {
    ticket: &'a Ticket,
    detail: &'a Detail,
    words: Words,
    out: String,
}

impl<'a> Page<'a> {
    fn new(ticket: &'a Ticket, detail: &'a Detail, words: Words) -> Self {
        Page {
            ticket,
            detail,
            words,
            out: String::new(),
        }
    }

    fn add(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn whole(mut self, catalogue: &Catalogue) -> String {
        let report = &self.ticket.report;
        self.head(report);
        self.capabilities(report);
        for status in [Status::Fail, Status::Unknown, Status::Warn] {
            for check in self.checks(status) {
                self.check(check);
            }
        }
        self.list("worth knowing", Status::Info, Words::All);
        self.list("passed", Status::Pass, self.words);
        self.list("did not apply", Status::Skip, self.words);
        self.log();
        self.data(catalogue);
        self.out
    }

    fn checks(&self, status: Status) -> Vec<&'a CheckResult> {
        let all = self
            .ticket
            .report
            .checks
            .iter()
            .filter(|c| c.status == status);
        all.take(self.detail.most_checks.unwrap_or(usize::MAX))
            .collect()
    }

    fn head(&mut self, report: &Report) {
        self.add(TITLE);
        self.add("");
        self.add(&format!(
            "**{}**",
            prose(&phrase::verdict(report)).replace('*', "")
        ));
        self.add("");
        let host = &report.host;
        let facts = [&host.os, &host.kernel, &host.arch].map(|fact| code(fact));
        let facts: Vec<&str> = facts
            .iter()
            .map(String::as_str)
            .filter(|f| !f.is_empty())
            .collect();
        let uid = host
            .uid
            .map(|uid| format!(", uid {uid}"))
            .unwrap_or_default();
        let tool = code(&format!("{} {}", report.tool.name, report.tool.version));
        self.add(&format!(
            "{}{uid}, by {tool}. {}",
            facts.join(", "),
            phrase::privacy(self.ticket.values)
        ));
        if self.ticket.values == Values::Shown {
            self.add("\n> **Private values are shown in this report** (`--show-private`).");
        }
        if !self.ticket.left_out.is_empty() {
            self.add(&format!(
                "\nLeft out to keep this short: {}.",
                self.ticket.left_out.join("; ")
            ));
        }
        self.add("");
    }

    fn capabilities(&mut self, report: &Report) {
        self.add("| can | | why |\n|---|---|---|");
        for row in &report.capabilities {
            let state = match row.state {
                State::Yes => "yes",
                State::Part => "part",
                State::No => "**no**",
                State::Unknown => "unknown",
            };
            let detail = cell(&prose(&self.detail.clip(&row.detail)));
            self.add(&format!(
                "| {} | {state} | {detail} |",
                row.capability.label()
            ));
        }
        self.add("");
    }

    fn check(&mut self, check: &CheckResult) {
        let summary = prose(&self.detail.clip(&check.summary));
        self.add(&format!(
            "### {} {}\n\n{summary}\n",
            phrase::word(check.status),
            code(&check.id)
        ));
        if !self.detail.no_evidence {
            for seen in &check.evidence {
                let [source, value] =
                    [&seen.source, &seen.value].map(|t| code(&self.detail.clip(t)));
                let value = if value.is_empty() { "(empty)" } else { &value };
                self.add(&format!("- {source}: {value}"));
            }
        }
        if let Some(fix) = check.fix.as_ref().filter(|_| !self.detail.no_fixes) {
            let note = prose(&fix.note);
            let (whose, info) = match phrase::is_built_in(check) {
                true => (String::new(), "sh"),
                false => (format!(" ({})", phrase::SITE), "text"),
            };
            self.add(&format!("\n**Fix{whose}:** {note}\n"));
            if !fix.commands.is_empty() {
                self.add(&block(info, &fix.commands));
            }
        }
        self.link(&check.docs);
    }

    /// Only what is surely an address, and a page of ours or the documents.
    fn link(&mut self, docs: &str) {
        let plain = docs
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b":/.-_#?=&%~+".contains(&b));
        match plain && docs.starts_with("https://") {
            true => self.add(&format!("\nMore: <{docs}>\n")),
            false => self.add(""),
        }
    }

    fn list(&mut self, what: &str, status: Status, words: Words) {
        let checks = self.checks(status);
        if checks.is_empty() {
            return;
        }
        let count = checks.len();
        if words == Words::None {
            self.add(&format!("{count} {what}, as the data below tells.\n"));
            return;
        }
        self.add(&format!("<details><summary>{count} {what}</summary>\n"));
        if words == Words::All && !self.detail.fine_without_words {
            self.add("| check | |\n|---|---|");
            for check in checks {
                let summary = cell(&prose(&self.detail.clip(&check.summary)));
                self.add(&format!("| {} | {summary} |", cell(&code(&check.id))));
            }
        } else {
            let ids: Vec<String> = checks.iter().map(|check| code(&check.id)).collect();
            self.add(&ids.join(", "));
        }
        self.add("\n</details>\n");
    }

    fn log(&mut self) {
        let Some(log) = &self.ticket.log else {
            return;
        };
        let most = self.detail.log_lines.unwrap_or(log.lines.len());
        let lines = &log.lines[log.lines.len().saturating_sub(most)..];
        if let Some(cause) = &log.cause {
            self.add(&format!("**Likely cause by the log:** {}\n", prose(cause)));
        }
        if let Some(trouble) = &log.trouble {
            self.add(&format!("No log, or not all of it: {}\n", prose(trouble)));
        }
        if !lines.is_empty() {
            let _ = write!(
                self.out,
                "<details><summary>Log of docker.service, the last {} lines</summary>\n\n{}\n</details>\n\n",
                lines.len(),
                block(LOG_INFO, lines)
            );
        }
    }

    fn data(&mut self, catalogue: &Catalogue) {
        let json = json(self.ticket, catalogue, self.detail);
        let fence = "`".repeat(
            json.split(|c| c != '`')
                .map(str::len)
                .max()
                .unwrap_or(0)
                .max(2)
                + 1,
        );
        let _ = write!(
            self.out,
            "<details><summary>Data for rootless-setup report read</summary>\n\n{fence}json\n{json}{fence}\n\n</details>\n"
        );
    }
}

/// The lines of the log in a ticket, whatever stands before each of its lines.
pub fn log_of(text: &str) -> Vec<String> {
    let mut lines = text.lines();
    let opening = |line: &str| {
        let at = line.find("```")?;
        let fence = line[at..].trim_end();
        let ticks = fence.len() - fence.trim_start_matches('`').len();
        (fence[ticks..] == *LOG_INFO).then(|| (line[..at].to_owned(), "`".repeat(ticks)))
    };
    let Some((prefix, fence)) = lines.by_ref().find_map(opening) else {
        return Vec::new();
    };
    let own = |line: &str| match line.strip_prefix(&prefix) {
        Some(line) => line.to_owned(),
        None => line.trim_start_matches(['>', ' ', '\t']).to_owned(),
    };
    lines
        .map(own)
        .take_while(|line| line.trim_end() != fence)
        .collect()
}
