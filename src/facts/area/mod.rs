//! The facts of each area of checks, one file an area.

pub mod cgroup;
pub mod docker;
pub mod host;
pub mod lsm;
pub mod network;
pub mod session;
pub mod storage;
pub mod subid;
pub mod userns;
