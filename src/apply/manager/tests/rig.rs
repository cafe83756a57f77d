//! A bus of our own with a systemd that does as it is told.

use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use zbus::OwnedObjectPath;
use zbus::connection::Builder;
use zbus::object_server::SignalEmitter;

use super::super::{MANAGER, Manager, SYSTEMD_PATH};
use crate::host::systemd::Change;

/// What the bus itself is asked.
struct Bus;

#[zbus::interface(name = "org.freedesktop.DBus")]
impl Bus {
    fn hello(&self) -> &str {
        ":1.7"
    }
    fn add_match(&self, _rule: &str) {}
    fn remove_match(&self, _rule: &str) {}
}

/// systemd, by the names of its units:
/// - `early`: the job ends before the call is answered, amid other people's jobs
/// - `slow`: it ends after 150 ms
/// - `failing`, `dependent`: it fails
/// - `stuck`: it never ends, unless it is killed
/// - `vanishing`, `fading`: the bus goes away before, or after, the answer
/// - `mute`: no answer
/// - `masked`, and none other there is
struct Systemd {
    line: UnixStream,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.systemd1")]
#[expect(clippy::enum_variant_names, reason = "systemd's own names")]
enum No {
    #[zbus(error)]
    ZBus(zbus::Error),
    NoSuchUnit(String),
    UnitMasked(String),
}

const NAMES: [&str; 8] = [
    "early",
    "slow",
    "failing",
    "dependent",
    "stuck",
    "vanishing",
    "fading",
    "mute",
];

fn path(n: u32) -> OwnedObjectPath {
    OwnedObjectPath::try_from(format!("/org/freedesktop/systemd1/job/{n}")).unwrap()
}

impl Systemd {
    fn note(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }

    fn was_asked(&self, what: &str) -> bool {
        let asked = self.asked.lock().unwrap();
        asked.iter().any(|a| a.starts_with(what))
    }

    async fn job(&self, name: &str, signals: SignalEmitter<'_>) -> Result<OwnedObjectPath, No> {
        let result = match name {
            "failing" => "failed",
            "dependent" => "dependency",
            _ => "done",
        };
        match name {
            "early" | "failing" | "dependent" => {
                for n in 0..300 {
                    Self::job_removed(&signals, n, path(n), "other", "failed").await?;
                }
                signals
                    .connection()
                    .emit_signal(None::<()>, SYSTEMD_PATH, MANAGER, "JobRemoved", &"?")
                    .await?;
                Self::job_removed(&signals, 300, path(300), name, result).await?;
            }
            "slow" => later(signals.to_owned(), self.line.try_clone().unwrap(), true),
            "fading" => later(signals.to_owned(), self.line.try_clone().unwrap(), false),
            "vanishing" => self.line.shutdown(std::net::Shutdown::Both).unwrap(),
            "mute" => std::future::pending().await,
            // Until it is killed.
            "stuck" if self.was_asked("kill stuck") => {
                Self::job_removed(&signals, 300, path(300), name, result).await?;
            }
            "stuck" => {}
            "masked" => return Err(No::UnitMasked("Unit masked is masked.".into())),
            name => return Err(No::NoSuchUnit(format!("Unit {name} not found."))),
        }
        Ok(path(300))
    }
}

/// The job ends a moment after the call was answered, or else the bus does.
fn later(signals: SignalEmitter<'static>, line: UnixStream, ends: bool) {
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(150));
        match ends {
            true => zbus::block_on(Systemd::job_removed(
                &signals,
                300,
                path(300),
                "slow",
                "done",
            ))
            .unwrap(),
            false => line.shutdown(std::net::Shutdown::Both).unwrap(),
        }
    });
}

#[zbus::interface(name = "org.freedesktop.systemd1.Manager")]
impl Systemd {
    async fn start_unit(
        &self,
        name: &str,
        mode: &str,
        #[zbus(signal_emitter)] signals: SignalEmitter<'_>,
    ) -> Result<OwnedObjectPath, No> {
        self.note(format!("start {name} {mode}"));
        self.job(name, signals).await
    }

    async fn stop_unit(
        &self,
        name: &str,
        mode: &str,
        #[zbus(signal_emitter)] signals: SignalEmitter<'_>,
    ) -> Result<OwnedObjectPath, No> {
        self.note(format!("stop {name} {mode}"));
        self.job(name, signals).await
    }

    async fn restart_unit(
        &self,
        name: &str,
        mode: &str,
        #[zbus(signal_emitter)] signals: SignalEmitter<'_>,
    ) -> Result<OwnedObjectPath, No> {
        self.note(format!("restart {name} {mode}"));
        self.job(name, signals).await
    }

