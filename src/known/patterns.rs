//! All patterns at once: an automaton finds their literals, and only patterns
//! whose literal is there are tried.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::bytes::{Regex, RegexBuilder};

use super::catalogue::{Issue, Test};
use super::literal;
use super::sieve::{self, Sieve};

/// Shorter literals are met everywhere.
const SHORTEST: usize = 3;

/// More than a pattern of ours needs; a bound for the memory of one.
const REGEX_SIZE: usize = 1 << 20;

/// What a pattern is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aim {
    /// The issue with this number.
    Issue(usize),
    /// A condition: the issue's number, and which of its `decides`.
    Word(usize, usize),
    /// The line says nothing of a cause.
    Noise,
    /// The daemon runs after this.
    Settled,
    /// The log is about Docker.
    Context,
}

impl Aim {
    /// Whether a line in the midst of a long text is looked at because of it.
    fn leads(self) -> bool {
        matches!(self, Aim::Issue(_) | Aim::Settled)
    }
}

/// All patterns.
#[derive(Debug)]
pub struct Patterns {
    /// Finds the lines worth a look in a long text.
    sieve: Sieve,
    automaton: AhoCorasick,
    /// By number of the literal: the patterns that need one like it.
    wanted: Vec<Vec<usize>>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    aim: Aim,
    pattern: String,
    regex: OnceLock<Option<Regex>>,
}

impl Patterns {
    /// Takes the patterns of the catalogue. `loose` ones also fit where a space
    /// got lost at the end of a line.
    ///
    /// # Errors
    /// When one is not valid or needs no literal.
    pub fn new(
        issues: &[Issue],
        noise: &[String],
        settled: &[String],
        context: &[String],
        loose: bool,
    ) -> Result<Self, String> {
        let mut all: Vec<(Aim, &String)> = Vec::new();
        for (number, issue) in issues.iter().enumerate() {
            all.extend(issue.patterns.iter().map(|p| (Aim::Issue(number), p)));
            for (which, condition) in issue.decides.iter().enumerate() {
                if let Test::Says(p) | Test::Unsaid(p) = &condition.test {
                    all.push((Aim::Word(number, which), p));
                }
            }
        }
        all.extend(noise.iter().map(|p| (Aim::Noise, p)));
        all.extend(settled.iter().map(|p| (Aim::Settled, p)));
        all.extend(context.iter().map(|p| (Aim::Context, p)));
        let form = |p: &String| match loose {
            true => p.replace(' ', " ?"),
            false => p.clone(),
        };
        Self::of(all.into_iter().map(|(aim, p)| (aim, form(p))), loose)
    }

    fn of(all: impl Iterator<Item = (Aim, String)>, loose: bool) -> Result<Self, String> {
        let mut literals: Vec<String> = Vec::new();
        let mut wanted: Vec<Vec<usize>> = Vec::new();
        let mut entries = Vec::new();
        let mut leading = BTreeSet::new();
        let mut bad = Vec::new();
        for (number, (aim, pattern)) in all.enumerate() {
            // Joined lines are few, and are never sieved.
            let leads = aim.leads() && !loose;
            let shortest = if leads { sieve::SHORTEST } else { SHORTEST };
            let required = literal::required(&pattern, shortest).unwrap_or_else(|why| {
                bad.push(why);
                Vec::new()
            });
            leading.extend(required.iter().filter(|_| leads).cloned());
            for literal in required {
                let known = literals.iter().position(|l| *l == literal);
                let at = known.unwrap_or_else(|| {
                    literals.push(literal);
                    wanted.push(Vec::new());
                    literals.len() - 1
                });
                wanted[at].push(number);
            }
            entries.push(Entry {
                aim,
                pattern,
                regex: OnceLock::new(),
            });
        }
        if !bad.is_empty() {
            return Err(bad.join("\n"));
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&literals)
            .map_err(|e| e.to_string())?;
        Ok(Patterns {
            sieve: Sieve::new(leading.iter()),
            automaton,
            wanted,
            entries,
        })
    }

    /// Where the next literal of an issue is, at or after `from`. Words that only
    /// decide, and noise, lead nowhere.
    pub fn next_hit(&self, text: &[u8], from: usize) -> Option<usize> {
        self.sieve.find(text, from)
    }

    /// What the patterns that fit this line are for, each once, in order.
    pub fn aims(&self, line: &[u8]) -> Vec<Aim> {
        let mut tried: Vec<usize> = Vec::new();
        for hit in self.automaton.find_overlapping_iter(line) {
            tried.extend(&self.wanted[hit.pattern().as_usize()]);
        }
        tried.sort_unstable();
        tried.dedup();
        let fits = tried.iter().map(|at| &self.entries[*at]);
        let mut aims: Vec<Aim> = fits.filter(|e| e.fits(line)).map(|e| e.aim).collect();
        aims.dedup();
        aims
    }

    /// Where in a line the pattern with this aim begins to fit.
    pub fn place(&self, aim: Aim, line: &[u8]) -> Option<usize> {
        let mut entries = self.entries.iter().filter(|e| e.aim == aim);
        entries.find_map(|e| Some(e.regex()?.find(line)?.start()))
    }

    /// Every pattern as it stands in the catalogue.
    #[cfg(test)]
    pub fn all(&self) -> impl Iterator<Item = (Aim, &str)> {
        self.entries.iter().map(|e| (e.aim, e.pattern.as_str()))
    }
}

impl Entry {
    fn fits(&self, line: &[u8]) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(line))
    }

    /// Compiled when it is first needed: most never are.
    fn regex(&self) -> Option<&Regex> {
        let regex = self.regex.get_or_init(|| compiled(&self.pattern).ok());
        regex.as_ref()
    }
}

/// A pattern as it is used: of bytes, in linear time, letters of either case.
pub fn compiled(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .unicode(false)
        .case_insensitive(true)
        .size_limit(REGEX_SIZE)
        .dfa_size_limit(REGEX_SIZE)
        .build()
}
