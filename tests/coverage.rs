//! What the catalogue promises, seen over every recorded host: each check is met
//! both passing and failing, and every line on every host is fit to be read and
//! every command fit to be pasted.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

/// Checks that no recorded host can show failing, and why.
const NEVER_FAILS: &[(&str, &str)] = &[];

/// Checks that no recorded host can show passing, and why.
const NEVER_PASSES: &[(&str, &str)] = &[];

/// Braces that belong to a command or a note rather than to a placeholder.
const OWN_BRACES: &[&str] = &[];

const LONGEST_SUMMARY: usize = 100;

/// One check on one recorded host.
struct Line {
    host: String,
    check: Value,
}

impl Line {
    fn text(&self, key: &str) -> &str {
        self.check[key].as_str().unwrap()
    }

    fn is(&self, statuses: &[&str]) -> bool {
        statuses.contains(&self.text("status"))
    }

    fn failed(&self) -> bool {
        self.is(&["fail", "warn", "info"])
    }

    fn note(&self) -> &str {
        self.check["fix"]["note"].as_str().unwrap_or_default()
    }

    fn commands(&self) -> Vec<&str> {
        let commands = self.check["fix"]["commands"].as_array();
        let lines = commands.into_iter().flatten();
        lines.map(|c| c.as_str().unwrap()).collect()
    }

    /// Everything a person reads of it, but for the fix.
    fn words(&self) -> Vec<&str> {
        let evidence = self.check["evidence"].as_array().unwrap().iter();
        let seen = evidence.flat_map(|e| [&e["source"], &e["value"]]);
        let seen = seen.map(|v| v.as_str().unwrap());
        std::iter::once(self.text("summary")).chain(seen).collect()
    }

    fn complaint(&self, of: &str) -> String {
        format!("{}: {}: {of}", self.host, self.text("id"))
    }
}

fn run(args: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_rootless-setup"))
        .args(args)
        .args(["--format", "json"])
        .env_clear()
        .env("LANG", "C.UTF-8")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.is_empty(), "{args:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn bundles() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts");
    let entries = std::fs::read_dir(dir).unwrap();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    found.sort();
    found
}

fn lines_of(bundle: &Path) -> Vec<Line> {
    let host = bundle.file_stem().unwrap().to_string_lossy().into_owned();
    let mut report = run(&["doctor", "--replay", bundle.to_str().unwrap()]);
    let checks = report["checks"].take();
    let line = |check: &Value| Line {
        host: host.clone(),
        check: check.clone(),
    };
    checks.as_array().unwrap().iter().map(line).collect()
}

/// Every check on every recorded host, replayed once for all tests.
fn lines() -> &'static [Line] {
    static LINES: OnceLock<Vec<Line>> = OnceLock::new();
    LINES.get_or_init(|| {
        let bundles = bundles();
        let next = AtomicUsize::new(0);
        let worker = || {
            let mut own = Vec::new();
            while let Some(bundle) = bundles.get(next.fetch_add(1, Ordering::Relaxed)) {
                own.extend(lines_of(bundle));
            }
            own
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
            let done = workers.into_iter().map(|w| w.join().unwrap());
            done.flatten().collect()
        })
    })
}

/// Fails with all complaints at once: a person mends them in one go.
fn none(complaints: impl IntoIterator<Item = String>) {
    let all: BTreeSet<String> = complaints.into_iter().collect();
    let count = all.len();
    let all: Vec<String> = all.into_iter().collect();
    assert!(all.is_empty(), "{count} complaints\n{}", all.join("\n"));
}

fn ids_with(statuses: &[&str]) -> BTreeSet<&'static str> {
    let hits = lines().iter().filter(|line| line.is(statuses));
    hits.map(|line| line.text("id")).collect()
}

#[test]
fn every_check_is_seen_passing_and_failing() {
    let catalogue = run(&["checks", "list"]);
    let ids = catalogue.as_array().unwrap().iter();
    let ids: Vec<&str> = ids.map(|c| c["id"].as_str().unwrap()).collect();
    assert!(ids.len() >= 70);
    let judge = |seen: &BTreeSet<&str>, allowed: &[(&str, &str)], how: &str| {
        let excused = |id: &str| allowed.iter().any(|(name, _)| *name == id);
        let missing = ids.iter().filter(|id| !seen.contains(*id) && !excused(id));
        let stale = allowed.iter().filter(|(id, _)| seen.contains(id));
        let missing = missing.map(|id| format!("{id} {how} on no recorded host"));
        let stale = stale.map(|(id, _)| format!("{id} {how} after all: take it off the list"));
        missing.chain(stale).collect::<Vec<_>>()
    };
    let passing = judge(&ids_with(&["pass"]), NEVER_PASSES, "passes");
    let failed = ids_with(&["fail", "warn", "info"]);
    none(
        passing
            .into_iter()
            .chain(judge(&failed, NEVER_FAILS, "fails")),
    );
}

#[test]
fn summaries_are_one_short_plain_sentence() {
    none(lines().iter().filter_map(|line| {
        let summary = line.text("summary");
        let flaw = match summary {
            "" => "no reason or summary",
            s if s.chars().count() > LONGEST_SUMMARY => "too long",
            s if s.ends_with('.') => "ends with a full stop",
            s if s.trim() != s => "blanks around it",
            _ => return None,
        };
        Some(line.complaint(&format!("{flaw}: {summary:?}")))
    }));
}

#[test]
fn nothing_that_is_shown_holds_a_control_character() {
    none(lines().iter().flat_map(|line| {
        let shown = line.words().into_iter().chain([line.note()]);
        let shown = shown.chain(line.commands());
        let odd = shown.filter(|text| text.chars().any(char::is_control));
        let complaints = odd.map(|text| line.complaint(&format!("{text:?}")));
        complaints.collect::<Vec<_>>()
    }));
}

#[test]
fn whatever_failed_says_what_to_do_and_nothing_else_does() {
    none(lines().iter().filter_map(|line| {
        let has_fix = !line.note().is_empty() || !line.commands().is_empty();
        (has_fix != line.failed()).then(|| line.complaint(line.text("status")))
    }));
}

/// `{name}` in a text, as a placeholder is written.
fn placeholder(text: &str) -> Option<&str> {
    let after = text.split('{').skip(1);
    let mut names = after.filter_map(|tail| tail.split_once('}').map(|(name, _)| name));
    names.find(|name| {
        let letters = |c: char| c.is_ascii_lowercase() || c == '_' || c == '-';
        !name.is_empty() && name.chars().all(letters) && !OWN_BRACES.contains(name)
    })
}

#[test]
fn no_placeholder_is_left_unfilled() {
    none(lines().iter().flat_map(|line| {
        let texts = line.commands().into_iter().chain([line.note()]);
        let texts = texts.chain(line.words());
        let left = texts.filter_map(|text| Some((text, placeholder(text)?)));
        let complaints = left.map(|(text, name)| line.complaint(&format!("{{{name}}} in {text}")));
        complaints.collect::<Vec<_>>()
    }));
}

#[test]
fn every_command_is_one_that_a_shell_can_read() {
    none(lines().iter().flat_map(|line| {
        let odd = line.commands().into_iter().filter(|command| {
            let words = shlex::split(command).unwrap_or_default();
            words.is_empty() || words.iter().any(|w| w.starts_with("rm -rf /"))
        });
        let complaints = odd.map(|command| line.complaint(command));
        complaints.collect::<Vec<_>>()
    }));
}
