//! The command line: types only. What was typed, not what it means.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Finds out why rootless Docker does not run here, and says how to mend it.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to use colour.
    #[arg(
        long,
        value_enum,
        default_value = "auto",
        global = true,
        value_name = "WHEN"
    )]
    pub color: Color,
    /// Only ASCII characters.
    #[arg(long, global = true)]
    pub ascii: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check every prerequisite of rootless Docker; changes nothing
    #[command(alias = "check")]
    Doctor(Doctor),
    /// Show one check in full: why it fails, what to do, where it was seen
    Explain(Explain),
    /// The catalogue of checks
    #[command(subcommand)]
    Checks(Checks),
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Examine this user (root only; default: the user who ran sudo)
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Run no other program; what depends on one is skipped
    #[arg(long)]
    pub no_probe: bool,
    /// Show every check, also those that passed or were skipped
    #[arg(long, short)]
    pub verbose: bool,
    /// Exit with 1 for warnings too
    #[arg(long)]
    pub strict: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Be done within this many seconds; what is late is unknown
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
    /// Also record what this host answered, for --replay elsewhere.
    /// The file names users, paths and settings: look before you pass it on
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub capture: Option<PathBuf>,
    /// Examine a recorded host instead of this one
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Id of the check, for example subid.subuid-range
    pub id: String,
}

/// What to do with the catalogue.
#[derive(Debug, Subcommand)]
pub enum Checks {
    /// List every check
    List {
        /// Output format
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
}

/// How to print a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: schemas/report-v1.schema.json.
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal that has it, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
