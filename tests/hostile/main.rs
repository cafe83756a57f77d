//! Attacks by an ordinary user on what root runs, reads and changes, on the real
//! kernel: programs of the user's, and trees of files in which names are exchanged
//! while root works. They need root, as in CI; no account is created.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests make their own files and processes"
)]

mod lab;
mod own;
mod paths;
mod reading;
mod running;
mod script;
mod system;
mod worker;
