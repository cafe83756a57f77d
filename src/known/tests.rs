//! What the catalogue of known issues promises, seen over the whole table; and
//! the engine against texts of every kind.

use std::collections::BTreeSet;

use super::catalogue::{Kind, Test};
use super::patterns::compiled;
use super::*;
use crate::check::catalogue::Catalogue;
use crate::check::engine::Status;

fn known() -> &'static KnownIssues {
    KnownIssues::built_in().unwrap()
}

fn of(text: &str) -> Vec<Cause> {
    let scanned = scan(known(), text.as_bytes()).unwrap();
    rank(known(), &scanned.sightings, None)
}

fn ids(text: &str) -> Vec<String> {
    of(text).into_iter().map(|cause| cause.id).collect()
}

fn fits(patterns: &[String], line: &str) -> bool {
    let mut all = patterns.iter().map(|p| compiled(p).unwrap());
    all.any(|regex| regex.is_match(line.as_bytes()))
}

#[test]
fn there_are_enough_and_each_is_its_own() {
    let ids: BTreeSet<&str> = known().iter().map(|issue| issue.id.as_str()).collect();
    assert_eq!(ids.len(), known().iter().count(), "an id stands twice");
    assert!(ids.len() >= 120, "{}", ids.len());
    let catalogue = Catalogue::built_in().unwrap();
    for id in ids {
        assert!(!id.contains('.') && catalogue.get(id).is_none(), "{id}");
    }
}

#[test]
fn every_pattern_compiles_and_has_its_samples() {
    for issue in known().iter() {
        assert!(fits(&issue.patterns, &issue.sample), "{}: sample", issue.id);
        assert!(!fits(&issue.patterns, &issue.other), "{}: other", issue.id);
    }
    // Those for broken lines, too.
    let loose = known().loose().unwrap();
    for (aim, pattern) in known().patterns.all().chain(loose.all()) {
        assert!(compiled(pattern).is_ok(), "{aim:?}: {pattern}");
    }
}

#[test]
fn every_sample_is_found_by_the_engine() {
    for issue in known().iter() {
        let scanned = scan(known(), issue.sample.as_bytes()).unwrap();
        let met = scanned
            .sightings
            .issues
            .keys()
            .map(|n| &known().issues[*n].id);
        assert!(met.into_iter().any(|id| *id == issue.id), "{}", issue.id);
        let other = scan(known(), issue.other.as_bytes()).unwrap();
        let met = other
            .sightings
            .issues
            .keys()
            .map(|n| &known().issues[*n].id);
        assert!(met.into_iter().all(|id| *id != issue.id), "{}", issue.id);
    }
}

#[test]
fn every_issue_says_why_what_next_and_where_it_was_seen() {
    let catalogue = Catalogue::built_in().unwrap();
    for issue in known().iter() {
        let id = &issue.id;
        assert!(issue.cause.trim().len() > 30, "{id}: cause");
        assert!(
            issue.fix.len() > 6 && !issue.fix.ends_with('.'),
            "{id}: fix"
        );
        assert!(!issue.title.ends_with('.'), "{id}: title");
        assert!(
            issue.title.starts_with(|c: char| !c.is_uppercase()
                || issue.title[1..].starts_with(char::is_uppercase)
                || PROPER.iter().any(|p| issue.title.starts_with(p))),
            "{id}: {}",
            issue.title
        );
        assert!((1..=99).contains(&issue.prior), "{id}: prior");
        assert!(!issue.sources.is_empty(), "{id}: sources");
        for source in &issue.sources {
            assert!(source.starts_with("https://"), "{id}: {source}");
        }
        let mut checks: Vec<&String> = issue.check.iter().collect();
        for condition in &issue.decides {
            assert!(condition.by != 0 && condition.by.abs() <= 90, "{id}");
            if let Test::Fails(check) | Test::Passes(check) = &condition.test {
                checks.push(check);
            }
        }
        for check in checks {
            assert!(catalogue.get(check).is_some(), "{id}: {check}");
        }
    }
}

