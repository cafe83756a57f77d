//! Rules of the area `cgroup`.

use super::Rule;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[];
