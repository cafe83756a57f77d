//! Known issues: what a log says, and what stands behind it. Pure, no I/O of
//! its own: whoever has the text hands it in.
//!
//! [`catalogue`] is the data (`checks/known-issues.toml`). A text goes through
//! [`scan`] as a stream: [`decode`]d to UTF-8, cut into lines, [`clean`]ed of
//! what journald, docker, terminals and mail programs put around them, [`fold`]ed
//! where those broke them, and matched by [`patterns`]: literals first ([`sieve`]), regular
//! expressions (of linear time) only where a literal was met. What was met is a
//! [`sighting`]; [`rank`] turns sightings into causes, by the words of the log
//! itself and by the checks of a host.

mod bulk;
pub mod catalogue;
pub mod clean;
mod decode;
mod explanation;
mod fold;
mod literal;
mod patterns;
mod rank;
mod scan;
mod sieve;
mod sighting;
#[cfg(test)]
mod tests;

pub use explanation::{Cause, Confidence, Explanation, Quote, Reason, SCHEMA_VERSION, Source};
pub use rank::{Results, asks_the_host, rank};
pub use scan::{NotText, Scanned, scan};

use catalogue::KnownIssues;

/// The causes that these lines tell of, most likely first; `results` are the
/// checks of the host that printed them, if they are known.
pub fn causes<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    results: Option<&Results<'_>>,
) -> Vec<Cause> {
    let Ok(issues) = KnownIssues::built_in() else {
        return Vec::new();
    };
    rank(issues, &scan::lines(issues, lines), results)
}