/// Names that begin a title with a capital.
const PROPER: [&str; 8] = [
    "AppArmor",
    "SELinux",
    "Docker",
    "XDG_",
    "RootlessKit",
    "DOCKER_HOST",
    "IPv6",
    "TLS",
];

#[test]
fn no_fix_gives_root_away() {
    for issue in known().iter() {
        for part in crate::testing::GIVES_ROOT_AWAY {
            assert!(!issue.fix.contains(part), "{}: {}", issue.id, issue.fix);
        }
    }
}

const PARENT: &str = "[rootlesskit:parent] error: ";
const EPERM: &str = "failed to start the child: fork/exec /proc/self/exe: operation not permitted";

#[test]
fn one_text_with_many_causes_is_decided_by_words() {
    let first = |before: &str| ids(&format!("{before}\n{PARENT}{EPERM}\n")).swap_remove(0);
    assert_eq!(
        first("PRETTY_NAME=\"Ubuntu 24.04.1 LTS\""),
        "apparmor-userns"
    );
    assert_eq!(
        first("Step 5/9 : RUN dockerd-rootless-setuptool.sh install"),
        "container-refuses-userns"
    );
    assert_eq!(
        first("#9 [4/6] RUN rootlesskit true"),
        "container-refuses-userns"
    );
    assert_eq!(
        first("kernel.unprivileged_userns_clone = 0"),
        "userns-clone-off"
    );
    assert_eq!(first("$ sudo chroot /srv/debian"), "userns-in-chroot");
    let all = of(&format!("{PARENT}{EPERM}"));
    assert!(all.len() >= 3, "{all:?}");
    assert!(all.iter().all(|c| c.confidence < Confidence::VeryLikely));
}

#[test]
fn noise_is_passed_over() {
    let noise = format!(
        "[rootlesskit:child ] error: parsing message from fd 3: EOF\n{PARENT}child exited: exit status 1\n"
    );
    assert_eq!(ids(&noise), Vec::<String>::new());
    let told = of(&format!(
        "{PARENT}failed to setup UID/GID map: failed to compute uid/gid map: No subuid ranges found for user 1003 (\"x\")\n{noise}"
    ));
    assert_eq!(told[0].id, "subuid-missing");
    assert_eq!(told[0].quote.line, 1);
}

#[test]
fn symptoms_come_after_causes_and_old_ones_after_new() {
    let text = "Cannot connect to the Docker daemon at unix:///run/user/1000/docker.sock. Is the docker daemon running?\n\
        failed to start daemon: Error initializing network controller: failed to create NAT chain DOCKER: Iptables not found\n";
    let all = of(text);
    assert_eq!(all[0].id, "iptables-missing");
    assert_eq!(all[0].kind, Kind::Cause);
    let before = all[0].score;
    let after = of(&format!(
        "{text}level=info msg=\"Daemon has completed initialization\"\n"
    ));
    assert!(
        after
            .iter()
            .find(|c| c.id == "iptables-missing")
            .unwrap()
            .score
            < before
    );
}

#[test]
fn a_host_decides() {
    let text = format!("{PARENT}{EPERM}");
    let scanned = scan(known(), text.as_bytes()).unwrap();
    assert!(rank::asks_the_host(known(), &scanned.sightings));
    let with = |id, status| {
        let results: Results = [(id, status, "so it is")].into_iter().collect();
        rank(known(), &scanned.sightings, Some(&results))
    };
    let causes = with("host.seccomp", Status::Warn);
    assert_eq!(causes[0].id, "container-refuses-userns");
    let causes = with("userns.apparmor", Status::Pass);
    assert_ne!(causes[0].id, "apparmor-userns");
    let causes = with("userns.unprivileged-clone", Status::Fail);
    assert_eq!(causes[0].id, "userns-clone-off", "{causes:?}");
    let why = &causes[0].why[0];
    assert_eq!(why.check.as_deref(), Some("userns.unprivileged-clone"));
    assert!(why.speaks_for);
}

