//! Rules of the area `subid`.

use super::Rule;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[];
