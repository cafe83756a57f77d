//! Facts of the area `lsm`.

use crate::facts::Context;

/// What the area's rules judge.
#[derive(Debug)]
pub struct Facts {}

/// Reads the area's facts.
pub fn collect(_: Context<'_>) -> Facts {
    Facts {}
}
