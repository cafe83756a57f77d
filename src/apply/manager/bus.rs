//! A connection to a bus, and what may go wrong with one.

use std::future::Future;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;
use zbus::Connection;
use zbus::connection::Builder;
use zruntime::SharedRuntime;

use crate::host::socket;
use crate::host::systemd::error_name;

/// Why the user's systemd cannot be asked, or what it refuses.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BusError {
    /// There is no bus.
    #[error("there is no user bus at {}", .socket.display())]
    Absent {
        /// Where it should be.
        socket: PathBuf,
    },
    /// There is a socket, but nobody lets us in.
    #[error("the user bus at {} refuses: {text}", .socket.display())]
    Refused {
        /// Where it is.
        socket: PathBuf,
        /// Why, in the system's words.
        text: String,
    },
    /// No answer in time.
    #[error("the user bus gave no answer to {during} within {:.0} s", .patience.as_secs_f32())]
    Silent {
        /// What was asked.
        during: &'static str,
        /// How long it was waited for.
        patience: Duration,
    },
    /// It went away in the middle.
    #[error("the user bus went away during {during}: {text}")]
    Lost {
        /// What was asked.
        during: &'static str,
        /// The system's words.
        text: String,
    },
    /// systemd says no.
    #[error("systemd refuses {method}: {text}")]
    Call {
        /// What was asked.
        method: &'static str,
        /// The error's name on D-Bus, such as `org.freedesktop.systemd1.NoSuchUnit`;
        /// empty if it has none.
        name: String,
        /// systemd's words.
        text: String,
    },
}

impl BusError {
    /// systemd knows no such unit.
    pub fn is_no_such_unit(&self) -> bool {
        let known = [
            "org.freedesktop.systemd1.NoSuchUnit",
            "org.freedesktop.DBus.Error.FileNotFound",
        ];
        matches!(self, BusError::Call { name, .. } if known.contains(&name.as_str()))
    }
}

/// Connects to the bus at `socket` within `patience`; each call on it may then
/// take `call`.
pub(in crate::apply) fn connect(
    socket: &Path,
    patience: Duration,
    call: Duration,
) -> Result<Connection, BusError> {
    let refused = |text: String| BusError::Refused {
        socket: socket.to_owned(),
        text,
    };
    let silent = || BusError::Silent {
        during: "connecting",
        patience,
    };
    let end = Instant::now() + patience;
    let stream = socket::connect(socket, end).map_err(|e| match e.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => BusError::Absent {
            socket: socket.to_owned(),
        },
        ErrorKind::TimedOut => silent(),
        _ => refused(e.to_string()),
    })?;
    let greeting = Builder::unix_stream(stream).method_timeout(call).build();
    let left = end.saturating_duration_since(Instant::now());
    match zbus::block_on(within("connecting", left, greeting)) {
        Err(BusError::Silent { .. }) => Err(silent()),
        // Who hangs up on the greeting, or says something else, lets nobody in.
        Err(BusError::Lost { text, .. } | BusError::Call { text, .. }) => Err(refused(text)),
        other => other,
    }
}

/// Waits for a call, but not for ever.
pub(in crate::apply) async fn within<T>(
    during: &'static str,
    patience: Duration,
    call: impl Future<Output = zbus::Result<T>>,
) -> Result<T, BusError> {
    let runtime = SharedRuntime::current().map_err(|e| BusError::Lost {
        during,
        text: e.to_string(),
    })?;
    match runtime.timeout(patience, call).await {
        Ok(answer) => answer.map_err(|e| sort(during, patience, &e)),
        Err(_) => Err(BusError::Silent { during, patience }),
    }
}

/// The bus library's errors, by what they mean for a person.
pub(in crate::apply) fn sort(
    during: &'static str,
    patience: Duration,
    error: &zbus::Error,
) -> BusError {
    let lost = |text: String| BusError::Lost { during, text };
    if let zbus::Error::InputOutput(e) = error {
        return match e.kind() {
            ErrorKind::TimedOut => BusError::Silent { during, patience },
            _ => lost(e.to_string()),
        };
    }
    let name = error_name(error).unwrap_or_default();
    let gone = [
        "org.freedesktop.DBus.Error.NoReply",
        "org.freedesktop.DBus.Error.Disconnected",
    ];
    if gone.contains(&name.as_str()) {
        return lost(text(error));
    }
    BusError::Call {
        method: during,
        name,
        text: text(error),
    }
}

/// The words of an error without its name.
fn text(error: &zbus::Error) -> String {
    use zbus::DBusError;
    let words = match error {
        zbus::Error::MethodError(_, words, _) => words.clone(),
        zbus::Error::FDO(error) => error.description().map(str::to_owned),
        _ => None,
    };
    words.unwrap_or_else(|| error.to_string())
}
