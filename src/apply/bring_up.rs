//! Brings a unit up: a start or restart whose job is waited for, and once more
//! where containerd was only slow.

use std::time::{Duration, Instant};

use super::failure::{self, Failure};
use super::manager::{BusError, JobEnd, Manager, Wait};

/// A call that starts a unit.
pub type Call = fn(&Manager, &str, &Wait<'_>) -> Result<JobEnd, BusError>;

/// How bringing a unit up ended.
#[derive(Debug)]
pub enum Up {
    /// systemd counts it as started; a unit whose condition does not hold, too.
    Done,
    /// It failed, and this is why.
    Failed(Failure),
    /// It is not up in time, or the user did not want to wait.
    Waiting,
}

/// Calls `call` for a unit, and starts it a second time where it failed only
/// because containerd was slow.
///
/// # Errors
/// The bus's.
pub fn bring_up(
    manager: &Manager,
    unit: &str,
    call: Call,
    wait: &Wait<'_>,
) -> Result<Up, BusError> {
    match once(manager, unit, call, wait)? {
        // systemd is about to start it again, and we can wait for that.
        Up::Failed(failure) if was_slow(&failure) => once(manager, unit, start, wait),
        up => Ok(up),
    }
}

fn once(manager: &Manager, unit: &str, call: Call, wait: &Wait<'_>) -> Result<Up, BusError> {
    // Upstream's unit may start three times a minute (StartLimitBurst): whoever asks for
    // one more in person shall not be refused for the others.
    manager.reset_failed(unit)?;
    Ok(match call(manager, unit, wait)? {
        JobEnd::Done => Up::Done,
        JobEnd::Late | JobEnd::Cancelled => Up::Waiting,
        JobEnd::Failed(_) if (wait.cancelled)() => Up::Waiting,
        JobEnd::Failed(_) => Up::Failed(why(manager, unit)?),
    })
}

/// Starts a unit. systemd 247 and later finds a new file by itself; an earlier
/// one has to read its units first.
///
/// # Errors
/// The bus's.
pub fn start(manager: &Manager, unit: &str, wait: &Wait<'_>) -> Result<JobEnd, BusError> {
    match manager.start(unit, wait) {
        Err(e) if e.is_no_such_unit() => {
            manager.reload()?;
            manager.start(unit, wait)
        }
        other => other,
    }
}

/// What systemd and the daemon say of a start that failed.
///
/// # Errors
/// The bus's.
pub fn why(manager: &Manager, unit: &str) -> Result<Failure, BusError> {
    let lines = failure::journal(unit, Instant::now() + JOURNAL);
    Ok(failure::of(&manager.state(unit)?, &lines))
}

/// How long reading the journal may take.
const JOURNAL: Duration = Duration::from_secs(30);

/// dockerd gives containerd 15 s to come up. When nothing of it is in memory yet, a
/// slow machine needs longer, and the next start goes through.
fn was_slow(failure: &Failure) -> bool {
    let slow = |line: &String| line.contains("timeout waiting for containerd to start");
    failure.lines.iter().any(slow)
}
