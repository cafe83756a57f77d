//! What `explain` found, as data: form 1, additive within the major
//! (`schemas/explain-v1.schema.json`).

use serde::{Deserialize, Serialize};

use super::catalogue::Kind;

/// Major form of the explanation.
pub const SCHEMA_VERSION: u32 = 1;

/// How sure it is that a cause is the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// One of several.
    Possible,
    /// More likely than all others.
    Likely,
    /// The words, or the host, leave little doubt.
    VeryLikely,
}

impl Confidence {
    /// By points of a hundred; none where it is not worth telling.
    pub fn of(score: i32) -> Option<Self> {
        match score {
            80.. => Some(Confidence::VeryLikely),
            55.. => Some(Confidence::Likely),
            25.. => Some(Confidence::Possible),
            _ => None,
        }
    }

    /// It in words.
    pub fn label(self) -> &'static str {
        match self {
            Confidence::Possible => "possible",
            Confidence::Likely => "likely",
            Confidence::VeryLikely => "very likely",
        }
    }
}

/// Causes of what a log tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Explanation {
    /// Major form; readers refuse a higher one.
    pub schema_version: u32,
    /// The text.
    pub source: Source,
    /// The host whose checks decided: `live`, or the file of a recorded one;
    /// null when the words of the log were enough, or no host was wanted.
    pub host: Option<String>,
    /// Most likely first; empty when nothing known was met.
    pub causes: Vec<Cause>,
}

/// A text that was gone through.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Source {
    /// File, `-` or `journal`.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its lines.
    pub lines: u64,
    /// Why not all of it was to be had; null when all was.
    pub trouble: Option<String>,
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cause {
    /// Id of the known issue.
    pub id: String,
    /// It in a few words, fit for "… because …".
    pub title: String,
    /// A cause, a warning or a symptom of something else.
    pub kind: Kind,
    /// How sure it is.
    pub confidence: Confidence,
    /// The same in points of a hundred, for comparing causes of one report.
    pub score: u8,
    /// The line that tells of it.
    pub quote: Quote,
    /// What raised or lowered its rank.
    pub why: Vec<Reason>,
    /// Why it happens.
    pub cause: String,
    /// The check that knows more; null if there is none.
    pub check: Option<String>,
    /// What to type, or to do, next.
    pub next: String,
    /// Where it was seen.
    pub sources: Vec<String>,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Quote {
    /// Its number, from 1.
    pub line: u64,
    /// What it says, without what was put around it. Not made safe to print.
    pub text: String,
    /// How often something like it was said.
    pub times: u64,
}

/// What raised or lowered the rank of a cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reason {
    /// Whether it speaks for the cause.
    pub speaks_for: bool,
    /// The check of the host; null where the log itself says it.
    pub check: Option<String>,
    /// The line of the log; null where the host says it.
    pub line: Option<u64>,
    /// What was seen.
    pub text: String,
}
