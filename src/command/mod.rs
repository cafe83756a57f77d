//! One thin file a subcommand: from what was typed to what is printed.

mod apply;
mod checks;
pub mod complete;
mod doctor;
pub mod examine;
mod explain;
mod fix;
mod generate;
mod guide;
mod input;
mod install;
mod mend;
mod nsenter;
mod prepare;
pub mod report;
mod status;
mod uninstall;
mod wizard;

use crate::cli::{Cli, Command};
use crate::error::Error;
use crate::exit::Exit;
use crate::ui::{self, Look};

/// Runs the command line and says how it ended.
pub fn run(cli: Cli) -> Exit {
    let look = Look::stdout(cli.color, cli.ascii);
    if cli.plain {
        ui::prompt::be_plain();
    }
    ended(match cli.command {
        Some(command) => {
            misplaced(cli.no_input, cli.replay.is_some()).and_then(|()| carry_out(command, &look))
        }
        None => guide::run(cli.no_input, cli.replay.as_deref(), &look),
    })
}

/// Options of the way without a command: before one they would be passed over.
fn misplaced(no_input: bool, replay: bool) -> Result<(), Error> {
    match (no_input, replay) {
        (true, _) => Err(Error::Misplaced("--no-input")),
        (_, true) => Err(Error::Misplaced("--replay")),
        _ => Ok(()),
    }
}

fn carry_out(command: Command, look: &Look) -> Result<Exit, Error> {
    match command {
        Command::Doctor(args) => doctor::run(&args, look),
        Command::Fix(args) => fix::run(&args, look),
        Command::Prepare(args) => prepare::run(&args, look),
        Command::Install(args) => install::run(&args, look),
        Command::Status(args) => status::run(&args, look),
        Command::Uninstall(args) => uninstall::run(&args, look),
        Command::Nsenter(args) => nsenter::run(&args),
        Command::Report(args) => report::run(&args, look),
        Command::Explain(args) => explain::run(&args, look),
        Command::Checks(args) => checks::run(&args, look),
        Command::Generate(args) => generate::run(&args),
    }
}

fn ended(result: Result<Exit, Error>) -> Exit {
    result.unwrap_or_else(|error| {
        if error.exit() != Exit::Fine {
            ui::complain(&error);
        }
        error.exit()
    })
}

/// The built-in catalogue.
fn catalogue() -> Result<&'static crate::check::catalogue::Catalogue, Error> {
    crate::check::catalogue::Catalogue::built_in().map_err(|e| Error::Bug(e.to_string()))
}
