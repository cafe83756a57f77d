//! From what was met to ranked causes: a prior for each, moved by the words of
//! the log and by the checks of a host.

use std::collections::BTreeMap;

use super::catalogue::{Issue, Kind, KnownIssues, Test};
use super::explanation::{Cause, Confidence, Quote, Reason};
use super::sighting::{Sighting, Sightings};
use crate::check::engine::Status;
use crate::report::Report;

/// Others than Docker say such things, and nothing here is about Docker.
const OUT_OF_CONTEXT: i32 = -50;

/// The daemon ran after it was said.
const SETTLED: i32 = -25;

/// A symptom, or a warning, beside a cause that is likely.
const BESIDE_A_CAUSE: i32 = -35;

/// How checks came out on a host: the status and what was said, by id.
#[derive(Clone, Debug, Default)]
pub struct Results<'a>(BTreeMap<&'a str, (Status, &'a str)>);

impl<'a> FromIterator<(&'a str, Status, &'a str)> for Results<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, Status, &'a str)>>(results: I) -> Self {
        let by_id = |(id, status, summary)| (id, (status, summary));
        Results(results.into_iter().map(by_id).collect())
    }
}

impl<'a> From<&'a Report> for Results<'a> {
    fn from(report: &'a Report) -> Self {
        let checks = report.checks.iter();
        checks
            .map(|c| (c.id.as_str(), c.status, c.summary.as_str()))
            .collect()
    }
}

impl Results<'_> {
    fn failed(&self, id: &str) -> Option<&str> {
        let failed = |status| matches!(status, Status::Fail | Status::Warn | Status::Info);
        self.0
            .get(id)
            .filter(|(s, _)| failed(*s))
            .map(|(_, text)| *text)
    }

    fn passed(&self, id: &str) -> Option<&str> {
        self.0
            .get(id)
            .filter(|(s, _)| *s == Status::Pass)
            .map(|(_, text)| *text)
    }
}

/// Whether the checks of a host could change the order of what was met.
pub fn asks_the_host(known: &KnownIssues, sightings: &Sightings) -> bool {
    let met = sightings
        .issues
        .keys()
        .flat_map(|n| &known.issues[*n].decides);
    let mut tests = met.map(|c| &c.test);
    tests.any(|test| matches!(test, Test::Fails(_) | Test::Passes(_)))
}

/// The causes of what was met, most likely first.
pub fn rank(
    known: &KnownIssues,
    sightings: &Sightings,
    results: Option<&Results<'_>>,
) -> Vec<Cause> {
    let mut weighed: Vec<(usize, i32, Vec<Reason>)> = sightings
        .issues
        .iter()
        .map(|(number, sighting)| weigh(known, *number, sighting, sightings, results))
        .collect();
    let has_cause = weighed
        .iter()
        .any(|(n, score, _)| known.issues[*n].kind == Kind::Cause && *score >= 40);
    for (number, score, _) in &mut weighed {
        if has_cause && known.issues[*number].kind != Kind::Cause {
            *score += BESIDE_A_CAUSE;
        }
        *score = (*score).clamp(0, 99);
    }
    weighed.sort_by_key(|(number, score, _)| (-score, *number));
    weighed
        .into_iter()
        .filter_map(|(number, score, why)| {
            let issue = &known.issues[number];
            cause(issue, &sightings.issues[&number], score, why)
        })
        .collect()
}

/// The points of an issue, and what they come from.
fn weigh(
    known: &KnownIssues,
    number: usize,
    sighting: &Sighting,
    sightings: &Sightings,
    results: Option<&Results<'_>>,
) -> (usize, i32, Vec<Reason>) {
    let issue = &known.issues[number];
    let mut score = issue.prior;
    let mut why = Vec::new();
    for (which, condition) in issue.decides.iter().enumerate() {
        let reason = match &condition.test {
            Test::Fails(id) => results.and_then(|r| r.failed(id)).map(|s| by_host(id, s)),
            Test::Passes(id) => results.and_then(|r| r.passed(id)).map(|s| by_host(id, s)),
            Test::Says(_) => by_word(sightings, number, which),
            Test::Unsaid(_) if sightings.words.contains_key(&(number, which)) => None,
            Test::Unsaid(_) => {
                score += condition.by;
                None
            }
        };
        if let Some(mut reason) = reason {
            score += condition.by;
            reason.speaks_for = condition.by > 0;
            why.push(reason);
        }
    }
    if issue.generic && !sightings.context {
        score += OUT_OF_CONTEXT;
    }
    if let Some(line) = sightings.settled.filter(|line| *line > sighting.line) {
        score += SETTLED;
        why.push(Reason {
            speaks_for: false,
            check: None,
            line: Some(line),
            text: "the daemon came up after that".into(),
        });
    }
    why.sort_by_key(|reason| !reason.speaks_for);
    (number, score, why)
}

fn by_host(id: &str, summary: &str) -> Reason {
    Reason {
        speaks_for: true,
        check: Some(id.to_owned()),
        line: None,
        text: summary.to_owned(),
    }
}

fn by_word(sightings: &Sightings, number: usize, which: usize) -> Option<Reason> {
    let word = sightings.words.get(&(number, which))?;
    Some(Reason {
        speaks_for: true,
        check: None,
        line: Some(word.line),
        text: word.text.clone(),
    })
}

fn cause(issue: &Issue, sighting: &Sighting, score: i32, why: Vec<Reason>) -> Option<Cause> {
    Some(Cause {
        id: issue.id.clone(),
        title: issue.title.clone(),
        kind: issue.kind,
        confidence: Confidence::of(score)?,
        score: u8::try_from(score).unwrap_or(u8::MAX),
        quote: Quote {
            line: sighting.line,
            text: sighting.text.clone(),
            times: sighting.times,
        },
        why,
        cause: issue.cause.trim().to_owned(),
        check: issue.check.clone(),
        next: issue.fix.clone(),
        sources: issue.sources.clone(),
    })
}
