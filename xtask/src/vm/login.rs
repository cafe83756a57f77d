//! How a person, or a job, comes to run a program on a guest.

use super::case::{Case, Login};
use super::process::Output;
use super::ssh::{Door, quote};
use anyhow::Result;

/// What cron gives a job.
const CRON_ENVIRONMENT: &str =
    "env -i HOME=/home/alice LOGNAME=alice USER=alice SHELL=/bin/sh PATH=/usr/bin:/bin";

/// Runs a script as alice, the way the case says.
pub fn run(door: &Door, case: &Case, script: &str, seconds: u64) -> Result<Output> {
    let script = quote(&format!("{}{script}", environment(case)));
    let (user, line) = match case.login {
        Login::Ssh => ("alice", format!("exec bash -lc {script}")),
        Login::Su => ("root", format!("exec su - alice -c {script}")),
        Login::SuPlain => ("root", format!("exec su alice -c {script}")),
        // As an argument it would lose its line ends: sudo -i escapes them.
        Login::Sudo => (
            "root",
            format!("printf %s {script} | sudo -iu alice -- bash -s"),
        ),
        Login::Cron => ("root", cron(&script)),
    };
    door.run(user, &line, seconds)
}

/// A service of the system manager is as far from a session as a cron job is.
fn cron(script: &str) -> String {
    // systemd would put its own variables into the command it is given.
    let literal = script.replace('$', "$$");
    format!(
        "cd /; if [ -d /run/systemd/system ]; then \
         exec systemd-run --quiet --pipe --wait --collect --uid=alice {CRON_ENVIRONMENT} sh -c {literal}; \
         else exec setpriv --reuid=alice --regid=alice --init-groups setsid --wait \
         {CRON_ENVIRONMENT} sh -c {script}; fi"
    )
}

fn environment(case: &Case) -> String {
    let set = case
        .env
        .iter()
        .map(|(name, value)| format!("export {name}={}\n", quote(value)));
    let unset = case.unset.iter().map(|name| format!("unset {name}\n"));
    set.chain(unset).collect()
}

#[cfg(test)]
mod tests {
    use super::cron;

    #[test]
    fn systemd_is_given_dollars_that_stay() {
        let line = cron("'echo ${HOME%/*} $PATH'");
        let (systemd, other) = line.split_once("else").unwrap();
        assert!(systemd.contains("'echo $${HOME%/*} $$PATH'"), "{systemd}");
        assert!(other.contains("'echo ${HOME%/*} $PATH'"), "{other}");
    }
}
