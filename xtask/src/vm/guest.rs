//! A restored guest: a private copy of a saved state, running.

use super::cache::Cache;
use super::process;
use super::qemu::{Machine, Reset};
use super::script;
use super::ssh::Door;
use super::state::{READY, State};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub struct Guest {
    pub machine: Machine,
    pub door: Door,
    /// Holds the logs; goes away with the guest.
    _dir: TempDir,
}

impl Guest {
    /// Starts a machine in the saved state. The state itself stays untouched.
    pub fn restore(cache: &Cache, state: &State) -> Result<Guest> {
        let dir = cache.scratch()?;
        super::needs::room(dir.path(), 2)?;
        let disk = dir.path().join("state.qcow2");
        let mut copy = process::tied("KILL", "cp");
        copy.args(["--reflink=auto", "--sparse=always"])
            .arg(state.disk())
            .arg(&disk);
        process::run(&mut copy, "", Duration::from_secs(120))?.ok("copying the saved state")?;
        let machine = Machine::start(
            &state.image,
            &disk,
            dir.path(),
            &state.kernel_args,
            Some(READY),
        )?;
        // The machine has it open: from here on not even a crash leaves it behind.
        fs::remove_file(&disk).context("failed to unlink the private copy")?;
        let door = Door {
            key: cache.private_key(),
            port: machine.port,
        };
        Ok(Guest {
            machine,
            door,
            _dir: dir,
        })
    }
    /// Restarts the guest, as its administrator would, and waits until it is up again.
    pub fn reboot(&mut self) -> Result<()> {
        self.machine.on_reset(Reset::Restart)?;
        let before = self.boot_id()?;
        let asked = self.door.run("root", RESTART, 60);
        // Mostly the answer is lost with the connection.
        if let Ok(output) = asked {
            output.ok("asking for the restart")?;
        }
        self.wait_for_another(&before)?;
        self.machine.on_reset(Reset::End)?;
        let settle = script::strict(&format!("{}{}", script::set_clock(), script::SETTLED));
        self.door
            .run("root", &settle, 600)?
            .ok("settling after the restart")?;
        Ok(())
    }

    fn wait_for_another(&mut self, before: &str) -> Result<()> {
        let end = Instant::now() + RESTART_DEADLINE;
        loop {
            self.machine.check_alive()?;
            match self.boot_id() {
                Ok(now) if now != before => return Ok(()),
                _ => process::pause(Duration::from_secs(1))?,
            }
            ensure!(
                Instant::now() < end,
                "not up again {} s after the restart",
                RESTART_DEADLINE.as_secs()
            );
        }
    }

    /// Another one after every boot.
    fn boot_id(&self) -> Result<String> {
        let script = "cat /proc/sys/kernel/random/boot_id";
        let output = self
            .door
            .run("root", script, 20)?
            .ok("reading the boot id")?;
        match output.stdout.trim() {
            "" => bail!("the guest has no boot id"),
            id => Ok(id.to_owned()),
        }
    }
}

const RESTART: &str = "if [ -d /run/systemd/system ]; then systemctl reboot; else reboot; fi";

/// Under emulation a boot takes up to 80 s, and a stop job may take 90 s.
const RESTART_DEADLINE: Duration = Duration::from_secs(400);
