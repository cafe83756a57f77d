//! Hostile surroundings: programs that hang, flood or babble, files that are
//! no files. The tool answers within its deadline, says `unknown`, leaves no
//! process behind and changes nothing.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// An ordinary user with a home and a PATH of its own.
struct Sandbox {
    dir: tempfile::TempDir,
    /// One at a time: while another test forks, a program just written is busy.
    _alone: std::sync::MutexGuard<'static, ()>,
}

static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// Nobody's uid, used when the tests run as root.
const UID: u32 = 54_321;

impl Sandbox {
    fn new() -> Self {
        let alone = ALONE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let dir = tempfile::tempdir().unwrap();
        set_mode(dir.path(), 0o755);
        let sandbox = Sandbox { dir, _alone: alone };
        for name in ["home", "bin"] {
            std::fs::create_dir(sandbox.path(name)).unwrap();
        }
        // The build tree may lie where an ordinary user cannot look.
        std::fs::copy(env!("CARGO_BIN_EXE_rootless-setup"), sandbox.path("tool")).unwrap();
        set_mode(&sandbox.path("tool"), 0o755);
        // The unit's PATH decides which programs are run.
        let unit = format!("[Service]\nEnvironment=PATH={}\n", sandbox.search_path());
        sandbox.file(".config/systemd/user/docker.service", unit.as_bytes());
        sandbox
    }

    fn search_path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.path("bin").display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        set_mode(&path, 0o755);
    }

    fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.path("home").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, contents).unwrap();
        path
    }

    fn doctor(&self, args: &[&str]) -> (Output, Duration) {
        let started = Instant::now();
        let output = self.command(args).output().unwrap();
        (output, started.elapsed())
    }

    /// `doctor` as an ordinary user who owns the home.
    fn command(&self, args: &[&str]) -> Command {
        if rustix::process::geteuid().is_root() {
            own(&self.path("home"));
        }
        let mut command = Command::new(self.path("tool"));
        command
            .arg("doctor")
            .args(args)
            .env_clear()
            .env("HOME", self.path("home"))
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path("bin").display()),
            )
            .current_dir("/");
        if rustix::process::geteuid().is_root() {
            command.uid(UID).gid(UID);
        }
        command
    }

    fn report(&self, args: &[&str]) -> (serde_json::Value, Duration) {
        let (output, took) = self.doctor(&[args, &["--format", "json"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!stderr.contains("panicked"), "{stderr}");
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 1 | 3)), "{code:?} {stderr}");
        (serde_json::from_slice(&output.stdout).unwrap(), took)
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn own(path: &Path) {
    std::os::unix::fs::lchown(path, Some(UID), Some(UID)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).unwrap() {
            own(&entry.unwrap().path());
        }
    }
}

fn status<'a>(report: &'a serde_json::Value, id: &str) -> &'a str {
    let checks = report["checks"].as_array().unwrap();
    let check = checks
        .iter()
        .find(|c| c["id"] == id)
        .unwrap_or_else(|| panic!("no {id}"));
    check["status"].as_str().unwrap()
}

/// Everything below a directory that a change would show in.
fn tree(dir: &Path) -> BTreeMap<PathBuf, (u32, u32, u64, i64, i64)> {
    let mut found = BTreeMap::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(path) = todo.pop() {
        let meta = path.symlink_metadata().unwrap();
        if meta.is_dir() {
            todo.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        }
        let seen = (
            meta.mode(),
            meta.uid(),
            meta.size(),
            meta.mtime(),
            meta.mtime_nsec(),
        );
        found.insert(path, seen);
    }
    found
}

#[test]
fn a_program_that_hangs_costs_its_own_checks_and_is_killed() {
    let sandbox = Sandbox::new();
    let pid = sandbox.path("home").join("pid");
    // It starts a child of its own: the whole group has to go.
    sandbox.program(
        "dockerd",
        &format!("sleep 1000 & echo $! > {}; wait", pid.display()),
    );
    let (report, took) = sandbox.report(&["--timeout", "2"]);
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(status(&report, "docker.dockerd"), "unknown");
    let pid = std::fs::read_to_string(pid).unwrap();
    wait_for(|| is_gone(pid.trim()).then_some(()));
}

