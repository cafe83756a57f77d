//! Lines of JSON between root and a process of ours: one question, one answer.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde::Serialize;

/// No line is longer, in bytes: the largest file of accounts that is read.
const MOST: usize = 48 << 20;

/// One end.
#[derive(Debug)]
pub struct Channel {
    stream: UnixStream,
    /// What was read behind the last line.
    rest: Vec<u8>,
}

impl Channel {
    /// Both ends; the second is for a child's standard input.
    ///
    /// # Errors
    /// The system's.
    pub fn pair() -> io::Result<(Channel, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Channel::of(ours), theirs.into()))
    }

    /// The child's end, which is its standard input.
    ///
    /// # Errors
    /// The system's.
    pub fn of_child() -> io::Result<Channel> {
        let fd = std::io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Channel::of(fd.into()))
    }

    fn of(stream: UnixStream) -> Channel {
        Channel {
            stream,
            rest: Vec::new(),
        }
    }

    /// Another handle of the same end.
    ///
    /// # Errors
    /// The system's.
    pub fn handle(&self) -> io::Result<UnixStream> {
        self.stream.try_clone()
    }

    /// Sends a line.
    ///
    /// # Errors
    /// The system's, and what is no JSON (a path that is not UTF-8).
    pub fn send(&mut self, what: &impl Serialize, end: Instant) -> io::Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        self.stream.set_write_timeout(Some(left(end)))?;
        self.stream.write_all(&line)
    }

    /// Waits for a line; none where the other end is closed.
    ///
    /// # Errors
    /// The system's, and a line that is late or too long.
    pub fn receive(&mut self, end: Option<Instant>) -> io::Result<Option<String>> {
        let mut seen = 0;
        let mut buffer = vec![0; 64 << 10];
        loop {
            if let Some(at) = self.rest[seen..].iter().position(|byte| *byte == b'\n') {
                let behind = self.rest.split_off(seen + at + 1);
                let mut line = std::mem::replace(&mut self.rest, behind);
                line.pop();
                return String::from_utf8(line).map(Some).map_err(io::Error::other);
            }
            seen = self.rest.len();
            if seen > MOST {
                return Err(io::Error::other("a line is too long"));
            }
            self.stream.set_read_timeout(end.map(left))?;
            match self.stream.read(&mut buffer)? {
                0 => return Ok(None),
                n => self.rest.extend_from_slice(&buffer[..n]),
            }
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// A socket takes no timeout of zero.
fn left(end: Instant) -> Duration {
    let left = end.saturating_duration_since(Instant::now());
    left.max(Duration::from_millis(1))
}
