//! One running machine: its process, its monitor, its forwarded ssh port.
//!
//! The monitor speaks over the machine's own stdin and stdout (a socket pair),
//! and the disk file may be unlinked once the machine has it open, so that even
//! a machine that is killed leaves nothing behind.

use super::build::Image;
use super::process::{self, tied};
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// What a state depends on beside its disk: a change here makes new states.
pub const HARDWARE: &[&str] = &[
    "-accel",
    "tcg,thread=multi",
    "-cpu",
    "max",
    "-smp",
    "2",
    "-m",
    "2048",
    "-nodefaults",
    "-no-user-config",
    "-no-reboot",
    "-display",
    "none",
    "-device",
    "virtio-rng-pci",
    "-device",
    "virtio-net-pci,netdev=n",
];

const COMMAND_LINE: &str = "console=ttyS0 root=/dev/vda rw quiet panic=-1 net.ifnames=0";

/// What the machine does when its guest restarts it.
#[derive(Clone, Copy)]
pub enum Reset {
    /// It ends, so that a guest that panics is not taken for one that boots.
    End,
    Restart,
}

pub struct Machine {
    child: Child,
    monitor: BufReader<UnixStream>,
    dir: PathBuf,
    pub port: u16,
}

impl Machine {
    /// Starts a machine on `disk`; with `restore`, in the state of that name.
    /// Its serial log and its own messages go to files in `dir`.
    pub fn start(
        image: &Image,
        disk: &Path,
        dir: &Path,
        kernel_args: &[String],
        restore: Option<&str>,
    ) -> Result<Machine> {
        let (ours, theirs) = UnixStream::pair()?;
        let errors = fs::File::create(dir.join("qemu.log"))?;
        let mut command = tied("KILL", "qemu-system-x86_64");
        command
            .args(HARDWARE)
            .args(["-netdev", "user,id=n,hostfwd=tcp:127.0.0.1:0-:22"])
            .args([
                "-chardev",
                "stdio,id=q,signal=off",
                "-mon",
                "chardev=q,mode=control",
            ])
            .arg("-serial")
            .arg(format!("file:{}", dir.join("serial.log").display()))
            .arg("-kernel")
            .arg(image.kernel())
            .arg("-initrd")
            .arg(image.initrd())
            .arg("-append")
            .arg(command_line(kernel_args))
            .arg("-drive")
            .arg(format!(
                "file={},if=virtio,cache=unsafe,discard=unmap",
                disk.display()
            ));
        if let Some(state) = restore {
            command.args(["-loadvm", state]);
        }
        command
            .stdin(Stdio::from(OwnedFd::from(theirs.try_clone()?)))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(errors);
        let child = command.spawn().context("failed to start qemu")?;
        // The command keeps its copies of the machine's end of the pair open.
        drop(command);
        let mut machine = Machine {
            child,
            monitor: BufReader::new(ours),
            dir: dir.to_owned(),
            port: 0,
        };
        machine
            .greet()
            .map_err(|error| machine.last_words(&error))?;
        Ok(machine)
    }

    fn greet(&mut self) -> Result<()> {
        self.message(Instant::now() + Duration::from_secs(60))?;
        self.execute(&json!({ "execute": "qmp_capabilities" }), 10)?;
        let network = self.human("info usernet", 10)?;
        self.port =
            forwarded_port(&network).with_context(|| format!("no forwarded port in: {network}"))?;
        Ok(())
    }

    /// Runs a command of the human monitor; what it prints is an error for the
    /// caller to judge, since savevm and loadvm print nothing when they succeed.
    pub fn human(&mut self, line: &str, seconds: u64) -> Result<String> {
        let command = json!({
            "execute": "human-monitor-command",
            "arguments": { "command-line": line },
        });
        let answer = self
            .execute(&command, seconds)
            .with_context(|| format!("monitor: {line}"))?;
        Ok(answer.as_str().unwrap_or_default().trim().to_owned())
    }

