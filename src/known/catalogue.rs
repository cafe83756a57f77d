//! The known issues: `checks/known-issues.toml`, embedded in the program.

use std::fmt;
use std::sync::{LazyLock, OnceLock};

use serde::{Deserialize, Serialize};

use super::patterns::Patterns;

/// `checks/known-issues.toml`, as `checks/embed.rs` made it.
const TEXT: &str = include_str!(concat!(env!("OUT_DIR"), "/known-issues.json"));

/// What a message that fits is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It names what stands in the way.
    #[default]
    Cause,
    /// It tells of a shortcoming that stops nothing.
    Warning,
    /// It follows from something else, which may not be in the log.
    Symptom,
}

/// Something that raises or lowers the rank of an issue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Condition {
    /// What is asked.
    #[serde(flatten)]
    pub test: Test,
    /// How many points of a hundred it is worth if it is so; may be negative.
    pub by: i32,
}

/// The closed list of what may decide.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// This check fails (warns, informs) on the host.
    Fails(String),
    /// This check passes on the host.
    Passes(String),
    /// A line of the log, whatever its level, fits this pattern.
    Says(String),
    /// No line of the log does.
    Unsaid(String),
}

/// One known issue.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issue {
    /// A slug without a dot, never reused.
    pub id: String,
    /// It in a few words, fit for "… because …".
    pub title: String,
    /// What a message that fits is.
    #[serde(default)]
    pub kind: Kind,
    /// One of these fits a line; letters of either case, in linear time.
    pub patterns: Vec<String>,
    /// Of a hundred logs with such a line, how many have this cause.
    pub prior: i32,
    /// Others than Docker say so, too: it counts in a log that tells of Docker.
    #[serde(default)]
    pub generic: bool,
    /// It counts also where it is said as a warning, or in passing.
    #[serde(default)]
    pub quiet: bool,
    /// What raises or lowers its rank.
    #[serde(default)]
    pub decides: Vec<Condition>,
    /// The check that knows more of it.
    #[serde(default)]
    pub check: Option<String>,
    /// Why it happens, and what that means.
    pub cause: String,
    /// The next command, or what to do where there is none.
    pub fix: String,
    /// Where it was seen.
    pub sources: Vec<String>,
    /// A line that fits.
    pub sample: String,
    /// A line much like it that does not.
    pub other: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    noise: Vec<String>,
    settled: Vec<String>,
    context: Vec<String>,
    issue: Vec<Issue>,
}

/// All known issues, ready to be looked for.
#[derive(Debug)]
pub struct KnownIssues {
    pub(super) issues: Vec<Issue>,
    pub(super) patterns: Patterns,
    /// For lines that were broken and joined again; few texts need it.
    loose: OnceLock<Option<Patterns>>,
    lists: Lists,
}

/// What is looked for besides issues.
#[derive(Debug)]
struct Lists {
    noise: Vec<String>,
    settled: Vec<String>,
    context: Vec<String>,
}

/// The built-in file that cannot be used; a bug that the tests find.
#[derive(Debug)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the built-in known issues cannot be read: {}", self.0)
    }
}

static BUILT_IN: LazyLock<Result<KnownIssues, Broken>> = LazyLock::new(|| {
    let file: File = serde_json::from_str(TEXT).map_err(|e| Broken(e.to_string()))?;
    let lists = Lists {
        noise: file.noise,
        settled: file.settled,
        context: file.context,
    };
    let patterns = lists.patterns(&file.issue, false).map_err(Broken)?;
    Ok(KnownIssues {
        issues: file.issue,
        patterns,
        loose: OnceLock::new(),
        lists,
    })
});

impl Lists {
    fn patterns(&self, issues: &[Issue], loose: bool) -> Result<Patterns, String> {
        Patterns::new(issues, &self.noise, &self.settled, &self.context, loose)
    }
}

impl KnownIssues {
    /// The patterns for lines that were broken and joined again.
    pub(super) fn loose(&self) -> Option<&Patterns> {
        let made = || self.lists.patterns(&self.issues, true).ok();
        self.loose.get_or_init(made).as_ref()
    }

    /// The issues this program knows.
    ///
    /// # Errors
    /// [`Broken`] if they cannot be read, which the tests rule out.
    pub fn built_in() -> Result<&'static KnownIssues, &'static Broken> {
        BUILT_IN.as_ref()
    }

    /// The issues, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Issue> {
        self.issues.iter()
    }

    /// An issue by its id.
    pub fn get(&self, id: &str) -> Option<&Issue> {
        self.issues.iter().find(|issue| issue.id == id)
    }
}
