//! The user's own systemd over D-Bus: reload, enable, disable, start, stop.
//!
//! The bus is the one at `bus` in the runtime directory, whatever
//! `$DBUS_SESSION_BUS_ADDRESS` says: that may be a bus without a systemd.
//! A job is awaited by systemd's own signal; nothing is polled but the flag of
//! Ctrl-C. One connection serves all calls; between two of them a thread of the
//! bus library looks after it.

pub(super) mod bus;
mod state;
mod systemctl;
#[cfg(test)]
mod tests;

use std::future::{Future, poll_fn};
use std::num::NonZeroUsize;
use std::path::Path;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use futures_core::Stream;
use zbus::message::Type;
use zbus::proxy::CacheProperties;
use zbus::{MatchRule, MessageStream, OwnedObjectPath};
use zruntime::SharedRuntime;

use crate::host::systemd::{
    MANAGER, ManagerProxy, Properties, SERVICE, SYSTEMD, SYSTEMD_PATH, UNIT,
};

use bus::{connect, sort, within};

pub use bus::BusError;
pub use state::{Link, UnitState};
pub use systemctl::{WithoutBus, reload_without_bus, start_without_bus, stop_without_bus};

/// How long a call may usually take; connecting gets a tenth of it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The longest time between two looks at the flag of Ctrl-C.
pub(super) const SLICE: Duration = Duration::from_millis(100);

const SIGKILL: i32 = 9;

/// Ended jobs that may queue up while the call that starts ours is answered:
/// on a desktop we see everybody's.
const QUEUE: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// How long to wait for a job.
pub struct Wait<'a> {
    /// When to give up.
    pub end: Instant,
    /// Whether the user has had enough; asked every 100 ms.
    pub cancelled: &'a dyn Fn() -> bool,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// As it should. A unit whose condition does not hold counts as started:
    /// look at its state.
    Done,
    /// Otherwise, in systemd's word: `failed`, `timeout`, `canceled`,
    /// `dependency`, … The unit may be about to start again.
    Failed(String),
    /// Not in time; it is still queued.
    Late,
    /// The user did not want to wait; it is still queued.
    Cancelled,
}

/// The user's systemd.
#[derive(Debug)]
pub struct Manager {
    proxy: ManagerProxy<'static>,
    patience: Duration,
}

impl Manager {
    /// Connects to the bus in `runtime_dir`. `patience` is how long a call may
    /// take, usually [`PATIENCE`]; connecting gets a tenth of it.
    ///
    /// # Errors
    /// Every [`BusError`] but [`BusError::Call`].
    pub fn connect(runtime_dir: &Path, patience: Duration) -> Result<Self, BusError> {
        let socket = runtime_dir.join("bus");
        let bus = connect(&socket, patience / 10, patience)?;
        let builder = ManagerProxy::builder(&bus).cache_properties(CacheProperties::No);
        let proxy = zbus::block_on(within("connecting", patience, builder.build()))?;
        Ok(Manager { proxy, patience })
    }

