//! Facts of the area `userns`: what the kernel allows an ordinary user.

use std::path::Path;

use crate::fact::Fact;
use crate::facts::Context;

/// What the area's rules judge.
#[derive(Debug)]
pub struct Facts {
    /// `user.max_user_namespaces`.
    pub max_user_namespaces: Fact<u64>,
}

/// Reads the area's facts.
pub fn collect(cx: Context<'_>) -> Facts {
    Facts {
        max_user_namespaces: number(cx, "/proc/sys/user/max_user_namespaces"),
    }
}

/// A sysctl that holds one number.
fn number(cx: Context<'_>, path: &str) -> Fact<u64> {
    cx.host
        .read(Path::new(path))
        .and_then(|text| match text.trim().parse() {
            Ok(number) => Fact::Known(number),
            Err(_) => Fact::unreadable(format!("{path} does not hold a number")),
        })
}
