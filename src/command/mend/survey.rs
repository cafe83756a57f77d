//! Examining a host for one user, or for many of whom each file is read once.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::check::catalogue::Catalogue;
use crate::check::engine::{self, Status};
use crate::command::catalogue;
use crate::command::examine::{self, examine};
use crate::error::Error;
use crate::facts::subject::Subject;
use crate::facts::{Facts, Ground};
use crate::host::{Host, Live, Recorded, Recorder};
use crate::report::{CheckResult, Report};
use crate::ui;

/// How long an examination may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Examines the host, for a user if one is named.
///
/// # Errors
/// When there is no such user.
pub fn report(user: Option<&str>) -> Result<Report, Error> {
    let (host, subject) = examine::live(user, true, DEADLINE)?;
    ui::with_progress("Examining this host ...", || {
        examine(&host, subject, "live", DEADLINE)
    })
}

/// A host that was examined for one user, to be asked about others: each file
/// is read once for all of them.
pub struct Survey {
    /// What was found for the first of them.
    pub report: Report,
    host: Recorded,
    first: Subject,
    ground: OnceCell<Ground>,
    ids: Catalogue,
    /// What was found for others, by name: planning and the end ask alike.
    others: RefCell<BTreeMap<String, Vec<CheckResult>>>,
}

impl Survey {
    /// Examines the host for the first user: as far as files tell, where that
    /// settles the checks of `only`, else whole.
    ///
    /// # Errors
    /// When the built-in catalogue contradicts itself.
    pub fn of(first: &Subject, only: &[String]) -> Result<Survey, Error> {
        let ids = catalogue()?.area("subid");
        if !only.is_empty() && only.iter().all(|id| ids.get(id).is_some()) {
            let survey = Survey::of_files(first, ids.clone());
            let open =
                |check: &&CheckResult| only.contains(&check.id) && check.status == Status::Unknown;
            if !survey.report.checks.iter().any(|check| open(&check)) {
                return Ok(survey);
            }
        }
        Survey::whole(first, ids)
    }

    /// Everything is examined.
    fn whole(first: &Subject, ids: Catalogue) -> Result<Survey, Error> {
        let recorder = recorder(first, true);
        let host: Arc<dyn Host> = Arc::clone(&recorder) as Arc<dyn Host>;
        let report = ui::with_progress("Examining this host ...", || {
            examine(&host, Some(first.clone()), "live", DEADLINE)
        })?;
        Ok(Survey {
            report,
            host: Recorded::new(recorder.bundle()),
            first: first.clone(),
            ground: OnceCell::new(),
            ids,
            others: RefCell::default(),
        })
    }

    /// Subordinate ids are a matter of files, but where a name service has them.
    fn of_files(first: &Subject, ids: Catalogue) -> Survey {
        let recorder = recorder(first, false);
        let ground = Ground::collect(&*recorder, Some(first.clone()));
        let report = of_ids(&*recorder, &ids, ground.clone());
        Survey {
            report,
            host: Recorded::new(recorder.bundle()),
            first: first.clone(),
            ground: OnceCell::from(ground),
            ids,
            others: RefCell::default(),
        }
    }

    /// The checks of subordinate ids for one more user.
    pub fn ids_of(&self, user: &Subject) -> Vec<CheckResult> {
        let mut others = self.others.borrow_mut();
        let found = others.entry(user.name.clone());
        found.or_insert_with(|| self.examined(user)).clone()
    }

    fn examined(&self, user: &Subject) -> Vec<CheckResult> {
        let first = || Ground::collect(&self.host, Some(self.first.clone()));
        let ground = Ground {
            subject: Some(user.clone()),
            ..self.ground.get_or_init(first).clone()
        };
        of_ids(&self.host, &self.ids, ground).checks
    }
}

fn recorder(user: &Subject, programs: bool) -> Arc<Recorder> {
    let own = Live::new(programs, DEADLINE).bounded();
    let live = examine::seen_by(user, own, programs, DEADLINE);
    Arc::new(Recorder::new(live, Some(user.name.clone())))
}

/// What the checks of subordinate ids say.
fn of_ids(host: &dyn Host, ids: &Catalogue, ground: Ground) -> Report {
    let facts = Facts::of_ids(host, ground);
    let checked = engine::run(ids, &facts);
    Report::new(&facts.ground, &checked, "live", 0)
}
