//! Files of the user's, read by root.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::worker::{READER as UID, Worker, account, is_root};

fn reader() -> Worker {
    let order = json!({"account": account(UID), "probe": true, "millis": 20_000});
    Worker::start("__read_as", &order)
}

fn read(reader: &mut Worker, path: &Path) -> Value {
    reader.ask(&json!({"Read": {"path": path, "limit": 1 << 20}}))
}

/// A directory of the user's.
fn home() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(dir.path(), Some(UID), Some(UID)).unwrap();
    dir
}

#[test]
fn no_link_leads_to_what_the_user_cannot_read() {
    if !is_root() {
        return;
    }
    let home = home();
    let secret = home.path().join("secret");
    std::fs::write(&secret, "CANARY").unwrap();
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    let mut reader = reader();
    let own = format!("/proc/{}/environ", std::process::id());
    let targets = [
        "/etc/shadow",
        secret.to_str().unwrap(),
        &own,
        "/proc/1/environ",
    ];
    for (n, target) in targets.iter().enumerate() {
        let link = home.path().join(n.to_string());
        symlink(target, &link).unwrap();
        assert_eq!(
            read(&mut reader, &link)["unreadable"]["errno"],
            13,
            "{target}"
        );
    }
    // What the reader has itself is the user's, too.
    for path in ["/proc/self/environ", "/proc/self/mem", "/proc/self/fd/0"] {
        let answer = read(&mut reader, Path::new(path));
        assert!(answer.get("known").is_none(), "{path}: {answer}");
    }
}

#[test]
fn what_is_no_file_is_neither_opened_nor_waited_for() {
    if !is_root() {
        return;
    }
    let home = home();
    let fifo = home.path().join("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o666);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut reader = reader();
    let started = Instant::now();
    for path in [
        fifo.as_path(),
        Path::new("/dev/zero"),
        Path::new("/dev/tty"),
        home.path(),
    ] {
        let answer = read(&mut reader, path);
        assert!(answer.get("unreadable").is_some(), "{answer}");
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_file_is_read_to_its_limit() {
    if !is_root() {
        return;
    }
    let home = home();
    let (small, sparse) = (home.path().join("small"), home.path().join("sparse"));
    std::fs::write(&small, "text").unwrap();
    std::fs::File::create(&sparse)
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    let mut reader = reader();
    assert_eq!(read(&mut reader, &small), json!({"known": "text"}));
    assert!(read(&mut reader, &sparse).get("unreadable").is_some());
}

/// The sum of what is read has a limit, too.
#[test]
fn many_large_files_are_not_all_read() {
    if !is_root() {
        return;
    }
    let home = home();
    let file = home.path().join("1M");
    std::fs::write(&file, vec![b'x'; 1 << 20]).unwrap();
    let mut reader = reader();
    let known = (0..110).filter(|_| read(&mut reader, &file).get("known").is_some());
    assert!(known.count() <= 97);
}

#[test]
fn the_user_cannot_trace_the_reader() {
    if !is_root() {
        return;
    }
    let mut reader = reader();
    // It has become the user by the time it answers.
    read(&mut reader, Path::new("/etc/passwd"));
    let status = std::fs::read_to_string(format!("/proc/{}/status", reader.child.id())).unwrap();
    assert!(
        status.contains(&format!("Uid:\t{UID}\t{UID}\t{UID}\t{UID}\n")),
        "{status}"
    );
    // Not dumpable: its files in /proc are root's.
    let environ = format!("/proc/{}/environ", reader.child.id());
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(environ).unwrap());
    assert_eq!(owner, 0);
}
