//! Excerpts of real logs are explained rightly, and other logs not at all.
//!
//! `tests/samples/samples.toml` names for each excerpt the known issue that has
//! to come first, and where it was seen; `held-out.toml` those that were collected
//! after the catalogue was written; `messages.txt` has what the programs' own
//! sources print. What is decided by a host is not here: only
//! the words count.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs
)]

use std::path::Path;

use rootless_setup::known::catalogue::KnownIssues;
use rootless_setup::known::{Cause, Confidence, rank, scan};
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    sample: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    file: String,
    expect: String,
    source: String,
}

fn dir() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

fn known() -> &'static KnownIssues {
    KnownIssues::built_in().unwrap()
}

fn causes(text: &[u8]) -> Vec<Cause> {
    let scanned = scan(known(), text).unwrap();
    rank(known(), &scanned.sightings, None)
}

fn table(name: &str) -> Vec<Sample> {
    let text = std::fs::read_to_string(dir().join(name)).unwrap();
    toml::from_str::<Table>(&text).unwrap().sample
}

/// How many are right first, and among the first three; the others are told.
fn judge(samples: &[Sample]) -> (usize, usize) {
    let (mut first, mut among) = (0, 0);
    for sample in samples {
        let text = std::fs::read(dir().join(&sample.file)).unwrap();
        let ids: Vec<String> = causes(&text).into_iter().map(|c| c.id).collect();
        let place = ids.iter().position(|id| *id == sample.expect);
        first += usize::from(place == Some(0));
        among += usize::from(place.is_some_and(|place| place < 3));
        if place != Some(0) {
            eprintln!("{}: {} wanted, {ids:?}", sample.file, sample.expect);
        }
    }
    (first, among)
}

#[test]
fn the_right_cause_comes_first() {
    let mut samples = table("samples.toml");
    assert!(samples.len() >= 60);
    samples.extend(table("held-out.toml"));
    for sample in &samples {
        assert!(known().get(&sample.expect).is_some(), "{}", sample.expect);
        let named = sample.source.starts_with("https://") || sample.source.starts_with("seen in ");
        assert!(named, "{}: {}", sample.file, sample.source);
    }
    let files = std::fs::read_dir(dir()).unwrap();
    let logs = files.filter(|f| {
        f.as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|e| e == "log")
    });
    assert_eq!(logs.count(), samples.len(), "a file is not in the table");
    let (first, among) = judge(&samples);
    assert!(
        first * 100 >= samples.len() * 95,
        "{first} of {}",
        samples.len()
    );
    assert_eq!(among, samples.len());
}

/// `id | message`, or `id ? | message` where the words alone do not decide.
fn message(line: &str) -> Option<(&str, bool, &str)> {
    let (id, text) = line.split_once(" | ")?;
    let among = id.ends_with(" ?");
    Some((id.trim_end_matches(" ?"), among, text))
}

#[test]
fn what_the_programs_print_is_known() {
    let text = std::fs::read_to_string(dir().join("messages.txt")).unwrap();
    let lines = text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    let mut wrong = Vec::new();
    for line in lines {
        let (id, among, text) = message(line).unwrap();
        let ids: Vec<String> = causes(text.as_bytes()).into_iter().map(|c| c.id).collect();
        let most = if among { 3 } else { 1 };
        if !ids.iter().take(most).any(|found| found == id) {
            wrong.push(format!("{line}: {ids:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn other_logs_are_explained_by_nothing_of_ours() {
    let text = std::fs::read_to_string(dir().join("unrelated.txt")).unwrap();
    let logs: Vec<&str> = text.split("%% ").skip(1).collect();
    assert!(logs.len() >= 100);
    for log in logs {
        let sure = causes(log.as_bytes())
            .into_iter()
            .find(|cause| cause.confidence >= Confidence::Likely);
        assert!(sure.is_none(), "{log}{sure:?}");
    }
}
