//! `prepare`: root's part, for one user or for many.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::apply::agree;
use super::mend::{self, Survey, Wanted};
use crate::apply::lock::Lock;
use crate::apply::run::World;
use crate::check::engine::Status;
use crate::cli::{Prepare, PrivilegedPorts};
use crate::error::Error;
use crate::exit::Exit;
use crate::facts::subject::{self, Subject};
use crate::facts::{login_defs, people, tools};
use crate::host::root_owned::{NotRoots, RootOwned};
use crate::host::{Host, Live};
use crate::plan::mend::action::{Action, By};
use crate::plan::mend::allowed;
use crate::report::CheckResult;
use crate::ui::{self, Look};

/// Where the journal lies.
const STATE: &str = "/var/lib/rootless-setup";

/// Rounds: mending one thing may bring another to light.
const ROUNDS: usize = 4;

/// The largest list of users, in bytes.
const MOST: u64 = 16 << 20;

/// What is asked for every user by name.
const LINGER: &str = "session.linger";

/// What `--privileged-ports` decides.
const PORTS: &str = "network.privileged-ports";

/// Prepares the host, or shows what that would do.
///
/// # Errors
/// When nothing was done, with the reason; or when not all of it was.
pub fn run(args: &Prepare, look: &Look) -> Result<Exit, Error> {
    let host: Arc<dyn Host> = Arc::new(Live::new(true, Duration::from_secs(60)));
    if host.identity().euid != 0 {
        return Err(Error::NotRoot("prepare"));
    }
    let _lock = Lock::of_root(Path::new("/run/rootless-setup.lock"))?;
    is_private(Path::new(STATE))?;
    if args.undo {
        return undo(args);
    }
    let only = mend::known(&args.only)?;
    let users = users(&*host, args)?;
    prepare(args, &only, &users, look)
}

/// The journal is root's alone: whoever could write it decides what undo does.
fn is_private(dir: &Path) -> Result<(), Error> {
    let why = match RootOwned::open(dir) {
        Ok(dir) if dir.stat().st_mode & 0o077 == 0 => return Ok(()),
        Ok(_) => format!("{dir:?} can be read by others"),
        Err(NotRoots::Missing(at)) if at == dir => return Ok(()),
        Err(why) => why.to_string(),
    };
    Err(Error::NotPrivate(why))
}

fn world() -> World {
    World {
        system: true,
        root: "/".into(),
        runtime_dir: "/run/user/0".into(),
        socket: PathBuf::new(),
        patience: Duration::from_secs(60),
        grace: Duration::from_secs(5),
    }
}

fn undo(args: &Prepare) -> Result<Exit, Error> {
    let journal = crate::apply::journal::Journal::read(Path::new(STATE))?;
    if let Some(journal) = &journal {
        let mut page = String::from("This will be done:\n");
        for record in journal.records().iter().rev() {
            page.push_str(&format!("  {}\n", allowed::shown(&record.undo.title())));
        }
        ui::print(&page)?;
        if args.manner.dry_run {
            return Ok(Exit::Fine);
        }
        agree(args.manner, "Do this?")?;
    }
    mend::undo(&world(), Path::new(STATE))
}

fn prepare(args: &Prepare, only: &[String], users: &[Subject], look: &Look) -> Result<Exit, Error> {
    let mut survey = Survey::of(&users[0], only)?;
    let mut all: Vec<Wanted> = Vec::new();
    let mut whole = true;
    for _ in 0..ROUNDS {
        let mut new = gather(&survey, args, only, users);
        new.retain(|one| !all.iter().any(|had| had.actions == one.actions));
        let host = Live::new(false, Duration::from_secs(60));
        let plan = mend::plan(&host, &new, By::Root, Some(&world()));
        whole &= plan.blocked.is_empty();
        plan.blocked.iter().for_each(|why| ui::warn(why));
        if !plan.deeds.is_empty() {
            ui::print(&mend::list(&new, look))?;
            ui::print(&mend::show(&plan, look))?;
        }
        all.extend(new);
        if plan.deeds.is_empty() {
            break;
        }
        if args.manner.dry_run {
            return Ok(Exit::Fine);
        }
        agree(args.manner, "Do this?")?;
        let done = mend::carry_out(&plan.deeds, &world(), Path::new(STATE))?;
        // The checks are asked again: they decide how it ended.
        survey = Survey::of(&users[0], only)?;
        if done.failed.is_some() {
            whole = false;
            break;
        }
    }
    match all.is_empty() {
        true => nothing(only, users),
        false => ended(&survey, users, &all, whole, look),
    }
}

