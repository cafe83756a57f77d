//! Runs every check in catalogue order. Each one appears in the result, with a
//! reason where it did not run; a rule that panics is `unknown`, not the end.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::catalogue::{Catalogue, Check, Level, Scope};
use super::outcome::{Evidence, Judgement, Undetermined, Verdict};
use super::remedy::Fix;
use super::site::Waiver;
use super::{family, rule};
use crate::fact::Fact;
use crate::facts::Facts;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// All is well.
    Pass,
    /// A recommended check failed.
    Warn,
    /// A required check failed.
    Fail,
    /// An optional check failed: worth knowing.
    Info,
    /// It does not apply, or was not asked for.
    Skip,
    /// It could not be determined. Never green, never red.
    Unknown,
}

/// A check with its result on this host.
#[derive(Clone, Debug)]
pub struct Checked<'a> {
    /// The catalogue's entry.
    pub check: &'a Check,
    /// How it came out.
    pub status: Status,
    /// One sentence on this host, or the reason it did not run.
    pub summary: String,
    /// What was seen.
    pub evidence: Vec<Evidence>,
    /// What to do; only for `fail`, `warn` and `info`.
    pub fix: Option<Fix>,
    /// Time the rule took, in milliseconds.
    pub duration_ms: u64,
}

/// Judges the facts by every check of the catalogue.
pub fn run<'a>(catalogue: &'a Catalogue, facts: &Facts) -> Vec<Checked<'a>> {
    let keys = family::keys(&facts.ground.os);
    let mut done: BTreeMap<&str, Status> = BTreeMap::new();
    let mut results = Vec::new();
    for check in catalogue.iter() {
        let started = Instant::now();
        let verdict = prerequisite(check, facts, &done).unwrap_or_else(|| judge(check, facts));
        let mut checked = conclude(check, verdict, &keys);
        if let Some(waiver) = catalogue.waiver(&check.id) {
            waive(&mut checked, waiver);
        }
        checked.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        done.insert(&check.id, checked.status);
        results.push(checked);
    }
    results
}

/// The reason not to run a check at all.
fn prerequisite(check: &Check, facts: &Facts, done: &BTreeMap<&str, Status>) -> Option<Verdict> {
    let subject = &facts.ground.subject;
    if check.scope != Scope::Machine && subject.is_none() {
        return Some(Ok(super::skip("no user was named: doctor --user NAME")));
    }
    if check.scope == Scope::Shell && subject.as_ref().is_some_and(|s| !s.is_self) {
        return Some(Ok(super::skip("only the user's own session can tell")));
    }
    let unmet = check
        .requires
        .iter()
        .find(|id| done.get(id.as_str()) != Some(&Status::Pass))?;
    Some(Ok(super::skip(format!("depends on {unmet}"))))
}

/// A waived check still shows, with what it would have said and who waived it.
fn waive(checked: &mut Checked<'_>, waiver: &Waiver) {
    if matches!(checked.status, Status::Pass | Status::Skip) {
        return;
    }
    let Waiver { who, why, .. } = waiver;
    checked.summary = format!("waived by {who}: {why} ({})", checked.summary);
    checked.status = Status::Skip;
    checked.fix = None;
}

fn judge(check: &Check, facts: &Facts) -> Verdict {
    if let Some(predicate) = &check.predicate {
        let answer = facts
            .answers
            .get(&check.id)
            .cloned()
            .unwrap_or(Fact::Absent);
        return predicate.judge(&answer, facts);
    }
    let Some(rule) = rule::of(&check.id) else {
        return Err(Undetermined::new("this program has no rule for it"));
    };
    catch_unwind(AssertUnwindSafe(|| rule(facts))).unwrap_or_else(|_| {
        Err(Undetermined::new(
            "the rule crashed; this is a bug in rootless-setup",
        ))
    })
}

fn conclude<'a>(check: &'a Check, verdict: Verdict, keys: &[String]) -> Checked<'a> {
    let mut checked = Checked {
        check,
        status: Status::Unknown,
        summary: String::new(),
        evidence: Vec::new(),
        fix: None,
        duration_ms: 0,
    };
    match verdict {
        Ok(outcome) => {
            checked.status = status(check.level, outcome.judgement);
            if outcome.judgement == Judgement::Fail {
                let named = outcome.remedy.and_then(|name| check.remedies.get(name));
                checked.fix = Some(named.unwrap_or(&check.remedy).on(keys, &outcome.fill));
            }
            checked.summary = outcome.summary;
            checked.evidence = outcome.evidence;
        }
        Err(undetermined) => {
            if undetermined.off {
                checked.status = Status::Skip;
            }
            checked.summary = undetermined.why;
        }
    }
    checked
}

fn status(level: Level, judgement: Judgement) -> Status {
    match (judgement, level) {
        (Judgement::Pass, _) => Status::Pass,
        (Judgement::Skip, _) => Status::Skip,
        (Judgement::Fail, Level::Required) => Status::Fail,
        (Judgement::Fail, Level::Recommended) => Status::Warn,
        (Judgement::Fail, Level::Optional) => Status::Info,
    }
}
