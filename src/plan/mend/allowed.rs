//! What root is allowed to change: closed lists of files, names and values.
//!
//! The values of an action come from the catalogue and from facts about a host on
//! which a user may have prepared them. So each action of root's is compared with
//! what it can look like, before it is planned, printed or written into a script.

#[cfg(test)]
mod tests;

use std::path::Path;

use super::action::{Action, By, LoginLimit, SubIds};
use super::{place, ranges};
use crate::facts::area::lsm::profile;
use crate::facts::subject;

/// Sysctls that `prepare` sets.
const SYSCTLS: [&str; 8] = [
    "kernel.unprivileged_userns_clone",
    "kernel.keys.maxkeys",
    "kernel.keys.maxbytes",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "user.max_user_namespaces",
];

/// Directories that sysctl settings are read from.
const SYSCTL_DIRS: [&str; 5] = [
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
    "/lib/sysctl.d",
];

/// Where the distribution's newuidmap is: it gets its mode back, and is never moved.
const SYSTEM_BIN: [&str; 4] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/// The programs that need a privilege.
const HELPERS: [&str; 2] = ["newuidmap", "newgidmap"];

/// No subordinate IDs below this one are given.
const LEAST: u32 = 1 << 16;

/// Home directories of accounts that are not for humans.
const NOT_HOMES: [&str; 14] = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/media", "/mnt", "/proc", "/root", "/run", "/sbin",
    "/sys", "/tmp", "/usr",
];

/// Whether a terminal or an editor would not show a character as what it is: control,
/// bidirectional and invisible ones.
pub fn is_hidden(c: char) -> bool {
    // These are letters by their category, but fonts show nothing.
    let blank = "\u{115f}\u{1160}\u{2800}\u{3164}\u{ffa0}".contains(c);
    blank || (!"\"'\\".contains(c) && c.escape_debug().len() > 1)
}

/// Text in which nothing is hidden: what is, is escaped.
pub fn shown(text: &str) -> String {
    let one = |c: char| match is_hidden(c) {
        true => c.escape_unicode().to_string(),
        false => c.to_string(),
    };
    text.chars().map(one).collect()
}

/// Whether root may do it.
///
/// # Errors
/// Why not, in words.
pub fn check(action: &Action) -> Result<(), String> {
    if action.by() == By::User {
        return Ok(());
    }
    match allowed(action) {
        true => Ok(()),
        false => Err(refusal(action)),
    }
}

fn refusal(action: &Action) -> String {
    match action {
        Action::Mode { path, .. } | Action::SetAside { path, .. } | Action::Own { path, .. } => {
            format!("{path:?} is not on the list of files that rootless-setup changes as root")
        }
        Action::Profile { .. } => {
            "the program needs a plain path ending in /rootlesskit to get an AppArmor profile"
                .into()
        }
        other => format!("these values are not allowed for root: {other:?}"),
    }
}

fn allowed(action: &Action) -> bool {
    match action {
        Action::Packages { family, names } => {
            is_name(family) && names.iter().all(|name| is_package(name))
        }
        Action::Sysctl {
            name,
            settings,
            over,
        } => is_name(name) && settings.iter().all(|s| is_setting(s)) && is_sysctl_file(over),
        Action::Modules { name, modules } => is_name(name) && modules.iter().all(|m| is_name(m)),
        Action::UserManager { name, setting } => is_name(name) && is_manager_setting(setting),
        Action::LoginLimit(limit) => is_login_limit(limit),
        Action::RestartManager { unit } => is_manager(unit),
        Action::SubIds(ids) => is_sub_ids(ids),
        Action::Mode { path, mode, .. } => is_mode(path, mode),
        Action::Own {
            user,
            home,
            path,
            owner,
            check,
        } => is_user(user) && is_own(home, path, owner) && is_name(check),
        Action::Remount { mount, option } => mount == "/proc" && option == "hidepid=0",
        Action::Profile { file, lines } => is_profile(file, lines),
        Action::LoadProfile { file } => is_profile_file(Path::new(file)),
        Action::Linger { user } => is_user(user),
        Action::Regular { path } => is_subid_file(Path::new(path)),
        Action::Disable { units } => units.iter().all(|unit| is_docker_unit(unit)),
        Action::Capability { path, capability } => {
            capability == CAPABILITY && is_rootlesskit(Path::new(path))
        }
        Action::SetAside { path, .. } => is_copy(Path::new(path)),
        Action::OwnMode { .. } | Action::RestartDaemon {} | Action::StartUnit { .. } => false,
    }
}

