//! systemd's and logind's interfaces on D-Bus, for the room that asks and for
//! the one that changes things.
//!
//! Properties are never cached: without `Subscribe` systemd emits no
//! PropertiesChanged, and a cached proxy shows yesterday's state.

use std::collections::HashMap;

use zbus::fdo::PropertiesProxy;
use zbus::names::InterfaceName;
use zbus::proxy::CacheProperties;
use zbus::{Connection, DBusError, ObjectPath, OwnedObjectPath, OwnedVariant};

pub const SYSTEMD: &str = "org.freedesktop.systemd1";
pub const SYSTEMD_PATH: &str = "/org/freedesktop/systemd1";
pub const MANAGER: &str = "org.freedesktop.systemd1.Manager";
pub const UNIT: &str = "org.freedesktop.systemd1.Unit";
pub const SERVICE: &str = "org.freedesktop.systemd1.Service";
pub const LOGIND: &str = "org.freedesktop.login1";
pub const LOGIND_USER: &str = "org.freedesktop.login1.User";

/// Where the system bus listens.
pub const SYSTEM_BUS: &str = "/run/dbus/system_bus_socket";

/// A change to the links of a unit file: kind, path, where to.
pub type Change = (String, String, String);

/// One of `ListUnitsByNames`: name, description, LoadState, ActiveState,
/// SubState, the unit it follows, its object, and its job: id, type, object.
pub type Listed = (
    String,
    String,
    String,
    String,
    String,
    String,
    OwnedObjectPath,
    u32,
    String,
    OwnedObjectPath,
);

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
pub trait Manager {
    fn load_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    /// Loads them; one that has no file is listed, too. Since systemd 230.
    fn list_units_by_names(&self, names: &[&str]) -> zbus::Result<Vec<Listed>>;
    fn reload(&self) -> zbus::Result<()>;
    fn enable_unit_files(
        &self,
        files: &[&str],
        runtime: bool,
        force: bool,
    ) -> zbus::Result<(bool, Vec<Change>)>;
    fn disable_unit_files(&self, files: &[&str], runtime: bool) -> zbus::Result<Vec<Change>>;
    fn reset_failed_unit(&self, name: &str) -> zbus::Result<()>;
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn restart_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn kill_unit(&self, name: &str, whom: &str, signal: i32) -> zbus::Result<()>;
}

#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1"
)]
pub trait Login {
    fn get_user(&self, uid: u32) -> zbus::Result<OwnedObjectPath>;
    fn set_user_linger(&self, uid: u32, enable: bool, interactive: bool) -> zbus::Result<()>;
    /// The same call; polkit may ask the user for a password meanwhile.
    #[zbus(name = "SetUserLinger", allow_interactive_auth)]
    fn ask_for_linger(&self, uid: u32, enable: bool, interactive: bool) -> zbus::Result<()>;
    #[zbus(property)]
    fn kill_user_processes(&self) -> zbus::Result<bool>;
}

/// Properties of one object, by name.
#[derive(Default)]
pub struct Properties(HashMap<String, OwnedVariant>);

impl Properties {
    pub async fn get(
        bus: &Connection,
        service: &str,
        path: &str,
        interface: &str,
    ) -> zbus::Result<Self> {
        let proxy = proxy(bus, service, path).await?;
        let all = proxy
            .get_all(InterfaceName::try_from(interface.to_owned())?)
            .await?;
        Ok(Properties(all))
    }

    /// One property alone; the type's default where this systemd does not have it
    /// (`NRestarts` came with 235).
    pub async fn one<T: TryFrom<OwnedVariant> + Default>(
        bus: &Connection,
        service: &str,
        path: &str,
        interface: &str,
        name: &str,
    ) -> zbus::Result<T> {
        let proxy = proxy(bus, service, path).await?;
        let interface = InterfaceName::try_from(interface.to_owned())?;
        match proxy.get(interface, name).await {
            Ok(value) => Ok(T::try_from(value).unwrap_or_default()),
            Err(zbus::fdo::Error::UnknownProperty(_)) => Ok(T::default()),
            Err(e) => Err(e.into()),
        }
    }

    /// Takes a property; the type's default where it is missing or of another type.
    pub fn take<T: TryFrom<OwnedVariant> + Default>(&mut self, name: &str) -> T {
        let value = self.0.remove(name);
        value.and_then(|v| T::try_from(v).ok()).unwrap_or_default()
    }
}

async fn proxy<'a>(
    bus: &'a Connection,
    service: &str,
    path: &str,
) -> zbus::Result<PropertiesProxy<'a>> {
    PropertiesProxy::builder(bus)
        .destination(service.to_owned())
        .path(ObjectPath::try_from(path.to_owned())?)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

/// What the bus calls the error: standard ones come as a type of their own.
pub fn error_name(error: &zbus::Error) -> Option<String> {
    match error {
        zbus::Error::MethodError(name, _, _) => Some(name.to_string()),
        zbus::Error::FDO(error) => Some(error.name().to_string()),
        _ => None,
    }
}
