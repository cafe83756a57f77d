//! Rules of the area `session`.

use super::Rule;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[];
