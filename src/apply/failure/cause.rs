//! The likely cause by what was said: a known issue, else an obstacle of
//! RootlessKit's, else systemd's own result.

use super::journal::Line;
use crate::facts::refusal;
use crate::known::{self, catalogue::Kind};

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Who knows more of it, a check or a known issue: `rootless-setup explain ID`.
    pub check: Option<String>,
    /// It in words, fit for "… because …".
    pub words: String,
}

impl Cause {
    fn new(check: &str, words: &str) -> Self {
        Cause {
            check: (!check.is_empty()).then(|| check.to_owned()),
            words: words.to_owned(),
        }
    }
}

/// The likely cause by what one attempt said, systemd's result and the exit.
pub fn find(lines: &[&Line], result: &str, exit: Option<&str>) -> Option<Cause> {
    let own = lines.iter().filter(|line| !line.by_manager);
    let own: Vec<&str> = own.map(|line| line.text.as_str()).collect();
    known(lines)
        .or_else(|| refused(&own))
        .or_else(|| by_result(result, exit))
}

/// A known issue that may end a daemon; symptoms and warnings do not.
fn known(lines: &[&Line]) -> Option<Cause> {
    let texts = lines.iter().map(|line| line.text.as_str());
    let causes = known::causes(texts, None);
    let cause = causes.into_iter().find(|c| c.kind == Kind::Cause)?;
    Some(Cause {
        check: cause.check.or(Some(cause.id)),
        words: cause.title,
    })
}

/// RootlessKit's own failure; what became of the program that it started is not.
fn refused(own: &[&str]) -> Option<Cause> {
    let text = own.join("\n");
    if refusal::entered(&text) {
        return None;
    }
    let refusal = refusal::classify(&text)?;
    Some(Cause::new("userns.probe", refusal.obstacle.words()))
}

fn by_result(result: &str, exit: Option<&str>) -> Option<Cause> {
    match result {
        "oom-kill" => Some(Cause::new("daemon-oom", "the kernel ran out of memory")),
        "timeout" => Some(Cause::new(
            "timed-out-starting",
            "it did not become ready in time",
        )),
        _ if exit.is_some_and(|e| e.contains("status 203")) => Some(Cause::new(
            "docker.unit-exec",
            "the program that the unit starts cannot be started",
        )),
        _ => None,
    }
}
