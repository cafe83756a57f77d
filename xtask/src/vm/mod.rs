//! The guest harness: Debian machines that are built, booted, saved and
//! restored, so that every claim of the tool is proved on a real kernel.
//!
//! One way through the rooms: a [`suite`] is built into an image ([`build`]),
//! the image is booted once and saved as a state ([`state`]), and every shell or
//! case starts from a private copy of that state ([`guest`]). The [`cache`] lies
//! outside the source tree and is keyed by the recipe, so nothing stale is used.
//!
//! A [`case`] breaks a guest; a [`trial`] restores, breaks, lets alice log in
//! ([`login`]), asks the tools ([`observe`]), judges ([`verdict`]) and takes the
//! case's further steps ([`step`]). [`run`] holds all of them and tells ([`report`],
//! [`table`]). [`pictures`] shows some of it.

mod build;
mod cache;
mod case;
mod fixable;
mod guest;
mod login;
mod needs;
mod observe;
mod pictures;
mod process;
mod program;
mod qemu;
mod record;
mod report;
mod run;
mod script;
mod shell;
mod ssh;
mod state;
mod step;
mod suite;
mod table;
mod trial;
mod verdict;

use anyhow::Result;
use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use suite::Suite;

#[derive(ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the guests' images and save their booted states
    Build(BuildArgs),
    /// Restore a guest and open a shell in it, or run one command
    Shell(shell::Args),
    /// Run the cases of tests/vm/cases on the guests
    Run(run::Args),
    /// Make the README's pictures anew, from runs in a guest
    Pictures(pictures::Args),
    /// Make the table of what each tool said from what runs have recorded
    Table(TableArgs),
}

#[derive(ClapArgs)]
struct BuildArgs {
    /// Which guests; all of them when none is named
    suites: Vec<Suite>,
    /// Build again although the cache has it
    #[arg(long)]
    fresh: bool,
}

#[derive(ClapArgs)]
struct TableArgs {
    /// What `run --record` has written
    #[arg(required = true)]
    records: Vec<PathBuf>,
    /// Where the cases are
    #[arg(long, default_value = "tests/vm/cases")]
    cases: PathBuf,
}

pub fn main(args: Args) -> Result<ExitCode> {
    match args.command {
        Command::Build(args) => ready().and_then(|()| build_all(&args)),
        Command::Shell(args) => ready().and_then(|()| shell::main(&args)),
        Command::Run(args) => ready().and_then(|()| run::main(&args)),
        Command::Pictures(args) => ready().and_then(|()| pictures::main(args)),
        Command::Table(args) => print_table(&args),
    }
}

/// What everything that starts a guest needs.
fn ready() -> Result<()> {
    process::watch_signals()?;
    needs::ensure()
}

fn print_table(args: &TableArgs) -> Result<ExitCode> {
    let rows = record::read(&args.records)?;
    print!("{}", table::markdown(&case::load(&args.cases)?, &rows));
    Ok(ExitCode::SUCCESS)
}

fn build_all(args: &BuildArgs) -> Result<ExitCode> {
    let cache = cache::Cache::open()?;
    let chosen = if args.suites.is_empty() {
        Suite::ALL.to_vec()
    } else {
        args.suites.clone()
    };
    for suite in chosen {
        if args.fresh {
            cache.forget(suite)?;
        }
        let state = state::ready(&cache, suite, &[])?;
        println!("{suite}: {}", state.dir.display());
    }
    Ok(ExitCode::SUCCESS)
}
