//! Rules of the area `lsm`.

use super::Rule;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[];
