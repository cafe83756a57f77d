//! Judgement: what the facts mean for rootless Docker. Pure, no I/O.
//!
//! [`catalogue`] is the data (`checks/*.toml`): ids, levels, causes, remedies.
//! [`rule`] holds one function per check that joins facts into a [`Verdict`].
//! [`engine`] runs them in catalogue order and never leaves one out.

pub mod catalogue;
pub mod engine;
pub mod family;
mod outcome;
pub mod predicate;
pub mod remedy;
pub mod rule;
pub mod site;

pub use outcome::{Evidence, Judgement, Outcome, Undetermined, Verdict, fail, pass, skip};
