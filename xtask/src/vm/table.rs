//! `docs/differential.md`: what each tool says about each fault, as it was seen.

use super::case::Case;
use super::observe::{DOCTOR, HELLO, Observed};
use super::record::Row;
use super::suite::Suite;
use super::verdict::{OTHERS, grade};
use std::collections::BTreeMap;
use std::fmt::Write;

const HEAD: &str = "\
# Who names the cause

Made by the guest harness; do not edit. To make it again:

    cargo xtask vm run --differential --table docs/differential.md

Each row is one fault (or a healthy host) on one real guest. *named the cause*: the
tool failed, and what it printed names the cause. *failed without the cause*: it
failed, and the reader is none the wiser. *passed wrongly*: it reported success on a
host where rootless Docker does not work. *failed wrongly*: it failed where it works.
*right*: it reported success where it works. The last column is a container that was
really started, by a daemon started by hand where no service had started one.

";

/// One line for each case and guest.
pub fn markdown(cases: &[Case], rows: &[Row]) -> String {
    let by_name: BTreeMap<&str, &Case> = cases
        .iter()
        .map(|case| (case.name.as_str(), case))
        .collect();
    // A case of steps alone is about no tool's verdict; one that is gone is about nothing.
    let mut asked: Vec<(&Case, &Row)> = rows
        .iter()
        .filter(|row| OTHERS.iter().any(|tool| row.observed.contains_key(*tool)))
        .filter_map(|row| Some((*by_name.get(row.name.as_str())?, row)))
        .collect();
    asked.sort_by_key(|(case, row)| (&case.name, row.suite));
    let mut text = HEAD.to_owned();
    text.push_str("| case | guest | rootless-setup doctor | setuptool check | rootlesskit true | setuptool install | container |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for (case, row) in &asked {
        text.push_str(&line(case, row));
    }
    text.push_str("\n## Totals\n\n");
    text.push_str(&totals(&asked));
    text.push_str(&reasons(cases, &asked));
    text
}

fn line(case: &Case, row: &Row) -> String {
    let mut text = format!("| {} | {} | {}", case.name, row.suite, ours(case, row));
    for tool in OTHERS {
        let _ = write!(text, " | {}", theirs(case, row.suite, &row.observed, tool));
    }
    let ran =
        row.observed.get(HELLO).map_or(
            "-",
            |said| if said.exit == 0 { "ran" } else { "did not run" },
        );
    let _ = writeln!(text, " | {ran} |");
    text
}

fn ours(case: &Case, row: &Row) -> &'static str {
    if !row.observed.contains_key(DOCTOR) {
        return "-";
    }
    match (row.as_expected, case.wanted(row.suite).works) {
        (true, true) => "right",
        (true, false) => "named the cause",
        (false, _) => "not as expected",
    }
}

fn theirs(case: &Case, suite: Suite, observed: &Observed, tool: &str) -> &'static str {
    let works = case.wanted(suite).works;
    observed
        .get(tool)
        .map_or("-", |said| grade(case, works, said).words())
}

fn totals(asked: &[(&Case, &Row)]) -> String {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (case, row) in asked {
        *counts.entry((DOCTOR, ours(case, row))).or_default() += 1;
        for tool in OTHERS {
            let word = theirs(case, row.suite, &row.observed, tool);
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
fn reasons(cases: &[Case], asked: &[(&Case, &Row)]) -> String {
    let mut text = String::from("\n## Who is right\n\n");
    for case in cases.iter().filter(|case| !case.why.trim().is_empty()) {
        if asked.iter().any(|(other, _)| other.name == case.name) {
            let why = case.why.split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = writeln!(text, "- **{}** ({}): {why}", case.name, case.title);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::observe::{CHECK, ROOTLESSKIT, Said};

    fn case(name: &str, text: &str) -> Case {
        let case: Case =
            toml::from_str(&format!("title = 't'\nguests = ['bookworm']\n{text}")).unwrap();
        Case {
            name: name.to_owned(),
            ..case
        }
    }

    fn row(name: &str, observed: &[(&str, i32)]) -> Row {
        let said = |exit| Said {
            exit,
            ..Said::default()
        };
        Row {
            suite: Suite::Bookworm,
            name: name.to_owned(),
            as_expected: true,
            observed: observed
                .iter()
                .map(|(tool, exit)| ((*tool).to_owned(), said(*exit)))
                .collect(),
        }
    }

    #[test]
    fn a_row_says_how_every_tool_did() {
        let cases = [case("a", "works = false\nwhy = \"x   y\"")];
        let rows = [row(
            "a",
            &[(DOCTOR, 1), (CHECK, 0), (ROOTLESSKIT, 1), (HELLO, 1)],
        )];
        let text = markdown(&cases, &rows);
        let wanted = "| a | bookworm | named the cause | passed wrongly | \
                      failed without the cause | - | did not run |";
        assert!(text.contains(wanted), "{text}");
        assert!(text.contains("| setuptool check | passed wrongly | 1 |"));
        assert!(text.contains("- **a** (t): x y"));
    }

    #[test]
    fn cases_of_steps_and_cases_that_are_gone_have_no_row() {
        let cases = [case("a", "[[step]]\nrun = 'true'")];
        let text = markdown(
            &cases,
            &[row("a", &[("step 1", 0)]), row("b", &[(CHECK, 0)])],
        );
        assert!(!text.contains("bookworm"), "{text}");
    }
}
