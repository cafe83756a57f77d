//! `generate`: files made from the tables that the program itself uses.

mod config;

use crate::cli::Generate;
use crate::error::Error;
use crate::exit::Exit;

/// Writes what was asked for.
///
/// # Errors
/// When it cannot be written.
pub fn run(args: &Generate) -> Result<Exit, Error> {
    match args {
        Generate::Config { output } => config::run(output),
    }
}
