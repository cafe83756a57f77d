//! `rootless-setup` alone: from the examination to a container that runs, with
//! a question before every step that changes something.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::CommandFactory;

use super::examine::{self, survey};
use super::wizard::Offer;
use super::{fix, install, mend};
use crate::check::engine::Status;
use crate::cli::{Cli, Fix, Manner};
use crate::error::Error;
use crate::exit::Exit;
use crate::facts::subject;
use crate::host::{Host, Live};
use crate::report::{Report, text};
use crate::ui::{self, Look, prompt};

/// How long the examination may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Goes all the way at a terminal; elsewhere shows the help.
///
/// # Errors
/// Those of the commands that it goes through.
pub fn run(no_input: bool, replay: Option<&Path>, look: &Look) -> Result<Exit, Error> {
    if no_input || !prompt::somebody_looks() {
        return help();
    }
    let mut found = Found::new(replay)?;
    found.show(look)?;
    if found.host.identity().euid == 0 {
        return Err(Error::Root("install"));
    }
    // On a recorded host nothing can be.
    let mended = replay.is_none() && offer_fix(&found.report, look)?;
    if mended {
        found = Found::new(replay)?;
        found.show(look)?;
    }
    let failing = found.failing();
    if failing > 0 && mended {
        ui::tell("what fails has to be mended first; rootless-setup goes on then");
        return Ok(Exit::Failed);
    }
    if failing > 0 {
        return Err(Error::Unfit(failing));
    }
    if !prompt::confirm("Go on to set rootless Docker up?", true) {
        return Err(Error::Declined("you said no"));
    }
    install::guided(&*found.host, &found.report, &found.offer, replay, look)
}

/// A subcommand is missing, and nobody is there to go all the way with.
fn help() -> Result<Exit, Error> {
    ui::note(&Cli::command().render_help().to_string());
    Ok(Exit::Usage)
}

/// This host, as it is now.
struct Found {
    host: Arc<dyn Host>,
    report: Report,
    offer: Offer,
}

impl Found {
    fn new(replay: Option<&Path>) -> Result<Found, Error> {
        let (host, subject) = examined(replay)?;
        let (report, offer) = ui::with_progress("Examining this host ...", || {
            let offer = |facts: &_| Offer::new(&*host, facts);
            survey(&host, subject, "live", DEADLINE, offer)
        })?;
        Ok(Found {
            host,
            report,
            offer,
        })
    }

    fn show(&self, look: &Look) -> Result<(), Error> {
        ui::print(&text::render(&self.report, look, false))?;
        ui::print("\n")
    }

    fn failing(&self) -> usize {
        let checks = self.report.checks.iter();
        checks.filter(|check| check.status == Status::Fail).count()
    }
}

/// The host, and who is examined. Root looks at it as whoever called sudo.
fn examined(replay: Option<&Path>) -> Result<(Arc<dyn Host>, Option<subject::Subject>), Error> {
    let host: Arc<dyn Host> = match replay {
        Some(path) => Arc::new(install::recorded(path)?),
        None if rustix::process::geteuid().is_root() => {
            return examine::live(None, true, DEADLINE);
        }
        None => Arc::new(Live::new(true, DEADLINE)),
    };
    let subject = subject::find(&*host, None)?;
    Ok((host, subject))
}

/// Whether something was mended. That it was not, or not all of it, is no end:
/// what still fails decides.
fn offer_fix(report: &Report, look: &Look) -> Result<bool, Error> {
    let can_be = mend::wanted(&report.checks, &[]);
    if can_be.is_empty() || !prompt::confirm("Mend what can be mended?", true) {
        return Ok(false);
    }
    let fix = Fix {
        ids: Vec::new(),
        script: None,
        undo: false,
        manner: Manner::default(),
    };
    match fix::run(&fix, look) {
        Ok(_) => Ok(true),
        Err(Error::Declined(_)) => Ok(false),
        Err(why) => Err(why),
    }
}
