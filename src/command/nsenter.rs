//! `nsenter`: a command in the namespaces of the daemon, by the program of that
//! name, as <https://docs.docker.com/engine/security/rootless/troubleshoot/> says.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::apply;
use crate::cli::Nsenter;
use crate::error::Error;
use crate::exit::Exit;
use crate::fact::Fact;
use crate::facts::Context;
use crate::facts::area::docker::state;
use crate::host::{Host, Live, program};

const PATIENCE: Duration = Duration::from_secs(10);

/// The program of util-linux.
const NSENTER: &str = "nsenter";

/// Becomes the command; so it comes back only when that failed.
///
/// # Errors
/// When the daemon does not run, or nsenter(1) is not there.
pub fn run(args: &Nsenter) -> Result<Exit, Error> {
    let host = Live::new(false, PATIENCE);
    let ground = apply::ground(&host, "nsenter")?;
    let context = Context {
        host: &host,
        ground: &ground,
    };
    let state = state::collect(context, &ground.runtime_dir).dockerd;
    let not_running = || Error::NotRunning(state.path.display().to_string());
    if state.held == Fact::Known(false) {
        return Err(not_running());
    }
    let child = child(&host, &state.path).ok_or_else(not_running)?;
    let detached = detached(&host, &state.path, child).filter(|_| !args.daemon_net);
    let words = words(child, detached.as_deref(), command(&host, args));
    let path = program::find(NSENTER).unwrap_or_else(|| NSENTER.to_owned());
    let error = program::become_program(&path, &words);
    Err(Error::Program {
        program: path,
        why: error.to_string(),
    })
}

/// The process in which RootlessKit started the daemon.
fn child(host: &dyn Host, state: &Path) -> Option<u32> {
    let pid = host.read(&state.join("child_pid")).into_known()?;
    let pid = pid.trim().parse().ok().filter(|pid| *pid > 1)?;
    let process = host.stat(&PathBuf::from(format!("/proc/{pid}")));
    process.known().map(|_| pid)
}

/// The containers' network, where RootlessKit keeps it apart from the daemon's
/// (`--detach-netns`, since 2.0): it is mounted inside only.
fn detached(host: &dyn Host, state: &Path, child: u32) -> Option<PathBuf> {
    let file = state.join("netns");
    let inside = file.strip_prefix("/").ok()?;
    host.stat(&file).known()?;
    Some(PathBuf::from(format!("/proc/{child}/root")).join(inside))
}

fn command(host: &dyn Host, args: &Nsenter) -> Vec<OsString> {
    let shell = || host.env("SHELL").into_known();
    match args.command.as_slice() {
        [] => vec![shell().unwrap_or_else(|| "/bin/sh".into()).into()],
        command => command.to_vec(),
    }
}

fn words(child: u32, network: Option<&Path>, command: Vec<OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["--preserve-credentials", "--user", "--mount"]
        .map(OsString::from)
        .into();
    let mut net = OsString::from("--net");
    if let Some(file) = network {
        net.push("=");
        net.push(file);
    }
    words.push(net);
    words.push(format!("--target={child}").into());
    words.push("--wd=.".into());
    words.push("--".into());
    words.extend(command);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestHost;

    #[test]
    fn the_networks_of_containers_and_daemon() {
        let line = |network: Option<&Path>| {
            let words = words(7, network, vec!["ip".into(), "a".into()]);
            let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            words.join(" ")
        };
        assert_eq!(
            line(None),
            "--preserve-credentials --user --mount --net --target=7 --wd=. -- ip a"
        );
        assert!(line(Some(Path::new("/proc/7/root/n"))).contains("--net=/proc/7/root/n "));
    }

    #[test]
    fn a_state_that_was_left_behind_is_none() {
        let of = |pid: &str| {
            let host = TestHost::new().file("/run/s/child_pid", pid);
            let host = host.file("/proc/77/comm", "exe\n");
            child(&crate::host::Recorded::new(host.0), Path::new("/run/s"))
        };
        assert_eq!(of("77\n"), Some(77));
        for odd in ["78", "1", "0", "", "-77", "77 78", "x"] {
            assert_eq!(of(odd), None, "{odd:?}");
        }
    }
}
