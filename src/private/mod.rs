//! What can tell who or where somebody is, and how it is kept out of a report
//! that is passed on.
//!
//! A host is redacted where its answers are written down: [`source`] knows of
//! every file, variable and program which parts of it are private, and enters
//! them into the [`Register`]. [`hide`] then makes a recorded host that has
//! stand-ins in their places, and the checks judge *that* host: no rule, no
//! remedy and no renderer ever sees what it could give away. [`scan`] finds
//! what has a telling form (addresses, mail, ids) in any text, [`replace`] puts
//! the stand-ins in, and [`gate`] searches the finished text for every value of
//! the register, also cut short and encoded.

pub mod gate;
pub mod hide;
mod json;
mod needle;
mod register;
mod replace;
mod scan;
mod source;
mod word;

pub use register::{Entry, Kind, Register};
pub use replace::Replace;
