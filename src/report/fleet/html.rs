//! Many reports as a page: a row for hosts that are alike, a column a check.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

use super::model::{Fleet, Host};
use crate::check::engine::Status;
use crate::report::html::{escape, page};
use crate::report::phrase::{plural, word};

/// More rows than this nobody reads.
const MOST_ROWS: usize = 500;

/// So many hosts of a row are named.
const NAMED: usize = 50;

/// Renders the fleet.
pub fn render(fleet: &Fleet) -> String {
    let mut body = format!(
        "<h1>{}</h1>\n",
        plural(fleet.hosts.len(), "report", "reports")
    );
    causes(&mut body, fleet);
    matrix(&mut body, fleet);
    if !fleet.unread.is_empty() {
        let _ = writeln!(
            body,
            "<details><summary>{} not read</summary>\n<table>",
            fleet.unread.len()
        );
        for (name, why) in fleet.unread.iter().take(MOST_ROWS) {
            let _ = writeln!(
                body,
                "<tr><td>{}</td><td>{}</td></tr>",
                escape(name),
                escape(why)
            );
        }
        body.push_str("</table>\n</details>\n");
    }
    page("rootless-setup: many reports", &body)
}

fn causes(body: &mut String, fleet: &Fleet) {
    let causes = fleet.causes();
    if causes.is_empty() {
        return;
    }
    body.push_str("<h2>Most common failures</h2>\n<table>\n");
    for cause in causes {
        let [id, summary] = [&cause.id, &cause.summary].map(|text| escape(text));
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td><code>{id}</code></td><td>{summary}</td></tr>",
            cause.hosts
        );
    }
    body.push_str("</table>\n");
}

/// Checks that are fine everywhere have no column; those that fail most often come
/// first.
fn columns(fleet: &Fleet) -> Vec<usize> {
    let fine = |status: &Option<Status>| matches!(status, None | Some(Status::Pass | Status::Skip));
    let telling = |n: &usize| !fleet.hosts.iter().all(|(_, host)| fine(&host.statuses[*n]));
    let failing = |n: &usize| {
        let fails = |(_, host): &&(String, Host)| host.statuses[*n] == Some(Status::Fail);
        Reverse(fleet.hosts.iter().filter(fails).count())
    };
    let mut columns: Vec<usize> = (0..fleet.ids.len()).filter(telling).collect();
    columns.sort_by_key(failing);
    columns
}

fn matrix(body: &mut String, fleet: &Fleet) {
    let columns = columns(fleet);
    let mut rows: BTreeMap<Vec<Option<Status>>, Vec<&str>> = BTreeMap::new();
    for (name, host) in &fleet.hosts {
        let row = columns.iter().map(|n| host.statuses[*n]).collect();
        rows.entry(row).or_default().push(name);
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    // Hosts with the same trouble stand together, the most common trouble first.
    rows.sort_by_cached_key(|(row, hosts)| {
        let sound = |status: &Option<Status>| *status != Some(Status::Fail);
        let sound: Vec<bool> = row.iter().map(sound).collect();
        (sound, Reverse(hosts.len()))
    });
    body.push_str("<h2>Hosts by checks</h2>\n<div class=\"wide\">\n<table>\n<tr><th>hosts</th>");
    for n in &columns {
        let id = escape(&fleet.ids[*n]).replace('.', ".<br>");
        let _ = write!(body, "<th>{id}</th>");
    }
    body.push_str("</tr>\n");
    for (row, hosts) in rows.iter().take(MOST_ROWS) {
        let _ = write!(body, "<tr><td>{}</td>", names(hosts));
        row.iter().for_each(|status| cell(body, *status));
        body.push_str("</tr>\n");
    }
    body.push_str("</table>\n</div>\n");
    if rows.len() > MOST_ROWS {
        let _ = writeln!(body, "<p>and {} more rows</p>", rows.len() - MOST_ROWS);
    }
}

fn cell(body: &mut String, status: Option<Status>) {
    let _ = match status {
        None => write!(body, "<td></td>"),
        Some(status) => {
            let class = crate::report::ticket::word(status);
            write!(body, "<td class=\"{class}\">{}</td>", word(status))
        }
    };
}

fn names(hosts: &[&str]) -> String {
    let shown: Vec<String> = hosts.iter().take(NAMED).map(|host| escape(host)).collect();
    let more = match hosts.len() {
        n if n > NAMED => format!("<br>and {} more", n - NAMED),
        _ => String::new(),
    };
    match hosts {
        [only] => escape(only),
        _ => format!(
            "<details><summary>{} alike</summary>{}{more}</details>",
            hosts.len(),
            shown.join("<br>")
        ),
    }
}
