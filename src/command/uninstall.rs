//! `uninstall`: takes back exactly what the journal lists, whatever is missing
//! by now. Without a journal, what the setup script installed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::apply::{self, agree};
use crate::apply::journal::{self, Journal};
use crate::apply::lock::Lock;
use crate::apply::run::World;
use crate::apply::{file, interrupt, purge, revert};
use crate::cli::Uninstall;
use crate::error::Error;
use crate::exit::Exit;
use crate::facts::Ground;
use crate::host::{Host, Live};
use crate::plan::legacy;
use crate::plan::present::Present;
use crate::plan::undo::Undo;
use crate::ui::{self, Look};

/// dockerd gives each container ten seconds.
const GRACE: Duration = Duration::from_secs(30);

/// Uninstalls, or shows what uninstalling would do.
///
/// # Errors
/// When nothing was done, with the reason; or when not everything could be.
pub fn run(args: &Uninstall, look: &Look) -> Result<Exit, Error> {
    let host: Arc<dyn Host> = Arc::new(Live::new(true, Duration::from_secs(args.timeout)));
    let ground = apply::ground(&*host, "uninstall")?;
    let state_dir = apply::state_dir(&*host, &ground);
    let _lock = Lock::take(&ground.runtime_dir, ground.home_path())?;
    let present = Present::collect(&*host, &ground).ok_or(Error::NoHome)?;
    let found = match args.manner.dry_run {
        true => Journal::read(&state_dir)?,
        false => {
            journal::sweep(&state_dir)?;
            Journal::find(&state_dir)?
        }
    };
    let list = match &found {
        Some(journal) => journal.records().iter().map(|r| r.undo.clone()).collect(),
        None => legacy::undoing(&present, &|bytes| file::sha256(bytes)),
    };
    let data = match args.purge_data {
        true => purge::Data::find(&*host, &ground),
        false => purge::Data::default(),
    };
    if found.is_none() && list.is_empty() && data.is_empty() {
        ui::print("Nothing is installed.\n")?;
        return Ok(Exit::Fine);
    }
    show(&list, &data, look)?;
    if args.manner.dry_run {
        return Ok(Exit::Fine);
    }
    agree(args.manner, "Do this?")?;
    // From here on it comes to its end: half of it taken back helps nobody.
    let _busy = interrupt::busy();
    let world = apply::world(&ground, present.socket.clone(), args.timeout, GRACE);
    let journal = match found {
        Some(journal) => journal,
        None => written_down(&state_dir, list)?,
    };
    take_back(journal, &world, &ground, &data)
}

/// What is found without a journal is written into one first, so that this can
/// be interrupted like anything else.
fn written_down(state_dir: &Path, list: Vec<Undo>) -> Result<Journal, Error> {
    let mut journal = Journal::open(state_dir)?;
    for undo in list {
        journal.before(undo)?;
    }
    Ok(journal)
}

fn show(list: &[Undo], data: &purge::Data, look: &Look) -> Result<(), Error> {
    let mut page = String::from("This will be done:\n");
    let undone = list.iter().rev().map(Undo::title);
    for title in undone.chain(data.titles()) {
        page.push_str(&format!("  {}\n", look.safe(&title)));
    }
    ui::print(&page)
}

fn take_back(
    mut journal: Journal,
    world: &World,
    ground: &Ground,
    data: &purge::Data,
) -> Result<Exit, Error> {
    let path = journal.path().display().to_string();
    // While rootlesskit and the ranges are still there.
    let mut done = revert::Reverted {
        failed: data.remove(world, ground),
        ..revert::Reverted::default()
    };
    let reverted = revert::since(&mut journal, 0, world);
    done.kept.extend(reverted.kept);
    done.failed.extend(reverted.failed);
    apply::tell(&done);
    let damaged = journal.about_damaged();
    damaged.iter().for_each(|line| ui::warn(line));
    let closed = journal.close().map_err(|why| why.to_string());
    let what = match (done.failed.len() + damaged.len(), closed) {
        (0, Ok(_)) => {
            ui::print("Rootless Docker is uninstalled.\n")?;
            return Ok(Exit::Fine);
        }
        (0, Err(why)) => why,
        (failed, _) => format!("{failed} changes could not be undone"),
    };
    let again = "rootless-setup uninstall";
    Err(apply::incomplete(what, path, again, &done.failed))
}
