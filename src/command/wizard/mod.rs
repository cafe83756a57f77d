//! The wizard of `install --ask`: the option table as questions, each with what
//! it costs and what this host supports.

mod flow;
mod offer;
mod question;

pub use flow::{Terminal, ask};
pub use offer::Offer;
