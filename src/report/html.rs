//! The report as one page of HTML: nothing is loaded, nothing runs.

use std::fmt::Write;

use super::ticket::{Log, Ticket};
use super::{CheckResult, Report, phrase};
use crate::check::engine::Status;
use crate::report::ticket::word;
use crate::ui::filter;

/// The look of every page.
pub const STYLE: &str = include_str!("../../templates/report.css");

/// Text with nothing in it that HTML or XML would take for markup.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in filter::one_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A whole page. The policy forbids everything but the style in it, should
/// anything ever come through.
pub fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

/// Renders a ticket.
pub fn render(ticket: &Ticket) -> String {
    let report = &ticket.report;
    let mut body = head(ticket);
    capabilities(&mut body, report);
    for status in [Status::Fail, Status::Unknown, Status::Warn] {
        of(report, status).for_each(|check| section(&mut body, check));
    }
    folded(&mut body, report, "worth knowing", Status::Info);
    if let Some(log) = &ticket.log {
        self::log(&mut body, log);
    }
    folded(&mut body, report, "passed", Status::Pass);
    folded(&mut body, report, "did not apply", Status::Skip);
    page("rootless-setup report", &body)
}

fn of(report: &Report, status: Status) -> impl Iterator<Item = &CheckResult> {
    report
        .checks
        .iter()
        .filter(move |check| check.status == status)
}

fn head(ticket: &Ticket) -> String {
    let report = &ticket.report;
    let host = &report.host;
    let uid = host
        .uid
        .map(|uid| format!(", uid {uid}"))
        .unwrap_or_default();
    format!(
        "<h1>{}</h1>\n<p>{}, {}, {}{uid}, by {} {}. {}</p>\n",
        escape(&phrase::verdict(report)),
        escape(&host.os),
        escape(&host.kernel),
        escape(&host.arch),
        escape(&report.tool.name),
        escape(&report.tool.version),
        phrase::privacy(ticket.values)
    )
}

fn capabilities(body: &mut String, report: &Report) {
    body.push_str("<table>\n");
    for row in &report.capabilities {
        let state = word(row.state);
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td class=\"{state}\">{state}</td><td>{}</td></tr>",
            row.capability.label(),
            escape(&row.detail)
        );
    }
    body.push_str("</table>\n");
}

fn section(body: &mut String, check: &CheckResult) {
    let _ = write!(
        body,
        "<section class=\"{0}\">\n<h2><span class=\"{0}\">{1}</span> <code>{2}</code></h2>\n<p>{3}</p>\n<dl>\n",
        word(check.status),
        phrase::word(check.status),
        escape(&check.id),
        escape(&check.summary)
    );
    for seen in &check.evidence {
        let _ = writeln!(
            body,
            "<dt>{}</dt><dd>{}</dd>",
            escape(&seen.source),
            escape(&seen.value)
        );
    }
    body.push_str("</dl>\n");
    if let Some(fix) = &check.fix {
        let _ = writeln!(body, "<p>{}</p>", escape(&fix.note));
        if !phrase::is_built_in(check) {
            let _ = writeln!(body, "<p>The fix is {}.</p>", escape(phrase::SITE));
        }
        let commands: Vec<String> = fix.commands.iter().map(|line| escape(line)).collect();
        if !commands.is_empty() {
            let _ = writeln!(body, "<pre><code>{}</code></pre>", commands.join("\n"));
        }
    }
    if check.docs.starts_with("https://") {
        let docs = escape(&check.docs);
        let _ = writeln!(
            body,
            "<p><a rel=\"noreferrer\" href=\"{docs}\">{docs}</a></p>"
        );
    }
    body.push_str("</section>\n");
}

fn folded(body: &mut String, report: &Report, what: &str, status: Status) {
    let checks: Vec<&CheckResult> = of(report, status).collect();
    if checks.is_empty() {
        return;
    }
    let _ = writeln!(
        body,
        "<details><summary>{} {what}</summary>\n<table>",
        checks.len()
    );
    for check in checks {
        let [id, summary] = [&check.id, &check.summary].map(|text| escape(text));
        let _ = writeln!(
            body,
            "<tr><td><code>{id}</code></td><td>{summary}</td></tr>"
        );
    }
    body.push_str("</table>\n</details>\n");
}

fn log(body: &mut String, log: &Log) {
    if let Some(cause) = &log.cause {
        let _ = writeln!(body, "<p>Likely cause by the log: {}</p>", escape(cause));
    }
    if let Some(trouble) = &log.trouble {
        let _ = writeln!(body, "<p>No log, or not all of it: {}</p>", escape(trouble));
    }
    let lines: Vec<String> = log.lines.iter().map(|line| escape(line)).collect();
    if !lines.is_empty() {
        let _ = writeln!(
            body,
            "<details><summary>Log of docker.service, the last {} lines</summary>\n<pre>{}</pre>\n</details>",
            lines.len(),
            lines.join("\n")
        );
    }
}
