//! The examination that `doctor` shows and `install` starts from.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::check::catalogue::Catalogue;
use crate::check::{engine, site};
use crate::error::Error;
use crate::facts::programs::{Purpose, Running};
use crate::facts::{Facts, Ground, subject};
use crate::host::{Account, AsUser, Bundle, Host, Live, Recorded};
use crate::report::Report;
use crate::{thread, ui};

/// The source of a report on facts that lie in a ticket.
pub const RECORDED: &str = "recorded";

/// This machine as the user to be examined sees it, and who that is: `wanted`,
/// else whoever called sudo, else oneself. Everything has to be answered within
/// `deadline`.
///
/// # Errors
/// When there is no such user, or it is not this one's to ask about.
pub fn live(
    wanted: Option<&str>,
    probe: bool,
    deadline: Duration,
) -> Result<(Arc<dyn Host>, Option<subject::Subject>), Error> {
    let own = Live::new(probe, deadline).bounded();
    let subject = subject::find(&own, wanted)?;
    if let Some(alias) = subject
        .as_ref()
        .filter(|user| user.uid == 0 && !user.is_self)
    {
        return Err(Error::OddName(alias.name.clone()));
    }
    let host = match &subject {
        Some(user) => seen_by(user, own, probe, deadline),
        None => Arc::new(own),
    };
    Ok((host, subject))
}

/// This machine as one user sees it; `own` is how this process does.
pub fn seen_by(
    user: &subject::Subject,
    own: Live,
    probe: bool,
    deadline: Duration,
) -> Arc<dyn Host> {
    if user.is_self || user.uid == 0 {
        return Arc::new(own);
    }
    let account = Account::new(user.uid, user.gid, user.groups.clone());
    Arc::new(AsUser::new(account, probe, deadline))
}

/// Judges recorded facts by the catalogue at hand.
///
/// # Errors
/// When the user they are about is not in them.
pub fn replay(facts: Bundle) -> Result<Report, Error> {
    let user = facts.user.clone();
    let host: Arc<dyn Host> = Arc::new(Recorded::new(facts));
    let subject = subject::find(&*host, user.as_deref())?;
    examine(&host, subject, RECORDED, REPLAY)
}

/// What is recorded is there at once.
const REPLAY: Duration = Duration::from_secs(60);

/// Collects the facts of a host and judges them, within `deadline`.
///
/// # Errors
/// When the built-in catalogue contradicts itself.
pub fn examine(
    host: &Arc<dyn Host>,
    subject: Option<subject::Subject>,
    source: &str,
    deadline: Duration,
) -> Result<Report, Error> {
    survey(host, subject, source, deadline, |_| ()).map(|(report, ())| report)
}

/// The same; `look` takes from the facts what no report tells.
///
/// # Errors
/// When the built-in catalogue contradicts itself.
pub fn survey<T>(
    host: &Arc<dyn Host>,
    subject: Option<subject::Subject>,
    source: &str,
    deadline: Duration,
    look: impl FnOnce(&Facts) -> T,
) -> Result<(Report, T), Error> {
    let started = Instant::now();
    // Read on the other core while the ground is.
    thread::detached(|| drop(super::catalogue()));
    let ground = Ground::collect(&**host, subject);
    // The slowest come first: everything else is done while they run.
    let programs = Running::start(host, &ground, deadline, Purpose::Report);
    let facts = facts(host, ground, programs, source, deadline)?;
    Ok((judged(&facts, source, started), look(&facts.0)))
}

/// Judges a host of which the ground is known and the programs run already.
///
/// # Errors
/// When the built-in catalogue contradicts itself.
pub fn judge(
    host: &Arc<dyn Host>,
    ground: Ground,
    programs: Running,
    source: &str,
    started: Instant,
    deadline: Duration,
) -> Result<Report, Error> {
    let facts = facts(host, ground, programs, source, deadline)?;
    Ok(judged(&facts, source, started))
}

/// What is judged, and by which catalogue.
type Case = (Facts, Cow<'static, Catalogue>);

fn facts(
    host: &Arc<dyn Host>,
    ground: Ground,
    programs: Running,
    source: &str,
    deadline: Duration,
) -> Result<Case, Error> {
    let built_in = super::catalogue()?;
    let (extended, refused) = site::extend(built_in, &**host, &ground);
    // Of a recorded host that was told when it was recorded.
    for (path, why) in refused.iter().filter(|_| source != RECORDED) {
        ui::warn(&format!("{} does not count: {why}", path.display()));
    }
    let catalogue = extended.map_or(Cow::Borrowed(built_in), Cow::Owned);
    let facts = Facts::collect(host, ground, programs, &catalogue, deadline);
    Ok((facts, catalogue))
}

fn judged((facts, catalogue): &Case, source: &str, started: Instant) -> Report {
    let checked = engine::run(catalogue, facts);
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Report::new(&facts.ground, &checked, source, took)
}
