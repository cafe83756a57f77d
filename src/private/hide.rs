//! A recorded host, a report or a log with stand-ins for everything private.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::scan::is_common;
use super::source::{self, Form, form, is_public_variable};
use super::{Register, Replace, json};
use crate::fact::{Fact, Why};
use crate::host::{Bundle, Node};
use crate::report::Report;

/// In the place of a value that is not passed on.
const WITHHELD: &str = "(withheld)";

/// Enters every private value of a recorded host, of its log and among the
/// secrets that the recording left out.
pub fn register(bundle: &Bundle, secrets: &BTreeSet<String>, log: &[String]) -> Register {
    source::register(bundle, secrets, log)
}

/// The recorded host with stand-ins. `None` if it cannot be taken apart, which
/// nothing that was recorded can bring about.
pub fn bundle(bundle: &Bundle, register: &Register, replace: &Replace<'_>) -> Option<Bundle> {
    let mut open = bundle.clone();
    open.files = bundle
        .files
        .iter()
        .map(|(path, node)| {
            let node = Node {
                text: None,
                ..node.clone()
            };
            (path.clone(), node)
        })
        .collect();
    let mut value = serde_json::to_value(&open).ok()?;
    each_string(&mut value, &|text| replace.text(text).into_owned());
    let mut hidden: Bundle = serde_json::from_value(value).ok()?;
    names(&mut hidden, register);
    for (path, node) in &bundle.files {
        if let (Some(text), Some(to)) = (
            &node.text,
            hidden.files.get_mut(replace.text(path).as_ref()),
        ) {
            to.text = file(path, text, register, replace);
            if to.text.is_none() {
                to.read_error = Some(Why::new("its text is not passed on"));
            }
        }
    }
    hidden
        .env
        .retain(|name, _| is_public_variable(name) || is_asked_for(name));
    if let Some(Fact::Known(manager)) = &mut hidden.user_manager {
        let public = |line: &String| is_public_variable(line.split('=').next().unwrap_or_default());
        manager.environment.retain(public);
    }
    Some(hidden)
}

/// Fields that hold a user's name and nothing else, even one that is a word.
fn names(hidden: &mut Bundle, register: &Register) {
    let replace = |name: &mut String| *name = stand_in(name, register).to_owned();
    hidden.user.iter_mut().for_each(replace);
    for name in ["USER", "LOGNAME", "SUDO_USER", "HOSTNAME"] {
        hidden.env.get_mut(name).into_iter().for_each(replace);
    }
    for dir in ["/home", "/var/lib/systemd/linger"] {
        let node = hidden.files.get_mut(dir);
        let entries = node.and_then(|node| node.entries.as_mut());
        entries.into_iter().flatten().for_each(replace);
    }
}

/// Variables of which only is asked whether they are set.
fn is_asked_for(name: &str) -> bool {
    ["KUBERNETES_SERVICE_HOST", "container"].contains(&name)
}

/// The text of a file with stand-ins; none if it is not passed on.
fn file(path: &str, text: &str, register: &Register, replace: &Replace<'_>) -> Option<String> {
    let form = form(path);
    let mut own = |value: &str| match register.stand_in(value) {
        Some(stand_in) => stand_in.to_owned(),
        None => replace.text(value).into_owned(),
    };
    let text = match form {
        Form::Withheld => return None,
        Form::Json if text.trim().is_empty() => String::new(),
        Form::Json => json::each(text, &mut own).unwrap_or_else(|| json::shape(text)),
        Form::Unit | Form::Variables => without_values(text),
        _ => text.to_owned(),
    };
    if HOST_NAMES.contains(&path) {
        return Some(host_name(&text, register, replace));
    }
    let text = replace.text(&text);
    let lines = |line: fn(&str, &Register) -> String| {
        text.split_inclusive('\n')
            .map(|l| line(l, register))
            .collect()
    };
    Some(match form {
        Form::Accounts => lines(account),
        Form::Groups => lines(group),
        Form::Ranges => lines(range),
        Form::Routes => lines(route),
        _ => text.into_owned(),
    })
}

/// Files that hold this machine's name and nothing else.
const HOST_NAMES: [&str; 2] = ["/proc/sys/kernel/hostname", "/etc/hostname"];

/// The machine's name is hidden even where it is a word.
fn host_name(text: &str, register: &Register, replace: &Replace<'_>) -> String {
    let (name, end) = split_end(text);
    match name.split_once('.') {
        Some((first, rest)) => format!("{}.{}{end}", stand_in(first, register), replace.text(rest)),
        None => format!("{}{end}", stand_in(name, register)),
    }
}

/// A text with more assignments is withheld.
const MOST_ASSIGNMENTS: usize = 200;

