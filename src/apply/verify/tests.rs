//! Daemons that do as they are told, and others.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};

use super::*;

/// A daemon of which each answer is a line of `answers`, by what is asked for.
fn with(answers: &'static [(&str, &str, &str)]) -> (Result<Vec<String>, Unproved>, Vec<String>) {
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("docker.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let length = head.split("Content-Length: ").nth(1);
            let length = length.and_then(|l| l.lines().next()?.parse::<u64>().ok());
            let mut body = Vec::new();
            let _ = (&mut stream)
                .take(length.unwrap_or(0))
                .read_to_end(&mut body);
            let line = head.lines().next().unwrap_or_default().to_owned();
            let fits = answers.iter().find(|(asks, ..)| line.starts_with(asks));
            let (_, status, text) = fits.unwrap_or(&("", "200 OK", "{}"));
            seen.lock().expect("the list").push(line);
            let answer = format!(
                "HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n{text}",
                text.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let end = Instant::now() + Duration::from_secs(20);
    // Larger than the buffer of a socket.
    let proof = run(&socket, &vec![7; 3 << 20], true, end);
    let asked = asked.lock().expect("the list").clone();
    (proof, asked)
}

const IMPORT: (&str, &str, &str) = (
    "POST /images/create?fromSrc=-&repo=rootless-setup-hello&tag=",
    "200 OK",
    "{\"status\":\"sha256:12\"}\r\n",
);
const CREATE: (&str, &str, &str) = (
    "POST /containers/create",
    "201 Created",
    "{\"Id\":\"c0ffee\"}",
);
const START: (&str, &str, &str) = ("POST /containers/c0ffee/start", "204 No Content", "");
const WAIT: (&str, &str, &str) = (
    "POST /containers/c0ffee/wait",
    "200 OK",
    "{\"StatusCode\":0}",
);
const LOGS: (&str, &str, &str) = (
    "GET /containers/c0ffee/logs",
    "200 OK",
    "\u{1}\0\0\0\0\0\0\u{5}hello from a container of rootless-setup\n",
);

fn removed(asked: &[String]) -> (bool, bool) {
    let has = |what: &str| asked.iter().any(|line| line.starts_with(what));
    (
        has("DELETE /containers/c0ffee?force=1"),
        has("DELETE /images/rootless-setup-hello:"),
    )
}

#[test]
fn a_container_says_hello_and_nothing_is_left() {
    let (proof, asked) = with(&[IMPORT, CREATE, START, WAIT, LOGS]);
    assert_eq!(proof.expect("a proof"), [""; 0]);
    assert_eq!(removed(&asked), (true, true));
    assert_eq!(asked.len(), 7, "{asked:?}");
}

#[test]
fn what_does_not_work_is_said_in_the_daemons_words_and_removed() {
    let why = |answers| {
        let (proof, asked) = with(answers);
        (proof.expect_err("no proof").to_string(), removed(&asked))
    };
    let refused = (
        "POST /containers/c0ffee/start",
        "500 x",
        "{\"message\":\"no cgroup\"}",
    );
    assert_eq!(
        why(Box::leak(Box::new([IMPORT, CREATE, refused]))),
        (
            "the container does not start: no cgroup".into(),
            (true, true)
        )
    );
    let full = (
        "POST /images/create",
        "200 OK",
        "{\"status\":\"x\"}\n{\"error\":\"no space\"}\n",
    );
    assert_eq!(
        why(Box::leak(Box::new([full]))),
        ("an image cannot be made: no space".into(), (false, true))
    );
    let code = (
        "POST /containers/c0ffee/wait",
        "200 OK",
        "{\"StatusCode\":127}",
    );
    let (said, gone) = why(Box::leak(Box::new([IMPORT, CREATE, START, code, LOGS])));
    assert!(said.contains("exit code 127"), "{said}");
    assert_eq!(gone, (true, true));
    let mute = ("GET /containers/c0ffee/logs", "200 OK", "");
    let (said, _) = why(Box::leak(Box::new([IMPORT, CREATE, START, WAIT, mute])));
    assert!(said.contains("did not come back"), "{said}");
    let odd = ("POST /containers/create", "201 x", "{\"Id\":\"../../x\"}");
    assert!(why(Box::leak(Box::new([IMPORT, odd]))).0.contains("no id"));
}

#[test]
fn what_is_left_is_told() {
    let stuck = (
        "DELETE /images/",
        "409 Conflict",
        "{\"message\":\"in use\"}",
    );
    let gone = ("DELETE /containers/", "404 Not Found", "{}");
    let (proof, _) = with(Box::leak(Box::new([
        IMPORT, CREATE, START, WAIT, LOGS, stuck, gone,
    ])));
    let left = proof.expect("a proof");
    assert_eq!(left.len(), 1);
    assert!(left[0].ends_with("left behind: in use"), "{left:?}");
}

#[test]
fn nobody_there_is_no_proof() {
    let end = Instant::now() + Duration::from_secs(5);
    let proof = run(Path::new("/nowhere/docker.sock"), b"x", true, end);
    let why = proof.expect_err("no proof").to_string();
    assert_eq!(why, "an image cannot be made: there is no socket");
}

/// tar(1) takes it.
#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a program that may be missing judges"
)]
fn the_archive_is_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("image.tar");
    std::fs::write(&path, archive(&[7; 1000])).expect("written");
    let tar = std::process::Command::new("tar")
        .arg("-tvf")
        .arg(&path)
        .output();
    let Ok(tar) = tar else {
        eprintln!("skipped: there is no tar here");
        return;
    };
    let said = String::from_utf8_lossy(&tar.stdout).into_owned();
    assert!(tar.status.success() && tar.stderr.is_empty(), "{tar:?}");
    assert!(
        said.starts_with("-rwxr-xr-x 0/0") && said.contains(" 1000 "),
        "{said}"
    );
}
