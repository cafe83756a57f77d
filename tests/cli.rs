//! The command line as a user meets it: the real binary, its streams and exit codes.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use assert_cmd::assert::OutputAssertExt;

fn tool(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootless-setup"));
    command.args(args);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn stdout(args: &[&str]) -> String {
    text(&tool(args).assert().success().get_output().stdout)
}

fn complaint(args: &[&str]) -> String {
    let assert = tool(args).assert().code(2).stdout("");
    text(&assert.get_output().stderr)
}

fn scratch(name: &str, contents: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, contents).unwrap();
    (dir, path)
}

#[test]
fn checks_list_shows_every_check_once() {
    let list = stdout(&["checks", "list"]);
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&["checks", "list", "--format", "json"])).unwrap();
    let checks = json.as_array().unwrap();
    assert_eq!(list.lines().count(), checks.len());
    for check in checks {
        assert!(list.contains(check["id"].as_str().unwrap()));
    }
}

#[test]
fn the_readme_shows_what_the_program_prints() {
    let host = "tests/hosts/ubuntu-24.04-home-bin.toml";
    let mut command = tool(&["doctor", "--replay", host]);
    command.env_clear().env("LANG", "C.UTF-8");
    let page = text(&command.output().unwrap().stdout);
    let readme = std::fs::read_to_string("README.md").unwrap();
    assert!(
        readme.contains(page.trim_end()),
        "README.md is out of date:\n{page}"
    );
}

#[test]
fn explain_shows_any_check() {
    for line in stdout(&["checks", "list"]).lines() {
        let id = line.split_whitespace().next().unwrap();
        let page = stdout(&["explain", id]);
        assert!(page.starts_with(id), "{page}");
        assert!(page.contains("https://"), "{page}");
        let prose = page
            .lines()
            .filter(|l| !l.contains("http") && !l.contains("sudo") && l.starts_with("  "));
        for line in prose.take(6) {
            assert!(line.chars().count() <= 80, "{id}: {line}");
        }
    }
}

#[test]
fn an_unknown_check_names_the_nearest() {
    let message = complaint(&["explain", "userns.max-namespaces"]);
    assert!(
        message.contains("there is no check userns.max-namespaces"),
        "{message}"
    );
    assert!(message.contains("did you mean userns.max-"), "{message}");
}

#[test]
fn explain_reads_logs_from_files_and_standard_input() {
    let line = "[rootlesskit:parent] error: failed to setup UID/GID map: failed to compute uid/gid map: No subuid ranges found for user 1003 (\"x\u{1b}[2J\")\n";
    let (_dir, path) = scratch("docker.log", line);
    let page = stdout(&["explain", "--no-host", path.to_str().unwrap()]);
    assert!(
        page.starts_with("Very likely: the user has no line in /etc/subuid"),
        "{page}"
    );
    assert!(!page.contains('\u{1b}'), "{page}");
    let mut command =
        assert_cmd::Command::from_std(tool(&["explain", "--no-host", "--format", "json", "-"]));
    let output = command
        .write_stdin(line)
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    let found: serde_json::Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(found["causes"][0]["id"], "subuid-missing");
    assert_eq!(found["host"], serde_json::Value::Null);
    assert!(stdout(&["explain", "subuid-missing"]).contains("https://"));
}