    fn kill_unit(&self, name: &str, whom: &str, signal: i32) -> Result<(), No> {
        self.note(format!("kill {name} {whom} {signal}"));
        match name {
            "stuck" => Ok(()),
            name => Err(No::NoSuchUnit(format!("Unit {name} not loaded."))),
        }
    }

    fn reload(&self) {
        self.note("reload".into());
    }

    fn reset_failed_unit(&self, name: &str) -> Result<(), No> {
        self.note(format!("reset {name}"));
        match NAMES.contains(&name) {
            true => Ok(()),
            false => Err(No::NoSuchUnit(format!("Unit {name} not loaded."))),
        }
    }

    fn enable_unit_files(
        &self,
        files: Vec<String>,
        runtime: bool,
        force: bool,
    ) -> Result<(bool, Vec<Change>), No> {
        self.note(format!("enable {files:?} {runtime} {force}"));
        match files[0].as_str() {
            "masked" => Err(No::UnitMasked("Unit file /x is masked.".into())),
            name if NAMES.contains(&name) => Ok((
                true,
                vec![("symlink".into(), "/h/wants/u".into(), "/h/u".into())],
            )),
            name => Err(No::NoSuchUnit(name.into())),
        }
    }

    fn disable_unit_files(&self, files: Vec<String>, _runtime: bool) -> Result<Vec<Change>, No> {
        match NAMES.contains(&files[0].as_str()) {
            true => Ok(vec![("unlink".into(), "/h/wants/u".into(), String::new())]),
            false => Err(No::NoSuchUnit(files[0].clone())),
        }
    }

    fn load_unit(&self, _name: &str) -> OwnedObjectPath {
        OwnedObjectPath::try_from("/org/freedesktop/systemd1/unit/u").unwrap()
    }

    #[zbus(signal)]
    async fn job_removed(
        signals: &SignalEmitter<'_>,
        id: u32,
        job: OwnedObjectPath,
        unit: &str,
        result: &str,
    ) -> zbus::Result<()>;
}

struct Unit(Arc<Mutex<Vec<String>>>);

#[zbus::interface(name = "org.freedesktop.systemd1.Unit")]
impl Unit {
    /// Another at every look: a cache would show.
    #[zbus(property)]
    fn active_state(&self) -> String {
        let mut looks = self.0.lock().unwrap();
        looks.push("look".into());
        format!("look {}", looks.len())
    }
    #[zbus(property, name = "InvocationID")]
    fn invocation_id(&self) -> Vec<u8> {
        vec![0x0a, 0xff]
    }
    #[zbus(property)]
    fn sub_state(&self) -> &str {
        "auto-restart-queued"
    }
}

struct Service;

#[zbus::interface(name = "org.freedesktop.systemd1.Service")]
impl Service {
    #[zbus(property, name = "ExecMainStatus")]
    fn exec_main_status(&self) -> i32 {
        203
    }
    #[zbus(property, name = "NRestarts")]
    fn n_restarts(&self) -> u32 {
        3
    }
    /// Of another type than systemd's.
    #[zbus(property)]
    fn result(&self) -> u32 {
        7
    }
}

/// A runtime directory with that bus in it.
pub struct Rig {
    pub dir: TempDir,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Rig {
    pub fn new() -> Self {
        let rig = Rig {
            dir: tempfile::tempdir().unwrap(),
            asked: Arc::default(),
        };
        let listener = UnixListener::bind(rig.dir.path().join("bus")).unwrap();
        let asked = rig.asked.clone();
        std::thread::spawn(move || {
            for line in listener.incoming() {
                let asked = asked.clone();
                std::thread::spawn(move || zbus::block_on(serve(line.unwrap(), asked)));
            }
        });
        rig
    }

    pub fn connect(&self, patience: Duration) -> Manager {
        Manager::connect(self.dir.path(), patience).unwrap()
    }
}

async fn serve(line: UnixStream, asked: Arc<Mutex<Vec<String>>>) {
    let systemd = Systemd {
        line: line.try_clone().unwrap(),
        asked: asked.clone(),
    };
    let unit = "/org/freedesktop/systemd1/unit/u";
    let bus = Builder::unix_stream(line)
        .server(zbus::Guid::generate())
        .p2p()
        .serve_at("/org/freedesktop/DBus", Bus)
        .serve_at(SYSTEMD_PATH, systemd)
        .serve_at(unit, Unit(asked))
        .serve_at(unit, Service)
        .build();
    if let Ok(bus) = bus.await {
        bus.closed().await;
    }
}
