//! `install --ask`, and the last part of the way that `rootless-setup` alone
//! goes: the wizard, then the plan.

use std::path::{Path, PathBuf};

use super::request::Request;
use super::{carry, fit, host, patience};
use crate::cli::{Install, Manner};
use crate::command::examine::survey;
use crate::command::report::output;
use crate::command::wizard::{Offer, Terminal, ask};
use crate::error::Error;
use crate::exit::Exit;
use crate::facts::subject;
use crate::host::Host;
use crate::plan::option::{Key, Options, written};
use crate::report::Report;
use crate::ui::{self, Look, prompt};

/// The name under which answers are kept.
const FILE: &str = "setup";

/// Asks about the options, on a host that is fit.
///
/// # Errors
/// When nobody is there, the host is not fit, or the user goes back to the start.
pub fn asked(request: Request, look: &Look) -> Result<Request, Error> {
    if !prompt::somebody_is_there() {
        return Err(Error::Declined("nobody is there to ask"));
    }
    let host = host(&request)?;
    if host.identity().euid == 0 {
        return Err(Error::Root("install"));
    }
    let subject = subject::find(&*host, None)?;
    let deadline = patience(&request);
    let (report, offer) = ui::with_progress("Examining this host ...", || {
        let offer = |facts: &_| Offer::new(&*host, facts);
        survey(&host, subject, "live", deadline, offer)
    })?;
    answered(request, &*host, &report, &offer, look)
}

/// The rest of the way on a host that was examined.
///
/// # Errors
/// As [`super::run`].
pub fn guided(
    host: &dyn Host,
    report: &Report,
    offer: &Offer,
    replay: Option<&Path>,
    look: &Look,
) -> Result<Exit, Error> {
    let manner = Manner {
        dry_run: replay.is_some(),
        ..Manner::default()
    };
    let request = Request::new(&Install {
        config: None,
        ask: true,
        verify: true,
        replay: replay.map(Path::to_path_buf),
        no_linger: false,
        manner,
        flags: crate::cli::Flags::default(),
    })?;
    carry(answered(request, host, report, offer, look)?, look)
}

fn answered(
    request: Request,
    host: &dyn Host,
    report: &Report,
    offer: &Offer,
    look: &Look,
) -> Result<Request, Error> {
    let skip_iptables = request.asked.options.flagged(Key::SkipIptables);
    fit(host, report, &request, skip_iptables == Some(true), look)?;
    let back = match prompt::is_plain() {
        true => "b",
        false => "Escape",
    };
    let intro = format!("{back} goes back. Nothing is changed before you have seen the plan.");
    ui::paragraph(look, &intro, 0);
    let mut terminal = Terminal { look, keep: &keep };
    let options = ask(&mut terminal, offer, &request.asked.options);
    let options = options.ok_or(Error::Declined("you said no"))?;
    Ok(request.answered(options))
}

/// Writes the answers to a file that is not there yet; proxies may hold a password.
fn keep(options: &Options) {
    let path = free();
    match output::write(&path, &written::written(options), 0o600) {
        Ok(()) => ui::tell(&format!("wrote {}", path.display())),
        Err(why) => ui::warn(&why.to_string()),
    }
}

fn free() -> PathBuf {
    let names = (2..100).map(|n| format!("{FILE}-{n}.toml"));
    let names = std::iter::once(format!("{FILE}.toml")).chain(names);
    let is_free = |name: &String| Path::new(name).symlink_metadata().is_err();
    let name = names.into_iter().find(is_free);
    name.unwrap_or_else(|| format!("{FILE}.toml")).into()
}
