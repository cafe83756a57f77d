//! Limits of the process, and files without an end: an answer, never a crash.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const HOST: &str = "tests/hosts/ubuntu-24.04-home-bin.toml";
const LOG: &str = "tests/samples/messages.txt";

/// Runs a shell's line with the program as `$T`, as an ordinary user: root has
/// no limits.
fn sh(line: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let tool = dir.path().join("tool");
    let copy = Command::new("cp")
        .arg(env!("CARGO_BIN_EXE_rootless-setup"))
        .arg(&tool)
        .status();
    assert!(copy.unwrap().success());
    let mut command = match rustix::process::geteuid().is_root() {
        true => {
            let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(dir.path(), open).unwrap();
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "54321", "--regid", "54321", "--clear-groups"]);
            command.arg("bash");
            command
        }
        false => Command::new("bash"),
    };
    // The tree may lie where that user cannot look.
    let files = [("H", HOST), ("L", LOG)].map(|(name, path)| {
        let copy = dir.path().join(name);
        std::fs::copy(path, &copy).unwrap();
        (name, copy)
    });
    command.args(["-c", line]).stdin(Stdio::null());
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("T", &tool);
    command
        .env("HOME", dir.path())
        .envs(files)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_threads_the_work_is_done_all_the_same() {
    for (line, code) in [
        ("doctor --replay $H", 1),
        ("report --replay $H", 0),
        ("explain --no-host $L", 0),
        ("report summary $H", 2),
    ] {
        let output = sh(&format!("ulimit -u 1; exec $T {line}"));
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{line}: {said}");
        assert!(!said.contains("bug"), "{line}: {said}");
    }
    let live = sh("ulimit -u 2; exec $T doctor --timeout 3");
    assert!(matches!(live.status.code(), Some(1 | 3)), "{live:?}");
}

#[test]
fn a_limit_that_would_end_the_program_is_named() {
    for (limit, says, raise) in [
        ("-v 65000", "memory is limited to 65000 KiB", "ulimit -v"),
        ("-s 200", "the stack is limited to 200 KiB", "ulimit -s"),
    ] {
        let output = sh(&format!("ulimit -S {limit}; exec $T doctor"));
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{limit}: {said}");
        assert!(said.contains(says) && said.contains(raise), "{said}");
    }
}

#[test]
fn devices_are_not_opened() {
    for line in [
        "doctor --replay /dev/zero",
        "report --replay /dev/zero",
        "report read /dev/zero",
        "report diff /dev/zero /dev/null",
        "explain --no-host /dev/zero",
    ] {
        let output = sh(&format!("exec $T {line}"));
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert!(said.contains("it is a device"), "{line}: {said}");
    }
    let output = sh("exec $T report summary /dev/zero");
    assert!(stderr(&output).contains("it is a device"));
}

#[test]
fn what_is_too_large_is_refused_in_little_memory() {
    for (line, says) in [
        ("doctor --replay <(cat /dev/zero)", "larger than 32 MiB"),
        ("report read - < <(cat /dev/zero)", "larger than 8 MiB"),
        ("report read <(cat /dev/zero)", "larger than 8 MiB"),
    ] {
        // The program's own text and libraries are 60 MB of it.
        let output = sh(&format!("ulimit -v 150000; exec $T {line}"));
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert!(said.contains(says), "{line}: {said}");
    }
}

#[test]
fn pipes_are_read() {
    let output = sh("exec $T doctor --replay <(sleep 0.2; cat $H)");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let output = sh("exec $T explain --no-host <(sleep 0.2; cat $L)");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_log_without_an_end_ends_with_a_word() {
    let started = Instant::now();
    let output = sh("yes a line of a log | $T explain --no-host --timeout 1 -");
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(page.contains("reading stopped after 1 seconds"), "{page}");
    assert!(started.elapsed() < Duration::from_secs(30));
}
