//! Files below a home directory that root gives to its user.

use std::os::unix::fs::{MetadataExt, chown};

use rootless_setup::apply::mend::home;
use rootless_setup::plan::mend::deed::Deed;
use rootless_setup::plan::undo::{Had, Undo};
use rustix::fs::{FileType, Mode, XattrFlags};

use crate::lab::{Lab, RACES, USER, is_root, race, set};

/// A home directory with a `.docker` of root's, and a secret that is like one.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.dir("home", USER, 0o755);
    for at in ["home/.docker", "secret"] {
        lab.dir(at, 0, 0o755);
        lab.dir(&format!("{at}/contexts"), 0, 0o755);
        lab.file(&format!("{at}/config.json"), "{}", 0, 0o600);
    }
    lab
}

fn give(lab: &Lab) -> Result<usize, String> {
    let home = lab.at("home");
    let files = home::survey(&home, ".docker", USER)?;
    home::give(&home, ".docker", (USER, USER), &files)?;
    Ok(files.len())
}

fn again(lab: &Lab) {
    for name in [".docker", ".docker/contexts", ".docker/config.json"] {
        let mode = if name.ends_with("json") { 0o600 } else { 0o755 };
        set(&lab.at("home").join(name), 0, mode);
    }
}

#[test]
fn what_is_roots_is_given_and_nothing_else() {
    if !is_root() {
        return;
    }
    let lab = lab();
    lab.file("home/.docker/other", "of root", 0, 0o600);
    assert_eq!(give(&lab), Ok(3));
    let uid = |name: &str| lab.at(name).symlink_metadata().unwrap().uid();
    assert_eq!(uid("home/.docker/config.json"), USER);
    assert_eq!((uid("home/.docker/other"), uid("secret")), (0, 0));
    assert_eq!(give(&lab), Ok(0));
}

