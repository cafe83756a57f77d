//! systemd and logind over D-Bus, with a deadline around every step.
//!
//! Properties are never cached: without `Subscribe` systemd emits no
//! PropertiesChanged, and a cached proxy shows yesterday's state.

use std::path::Path;
use std::time::Instant;

use zbus::connection::Builder;
use zbus::proxy::CacheProperties;
use zbus::{Connection, OwnedObjectPath, OwnedVariant};

use super::model::{LoginUser, SystemBus, Unit, UserManager};
use super::systemd::{
    LOGIND, LOGIND_USER, Listed, LoginProxy, MANAGER, ManagerProxy, Properties, SERVICE,
    SYSTEM_BUS, SYSTEMD, SYSTEMD_PATH, UNIT, error_name,
};
use crate::fact::{Fact, Why};

/// What the user's own manager says.
pub fn user_manager(runtime_dir: &Path, end: Instant) -> Fact<UserManager> {
    let socket = runtime_dir.join("bus");
    if !is_there(&socket) {
        return Fact::Absent;
    }
    ask(&socket, end, async |bus| {
        let [(dbus_socket, _)] = states(&bus, ["dbus.socket"]).await?;
        Ok(UserManager {
            version: of_manager(&bus, "Version").await?,
            control_group: of_manager(&bus, "ControlGroup").await?,
            environment: of_manager(&bus, "Environment").await?,
            docker: service(&bus, "docker.service").await?,
            dbus_socket,
        })
    })
}

/// What the system's manager and logind say about a user.
pub fn system_bus(uid: u32, end: Instant) -> Fact<SystemBus> {
    let socket = Path::new(SYSTEM_BUS);
    if !is_there(socket) {
        return Fact::Absent;
    }
    let manager = format!("user@{uid}.service");
    ask(socket, end, async |bus| {
        let (user_service, docker) = match states(&bus, [&manager, "docker.service"]).await {
            Ok([(unit, path), (docker, _)]) => (
                fact(with_process(&bus, unit, &path).await),
                Fact::Known(docker),
            ),
            Err(e) => {
                let why: Fact<Unit> = fact(Err(e));
                (why.clone(), why)
            }
        };
        Ok(SystemBus {
            version: fact(of_manager(&bus, "Version").await),
            user_service,
            docker,
            login: login(&bus, uid).await,
            kill_user_processes: fact(kill_user_processes(&bus).await),
        })
    })
}

/// One property of a manager: it has some two hundred.
async fn of_manager<T>(bus: &Connection, name: &str) -> zbus::Result<T>
where
    T: TryFrom<OwnedVariant> + Default,
{
    Properties::one(bus, SYSTEMD, SYSTEMD_PATH, MANAGER, name).await
}

fn is_there(socket: &Path) -> bool {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    let answer = super::live::knock(socket).map_err(|e| e.kind());
    !matches!(answer, Err(NotFound | ConnectionRefused))
}

async fn manager(bus: &Connection) -> zbus::Result<ManagerProxy<'_>> {
    ManagerProxy::builder(bus)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

/// The states of units, each with its object. That is one call for all; every
/// look at the properties of a unit that is not in use loads it again.
async fn states<const N: usize>(
    bus: &Connection,
    names: [&str; N],
) -> zbus::Result<[(Unit, OwnedObjectPath); N]> {
    let listed = manager(bus).await?.list_units_by_names(&names).await?;
    let state = |(_, _, load_state, active_state, sub_state, _, path, ..): Listed| {
        let unit = Unit {
            load_state,
            active_state,
            sub_state,
            ..Unit::default()
        };
        (unit, path)
    };
    let states: Vec<_> = listed.into_iter().map(state).collect();
    states.try_into().map_err(|_| zbus::Error::InvalidReply)
}

/// A service of the user, with its files.
async fn service(bus: &Connection, name: &str) -> zbus::Result<Unit> {
    let path = manager(bus).await?.load_unit(name).await?;
    let mut unit = Properties::get(bus, SYSTEMD, path.as_str(), UNIT).await?;
    let unit = Unit {
        load_state: unit.take("LoadState"),
        active_state: unit.take("ActiveState"),
        sub_state: unit.take("SubState"),
        unit_file_state: unit.take("UnitFileState"),
        fragment_path: unit.take("FragmentPath"),
        drop_in_paths: unit.take("DropInPaths"),
        need_daemon_reload: unit.take("NeedDaemonReload"),
        ..Unit::default()
    };
    with_process(bus, unit, &path).await
}

