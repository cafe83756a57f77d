//! Programs of the system that root runs to change it.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::fact::Fact;
use crate::host::{Output, Program, program, root_owned};

/// Where they are looked for, never by the PATH of whoever called us.
const DIRS: [&str; 5] = [
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/run/current-system/sw/bin",
];

/// What they may print, in bytes: a package manager is talkative.
const MOST_OUTPUT: usize = 4 << 20;

/// How long a program may take that only changes this machine.
pub const SHORT: Duration = Duration::from_secs(90);

/// How long a package manager may take: it may load from a slow mirror.
pub const LONG: Duration = Duration::from_secs(1800);

/// Where a program is that only root can replace.
pub fn find(name: &str) -> Option<String> {
    let paths = DIRS.iter().map(|dir| format!("{dir}/{name}"));
    let fits = |path: &String| root_owned::check(Path::new(path)).is_ok();
    paths.into_iter().find(fits)
}

/// Runs a program and waits for it, in the C locale and with nobody to ask.
///
/// # Errors
/// In words: it is not there, or could not be run to its end.
pub fn output(name: &str, args: &[&str], patience: Duration) -> Result<Output, String> {
    let path = find(name).ok_or_else(|| format!("{name} is not installed"))?;
    let env = [
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ("LC_ALL", "C.UTF-8"),
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("HOME", "/root"),
    ];
    let program = Program {
        key: "mend".into(),
        path,
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        env: env
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        deadline: patience,
        ..Program::default()
    };
    match program::run(&program, Instant::now() + patience, MOST_OUTPUT) {
        Fact::Known(output) => Ok(output),
        Fact::Absent => Err(format!("{name} is not installed")),
        Fact::Unreadable(why) => Err(why.text),
    }
}

/// Runs a program that has to succeed; what it printed on standard output.
///
/// # Errors
/// In words, with the last lines it printed.
pub fn run(name: &str, args: &[&str], patience: Duration) -> Result<String, String> {
    let output = output(name, args, patience)?;
    match output.exit {
        Some(0) => Ok(output.stdout),
        _ => Err(format!("{name} failed: {}", last_words(&output))),
    }
}

/// The end of what a program printed, which mostly tells why it failed.
fn last_words(output: &Output) -> String {
    let text = match output.stderr.trim() {
        "" => output.stdout.trim(),
        text => text,
    };
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    match lines.as_slice() {
        [] => match output.exit {
            Some(code) => format!("exit status {code}"),
            None => "a signal ended it".into(),
        },
        lines => lines[lines.len().saturating_sub(4)..].join("; "),
    }
}
