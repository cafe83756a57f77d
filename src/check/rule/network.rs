//! Rules of the area `network`.

use super::Rule;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[];
