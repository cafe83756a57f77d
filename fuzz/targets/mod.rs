//! The bodies of the fuzz targets, one function each. `fuzz_targets/` gives them
//! to libFuzzer; `tests/fuzz_corpus.rs` replays the corpora through the same
//! functions on the stable toolchain.

// Each target is a program of its own, which uses one function of these.
#![allow(dead_code, unused_imports)]

mod docker;
mod hosts;
mod records;
mod settings;
mod system;
mod texts;

pub use docker::{json, unit};
pub use hosts::host;
pub use records::{journal, ticket};
pub use settings::settings;
pub use system::{elf, system};
pub use texts::{log, redact};

/// A target: its name and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const ALL: [Target; 10] = [
    ("unit", unit),
    ("json", json),
    ("ticket", ticket),
    ("journal", journal),
    ("settings", settings),
    ("system", system),
    ("elf", elf),
    ("log", log),
    ("redact", redact),
    ("host", host),
];

/// The bytes as the program reads a file: what is not UTF-8 is replaced.
fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(data).into_owned()
}

/// Which of several parsers the first byte selects, and the text for it.
fn select(data: &[u8]) -> (u8, String) {
    match data.split_first() {
        Some((first, rest)) => (*first, text(rest)),
        None => (b'0', String::new()),
    }
}
