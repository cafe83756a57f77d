//! Facts of the area `userns`: what the kernel allows an ordinary user.

use std::collections::BTreeMap;
use std::path::Path;

use crate::fact::Fact;
use crate::facts::Context;
use crate::facts::sysctl_d::{self, Setting};

/// The kinds of namespace that have a limit of their own.
pub const LIMITS: [&str; 7] = ["user", "mnt", "net", "pid", "ipc", "uts", "cgroup"];

/// A limit below this is worth asking which file set it.
const LOW: u64 = 1024;

/// What the area's rules judge.
#[derive(Debug)]
pub struct Facts {
    /// `/proc/self/ns/user` is there; unreadable where `/proc/self/ns` itself is not.
    pub in_kernel: Fact<()>,
    /// `kernel.unprivileged_userns_clone`, a patch of Debian's, Ubuntu's and Arch's kernels.
    pub unprivileged_clone: Fact<u64>,
    /// `user.max_KIND_namespaces` by kind.
    pub limits: BTreeMap<&'static str, Fact<u64>>,
    /// The file that sets a sysctl to its low value at boot, by the sysctl's name.
    pub set_by: BTreeMap<String, Setting>,
    /// `Seccomp:` of this process: 0 none, 2 a filter.
    pub seccomp: Fact<u64>,
    /// `NoNewPrivs:` of this process: setuid programs gain nothing.
    pub no_new_privs: Fact<u64>,
    /// Nothing is mounted at `/`, as this process sees it: a chroot.
    pub chroot: bool,
}

impl Facts {
    /// A limit by the kind of namespace.
    pub fn limit(&self, kind: &str) -> Fact<u64> {
        self.limits.get(kind).cloned().unwrap_or(Fact::Absent)
    }
}

/// Reads the area's facts.
pub fn collect(cx: Context<'_>) -> Facts {
    let limit = |kind| {
        (
            kind,
            number(cx, &format!("/proc/sys/user/max_{kind}_namespaces")),
        )
    };
    let limits: BTreeMap<_, _> = LIMITS.into_iter().map(limit).collect();
    let unprivileged_clone = number(cx, "/proc/sys/kernel/unprivileged_userns_clone");
    let low = limits
        .iter()
        .filter(|(_, limit)| limit.known().is_some_and(|n| *n < LOW))
        .map(|(kind, _)| format!("user.max_{kind}_namespaces"));
    let off = (unprivileged_clone == Fact::Known(0))
        .then(|| "kernel.unprivileged_userns_clone".to_owned());
    let set_by = low
        .chain(off)
        .filter_map(|key| Some((key.clone(), sysctl_d::setter(cx.host, &key)?)))
        .collect();
    Facts {
        in_kernel: in_kernel(cx),
        unprivileged_clone,
        limits,
        set_by,
        seccomp: status(cx, "Seccomp:"),
        no_new_privs: status(cx, "NoNewPrivs:"),
        chroot: cx.ground.mounts.known().is_some_and(|mounts| {
            !mounts.is_empty() && mounts.iter().all(|m| m.at != Path::new("/"))
        }),
    }
}

fn in_kernel(cx: Context<'_>) -> Fact<()> {
    match cx.host.stat(Path::new("/proc/self/ns/user")) {
        // Without /proc the file is missing for another reason.
        Fact::Absent => match cx.host.stat(Path::new("/proc/self/ns/mnt")) {
            Fact::Known(_) => Fact::Absent,
            _ => Fact::unreadable("/proc/self/ns is not there"),
        },
        answer => answer.map(drop),
    }
}

/// A sysctl that holds one number.
fn number(cx: Context<'_>, path: &str) -> Fact<u64> {
    cx.host
        .read(Path::new(path))
        .and_then(|text| match text.trim().parse() {
            Ok(number) => Fact::Known(number),
            Err(_) => Fact::unreadable(format!("{path} does not hold a number")),
        })
}

/// A number of `/proc/self/status`.
fn status(cx: Context<'_>, name: &str) -> Fact<u64> {
    let text = cx.host.read(Path::new("/proc/self/status"));
    let of_name = |text: String| {
        text.lines()
            .find_map(|l| l.strip_prefix(name)?.trim().parse().ok())
    };
    text.and_then(|text| of_name(text).into())
}
