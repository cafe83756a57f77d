//! Ways into a guest.

use super::process::{self, Output, tied};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The address of a guest's ssh server and the key that opens it.
#[derive(Clone)]
pub struct Door {
    pub key: PathBuf,
    pub port: u16,
}

/// ssh's own exit code when the connection, not the command, failed.
const CONNECTION_FAILED: i32 = 255;

impl Door {
    /// Runs a shell script as `user`, through a session of its own.
    pub fn run(&self, user: &str, script: &str, seconds: u64) -> Result<Output> {
        let mut command = self.ssh(tied("KILL", "ssh"), user, &["-T"]);
        command.arg(format!("bash -c {}", quote(script)));
        let output = process::run(&mut command, "", Duration::from_secs(seconds))
            .with_context(|| format!("ssh {user}"))?;
        if output.code() == CONNECTION_FAILED {
            let said = process::tail(&output.stderr, 3);
            bail!("ssh {user}: not let in, or cut off: {said}");
        }
        Ok(output)
    }

    /// True as soon as root can log in.
    pub fn opens(&self) -> Result<bool> {
        let mut command = self.ssh(
            tied("KILL", "ssh"),
            "root",
            &["-T", "-o", "ConnectTimeout=10"],
        );
        command.arg("true");
        match process::run(&mut command, "", Duration::from_secs(20)) {
            Ok(output) => Ok(output.status.success()),
            Err(_) => process::check_interrupt().map(|()| false),
        }
    }

    /// Keeps a login open in the background until the child is killed.
    pub fn hold(&self, user: &str) -> Result<Child> {
        let mut command = self.ssh(tied("KILL", "ssh"), user, &["-T"]);
        command.arg("exec sleep infinity");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().context("failed to start ssh")
    }

    /// An ssh that owns the caller's terminal.
    pub fn interactive(&self, user: &str, words: &[String]) -> Command {
        let mut command = self.ssh(Command::new("ssh"), user, &[]);
        if !words.is_empty() {
            command.arg("--").args(words);
        }
        command
    }

    /// Copies a file from here into the guest.
    pub fn push(&self, from: &std::path::Path, to: &str) -> Result<()> {
        let mut command = self.ssh(tied("KILL", "ssh"), "root", &["-T"]);
        command.arg(format!(
            "cat >{0}.new && chmod 755 {0}.new && mv {0}.new {0}",
            quote(to)
        ));
        let file = std::fs::File::open(from)
            .with_context(|| format!("failed to open {}", from.display()))?;
        process::run_from(&mut command, file.into(), Duration::from_secs(120))?.ok("copying")?;
        Ok(())
    }

    fn ssh(&self, mut command: Command, user: &str, options: &[&str]) -> Command {
        command
            .args(["-F", "none", "-i"])
            .arg(&self.key)
            .args(["-p", &self.port.to_string()]);
        for option in OPTIONS {
            command.args(["-o", option]);
        }
        command.args(options).args(["-l", user, "127.0.0.1"]);
        command
    }
}

/// A guest is new each time, so its host key says nothing.
const OPTIONS: &[&str] = &[
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "ConnectTimeout=60",
    "ServerAliveInterval=20",
    "PreferredAuthentications=publickey",
];

/// One word for a POSIX shell.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn quotes_survive_the_shell() {
        assert_eq!(quote("a 'b' $c"), r"'a '\''b'\'' $c'");
    }
}
