//! `report` as a user meets it: files with their modes, exit codes, many hosts.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const HOST: &str = "tests/hosts/ubuntu-24.04-home-bin.toml";

fn report(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootless-setup"));
    command
        .arg("report")
        .args(args)
        .env_clear()
        .env("LANG", "C.UTF-8");
    command.output().unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = report(args);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.is_empty(), "{args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn complaint(args: &[&str]) -> String {
    let output = report(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn names(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name());
    let mut names: Vec<String> = names.map(|n| n.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn files_are_whole_and_have_their_modes() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let [ticket, map, prom] = [at("ticket.md"), at("map.json"), at("x.prom")];
    stdout(&["--replay", HOST, "-o", &ticket, "--map", &map]);
    stdout(&["--replay", HOST, "-o", &prom, "--format", "prometheus"]);
    assert_eq!(names(dir.path()), ["map.json", "ticket.md", "x.prom"]);
    let modes = [&ticket, &map, &prom].map(|path| mode(Path::new(path)));
    assert_eq!(modes, [0o600, 0o600, 0o644]);
    let key: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&map).unwrap()).unwrap();
    assert_eq!(key["user-1"], "alice");
    let text = std::fs::read_to_string(&ticket).unwrap();
    assert!(text.contains("user-1") && !text.contains("alice"), "{text}");
    let metrics = std::fs::read_to_string(&prom).unwrap();
    assert!(metrics.contains("rootless_setup_check_status{check=\"userns.apparmor\",level=\"required\",status=\"fail\"} 1"));
    // No place for a file: nothing is examined, nothing is replaced.
    std::os::unix::fs::symlink("ticket.md", dir.path().join("link")).unwrap();
    for bad in [at("none/x.md"), at("."), at("link"), "/dev/null".into()] {
        assert!(complaint(&["--replay", HOST, "-o", &bad]).contains("cannot be written"));
    }
}

