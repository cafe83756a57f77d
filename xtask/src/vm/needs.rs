//! What the harness needs from the machine it runs on.

use super::process::{self, tied};
use anyhow::{Result, bail, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Program, and the Debian package that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("mke2fs", "e2fsprogs"),
    ("mmdebstrap", "mmdebstrap"),
    ("qemu-img", "qemu-utils"),
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("setpriv", "util-linux"),
    ("ssh", "openssh-client"),
    ("tar", "tar"),
    ("unshare", "util-linux"),
    ("xz", "xz-utils"),
];

/// What it takes to build without being root.
const UNPRIVILEGED: &[(&str, &str)] = &[("newuidmap", "uidmap")];

/// Makes sure that every program is there: installs the missing ones when run
/// as root on a Debian, else names the packages.
pub fn ensure() -> Result<()> {
    // A package can put out another: Debian's qemu removes a qemu-utils that came from
    // its backports. So it is asked once more.
    for _ in 0..2 {
        let missing = missing();
        if missing.is_empty() {
            return Ok(());
        }
        install(&missing)?;
    }
    let missing = missing().join(" ");
    ensure!(
        missing.is_empty(),
        "still missing: the programs of {missing}"
    );
    Ok(())
}

fn install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if !is_root() || !on_path("apt-get") {
        bail!("missing packages: {list} (as root: apt-get install {list})");
    }
    eprintln!("# installing {list}");
    // Emulation by QEMU 10 takes three quarters of the time of 7.2.
    if packages.iter().any(|package| package.starts_with("qemu")) {
        match with_backports(packages) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => eprintln!("# nothing from backports: {error:#}"),
        }
    }
    apt(&["update"])?;
    apt(&[&INSTALL, packages].concat())
}

const INSTALL: [&str; 3] = ["install", "--yes", "--no-install-recommends"];

/// Installs them from Debian 12's backports, if that is what this machine has. Its own
/// sources of packages stay as they are.
fn with_backports(packages: &[&str]) -> Result<bool> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !release
        .lines()
        .any(|line| line == "VERSION_CODENAME=bookworm")
    {
        return Ok(false);
    }
    let sources = tempfile::tempdir()?;
    for entry in fs::read_dir("/etc/apt/sources.list.d")?.flatten() {
        fs::copy(entry.path(), sources.path().join(entry.file_name()))?;
    }
    let Some(mirror) = mirror()? else {
        return Ok(false);
    };
    fs::write(
        sources.path().join("backports.list"),
        format!("deb {mirror} bookworm-backports main\n"),
    )?;
    let parts = format!("Dir::Etc::SourceParts={}", sources.path().display());
    apt(&["-o", &parts, "update"])?;
    let from = ["-o", &parts, "-t", "bookworm-backports"];
    apt(&[&from[..], &INSTALL, packages].concat())?;
    Ok(true)
}

/// Where this machine gets Debian 12 from: a mirror has its backports, too.
fn mirror() -> Result<Option<String>> {
    let format = "$(REPO_URI) $(RELEASE) $(COMPONENT)";
    let targets = Command::new("apt-get")
        .args(["indextargets", "--format", format, "Created-By: Packages"])
        .output()?;
    let targets = String::from_utf8_lossy(&targets.stdout).into_owned();
    let of_release = |line: &str| line.strip_suffix(" bookworm main").map(str::to_owned);
    Ok(targets.lines().find_map(of_release))
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command that runs as root, or as root of a user namespace with the caller's
/// subordinate ids. It has mounts and processes of its own, all of which end with it:
/// what is killed in the middle leaves neither a mount nor a process on this machine.
pub fn as_root(program: &str) -> Command {
    let mut command = tied("KILL", "unshare");
    if !is_root() {
        command.args(["--map-auto", "--map-root-user"]);
    }
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.args(["--", program]);
    command
}

/// An error that says so when the cache's file system has not enough room.
pub fn room(dir: &Path, gib: u64) -> Result<()> {
    let stat = rustix::fs::statvfs(dir)?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize) >> 20;
    if free < gib << 10 {
        bail!(
            "{}: {free} MiB free, {gib} GiB needed (ROOTLESS_SETUP_VM_CACHE names another place)",
            dir.display()
        );
    }
    Ok(())
}

fn missing() -> Vec<&'static str> {
    let absent = |program: &str| !on_path(program);
    let unprivileged = if is_root() { &[][..] } else { UNPRIVILEGED };
    PROGRAMS
        .iter()
        .chain(unprivileged)
        .filter(|(program, _)| absent(program))
        .map(|(_, package)| *package)
        .collect()
}

fn on_path(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/sbin", "/sbin"])
        .any(|dir| Path::new(dir).join(program).is_file())
}

fn apt(args: &[&str]) -> Result<()> {
    let mut command = tied("TERM", "apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    process::run(&mut command, "", Duration::from_secs(600))?.ok("apt-get")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_room_is_told_with_both_sizes() {
        let error = room(Path::new("/"), 1 << 30).unwrap_err().to_string();
        assert!(error.starts_with("/: "), "{error}");
        assert!(
            error.contains(" MiB free, 1073741824 GiB needed ("),
            "{error}"
        );
    }
}
