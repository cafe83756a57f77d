//! Against a bus of our own with a logind on it.

use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use zbus::OwnedObjectPath;
use zbus::connection::Builder;
use zbus::message::Header;

use super::*;

struct Bus;

#[zbus::interface(name = "org.freedesktop.DBus")]
impl Bus {
    fn hello(&self) -> &str {
        ":1.7"
    }
}

/// logind, by what it makes of a user:
/// - 1000 may linger; 1001 is not logged in
/// - 0 takes an administrator, who is not asked unless that is allowed
/// - 2 takes one who types for ever
/// - 3 finds something else wrong, 4 nobody at home
#[derive(Clone, Default)]
struct Logind {
    linger: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.login1")]
enum No {
    #[zbus(error)]
    ZBus(zbus::Error),
    NoSuchUser(String),
}

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Logind {
    fn get_user(&self, uid: u32) -> Result<OwnedObjectPath, No> {
        match uid {
            1000 => Ok(OwnedObjectPath::try_from("/user").unwrap()),
            _ => Err(No::NoSuchUser(format!("User ID {uid} is not logged in"))),
        }
    }

    async fn set_user_linger(
        &self,
        uid: u32,
        on: bool,
        interactive: bool,
        #[zbus(header)] header: Header<'_>,
    ) -> zbus::fdo::Result<()> {
        use zbus::fdo::Error;
        use zbus::message::Flags;
        let flag = header
            .primary()
            .flags()
            .contains(Flags::ALLOW_INTERACTIVE_AUTH);
        let asked = format!("{uid} {on} {interactive} {flag}");
        self.asked.lock().unwrap().push(asked);
        match uid {
            1000 => self.linger.store(on, Ordering::Relaxed),
            0 if flag => return Err(Error::AccessDenied("no password".into())),
            0 => {
                let text = "Interactive authentication required.".into();
                return Err(Error::InteractiveAuthorizationRequired(text));
            }
            2 => std::future::pending().await,
            4 => return Err(Error::ServiceUnknown("nobody".into())),
            _ => return Err(Error::Failed("later".into())),
        }
        Ok(())
    }
}

struct User(Logind);

#[zbus::interface(name = "org.freedesktop.login1.User")]
impl User {
    #[zbus(property)]
    fn linger(&self) -> bool {
        self.0.linger.load(Ordering::Relaxed)
    }
}

fn rig() -> (tempfile::TempDir, std::path::PathBuf, Logind) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("system_bus_socket");
    let listener = UnixListener::bind(&path).unwrap();
    let logind = Logind::default();
    let served = logind.clone();
    std::thread::spawn(move || {
        for line in listener.incoming() {
            let logind = served.clone();
            std::thread::spawn(move || {
                let build = Builder::unix_stream(line.unwrap())
                    .server(zbus::Guid::generate())
                    .p2p()
                    .serve_at("/org/freedesktop/DBus", Bus)
                    .serve_at("/org/freedesktop/login1", logind.clone())
                    .serve_at("/user", User(logind))
                    .build();
                zbus::block_on(async { build.await.unwrap().closed().await });
            });
        }
    });
    (dir, path, logind)
}

#[test]
fn lingering_is_told_and_changed() {
    let (_dir, bus, logind) = rig();
    assert_eq!(linger_by(&bus, 1000), Ok(false));
    assert_eq!(set_linger_by(&bus, 1000, true, false, &|| false), Ok(()));
    assert_eq!(linger_by(&bus, 1000), Ok(true));
    assert_eq!(set_linger_by(&bus, 1000, false, true, &|| false), Ok(()));
    assert_eq!(linger_by(&bus, 1000), Ok(false));
    assert_eq!(linger_by(&bus, 1001), Ok(false));
    let asked = logind.asked.lock().unwrap();
    assert_eq!(*asked, ["1000 true false false", "1000 false true true"]);
}

#[test]
fn refusals_are_told_from_other_errors() {
    let (_dir, bus, _logind) = rig();
    let set = |uid, interactive| set_linger_by(&bus, uid, true, interactive, &|| false);
    let required = "Interactive authentication required.";
    assert_eq!(set(0, false), Err(LingerError::Refused(required.into())));
    assert_eq!(
        set(0, true),
        Err(LingerError::Refused("no password".into()))
    );
    assert_eq!(set(3, false), Err(LingerError::Other("later".into())));
    assert_eq!(set(4, false), Err(LingerError::NoLogind("nobody".into())));
    let nowhere = bus.join("x");
    assert!(matches!(
        linger_by(&nowhere, 4),
        Err(LingerError::NoLogind(_))
    ));
}

#[test]
fn nobody_has_to_type_for_ever() {
    let (_dir, bus, _logind) = rig();
    let started = Instant::now();
    let cancelled = || started.elapsed() > Duration::from_millis(200);
    let answer = set_linger_by(&bus, 2, true, true, &cancelled);
    assert_eq!(answer, Err(LingerError::Cancelled));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn polkits_no_has_many_names() {
    for name in [
        "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
        "org.freedesktop.DBus.Error.AccessDenied",
        "org.freedesktop.PolicyKit1.Error.NotAuthorized",
    ] {
        assert!(is_refusal(name), "{name}");
    }
    assert!(!is_refusal("org.freedesktop.DBus.Error.InvalidArgs") && !is_refusal(""));
    assert!(is_nobody("org.freedesktop.DBus.Error.Spawn.ChildExited"));
}
