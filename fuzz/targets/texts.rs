//! Logs: what they mean, and what of them is passed on.

use std::collections::BTreeSet;

use rootless_setup::host::secret::masked;
use rootless_setup::host::{Bundle, Identity, Node};
use rootless_setup::known::catalogue::KnownIssues;
use rootless_setup::known::{rank, scan};
use rootless_setup::private::{Replace, gate, hide};
use rootless_setup::ui::Look;

use super::text;

/// A log, read as a stream.
pub fn log(data: &[u8]) {
    let known = KnownIssues::built_in().expect("the catalogue");
    if let Ok(scanned) = scan(known, data) {
        assert_eq!(scanned.bytes, data.len() as u64);
        assert!(scanned.lines <= data.len() as u64);
        let causes = rank(known, &scanned.sightings, None);
        assert!(causes.iter().all(|cause| known.get(&cause.id).is_some()));
        let ids: BTreeSet<&str> = causes.iter().map(|cause| cause.id.as_str()).collect();
        assert_eq!(ids.len(), causes.len(), "a cause is named once");
    }
}

/// A log's lines behind the line `user host`: neither of the two stays in it.
pub fn redact(data: &[u8]) {
    let text = text(data);
    let (names, log) = text.split_once('\n').unwrap_or((&text, ""));
    let (user, host) = names.split_once(' ').unwrap_or((names, ""));
    let lines: Vec<String> = log.lines().take(200).map(|line| masked(line).0).collect();
    let bundle = bundle(&plain(user), &plain(host));
    let register = hide::register(&bundle, &BTreeSet::new(), &lines);
    let replace = Replace::new(&register);
    for line in &lines {
        let hidden = replace.text(line);
        let left = gate::leaks(&hidden, &replace);
        assert!(left.is_empty(), "{left:?} stays in {hidden:?} of {line:?}");
        terminal(&hidden);
    }
    if let Some(hidden) = hide::bundle(&bundle, &register, &replace) {
        let toml = hidden.to_toml().expect("a bundle has a TOML form");
        let left = gate::leaks(&toml, &replace);
        assert!(left.is_empty(), "{left:?} stays in the bundle");
    }
}

/// What a user or a machine can be called.
fn plain(name: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    let name: String = name.chars().filter(plain).take(60).collect();
    // A number, or one letter, is in every text: such a report is withheld.
    let letters = |part: &str| part.chars().filter(char::is_ascii_alphabetic).count();
    let parts: Vec<&str> = name.split('.').filter(|part| letters(part) > 2).collect();
    match parts.is_empty() {
        true => "unnamed".to_owned(),
        false => parts.join("."),
    }
}

fn bundle(user: &str, host: &str) -> Bundle {
    let mut bundle = Bundle::capture(Identity {
        uid: 1000,
        euid: 1000,
        gid: 1000,
        egid: 1000,
        groups: Vec::new(),
    });
    let node = |text: String| Node {
        text: Some(text),
        ..Node::default()
    };
    let passwd = format!("root:x:0:0::/root:/bin/sh\n{user}:x:1000:1000::/home/{user}:/bin/sh\n");
    bundle.files.insert("/etc/passwd".into(), node(passwd));
    let name = node(format!("{host}\n"));
    bundle
        .files
        .insert("/proc/sys/kernel/hostname".into(), name);
    bundle.env.insert("HOME".into(), format!("/home/{user}"));
    bundle
}

/// Nothing that steers a terminal comes out of the filter, and plain text stays.
fn terminal(text: &str) {
    let safe = Look::plain().safe(text);
    let bad = safe
        .chars()
        .find(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    assert_eq!(bad, None, "{safe:?}");
    if text.chars().all(|c| (' '..='~').contains(&c)) {
        assert_eq!(safe, text);
    }
}