/// There was nothing to do for root.
fn nothing(only: &[String], users: &[Subject]) -> Result<Exit, Error> {
    let what = match only {
        [] => "what root can mend".to_owned(),
        ids => ids.join(", "),
    };
    ui::print(&format!(
        "Nothing is to be done for {}: {what} is as it should be, or does not apply.\n",
        names(users).join(", ")
    ))?;
    Ok(Exit::Fine)
}

/// What the checks say now of everybody.
fn ended(
    survey: &Survey,
    users: &[Subject],
    all: &[Wanted],
    whole: bool,
    look: &Look,
) -> Result<Exit, Error> {
    let outcome = mend::tell_outcome(all, &survey.report, look)?;
    let mut well = whole && !outcome.fails;
    let mut fine = 0;
    for user in &users[1..] {
        match failing(&survey.ids_of(user), all).as_slice() {
            [] => fine += 1,
            left => {
                well = false;
                ui::print(&format!("  still for {}: {}\n", user.name, left.join(", ")))?;
            }
        }
    }
    if fine > 0 {
        ui::print(&format!(
            "  and nothing of it fails for {fine} more users\n"
        ))?;
    }
    if well {
        ui::print(&next(users))?;
    }
    ui::print("To take it back:  rootless-setup prepare --undo\n")?;
    Ok(match (well, outcome.users_part) {
        (false, _) => Exit::Failed,
        (true, true) => Exit::Declined,
        (true, false) => Exit::Fine,
    })
}

fn names(users: &[Subject]) -> Vec<&str> {
    users.iter().map(|user| user.name.as_str()).collect()
}

fn failing(checks: &[CheckResult], all: &[Wanted]) -> Vec<String> {
    let bad = |id: &str| {
        let check = checks.iter().find(|check| check.id == id);
        check.is_some_and(|c| matches!(c.status, Status::Fail | Status::Warn))
    };
    let mut ids: Vec<String> = all
        .iter()
        .map(|w| w.id.clone())
        .filter(|id| bad(id))
        .collect();
    ids.dedup();
    ids
}

fn next(users: &[Subject]) -> String {
    let who = match users {
        [one] => one.name.as_str(),
        _ => "each user",
    };
    format!("\nNext, as {who}:  rootless-setup install\n")
}

/// What root has to mend for all of the users: the machine once, and
/// everybody's subordinate ids and lingering.
fn gather(survey: &Survey, args: &Prepare, only: &[String], users: &[Subject]) -> Vec<Wanted> {
    let mut all = mend::wanted(&survey.report.checks, only);
    for user in &users[1..] {
        all.extend(mend::wanted(&survey.ids_of(user), only));
    }
    if only.iter().any(|id| id == LINGER) {
        all.extend(users[1..].iter().map(linger));
    }
    for wanted in &mut all {
        let about = |action: &Action| action.by() == By::Root && is_about(action, users);
        wanted.actions.retain(about);
        if wanted.id == PORTS {
            ports(args, wanted);
        }
        if args.restart_user_manager {
            restart_managers(wanted, users);
        }
    }
    all.retain(|wanted| !wanted.actions.is_empty());
    all
}

