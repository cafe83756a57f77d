//! `docs/differential.md`: what each tool says about each fault, as it was seen.

use super::case::Case;
use super::observe::{CHECK, DOCTOR, HELLO, INSTALL, Observed, ROOTLESSKIT};
use super::report::Outcome;
use super::suite::Suite;
use super::verdict::grade;
use std::collections::BTreeMap;
use std::fmt::Write;

const HEAD: &str = "\
# Who names the cause

Made by `cargo xtask vm run --all --differential --table docs/differential.md`; do not edit.
Each row is one fault (or a healthy host) on one real guest. *named the cause*: the
tool failed, and what it printed names the cause. *failed without the cause*: it
failed, and the reader is none the wiser. *passed wrongly*: it reported success on a
host where rootless Docker does not work as the case says. *right*: it reported
success where it works. The last column is a container that was really started.

";

const OTHERS: [&str; 3] = [CHECK, ROOTLESSKIT, INSTALL];

/// One row for each case and guest.
pub fn markdown(cases: &[Case], outcomes: &[Outcome]) -> String {
    let by_name: BTreeMap<&str, &Case> = cases
        .iter()
        .map(|case| (case.name.as_str(), case))
        .collect();
    // A case of steps alone is about no tool's verdict.
    let asked = |outcome: &&Outcome| {
        OTHERS
            .iter()
            .any(|tool| outcome.observed.contains_key(*tool))
    };
    let mut sorted: Vec<&Outcome> = outcomes.iter().filter(asked).collect();
    sorted.sort_by(|a, b| (&a.name, a.suite).cmp(&(&b.name, b.suite)));
    let mut text = HEAD.to_owned();
    text.push_str("| case | guest | rootless-setup doctor | setuptool check | rootlesskit true | setuptool install | container |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for outcome in &sorted {
        if let Some(case) = by_name.get(outcome.name.as_str()) {
            text.push_str(&row(case, outcome));
        }
    }
    text.push_str("\n## Totals\n\n");
    text.push_str(&totals(&by_name, &sorted));
    text.push_str(&reasons(cases, outcomes));
    text
}

fn row(case: &Case, outcome: &Outcome) -> String {
    let mut text = format!(
        "| {} | {} | {}",
        case.name,
        outcome.suite,
        ours(case, outcome)
    );
    for tool in OTHERS {
        let _ = write!(
            text,
            " | {}",
            theirs(case, outcome.suite, &outcome.observed, tool)
        );
    }
    let ran =
        outcome.observed.get(HELLO).map_or(
            "-",
            |said| if said.exit == 0 { "ran" } else { "did not run" },
        );
    let _ = writeln!(text, " | {ran} |");
    text
}

fn ours(case: &Case, outcome: &Outcome) -> &'static str {
    if !outcome.observed.contains_key(DOCTOR) {
        return "-";
    }
    match (&outcome.failure, case.wanted(outcome.suite).works) {
        (None, true) => "right",
        (None, false) => "named the cause",
        (Some(_), _) => "not as expected",
    }
}

fn theirs(case: &Case, suite: Suite, observed: &Observed, tool: &str) -> &'static str {
    let works = case.wanted(suite).works;
    observed
        .get(tool)
        .map_or("-", |said| grade(case, works, said).words())
}

fn totals(cases: &BTreeMap<&str, &Case>, outcomes: &[&Outcome]) -> String {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for outcome in outcomes {
        let Some(case) = cases.get(outcome.name.as_str()) else {
            continue;
        };
        *counts.entry((DOCTOR, ours(case, outcome))).or_default() += 1;
        for tool in OTHERS {
            let word = theirs(case, outcome.suite, &outcome.observed, tool);
            *counts.entry((tool, word)).or_default() += 1;
        }
    }
    let mut text = String::from("| tool | result | rows |\n|---|---|---|\n");
    for ((tool, word), count) in counts.iter().filter(|((_, word), _)| *word != "-") {
        let _ = writeln!(text, "| {tool} | {word} | {count} |");
    }
    text
}

/// Who is right where they disagree, in the case's own words.
fn reasons(cases: &[Case], outcomes: &[Outcome]) -> String {
    let mut text = String::from("\n## Who is right\n\n");
    for case in cases.iter().filter(|case| !case.why.trim().is_empty()) {
        if outcomes.iter().any(|outcome| outcome.name == case.name) {
            let why = case.why.split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = writeln!(text, "- **{}** ({}): {why}", case.name, case.title);
        }
    }
    text
}