/// The only capability that a program gets.
pub const CAPABILITY: &str = "cap_net_bind_service=ep";

/// A name of letters, digits and a few signs that has no meaning for a shell or a path.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain)
}

fn is_package(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-._:".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain)
}

/// A name of an account that is one word wherever it is written.
pub fn is_user(name: &str) -> bool {
    let odd = |c: char| is_hidden(c) || ":/,".contains(c);
    let number = name.chars().all(|c| c.is_ascii_digit());
    !number && !name.starts_with(['-', '+', '~', '#', '.']) && !name.contains(odd)
}

/// A full path without anything that is hidden or that leads upwards.
fn is_plain_path(path: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@~ ".contains(c);
    let odd = |part: &str| part.is_empty() || part == "." || part == "..";
    path.starts_with('/') && path.chars().all(plain) && !path[1..].split('/').any(odd)
}

/// A sysctl that `prepare` sets.
pub fn is_sysctl(key: &str) -> bool {
    let kind = key
        .strip_prefix("user.max_")
        .and_then(|rest| rest.strip_suffix("_namespaces"));
    let kinds = ["user", "mnt", "net", "pid", "ipc", "uts", "cgroup", "time"];
    SYSCTLS.contains(&key) || kind.is_some_and(|kind| kinds.contains(&kind))
}

fn is_setting(setting: &str) -> bool {
    let number = |value: &str| value.chars().all(|c| c.is_ascii_digit() || c == ' ');
    setting
        .split_once('=')
        .is_some_and(|(key, value)| is_sysctl(key) && !value.is_empty() && number(value))
}

fn is_sysctl_file(over: &str) -> bool {
    let in_dir = SYSCTL_DIRS.iter().any(|dir| is_in(Path::new(over), dir));
    over.is_empty() || over == super::typed::SYSCTL_CONF || in_dir
}

/// A file with a plain name directly in a directory.
fn is_in(path: &Path, dir: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    path.parent() == Some(Path::new(dir)) && name.is_some_and(is_name)
}

fn is_manager_setting(setting: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == ' ';
    let known = ["Delegate", "LimitNOFILE", "LimitNPROC"];
    setting
        .split_once('=')
        .is_some_and(|(key, value)| known.contains(&key) && value.chars().all(plain))
}

fn is_login_limit(limit: &LoginLimit) -> bool {
    let number = !limit.value.is_empty() && limit.value.chars().all(|c| c.is_ascii_digit());
    let over = Path::new(&limit.over);
    subject::is_plain(&limit.user)
        && ["nproc", "nofile"].contains(&limit.item.as_str())
        && (number || limit.value == "unlimited")
        && (over == Path::new("/etc/security/limits.conf") || is_in(over, place::LIMITS))
}

/// `user@UID.service`, not root's.
pub fn is_manager(unit: &str) -> bool {
    let uid = unit
        .strip_prefix("user@")
        .and_then(|rest| rest.strip_suffix(".service"));
    uid.and_then(|uid| uid.parse::<u32>().ok())
        .is_some_and(|uid| uid != 0)
}

fn is_sub_ids(ids: &SubIds) -> bool {
    let old = |range: &&String| range.is_empty() || ranges::parse(range).is_some();
    // IDs of accounts and of services are below: who gets them as subordinate IDs can
    // read the files of others.
    let new = |range: &&String| {
        let range = (!range.is_empty()).then(|| ranges::parse(range));
        range.is_none_or(|range| range.is_some_and(|(first, _)| first >= LEAST))
    };
    is_user(&ids.user)
        && [&ids.uids, &ids.gids].iter().all(new)
        && [&ids.not_uids, &ids.not_gids].iter().all(old)
}

