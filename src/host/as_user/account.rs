//! Becoming another user, for good.

use std::io;
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use procfs::process::all_processes;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use serde::{Deserialize, Serialize};

/// Whose rights a process takes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// User id; never root's.
    pub uid: u32,
    /// Primary group by passwd(5): newuidmap refuses any other.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// How many processes and threads the user may have: the kernel counts them
    /// for the whole account. None: as many as root.
    pub tasks: Option<u64>,
}

/// The limits of what runs as somebody else: resource, and the most it may be.
///
/// Address space has none: Go's runtime reserves more than it uses.
/// A scheduling class that root's shell has is handed down: a process in it may run
/// for a second before it sleeps. (Its unit is a microsecond; that of a nice value
/// is 20 for 0.)
const LIMITS: [(Resource, u64); 7] = [
    (Resource::Core, 0),
    (Resource::Data, 2 << 30),
    (Resource::Fsize, 64 << 20),
    (Resource::Nofile, 4096),
    (Resource::Nice, 20),
    (Resource::Rtprio, 0),
    (Resource::Rttime, 1_000_000),
];

/// How many processes and threads may come of one program: the probe has thirty.
const MOST_TASKS: u64 = 256;

/// How long it may take to count those that the user has already.
const COUNTING: Duration = Duration::from_millis(300);

impl Account {
    /// An account with a limit for what is started as this user, over what runs
    /// already; none where that is too much to count.
    pub fn new(uid: u32, gid: u32, groups: Vec<u32>) -> Account {
        Account {
            uid,
            gid,
            groups,
            tasks: tasks_of(uid).map(|now| now + MOST_TASKS),
        }
    }

    /// Gives up every right of root's, and its keys. The process cannot be traced by the
    /// user afterwards: what it answers is its own.
    ///
    /// # Errors
    /// The system's; the process must end then. Root is nobody to become.
    pub fn become_it(&self) -> io::Result<()> {
        // To the kernel the largest number means "leave it as it is".
        if self.uid == 0 || [self.uid, self.gid].contains(&u32::MAX) {
            return Err(io::Error::other("that is no account to become"));
        }
        LIMITS
            .iter()
            .try_for_each(|(what, most)| limit(*what, *most))?;
        self.tasks
            .map_or(Ok(()), |most| limit(Resource::Nproc, most))?;
        // The first to go when memory runs out. Without /proc it is one of many.
        let _ = write_oom_score();
        if rustix::process::getpriority_process(None)? < 0 {
            rustix::process::setpriority_process(None, 0)?;
        }
        // The new session keyring is empty. A kernel without keys has none to give away.
        let _ = keyutils::Keyring::join_anonymous_session();
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        setgroups(&groups)?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        // What cannot be undone has to be so.
        match setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)) {
            Ok(()) => Err(io::Error::other("root's rights could not be given up")),
            Err(_) => Ok(()),
        }
    }
}

/// How many processes and threads a user has.
fn tasks_of(uid: u32) -> Option<u64> {
    let end = Instant::now() + COUNTING;
    let mut tasks = 0;
    for process in all_processes().ok()?.flatten() {
        if Instant::now() > end {
            return None;
        }
        if process.uid().is_ok_and(|owner| owner == uid) {
            let threads = process.stat().map_or(1, |stat| stat.num_threads);
            tasks += u64::try_from(threads).unwrap_or(1);
        }
    }
    Some(tasks)
}

/// Lowers a limit; one that is lower stays.
fn limit(what: Resource, most: u64) -> io::Result<()> {
    let now = rustix::process::getrlimit(what);
    let lower = |had: Option<u64>| Some(had.map_or(most, |had| had.min(most)));
    let new = Rlimit {
        current: lower(now.current),
        maximum: lower(now.maximum),
    };
    Ok(rustix::process::setrlimit(what, new)?)
}

#[expect(clippy::disallowed_methods, reason = "a setting of this process alone")]
fn write_oom_score() -> io::Result<()> {
    std::fs::write("/proc/self/oom_score_adj", "1000")
}
