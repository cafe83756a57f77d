//! `checks list`: the catalogue as a table.

use std::fmt::Write;

use super::catalogue;
use crate::check::catalogue::Check;
use crate::cli::{Checks, Format};
use crate::error::Error;
use crate::exit::Exit;
use crate::report::json;
use crate::ui::{self, Look};

/// Prints the catalogue.
///
/// # Errors
/// When standard output is gone.
pub fn run(args: &Checks, look: &Look) -> Result<Exit, Error> {
    let Checks::List { format } = args;
    let checks: Vec<&Check> = catalogue()?.iter().collect();
    let page = match format {
        Format::Text => table(&checks, look),
        Format::Json => json::render(&checks),
    };
    ui::print(&page)?;
    Ok(Exit::Fine)
}

fn table(checks: &[&Check], look: &Look) -> String {
    let mut out = String::new();
    let widest = checks.iter().map(|c| c.id.len()).max().unwrap_or_default();
    for check in checks {
        let level = format!("{:?}", check.level).to_lowercase();
        let _ = writeln!(
            out,
            "{:<widest$}  {level:<11}  {}",
            check.id,
            look.safe(&check.title)
        );
    }
    out
}
