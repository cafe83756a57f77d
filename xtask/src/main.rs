//! Project chores that cargo itself cannot do.
fn main() {}
