//! What was met in a text: which issues where, which words that decide.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::{Kind, KnownIssues};
use super::clean::{Level, clean, level, message};
use super::patterns::{Aim, Patterns};

/// The longest quote, in characters.
const LONGEST: usize = 300;

/// How much of a long line is quoted before the words in question.
const BEFORE: usize = 80;

/// An issue in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Line of the last time, from 1.
    pub line: u64,
    /// What it said then: without colours and prefixes, not yet safe to print.
    pub text: String,
    /// How often.
    pub times: u64,
}

/// A line with words that decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Line of the first time, from 1.
    pub line: u64,
    /// What it said.
    pub text: String,
}

/// All that was met. Lines are numbered from 1 by whoever looks at them, in
/// any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sightings {
    /// By number of the issue.
    pub issues: BTreeMap<usize, Sighting>,
    /// By number of the issue and of its condition.
    pub words: BTreeMap<(usize, usize), Word>,
    /// The last line that says that the daemon runs.
    pub settled: Option<u64>,
    /// The log is about Docker.
    pub context: bool,
}

/// What a shell traced, what was typed at a prompt and what stands in a Dockerfile
/// say what was to be done, not what failed.
const TRACES: [&[u8]; 5] = [b"+ ", b"++ ", b"$ ", b"sudo ", b"RUN "];

impl Sightings {
    /// Looks at one line.
    pub fn look(&mut self, known: &KnownIssues, number: u64, raw: &[u8]) {
        let line = clean(raw);
        let aims = known.patterns.aims(&line);
        if aims.is_empty() {
            return;
        }
        let message = message(&line);
        let traced = TRACES.iter().any(|trace| message.starts_with(trace));
        let mute = traced || aims.contains(&Aim::Noise);
        let level = level(&line);
        for aim in aims {
            let counts = |issue: usize| !mute && heard(known, issue, level);
            match aim {
                Aim::Issue(issue) if !counts(issue) => {}
                aim => self.note(&known.patterns, aim, number, message),
            }
        }
    }

    /// Looks at lines that were joined again, for issues that none of them has
    /// alone; `alone` tells what they have.
    pub fn look_joined(
        &mut self,
        known: &KnownIssues,
        number: u64,
        joined: &[u8],
        alone: impl FnOnce() -> Self,
    ) {
        let Some(patterns) = known.loose() else {
            return;
        };
        let line = clean(joined);
        let aims = patterns.aims(&line);
        if !aims.iter().any(|aim| matches!(aim, Aim::Issue(_))) {
            return;
        }
        let (level, alone) = (level(&line), alone());
        for aim in aims {
            match aim {
                Aim::Issue(issue) if alone.issues.contains_key(&issue) => {}
                Aim::Issue(issue) if self.just_seen(issue, number) => {}
                Aim::Issue(issue) if !heard(known, issue, level) => {}
                Aim::Noise | Aim::Settled => {}
                aim => self.note(patterns, aim, number, message(&line)),
            }
        }
    }

    /// The same broken line, looked at from a line before.
    fn just_seen(&self, issue: usize, number: u64) -> bool {
        let last = self.issues.get(&issue).map(|s| s.line);
        last.is_some_and(|last| number < last + 10)
    }

    fn note(&mut self, patterns: &Patterns, aim: Aim, number: u64, message: &[u8]) {
        let text = || quote(message, patterns.place(aim, message));
        match aim {
            Aim::Issue(issue) => {
                let again = self.issues.get(&issue).map_or(0, |s| s.times);
                let sighting = Sighting {
                    line: number,
                    text: text(),
                    times: again + 1,
                };
                self.issues.insert(issue, sighting);
            }
            Aim::Word(issue, which) => {
                let word = || Word {
                    line: number,
                    text: text(),
                };
                self.words.entry((issue, which)).or_insert_with(word);
            }
            Aim::Settled => self.settled = self.settled.max(Some(number)),
            Aim::Context => self.context = true,
            Aim::Noise => {}
        }
    }

    /// Adds what was met elsewhere in the same text.
    pub fn merge(&mut self, other: Sightings) {
        for (issue, theirs) in other.issues {
            match self.issues.get_mut(&issue) {
                None => {
                    self.issues.insert(issue, theirs);
                }
                Some(ours) => {
                    let times = ours.times + theirs.times;
                    if theirs.line > ours.line {
                        *ours = theirs;
                    }
                    ours.times = times;
                }
            }
        }
        for (key, theirs) in other.words {
            let ours = self.words.entry(key).or_insert_with(|| theirs.clone());
            if theirs.line < ours.line {
                *ours = theirs;
            }
        }
        self.settled = self.settled.max(other.settled);
        self.context |= other.context;
    }

    /// Gives every line another number.
    pub fn renumber(&mut self, number: impl Fn(u64) -> u64) {
        let lines = self.issues.values_mut().map(|s| &mut s.line);
        let words = self.words.values_mut().map(|w| &mut w.line);
        for line in lines.chain(words).chain(self.settled.as_mut()) {
            *line = number(*line);
        }
    }

    /// The issues that one line told of, all of them.
    pub fn on_line(&self, line: u64) -> BTreeSet<usize> {
        let on = self.issues.iter().filter(|(_, s)| s.line == line);
        on.map(|(issue, _)| *issue).collect()
    }
}

/// Whether an issue counts when it is said at this level.
fn heard(known: &KnownIssues, issue: usize, level: Level) -> bool {
    let issue = &known.issues[issue];
    level == Level::Failed || issue.quiet || issue.kind == Kind::Warning
}

/// The part of a message that is shown.
fn quote(message: &[u8], place: Option<usize>) -> String {
    let text = String::from_utf8_lossy(without_time(message));
    if text.chars().count() <= LONGEST {
        return text.trim_end().to_owned();
    }
    let cut = message.len() - without_time(message).len();
    let from = place.unwrap_or_default().saturating_sub(cut + BEFORE);
    let from = text.char_indices().map(|(at, _)| at).find(|at| *at >= from);
    let rest = &text[from.unwrap_or_default()..];
    let before = if rest.len() < text.len() { "…" } else { "" };
    let shown: String = rest.chars().take(LONGEST).collect();
    let after = if shown.len() < rest.len() { "…" } else { "" };
    format!("{before}{shown}{after}")
}

/// A line of dockerd's without the `time="…"` before it.
fn without_time(message: &[u8]) -> &[u8] {
    let rest = message.strip_prefix(b"time=\"");
    let end = rest.and_then(|rest| rest.iter().take(48).position(|b| *b == b'"'));
    match (rest, end) {
        (Some(rest), Some(end)) => rest[end + 1..].trim_ascii_start(),
        _ => message,
    }
}
