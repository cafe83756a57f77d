//! Without a bus, the user's systemd still listens on a socket of its own, in a
//! dialect that only `systemctl` speaks: enough to undo an installation.

use std::path::Path;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::fact::Fact;
use crate::host::{Output, Program, program};

/// How long one order may take: stopping the daemon waits for its containers.
const ORDER: Duration = Duration::from_secs(45);

/// Why it cannot be done without the bus either.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum WithoutBus {
    /// The user's systemd does not run: there is nothing to stop.
    #[error("no systemd of the user runs")]
    NoManager,
    /// There is no systemctl.
    #[error("systemctl is not installed")]
    NoProgram,
    /// It was asked, and failed.
    #[error("systemctl --user {order} failed: {text}")]
    Failed {
        /// What it was asked.
        order: String,
        /// What it said.
        text: String,
    },
}

/// Stops and disables a unit through `systemctl --user`, for a bus that is gone;
/// what does not stop in half of the time, or 45 s, is killed.
///
/// # Errors
/// [`WithoutBus`]. A unit that is not there is none.
pub fn stop_without_bus(runtime_dir: &Path, unit: &str, end: Instant) -> Result<(), WithoutBus> {
    Systemctl::find(runtime_dir, end)?.stop(unit)
}

/// Has systemd read its unit files again, through `systemctl --user`.
///
/// # Errors
/// [`WithoutBus`].
pub fn reload_without_bus(runtime_dir: &Path, end: Instant) -> Result<(), WithoutBus> {
    Systemctl::find(runtime_dir, end)?.order(&["daemon-reload"], ORDER)
}

/// Starts a unit through `systemctl --user`, which has to know it: the bus's own
/// socket, for one.
///
/// # Errors
/// [`WithoutBus`].
pub fn start_without_bus(runtime_dir: &Path, unit: &str, end: Instant) -> Result<(), WithoutBus> {
    let systemctl = Systemctl::find(runtime_dir, end)?;
    systemctl.order(&["daemon-reload"], ORDER)?;
    systemctl.order(&["start", unit], ORDER)
}

/// The program, for one user's systemd.
pub(super) struct Systemctl<'a> {
    pub path: String,
    pub runtime_dir: &'a Path,
    pub end: Instant,
}

impl<'a> Systemctl<'a> {
    fn find(runtime_dir: &'a Path, end: Instant) -> Result<Self, WithoutBus> {
        if !runtime_dir.join("systemd/private").exists() {
            return Err(WithoutBus::NoManager);
        }
        let path = program::find("systemctl").ok_or(WithoutBus::NoProgram)?;
        Ok(Systemctl {
            path,
            runtime_dir,
            end,
        })
    }

    pub fn stop(&self, unit: &str) -> Result<(), WithoutBus> {
        let left = self.end.saturating_duration_since(Instant::now());
        let grace = ORDER.min(left / 2);
        let stopped = self.order(&["stop", unit], grace).or_else(|_| {
            // There may be nobody left to kill.
            let _ = self.order(&["kill", "--signal=KILL", unit], ORDER);
            self.order(&["stop", unit], ORDER)
        });
        let disabled = self.order(&["disable", unit], ORDER);
        stopped.and(disabled)
    }

    fn order(&self, words: &[&str], patience: Duration) -> Result<(), WithoutBus> {
        let failed = |text: String| {
            Err(WithoutBus::Failed {
                order: words.join(" "),
                text,
            })
        };
        match self.run(words, patience) {
            Fact::Known(output) if output.exit == Some(0) => Ok(()),
            Fact::Known(output) if is_missing(&output.stderr) => Ok(()),
            Fact::Known(output) => failed(output.stderr.trim().to_owned()),
            Fact::Unreadable(why) => failed(why.text),
            Fact::Absent => failed(String::new()),
        }
    }

    fn run(&self, words: &[&str], patience: Duration) -> Fact<Output> {
        let runtime_dir = self.runtime_dir.to_string_lossy().into_owned();
        let args = std::iter::once(&"--user").chain(words);
        let program = Program {
            key: "systemctl --user".into(),
            path: self.path.clone(),
            args: args.map(|word| (*word).to_owned()).collect(),
            env: vec![
                ("LC_ALL".into(), "C".into()),
                ("XDG_RUNTIME_DIR".into(), runtime_dir),
            ],
            deadline: patience,
            ..Program::default()
        };
        program::run(&program, self.end, program::MOST_OUTPUT)
    }
}

/// `Unit docker.service not loaded.`, `Unit file docker.service does not exist.`
fn is_missing(stderr: &str) -> bool {
    let mut lines = stderr.lines();
    lines.any(|l| l.contains(" not loaded.") || l.contains(" does not exist"))
}
