//! One question to the Docker daemon over its Unix socket: a request of HTTP/1.0,
//! bounded in time and size, whoever it is that answers.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use thiserror::Error;

use super::socket;

/// The largest body taken.
pub const MOST_BODY: usize = 4 << 20;

/// The largest head taken: the daemon's is below 1 KiB.
const MOST_HEAD: usize = 64 << 10;

/// What the daemon answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status, such as 200.
    pub status: u16,
    /// Headers in their order, names as they came.
    pub headers: Vec<(String, String)>,
    /// The body, at most [`MOST_BODY`] bytes.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        let found = all.find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }
}

/// What a daemon says of itself to `/_ping`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ping {
    /// The newest version of the API it speaks, such as `1.41`.
    pub api_version: Option<String>,
    /// Such as `Docker/20.10.24+dfsg1 (linux)`; Podman names itself here too.
    pub server: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ApiError {
    /// There is no such socket.
    #[error("there is no socket")]
    NoSocket,
    /// There is one, left over: nobody listens.
    #[error("nobody listens on the socket")]
    NotListening,
    /// It is somebody else's.
    #[error("the socket may not be opened by this user")]
    Forbidden,
    /// Somebody listens, and gave no whole answer in time.
    #[error("no answer in time")]
    Late,
    /// Whoever answered does not speak HTTP as the daemon does.
    #[error("not the answer of a Docker daemon: {0}")]
    Malformed(String),
    /// Anything else, in the system's words.
    #[error("{0}")]
    Other(std::io::Error),
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => ApiError::NoSocket,
            ErrorKind::ConnectionRefused => ApiError::NotListening,
            ErrorKind::PermissionDenied => ApiError::Forbidden,
            ErrorKind::TimedOut => ApiError::Late,
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => malformed("it hung up"),
            _ => ApiError::Other(error),
        }
    }
}

fn malformed(why: &str) -> ApiError {
    ApiError::Malformed(why.to_owned())
}

/// Asks for `path`, such as `/version`; the whole of it is over by `end`.
///
/// # Errors
/// [`ApiError`]; an HTTP status that is not 200 is none.
pub fn get(socket: &Path, path: &str, end: Instant) -> Result<Answer, ApiError> {
    Exchange::begin(socket, path, end)?.answer(end)
}

/// What is asked of a daemon.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `POST` or `DELETE`.
    pub method: &'static str,
    /// Such as `/containers/create`.
    pub path: &'a str,
    /// What the body is, such as `application/json`.
    pub media: &'static str,
    /// The body; may be empty.
    pub body: &'a [u8],
}

/// Asks for something to be done; the whole of it is over by `end`.
///
/// # Errors
/// [`ApiError`]; an HTTP status that tells of an error is none.
pub fn call(socket: &Path, request: &Request<'_>, end: Instant) -> Result<Answer, ApiError> {
    let Request { method, path, .. } = request;
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        request.media,
        request.body.len()
    );
    let mut exchange = Exchange::open(socket, path, end)?;
    exchange.send(head.as_bytes(), end)?;
    exchange.send(request.body, end)?;
    exchange.answer(end)
}

/// Asks a daemon whether it is there.
///
/// # Errors
/// [`ApiError`]; [`ApiError::Malformed`] too if it does not say `OK`.
pub fn ping(socket: &Path, end: Instant) -> Result<Ping, ApiError> {
    pong(&get(socket, PING, end)?)
}

/// Where a daemon says that it is there.
pub const PING: &str = "/_ping";

/// Reads the answer to [`PING`].
///
/// # Errors
/// [`ApiError::Malformed`] if it is not what a daemon says.
pub fn pong(answer: &Answer) -> Result<Ping, ApiError> {
    if answer.status != 200 || answer.body.trim_ascii() != b"OK" {
        return Err(ApiError::Malformed(format!(
            "status {} to {PING}",
            answer.status
        )));
    }
    let header = |name| answer.header(name).map(str::to_owned);
    Ok(Ping {
        api_version: header("Api-Version"),
        server: header("Server"),
    })
}

/// A question under way: for whoever has other things to wait for meanwhile.
#[derive(Debug)]
pub struct Exchange {
    stream: UnixStream,
    bytes: Vec<u8>,
    head: Option<Head>,
}

#[derive(Debug)]
struct Head {
    answer: Answer,
    /// Where the body begins.
    body: usize,
    /// How long it says it is.
    length: Option<usize>,
}

impl AsFd for Exchange {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Exchange {
    /// Connects by `end` and asks for `path`.
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn begin(socket: &Path, path: &str, end: Instant) -> Result<Self, ApiError> {
        let mut exchange = Self::open(socket, path, end)?;
        // HTTP/1.0: a Go server then neither chunks nor keeps the connection.
        // So short a text fits into the socket's buffer at once.
        let question =
            format!("GET {path} HTTP/1.0\r\nHost: docker\r\nAccept: application/json\r\n\r\n");
        exchange.stream.write_all(question.as_bytes())?;
        Ok(exchange)
    }

