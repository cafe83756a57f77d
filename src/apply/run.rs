//! Carries a plan out. Before each step the way back is in the journal; when a
//! step fails, or Ctrl-C comes, everything of this run is taken back.

#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::Scope;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::bring_up::{Call, Up, bring_up, start, why};
use super::failure::Failure;
use super::file;
use super::journal::{Journal, JournalError};
use super::login::{self, LingerError};
use super::manager::{BusError, Manager, Wait};
use super::revert::{self, Reverted};
use super::{change, interrupt, ready};
use crate::plan::step::{Plan, Step, UNIT};
use crate::plan::undo::Undo;
use crate::thread::{self, Scoped};

/// Where the changes are made.
#[derive(Clone, Debug)]
pub struct World {
    /// Root's own: units are the system's, not a user's, and root's rules hold.
    pub system: bool,
    /// Where the system's files are: `/`, but in a test.
    pub root: std::path::PathBuf,
    /// `/run/user/UID`: where the user's bus is.
    pub runtime_dir: std::path::PathBuf,
    /// Where the daemon listens.
    pub socket: std::path::PathBuf,
    /// How long the daemon may take.
    pub patience: Duration,
    /// How long it has to end before it is killed.
    pub grace: Duration,
}

impl World {
    /// A path of the system, as it is below `/`.
    pub fn system_path(&self, path: &Path) -> Option<std::path::PathBuf> {
        let rest = path.strip_prefix(&self.root).ok()?;
        Some(Path::new("/").join(rest))
    }
}

#[cfg(test)]
impl World {
    /// Where nothing is, and nobody is waited for.
    pub(crate) fn nowhere() -> World {
        World {
            system: false,
            root: "/".into(),
            runtime_dir: "/nowhere".into(),
            socket: "/nowhere/docker.sock".into(),
            patience: Duration::from_secs(1),
            grace: Duration::from_secs(1),
        }
    }
}

/// Why a step failed.
#[derive(Debug, Error)]
pub enum StepError {
    /// A file or directory.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: String,
        /// The system's words.
        why: String,
    },
    /// Somebody changed a file after the plan was made.
    #[error("{0} was changed by somebody else meanwhile; run the same command again")]
    Meanwhile(String),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The user's manager.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// logind.
    #[error(transparent)]
    Linger(#[from] LingerError),
    /// The daemon does not come up.
    #[error("the daemon {}", daemons_fault(*late))]
    Daemon {
        /// It had this long, and was not heard of; none where it ended.
        late: Option<Duration>,
        /// What systemd and the daemon say.
        failure: Box<Failure>,
    },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

/// A run that did not reach its end, and what became of its steps.
#[derive(Debug)]
pub struct Failed {
    /// What went wrong.
    pub error: StepError,
    /// How taking everything back went.
    pub reverted: Reverted,
}

/// How a run went that reached its end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// From the start of the unit until the daemon answered.
    pub daemon: Duration,
    /// logind leaves lingering to an administrator.
    pub linger_refused: bool,
}

/// Does every step. `tell` is called with each before it is done. While the
/// daemon comes up, the steps after its start are done. The caller is
/// [`interrupt::busy`] for as long as the journal is open.
///
/// # Errors
/// [`Failed`]: the steps of this run have been taken back then, as far as told.
pub fn run(
    plan: &Plan,
    world: &World,
    journal: &mut Journal,
    tell: &dyn Fn(&Step),
) -> Result<Done, Failed> {
    let mark = journal.mark();
    let given_up = AtomicBool::new(false);
    let done = std::thread::scope(|scope| {
        let mut run = Run {
            world,
            journal: &mut *journal,
            manager: None,
            scope,
            given_up: &given_up,
            daemon: None,
            linger_refused: false,
        };
        let steps = run.steps(plan, tell);
        // Nobody waits for a daemon that is to be stopped again.
        given_up.store(steps.is_err(), SeqCst);
        let daemon = run.daemon.map(|thread| thread.join());
        let linger_refused = run.linger_refused;
        let daemon = steps.and(match daemon {
            None => Ok(Duration::ZERO),
            Some(Ok(answer)) => answer,
            Some(Err(bug)) => std::panic::resume_unwind(bug),
        });
        daemon.map(|daemon| Done {
            daemon,
            linger_refused,
        })
    });
    done.map_err(|error| Failed {
        error,
        reverted: revert::since(journal, mark, world),
    })
}

struct Run<'a, 'scope> {
    world: &'scope World,
    journal: &'a mut Journal,
    manager: Option<Arc<Manager>>,
    scope: &'scope Scope<'scope, 'a>,
    given_up: &'scope AtomicBool,
    daemon: Option<Scoped<'scope, Result<Duration, StepError>>>,
    linger_refused: bool,
}

