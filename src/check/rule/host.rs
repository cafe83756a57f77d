//! Rules of the area `host`.

use super::Rule;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[];
