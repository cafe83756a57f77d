//! The result of a diagnosis as data, and its renderers: one file a format.
//! Text and JSON come from the same [`Report`], so they cannot disagree.

pub mod causes;
pub mod compare;
pub mod fleet;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
mod model;
pub(crate) mod phrase;
pub mod prometheus;
pub(crate) mod prose;
pub mod status;
pub mod text;
pub mod ticket;

pub use model::{
    CapabilityRow, CheckResult, HostSummary, Report, SCHEMA_VERSION, State, Summary, Tool,
};