#[test]
fn a_recorded_host_decides_what_a_log_means() {
    let line = "[rootlesskit:parent] error: failed to start the child: fork/exec /proc/self/exe: operation not permitted\n";
    let (_dir, path) = scratch("docker.log", line);
    let first = |host: &str| {
        let host = format!("tests/hosts/{host}.toml");
        let json = stdout(&[
            "explain",
            "--format",
            "json",
            "--replay",
            &host,
            path.to_str().unwrap(),
        ]);
        let found: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(found["host"], host.as_str());
        found["causes"][0]["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(first("ubuntu-24.04-home-bin"), "apparmor-userns");
    assert_eq!(first("debian-10"), "userns-clone-off");
    assert_eq!(first("kubernetes-pod"), "container-refuses-userns");
}

#[test]
fn what_cannot_be_explained_is_said_to_be_so() {
    let (_dir, path) = scratch("x.log", "all is well\n");
    let assert = tool(&["explain", path.to_str().unwrap()]).assert().code(3);
    assert!(text(&assert.get_output().stdout).contains("rootless-setup doctor"));
    let of = |bytes: &[u8]| {
        let (_dir, path) = scratch("x.log", bytes);
        complaint(&["explain", path.to_str().unwrap()])
    };
    assert!(of(&[0; 9000]).contains("not text"));
    assert!(of(b"\x1f\x8b\x08\0").contains("zcat"));
    assert!(of(b"LPKSHHRH").contains("journalctl --file"));
    assert!(complaint(&["explain", "/dev/zero"]).contains("it is a device"));
    assert!(complaint(&["explain", "/"]).contains("cannot be read"));
    assert!(complaint(&["explain", "/no/such/file"]).contains("/no/such/file"));
    assert!(complaint(&["explain"]).contains("--journal"));
}

#[test]
fn a_file_that_is_no_recorded_host_is_named_and_explained() {
    let replay = |contents: &[u8]| {
        let (_dir, path) = scratch("x.toml", contents);
        complaint(&["doctor", "--replay", path.to_str().unwrap()])
    };
    assert!(replay(b"").contains("not a recorded host"));
    assert!(replay(b"hello").contains("not a recorded host"));
    assert!(replay(b"bundle_version = 'x'").contains("not a recorded host"));
    assert!(replay(b"bundle_version = 99\nfuture = true").contains("newer rootless-setup"));
    assert!(replay(b"\xff\xfe\x00").contains("cannot be read"));
    assert!(complaint(&["doctor", "--replay", "/no/such/file"]).contains("/no/such/file"));
    assert!(complaint(&["doctor", "--replay", "/"]).contains("cannot be read"));
}

#[test]
fn a_capture_replays_to_the_same_report_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("host.toml");
    let name = file.to_str().unwrap();
    let live = tool(&["doctor", "--format", "json", "--capture", name])
        .output()
        .unwrap();
    let replayed = tool(&["doctor", "--format", "json", "--replay", name])
        .output()
        .unwrap();
    assert_eq!(statuses(&live.stdout), statuses(&replayed.stdout));
    assert_eq!(live.status.code(), replayed.status.code());
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "a capture names users and paths");
    let again = complaint(&["doctor", "--capture", name]);
    assert!(again.contains("cannot be written"), "{again}");
}

fn statuses(report: &[u8]) -> Vec<(String, String, String)> {
    let report: serde_json::Value = serde_json::from_slice(report).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let check = |c: &serde_json::Value| (text(&c["id"]), text(&c["status"]), text(&c["summary"]));
    report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(check)
        .collect()
}

#[test]
fn check_is_doctor_and_json_has_the_published_keys() {
    let output = tool(&["check", "--no-probe", "--format", "json"])
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys: Vec<&str> = report
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut wanted = [
        "schema_version",
        "tool",
        "host",
        "capabilities",
        "checks",
        "summary",
    ];
    wanted.sort_unstable();
    assert_eq!(keys, wanted);
    let mut keys: Vec<&str> = report["checks"][0]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    let wanted = "area docs duration_ms evidence fix id level status summary title";
    assert_eq!(keys.join(" "), wanted);
}

