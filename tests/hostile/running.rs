//! A program of the user's, run by root.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::worker::{RUNNER as UID, Worker, account, is_root, processes};

/// They count the account's processes: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn order(path: &str, args: &[&str], millis: u64) -> Value {
    json!({
        "account": account(UID),
        "millis": millis,
        "program": {
            "key": "attack", "path": path, "args": args,
            "env": [["PATH", "/usr/sbin:/usr/bin:/sbin:/bin"], ["ONLY", "this"]],
            "deadline": {"secs": 20, "nanos": 0}, "enough": null, "own_tmp": true,
        },
    })
}

fn supervise(script: &str, millis: u64) -> Option<Value> {
    let order = order("/bin/sh", &["-c", script], millis);
    let mut worker = Worker::start("__supervise", &order);
    let answer = worker.answer();
    worker.child.wait().unwrap();
    answer
}

/// What a script prints that root has run.
fn prints(script: &str) -> String {
    let answer = supervise(script, 10_000).unwrap();
    let output = &answer["known"];
    assert_eq!(output["exit"], 0, "{answer}");
    output["stdout"].as_str().unwrap().to_owned()
}

#[test]
fn it_has_nothing_of_roots() {
    if !is_root() {
        return;
    }
    let _alone = alone();
    let seen = prints(
        "id -u; id -g; id -G; tty; (exec 9</dev/tty) 2>/dev/null && echo TERMINAL; \
         ls /proc/self/fd | wc -l; env | cut -d= -f1 | sort | tr '\\n' ' '; echo; pwd; \
         cat /proc/self/oom_score_adj; grep CapPrm /proc/self/status; \
         kill -9 $PPID 2>/dev/null && echo KILLED; ulimit -n; ulimit -c",
    );
    let lines: Vec<&str> = seen.lines().collect();
    let (id, groups) = (UID.to_string(), format!("{UID} {}", UID + 1));
    // ls has the directory open, besides the three streams.
    let expected = [
        &*id,
        &*id,
        &*groups,
        "not a tty",
        "4",
        "ONLY PATH PWD TMPDIR ",
        "/",
        "1000",
        "CapPrm:\t0000000000000000",
    ];
    assert_eq!(lines[..expected.len()], expected, "{seen}");
    assert!(
        !seen.contains("TERMINAL") && !seen.contains("KILLED"),
        "{seen}"
    );
    let limits: Vec<u64> = lines[9..].iter().map(|n| n.parse().unwrap()).collect();
    assert!(limits[0] <= 4096 && limits[1] == 0, "{seen}");
}

#[test]
fn it_has_a_session_of_its_own() {
    if !is_root() {
        return;
    }
    let _alone = alone();
    let session = prints("cut -d' ' -f6 /proc/self/stat");
    let own = procfs::process::Process::myself().unwrap().stat().unwrap();
    assert_ne!(session.trim(), own.session.to_string());
}

/// However it forks, and whatever sessions it makes.
#[test]
fn nothing_of_it_outlives_the_answer() {
    if !is_root() {
        return;
    }
    let _alone = alone();
    let escapes = [
        "sleep 777 & exit 0",
        "setsid sh -c 'setsid sleep 777 & ' & exit 0",
        "trap '' TERM HUP INT; setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' & exit 0",
        // A chain: each lives only until the next is there.
        "f() { ( f & ) ; }; setsid sh -c 'while :; do ( : & ); done' & exit 0",
        "b() { b | b & }; b; sleep 5",
        "for i in 1 2 3 4 5 6 7 8; do setsid sh -c 'while :; do setsid true & wait; done' & done",
        "kill -STOP $$",
    ];
    for script in escapes {
        let started = Instant::now();
        supervise(script, 1_000);
        assert_eq!(processes(), Vec::<i32>::new(), "{script}");
        assert!(started.elapsed() < Duration::from_secs(6), "{script}");
    }
}

#[test]
fn when_root_hangs_up_it_is_ended() {
    if !is_root() {
        return;
    }
    let _alone = alone();
    let order = order("/bin/sh", &["-c", "setsid sleep 777 & sleep 777"], 20_000);
    let mut worker = Worker::start("__supervise", &order);
    let end = Instant::now() + Duration::from_secs(10);
    while processes().len() < 2 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
    let Worker { child, .. } = &mut worker;
    let mut child = std::mem::replace(child, std::process::Command::new("true").spawn().unwrap());
    drop(worker);
    child.wait().unwrap();
    assert_eq!(processes(), Vec::<i32>::new());
}

#[test]
fn its_temporary_files_go_with_it() {
    if !is_root() {
        return;
    }
    let _alone = alone();
    let script = "mkdir -p $TMPDIR/rootlesskit1/a; ln -s /etc $TMPDIR/rootlesskit1/etc; \
                  echo $TMPDIR";
    let dir = prints(script);
    assert!(dir.starts_with("/tmp/rootless-setup-"), "{dir}");
    assert!(!Path::new(dir.trim()).exists(), "{dir}");
    assert!(Path::new("/etc/passwd").exists());
}

#[test]
fn why_it_could_not_be_started_is_told() {
    if !is_root() {
        return;
    }
    let _alone = alone();
    let errno = |path: &str| {
        let mut worker = Worker::start("__supervise", &order(path, &[], 5_000));
        worker.answer().unwrap()["unreadable"]["errno"].clone()
    };
    assert_eq!(errno("/nowhere/rootlesskit"), 2);
    assert_eq!(errno("/etc/passwd"), 13);
}

#[test]
fn what_it_prints_without_end_is_cut() {
    if !is_root() {
        return;
    }
    let _alone = alone();
    let answer = supervise("yes", 10_000).unwrap();
    let why = answer["unreadable"]["text"].as_str().unwrap();
    assert!(why.contains("64 KiB"), "{why}");
    assert_eq!(processes(), Vec::<i32>::new());
}

#[test]
fn nobody_becomes_root() {
    if !is_root() {
        return;
    }
    let _alone = alone();
    for (id, value) in [("uid", 0), ("uid", u32::MAX), ("gid", u32::MAX)] {
        let mut order = order("/bin/sh", &["-c", "id -u"], 5_000);
        order["account"][id] = json!(value);
        let mut worker = Worker::start("__supervise", &order);
        let ran = worker.answer().unwrap_or_default();
        assert!(
            ran["known"]["stdout"]
                .as_str()
                .unwrap_or_default()
                .is_empty(),
            "{ran}"
        );
    }
}

/// Whoever possesses a session keyring reads what is in it, whatever the uid.
#[test]
fn it_has_no_key_of_roots() {
    use keyutils::{Keyring, keytypes::User};
    if !is_root() {
        return;
    }
    let _alone = alone();
    // Where this kernel has no keys, there are none to leak.
    let Ok(mut keyring) = Keyring::join_anonymous_session() else {
        return;
    };
    let key = keyring.add_key::<User, _, _>("rootless-setup-canary", "secret".as_bytes());
    assert!(
        key.is_ok()
            && std::fs::read_to_string("/proc/keys")
                .unwrap()
                .contains("-canary")
    );
    let seen = prints("cat /proc/keys; grep -v ' session' /proc/self/cgroup");
    assert!(!seen.contains("canary"), "{seen}");
}
