//! Many reports in one view: which checks fail where, and what most often.

pub mod html;
pub mod json;
mod model;
mod skim;
pub mod text;

pub use model::{Cause, Count, Fleet, Group, Host};
pub use skim::skim;
