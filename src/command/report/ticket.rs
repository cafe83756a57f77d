//! From a recording to a ticket: private values go before anything is judged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::cli::TicketFormat;
use crate::command::examine::{self, RECORDED};
use crate::error::Error;
use crate::facts::subject;
use crate::host::{Bundle, Host, Recorded, Recorder};
use crate::private::{Register, Replace, gate, hide};
use crate::report::ticket::{Detail, Log, Ticket, Values, json, pack, slim, unpack};
use crate::report::{CheckResult, Report, html, junit, markdown, prometheus, text};
use crate::ui::Look;

/// What was found out about a host, with everything private in it.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The diagnosis.
    pub report: Report,
    /// What the host answered.
    pub facts: Bundle,
    /// The passwords and tokens that the recording left out.
    pub secrets: BTreeSet<String>,
    /// The log of docker.service.
    pub log: Option<Log>,
}

impl Recording {
    /// Examines a host, and keeps what it answered.
    ///
    /// # Errors
    /// When the user asked for is not to be had.
    pub fn of(
        host: Arc<dyn Host>,
        user: Option<String>,
        source: &str,
        deadline: Duration,
    ) -> Result<Self, Error> {
        let recorder = Arc::new(Recorder::new(host, user.clone()));
        let subject = subject::find(&*recorder, user.as_deref())?;
        let asked = recorder.clone() as Arc<dyn Host>;
        let report = examine::examine(&asked, subject, source, deadline)?;
        Ok(Recording {
            report,
            facts: recorder.bundle(),
            secrets: recorder.secrets(),
            log: None,
        })
    }

    /// Examines a recorded host.
    ///
    /// # Errors
    /// When the user asked for is not in it.
    pub fn of_recorded(
        bundle: Bundle,
        user: Option<String>,
        deadline: Duration,
    ) -> Result<Self, Error> {
        let user = user.or_else(|| bundle.user.clone());
        let (origin, unlisted) = (bundle.origin.clone(), bundle.unlisted);
        let mut recording = Self::of(Arc::new(Recorded::new(bundle)), user, RECORDED, deadline)?;
        // What was not asked for just now may be asked by a later version.
        recording.facts.origin = origin;
        recording.facts.unlisted = unlisted;
        Ok(recording)
    }

    /// The ticket with everything in it as it is.
    pub fn shown(self) -> Ticket {
        Ticket {
            values: Values::Shown,
            report: self.report,
            log: self.log,
            facts: Some(self.facts),
            left_out: Vec::new(),
        }
    }

    /// The ticket with stand-ins, and the register of what they stand for.
    ///
    /// # Errors
    /// When the recording contradicts itself.
    pub fn hidden(self) -> Result<(Ticket, Register), Error> {
        let lines = self.log.as_ref().map_or(&[][..], |log| &log.lines);
        let register = hide::register(&self.facts, &self.secrets, lines);
        let replace = Replace::new(&register);
        let facts = hide::bundle(&self.facts, &register, &replace)
            .ok_or_else(|| Error::Bug("the recording cannot be taken apart".into()))?;
        let judged = examine::replay(facts.clone())?;
        let facts = lean(facts, &judged);
        let mut report = merged(judged, self.report);
        hide::report(&mut report, &replace);
        let log = self.log.map(|log| hidden(log, &replace));
        drop(replace);
        let ticket = Ticket {
            values: Values::Replaced,
            report,
            log,
            facts: Some(facts),
            left_out: Vec::new(),
        };
        Ok((ticket, register))
    }
}

/// The facts without what no check looks at: if the checks then say the same.
fn lean(facts: Bundle, judged: &Report) -> Bundle {
    let mut lean = facts.clone();
    slim(&mut lean);
    let packed = unpack(pack(&lean));
    let again = packed.ok().and_then(|facts| examine::replay(facts).ok());
    match again.is_some_and(|again| says_the_same(&again, judged)) {
        true => lean,
        false => facts,
    }
}

fn says_the_same(one: &Report, other: &Report) -> bool {
    let said = |check: &CheckResult| (check.status, check.summary.clone());
    one.checks
        .iter()
        .map(said)
        .eq(other.checks.iter().map(said))
}

/// The report on the facts with stand-ins. Where that says something else, which
/// a stand-in may bring about, the report on the facts as they are counts.
fn merged(judged: Report, original: Report) -> Report {
    let mut by_id: BTreeMap<String, CheckResult> = judged
        .checks
        .into_iter()
        .map(|check| (check.id.clone(), check))
        .collect();
    let mut changed = false;
    let mut report = original;
    for check in &mut report.checks {
        match by_id.remove(&check.id) {
            Some(other) if other.status == check.status => {
                let duration_ms = check.duration_ms;
                *check = CheckResult {
                    duration_ms,
                    ..other
                };
            }
            _ => changed = true,
        }
    }
    if !changed {
        report.capabilities = judged.capabilities;
        let duration_ms = report.summary.duration_ms;
        report.summary = judged.summary;
        report.summary.duration_ms = duration_ms;
        report.host = judged.host;
    }
    if report.host.source != "live" {
        report.host.source = RECORDED.into();
    }
    report
}

