//! Against journals recorded in guests, and against others that are made up.

use super::*;
use crate::check::catalogue::Catalogue;
use crate::host::Output;

fn read(stdout: &str) -> Journal {
    journal::read(&Output {
        exit: Some(0),
        stdout: stdout.into(),
        ..Output::default()
    })
}

/// Lines of an attempt, systemd's marked by `M `.
fn lines(invocation: &str, texts: &[&str]) -> Vec<Line> {
    let line = |text: &&str| Line {
        text: text.trim_start_matches("M ").to_owned(),
        invocation: invocation.to_owned(),
        by_manager: text.starts_with("M "),
        ..Line::default()
    };
    texts.iter().map(line).collect()
}

fn failed(invocation: &str, restarts: u32) -> UnitState {
    UnitState {
        active_state: "failed".into(),
        result: "exit-code".into(),
        exec_main_code: 1,
        exec_main_status: 1,
        invocation: invocation.into(),
        restarts,
        ..UnitState::default()
    }
}

fn journal_of(lines: Vec<Line>) -> Journal {
    Journal {
        lines,
        trouble: None,
    }
}

/// What is made of one attempt that said this.
fn judge(texts: &[&str]) -> Failure {
    of(&failed("a", 0), &journal_of(lines("a", texts)))
}

fn check_of(texts: &[&str]) -> String {
    let cause = judge(texts).cause;
    cause.and_then(|c| c.check).unwrap_or_default()
}

#[test]
fn the_line_that_tells_is_found_in_the_noise() {
    let failure = judge(&[
        "M Starting docker.service...",
        "+ exec dockerd",
        "grep",
        " -qw -- --netns-type",
        "time=\"2026-11-21T23:58:08.4Z\" level=info msg=\"an error, perhaps\"",
        "time=\"2026-11-21T23:58:08.5Z\" level=error msg=\"failed to load cni during init, please check CRI plugin status\"",
        "time=\"2026-11-21T23:58:08.6Z\" level=error msg=\"Failed to GetDriver graph\" driver=nope",
        "failed to start daemon: error initializing graphdriver: driver not supported",
        "[rootlesskit:child ] error: command [/usr/bin/dockerd-rootless.sh] exited: exit status 1",
        "[rootlesskit:parent] error: child exited: exit status 1",
        "M docker.service: Main process exited, code=exited, status=1/FAILURE",
        "M docker.service: Failed with result 'exit-code'.",
    ]);
    assert_eq!(
        failure.lines,
        [
            "level=error msg=\"Failed to GetDriver graph\" driver=nope",
            "failed to start daemon: error initializing graphdriver: driver not supported",
        ]
    );
    assert_eq!(failure.exit.as_deref(), Some("exited with status 1"));
    let check = failure.cause.unwrap().check;
    assert_eq!(check.as_deref(), Some("storage.driver-usable"));
}

#[test]
fn causes() {
    let parent = "[rootlesskit:parent] error: failed to setup UID/GID map: ";
    let map = "22 [0 1000 1 1 100000 65536] failed: ";
    let not_run = format!(
        "{parent}newuidmap {map}newuidmap: write to uid_map failed: Operation not permitted"
    );
    assert_eq!(check_of(&[&not_run]), "subid.newuidmap-privilege");
    let of_groups = format!(
        "{parent}newgidmap {map}newgidmap: write to gid_map failed: Operation not permitted"
    );
    assert_eq!(check_of(&[&of_groups]), "subid.newgidmap-privilege");
    for (text, check) in [
        (
            "failed to start daemon: pid file found, ensure docker is not running or delete /run/user/1000/docker.pid",
            "docker.leftover-pid",
        ),
        (
            "failed to start daemon: process with PID 311 is still running",
            "docker.leftover-pid",
        ),
        (
            "unable to configure the Docker daemon with file /h/daemon.json: invalid character",
            "docker.daemon-json",
        ),
        (
            "failed to start daemon: Error initializing network controller: error obtaining controller instance: failed to create NAT chain DOCKER: Iptables not found",
            "network.iptables",
        ),
        (
            "failed to start daemon: Error initializing network controller: failed to create NAT chain DOCKER: iptables failed: iptables -t nat -N DOCKER: iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)",
            "network.iptables-works",
        ),
        (
            "failed to start daemon: error while opening volume store metadata database: write /home/a/.local/share/docker/volumes/metadata.db: no space left on device",
            "storage.not-full",
        ),
        (
            "failed to start daemon: unable to create /home/a/.local/share/docker: mkdir /home/a/.local/share/docker: permission denied",
            "storage.data-root-owner",
        ),
        (
            "chmod /home/alice/.local/share/docker: operation not permitted",
            "storage.data-root-owner",
        ),
        (
            "Either slirp4netns (>= v0.4.0) or vpnkit needs to be installed",
            "network.driver",
        ),
        (
            "[rootlesskit:parent] error: failed to lock /run/user/1000/dockerd-rootless/lock, another RootlessKit is running with the same state directory?: resource temporarily unavailable",
            "docker.rootlesskit-lock",
        ),
        (
            "[rootlesskit:parent] error: failed to start the child: fork/exec /proc/self/exe: no space left on device",
            "userns.max-user-namespaces",
        ),
        (
            "[rootlesskit:parent] error: failed to setup network &{}: setting up tap tap0: executing [[nsenter ip tuntap add]]: open /dev/net/tun: no such device",
            "network.tun",
        ),
        (
            "M docker.service: Failed at step EXEC spawning /usr/bin/dockerd-rootless.sh: No such file or directory",
            "docker.unit-exec",
        ),
        ("[rootlesskit:parent] error: something new", "userns.probe"),
        (
            "time=\"x\" level=warning msg=\"failed to start daemon: no space left on device\"",
            "",
        ),
        ("something else", ""),
    ] {
        assert_eq!(check_of(&[text]), check, "{text}");
    }
    let unknown = judge(&[
        "Status: unknown flag: --nope",
        "See 'dockerd --help'., Code: 125",
    ]);
    assert!(unknown.cause.unwrap().words.contains("option"));
}

