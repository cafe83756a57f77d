//! The report: form 1, additive within the major (`schemas/report-v1.schema.json`).

use serde::{Deserialize, Serialize};

use crate::check::Evidence;
use crate::check::catalogue::{Capability, Leaves, Level};
use crate::check::engine::{Checked, Status};
use crate::check::remedy::Fix;
use crate::exit::Exit;
use crate::facts::Ground;

/// Major form of the report.
pub const SCHEMA_VERSION: u32 = 1;

/// A whole diagnosis.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// Major form of this report; readers refuse a higher one.
    pub schema_version: u32,
    /// The program that made it.
    pub tool: Tool,
    /// The host that was examined.
    pub host: HostSummary,
    /// What a user can do with rootless Docker here.
    pub capabilities: Vec<CapabilityRow>,
    /// Every check of the catalogue, in its order.
    pub checks: Vec<CheckResult>,
    /// Counts, and the next step.
    pub summary: Summary,
}

/// The program that made a report.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tool {
    /// `rootless-setup`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The host that was examined.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HostSummary {
    /// Distribution, as it calls itself; empty when unknown.
    pub os: String,
    /// Kernel release; empty when unknown.
    pub kernel: String,
    /// Machine architecture.
    pub arch: String,
    /// The user examined; null when root examined the machine only.
    pub user: Option<String>,
    /// That user's id.
    pub uid: Option<u32>,
    /// `live`, or the file a recorded host came from.
    pub source: String,
}

/// Whether a capability is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It works.
    Yes,
    /// It works in part.
    Part,
    /// It does not work.
    No,
    /// It could not be determined.
    Unknown,
}

/// One row of the capability table.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CapabilityRow {
    /// Which.
    pub capability: Capability,
    /// Whether it is there.
    pub state: State,
    /// Why not, or how far; may be empty.
    pub detail: String,
}

/// One check with its result.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CheckResult {
    /// `area.slug`, stable.
    pub id: String,
    /// The part before the dot.
    pub area: String,
    /// What is so when it passes.
    pub title: String,
    /// How much a failure matters.
    pub level: Level,
    /// How it came out.
    pub status: Status,
    /// One sentence on this host, or the reason it did not run.
    pub summary: String,
    /// What was seen, and where.
    pub evidence: Vec<Evidence>,
    /// What to do; null unless it is `fail`, `warn` or `info`.
    pub fix: Option<Fix>,
    /// The page that says more.
    pub docs: String,
    /// Time the check took, in milliseconds.
    pub duration_ms: u64,
}

/// Counts by status, and what to do next.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary {
    /// Checks that passed.
    pub pass: usize,
    /// Recommended checks that failed.
    pub warn: usize,
    /// Required checks that failed.
    pub fail: usize,
    /// Optional checks that failed.
    pub info: usize,
    /// Checks that do not apply or were not asked for.
    pub skip: usize,
    /// Checks that could not be determined.
    pub unknown: usize,
    /// The one next command; empty when nothing is to be done.
    pub next: String,
    /// Time the whole diagnosis took, in milliseconds.
    pub duration_ms: u64,
}

impl Report {
    /// Builds the report from what the engine found.
    pub fn new(ground: &Ground, checked: &[Checked<'_>], source: &str, duration_ms: u64) -> Self {
        let subject = ground.subject.as_ref();
        let mut report = Report {
            schema_version: SCHEMA_VERSION,
            tool: Tool {
                name: "rootless-setup".into(),
                version: env!("CARGO_PKG_VERSION").into(),
            },
            host: HostSummary {
                os: ground.os.pretty_name.clone(),
                kernel: ground.kernel_release.known().cloned().unwrap_or_default(),
                arch: ground.arch.clone(),
                user: subject.map(|s| s.name.clone()),
                uid: subject.map(|s| s.uid),
                source: source.into(),
            },
            capabilities: Capability::ALL.map(|c| row(c, checked)).into(),
            checks: checked.iter().map(result).collect(),
            summary: Summary {
                duration_ms,
                ..Summary::default()
            },
        };
        report.summarize();
        report
    }

    fn summarize(&mut self) {
        let count = |status| self.checks.iter().filter(|c| c.status == status).count();
        self.summary = Summary {
            pass: count(Status::Pass),
            warn: count(Status::Warn),
            fail: count(Status::Fail),
            info: count(Status::Info),
            skip: count(Status::Skip),
            unknown: count(Status::Unknown),
            next: self.next(),
            duration_ms: self.summary.duration_ms,
        };
    }

    /// `fix` where it can do something about it, else the first failing check's
    /// command if it is the only one, else a look at it.
    fn next(&self) -> String {
        let with = |status| self.checks.iter().find(move |c| c.status == status);
        let command = |check: &CheckResult| match check.fix.as_ref()?.commands.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        };
        let explain = |check: &CheckResult| format!("rootless-setup explain {}", check.id);
        match (
            with(Status::Fail),
            with(Status::Unknown),
            with(Status::Warn),
        ) {
            _ if self.can_fix() => "rootless-setup fix".into(),
            (Some(check), _, _) => command(check).unwrap_or_else(|| explain(check)),
            (None, Some(check), _) | (None, None, Some(check)) => explain(check),
            (None, None, None) => String::new(),
        }
    }

