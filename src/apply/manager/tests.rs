//! Against a bus of our own with a systemd that does as it is told, and against
//! buses that do not.

mod rig;

use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::plan::undo::Undo;
use rig::Rig;

fn within_s(seconds: u64) -> Wait<'static> {
    Wait {
        end: Instant::now() + Duration::from_secs(seconds),
        cancelled: &|| false,
    }
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn jobs_end_as_they_do() {
    let rig = Rig::new();
    let manager = rig.connect(LONG);
    let start = |unit| manager.start(unit, &within_s(20));
    assert_eq!(start("early"), Ok(JobEnd::Done));
    assert_eq!(start("slow"), Ok(JobEnd::Done));
    assert_eq!(start("failing"), Ok(JobEnd::Failed("failed".into())));
    assert_eq!(start("dependent"), Ok(JobEnd::Failed("dependency".into())));
    assert_eq!(manager.restart("early", &within_s(20)), Ok(JobEnd::Done));
    assert_eq!(manager.stop("early", &within_s(20)), Ok(JobEnd::Done));
    assert_eq!(manager.stop("no such", &within_s(20)), Ok(JobEnd::Done));
    assert!(start("no such").unwrap_err().is_no_such_unit());
    let masked = start("masked").unwrap_err();
    assert_eq!(
        masked.to_string(),
        "systemd refuses StartUnit: Unit masked is masked."
    );
    assert_eq!(rig.asked.lock().unwrap()[0], "start early replace");
}

#[test]
fn a_property_that_an_older_systemd_does_not_have() {
    let rig = Rig::new();
    let manager = rig.connect(LONG);
    let bus = manager.proxy.inner().connection();
    let get = Properties::one::<u32>(bus, SYSTEMD, SYSTEMD_PATH, MANAGER, "NRestarts");
    assert_eq!(zbus::block_on(get).unwrap(), 0);
    let elsewhere = Properties::one::<u32>(bus, SYSTEMD, "/nowhere", MANAGER, "NRestarts");
    assert!(zbus::block_on(elsewhere).is_err());
}

#[test]
fn what_does_not_come_up_again_is_told() {
    use crate::apply::{journal::Journal, revert, run::World};
    let rig = Rig::new();
    let world = World {
        runtime_dir: rig.dir.path().into(),
        patience: LONG,
        ..World::nowhere()
    };
    let home = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(home.path()).unwrap();
    for unit in ["failing", "early"] {
        let unit = unit.to_owned();
        journal.before(Undo::Restart { unit }).unwrap();
    }
    let reverted = revert::since(&mut journal, 0, &world);
    assert!(reverted.is_complete());
    assert_eq!(reverted.undone, 2);
    assert_eq!(
        reverted.kept,
        ["failing is as it was before, and does not come up: systemctl --user status failing"]
    );
    // No earlier start counts against these.
    let asked = rig.asked.lock().unwrap();
    assert_eq!(
        asked[..4],
        [
            "reset early",
            "restart early replace",
            "reset failing",
            "restart failing replace"
        ]
    );
}

#[test]
fn a_job_without_end_is_given_up() {
    let rig = Rig::new();
    let manager = rig.connect(LONG);
    let started = Instant::now();
    let wait = Wait {
        end: started + Duration::from_millis(300),
        cancelled: &|| false,
    };
    assert_eq!(manager.start("stuck", &wait), Ok(JobEnd::Late));
    assert!(started.elapsed() >= Duration::from_millis(300));
    // Neither is anything begun that is over already.
    assert_eq!(manager.start("early", &wait), Ok(JobEnd::Late));
    assert_eq!(rig.asked.lock().unwrap().len(), 1);
    // The connection is as good as before.
    assert_eq!(manager.start("early", &within_s(20)), Ok(JobEnd::Done));
}

#[test]
fn what_does_not_stop_is_killed() {
    let rig = Rig::new();
    let manager = rig.connect(LONG);
    let stop = |unit| manager.stop_or_kill(unit, Duration::from_millis(300), &within_s(20));
    let started = Instant::now();
    assert_eq!(stop("early"), Ok(JobEnd::Done));
    assert!(started.elapsed() < Duration::from_millis(300));
    assert_eq!(stop("stuck"), Ok(JobEnd::Done));
    let asked = rig.asked.lock().unwrap();
    assert_eq!(
        asked[1..],
        [
            "stop stuck replace",
            "kill stuck all 9",
            "stop stuck replace"
        ]
    );
}

#[test]
fn ctrl_c_is_heard_while_waiting() {
    let rig = Rig::new();
    let manager = rig.connect(LONG);
    for unit in ["stuck", "mute"] {
        let flag = Arc::new(AtomicBool::new(false));
        let set = flag.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(150));
            set.store(true, Ordering::Relaxed);
        });
        let started = Instant::now();
        let wait = Wait {
            cancelled: &|| flag.load(Ordering::Relaxed),
            ..within_s(20)
        };
        assert_eq!(manager.start(unit, &wait), Ok(JobEnd::Cancelled));
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn unit_files_and_state() {
    let rig = Rig::new();
    let manager = rig.connect(LONG);
    manager.reload().unwrap();
    let links = manager.enable("early").unwrap();
    assert_eq!(links[0].path, Path::new("/h/wants/u"));
    assert_eq!(manager.disable("early").unwrap()[0].kind, "unlink");
    assert_eq!(manager.disable("no such"), Ok(Vec::new()));
    assert_eq!(manager.reset_failed("no such"), Ok(()));
    assert!(manager.enable("no such").unwrap_err().is_no_such_unit());
    assert!(
        matches!(manager.enable("masked"), Err(BusError::Call { name, .. })
        if name == "org.freedesktop.systemd1.UnitMasked")
    );
    assert_eq!(
        rig.asked.lock().unwrap()[1],
        "enable [\"early\"] false false"
    );
    let (first, second) = (manager.state("u").unwrap(), manager.state("u").unwrap());
    assert_ne!(first.active_state, second.active_state);
    assert_eq!((first.exec_main_status, first.restarts), (203, 3));
    assert_eq!(first.invocation, "0aff");
    // Missing, or of another type than it should be.
    assert_eq!((first.load_state.as_str(), first.result.as_str()), ("", ""));
    assert!(first.will_retry());
    assert_eq!(manager.runs("u"), Ok(false));
}

