//! What the guest harness does with a machine that is not as it wants it, with
//! programs that are made for the test instead of real guests.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and start programs"
)]

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A directory with a cache and programs.
struct Bench {
    dir: TempDir,
}

/// What the harness wants to find, beside what is on every machine.
const PROGRAMS: [&str; 6] = [
    "mke2fs",
    "mmdebstrap",
    "qemu-img",
    "qemu-system-x86_64",
    "ssh",
    "xz",
];

impl Bench {
    /// With all programs, of which only qemu does something: this.
    fn new(qemu: &str) -> Bench {
        let bench = Bench {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(bench.path("bin")).unwrap();
        fs::create_dir(bench.path("cache")).unwrap();
        fs::write(bench.path("cache/id_ed25519.pub"), "ssh-ed25519 AAAA\n").unwrap();
        for name in PROGRAMS {
            bench.program(name, "exit 1");
        }
        bench.program("qemu-system-x86_64", qemu);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn program(&self, name: &str, script: &str) {
        let file = self.path("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn harness(&self, args: &[&str]) -> Command {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .arg("vm")
            .args(args)
            .env("PATH", path)
            .env("ROOTLESS_SETUP_VM_CACHE", self.path("cache"))
            .stderr(Stdio::piped());
        command
    }

    /// The process id that qemu has written to the file `pid`.
    fn pid(&self) -> i32 {
        let file = self.path("pid");
        until("qemu is started", || file.exists());
        until("qemu has said its id", || {
            fs::read_to_string(&file).unwrap().ends_with('\n')
        });
        fs::read_to_string(&file).unwrap().trim().parse().unwrap()
    }

    fn hanging() -> Bench {
        let bench = Bench::new("");
        let file = bench.path("pid");
        let script = format!("echo $$ >{}; exec sleep 300", file.display());
        bench.program("qemu-system-x86_64", &script);
        bench
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "in 20 s not so: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn gone(pid: i32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat"));
    // A zombie that nobody waits for is as good as gone.
    state.map_or(true, |stat| stat.contains(") Z "))
}

fn signal(child: &Child, name: &str) {
    let done = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(done.unwrap().success());
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn missing_programs_are_named_by_their_packages() {
    let bench = Bench::new("");
    let mut harness = bench.harness(&["build", "bookworm"]);
    // Without apt-get it does not install them, not even as root.
    let bin = bench.path("bin");
    fs::remove_file(bin.join("mmdebstrap")).unwrap();
    fs::remove_file(bin.join("ssh")).unwrap();
    for real in ["setpriv", "tar"] {
        symlink(Path::new("/usr/bin").join(real), bin.join(real)).unwrap();
    }
    let output = harness.env("PATH", &bin).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let wanted = "missing packages: mmdebstrap openssh-client";
    assert!(said(&output).contains(wanted), "{}", said(&output));
}

#[test]
fn a_second_run_is_told_of_the_first() {
    let bench = Bench::new("exit 1");
    let lock = bench.path("cache/lock");
    fs::write(&lock, "4711").unwrap();
    let held = File::open(&lock).unwrap();
    held.lock().unwrap();
    let args = [
        "run",
        "--binary",
        "/bin/true",
        "--cases",
        "../tests/vm/cases",
    ];
    let output = bench.harness(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("another run (pid 4711) is using "),
        "{}",
        said(&output)
    );
}

#[test]
fn an_interrupt_ends_what_was_started() {
    for name in ["INT", "TERM", "HUP"] {
        let bench = Bench::hanging();
        let harness = bench.harness(&["build", "bookworm"]).spawn().unwrap();
        let pid = bench.pid();
        signal(&harness, name);
        let output = harness.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(said(&output).contains("interrupted"), "{}", said(&output));
        assert!(gone(pid), "{name}");
    }
}

#[test]
fn what_was_started_dies_with_a_harness_that_is_killed() {
    let bench = Bench::hanging();
    let mut harness = bench.harness(&["build", "bookworm"]).spawn().unwrap();
    let pid = bench.pid();
    signal(&harness, "KILL");
    assert_eq!(harness.wait().unwrap().signal(), Some(9));
    until("qemu is gone", || gone(pid));
}

#[test]
fn a_qemu_that_fails_is_quoted() {
    let bench = Bench::new("echo no such machine >&2; exit 3");
    let output = bench.harness(&["build", "bookworm"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("exit code 3: no such machine"),
        "{}",
        said(&output)
    );
}
