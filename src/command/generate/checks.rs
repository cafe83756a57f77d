//! `generate checks`: what is known of every check, as Markdown, from the
//! catalogue, the known issues, and the remedies of every distribution.

use std::fmt::Write;
use std::path::Path;

use crate::check::catalogue::{AREAS, Catalogue, Check, Level};
use crate::check::family;
use crate::check::remedy::Remedy;
use crate::command::catalogue;
use crate::command::report::output;
use crate::error::Error;
use crate::known::catalogue::{Issue, KnownIssues};
use crate::report::prose::{block, cell, code};
use crate::ui;

/// Prints one page, or writes a file each, with an index, to `dir`.
///
/// # Errors
/// When that cannot be written.
pub fn run(dir: Option<&Path>) -> Result<(), Error> {
    let known = KnownIssues::built_in().map_err(|e| Error::Bug(e.to_string()))?;
    let pages = pages(catalogue()?, known);
    let Some(dir) = dir else {
        let texts: Vec<&str> = pages.iter().map(|(_, text)| text.as_str()).collect();
        return ui::print(&texts.join("\n"));
    };
    for (name, text) in &pages {
        let path = dir.join(name);
        output::writable(&path)?;
        output::write(&path, text, 0o644)?;
    }
    ui::tell(&format!("wrote {} pages to {}", pages.len(), dir.display()));
    Ok(())
}

/// Every file: its name, and its text. The index is the first.
fn pages(catalogue: &Catalogue, known: &KnownIssues) -> Vec<(String, String)> {
    let index = ("README.md".to_owned(), index(catalogue));
    let page = |check: &Check| (file(&check.id), page(check, known));
    std::iter::once(index)
        .chain(catalogue.iter().map(page))
        .collect()
}

fn file(id: &str) -> String {
    format!("{id}.md")
}

fn link(id: &str) -> String {
    format!("[{id}]({})", file(id))
}

fn level(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::Required => (
            "required",
            "without it the daemon or its containers do not start",
        ),
        Level::Recommended => (
            "recommended",
            "it runs, but something is missing or will break",
        ),
        Level::Optional => ("optional", "worth knowing, and fine for many"),
    }
}

fn index(catalogue: &Catalogue) -> String {
    let mut out = format!(
        "# The checks\n\n`rootless-setup doctor` makes {} of them. These pages are made by \
         `rootless-setup generate checks docs/checks` from what the program itself knows; \
         `rootless-setup explain ID` shows the same.\n",
        catalogue.iter().count()
    );
    for area in AREAS {
        let _ = write!(
            out,
            "\n## {area}\n\n| check | level | passes when |\n|---|---|---|\n"
        );
        for check in catalogue.iter().filter(|check| check.area() == *area) {
            let (level, _) = level(check.level);
            let title = cell(&plain(&check.title));
            let _ = writeln!(out, "| {} | {level} | {title} |", link(&check.id));
        }
    }
    out
}

fn page(check: &Check, known: &KnownIssues) -> String {
    let mut out = format!("# {}\n\n{}.\n\n", plain(&check.id), plain(&check.title));
    facts(&mut out, check);
    let _ = write!(out, "\n## Why\n\n{}\n", plain(&check.cause));
    remedy(&mut out, "What to do", &check.remedy);
    for (name, named) in &check.remedies {
        remedy(&mut out, &format!("What to do: {}", plain(name)), named);
    }
    messages(&mut out, check, known);
    sources(&mut out, check, known);
    out
}

fn facts(out: &mut String, check: &Check) {
    let (word, means) = level(check.level);
    let mut row = |label: &str, text: String| {
        if !text.is_empty() {
            let _ = writeln!(out, "- **{label}**: {text}");
        }
    };
    row("Level", format!("{word}; {means}"));
    let affects: Vec<_> = check.affects.iter().map(|c| c.label()).collect();
    row("Affects", affects.join(", "));
    let needs: Vec<_> = check.requires.iter().map(|id| link(id)).collect();
    row("Needs", needs.join(", "));
    let aliases: Vec<_> = check.aliases.iter().map(|id| code(id)).collect();
    row("Formerly", aliases.join(", "));
}

fn remedy(out: &mut String, title: &str, remedy: &Remedy) {
    if *remedy == Remedy::default() {
        return;
    }
    let _ = write!(out, "\n## {title}\n");
    if !remedy.note.is_empty() {
        let _ = write!(out, "\n{}\n", plain(&remedy.note));
    }
    let typed = |key: &str| remedy.example(&[key.to_owned()]).commands;
    let (default, families) = (typed(family::KEYS[0]), &family::KEYS[1..]);
    let mut name = "Anywhere";
    for (key, commands) in families.iter().map(|key| (key, typed(key))) {
        if !commands.is_empty() {
            name = "Elsewhere";
            let _ = write!(out, "\n{}:\n\n{}", family_name(key), block("sh", commands));
        }
    }
    if !default.is_empty() {
        let _ = write!(out, "\n{name}:\n\n{}", block("sh", default));
    }
}

fn family_name(key: &str) -> &str {
    match key {
        "debian" => "Debian and its like",
        "ubuntu" => "Ubuntu",
        "fedora" => "Fedora, RHEL and their like",
        "rhel" => "RHEL and its like",
        "rhel7" => "RHEL 7 and CentOS 7",
        "rhel8" => "RHEL 8 and its like",
        "suse" => "SUSE",
        "arch" => "Arch Linux",
        "alpine" => "Alpine Linux",
        key => key,
    }
}

/// Known issues of which this check knows more.
fn pointing<'a>(check: &'a Check, known: &'a KnownIssues) -> impl Iterator<Item = &'a Issue> {
    known
        .iter()
        .filter(|issue| issue.check.as_ref() == Some(&check.id))
}

fn messages(out: &mut String, check: &Check, known: &KnownIssues) {
    let mut issues = pointing(check, known).peekable();
    if issues.peek().is_some() {
        out.push_str("\n## What logs say of it\n");
    }
    for issue in issues {
        let sample = block("text", issue.sample.lines());
        let title = plain(&issue.title);
        let _ = write!(out, "\n{}, {title}:\n\n{sample}", code(&issue.id));
    }
}

fn sources(out: &mut String, check: &Check, known: &KnownIssues) {
    let own = std::iter::once(&check.docs).chain(&check.upstream);
    let all = own.chain(pointing(check, known).flat_map(|issue| &issue.sources));
    let mut told: Vec<&str> = Vec::new();
    out.push_str("\n## Sources\n\n");
    for source in all {
        if !told.contains(&source.as_str()) {
            told.push(source);
            let _ = writeln!(out, "- {}", linked(source));
        }
    }
}

/// An address as a link to itself; what is none stays text.
fn linked(source: &str) -> String {
    let is_url = source.starts_with("https://")
        && !source.contains(|c: char| c.is_whitespace() || "()<>[]".contains(c));
    match is_url {
        true => format!("[{}]({source})", plain(source)),
        false => plain(source),
    }
}

/// Text as it is: nothing in it is markup.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
    {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