/// Variables that are not known keep their names only.
fn without_values(text: &str) -> String {
    let assignments = source::assignments(text);
    // Each costs a search of the text, and no unit has so many.
    if assignments.len() > MOST_ASSIGNMENTS {
        return format!("# {WITHHELD}\n");
    }
    let mut hidden = text.to_owned();
    for (name, value) in assignments {
        let is_directive = name.chars().any(|c| c.is_ascii_lowercase());
        if !value.is_empty() && !is_directive && !is_public_variable(name) {
            for quote in ["", "\"", "'"] {
                let (from, to) = (
                    format!("{name}={quote}{value}"),
                    format!("{name}={quote}{WITHHELD}"),
                );
                hidden = hidden.replace(&from, &to);
            }
        }
    }
    hidden
}

fn stand_in<'a>(name: &'a str, register: &'a Register) -> &'a str {
    register.stand_in(name).unwrap_or(name)
}

/// `passwd(5)`: nothing of the gecos field.
fn account(line: &str, register: &Register) -> String {
    let mut fields: Vec<&str> = line.split(':').collect();
    if fields.len() > 5 {
        fields[0] = stand_in(fields[0], register);
        fields[4] = "";
    }
    fields.join(":")
}

/// `group(5)`.
fn group(line: &str, register: &Register) -> String {
    let (line, end) = split_end(line);
    let mut fields: Vec<String> = line.split(':').map(str::to_owned).collect();
    if let [name, _, _, members] = &mut fields[..] {
        *name = stand_in(name, register).to_owned();
        let each = members.split(',').map(|member| stand_in(member, register));
        *members = each.collect::<Vec<_>>().join(",");
    }
    fields.join(":") + end
}

/// `subuid(5)`.
fn range(line: &str, register: &Register) -> String {
    match line.split_once(':') {
        Some((name, rest)) => format!("{}:{rest}", stand_in(name, register)),
        None => line.to_owned(),
    }
}

fn split_end(line: &str) -> (&str, &str) {
    line.strip_suffix('\n')
        .map_or((line, ""), |line| (line, "\n"))
}

/// `/proc/net/route`: networks and gateways, in hexadecimal, low byte first.
fn route(line: &str, _: &Register) -> String {
    let mut fields: Vec<&str> = line.split('\t').collect();
    if fields.len() > 7 {
        for (at, stand_in) in [(1, "000200C0"), (2, "010200C0")] {
            let address = u32::from_str_radix(fields[at].trim(), 16).map(u32::to_le_bytes);
            if address.is_ok_and(|address| !is_common(address)) {
                fields[at] = stand_in;
            }
        }
    }
    fields.join("\t")
}

fn each_string(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_string(item, change)),
        Value::Object(members) => {
            let old = std::mem::take(members);
            for (name, mut value) in old {
                each_string(&mut value, change);
                members.insert(change(&name), value);
            }
        }
        _ => {}
    }
}

/// A report with stand-ins, for what was judged before they were put in.
pub fn report(report: &mut Report, replace: &Replace<'_>) {
    let hide = |text: &mut String| {
        if let std::borrow::Cow::Owned(hidden) = replace.text(text) {
            *text = hidden;
        }
    };
    hide(&mut report.host.source);
    report.host.user.iter_mut().for_each(hide);
    report
        .capabilities
        .iter_mut()
        .for_each(|row| hide(&mut row.detail));
    hide(&mut report.summary.next);
    for check in &mut report.checks {
        [&mut check.summary, &mut check.title, &mut check.docs]
            .into_iter()
            .for_each(hide);
        for evidence in &mut check.evidence {
            hide(&mut evidence.source);
            hide(&mut evidence.value);
        }
        if let Some(fix) = &mut check.fix {
            hide(&mut fix.note);
            fix.commands.iter_mut().for_each(hide);
        }
    }
}

/// The values and what stands in their places, for the user to keep: never
/// passwords or tokens.
pub fn key(register: &Register) -> BTreeMap<&str, &str> {
    let entries = register.entries().iter();
    let kept = entries.filter(|entry| entry.kind != super::Kind::Secret);
    kept.map(|entry| (entry.stand_in.as_str(), entry.value.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestHost;

    #[test]
    fn a_host_may_be_called_by_words() {
        for name in [
            "rootless-bullseye",
            "debian",
            "docker.example",
            "DOCKER-Server",
        ] {
            let path = "/proc/sys/kernel/hostname";
            let host = TestHost::new().file(path, &format!("{name}\n")).0;
            let register = register(&host, &BTreeSet::new(), &[]);
            let replace = Replace::new(&register);
            let hidden = bundle(&host, &register, &replace).unwrap();
            let text = hidden.files[path].text.clone().unwrap();
            assert!(text.starts_with("host-1"), "{name}: {text}");
        }
    }
}
