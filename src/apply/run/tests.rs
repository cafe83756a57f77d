//! Files only: what needs systemd is tried in real guests.
#![allow(clippy::disallowed_methods, reason = "a scratch directory")]

use super::*;
use crate::plan::step::{Change, Kind, Seen};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// Every path below a directory with its mode and content.
fn tree(dir: &Path) -> BTreeMap<PathBuf, (u32, Option<Vec<u8>>)> {
    let mut all = BTreeMap::new();
    for path in file::list(dir).unwrap() {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        match path.is_dir() {
            true => {
                all.extend(tree(&path));
                all.insert(path, (mode, None));
            }
            false => {
                let content = fs::read(&path).unwrap();
                all.insert(path, (mode, Some(content)));
            }
        }
    }
    all
}

fn seen(text: &str, mode: u32) -> Option<Seen> {
    let text = text.into();
    Some(Seen { text, mode })
}

fn change(path: PathBuf, kind: Kind, before: Option<Seen>, after: Option<Seen>) -> Step {
    Step::Change(Change {
        path,
        kind,
        before,
        after,
    })
}

/// A home with some of everything, and a plan that changes it.
fn home(home: &Path) -> Plan {
    fs::write(home.join("config.json"), "{\"auths\":{}}").unwrap();
    fs::write(home.join("old.conf"), "old").unwrap();
    fs::set_permissions(home.join("old.conf"), fs::Permissions::from_mode(0o640)).unwrap();
    let mode = fs::metadata(home.join("config.json"))
        .unwrap()
        .permissions()
        .mode()
        & 0o7777;
    let (before, after) = (
        "{\"auths\":{}}",
        "{\"auths\":{},\"currentContext\":\"rootless\"}",
    );
    let make = |name: &str| Step::MakeDir {
        path: home.join(name),
        mode: 0o700,
    };
    Plan {
        steps: vec![
            make("a"),
            make("a/b"),
            change(
                home.join("a/b/unit"),
                Kind::Unit,
                None,
                seen("[Unit]\n", 0o644),
            ),
            change(home.join("old.conf"), Kind::Unit, seen("old", 0o640), None),
            change(
                home.join("config.json"),
                Kind::CurrentContext,
                seen(before, mode),
                seen(after, mode),
            ),
            change(home.join("rc"), Kind::Shell, None, seen("# ours\n", 0o600)),
        ],
        notes: Vec::new(),
    }
}

#[test]
fn what_is_done_is_taken_back_to_the_byte_wherever_it_was_cut_off() {
    for cut in 0..=6 {
        let dir = tempfile::tempdir().unwrap();
        let plan = home(dir.path());
        let state = dir.path().join("state/rootless-setup");
        let before = tree(dir.path());
        let mut journal = Journal::open(&state).unwrap();
        let count = std::cell::Cell::new(0);
        let until = |_: &Step| {
            assert!(count.get() < cut, "cut off here");
            count.set(count.get() + 1);
        };
        let run =
            std::panic::AssertUnwindSafe(|| run(&plan, &World::nowhere(), &mut journal, &until));
        let whole = std::panic::catch_unwind(run).is_ok();
        assert_eq!(whole, cut == 6);
        drop(journal);

        let mut journal = Journal::find(&state).unwrap().unwrap();
        let reverted = revert::since(&mut journal, 0, &World::nowhere());
        assert_eq!(reverted.failed, Vec::<String>::new());
        assert!(journal.close().unwrap());
        assert_eq!(tree(dir.path()), before, "cut off after {cut} steps");
    }
}

#[test]
fn a_step_that_fails_takes_the_run_back_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut plan = home(dir.path());
    let state = dir.path().join("state/rootless-setup");
    let mut journal = Journal::open(&state).unwrap();
    let first = Plan {
        steps: plan.steps.drain(..2).collect(),
        notes: Vec::new(),
    };
    run(&first, &World::nowhere(), &mut journal, &|_| {}).unwrap();
    let before = tree(&dir.path().join("a"));
    plan.steps.push(Step::MakeDir {
        path: dir.path().join("no/such/parent"),
        mode: 0o700,
    });
    let failed = run(&plan, &World::nowhere(), &mut journal, &|_| {}).unwrap_err();
    assert!(matches!(failed.error, StepError::File { .. }));
    assert!(failed.reverted.is_complete());
    assert_eq!(tree(&dir.path().join("a")), before);
    assert_eq!(journal.records().len(), 2);
}

#[test]
fn what_somebody_wrote_meanwhile_is_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let plan = home(dir.path());
    let state = dir.path().join("state");
    let mut journal = Journal::open(&state).unwrap();
    fs::write(dir.path().join("rc"), "theirs").unwrap();
    let failed = run(&plan, &World::nowhere(), &mut journal, &|_| {}).unwrap_err();
    assert!(matches!(failed.error, StepError::Meanwhile(_)));

    fs::remove_file(dir.path().join("rc")).unwrap();
    run(&plan, &World::nowhere(), &mut journal, &|_| {}).unwrap();
    let unit = dir.path().join("a/b/unit");
    fs::write(&unit, "edited").unwrap();
    let login = "{\"auths\":{\"x\":{}},\"currentContext\":\"rootless\"}";
    fs::write(dir.path().join("config.json"), login).unwrap();
    let reverted = revert::since(&mut journal, 0, &World::nowhere());
    assert!(reverted.kept[0].contains("a/b/unit"), "{reverted:?}");
    assert_eq!(fs::read_to_string(unit).unwrap(), "edited");
    let config = fs::read_to_string(dir.path().join("config.json")).unwrap();
    assert_eq!(config, "{\"auths\":{\"x\":{}}}");
}
