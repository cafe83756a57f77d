//! What `report` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Format;

/// Arguments of `report`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Report {
    /// What to do with reports; without it, one is written.
    #[command(subcommand)]
    pub action: Option<ReportAction>,
    /// What to write, and where.
    #[command(flatten)]
    pub ticket: Ticket,
}

/// Arguments of `report` without a subcommand.
#[derive(Debug, Args)]
pub struct Ticket {
    /// Output format
    #[arg(long, value_enum, default_value = "markdown")]
    pub format: TicketFormat,
    /// Write to this file, whole or not at all; - is standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// Write down here, for you alone, what stands behind user-1 and the like
    #[arg(long, value_name = "FILE", conflicts_with = "show_private")]
    pub map: Option<PathBuf>,
    /// Show names, addresses and paths as they are; the report says so
    #[arg(long)]
    pub show_private: bool,
    /// Leave out the log of docker.service
    #[arg(long)]
    pub no_log: bool,
    /// Examine this user (root only; default: the user who ran sudo)
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Run no other program; what depends on one is skipped
    #[arg(long)]
    pub no_probe: bool,
    /// Be done within this many seconds; what is late is unknown
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
    /// Report on a host recorded by doctor --capture
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
}

/// What to do with reports.
#[derive(Debug, Subcommand)]
pub enum ReportAction {
    /// Show a report somebody sent, and judge its facts by the checks of this version
    Read {
        /// The pasted ticket, or a report as JSON; - is standard input
        file: PathBuf,
        /// Output format
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Show every check, also those that passed or were skipped
        #[arg(long, short)]
        verbose: bool,
    },
    /// What changed between two reports, check by check
    Diff {
        /// The earlier one
        before: PathBuf,
        /// The later one
        after: PathBuf,
        /// Output format
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Many hosts in one view: what fails where, and what most often
    Summary {
        /// Reports, or directories of them
        #[arg(required = true, value_name = "FILE|DIR")]
        paths: Vec<PathBuf>,
        /// Output format
        #[arg(long, value_enum, default_value = "text")]
        format: SummaryFormat,
        /// Write to this file, whole or not at all; - is standard output
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        output: PathBuf,
    },
}

/// How to write a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TicketFormat {
    /// To be pasted into an issue or a mail; `report read` reads it.
    Markdown,
    /// For people.
    Text,
    /// For programs: schemas/ticket-v1.schema.json; `report read` reads it.
    Json,
    /// One page for a browser.
    Html,
    /// For build servers.
    Junit,
    /// For the textfile collector of Prometheus' node exporter.
    Prometheus,
}

/// How to show many reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SummaryFormat {
    /// For people.
    Text,
    /// For programs: schemas/summary-v1.schema.json.
    Json,
    /// One page for a browser: hosts by checks.
    Html,
}
