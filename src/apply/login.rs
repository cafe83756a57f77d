//! Lingering through logind: whether the user's systemd starts at boot and
//! outlives the last session.

use std::path::Path;
use std::time::{Duration, Instant};

use thiserror::Error;
use zbus::Connection;
use zbus::proxy::CacheProperties;

use super::manager::bus::{BusError, connect, within};
use super::manager::{Ended, Wait, watch};
use crate::host::systemd::{LOGIND, LOGIND_USER, LoginProxy, Properties, SYSTEM_BUS};

/// How long logind may take when nobody has to be asked: it waits for systemd,
/// which a daemon that is starting keeps busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a person may take to type a password.
const PERSON: Duration = Duration::from_secs(300);

/// Why lingering cannot be told or changed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LingerError {
    /// polkit wants an administrator, or was not given the password.
    #[error("logind refuses: {0}")]
    Refused(String),
    /// There is no logind, or no system bus.
    #[error("logind cannot be reached: {0}")]
    NoLogind(String),
    /// The user did not want to wait.
    #[error("interrupted")]
    Cancelled,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Whether user `uid` lingers; one who neither lingers nor is logged in does not.
///
/// # Errors
/// [`LingerError::NoLogind`] or [`LingerError::Other`].
pub fn linger(uid: u32) -> Result<bool, LingerError> {
    linger_by(Path::new(SYSTEM_BUS), uid)
}

/// Has user `uid` linger, or not. When `interactive`, an agent of polkit's may
/// ask for a password meanwhile, for at most five minutes; `cancelled` is asked
/// every 100 ms.
///
/// logind answers before the user's systemd is up: its bus comes a moment later.
///
/// # Errors
/// [`LingerError`].
pub fn set_linger(
    uid: u32,
    on: bool,
    interactive: bool,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), LingerError> {
    set_linger_by(Path::new(SYSTEM_BUS), uid, on, interactive, cancelled)
}

fn linger_by(system_bus: &Path, uid: u32) -> Result<bool, LingerError> {
    let bus = connect(system_bus, PATIENCE, PATIENCE)?;
    let answer = zbus::block_on(within("the user's state", PATIENCE, async {
        let path = login(&bus).await?.get_user(uid).await?;
        // Not emitted when it changes, so never to be cached.
        let mut user = Properties::get(&bus, LOGIND, path.as_str(), LOGIND_USER).await?;
        Ok(user.take("Linger"))
    }));
    match answer {
        Err(BusError::Call { name, .. }) if name == "org.freedesktop.login1.NoSuchUser" => {
            Ok(false)
        }
        other => Ok(other?),
    }
}

fn set_linger_by(
    system_bus: &Path,
    uid: u32,
    on: bool,
    interactive: bool,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), LingerError> {
    let patience = if interactive { PERSON } else { PATIENCE };
    let bus = connect(system_bus, PATIENCE, patience)?;
    let call = within("SetUserLinger", patience, async {
        let login = login(&bus).await?;
        match interactive {
            true => login.ask_for_linger(uid, on, true).await,
            false => login.set_user_linger(uid, on, false).await,
        }
    });
    let end = Instant::now() + patience;
    match zbus::block_on(watch(&Wait { end, cancelled }, call))? {
        Ended::Done(()) => Ok(()),
        Ended::Cancelled => Err(LingerError::Cancelled),
        Ended::Late => Err(LingerError::Other("logind gave no answer".into())),
    }
}

async fn login(bus: &Connection) -> zbus::Result<LoginProxy<'_>> {
    LoginProxy::builder(bus)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

impl From<BusError> for LingerError {
    fn from(error: BusError) -> Self {
        match error {
            BusError::Call { name, text, .. } if is_refusal(&name) => LingerError::Refused(text),
            BusError::Call { name, text, .. } if is_nobody(&name) => LingerError::NoLogind(text),
            BusError::Absent { socket } => {
                LingerError::NoLogind(format!("there is no system bus at {}", socket.display()))
            }
            BusError::Refused { text, .. } => {
                LingerError::NoLogind(format!("the system bus refuses: {text}"))
            }
            BusError::Silent { during, patience } => LingerError::Other(format!(
                "logind gave no answer to {during} within {} s",
                patience.as_secs()
            )),
            BusError::Lost { text, .. } => {
                LingerError::Other(format!("the system bus went away: {text}"))
            }
            BusError::Call { text, .. } => LingerError::Other(text),
        }
    }
}

/// What polkit's "no" is called, by version and by how it came about.
fn is_refusal(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    [
        "InteractiveAuthorizationRequired",
        "AccessDenied",
        "AuthFailed",
        "NotAuthorized",
        "NotPermitted",
        "Cancelled",
    ]
    .contains(&last)
}

/// Nobody answers to logind's name, and nobody can be started to.
fn is_nobody(name: &str) -> bool {
    [
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.systemd1.NoSuchUnit",
    ]
    .contains(&name)
        || name.starts_with("org.freedesktop.DBus.Error.Spawn.")
}

#[cfg(test)]
mod tests;