#[test]
fn a_bus_that_goes_away() {
    let rig = Rig::new();
    for unit in ["vanishing", "fading"] {
        let manager = rig.connect(LONG);
        let started = Instant::now();
        let lost = manager.start(unit, &within_s(20));
        assert!(matches!(lost, Err(BusError::Lost { .. })), "{lost:?}");
        assert!(started.elapsed() < Duration::from_secs(5));
        // And stays away.
        assert!(matches!(manager.reload(), Err(BusError::Lost { .. })));
        assert!(matches!(
            manager.start("early", &within_s(20)),
            Err(BusError::Lost { .. })
        ));
    }
}

#[test]
fn a_systemd_that_does_not_answer() {
    let rig = Rig::new();
    let manager = rig.connect(Duration::from_secs(1));
    let silent = manager.start("mute", &within_s(20)).unwrap_err();
    assert_eq!(
        silent.to_string(),
        "the user bus gave no answer to StartUnit within 1 s"
    );
}

/// What connecting to somebody who behaves so comes to.
fn connecting(behave: impl Fn(UnixStream) + Send + 'static) -> BusError {
    let dir = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(dir.path().join("bus")).unwrap();
    std::thread::spawn(move || listener.incoming().for_each(|line| behave(line.unwrap())));
    let started = Instant::now();
    let error = Manager::connect(dir.path(), Duration::from_secs(5)).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(4));
    error
}

#[test]
fn hostile_buses() {
    let (keep, kept) = std::sync::mpsc::channel();
    let silent = connecting(move |line| keep.send(line).unwrap());
    assert!(matches!(silent, BusError::Silent { .. }), "{silent:?}");
    drop(kept);
    let closed = connecting(drop);
    assert!(matches!(closed, BusError::Refused { .. }), "{closed:?}");
    let rubbish = connecting(|mut line| {
        let _ = line.write_all(&[b'\xff'; 70_000]);
    });
    assert!(matches!(rubbish, BusError::Refused { .. }), "{rubbish:?}");
    let rejecting = connecting(|mut line| {
        let _ = line.write_all(b"REJECTED\r\nREJECTED\r\nREJECTED\r\n");
        std::thread::sleep(Duration::from_millis(300));
    });
    assert!(
        matches!(rejecting, BusError::Refused { .. }),
        "{rejecting:?}"
    );
}

#[test]
fn no_bus() {
    let dir = tempfile::tempdir().unwrap();
    let connect = || Manager::connect(dir.path(), Duration::from_secs(2)).unwrap_err();
    assert!(matches!(connect(), BusError::Absent { .. }));
    let bus = dir.path().join("bus");
    drop(UnixListener::bind(&bus).unwrap());
    assert!(matches!(connect(), BusError::Refused { .. }));
    let other = tempfile::tempdir().unwrap();
    let _full = crate::host::socket::tests::full(&other.path().join("bus"));
    let silent = Manager::connect(other.path(), Duration::from_secs(2)).unwrap_err();
    assert!(matches!(silent, BusError::Silent { .. }));
}

#[test]
fn one_connection_serves_many_threads() {
    let rig = Rig::new();
    let manager = rig.connect(LONG);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    manager.state("u").unwrap();
                }
            });
        }
    });
    assert_eq!(manager.start("early", &within_s(20)), Ok(JobEnd::Done));
}

/// What stopping a unit comes to with a systemctl that does so; what it was asked.
fn systemctl(script: &str) -> (Result<(), WithoutBus>, String) {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("systemctl");
    let asked = dir.path().join("asked");
    let text = format!("#!/bin/sh\ncd \"$XDG_RUNTIME_DIR\"; echo \"$*\" >>asked\n{script}\n");
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    loop {
        let systemctl = systemctl::Systemctl {
            path: path.to_string_lossy().into_owned(),
            runtime_dir: dir.path(),
            end: Instant::now() + Duration::from_secs(4),
        };
        let answer = systemctl.stop("u");
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        let asked = std::fs::read_to_string(&asked).unwrap_or_default();
        // Another test that forks at this moment has it open for writing.
        match &answer {
            Err(WithoutBus::Failed { text, .. }) if text.contains("Text file busy") => {}
            _ => return (answer, asked),
        }
    }
}

#[test]
fn without_a_bus() {
    let (answer, asked) = systemctl("");
    assert_eq!(answer, Ok(()));
    assert_eq!(asked, "--user stop u\n--user disable u\n");
    let missing = "echo 'Failed to stop u: Unit u not loaded.' >&2; exit 5";
    assert_eq!(systemctl(missing).0, Ok(()));
    let failing = systemctl("echo no such thing >&2; exit 1").0.unwrap_err();
    assert_eq!(
        failing.to_string(),
        "systemctl --user stop u failed: no such thing"
    );
    let hanging = systemctl("[ $2 != stop ] || grep -q kill asked || sleep 9");
    assert_eq!(hanging.0, Ok(()));
    assert!(hanging.1.contains("kill --signal=KILL u"));
    let dir = tempfile::tempdir().unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    let nobody = stop_without_bus(dir.path(), "docker.service", end);
    assert_eq!(nobody, Err(WithoutBus::NoManager));
}
