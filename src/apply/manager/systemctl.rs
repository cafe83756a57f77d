//! Without a bus, the user's systemd still listens on a socket of its own, in a
//! dialect that only `systemctl` speaks: enough to undo an installation.

use std::path::Path;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::fact::Fact;
use crate::host::{Program, program};

/// How long one order may take: stopping the daemon waits for its containers.
const ORDER: Duration = Duration::from_secs(90);

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

/// Stops and disables a unit through `systemctl --user`; for a bus that is gone.
///
/// # Errors
/// [`WithoutBus`]. A unit that is not there is none.
pub fn stop_without_bus(runtime_dir: &Path, unit: &str, end: Instant) -> Result<(), WithoutBus> {
    let systemctl = find(runtime_dir)?;
    let stopped = order(&systemctl, runtime_dir, &["stop", unit], end);
    let disabled = order(&systemctl, runtime_dir, &["disable", unit], end);
    stopped.and(disabled)
}

/// Has systemd read its unit files again, through `systemctl --user`.
///
/// # Errors
/// [`WithoutBus`].
pub fn reload_without_bus(runtime_dir: &Path, end: Instant) -> Result<(), WithoutBus> {
    order(&find(runtime_dir)?, runtime_dir, &["daemon-reload"], end)
}

fn find(runtime_dir: &Path) -> Result<String, WithoutBus> {
    if !runtime_dir.join("systemd/private").exists() {
        return Err(WithoutBus::NoManager);
    }
    program::find("systemctl").ok_or(WithoutBus::NoProgram)
}

pub(super) fn order(
    systemctl: &str,
    runtime_dir: &Path,
    words: &[&str],
    end: Instant,
) -> Result<(), WithoutBus> {
    let runtime_dir = runtime_dir.to_string_lossy().into_owned();
    let program = Program {
        key: "systemctl --user",
        path: systemctl.to_owned(),
        args: [&["--user"], words]
            .concat()
            .iter()
            .map(|w| (*w).to_owned())
            .collect(),
        env: vec![
            ("LC_ALL".into(), "C".into()),
            ("XDG_RUNTIME_DIR".into(), runtime_dir),
        ],
        deadline: ORDER,
        one_line: false,
    };
    let failed = |text: String| {
        Err(WithoutBus::Failed {
            order: words.join(" "),
            text,
        })
    };
    match program::run(&program, None, end, program::MOST_OUTPUT) {
        Fact::Known(output) if output.exit == Some(0) => Ok(()),
        Fact::Known(output) if is_missing(&output.stderr) => Ok(()),
        Fact::Known(output) => failed(output.stderr.trim().to_owned()),
        Fact::Unreadable(why) => failed(why.text),
        Fact::Absent => failed(String::new()),
    }
}

/// `Unit docker.service not loaded.`, `Unit file docker.service does not exist.`
fn is_missing(stderr: &str) -> bool {
    let mut lines = stderr.lines();
    lines.any(|l| l.contains(" not loaded.") || l.contains(" does not exist"))
}
