//! The report for Prometheus, by the textfile collector of node_exporter: no
//! time stamps, and no text of the host in a label.

use std::fmt::Write;

use super::ticket::word;
use super::{Report, State};
use crate::check::engine::Status;

/// Renders the report of a run at `now`, in seconds since 1970.
pub fn render(report: &Report, now: u64) -> String {
    let mut out = String::new();
    head(&mut out, "info", "The program that examined this host.");
    let _ = writeln!(
        out,
        "rootless_setup_info{{version=\"{}\"}} 1",
        label(&report.tool.version)
    );
    head(
        &mut out,
        "run_timestamp_seconds",
        "When this host was examined.",
    );
    let _ = writeln!(out, "rootless_setup_run_timestamp_seconds {now}");
    head(&mut out, "run_duration_seconds", "How long that took.");
    let millis = report.summary.duration_ms;
    let _ = writeln!(
        out,
        "rootless_setup_run_duration_seconds {}.{:03}",
        millis / 1000,
        millis % 1000
    );
    checks(&mut out, report);
    head(
        &mut out,
        "capability",
        "What a user can do: 1 yes, 0.5 in part, 0 no; none if unknown.",
    );
    for row in &report.capabilities {
        let value = match row.state {
            State::Yes => "1",
            State::Part => "0.5",
            State::No => "0",
            State::Unknown => "NaN",
        };
        let _ = writeln!(
            out,
            "rootless_setup_capability{{capability=\"{}\"}} {value}",
            word(row.capability)
        );
    }
    out
}

fn checks(out: &mut String, report: &Report) {
    head(out, "checks", "Checks by status.");
    let all = [
        Status::Pass,
        Status::Warn,
        Status::Fail,
        Status::Info,
        Status::Skip,
        Status::Unknown,
    ];
    for status in all {
        let count = report
            .checks
            .iter()
            .filter(|check| check.status == status)
            .count();
        let _ = writeln!(
            out,
            "rootless_setup_checks{{status=\"{}\"}} {count}",
            word(status)
        );
    }
    head(out, "check_status", "How a check came out; always 1.");
    for check in &report.checks {
        let _ = writeln!(
            out,
            "rootless_setup_check_status{{check=\"{}\",level=\"{}\",status=\"{}\"}} 1",
            label(&check.id),
            word(check.level),
            word(check.status)
        );
    }
}

fn head(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(
        out,
        "# HELP rootless_setup_{name} {help}\n# TYPE rootless_setup_{name} gauge"
    );
}

/// Ids and versions; a site's id may hold anything.
fn label(text: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "._-+~".contains(c) {
            c
        } else {
            '_'
        }
    };
    text.chars().map(plain).take(100).collect()
}
