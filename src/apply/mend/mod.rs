//! Carrying out what mends a host: each deed with its way back in the journal
//! first. `prepare` does the deeds of root, `fix` those of the user.

mod aside;
mod capability;
mod closed;
pub mod home;
mod lines;
mod owner;
mod packages;
pub mod preflight;
mod profile;
mod program;
pub mod run;
mod setting;
mod sub_ids;
pub mod undo;
