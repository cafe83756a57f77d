//! A booted guest, saved: what costs a minute once and a second ever after.

use super::build::{self, Image};
use super::cache::Cache;
use super::needs;
use super::process;
use super::qemu::{HARDWARE, Machine};
use super::ssh::Door;
use super::suite::Suite;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The name of the snapshot inside the disk file.
pub const READY: &str = "ready";

/// Raises every state's key when what is done before saving changes.
const STATE_VERSION: &str = "2";

/// A saved machine.
pub struct State {
    pub dir: PathBuf,
    pub image: Image,
    pub kernel_args: Vec<String>,
}

impl State {
    pub fn disk(&self) -> PathBuf {
        self.dir.join("state.qcow2")
    }
}

/// The saved state of a guest, made if the cache has none.
pub fn ready(cache: &Cache, suite: Suite, kernel_args: &[String]) -> Result<State> {
    let state = find(cache, suite, kernel_args)?;
    if state.dir.exists() {
        return Ok(state);
    }
    let _lock = cache.lock()?;
    ready_locked(cache, suite, kernel_args)
}

/// As [`ready`], for a caller that holds the lock.
pub fn ready_locked(cache: &Cache, suite: Suite, kernel_args: &[String]) -> Result<State> {
    // Workers that want the same guest: one makes it, the others find it made.
    let _one = MAKING.lock();
    let state = find(cache, suite, kernel_args)?;
    if !state.dir.exists() {
        build::ensure(cache, suite, &state.image)?;
        boot_and_save(cache, suite, &state)
            .with_context(|| format!("{suite}: the guest did not get ready"))?;
    }
    Ok(state)
}

static MAKING: Mutex<()> = Mutex::new(());

/// Where the state is or will be.
fn find(cache: &Cache, suite: Suite, kernel_args: &[String]) -> Result<State> {
    let image = build::image(cache, suite);
    let args = kernel_args.join(" ");
    let key = [
        STATE_VERSION,
        &image.key(),
        &HARDWARE.join(" "),
        &args,
        &qemu_version()?,
    ];
    let dir = cache.entry("states", suite.name(), &key);
    Ok(State {
        dir,
        image,
        kernel_args: kernel_args.to_vec(),
    })
}

fn boot_and_save(cache: &Cache, suite: Suite, state: &State) -> Result<()> {
    let work = cache.scratch()?;
    needs::room(work.path(), 3)?;
    eprintln!("# {suite}: booting under emulation, about a minute");
    let disk = work.path().join("state.qcow2");
    overlay(&state.image, &disk)?;
    let start = Instant::now();
    let mut machine = Machine::start(&state.image, &disk, work.path(), &state.kernel_args, None)?;
    let door = Door {
        key: cache.private_key(),
        port: machine.port,
    };
    wait_for_login(&mut machine, &door)?;
    let login = start.elapsed();
    // An open session keeps alice's user manager and run-time directory alive.
    let mut held = door.hold("alice")?;
    let settled = settle(&door);
    let saving = Instant::now();
    let saved = settled.and_then(|()| machine.save(READY));
    let said = format!(
        "login after {} s, saved in {:.1} s",
        login.as_secs(),
        saving.elapsed().as_secs_f32()
    );
    let ended = saved.and_then(|()| machine.quit());
    process::kill_group(&mut held);
    ended?;
    cache.keep(work, &state.dir)?;
    eprintln!("# {suite}: {said}");
    Ok(())
}

fn overlay(image: &Image, disk: &Path) -> Result<()> {
    let mut command = process::tied("KILL", "qemu-img");
    command
        .args(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"])
        .arg(image.backing())
        .arg(disk);
    process::run(&mut command, "", Duration::from_secs(30))?.ok("qemu-img")?;
    Ok(())
}

/// A slow machine that does something else besides takes four minutes for a boot of sid.
const BOOT_DEADLINE: Duration = Duration::from_secs(600);

fn wait_for_login(machine: &mut Machine, door: &Door) -> Result<()> {
    let end = Instant::now() + BOOT_DEADLINE;
    while !door.opens()? {
        machine.check_alive()?;
        ensure!(
            Instant::now() < end,
            "no ssh login after {} s; serial: {}",
            BOOT_DEADLINE.as_secs(),
            machine.serial_tail()
        );
        process::pause(Duration::from_secs(1))?;
    }
    Ok(())
}

/// Waits until the boot is over and alice's user manager, where there is one, runs.
fn settle(door: &Door) -> Result<()> {
    let output = door.run("root", SETTLE, 240)?;
    output.ok("waiting for the guest to settle")?;
    Ok(())
}

const SETTLE: &str = r#"
if [ -d /run/systemd/system ]; then
    systemctl is-system-running --wait || systemctl --failed --no-legend
    for i in $(seq 120); do
        [ "$(systemctl is-active user@1000.service)" = active ] && break
        sleep 0.5
    done
    systemctl is-active user@1000.service
fi
sync
"#;

fn qemu_version() -> Result<String> {
    let mut command: Command = process::tied("KILL", "qemu-system-x86_64");
    let output = process::run(command.arg("--version"), "", Duration::from_secs(20))?;
    Ok(output.ok("qemu-system-x86_64 --version")?.stdout)
}