    pub fn save(&mut self, name: &str) -> Result<()> {
        self.quietly(&format!("savevm {name}"))
    }

    pub fn load(&mut self, name: &str) -> Result<()> {
        self.quietly(&format!("loadvm {name}"))
    }

    /// From here on a restart by the guest does this. (A machine starts with `End`.)
    pub fn on_reset(&mut self, reset: Reset) -> Result<()> {
        let action = match reset {
            Reset::End => "shutdown",
            Reset::Restart => "reset",
        };
        let command = json!({ "execute": "set-action", "arguments": { "reboot": action } });
        self.execute(&command, 10)?;
        Ok(())
    }

    /// What is to be known of the machine when its guest does not answer.
    pub fn condition(&mut self) -> String {
        if let Err(error) = self.check_alive() {
            return format!("{error:#}");
        }
        let status = match self.human("info status", 10) {
            Ok(status) if status.contains("io-error") => {
                format!("{status} (no room on the host's disk?)")
            }
            Ok(status) => status,
            Err(error) => format!("{error:#}"),
        };
        format!("{status}; serial: {}", self.serial_tail())
    }

    /// Writes everything to the disk file and ends the machine.
    pub fn quit(mut self) -> Result<()> {
        // The answer can be lost with the connection.
        let _ = self.execute(&json!({ "execute": "quit" }), 10);
        process::wait(&mut self.child, Duration::from_secs(30))?;
        Ok(())
    }

    pub fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.last_words(&anyhow!("the machine ended ({status})"))),
        }
    }

    /// The end of what the guest wrote to its serial console.
    pub fn serial_tail(&self) -> String {
        let bytes = fs::read(self.dir.join("serial.log")).unwrap_or_default();
        process::tail(&String::from_utf8_lossy(&bytes), 25)
    }

    fn quietly(&mut self, line: &str) -> Result<()> {
        let said = self.human(line, 120)?;
        ensure!(said.is_empty(), "monitor: {line}: {said}");
        Ok(())
    }

    fn execute(&mut self, command: &Value, seconds: u64) -> Result<Value> {
        let end = Instant::now() + Duration::from_secs(seconds);
        self.monitor
            .get_mut()
            .write_all(format!("{command}\n").as_bytes())?;
        loop {
            let message = self.message(end)?;
            if let Some(answer) = message.get("return") {
                return Ok(answer.clone());
            }
            if let Some(error) = message.get("error") {
                bail!("{error}");
            }
        }
    }

    fn message(&mut self, end: Instant) -> Result<Value> {
        self.monitor
            .get_ref()
            .set_read_timeout(Some(Duration::from_millis(200)))?;
        let mut line = Vec::new();
        loop {
            match self.monitor.read_until(b'\n', &mut line) {
                Ok(0) => bail!("the machine closed its monitor"),
                Ok(_) if line.ends_with(b"\n") => return Ok(serde_json::from_slice(&line)?),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            process::check_interrupt()?;
            ensure!(Instant::now() < end, "no answer from the machine's monitor");
        }
    }

    fn last_words(&self, error: &anyhow::Error) -> anyhow::Error {
        let said = fs::read_to_string(self.dir.join("qemu.log")).unwrap_or_default();
        anyhow!(
            "{error:#}; qemu said: {}; serial: {}",
            process::tail(&said, 5),
            self.serial_tail()
        )
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            process::kill_group(&mut self.child);
        }
    }
}

fn command_line(extra: &[String]) -> String {
    let mut line = COMMAND_LINE.to_owned();
    for arg in extra {
        line.push(' ');
        line.push_str(arg);
    }
    line
}

/// The host port in a line such as
/// `TCP[HOST_FORWARD]  12       127.0.0.1 36123       10.0.2.15    22`.
fn forwarded_port(network: &str) -> Option<u16> {
    let line = network.lines().find(|line| line.contains("HOST_FORWARD"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}
