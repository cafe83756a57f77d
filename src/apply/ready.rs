//! Waiting for the daemon: until it answers `/_ping` on its socket.
//!
//! The kernel tells when the socket appears, and the daemon's own answer tells
//! the rest: it listens long before it answers, so one question is asked and
//! waited for. In slices of 100 ms the flag of Ctrl-C is looked at, and whether
//! nobody listens has changed.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use thiserror::Error;

use super::manager::SLICE;
use crate::host::docker_api::{ApiError, Exchange, PING, pong};

/// The first pause when nobody listens; each further one is twice as long, up to
/// a slice. Between bind(2) and listen(2) there is no event to wait for.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// The time between two looks at whether the daemon's unit runs at all.
const LOOK: Duration = Duration::from_secs(1);

/// Why the daemon is not ready.
#[derive(Debug, Error)]
pub enum NotReady {
    /// It did not answer in time.
    #[error("the Docker daemon does not answer on {}: {last}", .socket.display())]
    Late {
        /// Where it should.
        socket: PathBuf,
        /// What the last attempt came to.
        last: ApiError,
    },
    /// The unit that runs it does not run any more.
    #[error("the Docker daemon ended before it answered")]
    Gone,
    /// The user did not want to wait.
    #[error("interrupted")]
    Cancelled,
}

/// Waits until a daemon answers on `socket`. A file that somebody left there, a
/// socket of somebody else's, a directory that does not exist yet: all that may
/// change until `end`. `cancelled` is asked every 100 ms.
///
/// # Errors
/// [`NotReady`].
pub fn wait(socket: &Path, end: Instant, cancelled: &dyn Fn() -> bool) -> Result<(), NotReady> {
    wait_while(socket, end, cancelled, &|| true)
}

/// The same, as long as `runs`, which is asked once a second: a unit of
/// `Type=simple` is started before its daemon is, and may end without a word to
/// whoever waits.
///
/// # Errors
/// [`NotReady`].
pub fn wait_while(
    socket: &Path,
    end: Instant,
    cancelled: &dyn Fn() -> bool,
    runs: &dyn Fn() -> bool,
) -> Result<(), NotReady> {
    let mut daemon = Daemon::new(socket);
    let mut looked = Instant::now();
    loop {
        if cancelled() {
            return Err(NotReady::Cancelled);
        }
        if daemon.answers() {
            return Ok(());
        }
        if looked.elapsed() >= LOOK {
            if !runs() {
                return Err(NotReady::Gone);
            }
            looked = Instant::now();
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let socket = socket.to_owned();
            let last = daemon.last;
            return Err(NotReady::Late { socket, last });
        }
        daemon.pause(left);
    }
}

/// A daemon that is waited for.
struct Daemon<'a> {
    socket: &'a Path,
    /// Tells of changes around the socket; none where there are too many already.
    watch: Option<OwnedFd>,
    question: Option<Exchange>,
    pause: Duration,
    last: ApiError,
}

impl<'a> Daemon<'a> {
    fn new(socket: &'a Path) -> Self {
        Daemon {
            socket,
            watch: inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok(),
            question: None,
            pause: FIRST_PAUSE,
            last: ApiError::NoSocket,
        }
    }

    /// Asks, or looks for the answer to what was asked.
    fn answers(&mut self) -> bool {
        let answer = match self.asked() {
            Ok(mut question) => match question.take() {
                Ok(None) => {
                    // Who answered wrongly before tells more than who is slow now.
                    if !matches!(self.last, ApiError::Malformed(_)) {
                        self.last = ApiError::Late;
                    }
                    self.question = Some(question);
                    return false;
                }
                Ok(Some(answer)) => pong(&answer),
                Err(e) => Err(e),
            },
            Err(e) => Err(e),
        };
        match answer {
            Ok(_) => true,
            Err(e) => {
                self.last = e;
                false
            }
        }
    }

    fn asked(&mut self) -> Result<Exchange, ApiError> {
        if let Some(question) = self.question.take() {
            return Ok(question);
        }
        // First, so that nothing happens between the look and the watch.
        self.look_around();
        // A queue that is full is no reason to be deaf to Ctrl-C.
        Exchange::begin(self.socket, PING, Instant::now() + SLICE)
    }

    /// Watches the socket's directory, or the nearest one above that exists.
    fn look_around(&self) {
        let Some(watch) = &self.watch else {
            return;
        };
        let events = WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let mut dirs = self.socket.ancestors().skip(1);
        dirs.find(|dir| inotify::add_watch(watch, *dir, events).is_ok());
    }

    /// Waits for an answer, for a change around the socket, or for the next look.
    fn pause(&mut self, left: Duration) {
        let slice = match self.question {
            Some(_) => SLICE,
            None => self.pause,
        };
        self.pause = SLICE.min(self.pause * 2);
        let mut fds = Vec::with_capacity(2);
        fds.extend(self.watch.iter().map(|fd| PollFd::new(fd, PollFlags::IN)));
        fds.extend(
            self.question
                .iter()
                .map(|fd| PollFd::new(fd, PollFlags::IN)),
        );
        let timeout = Timespec::try_from(left.min(slice)).ok();
        if poll(&mut fds, timeout.as_ref()).is_err() {
            return;
        }
        let stirred = self.watch.is_some() && !fds[0].revents().is_empty();
        if stirred && self.touched() {
            // A daemon that started anew does not know the question.
            self.question = None;
            self.pause = FIRST_PAUSE;
        }
    }

    /// Whether what happened had to do with the socket, or a directory above it.
    fn touched(&self) -> bool {
        let Some(watch) = &self.watch else {
            return false;
        };
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(watch, &mut buffer);
        let mut touched = false;
        while let Ok(event) = events.next() {
            let name = event.file_name().map(|n| n.to_bytes().to_owned());
            let ours = |name: Vec<u8>| {
                use std::os::unix::ffi::OsStrExt;
                let mut parts = self.socket.iter();
                parts.any(|part| part.as_bytes() == name)
            };
            touched |= name.is_none_or(ours);
        }
        touched
    }
}

#[cfg(test)]
mod tests;