/// The same with what its process did or does; there is none of an inactive one.
async fn with_process(bus: &Connection, unit: Unit, path: &OwnedObjectPath) -> zbus::Result<Unit> {
    if unit.active_state == "inactive" {
        return Ok(unit);
    }
    let path = path.as_str();
    Ok(Unit {
        result: Properties::one(bus, SYSTEMD, path, SERVICE, "Result").await?,
        restarts: Properties::one(bus, SYSTEMD, path, SERVICE, "NRestarts").await?,
        main_pid: Properties::one(bus, SYSTEMD, path, SERVICE, "MainPID").await?,
        ..unit
    })
}

async fn login(bus: &Connection, uid: u32) -> Fact<LoginUser> {
    let found = async {
        let path = LoginProxy::builder(bus)
            .cache_properties(CacheProperties::No)
            .build()
            .await?
            .get_user(uid)
            .await?;
        Properties::get(bus, LOGIND, path.as_str(), LOGIND_USER).await
    };
    fact(found.await).map(|mut user| LoginUser {
        linger: user.take("Linger"),
        state: user.take("State"),
        sessions: sessions(user.take("Sessions")),
        runtime_path: user.take("RuntimePath"),
    })
}

fn sessions(list: Vec<(String, OwnedObjectPath)>) -> Vec<String> {
    list.into_iter().map(|(id, _)| id).collect()
}

async fn kill_user_processes(bus: &Connection) -> zbus::Result<bool> {
    let login = LoginProxy::builder(bus)
        .cache_properties(CacheProperties::No)
        .build()
        .await?;
    login.kill_user_processes().await
}

/// An error that says "no such thing" is an absence, any other is a reason.
fn fact<T>(answer: zbus::Result<T>) -> Fact<T> {
    match answer {
        Ok(value) => Fact::Known(value),
        Err(e) if error_name(&e).is_some_and(|name| is_absence(&name)) => Fact::Absent,
        Err(e) => Fact::unreadable(e.to_string()),
    }
}

fn is_absence(error: &str) -> bool {
    [
        "org.freedesktop.login1.NoSuchUser",
        "org.freedesktop.systemd1.NoSuchUnit",
        "org.freedesktop.DBus.Error.FileNotFound",
        "org.freedesktop.DBus.Error.ServiceUnknown",
        // Without systemd, its service file has the bus start /bin/false.
        "org.freedesktop.DBus.Error.Spawn.ChildExited",
    ]
    .contains(&error)
}

/// Connects to the bus at `socket` and asks, all within the patience of one call.
fn ask<T>(
    socket: &Path,
    end: Instant,
    questions: impl AsyncFnOnce(Connection) -> zbus::Result<T>,
) -> Fact<T> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Fact::unreadable("no time was left to ask the bus");
    }
    let address = format!("unix:path={}", socket.display());
    zbus::block_on(async move {
        let Ok(runtime) = zruntime::SharedRuntime::current() else {
            return Fact::unreadable("the bus library has no runtime");
        };
        let all = async {
            let bus = Builder::address(address.as_str())
                .method_timeout(left)
                .build()
                .await?;
            questions(bus).await
        };
        match runtime.timeout(left, all).await {
            Ok(answer) => answer.map_or_else(|e| Fact::Unreadable(reason(socket, &e)), Fact::Known),
            Err(_) => Fact::unreadable(format!("{} gave no answer", socket.display())),
        }
    })
}

fn reason(socket: &Path, error: &zbus::Error) -> Why {
    let errno = match error {
        zbus::Error::InputOutput(e) => e.raw_os_error(),
        _ => None,
    };
    Why {
        errno,
        ..Why::new(format!("{}: {error}", socket.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_systemd_is_not_one_that_gave_no_answer() {
        let unknown = zbus::fdo::Error::ServiceUnknown("no such service".into());
        assert_eq!(fact::<()>(Err(unknown.into())), Fact::Absent);
        let started = zbus::fdo::Error::SpawnChildExited("exited with status 1".into());
        assert_eq!(fact::<()>(Err(started.into())), Fact::Absent);
        let refused = zbus::fdo::Error::AccessDenied("no".into());
        assert!(matches!(
            fact::<()>(Err(refused.into())),
            Fact::Unreadable(_)
        ));
    }
}
