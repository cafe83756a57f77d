//! Rules of the area `docker`.

mod client;
mod coexist;
mod config;
mod fit;
mod limits;
mod programs;
mod unit;

use std::path::{Path, PathBuf};

use super::Rule;
use crate::check::{Outcome, Undetermined};
use crate::facts::Facts;
use crate::facts::area::docker;
use crate::facts::listens::Listens;
use crate::facts::unit::UnitFile;
use crate::host::UserManager;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[
    ("docker.dockerd", programs::dockerd),
    ("docker.rootlesskit", programs::rootlesskit),
    ("docker.rootless-script", programs::rootless_script),
    (
        "docker.rootless-script-path",
        programs::rootless_script_path,
    ),
    ("docker.containerd", programs::containerd),
    ("docker.runc", programs::runc),
    ("docker.versions-fit", fit::versions_fit),
    ("docker.duplicates", programs::duplicates),
    ("docker.cli", client::cli),
    ("docker.podman-shim", client::podman_shim),
    ("docker.cli-config", client::configuration),
    ("docker.context", client::context),
    ("docker.context-current", client::current_context),
    ("docker.docker-host", client::docker_host),
    ("docker.desktop", client::desktop),
    ("docker.rootful-running", coexist::rootful),
    ("docker.containerd-rootless", coexist::containerd_rootless),
    ("docker.rootlesskit-lock", coexist::rootlesskit_lock),
    ("docker.leftover-pid", coexist::leftover_pid),
    ("docker.socket-path-length", coexist::socket_path_length),
    ("docker.unit", unit::installed),
    ("docker.unit-exec", unit::exec),
    ("docker.unit-malformed", unit::malformed),
    ("docker.unit-stale", unit::stale),
    ("docker.unit-path", unit::path),
    ("docker.unit-iptables", unit::iptables),
    ("docker.unit-failed", unit::failed),
    ("docker.system-unit-user", unit::system_unit_user),
    ("docker.daemon-json", config::daemon_json),
    ("docker.cgroup-driver", config::cgroup_driver),
    ("docker.keyring-full", limits::keyring_full),
    ("docker.keyring-quota", limits::keyring),
    ("docker.inotify", limits::inotify),
    ("docker.nofile", limits::files),
    ("docker.nproc-start", limits::threads),
    ("docker.nproc", limits::processes),
];

const NO_UNIT: &str = "no docker.service of the user is installed yet";

fn docker(facts: &Facts) -> Result<&docker::Facts, Undetermined> {
    facts.docker.need("docker")
}

/// The user's unit file, if one is installed.
fn unit_file(facts: &Facts) -> Result<Option<&UnitFile>, Undetermined> {
    let unit = &facts.ground.unit;
    let is_drop_in = |path: &Path| {
        path.parent()
            .is_some_and(|d| d.ends_with("docker.service.d"))
    };
    // What a drop-in that was not read changes, nobody can tell.
    let hidden = |(path, _): &&(PathBuf, String)| unit.file.is_none() || is_drop_in(path);
    match unit.unreadable.iter().find(hidden) {
        Some((path, why)) => Err(Undetermined::new(format!("{}: {why}", path.display()))),
        None => Ok(unit.file.as_ref()),
    }
}

/// What the user's systemd manager says, if there is one.
fn manager(facts: &Facts) -> Result<Option<&UserManager>, Undetermined> {
    docker(facts)?.manager.ask("the user's systemd manager")
}

/// Where the user's daemon listens.
fn own_socket(facts: &Facts) -> Result<String, Undetermined> {
    let socket = match facts.ground.listens() {
        Listens::Usual => docker(facts)?.runtime_dir.join("docker.sock"),
        Listens::At(socket) => socket,
        Listens::Unknown(why) => {
            return Err(Undetermined::new(format!(
                "where the user's daemon listens: {}",
                why.replace(char::is_control, "")
            )));
        }
    };
    Ok(socket.to_string_lossy().into_owned())
}

/// A name out of a user's file, fit to be shown: what is no name is not.
fn shown(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.+-".contains(c);
    match name.chars().all(plain) && name.len() <= 40 {
        true => name.to_owned(),
        false => "(an odd name)".to_owned(),
    }
}

/// A daemon's address without what may be a password in it.
fn address(host: &str) -> String {
    let (scheme, rest) = host.split_once("://").unwrap_or(("", host));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, after)| after);
    let text = match scheme {
        "" => rest.to_owned(),
        scheme => format!("{scheme}://{rest}"),
    };
    let text = text.chars().filter(|c| !c.is_control());
    text.take(100).collect()
}

/// `Outcome` with one more observation, if there is one.
fn seen_if(outcome: Outcome, source: &str, value: Option<String>) -> Outcome {
    match value {
        Some(value) => outcome.seen(source, value),
        None => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_passwords() {
        assert_eq!(address("ssh://me:secret@host:22"), "ssh://host:22");
        assert_eq!(
            address("unix:///run/user/1000/docker.sock"),
            "unix:///run/user/1000/docker.sock"
        );
        assert_eq!(address("a@b"), "b");
        assert_eq!(shown("a;b"), "(an odd name)");
    }
}
