//! The program: hidden helper modes first, then signals, then the command line.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::thread::Builder;

use clap::Parser;
use rootless_setup::{apply, cli, cli::Cli, command, error::Error, exit::Exit, host, ui};
use rustix::process::{Resource, getrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// musl's own gives every freed page back to the kernel at once and asks for it
/// again: a third of what `doctor --no-probe` costs.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[expect(clippy::disallowed_methods, reason = "arguments of the hidden modes")]
fn main() -> ExitCode {
    host::keep_descriptors();
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(mode) if mode == host::probe::INSIDE => {
            let iptables = args.next();
            host::probe::run(iptables.as_deref().and_then(|p| p.to_str()));
            ExitCode::SUCCESS
        }
        Some(mode) if mode == host::as_user::READER => hidden(host::as_user::read()),
        Some(mode) if mode == host::as_user::SUPERVISOR => hidden(host::as_user::supervise()),
        Some(mode) if mode == host::as_user::BECOME => host::as_user::become_program().into(),
        Some(mode) if mode == host::ALIVE => {
            host::touch(args.next().unwrap_or_default().as_ref());
            ExitCode::SUCCESS
        }
        Some(mode) if mode == command::complete::MODE => {
            command::complete::run(args);
            ExitCode::SUCCESS
        }
        Some(mode) if mode == apply::verify::MODE => {
            apply::verify::hello();
            ExitCode::SUCCESS
        }
        _ => run(),
    }
}

/// Who asked learns of an error by the end of the answers.
fn hidden(done: std::io::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run() -> ExitCode {
    std::panic::set_hook(Box::new(|bug| {
        ui::warn(&format!("a bug in rootless-setup: {bug}"))
    }));
    if let Some(error) = limited() {
        ui::complain(&error);
        return error.exit().into();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refused) => return usage(refused),
    };
    watch_signals();
    let exit = catch_unwind(|| command::run(cli)).unwrap_or(Exit::Bug);
    // What is late is not waited for, and does not outlive us.
    host::end_all();
    exit.into()
}

/// A limit at which the kernel would end the program without a message.
fn limited() -> Option<Error> {
    let limits = [
        (Resource::As, "memory", 64 << 10, "ulimit -v unlimited"),
        (Resource::Stack, "the stack", 256, "ulimit -s 8192"),
    ];
    let error = |(of, what, need, raise): (Resource, _, u64, _)| {
        let have = getrlimit(of).current? >> 10;
        (have < need).then_some(Error::Limit {
            what,
            have,
            need,
            raise,
        })
    };
    limits.into_iter().find_map(error)
}

/// Shows what is wrong with the command line, or the help that was asked for.
/// Arguments may hold anything: they are shown like other text from outside.
fn usage(refused: clap::Error) -> ExitCode {
    let (is_error, code) = (refused.use_stderr(), refused.exit_code());
    let text = cli::message(refused);
    match is_error {
        true => ui::note(&text),
        // Nobody is left to tell if this fails.
        false => drop(ui::print(&text)),
    }
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Ctrl-C ends the programs we started, gives the cursor back and ends us. Without
/// a thread for it, or a handler, the default action still ends us.
fn watch_signals() {
    let (ready, wait) = channel::<()>();
    let watch = move || {
        if let Ok(signals) = Signals::new([SIGHUP, SIGINT, SIGTERM]) {
            drop(ready);
            end_by(signals);
        }
    };
    if Builder::new().spawn(watch).is_ok() {
        // It never sends: the channel closes when the handlers are in place.
        let _ = wait.recv();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "there is nothing left to unwind for"
)]
fn end_by(mut signals: Signals) {
    loop {
        let Some(signal) = first(signals.wait()) else {
            continue;
        };
        // While changes are made, they are taken back before the end.
        if apply::interrupt::ask() {
            continue;
        }
        host::end_all();
        apply::lock::remove_file();
        ui::restore();
        ui::complain(&Error::Interrupted(apply::interrupt::standing()));
        std::process::exit(match signal {
            SIGINT => Exit::Interrupted as i32,
            other => 128 + other,
        });
    }
}

/// The one that counts: a question that any signal ended raises SIGINT, too.
fn first(signals: impl Iterator<Item = i32>) -> Option<i32> {
    signals.max_by_key(|signal| *signal != SIGINT)
}
