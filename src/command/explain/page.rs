//! One check, or one known issue, in full, for every distribution.

use std::fmt::Write;

use crate::check::catalogue::{Catalogue, Check};
use crate::check::family;
use crate::check::remedy::Remedy;
use crate::command::catalogue;
use crate::error::Error;
use crate::known::catalogue::{Issue, KnownIssues, Test};
use crate::ui::{Look, Tone};

/// Everything the catalogues know of what has this id; none if nothing has.
///
/// # Errors
/// When a built-in catalogue cannot be read, which the tests rule out.
pub fn of(id: &str, look: &Look) -> Result<Option<String>, Error> {
    if let Some(check) = catalogue()?.get(id) {
        return Ok(Some(page(check, look)));
    }
    let known = KnownIssues::built_in().map_err(|e| Error::Bug(e.to_string()))?;
    Ok(known.get(id).map(|issue| issue_page(issue, look)))
}

/// The error for an id that nothing has, with the nearest ones.
pub fn unknown(id: &str) -> Error {
    catalogue().map_or_else(|e| e, |catalogue| no_check(catalogue, id))
}

/// There is no such check.
pub fn no_check(catalogue: &Catalogue, id: &str) -> Error {
    Error::NoCheck {
        id: id.into(),
        near: nearest(catalogue, id),
    }
}

/// Ids that hold what was typed, or whose words it holds; at most three.
fn nearest(catalogue: &Catalogue, typed: &str) -> Vec<String> {
    let words: Vec<&str> = typed
        .split(['.', '-', '_'])
        .filter(|w| w.len() > 2)
        .collect();
    let hits = |check: &&Check| words.iter().filter(|w| check.id.contains(*w)).count();
    let mut near: Vec<&Check> = catalogue.iter().filter(|c| hits(c) > 0).collect();
    near.sort_by_key(|c| std::cmp::Reverse(hits(c)));
    near.truncate(3);
    near.into_iter().map(|c| c.id.clone()).collect()
}

/// A known issue: what its lines look like, and what decides.
fn issue_page(issue: &Issue, look: &Look) -> String {
    let mut out = format!("{}\n", look.paint(Tone::Strong, &issue.id));
    let mut row = |label: &str, text: &str| {
        let _ = writeln!(out, "  {label:<9}{}", look.wrap(text, 11).trim_start());
    };
    row("what", &issue.title);
    row("says", &issue.sample);
    row("why", issue.cause.trim());
    for condition in &issue.decides {
        let by = if condition.by > 0 {
            "for it"
        } else {
            "against"
        };
        let text = match &condition.test {
            Test::Fails(check) => format!("{check} fails"),
            Test::Passes(check) => format!("{check} passes"),
            Test::Says(pattern) => format!("the log says {pattern}"),
            Test::Unsaid(pattern) => format!("the log does not say {pattern}"),
        };
        row(by, &text);
    }
    row("fix", &issue.fix);
    if let Some(check) = &issue.check {
        row("more", &format!("rootless-setup explain {check}"));
    }
    for source in &issue.sources {
        row("seen", source);
    }
    out
}

fn page(check: &Check, look: &Look) -> String {
    let mut out = format!("{}\n", look.paint(Tone::Strong, &check.id));
    let level = format!("{:?}", check.level).to_lowercase();
    let affects: Vec<_> = check.affects.iter().map(|c| c.label()).collect();
    let mut row = |label: &str, text: &str| {
        if !text.is_empty() {
            let _ = writeln!(out, "  {label:<9}{}", look.wrap(text, 11).trim_start());
        }
    };
    row("what", &check.title);
    row("level", &level);
    row("affects", &affects.join(", "));
    row("needs", &check.requires.join(", "));
    row("why", &check.cause);
    row("more", &check.docs);
    for issue in &check.upstream {
        row("upstream", issue);
    }
    remedy(&mut out, look, "What to do", &check.remedy);
    for (name, named) in &check.remedies {
        remedy(&mut out, look, &format!("What to do ({name})"), named);
    }
    out
}

fn remedy(out: &mut String, look: &Look, title: &str, remedy: &Remedy) {
    if *remedy == Remedy::default() {
        return;
    }
    let _ = writeln!(out, "\n{}", look.paint(Tone::Strong, title));
    if !remedy.note.is_empty() {
        let _ = writeln!(out, "  {}", look.wrap(&remedy.note, 2));
    }
    for key in family::KEYS {
        let keys = [key.to_owned()];
        for command in remedy.example(&keys).commands {
            let _ = writeln!(out, "  {key:<9}{}", look.paint(Tone::Code, &command));
        }
    }
}
