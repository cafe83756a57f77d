//! `cargo xtask vm shell`: a look into a guest, or one command in it.

use super::cache::Cache;
use super::guest::Guest;
use super::script;
use super::ssh::quote;
use super::state;
use super::suite::Suite;
use anyhow::{Context, Result};
use clap::{Args as ClapArgs, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

#[derive(ClapArgs)]
pub struct Args {
    /// Which guest
    suite: Suite,
    /// Whose login
    #[arg(long = "as", value_enum, default_value = "alice")]
    user: User,
    /// Add an argument to the kernel's command line (boots a state of its own)
    #[arg(long = "kernel-arg")]
    kernel_args: Vec<String>,
    /// Copy a program or file from here to /usr/local/bin first
    #[arg(long)]
    push: Vec<PathBuf>,
    /// A root script to run first, as a case's break
    #[arg(long = "break")]
    breaks: Option<String>,
    /// The command; a shell when there is none
    #[arg(last = true)]
    command: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum User {
    Root,
    Alice,
}

impl User {
    fn name(self) -> &'static str {
        match self {
            User::Root => "root",
            User::Alice => "alice",
        }
    }
}

pub fn main(args: &Args) -> Result<ExitCode> {
    let cache = Cache::open()?;
    let state = state::ready(&cache, args.suite, &args.kernel_args)?;
    let start = Instant::now();
    let guest = Guest::restore(&cache, &state)?;
    eprintln!(
        "# {}: restored in {:.1} s",
        args.suite,
        start.elapsed().as_secs_f32()
    );
    for file in &args.push {
        let name = file
            .file_name()
            .context("--push wants a file")?
            .to_string_lossy();
        guest.door.push(file, &format!("/usr/local/bin/{name}"))?;
    }
    if let Some(script) = &args.breaks {
        let said = guest
            .door
            .run("root", &script::strict(script), 120)?
            .ok("the break script")?;
        eprint!("{}{}", said.stdout, said.stderr);
    }
    // A login shell, as a person has it.
    let words: Vec<String> = match args.command.as_slice() {
        [] => Vec::new(),
        [script] => vec![format!("bash -lc {}", quote(script))],
        words => vec![
            words
                .iter()
                .map(|word| quote(word))
                .collect::<Vec<_>>()
                .join(" "),
        ],
    };
    let status = guest.door.interactive(args.user.name(), &words).status()?;
    Ok(ExitCode::from(
        u8::try_from(status.code().unwrap_or(1)).unwrap_or(1),
    ))
}
