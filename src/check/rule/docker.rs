//! Rules of the area `docker`.

use super::Rule;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[];
