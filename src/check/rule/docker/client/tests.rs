//! Contexts and variables, right and astray.

use crate::check::engine::Status;
use crate::testing::TestHost;

const OWN: &str = "unix:///run/user/1000/docker.sock";

fn context(host: TestHost, name: &str, endpoint: &str) -> TestHost {
    let text = format!(r#"{{"Name":"{name}","Endpoints":{{"docker":{{"Host":"{endpoint}"}}}}}}"#);
    host.file(
        &format!("/home/alice/.docker/contexts/meta/{name}/meta.json"),
        &text,
    )
}

fn config(host: TestHost, text: &str) -> TestHost {
    host.file("/home/alice/.docker/config.json", text)
}

#[test]
fn the_context_of_an_earlier_installation() {
    let check = |host: TestHost| host.check("docker.context");
    let own = check(context(TestHost::new(), "rootless", OWN));
    assert_eq!(own.status, Status::Pass);
    let stale = check(context(
        TestHost::new(),
        "rootless",
        "unix:///home/alice/.docker/run/docker.sock",
    ));
    assert_eq!(stale.status, Status::Warn);
    let fix = stale.fix.unwrap_or_default();
    assert!(
        fix.commands[0].contains("host=unix:///run/user/1000/docker.sock"),
        "{fix:?}"
    );
    assert_eq!(check(TestHost::new()).status, Status::Pass);
}

#[test]
fn dangling_and_damaged_contexts() {
    let dangling =
        config(TestHost::new(), r#"{"currentContext":"rootless"}"#).check("docker.context");
    assert_eq!(
        dangling.summary,
        "the current context rootless does not exist"
    );
    let path = "/home/alice/.docker/contexts/meta/0a/meta.json";
    let damaged = TestHost::new().file(path, "").check("docker.context");
    assert_eq!(damaged.status, Status::Warn);
    assert_eq!(damaged.evidence[0].source, path);
    let odd = config(TestHost::new(), r#"{"currentContext":"\u001b[31m"}"#).check("docker.context");
    assert!(odd.summary.contains("(an odd name)"), "{}", odd.summary);
}

#[test]
fn a_damaged_configuration() {
    let found = config(TestHost::new(), "{\"auths\": {\"x\": secret").examine();
    assert_eq!(found["docker.cli-config"].status, Status::Warn);
    assert!(
        !found["docker.cli-config"].evidence[0]
            .value
            .contains("secret")
    );
    assert_eq!(found["docker.context"].status, Status::Skip);
    assert_eq!(
        TestHost::new().check("docker.cli-config").status,
        Status::Pass
    );
}

#[test]
fn variables_of_the_shell() {
    let check = |host: TestHost| host.check("docker.docker-host").status;
    assert_eq!(check(TestHost::new().env("DOCKER_HOST", OWN)), Status::Pass);
    assert_eq!(check(TestHost::new().env("DOCKER_HOST", "")), Status::Pass);
    assert_eq!(
        check(TestHost::new().env("DOCKER_HOST", "tcp://ci:2375")),
        Status::Warn
    );
    let chosen = |name| context(TestHost::new(), "rootless", OWN).env("DOCKER_CONTEXT", name);
    assert_eq!(check(chosen("rootless")), Status::Pass);
    assert_eq!(check(chosen("default")), Status::Warn);
    assert_eq!(check(chosen("gone")), Status::Warn);
    let both = chosen("gone").env("DOCKER_HOST", OWN);
    assert_eq!(check(both), Status::Pass);
}

#[test]
fn the_current_context_of_an_installed_daemon() {
    let check = |host: TestHost| {
        let unit = "/home/alice/.config/systemd/user/docker.service";
        host.file(unit, "[Service]\n")
            .check("docker.context-current")
            .status
    };
    assert_eq!(check(TestHost::new()), Status::Info);
    let host = || context(TestHost::new(), "rootless", OWN);
    assert_eq!(check(host()), Status::Info);
    assert_eq!(
        check(config(host(), r#"{"currentContext":"rootless"}"#)),
        Status::Pass
    );
    assert_eq!(
        TestHost::new().check("docker.context-current").status,
        Status::Skip
    );
}

#[test]
fn a_daemon_at_another_socket() {
    let unit = |words: &str| {
        let path = "/home/alice/.config/systemd/user/docker.service";
        let line = format!("[Service]\nExecStart=/usr/bin/dockerd-rootless.sh {words}\n");
        config(
            TestHost::new().file(path, &line),
            r#"{"currentContext":"rootless"}"#,
        )
    };
    let check = |words: &str, host: &str| {
        let found = context(unit(words), "rootless", host).examine();
        let status = |id: &str| found[id].status;
        // Of contexts that lead astray the current one says nothing more.
        [status("docker.context"), status("docker.context-current")]
    };
    let there = "-H unix:///home/alice/d.sock";
    let mine = "unix:///home/alice/d.sock";
    assert_eq!(check(there, mine), [Status::Pass; 2]);
    assert_eq!(check(there, OWN), [Status::Warn, Status::Skip]);
    assert_eq!(check("", mine), [Status::Warn, Status::Skip]);
    let both = format!("{there} -H {OWN}");
    assert_eq!(check(&both, mine), [Status::Pass; 2]);
    assert_eq!(check(&both, OWN), [Status::Pass; 2]);
    let copied = "unix:///var/run/docker.sock";
    let hidden = check(&format!("-H {copied}"), copied);
    assert_eq!(hidden[0], Status::Unknown);
    let variable = |host: &str| {
        unit(there)
            .env("DOCKER_HOST", host)
            .check("docker.docker-host")
    };
    assert_eq!(variable(mine).status, Status::Pass);
    assert_eq!(variable(OWN).status, Status::Warn);
    let fix = context(unit(there), "rootless", OWN)
        .check("docker.context")
        .fix;
    let line = fix.unwrap_or_default().commands[0].clone();
    assert!(
        line.ends_with("--docker host=unix:///home/alice/d.sock"),
        "{line}"
    );
}

#[test]
fn docker_desktop() {
    let host = context(
        TestHost::new(),
        "desktop-linux",
        "unix:///home/alice/.docker/desktop/docker.sock",
    );
    assert_eq!(
        config(host, r#"{"currentContext":"desktop-linux"}"#)
            .check("docker.desktop")
            .status,
        Status::Info
    );
    assert_eq!(TestHost::new().check("docker.desktop").status, Status::Pass);
}

#[test]
fn podman_under_dockers_name() {
    let script = |text: &str| {
        let node = crate::host::Node {
            mode: Some("755".into()),
            text: Some(text.into()),
            ..crate::host::Node::default()
        };
        TestHost::new().node("/usr/bin/docker", node)
    };
    let check = |host: TestHost| host.check("docker.podman-shim").status;
    assert_eq!(
        check(script("#!/bin/sh\nexec podman \"$@\"\n")),
        Status::Warn
    );
    assert_eq!(
        check(script("#!/bin/sh\nexec /opt/docker \"$@\"\n")),
        Status::Pass
    );
    let printed = script("\u{7f}ELF").prints("docker --version", "podman version 4.3.1\n");
    assert_eq!(check(printed), Status::Warn);
    assert_eq!(check(TestHost::new()), Status::Skip);
    let cli = script("\u{7f}ELF").prints("docker --version", "Docker version 28.2.2, build x\n");
    assert_eq!(cli.check("docker.cli").summary, "docker 28.2.2");
}
