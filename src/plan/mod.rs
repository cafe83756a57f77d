//! What is to be done, as data: options, the texts of files, steps and their
//! undoing. Nothing here touches the machine.
//!
//! [`present`] is what there is and [`asked`] what is wanted; [`unit_texts`] has the
//! texts of `docker.service`, [`compute`] makes the [`step`]s from one to the
//! other, and [`undo`] is the way back from each.

pub mod asked;
pub mod certificate;
pub mod cli_config;
pub mod compute;
pub mod context;
pub mod daemon_json;
pub mod diff;
pub mod docker_service;
pub mod drop_in;
mod json_edit;
pub mod legacy;
pub mod listening;
pub mod mend;
pub mod option;
pub mod present;
pub mod quote;
pub mod shell_block;
pub mod standing;
pub mod step;
mod template;
pub mod undo;
pub mod unit_texts;
