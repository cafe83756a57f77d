//! What mends a host: actions, as a person types them, as a script does them,
//! and as the single deeds that `fix` and `prepare` carry out. All three come
//! from the same value.

pub mod action;
pub mod allowed;
pub mod deed;
pub mod order;
pub mod place;
pub mod ranges;
pub mod resolve;
pub mod script;
pub mod typed;
