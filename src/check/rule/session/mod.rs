//! Rules of the area `session`.

mod bus;
mod manager;
mod runtime;

use super::Rule;

pub use manager::is_wsl;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[
    ("session.systemd", manager::systemd),
    ("session.user-manager", manager::user_manager),
    ("session.login", manager::login),
    ("session.runtime-dir-env", runtime::env),
    ("session.runtime-dir-stale", runtime::stale),
    ("session.runtime-dir", runtime::dir),
    ("session.runtime-dir-mode", runtime::mode),
    ("session.runtime-dir-place", runtime::place),
    ("session.run-user-full", runtime::full),
    ("session.run-user-space", runtime::space),
    ("session.user-bus", bus::user_bus),
    ("session.dbus-socket", bus::dbus_socket),
    ("session.bus-address", bus::address),
    ("session.linger", manager::linger),
    ("session.kill-user-processes", manager::kill_user_processes),
];

#[cfg(test)]
mod tests {
    use crate::host::{Kind, Node};
    use crate::testing::TestHost;

    /// A host that systemd booted.
    pub fn booted() -> TestHost {
        TestHost::new().node("/run/systemd/system", owned(0, "755"))
    }

    /// A directory.
    pub fn owned(uid: u32, mode: &str) -> Node {
        Node {
            kind: Some(Kind::Dir),
            uid,
            mode: Some(mode.into()),
            ..Node::default()
        }
    }

    /// A socket; `errno` of connect(2), 0 for accepted.
    pub fn connectable(errno: i32) -> Node {
        Node {
            kind: Some(Kind::Socket),
            connect: Some(errno),
            ..Node::default()
        }
    }
}
