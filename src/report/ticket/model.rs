//! A ticket as data.

use serde::{Deserialize, Serialize};

use super::log::Log;
use crate::host::Bundle;
use crate::report::Report;

/// The form of ticket this program writes, and the newest it reads.
pub const FORM: u32 = 1;

/// What became of private values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Values {
    /// Names and addresses are replaced by stand-ins.
    #[default]
    Replaced,
    /// They are shown (`--show-private`).
    Shown,
}

/// A report to be passed on.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// What became of private values.
    pub values: Values,
    /// The diagnosis.
    pub report: Report,
    /// The log of the user's `docker.service`.
    pub log: Option<Log>,
    /// What the host answered: any catalogue can judge it.
    pub facts: Option<Bundle>,
    /// What was left out to keep it short, in words.
    pub left_out: Vec<String>,
}
