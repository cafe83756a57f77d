//! Facts of the area `subid`.

use crate::facts::Context;

/// What the area's rules judge.
#[derive(Debug)]
pub struct Facts {}

/// Reads the area's facts.
pub fn collect(_: Context<'_>) -> Facts {
    Facts {}
}
