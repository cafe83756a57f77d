//! Programs with a deadline.
//!
//! Nothing here waits for ever: every child has a deadline, is killed with its
//! whole process group when it passes or when the harness is interrupted, and
//! dies with the harness (`setpriv --pdeathsig`) even when that is killed hard.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From here on Ctrl-C and a polite kill end the harness through its own
/// clean-up; a second one ends it at once.
pub fn watch_signals() -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(flag))?;
        signal_hook::flag::register(signal, Arc::clone(flag))?;
    }
    Ok(())
}

/// An error as soon as somebody has asked the harness to stop.
pub fn check_interrupt() -> Result<()> {
    match INTERRUPTED.get() {
        Some(flag) if flag.load(Ordering::Relaxed) => bail!("interrupted"),
        _ => Ok(()),
    }
}

/// Sleeps in small steps, so that an interrupt is noticed.
pub fn pause(time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        check_interrupt()?;
        sleep(Duration::from_millis(20).min(time));
    }
    Ok(())
}

/// A command whose process dies with the thread that starts it.
pub fn tied<S: AsRef<OsStr>>(signal: &str, program: S) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", signal, "--"])
        .arg(program)
        .process_group(0);
    command
}

/// What a finished program said.
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The exit code as a shell shows it: 128 + n for a death by signal n.
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    /// The output if the program succeeded, else an error that quotes it.
    pub fn ok(self, what: &str) -> Result<Output> {
        if self.status.success() {
            return Ok(self);
        }
        let said = format!("{}{}", self.stdout, self.stderr);
        bail!(
            "{what} failed with exit code {}: {}",
            self.code(),
            tail(&said, 12)
        )
    }
}

/// The last `lines` lines of a text.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim_end().lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Runs a program to its end, or kills it when `deadline` has passed.
pub fn run(command: &mut Command, input: &str, deadline: Duration) -> Result<Output> {
    run_from(command, file_with(input)?, deadline)
}

/// As [`run`], with a file or nothing as standard input.
pub fn run_from(command: &mut Command, input: Stdio, deadline: Duration) -> Result<Output> {
    let name = format!("{:?}", command.get_args().nth(3).unwrap_or_default());
    let (out, err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command
        .stdin(input)
        .stdout(out.try_clone()?)
        .stderr(err.try_clone()?);
    let mut child = command
        .spawn()
        .with_context(|| format!("failed to start {name}"))?;
    let status = wait(&mut child, deadline);
    check_interrupt()?;
    let (stdout, stderr) = (text_of(out)?, text_of(err)?);
    let status = status.with_context(|| {
        format!(
            "{name}: last words: {}",
            tail(&format!("{stdout}{stderr}"), 5)
        )
    })?;
    Ok(Output {
        status,
        stdout,
        stderr,
    })
}

/// Waits for a child; kills its process group at the deadline or interrupt.
pub fn wait(child: &mut Child, deadline: Duration) -> Result<ExitStatus> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let stop = check_interrupt().and_then(|()| {
            anyhow::ensure!(
                Instant::now() < end,
                "no end after {} s",
                deadline.as_secs()
            );
            Ok(())
        });
        if let Err(why) = stop {
            kill_group(child);
            return Err(why);
        }
        sleep(Duration::from_millis(10));
    }
}

/// Ends a child and what it started: politely, then for certain.
pub fn kill_group(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return;
    };
    for (signal, patience) in [(Signal::TERM, 300), (Signal::KILL, 10)] {
        // Already gone is as good as killed.
        let _ = kill_process_group(group, signal);
        for _ in 0..patience {
            if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            sleep(Duration::from_millis(10));
        }
    }
    let _ = child.wait();
}

fn file_with(input: &str) -> Result<Stdio> {
    if input.is_empty() {
        return Ok(Stdio::null());
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(input.as_bytes())?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file.into())
}

fn text_of(mut file: File) -> Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
