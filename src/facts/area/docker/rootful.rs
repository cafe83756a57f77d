//! The machine's own Docker, which root runs. Its socket is only connected to
//! where that cannot start it: systemd starts it on the first connection.

use std::path::{Path, PathBuf};

use crate::fact::Fact;
use crate::facts::limits::Allowance;
use crate::facts::unit::{self, UnitFile};
use crate::host::{Host, SystemBus, Unit};

/// Where a rootful dockerd listens.
const SOCKETS: [&str; 2] = ["/var/run/docker.sock", "/run/docker.sock"];

/// The machine's own Docker.
#[derive(Debug)]
pub struct Rootful {
    /// The system's `docker.service`.
    pub unit: Fact<Unit>,
    /// The socket, if there is one.
    pub socket: Fact<Socket>,
    /// The process that `/run/docker.pid` names.
    pub comm: Fact<String>,
    /// `docker.service` and its drop-ins below `/etc/systemd/system`.
    pub files: Vec<UnitFile>,
}

/// A rootful Docker's socket.
#[derive(Clone, Debug)]
pub struct Socket {
    /// Where it is.
    pub path: PathBuf,
    /// The user under examination may connect.
    pub writable: Fact<bool>,
    /// Somebody listens; `Absent` where it was not tried.
    pub answers: Fact<bool>,
}

/// Reads it.
pub fn collect(host: &dyn Host, bus: &Fact<SystemBus>) -> Rootful {
    let unit = bus.clone().and_then(|bus| bus.docker);
    let pid = host.read_up_to(Path::new("/run/docker.pid"), 64);
    let pid = pid.and_then(|text| super::state::parse_pid(&text).into());
    Rootful {
        socket: socket(host, &unit),
        comm: super::state::comm(host, &pid),
        files: files(host),
        unit,
    }
}

fn socket(host: &dyn Host, unit: &Fact<Unit>) -> Fact<Socket> {
    let mut doubt = Fact::Absent;
    for path in SOCKETS.map(Path::new) {
        match host.stat(path) {
            Fact::Known(_) => {
                return Fact::Known(Socket {
                    path: path.into(),
                    writable: host.writable(path),
                    answers: answers(host, path, unit),
                });
            }
            Fact::Absent => {}
            Fact::Unreadable(why) => doubt = Fact::Unreadable(why),
        }
    }
    doubt
}

/// Only where no docker.service could be started by it.
fn answers(host: &dyn Host, path: &Path, unit: &Fact<Unit>) -> Fact<bool> {
    let harmless = match unit {
        Fact::Known(unit) => !unit.is_installed(),
        Fact::Absent => true,
        Fact::Unreadable(_) => false,
    };
    if !harmless {
        return Fact::Absent;
    }
    match host.connect(path) {
        Fact::Known(()) => Fact::Known(true),
        Fact::Unreadable(why) if why.errno == Some(111) => Fact::Known(false),
        Fact::Unreadable(why) => Fact::Unreadable(why),
        Fact::Absent => Fact::Absent,
    }
}

fn files(host: &dyn Host) -> Vec<UnitFile> {
    let unit = PathBuf::from("/etc/systemd/system/docker.service");
    let dir = Path::new("/etc/systemd/system/docker.service.d");
    let drop_ins = host.list(dir).into_known().unwrap_or_default();
    let drop_ins = drop_ins.into_iter().filter(|name| name.ends_with(".conf"));
    let paths = std::iter::once(unit).chain(drop_ins.map(|name| dir.join(name)));
    let mut left = Allowance::default();
    let read = |path: PathBuf| Some(unit::parse(&path, &left.read(host, &path).into_known()?));
    paths.filter_map(read).collect()
}
