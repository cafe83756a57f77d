//! Rules of the area `host`.

mod home;
mod machine;
mod process;

use super::Rule;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[
    ("host.linux", machine::linux),
    ("host.not-root", machine::not_root),
    ("host.architecture", machine::architecture),
    ("host.wsl", machine::wsl),
    ("host.container", machine::container),
    ("host.proc-visible", machine::proc_visible),
    ("host.hidepid", machine::hidepid),
    ("host.home-set", home::set),
    ("host.home-exists", home::exists),
    ("host.home-writable", home::writable),
    ("host.home-owner", home::owner),
    ("host.config-owner", home::config_owner),
    ("host.docker-config-owner", home::docker_config_owner),
    ("host.home-noexec", home::noexec),
    ("host.home-nosuid", home::nosuid),
    ("host.no-new-privs", process::no_new_privs),
    ("host.manager-no-new-privs", process::manager_no_new_privs),
    ("host.seccomp", process::seccomp),
    ("host.manager-seccomp", process::manager_seccomp),
];
