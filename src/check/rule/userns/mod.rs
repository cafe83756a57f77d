//! Rules of the area `userns`: the probe decides, files explain.

mod apparmor;
mod limit;
mod probe;

pub use probe::{refusal, works};

#[cfg(test)]
pub use probe::tests;

use super::Rule;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[
    ("userns.kernel", limit::kernel),
    ("userns.unprivileged-clone", limit::unprivileged_clone),
    ("userns.max-user-namespaces", limit::max_user),
    ("userns.max-user-namespaces-low", limit::max_user_low),
    ("userns.max-mnt-namespaces", limit::max_mnt),
    ("userns.max-net-namespaces", limit::max_net),
    ("userns.max-pid-namespaces", limit::max_pid),
    ("userns.max-ipc-namespaces", limit::max_ipc),
    ("userns.max-uts-namespaces", limit::max_uts),
    ("userns.max-cgroup-namespaces", limit::max_cgroup),
    ("userns.max-namespaces-low", limit::max_other_low),
    ("userns.apparmor", apparmor::apparmor),
    ("userns.probe", probe::probe),
    ("userns.probe-namespaces", probe::namespaces),
];
