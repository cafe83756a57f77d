//! The result of a diagnosis as data, and its renderers: one file a format.
//! Text and JSON come from the same [`Report`], so they cannot disagree.

pub mod json;
mod model;
pub mod status;
pub mod text;

pub use model::{
    CapabilityRow, CheckResult, HostSummary, Report, SCHEMA_VERSION, State, Summary, Tool,
};
