//! `report diff`: what changed between two reports.

use std::path::Path;

use serde_json::json;

use super::read::ticket;
use crate::cli::Format;
use crate::error::Error;
use crate::exit::Exit;
use crate::report::{compare, json};
use crate::ui::{self, Look};

/// Exit code 1 tells that they differ, as diff(1) does.
pub fn run(before: &Path, after: &Path, format: Format) -> Result<Exit, Error> {
    let [one, other] = [ticket(before)?, ticket(after)?];
    for (path, read) in [(before, &one), (after, &other)] {
        if let Some(words) = read.missing.words() {
            ui::warn(&format!("{}: {words}", path.display()));
        }
    }
    let changes = compare::changes(&one.ticket.report, &other.ticket.report);
    let page = match format {
        Format::Json => json::render(&json!({ "changes": changes })),
        Format::Text if changes.is_empty() => "no check came out differently\n".to_owned(),
        Format::Text => compare::render(&changes, &Look::plain()),
    };
    ui::print(&page)?;
    Ok(if changes.is_empty() {
        Exit::Fine
    } else {
        Exit::Failed
    })
}
