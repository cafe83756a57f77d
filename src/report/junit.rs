//! The report as JUnit XML: an area is a suite, a check a case.

use std::fmt::Write;

use super::html::escape;
use super::ticket::word;
use super::{CheckResult, Report, phrase};
use crate::check::engine::Status;

/// Renders the report.
pub fn render(report: &Report) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let all: Vec<&CheckResult> = report.checks.iter().collect();
    let _ = writeln!(out, "<testsuites name=\"rootless-setup\" {}>", counts(&all));
    let mut areas: Vec<&str> = Vec::new();
    for check in &all {
        if !areas.contains(&check.area.as_str()) {
            areas.push(&check.area);
        }
    }
    for area in areas {
        let own: Vec<&CheckResult> = all.iter().copied().filter(|c| c.area == area).collect();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" {}>",
            escape(area),
            counts(&own)
        );
        own.iter().for_each(|check| case(&mut out, check));
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn counts(checks: &[&CheckResult]) -> String {
    let of = |status| checks.iter().filter(|check| check.status == status).count();
    let millis: u64 = checks.iter().map(|check| check.duration_ms).sum();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\"",
        checks.len(),
        of(Status::Fail),
        of(Status::Unknown),
        of(Status::Skip),
        seconds(millis)
    )
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// Warnings pass, with what they say as output: a build must not break on them.
fn case(out: &mut String, check: &CheckResult) {
    let [area, id, summary] = [&check.area, &check.id, &check.summary].map(|text| escape(text));
    let _ = write!(
        out,
        "    <testcase classname=\"{area}\" name=\"{id}\" time=\"{}\"",
        seconds(check.duration_ms)
    );
    let level = word(check.level);
    let details = escape_lines(&details(check));
    let _ = match check.status {
        Status::Pass => writeln!(out, "/>"),
        Status::Skip => writeln!(out, "><skipped message=\"{summary}\"/></testcase>"),
        Status::Unknown => {
            writeln!(
                out,
                "><error type=\"{level}\" message=\"{summary}\">{details}</error></testcase>"
            )
        }
        Status::Fail => {
            writeln!(
                out,
                "><failure type=\"{level}\" message=\"{summary}\">{details}</failure></testcase>"
            )
        }
        Status::Warn | Status::Info => {
            writeln!(
                out,
                "><system-out>{summary}\n{details}</system-out></testcase>"
            )
        }
    };
}

fn escape_lines(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
    lines.join("\n")
}

fn details(check: &CheckResult) -> Vec<String> {
    let seen = check
        .evidence
        .iter()
        .map(|e| format!("{}: {}", e.source, e.value));
    let mut lines: Vec<String> = seen.collect();
    if let Some(fix) = &check.fix {
        lines.extend(
            [fix.note.clone()]
                .into_iter()
                .filter(|note| !note.is_empty()),
        );
        let (whose, mark) = match phrase::is_built_in(check) {
            true => (None, "$ "),
            false => (Some(phrase::SITE.to_owned()), ""),
        };
        lines.extend(whose);
        let commands = fix.commands.iter();
        lines.extend(commands.map(|command| format!("{mark}{command}")));
    }
    lines
}
