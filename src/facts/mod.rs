//! Facts: what is so on this host, as plain data, without judgement.
//!
//! One file an area; each has pure parsers (`&str` in, data out) and a
//! `collect` that reads through [`Host`]. [`Ground`] comes first: what every
//! area builds on. Then the programs are started, slowest first, and the areas
//! read their files while they run, in threads that are left behind when they
//! hang.

pub mod area;
pub mod daemon_json;
pub mod data_root;
pub mod ground;
pub mod idmap;
pub mod init;
pub mod limits;
pub mod linked;
pub mod listens;
pub mod login_defs;
pub mod mounts;
pub mod os_release;
pub mod people;
pub mod process;
pub mod programs;
pub mod refusal;
pub mod subject;
pub mod sysctl_d;
pub mod tools;
pub mod unit;
pub mod version;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

pub use ground::Ground;
pub use programs::Programs;

use crate::check::catalogue::Catalogue;
use crate::check::predicate::Question;
use crate::fact::{Fact, Why};
use crate::host::Host;

/// Everything the rules judge.
#[derive(Debug)]
pub struct Facts {
    /// What every area builds on.
    pub ground: Ground,
    /// What the programs printed.
    pub programs: Programs,
    /// What the catalogue's predicates ask, by check id.
    pub answers: BTreeMap<String, Fact<String>>,
    /// Area `host`.
    pub host: Fact<area::host::Facts>,
    /// Area `userns`.
    pub userns: Fact<area::userns::Facts>,
    /// Area `subid`.
    pub subid: Fact<area::subid::Facts>,
    /// Area `cgroup`.
    pub cgroup: Fact<area::cgroup::Facts>,
    /// Area `lsm`.
    pub lsm: Fact<area::lsm::Facts>,
    /// Area `session`.
    pub session: Fact<area::session::Facts>,
    /// Area `network`.
    pub network: Fact<area::network::Facts>,
    /// Area `storage`.
    pub storage: Fact<area::storage::Facts>,
    /// Area `docker`.
    pub docker: Fact<area::docker::Facts>,
}

impl Facts {
    /// Collects everything within `deadline`, while `programs` run; what is
    /// late is unreadable.
    pub fn collect(
        host: &Arc<dyn Host>,
        ground: Ground,
        programs: programs::Running,
        catalogue: &Catalogue,
        deadline: Duration,
    ) -> Facts {
        let end = Instant::now() + deadline;
        let ground = Arc::new(ground);
        let mut read = Reader {
            host,
            ground: &ground,
            end,
            jobs: Vec::new(),
        };
        // Two threads: what lies in the home or behind a bus, and the rest. One
        // that hangs costs its own checks and those behind it, no others.
        let (h, st, d, s) = (
            read.prepare(area::host::collect),
            read.prepare(area::storage::collect),
            read.prepare(area::docker::collect),
            read.prepare(area::session::collect),
        );
        read.go();
        let (i, u, c, l, n) = (
            read.prepare(area::subid::collect),
            read.prepare(area::userns::collect),
            read.prepare(area::cgroup::collect),
            read.prepare(area::lsm::collect),
            read.prepare(area::network::collect),
        );
        read.go();
        Facts {
            answers: answers(&**host, &ground, catalogue),
            host: h.wait(),
            userns: u.wait(),
            subid: i.wait(),
            cgroup: c.wait(),
            lsm: l.wait(),
            session: s.wait(),
            network: n.wait(),
            storage: st.wait(),
            docker: d.wait(),
            programs: programs.finish(end),
            ground: Arc::unwrap_or_clone(ground),
        }
    }
}

impl Facts {
    /// The area `subid` alone, for one more user of a host that was examined.
    pub fn of_ids(host: &dyn Host, ground: Ground) -> Facts {
        fn off<T>() -> Fact<T> {
            Fact::Unreadable(Why::off(NOT_AGAIN))
        }
        let context = Context {
            host,
            ground: &ground,
        };
        Facts {
            subid: Fact::Known(area::subid::collect(context)),
            programs: Programs::off(NOT_AGAIN),
            answers: BTreeMap::new(),
            host: off(),
            userns: off(),
            cgroup: off(),
            lsm: off(),
            session: off(),
            network: off(),
            storage: off(),
            docker: off(),
            ground,
        }
    }
}

