//! Attacks on what root changes, on the real kernel: trees of files that belong to
//! another user, who exchanges names while root works. They need root, as in CI; no
//! account is created.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that builds its own trees"
)]

mod lab;
mod own;
mod paths;
mod script;
mod system;
