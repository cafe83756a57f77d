//! Connecting to a Unix socket within a time: a queue that is full makes an
//! ordinary connect(2) wait for ever.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// Connects to the stream socket at `path`; somebody has to take us by `end`.
///
/// # Errors
/// `TimedOut` when nobody did; `NotFound`, `ConnectionRefused`,
/// `PermissionDenied` and whatever else connect(2) says.
pub fn connect(path: &Path, end: Instant) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let fd = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        // Zero would mean "for ever".
        if left < Duration::from_micros(1) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // The sending timeout is the one that connect(2) minds.
        set_socket_timeout(&fd, Timeout::Send, Some(left))?;
        match rustix::net::connect(&fd, &address) {
            Ok(()) => break,
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(e) => return Err(e.into()),
        }
    }
    set_socket_timeout(&fd, Timeout::Send, None)?;
    Ok(UnixStream::from(fd))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// A listener whose queue is full, with those who wait in it.
    pub fn full(path: &Path) -> (UnixListener, Vec<UnixStream>) {
        let listener = UnixListener::bind(path).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let mut queue = Vec::new();
        let soon = || Instant::now() + Duration::from_millis(50);
        while let Ok(stream) = connect(path, soon()) {
            queue.push(stream);
        }
        (listener, queue)
    }

    #[test]
    fn a_full_queue_is_waited_for_but_not_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let (listener, _queue) = full(&path);
        let started = Instant::now();
        let late = connect(&path, started + Duration::from_millis(80)).unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(80) && took < Duration::from_secs(2));
        let acceptor = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            listener.accept().unwrap();
            listener
        });
        connect(&path, Instant::now() + Duration::from_secs(5)).unwrap();
        drop(acceptor.join());
    }

    #[test]
    fn errors_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let kind = |path: &Path| {
            let end = Instant::now() + Duration::from_secs(1);
            connect(path, end).unwrap_err().kind()
        };
        assert_eq!(kind(&path), io::ErrorKind::NotFound);
        drop(UnixListener::bind(&path).unwrap());
        assert_eq!(kind(&path), io::ErrorKind::ConnectionRefused);
        let long = dir.path().join("s".repeat(200));
        assert!(connect(&long, Instant::now() + Duration::from_secs(1)).is_err());
        assert!(connect(&path, Instant::now()).is_err());
    }
}
