//! The ticket: a report with the facts it was judged by and the log of the
//! failed service, to be pasted where somebody helps.

mod item;
mod log;
mod mend;
mod model;
mod pack;
mod read;
mod slim;
mod write;

pub use item::{Item, word};
pub use log::Log;
pub use model::{FORM, Ticket, Values};
pub use pack::{pack, unpack};
pub use read::{Missing, NoTicket, Read, read};
pub use slim::slim;
pub use write::{Detail, json};