fn hidden(mut log: Log, replace: &Replace<'_>) -> Log {
    let hide = |text: &mut String| *text = replace.text(text).into_owned();
    log.lines.iter_mut().for_each(hide);
    log.trouble.iter_mut().for_each(hide);
    log.cause.iter_mut().for_each(hide);
    log
}

/// Lets a finished text through if nothing private stands in it.
///
/// # Errors
/// [`Error::Leak`] with what stands in it, but never the values themselves.
pub fn checked(text: String, register: &Register) -> Result<String, Error> {
    let leaks = gate::leaks(&text, &Replace::new(register));
    match leaks.is_empty() {
        true => Ok(text),
        false => Err(Error::Leak(leaks)),
    }
}

/// A ticket in one of its formats; `now` in seconds since 1970.
///
/// # Errors
/// When the catalogue contradicts itself.
pub fn render(
    ticket: &Ticket,
    format: TicketFormat,
    now: u64,
    look: &Look,
) -> Result<String, Error> {
    let catalogue = crate::command::catalogue()?;
    let full = Detail {
        full: true,
        ..Detail::default()
    };
    Ok(match format {
        TicketFormat::Markdown => markdown::render(ticket, catalogue),
        TicketFormat::Text => text::render(&ticket.report, look, true),
        TicketFormat::Json => json(ticket, catalogue, &full),
        TicketFormat::Html => html::render(ticket),
        TicketFormat::Junit => junit::render(&ticket.report),
        TicketFormat::Prometheus => prometheus::render(&ticket.report, now),
    })
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "reads the recorded hosts")]
mod tests {
    use super::*;

    /// The recorded hosts of the tests.
    fn hosts() -> Vec<(String, Bundle)> {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hosts");
        let paths = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> = paths
            .filter(|p| p.extension().is_some_and(|e| e == "toml"))
            .collect();
        paths.sort();
        let read = |path: std::path::PathBuf| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.display().to_string(), Bundle::parse(&text).unwrap())
        };
        paths.into_iter().map(read).collect()
    }

    fn said(report: &Report) -> Vec<String> {
        let line = |c: &CheckResult| format!("{:?} {} {}", c.status, c.id, c.summary);
        report.checks.iter().map(line).collect()
    }

    #[test]
    fn what_is_taken_out_of_a_host_changes_no_check() {
        for (name, facts) in hosts() {
            let before = said(&examine::replay(facts.clone()).unwrap());
            let mut lean = facts;
            slim(&mut lean);
            let after = said(&examine::replay(lean).unwrap());
            for (one, other) in before.iter().zip(&after) {
                assert_eq!(one, other, "{name}");
            }
        }
    }

    fn is_hash(word: &str) -> bool {
        word.len() > 6 && word.bytes().all(|b| b.is_ascii_hexdigit())
    }

    /// Whoever is called like a word of our own pages gets a ticket all the same.
    #[test]
    fn words_of_our_pages_are_nobodys_names() {
        let formats = [
            TicketFormat::Markdown,
            TicketFormat::Text,
            TicketFormat::Json,
            TicketFormat::Html,
            TicketFormat::Junit,
            TicketFormat::Prometheus,
        ];
        let (_, facts) = hosts()
            .into_iter()
            .find(|(name, _)| name.contains("ubuntu-24.04-running"))
            .unwrap();
        let user = std::time::Duration::from_secs(9);
        let ticket = Recording::of_recorded(facts, None, user)
            .unwrap()
            .hidden()
            .unwrap()
            .0;
        let skeleton = Ticket {
            facts: None,
            log: Some(Log {
                lines: vec![String::new()],
                trouble: Some(String::new()),
                cause: Some(String::new()),
            }),
            left_out: vec![String::new()],
            ..ticket
        };
        let mut words = BTreeSet::new();
        for format in formats {
            let text = render(&skeleton, format, 0, &Look::plain()).unwrap();
            let split = text.split(|c: char| !c.is_alphanumeric());
            words.extend(split.filter(|w| w.len() > 2).map(str::to_lowercase));
        }
        let known = crate::private::Register::default().words;
        let unknown: Vec<String> = words
            .into_iter()
            .filter(|word| !known.has(word) && !is_hash(word))
            .collect();
        assert_eq!(unknown, [""; 0]);
    }

    #[test]
    fn stand_ins_change_no_check() {
        for (name, facts) in hosts() {
            let before = examine::replay(facts.clone()).unwrap();
            let register = hide::register(&facts, &BTreeSet::new(), &[]);
            let replace = Replace::new(&register);
            let hidden = hide::bundle(&facts, &register, &replace).unwrap();
            let after = examine::replay(hidden).unwrap();
            for (one, other) in before.checks.iter().zip(&after.checks) {
                assert_eq!(
                    one.status, other.status,
                    "{name}: {one:?} {other:?}\n{register:?}"
                );
            }
        }
    }
}
