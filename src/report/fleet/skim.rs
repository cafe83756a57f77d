//! Of a report only how each check came out: nothing else is kept.

use std::borrow::Cow;

use serde::Deserialize;

use super::model::{Fleet, Host};
use crate::check::catalogue::Catalogue;
use crate::check::engine::Status;
use crate::report::SCHEMA_VERSION;
use crate::report::ticket::{FORM, read};

/// What the data of a ticket begins with, where nothing was put before its lines.
const MARK: &str = "\n{\"rootless_setup_ticket\"";

#[derive(Deserialize)]
struct Skim<'a> {
    #[serde(default)]
    rootless_setup_ticket: u32,
    schema_version: u32,
    #[serde(borrow)]
    checks: Vec<Line<'a>>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    summary: Cow<'a, str>,
}

/// Reads a report; ids are numbered by `fleet`, which also counts what fails.
///
/// # Errors
/// Why it is no report.
pub fn skim(bytes: &[u8], fleet: &mut Fleet) -> Result<Host, String> {
    let text = String::from_utf8_lossy(bytes);
    let start = text.find(MARK).map_or(0, |at| at + 1);
    let several = text[start..].matches(MARK).count() > 0;
    let mut json = serde_json::Deserializer::from_str(&text[start..]);
    match Skim::deserialize(&mut json) {
        Ok(skim) if !several => host(&skim, fleet),
        _ => slowly(&text, fleet),
    }
}

fn host(skim: &Skim<'_>, fleet: &mut Fleet) -> Result<Host, String> {
    if skim.rootless_setup_ticket > FORM || skim.schema_version > SCHEMA_VERSION {
        return Err("it is of a newer form: use a newer rootless-setup".into());
    }
    let mut host = Host::default();
    for line in &skim.checks {
        enter(
            &line.id,
            status(&line.status),
            &line.summary,
            &mut host,
            fleet,
        );
    }
    Ok(host)
}

/// One that newer programs know is undetermined.
fn status(word: &str) -> Status {
    match word {
        "pass" => Status::Pass,
        "warn" => Status::Warn,
        "fail" => Status::Fail,
        "info" => Status::Info,
        "skip" => Status::Skip,
        _ => Status::Unknown,
    }
}

/// More checks than this no report has.
const MOST: usize = 10_000;

fn enter(id: &str, status: Status, summary: &str, host: &mut Host, fleet: &mut Fleet) {
    if fleet.ids.len() >= MOST {
        return;
    }
    let number = fleet.number(id);
    if host.statuses.len() <= number {
        host.statuses.resize(number + 1, None);
    }
    host.statuses[number] = Some(status);
    if status == Status::Fail {
        fleet.failed(number, summary);
    }
}

/// What was quoted, wrapped or cut.
fn slowly(text: &str, fleet: &mut Fleet) -> Result<Host, String> {
    let catalogue = Catalogue::built_in().map_err(ToString::to_string)?;
    let read = read(text, catalogue).map_err(|error| error.to_string())?;
    if let Some(words) = read.missing.checks.and(read.missing.words()) {
        return Err(words);
    }
    let mut host = Host::default();
    for check in &read.ticket.report.checks {
        enter(&check.id, check.status, &check.summary, &mut host, fleet);
    }
    Ok(host)
}