    /// Has systemd read its unit files again.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn reload(&self) -> Result<(), BusError> {
        self.call("Reload", self.proxy.reload())
    }

    /// Enables a unit, and says what was linked. systemd does not see it before
    /// the next [`Manager::reload`].
    ///
    /// # Errors
    /// [`BusError`]; a masked unit, or one without a file, is a [`BusError::Call`].
    pub fn enable(&self, unit: &str) -> Result<Vec<Link>, BusError> {
        let files = [unit];
        let call = self.proxy.enable_unit_files(&files, false, false);
        let (_, changes) = self.call("EnableUnitFiles", call)?;
        Ok(changes.into_iter().map(Link::from).collect())
    }

    /// Disables a unit, and says which links went.
    ///
    /// # Errors
    /// [`BusError`]; a unit without a file is none.
    pub fn disable(&self, unit: &str) -> Result<Vec<Link>, BusError> {
        let files = [unit];
        let call = self.proxy.disable_unit_files(&files, false);
        let changes = unless_missing(self.call("DisableUnitFiles", call))?;
        Ok(changes.into_iter().map(Link::from).collect())
    }

    /// Forgets that a unit failed, and how often it was started lately.
    ///
    /// # Errors
    /// [`BusError`]; a unit that systemd has not loaded is none.
    pub fn reset_failed(&self, unit: &str) -> Result<(), BusError> {
        unless_missing(self.call("ResetFailedUnit", self.proxy.reset_failed_unit(unit)))
    }

    /// How a service is now; `load_state` is `not-found` if there is none.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn state(&self, unit: &str) -> Result<UnitState, BusError> {
        let bus = self.proxy.inner().connection();
        self.call("the state of a unit", async {
            let path = self.proxy.load_unit(unit).await?;
            let unit = Properties::get(bus, SYSTEMD, path.as_str(), UNIT).await?;
            let service = Properties::get(bus, SYSTEMD, path.as_str(), SERVICE).await?;
            Ok(UnitState::new(unit, service))
        })
    }

    /// Whether a unit runs or is starting, and is not between two attempts: the
    /// cheap question, for while something else is waited for.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn runs(&self, unit: &str) -> Result<bool, BusError> {
        let bus = self.proxy.inner().connection();
        self.call("the state of a unit", async {
            let path = self.proxy.load_unit(unit).await?;
            let get = |name| Properties::one(bus, SYSTEMD, path.as_str(), UNIT, name);
            let active: String = get("ActiveState").await?;
            let sub: String = get("SubState").await?;
            let up = ["active", "activating", "reloading", "refreshing"];
            Ok(up.contains(&active.as_str()) && !state::is_between(&sub))
        })
    }

    /// Starts a unit and waits until that is over. When `wait` is over already,
    /// nothing is started.
    ///
    /// # Errors
    /// [`BusError`]; a unit without a file is a [`BusError::Call`].
    pub fn start(&self, unit: &str, wait: &Wait) -> Result<JobEnd, BusError> {
        self.job("StartUnit", wait, self.proxy.start_unit(unit, "replace"))
    }

    /// Stops a unit, if it runs, and starts it.
    ///
    /// # Errors
    /// As [`Manager::start`].
    pub fn restart(&self, unit: &str, wait: &Wait) -> Result<JobEnd, BusError> {
        self.job(
            "RestartUnit",
            wait,
            self.proxy.restart_unit(unit, "replace"),
        )
    }

    /// Stops a unit and waits until that is over.
    ///
    /// # Errors
    /// [`BusError`]; a unit that systemd has not loaded is none, and stopped.
    pub fn stop(&self, unit: &str, wait: &Wait) -> Result<JobEnd, BusError> {
        let ended = self.job("StopUnit", wait, self.proxy.stop_unit(unit, "replace"));
        match ended {
            Err(e) if e.is_no_such_unit() => Ok(JobEnd::Done),
            other => other,
        }
    }

    /// Stops a unit, and kills what is left of it after `grace`. With Docker's
    /// `TimeoutSec=0` systemd would wait for ever, and does: RootlessKit 2 does
    /// not end on SIGTERM while it sets up its network.
    ///
    /// # Errors
    /// As [`Manager::stop`].
    pub fn stop_or_kill(
        &self,
        unit: &str,
        grace: Duration,
        wait: &Wait,
    ) -> Result<JobEnd, BusError> {
        let gently = Wait {
            end: wait.end.min(Instant::now() + grace),
            cancelled: wait.cancelled,
        };
        match self.stop(unit, &gently)? {
            JobEnd::Late => {}
            ended => return Ok(ended),
        }
        let kill = self.proxy.kill_unit(unit, "all", SIGKILL);
        match self.call("KillUnit", kill) {
            // There is nobody left to kill.
            Ok(()) | Err(BusError::Call { .. }) => {}
            Err(e) => return Err(e),
        }
        // The same job, if it has not ended meanwhile.
        self.stop(unit, wait)
    }

    fn call<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = zbus::Result<T>>,
    ) -> Result<T, BusError> {
        zbus::block_on(within(method, self.patience, call))
    }

    /// Makes a call that starts a job, and waits for the job's end.
    fn job(
        &self,
        method: &'static str,
        wait: &Wait,
        call: impl Future<Output = zbus::Result<OwnedObjectPath>>,
    ) -> Result<JobEnd, BusError> {
        let work = async {
            // Before the call: the job may end before the call is answered.
            let mut ended = within("AddMatch", self.patience, self.ended_jobs()).await?;
            let job = within(method, self.patience, call).await?;
            result_of(&job, method, &mut ended).await
        };
        Ok(match zbus::block_on(watch(wait, work))? {
            Ended::Done(result) if result == "done" => JobEnd::Done,
            Ended::Done(result) => JobEnd::Failed(result),
            Ended::Late => JobEnd::Late,
            Ended::Cancelled => JobEnd::Cancelled,
        })
    }

    async fn ended_jobs(&self) -> zbus::Result<MessageStream> {
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(SYSTEMD)
            .path(SYSTEMD_PATH)
            .interface(MANAGER)
            .member("JobRemoved")
            .build()?;
        MessageStream::for_match_rule(rule, self.proxy.inner().connection(), Some(QUEUE)).await
    }
}

/// How something that was waited for came out.
pub(super) enum Ended<T> {
    Done(T),
    Late,
    Cancelled,
}

/// Lets `work` run until it is done, it is too late, or the user has had enough.
pub(super) async fn watch<T>(
    wait: &Wait<'_>,
    work: impl Future<Output = Result<T, BusError>>,
) -> Result<Ended<T>, BusError> {
    let runtime = SharedRuntime::current().map_err(|e| BusError::Lost {
        during: "waiting",
        text: e.to_string(),
    })?;
    let mut work = pin!(work);
    loop {
        if (wait.cancelled)() {
            return Ok(Ended::Cancelled);
        }
        let left = wait.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Ended::Late);
        }
        if let Ok(ended) = runtime.timeout(left.min(SLICE), work.as_mut()).await {
            return ended.map(Ended::Done);
        }
    }
}

/// Waits until systemd says how `job` ended, in its word.
async fn result_of(
    job: &OwnedObjectPath,
    during: &'static str,
    ended: &mut MessageStream,
) -> Result<String, BusError> {
    while let Some(message) = next(ended).await {
        let message = message.map_err(|e| sort(during, Duration::ZERO, &e))?;
        let body = message.body();
        // What does not look like systemd's is not from it.
        let Ok((_, path, _, result)) = body.deserialize::<(u32, OwnedObjectPath, &str, &str)>()
        else {
            continue;
        };
        if path == *job {
            return Ok(result.to_owned());
        }
    }
    Err(BusError::Lost {
        during,
        text: "it was closed".to_owned(),
    })
}

async fn next(stream: &mut MessageStream) -> Option<zbus::Result<zbus::Message>> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
}

/// What is not there needs no undoing.
fn unless_missing<T: Default>(answer: Result<T, BusError>) -> Result<T, BusError> {
    match answer {
        Err(e) if e.is_no_such_unit() => Ok(T::default()),
        other => other,
    }
}
