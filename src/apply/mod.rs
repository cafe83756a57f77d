//! The only room that changes the machine: files, units over D-Bus, lingering.
//! Every change is written into the journal before it is made.

mod bring_up;
mod change;
pub mod failure;
pub mod file;
pub mod interrupt;
pub mod journal;
pub mod lock;
pub mod login;
pub mod manager;
pub mod mend;
pub mod purge;
pub mod ready;
pub mod revert;
pub mod run;
pub mod target;
pub mod verify;
