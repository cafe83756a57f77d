//! Why the unit failed: systemd's result, the lines of the journal that tell
//! the reason, and the likely cause with the check that knows more of it.

mod cause;
mod decisive;
mod journal;
#[cfg(test)]
mod tests;

pub use cause::Cause;
pub use journal::{Journal, Line, journal};

use super::manager::UnitState;

/// What went wrong with a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// systemd's word: `exit-code`, `timeout`, `oom-kill`, `start-limit-hit`, …;
    /// `success` for a service that runs, or is still starting.
    pub result: String,
    /// How its main process ended, such as `exited with status 1`; none if it
    /// has not.
    pub exit: Option<String>,
    /// How often systemd started it again.
    pub restarts: u32,
    /// The lines of the journal that tell the reason, in their order, at most
    /// twelve; safe to print.
    pub lines: Vec<String>,
    /// Why there are no lines, or not all.
    pub trouble: Option<String>,
    /// What stands in the way, as far as the lines tell.
    pub cause: Option<Cause>,
}

impl Failure {
    /// It in words, a line each.
    pub fn words(&self) -> Vec<String> {
        let mut head = vec![format!("docker.service: {}", self.result)];
        head.extend(self.exit.clone());
        if self.restarts > 0 {
            head.push(format!("started again {} times", self.restarts));
        }
        // That nothing is known against it helps nobody.
        let silent = head.len() == 1 && self.result == "success";
        let mut words = vec![head.join(", ")];
        words.retain(|_| !silent);
        words.extend(self.lines.iter().map(|line| format!("  | {line}")));
        words.extend(self.trouble.clone());
        if let Some(cause) = &self.cause {
            let more = |id: &String| format!(" (rootless-setup explain {id})");
            let more = cause.check.as_ref().map_or(String::new(), more);
            words.push(format!("likely cause: {}{more}", cause.words));
        }
        words
    }
}

/// Judges a service by its state and its journal. Nothing is read here.
pub fn of(state: &UnitState, journal: &Journal) -> Failure {
    let lines = attempt(state, &journal.lines);
    let chosen = decisive::choose(&lines);
    let last = |of: fn(&Line) -> Option<String>| lines.iter().rev().find_map(|line| of(line));
    let result = match state.result.as_str() {
        // It is on its next attempt, and has not failed again yet.
        "" | "success" => last(|line| line.result.clone()),
        result => Some(result.to_owned()),
    };
    let result = result.unwrap_or_else(|| "success".to_owned());
    let exit = exit(state.exec_main_code, state.exec_main_status)
        .or_else(|| last(|line| line.exit.clone()));
    Failure {
        cause: cause::find(&lines, &result, exit.as_deref()),
        restarts: state.restarts,
        lines: chosen,
        trouble: journal.trouble.clone(),
        result,
        exit,
    }
}

/// The lines of the latest attempt that tells a reason. A service that is started
/// again and again may be too young to have said anything; older attempts than
/// systemd's own restarts are another story.
fn attempt<'a>(state: &UnitState, lines: &'a [Line]) -> Vec<&'a Line> {
    let mut attempts: Vec<&str> = Vec::new();
    for line in lines.iter().rev() {
        if !line.invocation.is_empty() && !attempts.contains(&line.invocation.as_str()) {
            attempts.push(&line.invocation);
        }
    }
    let current = state.invocation.as_str();
    attempts.retain(|id| *id != current);
    let earlier = usize::try_from(state.restarts).unwrap_or(usize::MAX);
    let candidates = std::iter::once(current).chain(attempts.into_iter().take(earlier));
    let of = |id: &str| lines.iter().filter(|l| l.invocation == id).collect();
    let mut all = candidates.map(of);
    let first: Vec<&Line> = all.next().unwrap_or_default();
    if decisive::tells(&first) {
        return first;
    }
    all.find(|lines| decisive::tells(lines)).unwrap_or(first)
}

/// systemd's numbers in words: `CLD_EXITED` and its like, and the status.
fn exit(code: i32, status: i32) -> Option<String> {
    match code {
        1 => Some(exited(status)),
        2 | 3 => Some(format!("killed by {}", signal(status))),
        _ => None,
    }
}

fn exited(status: i32) -> String {
    match status {
        203 => "its program could not be started (status 203)".to_owned(),
        216 | 217 => format!("its user or group could not be set (status {status})"),
        _ => format!("exited with status {status}"),
    }
}

fn signal(number: i32) -> String {
    let known = [
        (2, "SIGINT"),
        (6, "SIGABRT"),
        (7, "SIGBUS"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (15, "SIGTERM"),
        (31, "SIGSYS"),
    ];
    let found = known.iter().find(|(n, _)| *n == number);
    found.map_or_else(
        || format!("signal {number}"),
        |(_, name)| (*name).to_owned(),
    )
}
