//! One function per check: pure, from facts to a verdict. One file an area.

mod cgroup;
mod docker;
mod host;
mod lsm;
pub(crate) mod network;
mod session;
mod storage;
mod subid;
mod userns;

use super::Verdict;
use crate::facts::Facts;

/// A rule joins facts into a verdict.
pub type Rule = fn(&Facts) -> Verdict;

const AREAS: [&[(&str, Rule)]; 9] = [
    host::RULES,
    userns::RULES,
    subid::RULES,
    cgroup::RULES,
    lsm::RULES,
    session::RULES,
    network::RULES,
    storage::RULES,
    docker::RULES,
];

/// The rule of a check.
pub fn of(id: &str) -> Option<Rule> {
    all().find(|(name, _)| *name == id).map(|(_, rule)| rule)
}

/// Every rule with its check's id.
pub fn all() -> impl Iterator<Item = (&'static str, Rule)> {
    AREAS.iter().flat_map(|rules| rules.iter().copied())
}