#[test]
fn broken_lines_prefixes_and_quoting_change_nothing() {
    let line = format!("{PARENT}{EPERM}");
    let wrapped = |width: usize| {
        let chars: Vec<char> = line.chars().collect();
        let lines = chars.chunks(width).map(|c| c.iter().collect::<String>());
        lines.collect::<Vec<_>>().join("\n")
    };
    let soft = line.replace(" operation", "\noperation");
    for text in [
        wrapped(80),
        wrapped(72),
        wrapped(64),
        soft,
        format!("> > {}", wrapped(70).replace('\n', "\n> > ")),
        format!("Sep 27 14:44:14 host dockerd-rootless.sh[31171]: {line}\r\n"),
        format!("2024-08-14T06:12:37.1234567Z \u{1b}[31m{line}\u{1b}[0m\n"),
        format!(
            "{{\"log\":\"{line}\\n\",\"stream\":\"stderr\",\"time\":\"2024-08-14T06:12:37Z\"}}\n"
        ),
        format!("    {line}\n"),
    ] {
        assert_eq!(
            ids(&text).first().map(String::as_str),
            Some("apparmor-userns"),
            "{text}"
        );
    }
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend(line.encode_utf16().flat_map(u16::to_le_bytes));
    let scanned = scan(known(), &bytes[..]).unwrap();
    assert!(!scanned.sightings.issues.is_empty());
}

#[test]
fn long_texts_and_long_lines_are_gone_through_in_pieces() {
    let line = format!("{PARENT}{EPERM}");
    let filler = "Sep 27 14:44:14 host sshd[311]: Accepted publickey for alice from 192.0.2.7\n";
    let before = filler.repeat(60_000);
    let text = format!("{before}{line}\n{before}{line}\n{filler}");
    let scanned = scan(known(), text.as_bytes()).unwrap();
    assert_eq!(scanned.lines, 120_003);
    assert_eq!(scanned.bytes, text.len() as u64);
    let causes = rank(known(), &scanned.sightings, None);
    assert_eq!((causes[0].quote.line, causes[0].quote.times), (120_002, 2));
    // One line without an end, with the words across the border of two pieces.
    for border in [(1 << 20) - 30, (3 << 20) - 50] {
        let text = format!("{}{line}{}", "x".repeat(border), "y".repeat(5 << 20));
        let scanned = scan(known(), text.as_bytes()).unwrap();
        assert!(scanned.sightings.issues.len() >= 3, "{border}");
    }
}

#[test]
fn what_is_not_text_is_refused_by_name() {
    let of = |bytes: &[u8]| scan(known(), bytes);
    assert!(matches!(of(&[0; 100_000]), Err(NotText::Binary)));
    assert!(matches!(
        of(b"\x1f\x8b\x08\0\0"),
        Err(NotText::Compressed("zcat"))
    ));
    assert!(matches!(of(b"LPKSHHRH\0\0\0"), Err(NotText::Journal)));
    assert_eq!(of(b"").unwrap().lines, 0);
    // Bytes that are no UTF-8 are in the way of nothing.
    let mut odd = b"\xff\xc3( caf\xe9 ".to_vec();
    odd.extend(format!("{PARENT}{EPERM}").bytes());
    assert!(!of(&odd).unwrap().sightings.issues.is_empty());
}

#[test]
fn quotes_are_short() {
    let text = format!("{} {PARENT}{EPERM} {}", "a".repeat(3000), "b".repeat(3000));
    let causes = of(&text);
    assert!(causes[0].quote.text.chars().count() <= 302);
    assert!(
        causes[0].quote.text.contains("fork/exec"),
        "{}",
        causes[0].quote.text
    );
}

proptest::proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..2000)) {
        if let Ok(scanned) = scan(known(), &bytes[..]) {
            rank(known(), &scanned.sightings, None);
        }
    }
}
