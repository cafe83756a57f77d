//! What a rule says: pass, fail or skip with its reason and evidence, or that
//! it cannot tell.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The outer result tells "could not be determined" from "ran, and here is what it found".
pub type Verdict = Result<Outcome, Undetermined>;

/// What the rule decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// All is well.
    Pass,
    /// Something is wrong; how bad it is, the catalogue's level says.
    Fail,
    /// The check does not apply here.
    Skip,
}

/// A decision, with what a person needs to believe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The decision.
    pub judgement: Judgement,
    /// One sentence without a full stop, about this host.
    pub summary: String,
    /// Where it was seen.
    pub evidence: Vec<Evidence>,
    /// Which remedy of the catalogue applies, where a check has several.
    pub remedy: Option<&'static str>,
    /// Values for the `{placeholders}` of the remedy; they are shell-quoted there.
    pub fill: BTreeMap<&'static str, String>,
}

/// One observation: a file, a sysctl or a program, and what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evidence {
    /// Where it was seen: a path, a sysctl's name, a command.
    pub source: String,
    /// What was seen there.
    pub value: String,
}

/// The rule could not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undetermined {
    /// A fragment fit for "could not be determined: …".
    pub why: String,
    /// It was not asked, on purpose: the check is skipped.
    pub off: bool,
}

impl Undetermined {
    /// Could not be determined, because of `why`.
    pub fn new(why: impl Into<String>) -> Self {
        Undetermined {
            why: why.into(),
            off: false,
        }
    }
}

impl Outcome {
    fn new(judgement: Judgement, summary: impl Into<String>) -> Self {
        Outcome {
            judgement,
            summary: summary.into(),
            evidence: Vec::new(),
            remedy: None,
            fill: BTreeMap::new(),
        }
    }

    /// Adds an observation.
    #[must_use]
    pub fn seen(mut self, source: impl Into<String>, value: impl Into<String>) -> Self {
        self.evidence.push(Evidence {
            source: source.into(),
            value: value.into(),
        });
        self
    }

    /// Gives a `{name}` of the remedy its value.
    #[must_use]
    pub fn fill(mut self, name: &'static str, value: impl ToString) -> Self {
        self.fill.insert(name, value.to_string());
        self
    }

    /// Chooses `[check.remedies.NAME]` instead of `[check.remedy]`.
    #[must_use]
    pub fn remedy(mut self, name: &'static str) -> Self {
        self.remedy = Some(name);
        self
    }
}

/// All is well.
pub fn pass(summary: impl Into<String>) -> Outcome {
    Outcome::new(Judgement::Pass, summary)
}

/// Something is wrong.
pub fn fail(summary: impl Into<String>) -> Outcome {
    Outcome::new(Judgement::Fail, summary)
}

/// The check does not apply here, and why.
pub fn skip(why: impl Into<String>) -> Outcome {
    Outcome::new(Judgement::Skip, why)
}
