//! The journal: its birth, its end, and what may be wrong with it.
#![allow(clippy::disallowed_methods, reason = "a scratch directory")]

use super::*;
use std::fs;

fn remove(path: &str) -> Undo {
    Undo::RemoveDir { path: path.into() }
}

#[test]
fn it_comes_with_its_directories_and_goes_with_them() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("state/deep/rootless-setup");
    let mut journal = Journal::open(&dir).unwrap();
    journal.before(remove("/a")).unwrap();
    journal.before(remove("/b")).unwrap();
    let mut again = Journal::open(&dir).unwrap();
    assert_eq!(again.records(), journal.records());
    again.undone(0).unwrap();
    assert!(!Journal::open(&dir).unwrap().close().unwrap());
    again.undone(1).unwrap();
    assert!(again.close().unwrap());
    assert_eq!(file::list(home.path()).unwrap(), Vec::<PathBuf>::new());
}

#[test]
fn what_others_put_into_its_directories_stays() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("state/rootless-setup");
    let journal = Journal::open(&dir).unwrap();
    fs::write(home.path().join("state/theirs"), "x").unwrap();
    assert!(journal.close().unwrap());
    assert_eq!(
        file::list(&home.path().join("state")).unwrap(),
        [home.path().join("state/theirs")]
    );
}

#[test]
fn half_a_line_is_dropped_and_a_spoilt_one_is_told() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("j");
    Journal::open(&dir).unwrap().before(remove("/a")).unwrap();
    let path = dir.join(NAME);
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("{\"entry\":\"before\",\"id\":1,\"un");
    fs::write(&path, &text).unwrap();
    let mut journal = Journal::open(&dir).unwrap();
    assert!(journal.damaged.is_empty());
    journal.before(remove("/b")).unwrap();
    assert_eq!(Journal::open(&dir).unwrap().records().len(), 2);

    fs::write(
        &path,
        format!("\u{0}rubbish\n{}", fs::read_to_string(&path).unwrap()),
    )
    .unwrap();
    let journal = Journal::open(&dir).unwrap();
    assert_eq!((journal.damaged[0].line, journal.records().len()), (1, 2));
    assert!(!journal.close().unwrap());
}

#[test]
fn a_change_of_an_unknown_kind_is_told_and_stays() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(home.path()).unwrap();
    journal.before(remove("/a")).unwrap();
    let path = home.path().join(NAME);
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("{\"entry\":\"before\",\"id\":7,\"undo\":\"teleport\",\"to\":\"/x\"}\n");
    fs::write(&path, text).unwrap();
    let mut journal = Journal::open(home.path()).unwrap();
    assert_eq!(journal.mark(), 8);
    let about = journal.about_damaged();
    assert!(about[0].starts_with("line 3 of "), "{about:?}");
    assert!(about[0].contains("\"teleport\""), "{about:?}");
    journal.undone(0).unwrap();
    assert!(!journal.close().unwrap());
    assert!(path.exists());
}

#[test]
fn a_newer_one_is_refused() {
    let home = tempfile::tempdir().unwrap();
    fs::write(
        home.path().join(NAME),
        "{\"entry\":\"journal\",\"format\":2,\"made\":[]}\n",
    )
    .unwrap();
    assert!(matches!(
        Journal::open(home.path()),
        Err(JournalError::Newer(_))
    ));
}

#[test]
fn a_backup_does_not_lead_elsewhere() {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::open(home.path()).unwrap();
    assert!(journal.kept("../../etc/passwd").is_err());
}
