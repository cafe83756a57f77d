//! `fix`: what the user can mend is mended now; root's part becomes a script
//! to review, or one command.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::apply::{self, agree};
use super::mend::{self, Wanted};
use crate::apply::file;
use crate::apply::lock::Lock;
use crate::apply::run::World;
use crate::check::engine::Status;
use crate::cli::Fix;
use crate::error::Error;
use crate::exit::Exit;
use crate::facts::Ground;
use crate::host::{Host, Live};
use crate::plan::mend::action::By;
use crate::plan::mend::allowed;
use crate::plan::mend::script::{self, Part};
use crate::plan::mend::typed;
use crate::report::{CheckResult, Report};
use crate::ui::{self, Look, prompt};

/// Fixes what can be, and says what is left.
///
/// # Errors
/// When nothing was done, with the reason.
pub fn run(args: &Fix, look: &Look) -> Result<Exit, Error> {
    let host = Live::new(true, Duration::from_secs(60));
    let ground = apply::ground(&host, "fix")?;
    let state = apply::state_dir(&host, &ground).join("fix");
    let world = apply::world(&ground, PathBuf::new(), 60, Duration::from_secs(5));
    let ids = mend::known(&args.ids)?;
    if args.undo {
        let _lock = Lock::take(&ground.runtime_dir, ground.home_path())?;
        return undo(args, &world, &state);
    }
    let report = mend::report(None)?;
    let Some(wanted) = choose(args, &report, &ids, look)? else {
        return Err(Error::Declined("you said no"));
    };
    let left = by_hand(&report, &ids, !wanted.is_empty());
    if wanted.is_empty() && left.is_empty() {
        ui::print("Nothing is to be fixed.\n")?;
        return Ok(Exit::Fine);
    }
    let user = by(&wanted, By::User);
    let root = by(&wanted, By::Root);
    if args.script.as_deref() == Some(Path::new("-")) {
        // Standard output is the script's alone.
        roots(args, &host, &root, &ground, look)?;
        return Ok(Exit::Fine);
    }
    let well = user.is_empty() || own(args, &user, &world, &ground, &state, look)?;
    roots(args, &host, &root, &ground, look)?;
    ui::print(&told_by_hand(&left, look))?;
    Ok(match (root.is_empty() && left.is_empty(), well) {
        (_, false) => Exit::Failed,
        (false, _) => Exit::Declined,
        (true, true) => Exit::Fine,
    })
}

fn undo(args: &Fix, world: &World, state: &Path) -> Result<Exit, Error> {
    if args.manner.dry_run {
        let journal = crate::apply::journal::Journal::read(state)?;
        for record in journal.iter().flat_map(|j| j.records().iter().rev()) {
            ui::print(&format!("  {}\n", allowed::shown(&record.undo.title())))?;
        }
        return Ok(Exit::Fine);
    }
    mend::undo(world, state)
}

/// What is to be mended: asked for by id, chosen at a terminal, or all that
/// fails or warns. None for Escape.
fn choose(
    args: &Fix,
    report: &Report,
    ids: &[String],
    look: &Look,
) -> Result<Option<Vec<Wanted>>, Error> {
    let manner = args.manner;
    let quiet = manner.yes || manner.no_input || manner.dry_run || args.script.is_some();
    if !ids.is_empty() || quiet || !prompt::somebody_is_there() {
        return Ok(Some(mend::wanted(&report.checks, ids)));
    }
    let all: Vec<String> = report.checks.iter().map(|check| check.id.clone()).collect();
    let wanted = mend::wanted(&report.checks, &all);
    if wanted.is_empty() {
        return Ok(Some(wanted));
    }
    let line = |one: &Wanted| {
        let text = format!("{}: {}", one.id, one.summary);
        let text = match prompt::is_plain() {
            true => look.safe(&text),
            false => look.cut(&text, 8),
        };
        (text, one.status != Status::Info)
    };
    let lines: Vec<(String, bool)> = wanted.iter().map(line).collect();
    let chosen = prompt::choose_some("What shall be mended? (space marks, enter goes on)", &lines);
    let pick = |numbers: Vec<usize>| {
        let of = |n: usize| wanted.get(n).cloned();
        numbers.into_iter().filter_map(of).collect()
    };
    Ok(chosen.map(pick))
}

/// The part of it that one or the other can do.
fn by(wanted: &[Wanted], by: By) -> Vec<Wanted> {
    let one = |wanted: &Wanted| {
        let mut wanted = wanted.clone();
        wanted.actions.retain(|action| action.by() == by);
        (!wanted.actions.is_empty()).then_some(wanted)
    };
    wanted.iter().filter_map(one).collect()
}

/// What the user can do is done; says whether it helped.
fn own(
    args: &Fix,
    wanted: &[Wanted],
    world: &World,
    ground: &Ground,
    state: &Path,
    look: &Look,
) -> Result<bool, Error> {
    let host = Live::new(false, Duration::from_secs(60));
    let plan = mend::plan(&host, wanted, By::User, None);
    plan.blocked.iter().for_each(|why| ui::warn(why));
    if plan.deeds.is_empty() {
        return Ok(false);
    }
    ui::print(&mend::list(wanted, look))?;
    ui::print(&mend::show(&plan, look))?;
    if args.manner.dry_run {
        return Ok(true);
    }
    agree(args.manner, "Do this?")?;
    let _lock = Lock::take(&ground.runtime_dir, ground.home_path())?;
    let done = mend::carry_out(&plan.deeds, world, state)?;
    let now = mend::report(None)?;
    let outcome = mend::tell_outcome(wanted, &now, look)?;
    Ok(done.failed.is_none() && !outcome.fails && !outcome.users_part)
}

