//! The command line: types only. What was typed, not what it means.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod flags;
mod generate;
mod refused;
mod report;

pub use flags::Flags;
pub use generate::{Generate, Shell};
pub use refused::message;
pub use report::{Report, ReportAction, SummaryFormat, Ticket, TicketFormat};

/// Finds out why rootless Docker does not run here, and says how to mend it.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    /// What to do; without it, at a terminal, all of it step by step.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Never ask: without a command, show this help
    #[arg(long)]
    pub no_input: bool,
    /// Without a command: go all the way on a recorded host, and change nothing
    #[arg(long, value_name = "FILE", hide = true)]
    pub replay: Option<PathBuf>,
    /// When to use colour.
    #[arg(
        long,
        value_enum,
        default_value = "auto",
        global = true,
        help_heading = "Output",
        value_name = "WHEN"
    )]
    pub color: Color,
    /// Only ASCII characters.
    #[arg(long, global = true, help_heading = "Output")]
    pub ascii: bool,
    /// Questions as numbered lines, nothing redrawn: for screen readers.
    #[arg(long, global = true, help_heading = "Output")]
    pub plain: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check every prerequisite of rootless Docker; changes nothing
    #[command(alias = "check")]
    Doctor(Doctor),
    /// Mend what doctor found: your part now, root's part as a script or a command
    Fix(Fix),
    /// Root's part, for one user or many: packages, subordinate ids, sysctls
    Prepare(Prepare),
    /// Set rootless Docker up for you: unit, drop-ins, docker context
    Install(Install),
    /// Take back exactly what install did
    Uninstall(Uninstall),
    /// What is installed, what runs, and what drifted from it
    Status(Status),
    /// Run a command, or a shell, where the daemon runs: as root of its namespaces
    Nsenter(Nsenter),
    /// Write a report for whoever helps you; read, compare, sum up such reports
    Report(Report),
    /// What a log means: ranked causes, and what to do; or one check in full
    Explain(Explain),
    /// The catalogue of checks
    #[command(subcommand)]
    Checks(Checks),
    /// Files made from the program's own tables
    #[command(subcommand)]
    Generate(Generate),
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

/// Arguments of `fix`.
#[derive(Debug, Args)]
pub struct Fix {
    /// Only these checks; by default all that fail or warn
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Write root's part as a shell script to this file, or to standard output (-)
    #[arg(long, value_name = "FILE", conflicts_with = "undo")]
    pub script: Option<PathBuf>,
    /// Take back what fix did
    #[arg(long, conflicts_with = "ids")]
    pub undo: bool,
    /// How to go about it
    #[command(flatten)]
    pub manner: Manner,
}

/// Arguments of `prepare`.
#[derive(Debug, Args)]
pub struct Prepare {
    /// For this user; may be given several times
    #[arg(long = "user", value_name = "NAME")]
    pub users: Vec<String>,
    /// For the users that this file names, one a line
    #[arg(long, value_name = "FILE")]
    pub users_file: Option<PathBuf>,
    /// For all members of this group
    #[arg(long, value_name = "GROUP")]
    pub all_in_group: Option<String>,
    /// Only these checks; by default all that fail or warn
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub only: Vec<String>,
    /// How ports below 1024 are to be allowed, if network.privileged-ports is
    /// among them: for everybody from 80 up, or for RootlessKit alone
    #[arg(long, value_enum, default_value = "sysctl", value_name = "HOW")]
    pub privileged_ports: PrivilegedPorts,
    /// Restart the users' systemd where a setting needs it: what they run in it ends
    #[arg(long)]
    pub restart_user_manager: bool,
    /// Also for system accounts, such as that of a CI runner
    #[arg(long)]
    pub system_users: bool,
    /// Take back everything that prepare did on this host
    #[arg(long, conflicts_with_all = ["users", "users_file", "all_in_group", "only"])]
    pub undo: bool,
    /// How to go about it
    #[command(flatten)]
    pub manner: Manner,
}

/// How ports below 1024 are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PrivilegedPorts {
    /// `net.ipv4.ip_unprivileged_port_start`: any program of any user.
    Sysctl,
    /// `cap_net_bind_service` on rootlesskit.
    Capability,
}

/// Arguments of `install`. What is not named stays as it is installed;
/// `auto` gives the choice back to Docker.
#[derive(Debug, Args)]
pub struct Install {
    /// Take options from this file, too (rootless-setup generate config);
    /// an option on the command line wins
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Ask about the options, one after the other, with what this host supports
    #[arg(long, conflicts_with = "no_input")]
    pub ask: bool,
    /// Afterwards run a container, from an image made here, and remove both
    #[arg(long)]
    pub verify: bool,
    /// Show what would be done on a host recorded by doctor --capture
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    pub replay: Option<PathBuf>,
    /// Do not ask about starting at boot
    #[arg(long)]
    pub no_linger: bool,
    /// How to go about it
    #[command(flatten)]
    pub manner: Manner,
    /// The options of the table.
    #[command(flatten)]
    pub flags: Flags,
}

/// Arguments of `uninstall`.
#[derive(Debug, Args)]
pub struct Uninstall {
    /// Also remove images, containers and volumes: the daemon's data-root
    #[arg(long)]
    pub purge_data: bool,
    /// How long the daemon may take to stop
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// How to go about it
    #[command(flatten)]
    pub manner: Manner,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// Arguments of `nsenter`.
#[derive(Debug, Args)]
pub struct Nsenter {
    /// Stay in the daemon's own network, where RootlessKit keeps that of the
    /// containers apart (--detach-netns)
    #[arg(long)]
    pub daemon_net: bool,
    /// What to run; by default your shell
    #[arg(value_name = "COMMAND", last = true)]
    pub command: Vec<OsString>,
}

/// How a command that changes something goes about it.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Manner {
    /// Show exactly what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do what is planned without asking
    #[arg(long, short)]
    pub yes: bool,
    /// Never ask; what needs an answer is not done
    #[arg(long)]
    pub no_input: bool,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("log").required(true).args(["what", "journal"]))]
pub struct Explain {
    /// A file with a log (- for standard input), or the id of a check or of a
    /// known issue, for example subid.subuid-range
    #[arg(value_name = "FILE|ID")]
    pub what: Option<PathBuf>,
    /// The journal of your docker.service
    #[arg(long)]
    pub journal: bool,
    /// Only what the journal holds since then, for example yesterday or -2h
    #[arg(
        long,
        value_name = "TIME",
        requires = "journal",
        allow_hyphen_values = true
    )]
    pub since: Option<String>,
    /// Stop reading the log after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// The log is of this recorded host: its facts decide, not this host's
    #[arg(long, value_name = "BUNDLE", conflicts_with = "no_host")]
    pub replay: Option<PathBuf>,
    /// The log is of another host: decide by its words alone
    #[arg(long)]
    pub no_host: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
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
    /// For programs: see schemas/.
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
