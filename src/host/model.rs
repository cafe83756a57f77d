//! The answers a host gives, as plain data: the same types for a live and a recorded one.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fact::Fact;

/// Who is asking: the ids of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective group id; `newgrp` changes it, and newuidmap minds.
    pub egid: u32,
    /// Supplementary groups.
    #[serde(default)]
    pub groups: Vec<u32>,
}

/// What kind of thing a path names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A regular file.
    #[default]
    File,
    /// A directory.
    Dir,
    /// A symbolic link (only seen where links are not followed).
    Link,
    /// A socket.
    Socket,
    /// A character device.
    CharDevice,
    /// Anything else (block device, pipe).
    Other,
}

/// The part of stat(2) that checks look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// What it is, links followed.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky (`mode & 0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Major and minor number of a device node.
    pub device: Option<(u32, u32)>,
    /// Inode number, to find the file in `/proc/locks`.
    pub inode: u64,
}

impl Stat {
    /// Permission to `want` (4 read, 2 write, 1 execute) for a user, by the mode bits alone.
    pub fn allows(&self, uid: u32, gids: &[u32], want: u32) -> bool {
        let shift = match () {
            () if uid == 0 => return true,
            () if uid == self.uid => 6,
            () if gids.contains(&self.gid) => 3,
            () => 0,
        };
        (self.mode >> shift) & want == want
    }
}

/// What statfs(2) says of the file system under a path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileSystem {
    /// `f_type`: the magic number, see `<linux/magic.h>`.
    pub magic: u64,
    /// Mount flags as `ST_*` bits.
    pub flags: u64,
    /// Total size in bytes.
    pub size: u64,
    /// Bytes an ordinary user may still take.
    pub available: u64,
    /// Total inodes; 0 where the file system has no such limit.
    pub inodes: u64,
    /// Inodes an ordinary user may still take.
    pub inodes_available: u64,
}

impl FileSystem {
    /// setuid bits and file capabilities are ignored here (`ST_NOSUID`).
    pub fn nosuid(&self) -> bool {
        self.flags & 2 != 0
    }
    /// Nothing can be executed from here (`ST_NOEXEC`).
    pub fn noexec(&self) -> bool {
        self.flags & 8 != 0
    }
    /// Nothing can be written here (`ST_RDONLY`).
    pub fn read_only(&self) -> bool {
        self.flags & 1 != 0
    }
}

/// A program the tool runs to learn something. Each is run at most once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Program {
    /// Name under which its output is recorded, for example `dockerd --version`.
    pub key: Cow<'static, str>,
    /// Absolute path of the executable.
    pub path: String,
    /// Arguments.
    pub args: Vec<String>,
    /// Variables set on top of the minimal environment.
    pub env: Vec<(String, String)>,
    /// How long it may take.
    pub deadline: Duration,
    /// Done when it has printed a whole line that begins so (any, if this is
    /// empty): nothing later is of interest, nor how it ends.
    pub enough: Option<Cow<'static, str>>,
    /// It gets a `TMPDIR` of its own, which is removed however it ends.
    pub own_tmp: bool,
}

/// What a program did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Output {
    /// Exit status; none when a signal ended it or a line of it was enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Standard output, at most 64 KiB.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// Standard error, at most 64 KiB.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stderr: String,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// What the user's systemd manager says over the user bus.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserManager {
    /// `Version`, for example `252.39-1~deb12u2` (not SemVer).
    pub version: String,
    /// `ControlGroup`, for example `/user.slice/user-1000.slice/user@1000.service`.
    pub control_group: String,
    /// `Environment`: what units inherit, as `NAME=value`.
    pub environment: Vec<String>,
    /// `docker.service` of the user.
    pub docker: Unit,
    /// `dbus.socket` of the user; the unit requires it since Engine 27.1.
    pub dbus_socket: Unit,
}

/// State of one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unit {
    /// `loaded`, `not-found`, `bad-setting`, `masked`, `error`.
    pub load_state: String,
    /// `active`, `inactive`, `failed`, `activating`, …
    pub active_state: String,
    /// `running`, `dead`, `auto-restart`, …
    pub sub_state: String,
    /// `enabled`, `disabled`, … or empty.
    pub unit_file_state: String,
    /// File the unit was loaded from.
    pub fragment_path: String,
    /// Drop-ins that apply.
    pub drop_in_paths: Vec<String>,
    /// The files on disk changed since the manager read them.
    pub need_daemon_reload: bool,
    /// `success`, `exit-code`, `start-limit-hit`, … of a service.
    pub result: String,
    /// Restarts so far.
    pub restarts: u32,
    /// Main process id, 0 for none.
    pub main_pid: u32,
}

impl Unit {
    /// The manager knows a file for this unit.
    pub fn is_installed(&self) -> bool {
        !self.load_state.is_empty() && self.load_state != "not-found"
    }
}

/// What the system bus tells about this user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SystemBus {
    /// systemd's own `Version`.
    pub version: Fact<String>,
    /// `user@UID.service`: the manager that runs the user's units.
    pub user_service: Fact<Unit>,
    /// The rootful `docker.service`.
    pub docker: Fact<Unit>,
    /// What logind says; `Absent` when the user neither is logged in nor lingers.
    pub login: Fact<LoginUser>,
    /// logind's `KillUserProcesses`.
    pub kill_user_processes: Fact<bool>,
}

/// A user as logind sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoginUser {
    /// The user manager starts at boot and outlives the last session.
    pub linger: bool,
    /// `active`, `online`, `lingering`, `closing`, …
    pub state: String,
    /// Ids of the user's sessions.
    pub sessions: Vec<String>,
    /// `/run/user/UID`.
    pub runtime_path: String,
}