#[test]
fn a_program_that_floods_is_cut_off() {
    let sandbox = Sandbox::new();
    sandbox.program("dockerd", "exec head -c 100000000 /dev/zero");
    sandbox.program("containerd", "exec yes");
    let (report, took) = sandbox.report(&["--timeout", "5"]);
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(status(&report, "docker.dockerd"), "unknown");
}

#[test]
fn a_program_that_babbles_is_no_version() {
    let sandbox = Sandbox::new();
    sandbox.program("dockerd", "printf '\\377\\376\\033[2Jno version\\n'");
    let (output, _) = sandbox.doctor(&["--verbose"]);
    assert!(
        !output.stdout.contains(&0x1b),
        "an escape sequence reached the terminal"
    );
    let (report, _) = sandbox.report(&[]);
    assert_ne!(status(&report, "docker.dockerd"), "pass");
}

#[test]
fn a_fifo_a_device_and_a_loop_do_not_hang() {
    let sandbox = Sandbox::new();
    let config = sandbox.path("home").join(".config/docker");
    std::fs::create_dir_all(&config).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        config.join("daemon.json"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    let docker = sandbox.path("home").join(".docker");
    std::fs::create_dir_all(&docker).unwrap();
    std::os::unix::fs::symlink("/dev/zero", docker.join("config.json")).unwrap();
    let unit = sandbox
        .path("home")
        .join(".config/systemd/user/docker.service");
    std::fs::remove_file(&unit).unwrap();
    std::os::unix::fs::symlink("docker.service", &unit).unwrap();
    let (report, took) = sandbox.report(&["--no-probe"]);
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_ne!(status(&report, "docker.daemon-json"), "pass");
    assert_ne!(status(&report, "docker.cli-config"), "pass");
}

#[test]
fn binary_huge_and_unreadable_files_are_never_a_pass() {
    let sandbox = Sandbox::new();
    sandbox.file(".config/docker/daemon.json", b"\xff\xfe\x00{");
    let huge = sandbox.file(".docker/config.json", b"");
    let file = std::fs::OpenOptions::new().write(true).open(&huge).unwrap();
    file.set_len(1 << 30).unwrap();
    let (report, took) = sandbox.report(&["--no-probe"]);
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_ne!(status(&report, "docker.daemon-json"), "pass");
    assert_ne!(status(&report, "docker.cli-config"), "pass");
}

#[test]
fn doctor_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.file(".docker/config.json", b"{}");
    sandbox.file(".config/docker/daemon.json", b"{}");
    sandbox.doctor(&[]);
    let before = tree(sandbox.dir.path());
    sandbox.doctor(&[]);
    sandbox.doctor(&["--verbose", "--no-probe"]);
    assert_eq!(tree(sandbox.dir.path()), before);
}

#[test]
fn nothing_but_ourselves_is_run_without_probe() {
    let sandbox = Sandbox::new();
    let mark = sandbox.path("home").join("ran");
    for name in [
        "dockerd",
        "docker",
        "rootlesskit",
        "containerd",
        "runc",
        "getent",
        "pasta",
    ] {
        sandbox.program(name, &format!("touch {}", mark.display()));
    }
    let (report, _) = sandbox.report(&["--no-probe"]);
    assert!(!mark.exists());
    assert_eq!(status(&report, "userns.probe"), "skip");
    sandbox.report(&[]);
    assert!(
        mark.exists(),
        "the programs of the PATH are the ones that are run"
    );
}

#[test]
fn an_interrupt_ends_the_programs_too() {
    let sandbox = Sandbox::new();
    let pid = sandbox.path("home").join("pid");
    let script = format!("echo $$ > {}; exec sleep 1000", pid.display());
    sandbox.program("dockerd", &script);
    let mut tool = sandbox
        .command(&[])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let started = wait_for(|| {
        std::fs::read_to_string(&pid)
            .ok()
            .filter(|t| t.ends_with('\n'))
    });
    let process = rustix::process::Pid::from_child(&tool);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    assert_eq!(tool.wait().unwrap().code(), Some(130));
    wait_for(|| is_gone(started.trim()).then_some(()));
}

/// What `ask` finds within five seconds.
fn wait_for<T>(ask: impl Fn() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(found) = ask() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it did not come to pass within five seconds")
}

fn is_gone(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    state.map_or(true, |s| s.contains(") Z "))
}
