//! What is to be done, as data: options, the texts of files, steps and their
//! undoing. Nothing here touches the machine.

mod choice;
pub mod cli_config;
pub mod context;
pub mod diff;
pub mod docker_service;
mod drop_in;
mod json_edit;
pub mod options;
pub mod quote;
pub mod shell_block;
pub mod template;
