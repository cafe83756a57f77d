//! What `fix` and `prepare` share: which checks are to be mended, the deeds
//! that takes, showing them, and how it came out.

mod survey;

pub use survey::{Survey, report};

use std::fmt::Write;
use std::path::Path;

use crate::apply::journal::Journal;
use crate::apply::mend::preflight;
use crate::apply::mend::run::{self, Done};
use crate::apply::revert::{self, Reverted};
use crate::apply::run::World;
use crate::check::engine::Status;
use crate::error::Error;
use crate::exit::Exit;
use crate::host::Host;
use crate::plan::mend::action::{Action, By};
use crate::plan::mend::deed::Deed;
use crate::plan::mend::order;
use crate::plan::mend::ranges::Want;
use crate::plan::mend::resolve::resolve;
use crate::report::phrase::plural;
use crate::report::{CheckResult, Report};
use crate::ui::{self, Look};

/// One check that is to be mended, for one user or for the machine.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The check.
    pub id: String,
    /// How it came out.
    pub status: Status,
    /// What is wrong.
    pub summary: String,
    /// What mends it.
    pub actions: Vec<Action>,
}

/// The checks of a report that are to be mended and can be by one or the
/// other: those asked for, else all that fail or warn.
pub fn wanted(checks: &[CheckResult], only: &[String]) -> Vec<Wanted> {
    let asked = |check: &&CheckResult| match only.is_empty() {
        true => matches!(check.status, Status::Fail | Status::Warn),
        false => {
            only.contains(&check.id)
                && matches!(check.status, Status::Fail | Status::Warn | Status::Info)
        }
    };
    let one = |check: &CheckResult| {
        let actions = check.fix.as_ref().map(|fix| fix.actions.clone());
        let actions = actions.filter(|actions| !actions.is_empty())?;
        Some(Wanted {
            id: check.id.clone(),
            status: check.status,
            summary: check.summary.clone(),
            actions,
        })
    };
    checks.iter().filter(asked).filter_map(one).collect()
}

/// Every id has to be one of the catalogue.
///
/// # Errors
/// The first that is none, with the nearest ones.
pub fn known(ids: &[String]) -> Result<Vec<String>, Error> {
    let catalogue = super::catalogue()?;
    let one = |id: &String| match catalogue.get(id) {
        Some(check) => Ok(check.id.clone()),
        None => Err(super::explain::page::no_check(catalogue, id)),
    };
    ids.iter().map(one).collect()
}

/// The deeds that are needed, each once, and what stands in the way of others.
#[derive(Debug, Default)]
pub struct Plan {
    /// In order.
    pub deeds: Vec<Deed>,
    /// Why something cannot be done, in words.
    pub blocked: Vec<String>,
}

/// Works out the deeds of one part. For root, with the `world` where they are done, what
/// root would refuse is left out, and told.
pub fn plan(host: &dyn Host, wanted: &[Wanted], by: By, world: Option<&World>) -> Plan {
    let mut plan = Plan::default();
    let mut people = Vec::new();
    let mut done: Vec<&Action> = Vec::new();
    for (wanted, action) in wanted
        .iter()
        .flat_map(|w| w.actions.iter().map(move |a| (w, a)))
    {
        if action.by() != by || done.contains(&action) {
            continue;
        }
        done.push(action);
        match deeds_of(action, host, world) {
            Err(why) => plan.blocked.push(format!("{}: {why}", wanted.id)),
            Ok(deeds) => {
                for deed in deeds {
                    match deed {
                        Deed::SubIds(mut wants) => people.append(&mut wants),
                        deed if plan.deeds.contains(&deed) => {}
                        deed => plan.deeds.push(deed),
                    }
                }
            }
        }
    }
    if !people.is_empty() {
        // One reading and one writing of each file for all users.
        plan.deeds.insert(0, Deed::SubIds(merged(people)));
    }
    plan.deeds = order::of(plan.deeds);
    plan
}

/// All of an action that is still needed, or nothing of it.
fn deeds_of(action: &Action, host: &dyn Host, world: Option<&World>) -> Result<Vec<Deed>, String> {
    let deeds = resolve(action, host).map_err(|why| why.to_string())?;
    let Some(world) = world else {
        return Ok(deeds);
    };
    preflight::action(action)?;
    let looked: Result<Vec<Option<Deed>>, String> = deeds
        .into_iter()
        .map(|deed| preflight::deed(deed, world))
        .collect();
    Ok(looked?.into_iter().flatten().collect())
}

/// Several checks may ask for the same user's ids.
fn merged(wants: Vec<Want>) -> Vec<Want> {
    let mut all: Vec<Want> = Vec::new();
    for want in wants {
        match all.iter_mut().find(|have| have.user == want.user) {
            None => all.push(want),
            Some(have) => {
                have.uids = have.uids.or(want.uids);
                have.gids = have.gids.or(want.gids);
            }
        }
    }
    all
}

