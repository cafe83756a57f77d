//! Where what we write lies, and under which names.

/// Settings of the kernel.
pub const SYSCTL: &str = "/etc/sysctl.d";

/// Modules to load at boot.
pub const MODULES: &str = "/etc/modules-load.d";

/// Limits of logins.
pub const LIMITS: &str = "/etc/security/limits.d";

/// AppArmor profiles.
pub const PROFILES: &str = "/etc/apparmor.d";

/// The device of network drivers.
pub const TUN: &str = "/dev/net/tun";

/// What `prepare` gives to a user below the home directory, where it belongs to root:
/// the files that Docker's client and the setup need. `*` is the name of a context.
pub const HANDED_OVER: [&str; 17] = [
    ".config",
    ".config/systemd",
    ".config/systemd/user",
    ".config/systemd/user/docker.service",
    ".config/systemd/user/docker.service.d",
    ".config/systemd/user/default.target.wants",
    ".config/docker",
    ".config/docker/daemon.json",
    ".docker",
    ".docker/config.json",
    ".docker/cli-plugins",
    ".docker/contexts",
    ".docker/contexts/meta",
    ".docker/contexts/meta/*",
    ".docker/contexts/meta/*/meta.json",
    ".docker/contexts/tls",
    ".docker/contexts/tls/*",
];

/// Those of [`HANDED_OVER`] that are `top`, or below it.
pub fn handed_over(top: &str) -> impl Iterator<Item = &'static str> {
    let below = move |path: &&str| std::path::Path::new(path).starts_with(top);
    let all = HANDED_OVER.into_iter();
    all.filter(below).collect::<Vec<_>>().into_iter()
}

/// Whether `path`, below the home directory, is one of [`HANDED_OVER`].
pub fn is_handed_over(path: &str) -> bool {
    !path.contains('*') && HANDED_OVER.contains(&path)
}

/// Settings of the kernel. The name sorts after nearly every other, for the
/// last file decides; `later` is one that it has to come after.
pub fn sysctl(name: &str, later: &str) -> String {
    format!("{SYSCTL}/{}", last(name, later))
}

/// Modules to load at boot.
pub fn modules(name: &str) -> String {
    format!("{MODULES}/rootless-{name}.conf")
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
    format!("{LIMITS}/{name}")
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