/// Where no line tells, systemd's result does; what it names can be explained.
#[test]
fn every_result_that_is_named_is_known() {
    let known = crate::known::catalogue::KnownIssues::built_in().unwrap();
    let catalogue = Catalogue::built_in().unwrap();
    for (result, exit) in [
        ("oom-kill", None),
        ("timeout", None),
        ("exit-code", Some("(status 203)")),
    ] {
        let id = cause::find(&[], result, exit).unwrap().check.unwrap();
        assert!(
            known.get(&id).is_some() || catalogue.get(&id).is_some(),
            "{id}"
        );
    }
}

#[test]
fn the_attempt_before_counts_while_the_next_is_young() {
    let mut all = lines("old", &["failed to start daemon: yesterday's"]);
    all.extend(lines("a", &["failed to start daemon: today's"]));
    all.extend(lines("b", &["+ exec dockerd"]));
    let starting = |restarts| UnitState {
        active_state: "activating".into(),
        result: "success".into(),
        exec_main_code: 0,
        ..failed("b", restarts)
    };
    all[1].exit = Some("exited with status 3".into());
    all[1].result = Some("exit-code".into());
    let journal = journal_of(all);
    let failure = of(&starting(1), &journal);
    assert_eq!(failure.lines, ["failed to start daemon: today's"]);
    assert_eq!(failure.result, "exit-code");
    assert_eq!(failure.exit.as_deref(), Some("exited with status 3"));
    // Without a restart, what was said before is another story.
    let never = of(&starting(0), &journal);
    assert_eq!(never.lines, Vec::<String>::new());
    assert_eq!((never.result.as_str(), never.exit), ("success", None));
}

#[test]
fn lines_are_few_and_counted() {
    let many: Vec<String> = (0..40)
        .map(|n| format!("level=error msg=\"{}\"", "x".repeat(n + 1)))
        .collect();
    let mut texts: Vec<&str> = many.iter().map(String::as_str).collect();
    texts.insert(3, "failed to start daemon: because");
    let failure = judge(&texts);
    assert_eq!(failure.lines.len(), 12);
    assert_eq!(failure.lines[0], "failed to start daemon: because");
    let again = judge(&["error 1", "other error", "error 22"]);
    assert_eq!(again.lines, ["other error", "error 22 (2 times)"]);
    // Where nothing speaks of an error, what there is.
    let plain = judge(&["boo", "+ trace"]);
    assert_eq!(plain.lines, ["boo"]);
}

#[test]
fn how_it_ended() {
    let state = |code, status| UnitState {
        exec_main_code: code,
        exec_main_status: status,
        ..failed("a", 0)
    };
    let exit = |code, status| of(&state(code, status), &Journal::default()).exit.unwrap();
    assert_eq!(exit(2, 9), "killed by SIGKILL");
    assert_eq!(exit(3, 64), "killed by signal 64");
    assert_eq!(
        exit(1, 203),
        "its program could not be started (status 203)"
    );
    let cause = of(&state(1, 203), &Journal::default()).cause;
    assert_eq!(cause.unwrap().check.as_deref(), Some("docker.unit-exec"));
    let timeout = UnitState {
        result: "timeout".into(),
        ..state(2, 15)
    };
    assert!(
        of(&timeout, &Journal::default())
            .cause
            .unwrap()
            .words
            .contains("in time")
    );
}

