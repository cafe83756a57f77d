//! Attacks by an ordinary user on what root runs, on the real kernel. They need
//! root, and say so where they have it not.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests make their own files and processes"
)]

mod reading;
mod running;
mod worker;