/// `/etc/subuid` and `/etc/subgid`.
pub fn is_subid_file(path: &Path) -> bool {
    ["/etc/subuid", "/etc/subgid"]
        .map(Path::new)
        .contains(&path)
}

/// A file whose mode root sets.
pub fn has_mode(path: &Path) -> bool {
    is_subid_file(path) || path == Path::new(place::TUN) || is_helper(path)
}

fn is_mode(path: &str, mode: &str) -> bool {
    let path = Path::new(path);
    match mode {
        "0644" => is_subid_file(path),
        "0666" => path == Path::new(place::TUN),
        "4755" => is_helper(path),
        _ => false,
    }
}

/// newuidmap or newgidmap where the distribution has it.
fn is_helper(path: &Path) -> bool {
    SYSTEM_BIN
        .iter()
        .any(|dir| HELPERS.iter().any(|name| path == Path::new(dir).join(name)))
}

/// A copy of newuidmap or newgidmap that the administrator put before the distribution's.
pub fn is_copy(path: &Path) -> bool {
    let dirs = ["/usr/local/bin", "/usr/local/sbin"];
    dirs.iter()
        .any(|dir| HELPERS.iter().any(|name| path == Path::new(dir).join(name)))
}

/// RootlessKit where a package or the administrator installs it.
pub fn is_rootlesskit(path: &Path) -> bool {
    let dirs = ["/usr/local/bin", "/usr/bin", "/bin"];
    dirs.iter()
        .any(|dir| path == Path::new(dir).join("rootlesskit"))
}

/// A unit of the system's Docker.
pub fn is_docker_unit(unit: &str) -> bool {
    ["docker.service", "docker.socket"].contains(&unit)
}

/// A directory that can be somebody's home.
pub fn is_home(home: &str) -> bool {
    let system = |dir: &&str| Path::new(home).starts_with(dir);
    is_plain_path(home) && home[1..].contains('/') && !NOT_HOMES.iter().any(system)
}

fn is_own(home: &str, path: &str, owner: &str) -> bool {
    let ids = owner.split_once(':');
    let number = |id: &str| id.parse::<u32>().is_ok_and(|id| id != 0);
    let below = path
        .strip_prefix(home)
        .and_then(|rest| rest.strip_prefix('/'));
    is_home(home)
        && below.is_some_and(place::is_handed_over)
        && ids.is_some_and(|(uid, gid)| number(uid) && gid.parse::<u32>().is_ok())
}

/// A file of `/etc/apparmor.d` itself.
pub fn is_profile_file(path: &Path) -> bool {
    is_in(path, place::PROFILES)
}

/// The program of a profile as `prepare` writes it, and nothing else in it.
pub fn profile_program(file: &str, lines: &[String]) -> Option<String> {
    let first = lines.get(2)?.strip_prefix('"')?;
    let (path, _) = first.split_once('"')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    let fine = is_plain_path(path) && path.chars().all(plain) && path.ends_with("/rootlesskit");
    let name = profile::file_name(path);
    let expected = [
        "abi <abi/4.0>,".to_owned(),
        "include <tunables/global>".into(),
        profile::first_line(path),
        "  userns,".into(),
        format!("  include if exists <local/{name}>"),
        "}".into(),
    ];
    let same = lines == expected && file == format!("{}/{name}", place::PROFILES);
    (fine && same && is_profile_file(Path::new(file))).then(|| path.to_owned())
}

fn is_profile(file: &str, lines: &[String]) -> bool {
    profile_program(file, lines).is_some()
}

/// Where root writes files of its own.
const DIRS: [&str; 5] = [
    place::SYSCTL,
    place::MODULES,
    place::USER_MANAGER,
    place::LIMITS,
    place::PROFILES,
];

/// A file of the system that root writes.
pub fn is_system_file(path: &Path) -> bool {
    let files = ["/etc/sysctl.conf", "/etc/fstab"];
    is_subid_file(path)
        || files.iter().any(|file| path == Path::new(file))
        || DIRS.iter().any(|dir| is_in(path, dir))
}

/// A directory that root makes where it is missing.
pub fn is_system_dir(path: &Path) -> bool {
    path != Path::new("/") && DIRS.iter().any(|dir| Path::new(dir).starts_with(path))
}