/// What was found about one user changes nothing for a user who was not named.
fn is_about(action: &Action, users: &[Subject]) -> bool {
    let named = |name: &str| users.iter().any(|user| user.name == name);
    match action {
        Action::SubIds(ids) => named(&ids.user),
        Action::LoginLimit(limit) => named(&limit.user),
        Action::Linger { user } | Action::Own { user, .. } => named(user),
        Action::RestartManager { unit } => {
            let of = |user: &Subject| *unit == format!("user@{}.service", user.uid);
            users.iter().any(of)
        }
        _ => true,
    }
}

fn linger(user: &Subject) -> Wanted {
    Wanted {
        id: LINGER.into(),
        status: Status::Info,
        summary: format!("{} is to linger", user.name),
        actions: vec![Action::Linger {
            user: user.name.clone(),
        }],
    }
}

/// A setting of the users' manager holds when it is started again.
fn restart_managers(wanted: &mut Wanted, users: &[Subject]) {
    let needs = |action: &Action| matches!(action, Action::UserManager { .. });
    if wanted.actions.iter().any(needs) {
        let restart = |user: &Subject| Action::RestartManager {
            unit: format!("user@{}.service", user.uid),
        };
        wanted.actions.extend(users.iter().map(restart));
    }
}

fn ports(args: &Prepare, wanted: &mut Wanted) {
    if args.privileged_ports == PrivilegedPorts::Sysctl {
        return;
    }
    let host = Live::new(false, Duration::from_secs(10));
    let dirs = tools::split_path("/usr/local/bin:/usr/bin:/bin");
    let tools = tools::Tools::collect(&host, &dirs);
    let path = tools.first("rootlesskit").map(|hit| hit.path.clone());
    wanted.actions = path
        .map(|path| Action::Capability {
            path: path.to_string_lossy().into_owned(),
            capability: "cap_net_bind_service=ep".into(),
        })
        .into_iter()
        .collect();
}

/// Everybody who was named, in any of the three ways, each once.
fn users(host: &dyn Host, args: &Prepare) -> Result<Vec<Subject>, Error> {
    let mut names = args.users.clone();
    if let Some(path) = &args.users_file {
        let text = host.read_up_to(path, MOST);
        let text = text.known().ok_or_else(|| Error::Read {
            path: path.display().to_string(),
            why: "no such file, or not a list of names".into(),
        })?;
        names.extend(people::listed(text).map(str::to_owned));
    }
    if let Some(group) = &args.all_in_group {
        let members = people::members(host, group);
        names.extend(members.ok_or_else(|| Error::NoGroup(group.clone()))?);
    }
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let defs = login_defs::collect(host).into_known();
    let least = defs.map_or(1000, |defs| defs.uid.0);
    let mut found = Vec::new();
    for name in names {
        found.push(person(host, name, args.system_users, least)?);
    }
    match found.is_empty() {
        true => Err(Error::NoUsers),
        false => Ok(found),
    }
}

/// The account of somebody who can have rootless Docker.
fn person(host: &dyn Host, name: String, system: bool, least: u32) -> Result<Subject, Error> {
    if name.is_empty() || !allowed::is_user(&name) {
        return Err(Error::OddName(name));
    }
    match subject::find(host, Some(&name))? {
        Some(user) if user.uid >= least || (system && user.uid != 0) => Ok(user),
        Some(user) if user.uid != 0 => Err(Error::SystemUser {
            name,
            uid: user.uid,
        }),
        _ => Err(Error::OddName(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_users_who_were_named_are_changed() {
        let alice = Subject {
            name: "alice".into(),
            uid: 1000,
            ..Subject::default()
        };
        let users = [alice];
        let restart = |uid: u32| Action::RestartManager {
            unit: format!("user@{uid}.service"),
        };
        let linger = |user: &str| Action::Linger { user: user.into() };
        assert!(is_about(&restart(1000), &users) && is_about(&linger("alice"), &users));
        assert!(!is_about(&restart(1001), &users) && !is_about(&linger("bob"), &users));
    }
}
