//! `report`: examines the host and writes the ticket.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::output;
use super::ticket::{Recording, checked, render};
use crate::apply::failure::{self, Journal};
use crate::apply::manager::UnitState;
use crate::cli;
use crate::cli::TicketFormat;
use crate::command::{examine, input};
use crate::error::Error;
use crate::exit::Exit;
use crate::fact::Fact;
use crate::host::Bundle;
use crate::private::{Register, hide};
use crate::report::{json, ticket::Log};
use crate::thread;
use crate::ui::{self, Look};

/// The unit whose log is wanted.
const UNIT: &str = "docker.service";

/// Only the owner reads what may tell too much.
const PRIVATE: u32 = 0o600;

/// node_exporter reads it as another user.
const PUBLIC: u32 = 0o644;

pub fn run(args: &cli::Ticket, look: &Look) -> Result<Exit, Error> {
    output::writable(&args.output)?;
    args.map.iter().try_for_each(|map| output::writable(map))?;
    let recording = match &args.replay {
        Some(path) => replay(args, path)?,
        None => ui::with_progress("Examining this host ...", || live(args))?,
    };
    if args.show_private {
        let text = render(&recording.shown(), args.format, now(), look)?;
        output::write(&args.output, &text, mode(args.format))?;
        return Ok(Exit::Fine);
    }
    let (ticket, register) = recording.hidden()?;
    let text = checked(render(&ticket, args.format, now(), look)?, &register)?;
    if let Some(map) = &args.map {
        output::write(map, &key(&register), PRIVATE)?;
    }
    output::write(&args.output, &text, mode(args.format))?;
    Ok(Exit::Fine)
}

fn mode(format: TicketFormat) -> u32 {
    match format {
        TicketFormat::Prometheus => PUBLIC,
        _ => PRIVATE,
    }
}

/// What stands behind the stand-ins, as JSON.
fn key(register: &Register) -> String {
    json::render(&hide::key(register))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn live(args: &cli::Ticket) -> Result<Recording, Error> {
    let deadline = Duration::from_secs(args.timeout);
    let end = Instant::now() + deadline;
    let (live, subject) = examine::live(args.user.as_deref(), !args.no_probe, deadline)?;
    let own = subject.as_ref().is_some_and(|subject| subject.is_self);
    std::thread::scope(|scope| {
        let wanted = own && !args.no_log && !args.no_probe;
        let journal = wanted.then(|| thread::scoped(scope, move || failure::journal(UNIT, end)));
        let mut recording = Recording::of(live, args.user.clone(), "live", deadline)?;
        recording.log = match journal.map(|thread| thread.join()) {
            Some(Ok(journal)) => Some(log(&journal, &mut recording)),
            Some(Err(_)) => Some(Log::without(
                "reading it crashed; this is a bug in rootless-setup",
            )),
            None if own || args.no_log => None,
            None => Some(Log::without(
                "only the user can read it: run report as that user",
            )),
        };
        Ok(recording)
    })
}

/// The log, with its likely cause where the service does not run.
fn log(journal: &Journal, recording: &mut Recording) -> Log {
    let mut log = Log::new(journal, &mut recording.secrets);
    let unit = match &recording.facts.user_manager {
        Some(Fact::Known(manager)) => Some(&manager.docker),
        _ => None,
    };
    // A unit that counts as active from its start on (Docker 20.10) is so while it
    // fails again and again.
    if unit.is_none_or(|unit| unit.active_state != "active" || unit.restarts > 0) {
        log.cause = likely_cause(journal);
    }
    log
}

/// So many starts are looked at: the latest may be too young to have failed.
const STARTS: usize = 3;

/// What the lines of the latest starts say, by those who know such lines.
fn likely_cause(journal: &Journal) -> Option<String> {
    let mut starts: Vec<&str> = Vec::new();
    for line in journal.lines.iter().rev() {
        if !starts.contains(&line.invocation.as_str()) && starts.len() < STARTS {
            starts.push(&line.invocation);
        }
    }
    let cause = starts.into_iter().find_map(|invocation| {
        let state = UnitState {
            invocation: invocation.to_owned(),
            ..UnitState::default()
        };
        failure::of(&state, journal).cause
    })?;
    let check = cause
        .check
        .map(|id| format!(" (rootless-setup explain {id})"));
    Some(cause.words + &check.unwrap_or_default())
}

fn replay(args: &cli::Ticket, path: &Path) -> Result<Recording, Error> {
    let name = path.display().to_string();
    let bundle =
        Bundle::parse(&input::text(path)?).map_err(|error| Error::Bundle { path: name, error })?;
    Recording::of_recorded(bundle, args.user.clone(), Duration::from_secs(args.timeout))
}