#[test]
fn show_private_shows_and_says_so() {
    let text = stdout(&["--replay", HOST, "--show-private"]);
    assert!(text.contains("/home/alice/bin/rootlesskit"));
    assert!(text.contains("**Private values are shown in this report**"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.md");
    std::fs::write(&path, &text).unwrap();
    let page = stdout(&["read", path.to_str().unwrap()]);
    assert!(page.contains("Private values are shown"), "{page}");
    assert!(page.contains("say the same of these facts"), "{page}");
}

#[test]
fn read_takes_standard_input_and_exits_as_doctor_did() {
    let ticket = stdout(&["--replay", HOST]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_rootless-setup"))
        .args(["report", "read", "-", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(ticket.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["values"], "replaced");
    assert_eq!(value["missing"], serde_json::Value::Null);
    assert_eq!(value["changes"].as_array().unwrap().len(), 0);
    assert_eq!(
        value["current"]["summary"]["fail"],
        value["report"]["summary"]["fail"]
    );
}

#[test]
fn old_tickets_are_judged_by_the_checks_of_today() {
    // As if an older version had not known this check, and judged that one otherwise.
    let ticket = stdout(&["--replay", HOST, "--format", "json"]);
    let old = ticket
        .replace(
            "{\"id\":\"userns.probe\",\"status\":\"fail\"",
            "{\"id\":\"userns.probe\",\"status\":\"pass\"",
        )
        .replace("{\"id\":\"session.linger\",", "{\"id\":\"session.once\",");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("old.json");
    std::fs::write(&path, old).unwrap();
    let page = stdout(&["read", path.to_str().unwrap()]);
    assert!(page.contains("ok   -> FAIL  userns.probe"), "{page}");
    assert!(page.contains("-    -> info  session.linger"), "{page}");
    assert!(page.contains("info -> -     session.once"), "{page}");
}

#[test]
fn diff_tells_what_changed() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, host: &str| {
        let path = dir.path().join(name).display().to_string();
        stdout(&["--replay", host, "-o", &path]);
        path
    };
    let before = write("a.md", HOST);
    let after = write("b.md", "tests/hosts/ubuntu-24.04.toml");
    assert_eq!(report(&["diff", &before, &before]).status.code(), Some(0));
    let output = report(&["diff", &before, &after]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("FAIL -> ok    userns.apparmor"), "{text}");
    let json = report(&["diff", &before, &after, "--format", "json"]).stdout;
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let changes = value["changes"].as_array().unwrap();
    assert!(
        changes
            .iter()
            .any(|c| c["id"] == "userns.apparmor" && c["after"] == "pass")
    );
}

#[test]
fn summary_counts_groups_and_ranks() {
    let dir = tempfile::tempdir().unwrap();
    let hosts = [
        ("a.md", HOST),
        ("b.md", HOST),
        ("c.json", "tests/hosts/debian-12.toml"),
    ];
    for (name, host) in hosts {
        let path = dir.path().join(name).display().to_string();
        let format = if name.ends_with("json") {
            "json"
        } else {
            "markdown"
        };
        stdout(&["--replay", host, "-o", &path, "--format", format]);
    }
    let doctor = Command::new(env!("CARGO_BIN_EXE_rootless-setup"))
        .args(["doctor", "--format", "json", "--replay", HOST])
        .output()
        .unwrap();
    std::fs::write(dir.path().join("d.json"), doctor.stdout).unwrap();
    std::fs::write(dir.path().join("e.md"), "not a report").unwrap();
    let quoted: String = std::fs::read_to_string(dir.path().join("a.md"))
        .unwrap()
        .lines()
        .map(|line| format!("> {line}\n"))
        .collect();
    std::fs::write(dir.path().join("f.md"), quoted).unwrap();
    let folder = dir.path().to_str().unwrap();
    let output = report(&["summary", folder, "--format", "json"]);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("e.md does not count: this is no report")
    );
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["hosts"], 5);
    assert_eq!(
        value["groups"][0]["hosts"],
        serde_json::json!(["a.md", "b.md", "d.json", "f.md"])
    );
    assert_eq!(value["causes"][0]["hosts"], 4);
    let text = String::from_utf8(report(&["summary", folder]).stdout).unwrap();
    assert!(text.starts_with("5 reports\n"), "{text}");
    assert!(text.contains("     4  userns.apparmor\n"), "{text}");
    let page = String::from_utf8(report(&["summary", folder, "--format", "html"]).stdout).unwrap();
    assert!(page.contains("<td class=\"fail\">FAIL</td>") && page.contains("default-src 'none'"));
}

#[test]
fn what_is_too_large_or_no_report_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big.json");
    let big = std::fs::File::create(&path).unwrap();
    big.set_len(1 << 30).unwrap();
    assert!(complaint(&["read", path.to_str().unwrap()]).contains("larger than 8 MiB"));
    let (one, none): (PathBuf, PathBuf) = (dir.path().join("x"), dir.path().join("none"));
    std::fs::write(&one, b"\xff\xfe\x00binary").unwrap();
    assert!(complaint(&["read", one.to_str().unwrap()]).contains("this is no report"));
    assert!(complaint(&["read", none.to_str().unwrap()]).contains("cannot be read"));
    assert!(complaint(&["summary", none.to_str().unwrap()]).contains("cannot be read"));
}

/// What Ansible does with `/etc/ansible/facts.d/rootless_setup.fact`: runs it,
/// wants exit code 0 and JSON.
#[test]
fn doctor_is_a_local_fact_for_ansible() {
    let docs = std::fs::read_to_string("docs/report.md").unwrap();
    let script = docs
        .split("```sh\n#!/bin/sh\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_rootless-setup"))
        .parent()
        .unwrap();
    let script = script.replace("doctor --", &format!("doctor --replay {HOST} --"));
    let output = Command::new("/bin/sh")
        .args(["-c", &script])
        .env("PATH", bin)
        .output()
        .unwrap();
    assert!(output.status.success());
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(value["summary"]["fail"].as_u64().unwrap() > 0);
}
