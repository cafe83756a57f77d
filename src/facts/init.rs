//! What runs as process 1, as far as rootless Docker minds.

use std::path::Path;

use crate::fact::Fact;
use crate::host::Host;

/// The init system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Init {
    /// systemd booted this host, or this container.
    Systemd,
    /// Something else, by its command name (`init`, `runit`, `sh`); it may be empty.
    Other(String),
}

/// Finds it out the way sd_booted(3) and dockerd do: by `/run/systemd/system`.
pub fn collect(host: &dyn Host) -> Fact<Init> {
    match host.stat(Path::new("/run/systemd/system")) {
        Fact::Known(_) => Fact::Known(Init::Systemd),
        Fact::Absent => {
            let name = host.read(Path::new("/proc/1/comm")).into_known();
            Fact::Known(Init::Other(name.unwrap_or_default().trim().to_owned()))
        }
        Fact::Unreadable(why) => Fact::Unreadable(why),
    }
}