    /// A required check fails, and this program can mend one of them.
    fn can_fix(&self) -> bool {
        let mut failing = self.checks.iter().filter(|c| c.status == Status::Fail);
        failing.any(|c| c.fix.as_ref().is_some_and(|fix| !fix.actions.is_empty()))
    }

    /// The exit code this report asks for.
    pub fn exit(&self, strict: bool) -> Exit {
        match &self.summary {
            s if s.fail > 0 => Exit::Failed,
            s if strict && s.warn > 0 => Exit::Failed,
            s if s.unknown > 0 => Exit::Undetermined,
            _ => Exit::Fine,
        }
    }
}

fn result(checked: &Checked<'_>) -> CheckResult {
    CheckResult {
        id: checked.check.id.clone(),
        area: checked.check.area().to_owned(),
        title: checked.check.title.clone(),
        level: checked.check.level,
        status: checked.status,
        summary: short(&checked.summary),
        evidence: checked.evidence.iter().map(shortened).collect(),
        fix: checked.fix.clone().filter(is_short),
        docs: checked.check.docs.clone(),
        duration_ms: checked.duration_ms,
    }
}

/// What a host shows of itself in one place, in characters: no path, address or
/// setting that is one is longer.
const MOST: usize = 4096;

/// As much of a text from the host as anybody reads.
fn short(text: &str) -> String {
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((at, _)) => format!("{} ... ({} bytes)", &text[..at], text.len()),
    }
}

fn shortened(evidence: &Evidence) -> Evidence {
    Evidence {
        source: short(&evidence.source),
        value: short(&evidence.value),
    }
}

/// A command that is longer is nothing to be pasted.
fn is_short(fix: &Fix) -> bool {
    let texts = fix.commands.iter().chain([&fix.note]);
    texts.map(String::len).sum::<usize>() <= 64 * MOST
}

/// The worst of the checks that affect a capability decides its row.
fn row(capability: Capability, checked: &[Checked<'_>]) -> CapabilityRow {
    let affecting = || {
        checked
            .iter()
            .filter(|c| c.check.affects.contains(&capability))
    };
    let headline = checked
        .iter()
        .find(|c| c.check.headline == Some(capability));
    let failed = affecting().find(|c| c.status == Status::Fail);
    let lost = affecting().find(|c| takes_all(c, capability));
    let unknown =
        affecting().find(|c| c.status == Status::Unknown && c.check.level == Level::Required);
    let lacking = affecting().find(|c| takes_part(c, capability));
    let (state, because) = match (failed.or(lost), unknown, lacking) {
        (Some(check), _, _) => (State::No, Some(check)),
        (None, Some(check), _) => (State::Unknown, Some(check)),
        (None, None, Some(check)) => (State::Part, Some(check)),
        (None, None, None) => settled(headline),
    };
    CapabilityRow {
        capability,
        state,
        detail: because.map(|c| short(&c.summary)).unwrap_or_default(),
    }
}

/// Nothing speaks against it: the headline check says how far it goes.
fn settled<'a, 'c>(headline: Option<&'a Checked<'c>>) -> (State, Option<&'a Checked<'c>>) {
    match headline.map(|c| c.status) {
        Some(Status::Unknown | Status::Skip) => (State::Unknown, headline),
        Some(_) => (State::Yes, headline),
        None => (State::Yes, None),
    }
}

fn counts(checked: &Checked<'_>, capability: Capability) -> bool {
    match checked.status {
        Status::Warn => true,
        // What is merely worth knowing takes nothing away, unless the row is about it.
        Status::Info => checked.check.headline == Some(capability),
        _ => false,
    }
}

fn takes_all(checked: &Checked<'_>, capability: Capability) -> bool {
    counts(checked, capability) && checked.check.leaves == Leaves::Nothing
}

fn takes_part(checked: &Checked<'_>, capability: Capability) -> bool {
    counts(checked, capability) && checked.check.leaves == Leaves::Part
}
