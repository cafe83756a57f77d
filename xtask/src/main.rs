//! Project chores that cargo itself cannot do: `cargo xtask vm …`.
//!
//! A chore may print and start programs; the rooms of the product may not.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::disallowed_macros
)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod bench;
mod explain_bench;
mod notices;
mod vm;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Project chores", version)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// What doctor costs, as ratios within one run
    Bench(bench::Args),
    /// What explain makes of a large journal, against grep with its patterns
    ExplainBench(explain_bench::Args),
    /// The licenses of the crates in the binary, as THIRD-PARTY-LICENSES.txt
    Notices(notices::Args),
    /// Real guests: build them, look into them, run the cases on them
    Vm(vm::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().chore {
        Chore::Bench(args) => bench::main(args).map(|()| ExitCode::SUCCESS),
        Chore::ExplainBench(args) => explain_bench::main(args).map(|()| ExitCode::SUCCESS),
        Chore::Notices(args) => notices::main(&args).map(|()| ExitCode::SUCCESS),
        Chore::Vm(args) => vm::main(args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}
