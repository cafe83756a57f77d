//! Files of the system, and executables.

use std::path::Path;

use rootless_setup::facts::area::docker::{limits, login_limits, state};
use rootless_setup::facts::area::lsm::profile;
use rootless_setup::facts::area::network::{launch, module, nameservers, net, script, sysctl};
use rootless_setup::facts::area::subid::{file as subid, free};
use rootless_setup::facts::version::Version;
use rootless_setup::facts::{
    idmap, login_defs, mounts, os_release, people, process, refusal, subject, sysctl_d,
};
use rootless_setup::fuzz;
use rootless_setup::host::is_static;

use super::select;

/// One of the parsers, by the first byte.
pub fn system(data: &[u8]) {
    let (which, text) = select(data);
    match which % 8 {
        0 => ranges(&text),
        1 => accounts(&text),
        2 => apparmor(&text),
        3 => mountinfo(&text),
        4 => assignments(&text),
        5 => proc_files(&text),
        6 => networks(&text),
        _ => words(&text),
    }
}

fn ranges(text: &str) {
    let listing = subid::parse(text, "alice", "1000");
    let lines = text.lines().count();
    assert!(listing.own.len() + listing.others.len() + listing.ignored_count <= lines);
    assert!(
        listing
            .own
            .iter()
            .all(|own| (1..=lines).contains(&own.line))
    );
    assert!(
        listing
            .own
            .iter()
            .all(|own| own.span.first <= own.span.last)
    );
    for fault in listing.fatal.iter().chain(&listing.ignored) {
        assert!(fault.line >= 1 && fault.line <= lines);
    }
    let mut at = subid::Lines::new(text);
    for other in &listing.others {
        assert!(other.span.first <= other.span.last);
        let (owner, number) = at.at(other.at);
        assert!(number <= lines && !owner.contains([':', '\n']));
    }
    let spans: Vec<subid::Span> = listing.others.iter().map(|other| other.span).collect();
    let joined = free::joined(spans.clone());
    assert!(joined.windows(2).all(|pair| pair[0].last < pair[1].first));
    if let Some(block) = free::block(spans, (100_000, 600_100_000), None) {
        assert!(
            free::meeting(&joined, block).is_none(),
            "a block that is taken"
        );
    }
    idmap::parse(text);
}

fn accounts(text: &str) {
    let lines = text.lines().count();
    assert!(subject::parse_passwd(text).count() <= lines);
    assert!(people::listed(text).count() <= lines);
    assert!(people::listed(text).all(|name| !name.is_empty() && !name.contains(['#', '\n'])));
    login_defs::parse(text);
    login_limits::sets(text, "alice", "nofile");
    os_release::parse(text).major();
}

/// The first line is a path expression, the rest a profile.
fn apparmor(text: &str) {
    let (pattern, rest) = text.split_once('\n').unwrap_or((text, ""));
    let file = profile::parse(rest);
    let mut variables = Default::default();
    file.extend(&mut variables);
    let attached: usize = file.profiles.iter().map(|p| p.name.len()).sum();
    assert!(attached <= 2 * rest.len());
    fuzz::glob(pattern, &variables, "/usr/local/bin/rootlesskit");
    for profile in file.profiles.iter().take(8) {
        let pattern = profile.attachment.as_deref().unwrap_or(&profile.name);
        fuzz::glob(pattern, &variables, "/usr/bin/rootlesskit");
    }
    profile::grants_userns(rest);
    // What is written as a path matches that path and no longer one.
    if pattern.starts_with("/usr/")
        && pattern
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '/')
    {
        let one = pattern
            .split('/')
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>();
        let path = format!("/{}", one.join("/"));
        if !pattern.ends_with('/') {
            assert_eq!(fuzz::glob(pattern, &variables, &path), Some(true));
        }
        assert_eq!(
            fuzz::glob(pattern, &variables, &format!("{path}x")),
            Some(false)
        );
    }
}

fn mountinfo(text: &str) {
    if let Ok(all) = mounts::parse(text) {
        assert!(all.len() <= text.lines().count());
        mounts::holding(&all, Path::new("/home/alice/.local/share/docker"));
    }
}

fn assignments(text: &str) {
    let lines = text.lines().count();
    assert!(sysctl_d::parse(text).count() <= lines);
    assert!(sysctl_d::parse(text).all(|(key, _, line)| !key.is_empty() && line <= lines));
    assert!(launch::assignments(text).all(|(name, _)| !name.is_empty() || text.contains('=')));
    module::bans("/etc/modprobe.d/x.conf", text);
    module::builtin_names(text).count();
    script::parse("/usr/bin/dockerd-rootless.sh", text);
}

fn proc_files(text: &str) {
    process::parse_status(text);
    if let Some(path) = process::parse_cgroup(text) {
        assert!(path.starts_with('/'));
        process::slice_uid(&path);
    }
    limits::parse_keys(text, 1000);
    limits::parse_limits(text);
    state::is_locked(text, (8, 1), 12);
    state::parse_pid(text);
    sysctl::range(text);
}

fn networks(text: &str) {
    net::parse(text, false);
    net::parse(text, true);
    if let Some(net) = net::Net::parse(text) {
        assert!(net.overlaps(&net));
    }
    assert!(nameservers(text).len() <= text.lines().count());
    rootless_setup::plan::listening::is_taken(text, ([127, 0, 0, 1], 2376).into());
}

fn words(text: &str) {
    if let Some(version) = Version::find(text) {
        assert_eq!(Version::parse(&version.to_string()), Some(version));
    }
    refusal::classify(text);
    refusal::entered(text);
}

/// An executable: what is read of it is no longer than it is.
pub fn elf(data: &[u8]) {
    is_static(data);
    if let Some(info) = fuzz::elf(data) {
        assert!(info.text.len() <= 3 * data.len());
        let libraries: usize = info.libraries.iter().map(String::len).sum();
        assert!(libraries <= 1 << 20, "{libraries} bytes of library names");
        assert!(info.interpreter.map_or(0, |name| name.len()) <= 3 * data.len());
    }
}