/// The user gives root's own files the names of those that are given away.
#[test]
fn what_root_closed_stays_closed() {
    if !is_root() {
        return;
    }
    let refused = |make: &dyn Fn(&Lab)| {
        let lab = Lab::new();
        lab.dir("home", USER, 0o755);
        make(&lab);
        give(&lab).unwrap_err()
    };
    for text in ["password", "\n", r#"{"token": "x"}"#, "[]"] {
        refused(&|lab| {
            lab.dir("home/.docker", 0, 0o755);
            lab.file("home/.docker/config.json", text, 0, 0o600);
        });
    }
    refused(&|lab| {
        lab.dir("home/.docker", 0, 0o700);
        lab.file(
            "home/.docker/secret",
            "readable once the directory is",
            0,
            0o644,
        );
    });
    refused(&|lab| {
        lab.dir("home/.docker", 0, 0o755);
        lab.file("home/.docker/config.json", "", 0, 0o600);
        std::fs::write(lab.at("home/.docker/config.json"), b"\xff key").unwrap();
    });
    refused(&|lab| {
        lab.dir("home/.docker", 0, 0o700);
        lab.file("home/.docker/dump", "of a third user", 33, 0o644);
    });
    refused(&|lab| {
        lab.dir("home/.docker", 0, 0o700);
        lab.file("home/.docker/config.json", "a password", 0, 0o644);
    });
    refused(&|lab| {
        lab.dir("home/.docker", 0, 0o700);
        lab.dir("home/.docker/cli-plugins", 0, 0o755);
        lab.file("home/.docker/cli-plugins/su", "of root", 0, 0o4755);
    });
    // As `sudo docker login` makes them.
    let lab = Lab::new();
    lab.dir("home", USER, 0o755);
    lab.dir("home/.docker", 0, 0o700);
    lab.file("home/.docker/config.json", r#"{"auths": {}}"#, 0, 0o600);
    assert_eq!(give(&lab), Ok(2));
}

#[test]
fn races_with_links_change_nothing_outside() {
    if !is_root() {
        return;
    }
    // A link in the place of the directory, of the file in it, of the home directory.
    for (name, target) in [
        (".docker", "../secret"),
        (".docker/config.json", "../../secret/config.json"),
    ] {
        let lab = lab();
        lab.link("home/evil", target);
        let before = lab.tree("secret");
        let (mut given, mut refused) = (0, 0);
        let swaps = race(&lab.at("home").join(name), &lab.at("home/evil"), || {
            for _ in 0..RACES {
                match give(&lab) {
                    Ok(_) => given += 1,
                    Err(_) => refused += 1,
                }
            }
        });
        assert_eq!(lab.tree("secret"), before, "{name}");
        eprintln!("own {name}: {RACES} races, {swaps} exchanges, {given} given, {refused} refused");
        again(&lab);
        assert_eq!(give(&lab), Ok(3));
    }
}

/// The same race against a chown by path, as a check that it can be lost.
#[test]
fn a_chown_by_path_loses_this_race() {
    if !is_root() {
        return;
    }
    let lab = lab();
    lab.link("home/evil", "../secret");
    let path = lab.at("home/.docker/config.json");
    let secret = lab.at("secret/config.json");
    let mut tries = 0;
    race(&lab.at("home/.docker"), &lab.at("home/evil"), || {
        while tries < 200_000 && secret.metadata().unwrap().uid() == 0 {
            tries += 1;
            // As the first version did: look, without following links, then chown.
            if lab
                .at("home/.docker")
                .symlink_metadata()
                .is_ok_and(|m| m.is_dir())
            {
                let _ = chown(&path, Some(USER), Some(USER));
            }
        }
    });
    eprintln!("chown by path: lost after {tries} races");
    assert_eq!(secret.metadata().unwrap().uid(), USER);
}

#[test]
fn odd_files_are_refused() {
    if !is_root() {
        return;
    }
    let refused = |what: &str, change: &dyn Fn(&Lab)| {
        let lab = lab();
        std::fs::remove_file(lab.at("home/.docker/config.json")).unwrap();
        change(&lab);
        let before = (lab.tree("home"), lab.tree("secret"));
        let why = give(&lab).unwrap_err();
        assert_eq!((lab.tree("home"), lab.tree("secret")), before, "{what}");
        eprintln!("own, {what}: {why}");
    };
    let config = |lab: &Lab| lab.at("home/.docker/config.json");
    let node = |lab: &Lab, kind, dev| {
        let mode = Mode::from_raw_mode(0o666);
        rustix::fs::mknodat(rustix::fs::CWD, config(lab), kind, mode, dev).unwrap();
    };
    refused("FIFO", &|lab| node(lab, FileType::Fifo, 0));
    refused("device", &|lab| {
        node(lab, FileType::CharacterDevice, rustix::fs::makedev(1, 3));
    });
    refused("socket", &|lab| {
        drop(std::os::unix::net::UnixListener::bind(config(lab)).unwrap());
    });
    refused("hard link", &|lab| {
        std::fs::hard_link(lab.at("secret/config.json"), config(lab)).unwrap();
    });
    for mode in [0o4755, 0o2755] {
        refused("setuid", &|lab| {
            lab.file("home/.docker/config.json", "", 0, mode);
        });
    }
    refused("file capability", &|lab| {
        lab.file("home/.docker/config.json", "", 0, 0o755);
        let caps = [1, 0, 0, 2, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let name = "security.capability";
        rustix::fs::setxattr(config(lab), name, &caps, XattrFlags::empty()).unwrap();
    });
    refused("third user", &|lab| {
        lab.file("home/.docker/config.json", "", 77, 0o644);
    });
    refused("link", &|lab| {
        std::os::unix::fs::symlink("/etc/shadow", config(lab)).unwrap();
    });
    refused("link of the directory", &|lab| {
        std::fs::remove_dir_all(lab.at("home/.docker")).unwrap();
        lab.link("home/.docker", "../secret");
    });
}

#[test]
fn a_link_of_the_user_is_left_alone() {
    if !is_root() {
        return;
    }
    let lab = lab();
    std::fs::remove_file(lab.at("home/.docker/config.json")).unwrap();
    lab.link("home/.docker/config.json", "../../secret/config.json");
    let before = lab.tree("secret");
    assert_eq!(give(&lab), Ok(2));
    assert_eq!(lab.tree("secret"), before);
}

#[test]
fn odd_homes_are_refused() {
    if !is_root() {
        return;
    }
    let lab = lab();
    lab.link("linked", "home");
    lab.dir("theirs", 77, 0o755);
    for home in ["/", "/etc", "/proc/self/root", "/proc/self/cwd", "/nowhere"] {
        assert!(
            home::survey(home.as_ref(), ".docker", USER).is_err(),
            "{home}"
        );
    }
    assert!(home::survey(&lab.at("linked"), ".docker", USER).is_err());
    assert!(home::survey(&lab.at("theirs"), ".docker", USER).is_err());
    assert!(home::survey(&lab.at("home"), ".docker", 0).is_err());
    // A directory above it that another user can rename.
    lab.dir("team", 77, 0o755);
    lab.dir("team/home", USER, 0o755);
    assert!(home::survey(&lab.at("team/home"), ".docker", USER).is_err());
}

#[test]
fn undo_makes_nothing_in_a_home_roots_again() {
    if !is_root() {
        return;
    }
    let lab = lab();
    let deed = Deed::Own {
        home: lab.at("home").to_string_lossy().into_owned(),
        top: ".docker".into(),
        uid: USER,
        gid: USER,
        files: home::survey(&lab.at("home"), ".docker", USER).unwrap(),
    };
    assert_eq!(lab.does(deed).failed, None);
    // What the first version wrote for the same deed.
    lab.dir("home/.docker/bin", USER, 0o755);
    lab.file("home/.docker/bin/su", "#!/bin/sh\n", USER, 0o755);
    let mut journal = lab.journal();
    let had = Had {
        path: lab.at("home/.docker/bin/su"),
        mode: 0o4755,
        uid: 0,
        gid: 0,
    };
    journal.before(Undo::Modes { files: vec![had] }).unwrap();
    drop(journal);
    let before = lab.tree("home");
    let undone = lab.undoes();
    assert_eq!(lab.tree("home"), before);
    assert_eq!(
        (undone.failed.len(), undone.kept.len()),
        (0, 2),
        "{undone:?}"
    );
}
