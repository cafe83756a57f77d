//! What `generate` takes.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// What to generate.
#[derive(Debug, Subcommand)]
pub enum Generate {
    /// A setup.toml for install --config, with every option explained
    Config {
        /// Write to this new file; - is standard output
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        output: PathBuf,
    },
    /// The manual page, all of it on one: rootless-setup generate man | man -l -
    Man,
    /// Completions for a shell, to be put where it looks for them
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// What is known of every check, as Markdown: one page, or a file each in a directory
    Checks {
        /// Write a page for each check, and an index, to this directory
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// A shell that completes what is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash; source it, or put it into bash-completion's directory.
    Bash,
    /// zsh; put it as `_rootless-setup` into a directory of `fpath`.
    Zsh,
    /// fish; put it into `~/.config/fish/completions`.
    Fish,
}