/// Root's part: as a script where one is asked for, else as the one command.
fn roots(
    args: &Fix,
    host: &dyn Host,
    wanted: &[Wanted],
    ground: &Ground,
    look: &Look,
) -> Result<(), Error> {
    if wanted.is_empty() {
        if args.script.is_some() {
            ui::tell("root has nothing to do: no script was written");
        }
        return Ok(());
    }
    let user = ground.subject.as_ref().map_or("", |s| s.name.as_str());
    let text = script(user, ground, wanted);
    if let Some(path) = &args.script {
        return written(path, &text);
    }
    let command = command(host, user, wanted);
    ui::print(&format!(
        "\nRoot has to do this:\n{}\n  {}\n\nor, to be read first:\n\n  rootless-setup fix --script root.sh; sudo sh root.sh\n",
        mend::list(wanted, look),
        look.safe(&command)
    ))?;
    offer_script(args, &text)
}

/// At a terminal the script can be had at once.
fn offer_script(args: &Fix, text: &str) -> Result<(), Error> {
    let manner = args.manner;
    let quiet = manner.yes || manner.no_input || manner.dry_run;
    if quiet || !prompt::somebody_is_there() {
        return Ok(());
    }
    let answers = [
        "no, I use the command above",
        "yes, as ./rootless-setup-root.sh",
    ];
    match prompt::choose("Write root's part as a script?", &answers) {
        Some(1) => written(Path::new("rootless-setup-root.sh"), text),
        _ => Ok(()),
    }
}

fn script(user: &str, ground: &Ground, wanted: &[Wanted]) -> String {
    let host = ground.hostname.known().map_or("this host", String::as_str);
    let parts: Vec<Part<'_>> = wanted
        .iter()
        .map(|one| Part {
            check: &one.id,
            summary: &one.summary,
            actions: &one.actions,
        })
        .collect();
    script::script(
        &format!("Root's part of rootless Docker for {user} on {host}."),
        &parts,
    )
}

fn written(path: &Path, text: &str) -> Result<(), Error> {
    if path == Path::new("-") {
        return ui::print(text);
    }
    let failed = |why: String| Error::Write {
        path: path.display().to_string(),
        why,
    };
    if path.symlink_metadata().is_ok() {
        return Err(failed("it is there already".into()));
    }
    file::write(path, text.as_bytes(), 0o644).map_err(|e| failed(e.to_string()))?;
    ui::tell(&format!(
        "wrote {}: read it, then {}",
        path.display(),
        typed::line(&["sudo", "sh", &path.to_string_lossy()])
    ));
    Ok(())
}

/// The same as one command. Where this program lies elsewhere than root looks,
/// with its path.
fn command(host: &dyn Host, user: &str, wanted: &[Wanted]) -> String {
    let own = host.link(Path::new("/proc/self/exe")).into_known();
    let own = own.map_or_else(
        || "rootless-setup".into(),
        |p| p.to_string_lossy().into_owned(),
    );
    let usual = [
        "/usr/bin/",
        "/usr/sbin/",
        "/usr/local/bin/",
        "/usr/local/sbin/",
    ];
    let program = match usual.iter().any(|dir| own.starts_with(dir)) {
        true => "rootless-setup",
        false => own.as_str(),
    };
    let mut ids: Vec<&str> = wanted.iter().map(|one| one.id.as_str()).collect();
    ids.dedup();
    let only = ids.join(",");
    typed::line(&["sudo", program, "prepare", "--user", user, "--only", &only])
}

/// What fails and is left to a person.
fn by_hand<'a>(report: &'a Report, ids: &[String], mending: bool) -> Vec<&'a CheckResult> {
    let bad = |check: &&CheckResult| {
        matches!(check.status, Status::Fail | Status::Warn)
            && (ids.is_empty() || ids.contains(&check.id))
            && check
                .fix
                .as_ref()
                .is_some_and(|fix| fix.actions.is_empty() && !(mending && fix.elsewhere))
    };
    report.checks.iter().filter(bad).collect()
}

fn told_by_hand(left: &[&CheckResult], look: &Look) -> String {
    let mut page = String::new();
    if !left.is_empty() {
        page.push_str("\nBy hand (rootless-setup explain ID says more):\n");
    }
    for check in left {
        let fix = check.fix.as_ref();
        let note = fix.map_or("", |fix| fix.note.as_str());
        page.push_str(&format!(
            "  {}: {}\n",
            check.id,
            look.wrap(&check.summary, 4)
        ));
        if !note.is_empty() {
            page.push_str(&format!("    {}\n", look.wrap(note, 4).trim_start()));
        }
        for command in fix.iter().flat_map(|fix| &fix.commands) {
            page.push_str(&format!("    $ {}\n", look.safe(command)));
        }
    }
    page
}