#[test]
fn only_root_examines_another_user() {
    if rustix::process::geteuid().is_root() {
        let message = complaint(&["doctor", "--user", "no-such-user"]);
        assert!(
            message.contains("there is no user no-such-user"),
            "{message}"
        );
        let message = complaint(&["doctor", "--user=--help"]);
        assert!(message.contains("there is no user --help"), "{message}");
    } else {
        assert!(complaint(&["doctor", "--user", "root"]).contains("only root"));
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = tool(&["checks", "list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn colour_only_where_asked_for() {
    let colours = |args: &[&str], env: &[(&str, &str)]| {
        let mut command = tool(args);
        command.env_clear().envs(env.iter().copied());
        command.output().unwrap().stdout.contains(&0x1b)
    };
    let page = ["doctor", "--no-probe"];
    assert!(!colours(&page, &[]), "a pipe");
    assert!(colours(&page, &[("CLICOLOR_FORCE", "1")]));
    assert!(!colours(
        &page,
        &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]
    ));
    assert!(colours(
        &["--color=always", "doctor", "--no-probe"],
        &[("NO_COLOR", "1")]
    ));
}

#[test]
fn options_that_cannot_be_meant_are_refused_before_anything_is_looked_at() {
    let refused = [
        (&["install", "--net", "carrier-pigeon"][..], "slirp4netns"),
        (&["install", "--port-driver", "none"], "builtin"),
        (&["install", "--mtu", "5"], "68 to 65521"),
        (&["install", "--adopt", "--keep"], "--keep"),
        (&["install", "--linger", "--no-linger"], "--no-linger"),
        (&["install", "--timeout", "0"], "3600"),
        (&["install", "--no-such-option"], "--no-such-option"),
        (&["uninstall", "everything"], "everything"),
        (&["--no-input", "install"], "after the command"),
        (&["install", "--replay", "x"], "--dry-run"),
        (&["install", "--ask", "--no-input"], "--no-input"),
        (
            &["install", "--dry-run", "--replay", "/no/such/file"],
            "/no/such/file",
        ),
        (&[], "Usage: rootless-setup"),
    ];
    for (args, word) in refused {
        let said = complaint(args);
        assert!(said.contains(word), "{args:?}: {said}");
    }
}

#[test]
fn a_setup_toml_that_cannot_be_meant_is_refused_line_by_line() {
    let refused = |text: &[u8]| {
        let (_dir, path) = scratch("setup.toml", text);
        complaint(&["install", "--config", path.to_str().unwrap()])
    };
    let said = refused(b"mtuu = 1400\nnet = \"pigeon\"\n");
    assert!(
        said.contains("setup.toml:1: there is no option \"mtuu\"; did you mean mtu?"),
        "{said}"
    );
    assert!(
        said.contains("setup.toml:2: net is \"pigeon\"; it takes \"slirp4netns\""),
        "{said}"
    );
    assert!(said.contains("has 2 mistakes"), "{said}");
    let pair = refused(b"net = \"pasta\"\nport-driver = \"builtin\"\n");
    assert!(
        pair.contains("setup.toml:2: the network driver pasta"),
        "{pair}"
    );
    assert!(refused(b"version = 2\nmtu = 1\n").contains("newer rootless-setup"));
    assert!(refused(b"\xff\xfe\0").contains("not UTF-8"));
    assert!(refused(b"[[[[").contains("setup.toml:1: is not TOML"));
    assert!(refused(&vec![b'#'; 2 << 20]).contains("larger than"));
    let read = |path| complaint(&["install", "--config", path]);
    assert!(read("/no/such/file").contains("/no/such/file cannot be read: it is not there"));
    assert!(read("/dev/zero").contains("not a regular file"));
    assert!(read("/").contains("not a regular file"));
}

#[test]
fn a_generated_setup_toml_sets_nothing_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("setup.toml");
    let name = file.to_str().unwrap();
    stdout(&["generate", "config", "--output", name]);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, stdout(&["generate", "config"]));
    let again = complaint(&["generate", "config", "-o", name]);
    assert!(again.contains("it is there already"), "{again}");
    let docs = std::fs::read_to_string("docs/install.md").unwrap();
    let help = stdout(&["install", "--help"]);
    for option in text
        .lines()
        .filter_map(|l| l.strip_prefix('#')?.split_once(" = "))
    {
        let flag = format!("--{}", option.0);
        assert!(
            docs.contains(&format!("`{flag}")),
            "{flag} is not in docs/install.md"
        );
        assert!(help.contains(&flag), "{flag}");
    }
}

#[test]
fn the_plan_for_any_recorded_host_is_a_plan_or_a_reason() {
    let mut plans = 0;
    for entry in std::fs::read_dir("tests/hosts").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "toml") {
            continue;
        }
        let name = path.display().to_string();
        let output = tool(&["install", "--dry-run", "--replay", &name])
            .output()
            .unwrap();
        let (page, said) = (text(&output.stdout), text(&output.stderr));
        match output.status.code() {
            Some(0) => plans += usize::from(page.contains("This will be done:")),
            code => assert!(
                matches!(code, Some(1 | 2 | 4)) && said.contains("error: "),
                "{name}: {code:?} {said}"
            ),
        }
        assert!(!said.contains("bug"), "{name}: {said}");
    }
    assert!(plans > 15, "{plans} plans");
}
