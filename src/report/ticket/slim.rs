//! A recorded host without what no check looks at: comments, inode numbers,
//! most lines of long tables. That the checks then say the same is looked at
//! each time; where they do not, nothing is taken out.

use crate::host::{Bundle, Kind, Node};

/// Texts of which only some lines are kept: by the beginning and the end of the
/// path, and what such a line contains.
const LINES: [(&str, &str, &[&str]); 8] = [
    ("/proc/", "/status", &STATUS),
    (
        "/proc/",
        "/limits",
        &["Limit ", "Max processes", "Max open files"],
    ),
    ("/proc/stat", "", &["btime"]),
    ("/lib/modules/", "/modules.builtin", &MODULES),
    ("/usr/lib/modprobe.d/", "", &MODULES),
    ("/lib/modprobe.d/", "", &MODULES),
    ("/", "/dockerd-rootless.sh", &SCRIPT),
    ("/usr/share/docker.io/", ".sh", &SCRIPT),
];

/// Lines of `/proc/PID/status` that say something of a user's rights.
const STATUS: [&str; 13] = [
    "Name:",
    "Uid:",
    "Gid:",
    "Groups:",
    "NStgid:",
    "NSpid:",
    "PPid:",
    "CapInh:",
    "CapPrm:",
    "CapEff:",
    "CapBnd:",
    "NoNewPrivs:",
    "Seccomp:",
];

/// Modules that checks ask for, by a part of their names.
const MODULES: [&str; 13] = [
    "overlay",
    "fuse",
    "tun",
    "tap",
    "bridge",
    "netfilter",
    "table",
    "_nat",
    "filter",
    "veth",
    "btrfs",
    "zfs",
    "vxlan",
];

/// Programs whose AppArmor profiles are of interest.
const PROGRAMS: [&str; 7] = [
    "rootlesskit",
    "slirp4netns",
    "pasta",
    "passt",
    "docker",
    "containerd",
    "runc",
];

/// Lines of dockerd-rootless.sh that tell what it can do.
const SCRIPT: [&str; 12] = [
    "iptables",
    "containerd",
    "#!",
    "net=",
    "sysctl",
    "nsenter",
    "detach",
    "implicit",
    "port_driver",
    "rootlesskit",
    "DOCKERD_ROOTLESS",
    "mtu=",
];

/// Texts without their comments.
const COMMENTS: [&str; 6] = [
    "/etc/login.defs",
    "/etc/nsswitch.conf",
    "/etc/systemd/",
    "/lib/systemd/",
    "/usr/lib/systemd/",
    "/etc/modprobe.d/",
];

/// Directories of which only the names that contain this are kept.
const ENTRIES: [(&str, &str); 2] = [
    ("/lib/systemd", "libsystemd"),
    ("/usr/lib/systemd", "libsystemd"),
];

/// Paths whose links say nothing.
const REAL: [&str; 4] = [
    "/lib/modules/",
    "/lib/x86_64-linux-gnu/",
    "/sys/class/net/",
    "/proc/self/",
];

/// Takes it out.
pub fn slim(bundle: &mut Bundle) {
    let locks = bundle
        .files
        .get("/proc/locks")
        .and_then(|node| node.text.clone());
    let locks = locks.unwrap_or_default();
    for (path, node) in &mut bundle.files {
        node.inode = node
            .inode
            .filter(|inode| locks.contains(&format!(":{inode} ")));
        node.text = node.text.take().map(|text| short(path, text));
        if path.starts_with("/lib/modules/") {
            node.size = None;
        }
        if REAL.iter().any(|dir| path.starts_with(dir)) && node.link.is_none() {
            node.real = None;
        }
        if let Some((_, wanted)) = ENTRIES.iter().find(|(dir, _)| path == dir) {
            node.entries
                .iter_mut()
                .for_each(|names| names.retain(|name| name.contains(wanted)));
        }
        kinds(node);
    }
    for run in bundle.programs.values_mut() {
        run.output.iter_mut().for_each(|output| output.millis = 0);
    }
}

/// The kind and mode that a reader takes for granted, and sizes that say nothing.
fn kinds(node: &mut Node) {
    let usual = match node.entries {
        Some(_) => Kind::Dir,
        None => Kind::File,
    };
    let kind = node.kind.unwrap_or(usual);
    if kind != Kind::File || node.text.is_some() {
        node.size = None;
    }
    if kind == Kind::Dir
        && node
            .read_error
            .as_ref()
            .is_some_and(|why| why.errno.is_none())
    {
        node.read_error = None;
    }
    let mode = if kind == Kind::Dir { "0755" } else { "0644" };
    node.mode = node.mode.take().filter(|m| m != mode);
    node.kind = node.kind.filter(|kind| *kind != usual);
}

fn short(path: &str, text: String) -> String {
    let keep = |wanted: &dyn Fn(&str) -> bool| {
        let lines = text.split_inclusive('\n').filter(|line| wanted(line));
        lines.collect::<String>()
    };
    let listed =
        |(start, end, _): &&(&str, &str, _)| path.starts_with(start) && path.ends_with(end);
    if let Some((.., parts)) = LINES.iter().find(listed) {
        return keep(&|line| !is_comment(line) && parts.iter().any(|part| line.contains(part)));
    }
    match path {
        _ if path.starts_with("/etc/apparmor.d/") => match is_of_interest(path, &text) {
            true => keep(&|line| !is_comment(line)),
            false => String::new(),
        },
        "/etc/passwd" => text.split_inclusive('\n').map(account).collect(),
        _ if COMMENTS.iter().any(|dir| path.starts_with(dir)) => keep(&|line| !is_comment(line)),
        _ => text,
    }
}

/// A profile of a program of ours, or of whatever has a path like this; and what
/// profiles include.
fn is_of_interest(path: &str, text: &str) -> bool {
    let head = |line: &str| line.trim_end().ends_with('{') && line.contains(['*', '?', '@', '[']);
    path.matches('/').count() > 3
        || PROGRAMS
            .iter()
            .any(|name| path.contains(name) || text.contains(name))
        || text.lines().any(head)
}

/// Of the system's accounts, only their ids.
fn account(line: &str) -> String {
    let fields: Vec<&str> = line.trim_end().split(':').collect();
    match fields[..] {
        [name, _, uid, gid, ..] if uid.parse().is_ok_and(|uid: u32| (1..1000).contains(&uid)) => {
            format!("{name}:x:{uid}:{gid}:::\n")
        }
        _ => line.to_owned(),
    }
}

/// `#include` of AppArmor is none, `#!` belongs to a script, and of logind.conf
/// a comment tells the default that this distribution chose.
fn is_comment(line: &str) -> bool {
    let line = line.trim();
    let kept = ["#include", "#!", "#KillUserProcesses"];
    let comment = line.starts_with(['#', ';']) && !kept.iter().any(|k| line.starts_with(k));
    line.is_empty() || comment
}
