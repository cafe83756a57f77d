//! What this program does inside the namespaces that RootlessKit makes.
//!
//! `rootlesskit rootless-setup __inside` is `rootlesskit true` that also looks
//! around: it creates the other namespaces a container needs, mounts an
//! overlay, lists the packet filter's table, and asks RootlessKit's API for
//! its version, so that rootlesskit is started once for all of it. Everything
//! happens in namespaces that end with this process; nothing on the disk is
//! touched: the scratch directories lie on a tmpfs that only it sees.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde::{Deserialize, Serialize};

/// The hidden argument that starts the probe.
pub const INSIDE: &str = "__inside";

/// How long RootlessKit's API socket may take to appear after we started: it is
/// there at once, but on a busy machine that can be half a second.
const API_PATIENCE: Duration = Duration::from_secs(2);

/// How the line begins that [`run`] prints.
pub const RECORD: &str = "{\"rootless_setup_probe\"";

/// What was seen inside; one line of JSON on standard output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inside {
    /// Form of this record; also what tells our line from other output.
    pub rootless_setup_probe: u32,
    /// `/proc/self/uid_map` inside.
    pub uid_map: String,
    /// `/proc/self/gid_map` inside.
    pub gid_map: String,
    /// Creating each further namespace: errno, 0 for success.
    pub namespaces: Vec<Step>,
    /// Mounting tmpfs and overlay: errno, 0 for success.
    pub mounts: Vec<Step>,
    /// Listing the nat table; none if iptables is not on the PATH given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iptables: Option<PacketFilter>,
    /// RootlessKit's version by its own API; empty if it has none.
    pub rootlesskit_version: String,
}

/// One system call that was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What was tried: `net`, `ipc`, `uts`, `cgroup`, `pid`, `tmpfs`, `overlay`.
    pub name: String,
    /// Error number, 0 for success.
    pub errno: i32,
}

/// What `iptables -t nat -L -n` said in a network namespace of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketFilter {
    /// Executable that was run.
    pub path: String,
    /// Exit status; -1 if it could not be started or was killed.
    pub exit: i32,
    /// The start of its standard error.
    pub stderr: String,
}

/// Runs the probe and prints its record. `iptables` is the path the daemon would use.
pub fn run(iptables: Option<&str>) {
    // On a thread of its own, which keeps the /run and /tmp that are covered below:
    // the socket lies in one of them.
    let version = std::thread::spawn(rootlesskit_version);
    let mut seen = Inside {
        rootless_setup_probe: 1,
        uid_map: read("/proc/self/uid_map"),
        gid_map: read("/proc/self/gid_map"),
        ..Inside::default()
    };
    seen.namespaces = [
        ("net", CloneFlags::CLONE_NEWNET),
        ("ipc", CloneFlags::CLONE_NEWIPC),
        ("uts", CloneFlags::CLONE_NEWUTS),
        ("cgroup", CloneFlags::CLONE_NEWCGROUP),
        ("mnt", CloneFlags::CLONE_NEWNS),
    ]
    .map(|(name, flag)| step(name, unshare(flag)))
    .into();
    let tmpfs = private_tmpfs();
    seen.mounts = vec![step("tmpfs", tmpfs)];
    // iptables-legacy wants to write its lock below /run, now a tmpfs. The kernel may
    // have to load modules for the table and for the overlay: both at the same time.
    let listing = iptables.map(|path| (path, list_nat_table(path)));
    if tmpfs.is_ok() {
        seen.mounts.push(step("overlay", overlay()));
    }
    seen.iptables = listing.map(|(path, listing)| packet_filter(path, listing));
    seen.rootlesskit_version = version.join().ok().flatten().unwrap_or_default();
    // Last: it makes this process unable to start others, and wants it to have one thread.
    seen.namespaces
        .push(step("pid", unshare(CloneFlags::CLONE_NEWPID)));
    let line = serde_json::to_string(&seen).unwrap_or_default();
    #[expect(clippy::disallowed_methods, reason = "a pipe of the program itself")]
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}");
}

fn step(name: &str, result: nix::Result<()>) -> Step {
    Step {
        name: name.into(),
        errno: result.err().map_or(0, |e| e as i32),
    }
}

#[expect(clippy::disallowed_methods, reason = "the room that reads the machine")]
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// A tmpfs at `/run` that only this process sees.
fn private_tmpfs() -> nix::Result<()> {
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    let tmpfs = Some("tmpfs");
    mount(tmpfs, "/run", tmpfs, MsFlags::MS_NODEV, none)
}

/// With `userxattr` (Linux 5.11) and without it (Ubuntu's kernels before that).
#[expect(
    clippy::disallowed_methods,
    reason = "on a tmpfs only this process sees"
)]
fn overlay() -> nix::Result<()> {
    for dir in ["/run/l", "/run/u", "/run/w", "/run/m"] {
        std::fs::create_dir(dir).map_err(|_| nix::Error::EIO)?;
    }
    let dirs = "lowerdir=/run/l,upperdir=/run/u,workdir=/run/w";
    let with = format!("{dirs},userxattr");
    let try_mount = |options: &str| {
        mount(
            Some("overlay"),
            "/run/m",
            Some("overlay"),
            MsFlags::empty(),
            Some(options),
        )
    };
    try_mount(&with).or_else(|first| try_mount(dirs).map_err(|_| first))
}

#[expect(clippy::disallowed_methods, reason = "one question to one program")]
fn list_nat_table(path: &str) -> io::Result<Child> {
    Command::new(path)
        .args(["-t", "nat", "-L", "-n"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
}

fn packet_filter(path: &str, listing: io::Result<Child>) -> PacketFilter {
    let (exit, stderr) = match listing.and_then(Child::wait_with_output) {
        Ok(o) => (
            o.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&o.stderr).into_owned(),
        ),
        Err(e) => (-1, e.to_string()),
    };
    PacketFilter {
        path: path.into(),
        exit,
        stderr: stderr.chars().take(400).collect(),
    }
}

/// Asks `GET /v1/info` of the RootlessKit that started us (since RootlessKit 0.14).
#[expect(
    clippy::disallowed_methods,
    reason = "RootlessKit tells its child where it lives"
)]
fn rootlesskit_version() -> Option<String> {
    let state = std::env::var_os("ROOTLESSKIT_STATE_DIR")?;
    let socket = Path::new(&state).join("api.sock");
    let end = Instant::now() + API_PATIENCE;
    let mut stream = loop {
        match UnixStream::connect(&socket) {
            Ok(stream) => break stream,
            // Our parent opens it after it started us.
            Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(2)),
            Err(_) => return None,
        }
    };
    stream.set_read_timeout(Some(API_PATIENCE)).ok()?;
    stream
        .write_all(b"GET /v1/info HTTP/1.0\r\nHost: rootlesskit\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    stream.take(64 << 10).read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    let info: serde_json::Value = serde_json::from_str(body).ok()?;
    Some(info.get("version")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_begins_as_it_is_looked_for() {
        let line = serde_json::to_string(&Inside::default()).unwrap();
        assert!(line.starts_with(RECORD), "{line}");
    }
}