    fn open(socket: &Path, path: &str, end: Instant) -> Result<Self, ApiError> {
        if !path.starts_with('/') || !path.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ApiError::Other(ErrorKind::InvalidInput.into()));
        }
        let stream = socket::connect(socket, end)?;
        stream.set_nonblocking(true)?;
        Ok(Exchange {
            stream,
            bytes: Vec::new(),
            head: None,
        })
    }

    /// Sends all of it. Whoever refuses says why, and need not take the rest.
    fn send(&mut self, mut bytes: &[u8], end: Instant) -> Result<(), ApiError> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(e) => match e.kind() {
                    ErrorKind::WouldBlock => self.until(PollFlags::OUT, end)?,
                    ErrorKind::Interrupted => {}
                    ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => return Ok(()),
                    _ => return Err(e.into()),
                },
            }
        }
        Ok(())
    }

    /// The whole answer, by `end`.
    fn answer(mut self, end: Instant) -> Result<Answer, ApiError> {
        loop {
            if let Some(answer) = self.take()? {
                return Ok(answer);
            }
            self.wait(end)?;
        }
    }

    /// Takes what has come; the answer, once it is whole.
    ///
    /// # Errors
    /// [`ApiError::Malformed`], or what the system says.
    pub fn take(&mut self) -> Result<Option<Answer>, ApiError> {
        let mut buffer = [0; 16 << 10];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return self.whole().map(Some),
                Ok(n) => self.bytes.extend_from_slice(&buffer[..n]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(e.into()),
            }
            if self.measure()? {
                return self.whole().map(Some);
            }
        }
    }

    /// Waits until there is more to take.
    ///
    /// # Errors
    /// [`ApiError::Late`] when `end` has come.
    pub fn wait(&self, end: Instant) -> Result<(), ApiError> {
        self.until(PollFlags::IN, end)
    }

    fn until(&self, ready: PollFlags, end: Instant) -> Result<(), ApiError> {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ApiError::Late);
        }
        let mut fds = [PollFd::new(&self.stream, ready)];
        // An error here shows again at the next read.
        let _ = poll(&mut fds, Timespec::try_from(left).ok().as_ref());
        Ok(())
    }

    /// Looks at what there is: over a limit, or all that was announced?
    fn measure(&mut self) -> Result<bool, ApiError> {
        if self.head.is_none() {
            self.head = head(&self.bytes)?;
        }
        let Some(head) = &self.head else {
            return match self.bytes.len() > MOST_HEAD {
                true => Err(malformed("its header does not end")),
                false => Ok(false),
            };
        };
        let have = self.bytes.len() - head.body;
        if have > MOST_BODY || head.length.is_some_and(|length| length > MOST_BODY) {
            return Err(malformed("more than 4 MiB"));
        }
        Ok(head.length.is_some_and(|length| have >= length))
    }

    /// What has come is all there will be.
    fn whole(&mut self) -> Result<Answer, ApiError> {
        let Some(head) = self.head.take() else {
            return Err(malformed(match self.bytes.is_empty() {
                true => "it hung up",
                false => "no HTTP header",
            }));
        };
        let mut body = self.bytes.split_off(head.body);
        if let Some(length) = head.length {
            if body.len() < length {
                return Err(malformed("it ended early"));
            }
            body.truncate(length);
        }
        Ok(Answer {
            body,
            ..head.answer
        })
    }
}

/// The head of an answer, once its end has come.
fn head(bytes: &[u8]) -> Result<Option<Head>, ApiError> {
    // Whoever speaks something else is not listened to until the limit.
    let begin = &bytes[..bytes.len().min(5)];
    if !b"HTTP/".starts_with(begin) {
        return Err(malformed("no HTTP"));
    }
    let limit = bytes.len().min(MOST_HEAD);
    let Some(end) = bytes[..limit].windows(4).position(|w| w == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| malformed("a binary header"))?;
    let mut lines = text.split("\r\n");
    let answer = Answer {
        status: status(lines.next().unwrap_or_default())?,
        headers: lines.map(header).collect::<Result<_, _>>()?,
        body: Vec::new(),
    };
    if answer.header("Transfer-Encoding").is_some() {
        return Err(malformed("chunks, in an answer to HTTP/1.0"));
    }
    let length = match answer.header("Content-Length") {
        Some(text) => Some(text.parse().map_err(|_| malformed("no length"))?),
        None => None,
    };
    Ok(Some(Head {
        answer,
        body: end + 4,
        length,
    }))
}

/// The status of `HTTP/1.0 200 OK`.
fn status(line: &str) -> Result<u16, ApiError> {
    let word = line.split(' ').nth(1).unwrap_or_default();
    match word.parse() {
        Ok(status) if (100..600).contains(&status) && word.len() == 3 => Ok(status),
        _ => Err(malformed("no HTTP status")),
    }
}

fn header(line: &str) -> Result<(String, String), ApiError> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| malformed("a header without a colon"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
pub(crate) mod tests;
