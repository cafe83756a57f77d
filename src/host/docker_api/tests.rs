//! Daemons, and others who answer in their place.

use super::*;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

/// Somebody at `path` who reads the question and answers each with these bytes.
pub fn answering(path: &Path, answer: impl Fn(&mut UnixStream) + Send + 'static) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut seen = Vec::new();
            let mut byte = [0];
            while !seen.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                seen.push(byte[0]);
            }
            answer(&mut stream);
        }
    });
}

pub const PONG: &[u8] = b"HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\
    Server: Docker/20.10.24+dfsg1 (linux)\r\n\r\nOK";

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(400)
}

/// What is made of one answer, and how long it took.
fn ask(answer: impl Fn(&mut UnixStream) + Send + 'static) -> Result<Answer, ApiError> {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("docker.sock");
    answering(&path, answer);
    let started = Instant::now();
    let got = get(&path, "/x", soon());
    assert!(started.elapsed() < Duration::from_secs(3));
    got
}

fn bytes(answer: &'static [u8]) -> Result<Answer, ApiError> {
    ask(move |stream| {
        let _ = stream.write_all(answer);
    })
}

fn is_malformed(answer: Result<Answer, ApiError>) -> bool {
    matches!(answer, Err(ApiError::Malformed(_)))
}

#[test]
fn a_daemon_answers() {
    let ping = pong(&bytes(PONG).unwrap()).unwrap();
    assert_eq!(ping.api_version.as_deref(), Some("1.41"));
    assert!(ping.server.unwrap().starts_with("Docker/20"));
    // Without a length the end of the stream ends the body.
    let plain = bytes(b"HTTP/1.1 404 Not Found\r\n\r\n{}").unwrap();
    assert_eq!((plain.status, &plain.body[..]), (404, &b"{}"[..]));
    assert!(pong(&plain).is_err());
}

#[test]
fn a_length_ends_the_answer_of_one_who_does_not_hang_up() {
    let got = ask(|stream| {
        let _ = stream.write_all(PONG);
        std::thread::sleep(Duration::from_secs(1));
    });
    assert_eq!(got.unwrap().body, b"OK");
}

#[test]
fn hostile_answers_are_bounded() {
    assert!(is_malformed(bytes(b"")));
    assert!(is_malformed(bytes(b"\x00\xff\xfe")));
    assert!(is_malformed(bytes(b"HTTP/1.0 OK\r\n\r\n")));
    assert!(is_malformed(bytes(b"HTTP/1.0 +99 OK\r\n\r\n")));
    assert!(is_malformed(bytes(
        b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nOK"
    )));
    assert!(is_malformed(bytes(
        b"HTTP/1.0 200 OK\r\nContent-Length: -1\r\n\r\nOK"
    )));
    assert!(is_malformed(bytes(
        b"HTTP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n"
    )));
    assert!(is_malformed(bytes(b"HTTP/1.0 200 OK\r\nX: \xff\r\n\r\n")));
    assert!(is_malformed(bytes(b"HTTP/1.0 200 OK\r\nno colon\r\n\r\n")));
    assert!(is_malformed(bytes(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK"
    )));
    assert!(is_malformed(bytes(b"HTTP/1.0 200 OK\r\n")));
}

#[test]
fn endless_answers_are_bounded_in_size() {
    let endless = |start: &'static [u8]| {
        ask(move |stream| {
            let _ = stream.write_all(start);
            while stream.write_all(&[b'a'; 8192]).is_ok() {}
        })
    };
    assert!(is_malformed(endless(b"HTTP/1.0 200 OK\r\nX: ")));
    let end = endless(b"HTTP/1.0 200 OK\r\n\r\n");
    assert!(is_malformed(end));
}

#[test]
fn slow_answers_are_bounded_in_time() {
    let silent = ask(|_| std::thread::sleep(Duration::from_secs(2)));
    assert!(matches!(silent, Err(ApiError::Late)));
    let dripping = ask(|stream| {
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nX: ");
        while stream.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(matches!(dripping, Err(ApiError::Late)));
}

#[test]
fn sockets_that_are_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("docker.sock");
    let no = |path: &Path| get(path, PING, soon()).unwrap_err();
    assert!(matches!(no(&path), ApiError::NoSocket));
    assert!(matches!(no(Path::new("/dev/null/x")), ApiError::NoSocket));
    drop(UnixListener::bind(&path).unwrap());
    assert!(matches!(no(&path), ApiError::NotListening));
    assert!(matches!(no(dir.path()), ApiError::NotListening));
    let full = dir.path().join("full");
    let _held = crate::host::socket::tests::full(&full);
    assert!(matches!(no(&full), ApiError::Late));
    for path in ["", "x", "/a b", "/a\r\nX: y", "/\u{e9}"] {
        assert!(matches!(get(&full, path, soon()), Err(ApiError::Other(_))));
    }
}

proptest::proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let _ = head(&bytes);
        let mut with = b"HTTP/1.0 200 OK\r\n".to_vec();
        with.extend(bytes);
        let _ = head(&with);
    }
}
