//! The program: hidden helper modes first, then the command line.

use std::process::ExitCode;

use clap::Parser;
use rootless_setup::{cli::Cli, command, host};

#[expect(clippy::disallowed_methods, reason = "arguments of the hidden modes")]
fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(mode) if mode == host::probe::INSIDE => {
            let iptables = args.next();
            host::probe::run(iptables.as_deref().and_then(|p| p.to_str()));
            ExitCode::SUCCESS
        }
        Some(mode) if mode == host::ALIVE => {
            host::touch(args.next().unwrap_or_default().as_ref());
            ExitCode::SUCCESS
        }
        _ => command::run(Cli::parse()).into(),
    }
}
