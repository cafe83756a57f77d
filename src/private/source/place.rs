//! Paths: the parts that somebody chose, above homes, in them, and in the
//! directories that are a site's own; servers and shares of network mounts.

use crate::host::Bundle;
use crate::private::register::{Kind, Register};
use crate::private::scan;

/// Top directories whose content is a site's own business.
const SYSTEM: [&str; 17] = [
    "bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys",
    "tmp", "usr", "var", "nix", "gnu",
];

/// Enters the parts of every path of the recorded host.
pub fn enter(bundle: &Bundle, home: &str, register: &mut Register) {
    let mut all: Vec<&str> = bundle.files.keys().map(String::as_str).collect();
    all.extend(bundle.file_systems.keys().map(String::as_str));
    all.extend(bundle.dead_file_systems.keys().map(String::as_str));
    for node in bundle.files.values() {
        all.extend(node.link.as_deref().into_iter().chain(node.real.as_deref()));
    }
    all.push(home);
    for path in bundle.env.values() {
        all.extend(path.split(':').filter(|part| part.starts_with('/')));
    }
    for path in all {
        parts(path, home, register);
    }
    mounts(bundle, home, register);
    entries(bundle, home, register);
}

/// The parts of a path that is not the system's.
fn parts(path: &str, home: &str, register: &mut Register) {
    let first = path.split('/').nth(1).unwrap_or_default();
    let own = !SYSTEM.contains(&first) || super::is_below(path, home);
    if own && path.starts_with('/') {
        path.split('/').for_each(|name| part(name, register));
    }
}

/// One part: only what is no word, and without its ending.
fn part(name: &str, register: &mut Register) {
    let digest = name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
    if digest || name.starts_with('@') || register.words.has_all(name) {
        return;
    }
    let stem = match name.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() && register.words.has_all(end) => stem,
        _ => name,
    };
    let stem = stem.trim_start_matches('.');
    if register.stand_in(stem).is_none() && !register.words.has_all(stem) {
        register.add(Kind::Directory, stem);
    }
}

/// Names in directories below the home.
fn entries(bundle: &Bundle, home: &str, register: &mut Register) {
    for (path, node) in &bundle.files {
        if super::is_below(path, home) {
            node.entries
                .iter()
                .flatten()
                .for_each(|name| part(name, register));
        }
    }
}

/// `server:/export` and `//server/share` of mounts.
fn mounts(bundle: &Bundle, home: &str, register: &mut Register) {
    let table = super::text(bundle, "/proc/self/mountinfo").unwrap_or_default();
    for line in table.lines() {
        let (before, after) = line.split_once(" - ").unwrap_or((line, ""));
        let point = before.split(' ').nth(4).unwrap_or_default();
        parts(point, home, register);
        let source = after.split(' ').nth(1).unwrap_or_default();
        if let Some((server, path)) = source.trim_start_matches('/').split_once(":/") {
            scan::host(server.rsplit('@').next().unwrap_or_default(), register);
            path.split('/').for_each(|name| part(name, register));
        } else if let Some(share) = source.strip_prefix("//") {
            let (server, path) = share.split_once('/').unwrap_or((share, ""));
            scan::host(server, register);
            path.split('/').for_each(|name| part(name, register));
        }
    }
}
