//! The likely cause by what was said: RootlessKit's errors through
//! `facts::refusal`, and a handful of dockerd's. Small on purpose; whoever knows
//! more replaces [`find`].

use super::journal::Line;
use crate::facts::refusal::{self, Obstacle, Refusal};

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The id of the check that knows more of it: `rootless-setup explain ID`.
    pub check: Option<String>,
    /// It in words, fit for "… because …".
    pub words: String,
}

impl Cause {
    fn new(check: &str, words: &str) -> Self {
        Cause {
            check: (!check.is_empty()).then(|| check.to_owned()),
            words: words.to_owned(),
        }
    }
}

/// What one of these lines says all of, with the check and the words for it; the
/// first that fits counts. Texts of dockerd 20.10 to 29, RootlessKit 0.14 to 3
/// and dockerd-rootless.sh.
const SAID: [(&[&str], &str, &str); 30] = [
    (
        &["failed to lock", "another RootlessKit is running"],
        "docker.rootlesskit-lock",
        "another RootlessKit of this user holds the state directory",
    ),
    (
        &["/dev/net/tun"],
        "network.tun",
        "the tap device of the network driver cannot be made",
    ),
    (
        &["slirp4netns", "needs to be installed"],
        "network.driver",
        "no network driver is installed",
    ),
    (
        &["failed to setup network"],
        "network.driver",
        "the network driver does not start",
    ),
    (
        &["XDG_RUNTIME_DIR needs to be set and writable"],
        "session.runtime-dir",
        "the runtime directory cannot be written to",
    ),
    (
        &["HOME needs to be set and writable"],
        "host.home-writable",
        "the home directory cannot be written to",
    ),
    (
        &["rootlesskit needs to be installed"],
        "docker.rootlesskit",
        "RootlessKit is not installed, or not on the unit's PATH",
    ),
    (
        &["unable to configure the Docker daemon with file"],
        "docker.daemon-json",
        "dockerd does not take its daemon.json",
    ),
    (
        &["unknown flag: "],
        "",
        "dockerd does not know an option that the unit gives it",
    ),
    (
        &["pid file found"],
        "docker.leftover-pid",
        "a pid file names a running program as the user's dockerd",
    ),
    (
        &["process with PID", "is still running"],
        "docker.leftover-pid",
        "a pid file names a running program as the user's dockerd",
    ),
    (
        &["address already in use"],
        "",
        "somebody else listens where the daemon would",
    ),
    (
        &["docker.sock", "device or resource busy"],
        "",
        "the daemon's socket is in use",
    ),
    (
        &["xtables.lock", "ermission denied"],
        "lsm.xtables-lock",
        "iptables may not take its lock",
    ),
    (
        &["ptables not found"],
        "network.iptables",
        "the daemon does not find iptables",
    ),
    (
        &["exec: \"iptables\": executable file not found"],
        "network.iptables",
        "the daemon does not find iptables",
    ),
    (
        &["rror initializing network controller", "iptables"],
        "network.iptables-works",
        "iptables does not work for the daemon",
    ),
    (
        &["failed to create NAT chain"],
        "network.iptables-works",
        "iptables does not work for the daemon",
    ),
    (
        &["an't initialize iptables table"],
        "network.iptables-works",
        "iptables does not work for the daemon",
    ),
    (
        &["nable to find the Default Bridge"],
        "network.bridge",
        "the daemon cannot make its bridge",
    ),
    (
        &["several valid graphdrivers"],
        "storage.driver-switch",
        "the data-root holds images of several storage drivers",
    ),
    (
        &["failed to start daemon", "prior storage driver"],
        "storage.driver-switch",
        "the storage driver that was used before does not work now",
    ),
    (
        &["failed to start daemon", "driver not supported"],
        "storage.driver-usable",
        "the storage driver does not work here",
    ),
    (
        &["error initializing graphdriver"],
        "storage.driver-usable",
        "the storage driver does not work here",
    ),
    (
        &["no space left on device"],
        "storage.not-full",
        "a file system is full",
    ),
    (
        &["isk quota exceeded"],
        "storage.not-full",
        "the user's quota is used up",
    ),
    (
        &["read-only file system"],
        "storage.data-root-owner",
        "a file system that the daemon writes to is read-only",
    ),
    (
        &["/docker", "permission denied"],
        "storage.data-root-owner",
        "the daemon may not write to its directories",
    ),
    (
        &["/docker: operation not permitted"],
        "storage.data-root-owner",
        "the data-root belongs to somebody else",
    ),
    (
        &["Failed at step EXEC"],
        "docker.unit-exec",
        "the program that the unit starts cannot be started",
    ),
];