#[test]
fn messages_of_all_forms() {
    let journal = read(concat!(
        "{\"MESSAGE\":[255,254,98,105,110],\"_SYSTEMD_INVOCATION_ID\":\"a\",\"__REALTIME_TIMESTAMP\":\"12\"}\n",
        "{\"MESSAGE\":null,\"_SYSTEMD_INVOCATION_ID\":\"a\"}\n",
        "{\"MESSAGE\":\"\\u001b[31mred\\u001b[0m \\u0007bell\",\"USER_UNIT\":\"u\",\"USER_INVOCATION_ID\":\"b\"}\n",
        "{\"MESSAGE\":[\"first\",\"second\"],\"_SYSTEMD_INVOCATION_ID\":[\"a\",\"b\"]}\n",
        "{\"MESSAGE\":[300]}\n{\"MESSAGE\":[[[1]]]}\n{\"MESSAGE\":{}}\n[]\nrubbish\n{\"MESS\n",
        "{\"MESSAGE\":\"end\",\"EXIT_CODE\":\"killed\",\"EXIT_STATUS\":\"KILL\",\"UNIT_RESULT\":\"signal\"}\n",
    ));
    let texts: Vec<&str> = journal.lines.iter().map(|l| l.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "\u{fffd}\u{fffd}bin",
            "(a message too long to show)",
            "red  bell",
            "first",
            "end"
        ]
    );
    assert_eq!(journal.lines[0].at, 12);
    assert!(journal.lines[2].by_manager && !journal.lines[0].by_manager);
    assert_eq!(journal.lines[4].exit.as_deref(), Some("killed by SIGKILL"));
    let long = read(&format!("{{\"MESSAGE\":\"{}\"}}", "ä".repeat(5000)));
    assert_eq!(long.lines[0].text.chars().count(), 301);
}

#[test]
fn no_access_is_not_no_errors() {
    let trouble = |exit, stderr: &str| {
        let output = Output {
            exit: Some(exit),
            stderr: stderr.into(),
            ..Output::default()
        };
        journal::read(&output).trouble
    };
    let denied = "Hint: You are currently not seeing messages from other users and the system.\n\
        No journal files were opened due to insufficient permissions.\n";
    assert!(trouble(1, denied).unwrap().contains("systemd-journal"));
    assert!(trouble(0, "No journal files were found.\n").is_some());
    assert!(
        trouble(1, "unrecognized option")
            .unwrap()
            .contains("unrecognized")
    );
    assert_eq!(
        trouble(0, "Hint: You are currently not seeing messages"),
        None
    );
    let failure = of(
        &failed("a", 0),
        &Journal {
            lines: Vec::new(),
            trouble: trouble(1, denied),
        },
    );
    assert!(failure.trouble.is_some() && failure.lines.is_empty());
}

/// Each was recorded in a guest whose daemon was kept from starting in one way,
/// while systemd was at its next attempt.
#[test]
fn journals_of_guests() {
    for (journal, check, last) in [
        (
            include_str!("../../../tests/journals/debian-12-no-setuid.jsonl"),
            "subid.newuidmap-privilege",
            "newuidmap: write to uid_map failed: Operation not permitted",
        ),
        (
            include_str!("../../../tests/journals/debian-12-no-iptables.jsonl"),
            "network.iptables",
            "failed to create NAT chain DOCKER: Iptables not found",
        ),
        (
            include_str!("../../../tests/journals/debian-12-no-script.jsonl"),
            "docker.unit-exec",
            "spawning /usr/bin/dockerd-rootless.sh: No such file or directory",
        ),
        (
            include_str!("../../../tests/journals/debian-sid-no-subuid.jsonl"),
            "subid.subuid-range",
            "No subuid ranges found for user 1000 (\"alice\")",
        ),
        (
            include_str!("../../../tests/journals/debian-sid-data-root.jsonl"),
            "storage.data-root-owner",
            "chmod /home/alice/.local/share/docker: operation not permitted",
        ),
        (
            include_str!("../../../tests/journals/debian-sid-no-driver.jsonl"),
            "storage.driver-usable",
            "error initializing graphdriver: driver not supported: nope",
        ),
        (
            include_str!("../../../tests/journals/debian-sid-bad-json.jsonl"),
            "docker.daemon-json",
            "invalid JSON: unexpected end of JSON input",
        ),
    ] {
        let journal = read(journal);
        assert_eq!(journal.trouble, None);
        let state = UnitState {
            result: "success".into(),
            exec_main_code: 0,
            ..failed(&journal.lines.last().unwrap().invocation, 1)
        };
        let failure = of(&state, &journal);
        assert_eq!(failure.result, "exit-code");
        assert!(failure.exit.is_some());
        let found = failure.cause.unwrap().check;
        assert_eq!(found.as_deref(), Some(check));
        assert!(
            failure.lines.last().unwrap().ends_with(last),
            "{:?}",
            failure.lines
        );
        assert!(failure.lines.len() <= 2, "{:?}", failure.lines);
    }
}

proptest::proptest! {
    #[test]
    fn never_panics(text in ".*", json in "\\{\"MESSAGE\":.{0,40}\\}") {
        read(&json);
        read(&text);
        judge(&[&text, &format!("M {text}")]);
    }
}
