//! A restored guest: a private copy of a saved state, running.

use super::cache::Cache;
use super::process;
use super::qemu::Machine;
use super::ssh::Door;
use super::state::{READY, State};
use anyhow::{Context, Result};
use std::fs;
use std::time::Duration;
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
}
