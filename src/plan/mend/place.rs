//! Where what we write lies, and under which names.

/// Settings of the kernel. The name sorts after nearly every other, for the
/// last file decides; `later` is one that it has to come after.
pub fn sysctl(name: &str, later: &str) -> String {
    format!("/etc/sysctl.d/{}", last(name, later))
}

/// Modules to load at boot.
pub fn modules(name: &str) -> String {
    format!("/etc/modules-load.d/rootless-{name}.conf")
}

/// Drop-ins of every user's manager.
pub const USER_MANAGER: &str = "/etc/systemd/system/user@.service.d";

/// A drop-in of every user's manager.
pub fn user_manager(name: &str) -> String {
    format!("{USER_MANAGER}/{}", last(name, ""))
}

/// A limit of one user's logins.
pub fn login_limit(user: &str, item: &str, later: &str) -> String {
    let name = last(&format!("{item}-{user}"), later);
    format!("/etc/security/limits.d/{name}")
}

/// A name that sorts after the base name of `later`.
fn last(name: &str, later: &str) -> String {
    let later = later.rsplit('/').next().unwrap_or_default();
    let zs = later.chars().take_while(|c| *c == 'z').count();
    format!("{}-rootless-{name}.conf", "z".repeat(zs.max(1) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_sorts_after_what_it_overrules() {
        assert_eq!(sysctl("ping", ""), "/etc/sysctl.d/zz-rootless-ping.conf");
        for later in [
            "99-x.conf",
            "local.conf",
            "zz-top.conf",
            "zzzz.conf",
            "~.conf",
        ] {
            let name = last("ping", &format!("/etc/sysctl.d/{later}"));
            assert!(
                name.as_str() > later || later.starts_with('~'),
                "{name} {later}"
            );
        }
    }
}
