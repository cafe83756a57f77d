use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use super::*;
use crate::host::docker_api::tests::{PONG, answering};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn pong(stream: &mut UnixStream) {
    let _ = stream.write_all(PONG);
}

/// How long it took until ready, when `come` happens on another thread.
fn ready(path: &Path, come: impl FnOnce(PathBuf) + Send + 'static) -> Duration {
    let started = Instant::now();
    let there = path.to_owned();
    let coming = thread::spawn(move || come(there));
    wait(path, started + Duration::from_secs(20), &|| false).unwrap();
    coming.join().unwrap();
    started.elapsed()
}

fn late(path: &Path) -> ApiError {
    let started = Instant::now();
    let answer = wait(path, started + MS(300), &|| false);
    let took = started.elapsed();
    assert!(took >= MS(300) && took < MS(3000), "{took:?}");
    match answer {
        Err(NotReady::Late { last, .. }) => last,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_daemon_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("docker.sock");
    answering(&path, pong);
    assert!(ready(&path, |_| ()) < MS(1000));
}

#[test]
fn a_daemon_that_comes_in_a_directory_that_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/docker.sock");
    let took = ready(&path, |path| {
        for dir in [
            path.parent().unwrap().parent().unwrap(),
            path.parent().unwrap(),
        ] {
            thread::sleep(MS(60));
            #[expect(clippy::disallowed_methods, reason = "a test's own directory")]
            std::fs::create_dir(dir).unwrap();
        }
        thread::sleep(MS(60));
        answering(&path, pong);
    });
    assert!(took >= MS(180) && took < MS(2000), "{took:?}");
}

#[test]
fn a_daemon_that_listens_long_before_it_answers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let took = ready(&path, move |_| {
        thread::sleep(MS(400));
        // Who came first is answered; there is no second question.
        let (mut stream, _) = listener.accept().unwrap();
        pong(&mut stream);
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err());
        // Held open: closing it would be no answer.
        drop(stream);
    });
    assert!(took >= MS(400) && took < MS(2000), "{took:?}");
}

#[test]
fn what_was_left_there_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("docker.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(matches!(late(&path), ApiError::NotListening));
    // Neither is somebody who takes us and never answers the daemon.
    let silent = dir.path().join("silent");
    let listener = UnixListener::bind(&silent).unwrap();
    let took = ready(&silent, move |path| {
        thread::sleep(MS(100));
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::remove_file(&path).unwrap();
        answering(&path, pong);
        thread::sleep(MS(300));
        drop(listener);
    });
    assert!(took < MS(2000), "{took:?}");
}

#[test]
fn whoever_answers_otherwise_is_no_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("docker.sock");
    assert!(matches!(late(&path), ApiError::NoSocket));
    answering(&path, |s| drop(s.write_all(b"220 mail\r\n")));
    assert!(matches!(late(&path), ApiError::Malformed(_)));
    let busy = dir.path().join("busy");
    answering(&busy, |s| drop(s.write_all(b"HTTP/1.0 503 Wait\r\n\r\n")));
    assert!(matches!(late(&busy), ApiError::Malformed(_)));
    let silent = dir.path().join("silent");
    let _listener = UnixListener::bind(&silent).unwrap();
    assert!(matches!(late(&silent), ApiError::Late));
    let full = dir.path().join("full");
    let _held = crate::host::socket::tests::full(&full);
    assert!(matches!(late(&full), ApiError::Late));
}

#[test]
fn a_daemon_that_ended_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let runs = || started.elapsed() < MS(1500);
    let end = started + Duration::from_secs(20);
    let answer = wait_while(&dir.path().join("none"), end, &|| false, &runs);
    assert!(matches!(answer, Err(NotReady::Gone)));
    assert!(started.elapsed() >= MS(1900) && started.elapsed() < MS(5000));
}

#[test]
fn ctrl_c_is_heard() {
    let dir = tempfile::tempdir().unwrap();
    let silent = dir.path().join("silent");
    let _listener = UnixListener::bind(&silent).unwrap();
    for path in [silent, dir.path().join("none")] {
        let started = Instant::now();
        let cancelled = || started.elapsed() > MS(150);
        let answer = wait(&path, started + Duration::from_secs(20), &cancelled);
        assert!(matches!(answer, Err(NotReady::Cancelled)));
        assert!(started.elapsed() < MS(2000));
    }
}
