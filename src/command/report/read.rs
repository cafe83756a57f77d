//! `report read`: the host as it was when the ticket was written, and what the
//! checks of today say of the same facts.

use std::fmt::Write;
use std::path::Path;

use serde_json::json;

use crate::check::engine::Status;
use crate::cli::Format;
use crate::command::{examine, input};
use crate::error::Error;
use crate::exit::Exit;
use crate::report::compare::{self, Change};
use crate::report::ticket::{Read, Values, read as parse};
use crate::report::{Report, json, phrase, text};
use crate::ui::{self, Look};

pub fn run(path: &Path, format: Format, verbose: bool, look: &Look) -> Result<Exit, Error> {
    let read = ticket(path)?;
    let exit = read.ticket.report.exit(false);
    let current = current(&read);
    let page = match format {
        Format::Text => page(&read, &current, verbose, look),
        Format::Json => data(&read, &current),
    };
    ui::print(&page)?;
    Ok(exit)
}

/// The ticket in a file.
pub fn ticket(path: &Path) -> Result<Read, Error> {
    let text = input::text(path)?;
    parse(&text, crate::command::catalogue()?).map_err(|error| Error::Ticket {
        path: match path == Path::new("-") {
            true => "standard input".into(),
            false => path.display().to_string(),
        },
        error,
    })
}

/// What the checks of this program say of the ticket's facts; why they cannot.
fn current(read: &Read) -> Result<Report, String> {
    // What was cut off would look as if it had not been there.
    if read.missing.files.is_some() {
        return Err("part of the recorded facts is missing".into());
    }
    let facts = read.ticket.facts.clone();
    let facts = facts.ok_or("the recorded facts are not in it")?;
    examine::replay(facts).map_err(|error| error.to_string())
}

fn page(read: &Read, current: &Result<Report, String>, verbose: bool, look: &Look) -> String {
    let ticket = &read.ticket;
    let mut page = String::new();
    let mut note = |text: &str| {
        let _ = writeln!(page, "{}", look.wrap(text, 0));
    };
    let tool = format!("{} {}", ticket.report.tool.name, ticket.report.tool.version);
    note(&format!(
        "A report by {tool}. {}",
        phrase::privacy(ticket.values)
    ));
    if let Some(words) = read.missing.words() {
        note(&format!("Not all of it is here: {words}."));
    }
    if !ticket.left_out.is_empty() {
        note(&format!(
            "Left out when it was written: {}.",
            ticket.left_out.join("; ")
        ));
    }
    page.push('\n');
    page.push_str(&text::of_file(&ticket.report, look, verbose));
    log(&mut page, read, verbose, look);
    today(&mut page, read, current, look);
    page
}

fn log(page: &mut String, read: &Read, verbose: bool, look: &Look) {
    let Some(log) = &read.ticket.log else {
        return;
    };
    let shown = if verbose { log.lines.len() } else { 20 };
    let lines = &log.lines[log.lines.len().saturating_sub(shown)..];
    page.push_str("\nLog of docker.service");
    let _ = match log.lines.len() {
        all if all > lines.len() => {
            writeln!(
                page,
                ", the last {} of {all} lines (--verbose shows all):",
                lines.len()
            )
        }
        all => writeln!(page, ", {all} lines:"),
    };
    for line in lines {
        let _ = writeln!(page, "  {}", look.safe(line));
    }
    for (label, words) in [("trouble", &log.trouble), ("likely cause", &log.cause)] {
        if let Some(words) = words {
            let _ = writeln!(page, "  {label}: {}", look.safe(words));
        }
    }
}

/// What this version's checks say differently of the same facts.
fn today(page: &mut String, read: &Read, current: &Result<Report, String>, look: &Look) {
    let version = env!("CARGO_PKG_VERSION");
    let text = match current {
        Err(why) => format!("The checks of {version} cannot judge this host: {why}."),
        Ok(current) => {
            let changes = changes(read, current);
            match changes.len() {
                0 => format!("The checks of {version} say the same of these facts."),
                n => {
                    let lines = compare::render(&changes, look);
                    let _ = writeln!(
                        page,
                        "\nThe checks of {version} say otherwise in {n}:\n\n{lines}"
                    );
                    return;
                }
            }
        }
    };
    let _ = writeln!(page, "\n{}", look.wrap(&text, 0));
}

fn changes(read: &Read, current: &Report) -> Vec<Change> {
    let mut changes = compare::changes(&read.ticket.report, current);
    // Where the checks said something else of the facts as they were than with
    // stand-ins, only the status is news.
    if read.ticket.values == Values::Replaced {
        changes.retain(|change| change.before != change.after);
    }
    // What was left out of the facts leaves checks undetermined: that is no news.
    if !read.ticket.left_out.is_empty() {
        let blind = [Some(Status::Unknown), Some(Status::Skip)];
        changes.retain(|change| !blind.contains(&change.after));
    }
    changes
}

fn data(read: &Read, current: &Result<Report, String>) -> String {
    let ticket = &read.ticket;
    let changes = current
        .as_ref()
        .map(|current| changes(read, current))
        .unwrap_or_default();
    json::render(&json!({
        "values": ticket.values,
        "report": ticket.report,
        "log": ticket.log,
        "left_out": ticket.left_out,
        "missing": read.missing.words(),
        "current": current.as_ref().ok(),
        "current_missing": current.as_ref().err(),
        "changes": changes,
    }))
}
