//! Files of the system: modes, renames, copies, new contents. The names on the way are
//! exchanged for links to a victim that looks the same.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use rootless_setup::plan::mend::deed::Deed;
use rootless_setup::plan::step::{Change, Kind, Seen};
use rootless_setup::plan::undo::{Had, Undo};

use crate::lab::{Lab, RACES, USER, is_root, race};

/// Makes the deed of a test.
type Make = fn(&Lab) -> Deed;

/// Gives a directory to others.
type Spoil<'a> = &'a dyn Fn(&Lab, &str);

/// A system below `top`, and below `victim` the same again.
fn lab() -> Lab {
    let lab = Lab::new();
    for top in ["", "victim/"] {
        for dir in [
            "usr",
            "usr/bin",
            "usr/local",
            "usr/local/bin",
            "etc",
            "etc/sysctl.d",
        ] {
            lab.dir(&format!("{top}{dir}"), 0, 0o755);
        }
        let file = |name: &str, mode| lab.file(&format!("{top}{name}"), "x", 0, mode);
        file("usr/bin/newuidmap", 0o755);
        file("usr/local/bin/newuidmap", 0o755);
        file("etc/real", 0o644);
        std::os::unix::fs::symlink("real", lab.at(&format!("{top}etc/subuid"))).unwrap();
        std::os::unix::fs::symlink(
            "/etc/shadow",
            lab.at(&format!("{top}etc/sysctl.d/.a.conf.rootless-setup-tmp")),
        )
        .unwrap();
    }
    // Attackers may write to none of it; that links appear anyway is the worst case.
    lab
}

fn name(lab: &Lab, path: &str) -> String {
    lab.at(path).to_string_lossy().into_owned()
}

fn mode(lab: &Lab) -> Deed {
    Deed::Mode {
        path: name(lab, "usr/bin/newuidmap"),
        mode: 0o4755,
        to_root: true,
    }
}

fn aside(lab: &Lab) -> Deed {
    Deed::SetAside {
        path: name(lab, "usr/local/bin/newuidmap"),
        to: name(lab, "usr/local/bin/newuidmap.set-aside"),
    }
}

fn regular(lab: &Lab) -> Deed {
    Deed::Regular {
        path: name(lab, "etc/subuid"),
        target: "real".into(),
    }
}

fn write(lab: &Lab) -> Deed {
    Deed::Change(Change {
        path: lab.at("etc/sysctl.d/a.conf"),
        kind: Kind::System,
        before: None,
        after: Some(Seen {
            text: "ours\n".into(),
            mode: 0o644,
        }),
    })
}

/// Does and undoes a deed again and again while `at` is exchanged for a link.
fn raced(what: &str, at: &str, deed: Make) {
    if !is_root() {
        return;
    }
    let lab = lab();
    lab.link("evil", &name(&lab, &format!("victim/{at}")));
    let (host, victim) = (lab.tree("usr").len(), lab.tree("victim"));
    let shadow = std::fs::metadata("/etc/shadow")
        .map(|m| (m.mode(), m.len(), m.ino()))
        .ok();
    let (mut done, mut refused, mut undone) = (0, 0, 0);
    let swaps = race(&lab.at(at), &lab.at("evil"), || {
        for _ in 0..RACES {
            let first = lab.does(deed(&lab));
            match first.failed {
                None => done += 1,
                Some(_) => refused += 1,
            }
            // Until nothing is left in the journal, in the race as well.
            for _ in 0..20 {
                undone += lab.undoes().undone;
                if lab.journal().records().is_empty() {
                    break;
                }
            }
            assert_eq!(lab.tree("victim"), victim, "{what}");
        }
    });
    lab.undoes();
    eprintln!(
        "{what}, {at}: {RACES} races, {swaps} exchanges, {done} done, {refused} refused, {undone} undone"
    );
    assert_eq!(lab.tree("victim"), victim);
    assert_eq!(lab.tree("usr").len(), host);
    let now = std::fs::metadata("/etc/shadow")
        .map(|m| (m.mode(), m.len(), m.ino()))
        .ok();
    assert_eq!(now, shadow);
}

#[test]
fn modes_and_their_undo() {
    raced("mode", "usr/bin", mode);
    raced("mode", "usr/bin/newuidmap", mode);
}

#[test]
fn files_out_of_the_way_and_back() {
    raced("set aside", "usr/local", aside);
    raced("set aside", "usr/local/bin", aside);
}

#[test]
fn copies_in_the_place_of_links() {
    raced("regular", "etc", regular);
}

#[test]
fn new_files_by_way_of_temporary_names() {
    raced("write", "etc/sysctl.d", write);
    raced("write", "etc", write);
}

