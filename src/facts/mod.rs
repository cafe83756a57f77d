//! Facts: what is so on this host, as plain data, without judgement.
//!
//! One file an area; each has pure parsers (`&str` in, data out) and a
//! `collect` that reads through [`Host`]. [`Ground`] comes first: what every
//! area builds on. Then the programs are started, slowest first, and every
//! area reads its files while they run. Each area has a thread of its own, so
//! that one that hangs costs its own checks and no others.

pub mod area;
pub mod ground;
pub mod idmap;
pub mod login_defs;
pub mod mounts;
pub mod os_release;
pub mod programs;
pub mod refusal;
pub mod subject;
pub mod sysctl_d;
pub mod tools;
pub mod unit;
pub mod version;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

pub use ground::Ground;
pub use programs::Programs;

use crate::fact::Fact;
use crate::host::Host;

/// Everything the rules judge.
#[derive(Debug)]
pub struct Facts {
    /// What every area builds on.
    pub ground: Ground,
    /// What the programs printed.
    pub programs: Programs,
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
    /// Collects everything within `deadline`; what is late is unreadable.
    pub fn collect(host: &Arc<dyn Host>, ground: Ground, deadline: Duration) -> Facts {
        let end = Instant::now() + deadline;
        let ground = Arc::new(ground);
        // The slowest first: everything else is read while they run.
        let programs = programs::Running::start(host, &ground);
        let read = Reader {
            host,
            ground: &ground,
            end,
        };
        let (h, u, i, c, l, s, n, st, d) = (
            read.start(area::host::collect),
            read.start(area::userns::collect),
            read.start(area::subid::collect),
            read.start(area::cgroup::collect),
            read.start(area::lsm::collect),
            read.start(area::session::collect),
            read.start(area::network::collect),
            read.start(area::storage::collect),
            read.start(area::docker::collect),
        );
        Facts {
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
}

impl Reader<'_> {
    fn start<T: Send + 'static>(&self, collect: fn(Context<'_>) -> T) -> Pending<T> {
        let (host, ground) = (Arc::clone(self.host), Arc::clone(self.ground));
        background(self.end, move || {
            collect(Context {
                host: &*host,
                ground: &ground,
            })
        })
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
    std::thread::spawn(move || drop(sender.send(work())));
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
