//! Words that all renderers share.

use super::ticket::Values;
use super::{CheckResult, Report};
use crate::check::catalogue::Catalogue;
use crate::check::engine::Status;

/// A count with its noun.
pub fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The word of a status, as pages show it.
pub fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "ok",
        Status::Warn => "warn",
        Status::Fail => "FAIL",
        Status::Info => "info",
        Status::Skip => "skip",
        Status::Unknown => "????",
    }
}

/// The first sentence of every page: for whom, where, and how it stands.
pub fn verdict(report: &Report) -> String {
    let s = &report.summary;
    let verdict = match (s.fail, s.unknown) {
        (0, 0) => "ready".to_owned(),
        (0, n) => format!(
            "nothing failed, but {} could not be determined",
            plural(n, "check", "checks")
        ),
        (n, _) => format!("not yet. {} to fix", plural(n, "thing", "things")),
    };
    let known = match s.warn + s.info {
        0 => String::new(),
        n => format!(", {n} to know"),
    };
    let who = match &report.host.user {
        Some(user) => format!("for {user} on {}", report.host.os),
        None => format!("on {} (no user examined)", report.host.os),
    };
    format!("Rootless Docker {who}: {verdict}{known}.")
}

/// The origin of a fix that comes from a site's check: the report can be of another host.
pub const SITE: &str = "from the site's own checks in this report, not from rootless-setup; \
    read it before you run it";

/// Whether a check is one of this program's, and not one that a site added.
pub fn is_built_in(check: &CheckResult) -> bool {
    Catalogue::built_in().is_ok_and(|known| known.get(&check.id).is_some())
}

/// What became of private values, in a sentence.
pub fn privacy(values: Values) -> &'static str {
    match values {
        Values::Replaced => {
            "Names, addresses and the like are replaced by stand-ins such as user-1; passwords and tokens are left out."
        }
        Values::Shown => "Private values are shown; passwords and tokens are left out.",
    }
}
