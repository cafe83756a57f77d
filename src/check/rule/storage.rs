//! Rules of the area `storage`.

use super::Rule;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[];