/// The checks that are to be mended, a line each, for however many users.
pub fn list(wanted: &[Wanted], look: &Look) -> String {
    let mut page = String::new();
    let mut told: Vec<&str> = Vec::new();
    for one in wanted {
        if told.contains(&one.id.as_str()) {
            continue;
        }
        told.push(&one.id);
        let word = match one.status {
            Status::Fail => "FAIL",
            Status::Warn => "warn",
            _ => "info",
        };
        let more = match wanted.iter().filter(|other| other.id == one.id).count() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        let summary = look.wrap(&format!("{}{more}", one.summary), 7);
        let _ = writeln!(page, "  {word} {:<28}  {}", one.id, summary.trim_start());
    }
    page
}

/// The plan as it is shown before it is carried out.
pub fn show(plan: &Plan, look: &Look) -> String {
    let mut page = String::from("This will be done:\n");
    for deed in &plan.deeds {
        let _ = writeln!(page, "  {}", look.line(&deed.title(), 4));
        for line in deed.diff().unwrap_or_default().lines() {
            let _ = writeln!(page, "      {}", look.safe(line));
        }
    }
    page
}

/// Carries deeds out, with the way back in the journal at `dir`.
///
/// # Errors
/// When the journal cannot be used.
pub fn carry_out(deeds: &[Deed], world: &World, dir: &Path) -> Result<Done, Error> {
    let mut journal = Journal::open(dir)?;
    let done = run::run(deeds, world, &mut journal, &|deed| ui::tell(&deed.title()));
    done.told.iter().for_each(|line| ui::tell(line));
    if let Some(why) = &done.failed {
        ui::warn(why);
        for deed in &deeds[done.count..] {
            ui::warn(&format!("not done: {}", deed.title()));
        }
    }
    done.left.iter().for_each(|line| ui::warn(line));
    journal.close()?;
    Ok(done)
}

/// How a run came out, by its checks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Something still fails.
    pub fails: bool,
    /// What still fails is the user's to mend.
    pub users_part: bool,
}

/// Shows what became of the checks that were to be mended.
///
/// # Errors
/// When standard output is gone.
pub fn tell_outcome(wanted: &[Wanted], now: &Report, look: &Look) -> Result<Outcome, Error> {
    let mut page = String::new();
    let mut outcome = Outcome::default();
    let mut told: Vec<&str> = Vec::new();
    for one in wanted {
        // The same check may be wanted for many users.
        if told.contains(&one.id.as_str()) {
            continue;
        }
        told.push(&one.id);
        let Some(check) = now.checks.iter().find(|check| check.id == one.id) else {
            continue;
        };
        let (word, text) = match check.status {
            Status::Pass => ("fixed", check.summary.clone()),
            Status::Skip | Status::Unknown => ("????", check.summary.clone()),
            _ if is_users(check) => {
                outcome.users_part = true;
                (
                    "left",
                    format!("{}: rootless-setup fix, as the user", check.summary),
                )
            }
            _ => {
                outcome.fails = true;
                ("still", still(check, one))
            }
        };
        let text = look.wrap(&text, 8);
        let _ = writeln!(page, "  {word:<5} {:<28}  {}", one.id, text.trim_start());
    }
    ui::print(&page)?;
    Ok(outcome)
}

/// What mends it is the user's to do.
fn is_users(check: &CheckResult) -> bool {
    let actions = check.fix.iter().flat_map(|fix| &fix.actions);
    let mut by = actions.map(Action::by).peekable();
    by.peek().is_some() && by.all(|by| by == By::User)
}

/// Why a check still fails although its deeds are done.
fn still(check: &CheckResult, wanted: &Wanted) -> String {
    let login = |action: &Action| matches!(action, Action::UserManager { .. });
    match wanted.actions.iter().any(login) {
        true => format!(
            "{}: it holds from the next start of the user's systemd on: log out everywhere and in \
             again, reboot, or prepare --restart-user-manager",
            check.summary
        ),
        false => check.summary.clone(),
    }
}

/// Takes back everything in the journal at `dir`.
///
/// # Errors
/// When the journal cannot be used, or something is left.
pub fn undo(world: &World, dir: &Path) -> Result<Exit, Error> {
    crate::apply::journal::sweep(dir)?;
    let Some(mut journal) = Journal::find(dir)? else {
        ui::print("There is nothing to take back.\n")?;
        return Ok(Exit::Fine);
    };
    let path = journal.path().display().to_string();
    for record in journal.records().iter().rev() {
        ui::tell(&record.undo.title());
    }
    let reverted: Reverted = revert::since(&mut journal, 0, world);
    super::apply::tell(&reverted);
    let damaged = journal.about_damaged();
    damaged.iter().for_each(|line| ui::warn(line));
    journal.close()?;
    match reverted.is_complete() && damaged.is_empty() {
        true => {
            let changes = plural(reverted.undone, "change was", "changes were");
            ui::print(&format!("{changes} undone.\n"))?;
            Ok(Exit::Fine)
        }
        false => Err(super::apply::incomplete(
            "not every change could be undone".into(),
            path,
            match world.system {
                true => "rootless-setup prepare --undo",
                false => "rootless-setup fix --undo",
            },
            &reverted.failed,
        )),
    }
}
