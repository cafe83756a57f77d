use std::path::Path;

use super::*;
use crate::plan::step::{Change, Kind, Seen};

fn change(path: PathBuf, before: Option<&str>, after: &str) -> Deed {
    let seen = |text: &str| Seen {
        text: text.into(),
        mode: 0o644,
    };
    Deed::Change(Change {
        path,
        kind: Kind::System,
        before: before.map(seen),
        after: Some(seen(after)),
    })
}

/// Everything in a directory: names, modes, contents, links.
fn tree(dir: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for path in file::list(&dir).unwrap() {
            let had = owner::had(&path).map(|had| had.mode);
            let content = match path.is_dir() {
                true => None,
                false => file::read(&path).unwrap(),
            };
            all.push(format!("{} {had:?} {content:?}", path.display()));
            if path.is_dir() && !path.is_symlink() {
                dirs.push(path);
            }
        }
    }
    all.sort();
    all
}

/// Root's rules, with the system's files below `top`.
fn system(top: &Path) -> World {
    World {
        system: true,
        root: top.into(),
        ..World::nowhere()
    }
}

/// A system with something of everything, and deeds about it.
fn etc(top: &Path) -> Vec<Deed> {
    let at = |name: &str| top.join(name);
    let name = |name: &str| at(name).to_string_lossy().into_owned();
    for dir in ["etc", "usr", "usr/local", "usr/local/bin"] {
        file::make_dir(&at(dir), 0o755).unwrap();
    }
    file::write(&at("etc/fstab"), b"a\n\xffb\n", 0o640).unwrap();
    file::write(&at("etc/sysctl.conf"), b"a=1\n", 0o644).unwrap();
    file::write(&at("etc/subgid"), b"x", 0o600).unwrap();
    file::write(&at("usr/local/bin/newuidmap"), b"{", 0o755).unwrap();
    file::write(&at("etc/real"), b"ids\n", 0o644).unwrap();
    std::os::unix::fs::symlink("real", at("etc/subuid")).unwrap();
    vec![
        Deed::MakeDir(name("etc/sysctl.d")),
        change(at("etc/sysctl.d/ours.conf"), None, "b=2\n"),
        change(at("etc/sysctl.conf"), Some("a=1\n"), "# a=1\n"),
        Deed::Mode {
            path: name("etc/subgid"),
            mode: 0o644,
            to_root: false,
        },
        Deed::SetAside {
            path: name("usr/local/bin/newuidmap"),
            to: name("usr/local/bin/newuidmap.set-aside"),
        },
        Deed::Regular {
            path: name("etc/subuid"),
            target: "real".into(),
        },
    ]
}

#[test]
fn what_was_done_is_taken_back_to_the_byte_wherever_it_was_cut_off() {
    for cut in 0..=6 {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let top = dir.path().canonicalize().unwrap();
        let (host, state) = (top.join("host"), top.join("state"));
        file::make_dir(&host, 0o755).unwrap();
        let deeds = etc(&host);
        let world = system(&host);
        let before = tree(&host);
        let mut journal = Journal::open(&state).unwrap();
        let count = std::cell::Cell::new(0);
        let until = |_: &Deed| {
            assert!(count.get() < cut, "cut off here");
            count.set(count.get() + 1);
        };
        let whole = std::panic::AssertUnwindSafe(|| run(&deeds, &world, &mut journal, &until));
        let done = std::panic::catch_unwind(whole);
        assert_eq!(done.is_ok(), cut == 6);
        if let Ok(done) = done {
            assert_eq!((done.count, done.failed), (6, None));
            assert_ne!(tree(&host), before);
        }
        // Another process takes it up.
        drop(journal);
        let mut journal = Journal::find(&state).unwrap().unwrap();
        let reverted = revert::since(&mut journal, 0, &world);
        assert_eq!(reverted.failed, Vec::<String>::new());
        assert_eq!(reverted.kept, Vec::<String>::new());
        assert_eq!(tree(&host), before, "cut at {cut}");
        assert!(journal.close().unwrap());
        assert!(!state.exists());
    }
}

#[test]
fn a_step_that_fails_is_taken_back_and_what_comes_after_is_not_begun() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().canonicalize().unwrap();
    let path = top.join("f");
    file::write(&path, b"theirs\n", 0o644).unwrap();
    let mut journal = Journal::open(&top.join("state")).unwrap();
    let deeds = [
        change(top.join("a"), None, "a\n"),
        // Somebody wrote to it after the plan was made.
        change(path.clone(), Some("ours\n"), "new\n"),
        change(top.join("b"), None, "b\n"),
    ];
    let done = run(&deeds, &World::nowhere(), &mut journal, &|_| {});
    assert_eq!(done.count, 1);
    assert!(done.failed.unwrap().contains("changed by somebody else"));
    assert!(done.left.is_empty());
    assert!(top.join("a").exists() && !top.join("b").exists());
    assert_eq!(file::read(&path).unwrap().unwrap().bytes, b"theirs\n");
}

#[test]
fn what_was_edited_since_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().canonicalize().unwrap();
    let mut journal = Journal::open(&top.join("state")).unwrap();
    let path = top.join("ours.conf");
    run(
        &[change(path.clone(), None, "a\n")],
        &World::nowhere(),
        &mut journal,
        &|_| {},
    );
    file::write(&path, b"a\nb\n", 0o644).unwrap();
    let reverted = revert::since(&mut journal, 0, &World::nowhere());
    assert_eq!(reverted.kept.len(), 1);
    assert!(path.exists() && journal.records().is_empty());
}