/// The likely cause by what one attempt said, systemd's result and the exit.
pub fn find(lines: &[&Line], result: &str, exit: Option<&str>) -> Option<Cause> {
    let own: Vec<&str> = lines
        .iter()
        .filter(|line| !line.by_manager)
        .map(|line| line.text.as_str())
        .collect();
    let refusal = refused(&own);
    let sure = refusal.as_ref().filter(|r| is_sure(r)).map(by_obstacle);
    sure.or_else(|| said(lines))
        .or_else(|| refusal.as_ref().map(by_obstacle))
        .or_else(|| by_result(result, exit))
}

/// RootlessKit's own failure; what became of the program that it started is not.
fn refused(own: &[&str]) -> Option<Refusal> {
    let text = own.join("\n");
    match refusal::entered(&text) {
        true => None,
        false => refusal::classify(&text),
    }
}

/// RootlessKit's words leave no doubt. A lock that is taken says, too, that
/// something is "temporarily unavailable".
fn is_sure(refusal: &Refusal) -> bool {
    let vague = matches!(refusal.obstacle, Obstacle::Other | Obstacle::Inside);
    !vague && !refusal.words.starts_with("failed to lock")
}

fn said(lines: &[&Line]) -> Option<Cause> {
    let is_said = |parts: &[&str]| {
        let mut texts = lines.iter().map(|line| &line.text);
        texts.any(|text| !is_harmless(text) && parts.iter().all(|part| text.contains(part)))
    };
    let found = SAID.iter().find(|(parts, ..)| is_said(parts))?;
    Some(Cause::new(found.1, found.2))
}

/// dockerd says much that ends nothing.
fn is_harmless(text: &str) -> bool {
    ["level=info", "level=debug", "level=warning"]
        .iter()
        .any(|level| text.contains(level))
}

fn by_obstacle(refusal: &Refusal) -> Cause {
    let of_groups = refusal.words.contains("newgidmap") || refusal.words.contains("subgid");
    let by = |users: &'static str, groups: &'static str| if of_groups { groups } else { users };
    let check = match refusal.obstacle {
        Obstacle::NotPermitted | Obstacle::Denied | Obstacle::Inside | Obstacle::Other => {
            "userns.probe"
        }
        Obstacle::NoSpace => "userns.max-user-namespaces",
        Obstacle::NoKernel => "userns.kernel",
        Obstacle::NoProcess => "docker.nproc-start",
        Obstacle::NoRange | Obstacle::RangeRefused => {
            by("subid.subuid-range", "subid.subgid-range")
        }
        Obstacle::BadLine => "subid.malformed",
        Obstacle::NoFile | Obstacle::HelperSilent => "subid.readable",
        Obstacle::NoHelper => by("subid.newuidmap", "subid.newgidmap"),
        Obstacle::HelperUnprivileged => {
            by("subid.newuidmap-privilege", "subid.newgidmap-privilege")
        }
        Obstacle::MappedTwice => "subid.own-duplicates",
        Obstacle::WrongGroup => "subid.primary-gid",
        Obstacle::NoAccount => "",
    };
    Cause::new(check, refusal.obstacle.words())
}

fn by_result(result: &str, exit: Option<&str>) -> Option<Cause> {
    match result {
        "oom-kill" => Some(Cause::new("", "the kernel ran out of memory")),
        "timeout" => Some(Cause::new("", "it did not become ready in time")),
        _ if exit.is_some_and(|e| e.contains("status 203")) => Some(Cause::new(
            "docker.unit-exec",
            "the program that the unit starts cannot be started",
        )),
        _ => None,
    }
}

/// Every check that a cause may name.
#[cfg(test)]
pub fn checks() -> Vec<String> {
    use Obstacle::*;
    let obstacles = [
        NotPermitted,
        Denied,
        NoSpace,
        NoKernel,
        NoProcess,
        NoRange,
        BadLine,
        NoFile,
        NoHelper,
        HelperUnprivileged,
        RangeRefused,
        MappedTwice,
        WrongGroup,
        HelperSilent,
        NoAccount,
        Inside,
        Other,
    ];
    let by = ["newuidmap", "newgidmap"].map(|words| {
        obstacles.map(|obstacle| {
            let words = words.to_owned();
            by_obstacle(&Refusal { obstacle, words }).check
        })
    });
    let said = SAID.map(|(_, check, _)| Cause::new(check, "").check);
    by.into_iter().flatten().chain(said).flatten().collect()
}
