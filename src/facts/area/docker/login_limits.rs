//! The limits that pam_limits(8) sets at every login, and for the user's systemd
//! manager as well, whatever its unit says: limits.conf(5).

use std::path::{Path, PathBuf};

use crate::facts::Context;
use crate::facts::limits::Allowance;

const FILE: &str = "/etc/security/limits.conf";
const DIR: &str = "/etc/security/limits.d";

/// Which file has the last word on a limit for the user; none if none sets it.
#[derive(Debug, Default)]
pub struct LoginLimits {
    /// Processes (`nproc`).
    pub processes: Option<PathBuf>,
    /// Open files (`nofile`).
    pub files: Option<PathBuf>,
}

/// Reads them in the order of pam_limits: the later file decides.
pub fn collect(cx: Context<'_>) -> LoginLimits {
    let mut limits = LoginLimits::default();
    let Some(subject) = &cx.ground.subject else {
        return limits;
    };
    let names = cx.host.list(Path::new(DIR)).into_known();
    let names = names.unwrap_or_default().into_iter();
    let more = names.filter(|name| name.ends_with(".conf"));
    let more = more.map(|name| Path::new(DIR).join(name));
    let mut left = Allowance::system();
    for path in [PathBuf::from(FILE)].into_iter().chain(more) {
        let text = left.read(cx.host, &path).into_known().unwrap_or_default();
        if sets(&text, &subject.name, "nproc") {
            limits.processes = Some(path.clone());
        }
        if sets(&text, &subject.name, "nofile") {
            limits.files = Some(path);
        }
    }
    limits
}

/// The text limits an item for a user, or for a group or range that may be the
/// user's: `alice hard nproc 40`, `@users - nproc 40`.
pub fn sets(text: &str, user: &str, item: &str) -> bool {
    text.lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let domain = words.next().unwrap_or_default();
        let is_range = domain.contains(':') && !domain.starts_with(char::is_alphabetic);
        let may_be = domain == user || domain.starts_with(['@', '%', '*']) || is_range;
        may_be && words.nth(1) == Some(item)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_a_line_limits() {
        for line in [
            "alice hard nproc 40",
            "* - nproc 100",
            "@users soft nproc 5 # few",
            "1000:2000 hard nproc 3",
            ":1999 hard nproc 3",
        ] {
            assert!(sets(&format!("# x\n{line}\n"), "alice", "nproc"), "{line}");
            assert!(!sets(line, "alice", "nofile"), "{line}");
        }
        for line in ["bob hard nproc 40", "#alice hard nproc 4", "alice -", ""] {
            assert!(!sets(line, "alice", "nproc"), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            sets(&text, "alice", "nproc");
        }
    }
}
