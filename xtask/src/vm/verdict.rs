//! Whether `doctor` said what the case wants, and how the other tools did.

use super::case::{Case, Status, Wanted};
use super::observe::{CHECK, HELLO, INSTALL, Observed, ROOTLESSKIT, Said};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The part of the JSON report that a case is about.
#[derive(Deserialize)]
struct Report {
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    id: String,
    status: Status,
    #[serde(default)]
    summary: serde_json::Value,
}

/// Everything in which the report differs from what is wanted.
pub fn problems(case: &Case, wanted: &Wanted, said: &Said) -> Vec<String> {
    match compare(case, wanted, said) {
        Ok(problems) => problems,
        Err(error) => vec![format!(
            "{error:#}: {}",
            super::process::tail(&said.all(), 5)
        )],
    }
}

fn compare(case: &Case, wanted: &Wanted, said: &Said) -> Result<Vec<String>> {
    let report: Report = serde_json::from_str(&said.stdout)
        .with_context(|| format!("doctor (exit {}) printed no report", said.exit))?;
    let seen: BTreeMap<&str, &Check> = report
        .checks
        .iter()
        .map(|check| (check.id.as_str(), check))
        .collect();
    let mut problems = Vec::new();
    for (id, want) in &wanted.checks {
        match seen.get(id.as_str()) {
            Some(check) if check.status == *want => {}
            Some(check) => problems.push(format!(
                "{id}: {:?}, not {want:?}{}",
                check.status,
                because(check)
            )),
            None => problems.push(format!("{id}: not in the report, wanted {want:?}")),
        }
    }
    for check in &report.checks {
        let excused = wanted.checks.contains_key(&check.id) || wanted.also.contains_key(&check.id);
        let forbidden = match check.status {
            Status::Fail => case.forbid_other_failures,
            Status::Warn | Status::Unknown => case.forbid_other_warnings,
            _ => false,
        };
        if forbidden && !excused {
            problems.push(format!(
                "{}: {:?} without cause{}",
                check.id,
                check.status,
                because(check)
            ));
        }
    }
    if said.exit != wanted.exit {
        problems.push(format!("exit code {}, not {}", said.exit, wanted.exit));
    }
    Ok(problems)
}

fn because(check: &Check) -> String {
    match &check.summary {
        serde_json::Value::String(text) => format!(" ({text})"),
        _ => String::new(),
    }
}

/// How a tool that is not ours did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grade {
    /// Success where it works.
    Right,
    /// Failure, and the cause can be read from what it said.
    Named,
    /// Failure, and the reader is none the wiser.
    Unnamed,
    /// Success on a host where it does not work.
    WronglyPassed,
    /// Failure on a host where it works.
    WronglyFailed,
}

impl Grade {
    pub fn words(self) -> &'static str {
        match self {
            Grade::Right => "right",
            Grade::Named => "named the cause",
            Grade::Unnamed => "failed without the cause",
            Grade::WronglyPassed => "passed wrongly",
            Grade::WronglyFailed => "failed wrongly",
        }
    }
}

pub fn grade(case: &Case, works: bool, said: &Said) -> Grade {
    let words = said.all().to_lowercase();
    let named = || {
        case.cause
            .iter()
            .any(|phrase| words.contains(&phrase.to_lowercase()))
    };
    match (works, said.exit == 0) {
        (true, true) => Grade::Right,
        (true, false) => Grade::WronglyFailed,
        (false, true) => Grade::WronglyPassed,
        (false, false) if named() => Grade::Named,
        (false, false) => Grade::Unnamed,
    }
}

/// The tools that are not ours.
pub const OTHERS: [&str; 3] = [CHECK, ROOTLESSKIT, INSTALL];

/// In what another tool, or a container that was really started, contradicts what the
/// case says of this guest: for these it has to say who is right.
pub fn disagreements(case: &Case, works: bool, observed: &Observed) -> Vec<String> {
    let mut found = Vec::new();
    for tool in OTHERS {
        let grade = observed.get(tool).map(|said| grade(case, works, said));
        if let Some(grade @ (Grade::WronglyPassed | Grade::WronglyFailed)) = grade {
            found.push(format!("{tool} {}", grade.words()));
        }
    }
    match (works, observed.get(HELLO).map(|said| said.exit == 0)) {
        (true, Some(false)) => found.push("no container ran".to_owned()),
        (false, Some(true)) => found.push("a container ran".to_owned()),
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::suite::Suite;

    fn case(text: &str) -> Case {
        toml::from_str(&format!("title = 't'\nguests = ['bookworm']\n{text}")).unwrap()
    }

    fn said(exit: i32, checks: &str) -> Said {
        Said {
            exit,
            stdout: format!("{{\"checks\": [{checks}]}}"),
            ..Said::default()
        }
    }

    #[test]
    fn an_unexpected_failure_is_a_problem_unless_excused() {
        let said = said(
            1,
            r#"{"id":"a.a","status":"fail"},{"id":"b.b","status":"fail","summary":"s"}"#,
        );
        let strict = case("[expect.checks]\n'a.a' = 'fail'");
        let found = problems(&strict, &strict.wanted(Suite::Bookworm), &said);
        assert_eq!(found, ["b.b: Fail without cause (s)"]);
        let excused = case("[also]\n'b.b' = 'follows from a.a'\n[expect.checks]\n'a.a' = 'fail'");
        assert!(problems(&excused, &excused.wanted(Suite::Bookworm), &said).is_empty());
    }

    #[test]
    fn a_missing_check_and_a_wrong_exit_code_are_problems() {
        let case = case("[expect.checks]\n'a.a' = 'fail'");
        let found = problems(&case, &case.wanted(Suite::Bookworm), &said(0, ""));
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_panic_instead_of_a_report_is_a_problem() {
        let case = case("");
        let dead = Said {
            exit: 101,
            stderr: "panicked".into(),
            ..Said::default()
        };
        assert!(problems(&case, &case.wanted(Suite::Bookworm), &dead)[0].contains("panicked"));
    }

    #[test]
    fn other_tools_are_graded() {
        let case = case("cause = ['NewUIDMap']");
        let failed = Said {
            exit: 1,
            stderr: "newuidmap not found".into(),
            ..Said::default()
        };
        assert_eq!(grade(&case, false, &failed), Grade::Named);
        assert_eq!(grade(&case, true, &failed), Grade::WronglyFailed);
        assert_eq!(grade(&case, false, &Said::default()), Grade::WronglyPassed);
    }
    #[test]
    fn contradictions_are_found() {
        let case = case("works = false\ncause = ['newuidmap']");
        let said = |exit| Said {
            exit,
            ..Said::default()
        };
        let observed: Observed = [(CHECK, 0), (ROOTLESSKIT, 1), (HELLO, 0)]
            .map(|(tool, exit)| (tool.to_owned(), said(exit)))
            .into();
        assert_eq!(
            disagreements(&case, false, &observed),
            ["setuptool check passed wrongly", "a container ran"]
        );
        assert_eq!(
            disagreements(&case, true, &observed),
            ["rootlesskit true failed wrongly"]
        );
    }
}