/// Why an area was not read.
const NOT_AGAIN: &str = "it was asked for the first user only";

/// Asks what the catalogue's predicates want to know.
fn answers(
    host: &dyn Host,
    ground: &Ground,
    catalogue: &Catalogue,
) -> BTreeMap<String, Fact<String>> {
    let asked = catalogue
        .iter()
        .filter_map(|c| Some((c, c.predicate.as_ref()?.question())));
    let answer = |question| match question {
        Question::Text(path) => host.read(Path::new(&path)),
        Question::Path(path) => host.stat(Path::new(&path)).map(|_| path),
        Question::Command(name) => command(host, ground, &name),
        Question::Nothing => Fact::Absent,
    };
    asked
        .map(|(check, question)| (check.id.clone(), answer(question)))
        .collect()
}

/// A command by the PATH of the unit.
fn command(host: &dyn Host, ground: &Ground, name: &str) -> Fact<String> {
    let path = tools::search_path(&ground.unit_path);
    let mut paths = path.dirs.into_iter().map(|dir| dir.join(name));
    let runs = |path: &PathBuf| host.stat(path).known().is_some_and(|s| s.mode & 0o111 != 0);
    match (paths.find(runs), path.beyond) {
        (Some(found), _) => Fact::Known(found.to_string_lossy().into_owned()),
        (None, Some(dir)) => Fact::unreadable(format!("{}: {}", dir.display(), tools::LONG_PATH)),
        (None, None) => Fact::Absent,
    }
}

/// What a collector works with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The machine.
    pub host: &'a dyn Host,
    /// What every area builds on.
    pub ground: &'a Ground,
}

struct Reader<'a> {
    host: &'a Arc<dyn Host>,
    ground: &'a Arc<Ground>,
    end: Instant,
    jobs: Vec<Job>,
}

/// An area's reading, and where its answer goes.
type Job = Box<dyn FnOnce() + Send>;

impl Reader<'_> {
    fn prepare<T: Send + 'static>(&mut self, collect: fn(Context<'_>) -> T) -> Pending<T> {
        let (host, ground) = (Arc::clone(self.host), Arc::clone(self.ground));
        let (sender, answer) = channel();
        self.jobs.push(Box::new(move || {
            let context = Context {
                host: &*host,
                ground: &ground,
            };
            // Nobody listens any more once the deadline has passed: that is fine.
            drop(sender.send(collect(context)));
        }));
        Pending {
            answer,
            end: self.end,
        }
    }

    /// Starts what was prepared, in one thread; a collector that crashes ends alone.
    fn go(&mut self) {
        let jobs = std::mem::take(&mut self.jobs);
        crate::thread::detached(move || {
            crate::host::give_way();
            for job in jobs {
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
        });
    }
}

/// An answer that is being worked out.
pub struct Pending<T> {
    answer: Receiver<T>,
    end: Instant,
}

/// Works something out in a thread that can be left behind when it hangs.
pub fn background<T: Send + 'static>(
    end: Instant,
    work: impl FnOnce() -> T + Send + 'static,
) -> Pending<T> {
    let (sender, answer) = channel();
    // Nobody listens any more once the deadline has passed: that is fine.
    crate::thread::detached(move || drop(sender.send(work())));
    Pending { answer, end }
}

impl<T> Pending<T> {
    /// Waits until the end; an answer that is late or lost is unreadable.
    pub fn wait(self) -> Fact<T> {
        use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
        match self
            .answer
            .recv_timeout(self.end.saturating_duration_since(Instant::now()))
        {
            Ok(value) => Fact::Known(value),
            Err(Timeout) => Fact::unreadable("no answer before the deadline"),
            Err(Disconnected) => {
                Fact::unreadable("the collector crashed; this is a bug in rootless-setup")
            }
        }
    }
}