/// Each deed in a directory that a user owns, that others can write to, or that has an
/// access control list.
#[test]
fn directories_of_others_are_refused() {
    if !is_root() {
        return;
    }
    let acl = |lab: &Lab, at: &str| {
        // Version 2; the owner rwx, uid 4242 rwx, the group r-x, the mask rwx, others r-x.
        let entry = |tag: u16, bits: u16, id: u32| {
            [
                &tag.to_le_bytes()[..],
                &bits.to_le_bytes(),
                &id.to_le_bytes(),
            ]
            .concat()
        };
        let none = u32::MAX;
        let all = [
            (1, 7, none),
            (2, 7, USER),
            (4, 5, none),
            (16, 7, none),
            (32, 5, none),
        ];
        let entries = all.map(|(tag, bits, id)| entry(tag, bits, id)).concat();
        let value = [&2_u32.to_le_bytes()[..], &entries].concat();
        let name = "system.posix_acl_access";
        let flags = rustix::fs::XattrFlags::empty();
        match rustix::fs::setxattr(lab.at(at), name, &value, flags) {
            Ok(()) => {}
            // No such lists here: any user can write instead.
            Err(_) => crate::lab::set(&lab.at(at), 0, 0o777),
        }
    };
    let changes: [(&str, Spoil<'_>); 4] = [
        ("another owner", &|lab, at| {
            crate::lab::set(&lab.at(at), USER, 0o755)
        }),
        ("group-writable", &|lab, at| {
            let path = lab.at(at);
            std::os::unix::fs::chown(&path, None, Some(50)).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o775)).unwrap();
        }),
        ("sticky", &|lab, at| crate::lab::set(&lab.at(at), 0, 0o1777)),
        ("access control list", &acl),
    ];
    let deeds: [(&str, Make); 4] = [
        ("usr/bin", mode),
        ("usr/local/bin", aside),
        ("etc", regular),
        ("etc/sysctl.d", write),
    ];
    for (what, change) in changes {
        for (at, deed) in deeds {
            let lab = lab();
            change(&lab, at);
            let before = (lab.tree("usr"), lab.tree("etc"));
            let why = lab.does(deed(&lab)).failed;
            assert!(why.is_some(), "{what}: {at}");
            lab.undoes();
            assert_eq!((lab.tree("usr"), lab.tree("etc")), before, "{what}: {at}");
        }
    }
}

#[test]
fn hard_links_and_files_of_others_are_refused() {
    if !is_root() {
        return;
    }
    let lab = lab();
    std::fs::hard_link(lab.at("usr/bin/newuidmap"), lab.at("other")).unwrap();
    assert!(lab.does(mode(&lab)).failed.is_some());
    std::fs::remove_file(lab.at("other")).unwrap();
    crate::lab::set(&lab.at("usr/bin/newuidmap"), USER, 0o755);
    assert!(lab.does(mode(&lab)).failed.is_some());
    crate::lab::set(&lab.at("usr/local/bin/newuidmap"), USER, 0o755);
    assert!(lab.does(aside(&lab)).failed.is_some());
    let path = name(&lab, "usr/bin/bash");
    lab.file("usr/bin/bash", "", 0, 0o755);
    let deed = Deed::Mode {
        path,
        mode: 0o4755,
        to_root: true,
    };
    assert!(lab.does(deed).failed.is_some());
    assert_eq!(
        lab.at("usr/bin/bash").metadata().unwrap().mode() & 0o7777,
        0o755
    );
}

/// A journal in which a user, or an earlier version, named other files.
#[test]
fn undo_keeps_to_the_files_of_root() {
    if !is_root() {
        return;
    }
    let lab = lab();
    lab.dir("home", USER, 0o755);
    lab.file("home/newuidmap.set-aside", "evil", USER, 0o755);
    lab.file("usr/local/bin/newgidmap.set-aside", "evil", USER, 0o755);
    lab.file("usr/bin/su", "", 0, 0o755);
    let rename = |from: &str, to: &str| Undo::Rename {
        from: lab.at(from),
        to: lab.at(to),
    };
    let undos = vec![
        rename("home/newuidmap.set-aside", "home/newuidmap"),
        rename("home/newuidmap.set-aside", "usr/bin/newuidmap"),
        rename(
            "usr/local/bin/newgidmap.set-aside",
            "usr/local/bin/newgidmap",
        ),
        Undo::Modes {
            files: vec![Had {
                path: lab.at("usr/bin/su"),
                mode: 0o4755,
                uid: 0,
                gid: 0,
            }],
        },
        Undo::Remount {
            mount: "/media/x".into(),
            option: "suid".into(),
        },
        Undo::Setting {
            key: "kernel.core_pattern".into(),
            value: "|/home/x".into(),
        },
        Undo::EnableUnits {
            enabled: vec!["evil.service".into()],
            active: vec![],
        },
        Undo::RemoveDir {
            path: lab.at("home"),
        },
        Undo::Stop {
            unit: "ssh.service".into(),
        },
        Undo::UnloadProfile {
            file: lab.at("home/x"),
        },
        Undo::Capability {
            path: lab.at("home/rootlesskit"),
            former: None,
        },
    ];
    let mut journal = lab.journal();
    journal.before_all(undos).unwrap();
    drop(journal);
    let before = (lab.tree("usr"), lab.tree("home"));
    let undone = lab.undoes();
    assert_eq!((lab.tree("usr"), lab.tree("home")), before);
    assert_eq!(
        (undone.kept.len(), undone.failed.len()),
        (4, 7),
        "{undone:?}"
    );
}
