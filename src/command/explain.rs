//! `explain ID`: one check in full, for every distribution.

use std::fmt::Write;

use super::catalogue;
use crate::check::catalogue::{Catalogue, Check};
use crate::check::family;
use crate::check::remedy::{Remedy, examples};
use crate::cli::Explain;
use crate::error::Error;
use crate::exit::Exit;
use crate::ui::{self, Look, Tone};

/// Prints everything the catalogue knows of one check.
///
/// # Errors
/// [`Error::NoCheck`] with the nearest ids.
pub fn run(args: &Explain, look: &Look) -> Result<Exit, Error> {
    let catalogue = catalogue()?;
    let check = catalogue.get(&args.id);
    let check = check.ok_or_else(|| no_check(catalogue, &args.id))?;
    ui::print(&page(check, look))?;
    Ok(Exit::Fine)
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
        for command in remedy.on(&keys, &examples()).commands {
            let _ = writeln!(out, "  {key:<9}{}", look.paint(Tone::Code, &command));
        }
    }
}
