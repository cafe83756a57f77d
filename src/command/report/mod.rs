//! `report`: writes the ticket; reads, compares and sums up such tickets.

mod diff;
pub(super) mod output;
mod read;
mod summary;
pub mod ticket;
mod write;

use crate::cli::{Report, ReportAction};
use crate::error::Error;
use crate::exit::Exit;
use crate::ui::Look;

/// Does what was asked for with reports.
///
/// # Errors
/// When a report cannot be made, read or written.
pub fn run(args: &Report, look: &Look) -> Result<Exit, Error> {
    match &args.action {
        None => write::run(&args.ticket, look),
        Some(ReportAction::Read {
            file,
            format,
            verbose,
        }) => read::run(file, *format, *verbose, look),
        Some(ReportAction::Diff {
            before,
            after,
            format,
        }) => diff::run(before, after, *format),
        Some(ReportAction::Summary {
            paths,
            format,
            output,
        }) => summary::run(paths, *format, output),
    }
}
