//! Many reports for programs: `schemas/summary-v1.schema.json`.

use serde::Serialize;

use super::model::{Cause, Count, Fleet, Group};
use crate::report::json;

/// Many hosts, summed up.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summed {
    /// Major form.
    pub schema_version: u32,
    /// Reports that were read.
    pub hosts: usize,
    /// Files that were not, and why.
    pub unread: Vec<(String, String)>,
    /// What fails on most hosts, at most ten.
    pub causes: Vec<Cause>,
    /// Hosts with the same failures, the largest group first.
    pub groups: Vec<Group>,
    /// Every check.
    pub checks: Vec<Count>,
}

/// Renders the fleet.
pub fn render(fleet: &Fleet) -> String {
    let summed = Summed {
        schema_version: 1,
        hosts: fleet.hosts.len(),
        unread: fleet.unread.clone(),
        causes: fleet.causes(),
        groups: fleet.groups(),
        checks: fleet.counts(),
    };
    json::render(&summed)
}