impl<'scope> Run<'_, 'scope> {
    fn steps(&mut self, plan: &Plan, tell: &dyn Fn(&Step)) -> Result<(), StepError> {
        // Directories in a row share one entry in the journal's file on the disk.
        let both_dirs = |a: &Step, b: &Step| a.is_make_dir() && b.is_make_dir();
        for steps in plan.steps.chunk_by(both_dirs) {
            if interrupt::asked() {
                return Err(StepError::Interrupted);
            }
            let dirs = steps.iter().filter(|step| step.is_make_dir());
            let paths = dirs.filter_map(Step::path).map(Path::to_path_buf);
            self.journal
                .before_all(paths.map(|path| Undo::RemoveDir { path }).collect())?;
            for step in steps {
                tell(step);
                self.step(step)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), StepError> {
        match step {
            Step::MakeDir { path, mode } => {
                file::make_dir(path, *mode).map_err(|e| failed(path, &e))
            }
            Step::Change(change) => change::make(change, &change.path, self.journal),
            Step::Enable { link, dir_mode } => self.enable(link, *dir_mode),
            Step::Reload => Ok(self.manager()?.reload()?),
            Step::Start => self.start(),
            Step::Restart => self.restart(),
            Step::Linger { uid } => self.linger(*uid),
        }
    }

    fn enable(&mut self, link: &Path, dir_mode: Option<u32>) -> Result<(), StepError> {
        self.journal.before(Undo::Disable {
            unit: UNIT.into(),
            link: link.into(),
            dir_mode,
        })?;
        self.manager()?.enable(UNIT)?;
        Ok(())
    }

    fn start(&mut self) -> Result<(), StepError> {
        self.journal.before(Undo::Stop { unit: UNIT.into() })?;
        self.bring_up(start)
    }

    fn restart(&mut self) -> Result<(), StepError> {
        self.journal.before(Undo::Restart { unit: UNIT.into() })?;
        self.bring_up(Manager::restart)
    }

    /// Starts the daemon, and has a thread wait for it.
    fn bring_up(&mut self, call: Call) -> Result<(), StepError> {
        let (manager, world, given_up) = (self.manager()?, self.world, self.given_up);
        let wait = move || {
            let cancelled = || interrupt::asked() || given_up.load(SeqCst);
            daemon(&manager, world, call, &cancelled)
        };
        self.daemon = Some(thread::scoped(self.scope, wait));
        Ok(())
    }

    /// An administrator's word is no reason to take the rest back.
    fn linger(&mut self, uid: u32) -> Result<(), StepError> {
        let id = self.journal.mark();
        self.journal.before(Undo::Linger { uid })?;
        match login::set_linger(uid, true, false, &interrupt::asked) {
            Err(LingerError::Refused(_)) => {
                self.linger_refused = true;
                Ok(self.journal.undone(id)?)
            }
            Err(LingerError::Cancelled) => Err(StepError::Interrupted),
            other => Ok(other?),
        }
    }

    /// The connection, made when it is first needed.
    fn manager(&mut self) -> Result<Arc<Manager>, StepError> {
        if let Some(manager) = &self.manager {
            return Ok(Arc::clone(manager));
        }
        let manager = Manager::connect(&self.world.runtime_dir, self.world.patience)?;
        Ok(Arc::clone(self.manager.insert(Arc::new(manager))))
    }
}

/// Waits for systemd's job, then for the daemon's own answer.
fn daemon(
    manager: &Manager,
    world: &World,
    call: Call,
    cancelled: &dyn Fn() -> bool,
) -> Result<Duration, StepError> {
    let started = Instant::now();
    let wait = Wait {
        end: started + world.patience,
        cancelled,
    };
    let up = bring_up(manager, UNIT, call, &wait)?;
    // A bus that is slow for a moment does not mean that the unit ended.
    let runs = || manager.runs(UNIT).unwrap_or(true);
    let answers = || ready::wait_while(&world.socket, wait.end, cancelled, &runs).is_ok();
    match up {
        Up::Done if answers() => Ok(started.elapsed()),
        _ if cancelled() => Err(StepError::Interrupted),
        up => {
            let late = (Instant::now() >= wait.end).then_some(world.patience);
            let failure = Box::new(match up {
                Up::Failed(failure) => failure,
                Up::Done | Up::Waiting => why(manager, UNIT)?,
            });
            Err(StepError::Daemon { late, failure })
        }
    }
}

fn daemons_fault(late: Option<Duration>) -> String {
    match late {
        Some(patience) => format!(
            "gave no answer within {} s (--timeout allows it more)",
            patience.as_secs()
        ),
        None => "does not start".to_owned(),
    }
}

/// What the system said of a path.
pub(super) fn failed(path: &Path, error: &io::Error) -> StepError {
    StepError::File {
        path: path.display().to_string(),
        why: error.to_string(),
    }
}
