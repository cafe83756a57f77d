//! Many reports for people.

use std::fmt::Write;

use super::model::Fleet;
use crate::check::engine::Status;
use crate::report::phrase::{plural, word};
use crate::ui::Look;

/// So many groups and hosts of a group are named.
const NAMED: usize = 10;

/// Renders the fleet.
pub fn render(fleet: &Fleet) -> String {
    let look = Look::plain();
    let mut out = format!("{}\n", plural(fleet.hosts.len(), "report", "reports"));
    causes(&mut out, fleet, &look);
    groups(&mut out, fleet, &look);
    checks(&mut out, fleet, &look);
    out
}

fn causes(out: &mut String, fleet: &Fleet, look: &Look) {
    let causes = fleet.causes();
    if !causes.is_empty() {
        out.push_str("\nMost common failures\n");
    }
    for cause in causes {
        let head = format!("{:>6}  {}", cause.hosts, look.safe(&cause.id));
        let _ = writeln!(
            out,
            "{head}\n        {}",
            look.wrap(&cause.summary, 8).trim_start()
        );
    }
}

fn groups(out: &mut String, fleet: &Fleet, look: &Look) {
    let groups = fleet.groups();
    out.push_str("\nHosts with the same failures\n");
    for group in groups.iter().take(NAMED) {
        let failing = match group.failing.is_empty() {
            true => "nothing fails".to_owned(),
            false => group.failing.join(", "),
        };
        let _ = writeln!(
            out,
            "{:>6}  {}",
            group.hosts.len(),
            look.wrap(&failing, 8).trim_start()
        );
        let mut names = group.hosts[..group.hosts.len().min(NAMED)].join(" ");
        if group.hosts.len() > NAMED {
            let _ = write!(names, " and {} more", group.hosts.len() - NAMED);
        }
        let _ = writeln!(out, "        {}", look.wrap(&names, 8).trim_start());
    }
    if groups.len() > NAMED {
        let rest: usize = groups[NAMED..].iter().map(|group| group.hosts.len()).sum();
        let _ = writeln!(
            out,
            "{rest:>6}  in {} more",
            plural(groups.len() - NAMED, "group", "groups")
        );
    }
}

/// Checks that are not fine everywhere.
fn checks(out: &mut String, fleet: &Fleet, look: &Look) {
    let shown = [Status::Fail, Status::Unknown, Status::Warn, Status::Info];
    out.push_str("\nChecks          ");
    let all = [&shown[..], &[Status::Pass, Status::Skip]].concat();
    let row = |cell: &dyn Fn(Status) -> String| {
        let cells = all.iter().map(|status| format!("{:>7}", cell(*status)));
        cells.collect::<String>() + "\n"
    };
    out.push_str(&row(&|status| word(status).to_owned()));
    for count in fleet.counts() {
        let of = |status: &Status| count.hosts.get(status).copied().unwrap_or_default();
        if shown.iter().all(|status| of(status) == 0) {
            continue;
        }
        let _ = write!(out, "  {}\n{:16}", look.safe(&count.id), "");
        out.push_str(&row(&|status| of(&status).to_string()));
    }
}
