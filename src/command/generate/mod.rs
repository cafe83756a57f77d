//! `generate`: files made from the tables that the program itself uses.

mod checks;
mod completions;
mod config;
mod man;

use crate::cli::Generate;
use crate::error::Error;
use crate::exit::Exit;
use crate::ui;

/// Writes what was asked for.
///
/// # Errors
/// When it cannot be written.
pub fn run(args: &Generate) -> Result<Exit, Error> {
    match args {
        Generate::Config { output } => return config::run(output),
        Generate::Man => ui::print(&man::page())?,
        Generate::Completions { shell } => ui::print(completions::script(*shell))?,
        Generate::Checks { dir } => checks::run(dir.as_deref())?,
    }
    Ok(Exit::Fine)
}
