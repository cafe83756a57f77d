//! Scripts of `fix --script`, run by root after the user has exchanged what they name.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use rootless_setup::plan::mend::action::Action;
use rootless_setup::plan::mend::script::{Part, script};

use crate::lab::{Lab, RACES, USER, exchange, is_root, race, set};

/// /tmp holds no home directories; below /var/tmp there may be some.
fn lab() -> Lab {
    let lab = Lab::below("/var/tmp");
    lab.dir("home", USER, 0o755);
    for at in ["home/.config", "home/.config/systemd", "secret"] {
        lab.dir(at, if at == "secret" { 0 } else { USER }, 0o755);
    }
    for at in ["home/.config/systemd/user", "secret/user"] {
        lab.dir(at, 0, 0o755);
        lab.file(&format!("{at}/docker.service"), "[Service]\n", 0, 0o644);
    }
    lab
}

fn own(lab: &Lab, path: &str) -> String {
    let home = lab.at("home").to_string_lossy().into_owned();
    let actions = [Action::Own {
        user: "alice".into(),
        path: format!("{home}/{path}"),
        home,
        owner: format!("{USER}:{USER}"),
        check: "host.config-owner".into(),
    }];
    let parts = [Part {
        check: "host.config-owner",
        summary: "it is root's",
        actions: &actions,
    }];
    let text = script("A test.", &parts);
    assert!(text.contains("\nown "), "{text}");
    let file = lab.at("root.sh");
    std::fs::write(&file, text).unwrap();
    file.to_string_lossy().into_owned()
}

fn run(shell: &[&str], file: &str) -> Option<(bool, String)> {
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .arg(file)
        .output()
        .ok()?;
    let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Some((output.status.success(), words))
}

#[test]
fn the_script_gives_what_is_roots() {
    if !is_root() {
        return;
    }
    for shell in [&["sh"][..], &["dash"], &["bash"], &["busybox", "sh"]] {
        let lab = lab();
        let file = own(&lab, ".config");
        let Some((fine, words)) = run(shell, &file) else {
            continue;
        };
        assert!(fine, "{shell:?}: {words}");
        for name in ["user", "user/docker.service"] {
            let path = lab.at("home/.config/systemd").join(name);
            assert_eq!(path.metadata().unwrap().uid(), USER, "{shell:?}: {words}");
        }
        let (fine, words) = run(shell, &file).unwrap();
        assert!(fine && !words.contains("gave"), "{shell:?}: {words}");
    }
}

#[test]
fn swapped_links_change_nothing_outside() {
    if !is_root() {
        return;
    }
    for (at, target) in [
        ("home/.config/systemd", "secret"),
        ("home/.config/systemd/user", "secret/user"),
        ("home", "secret"),
    ] {
        let lab = lab();
        let file = own(&lab, ".config/systemd/user");
        lab.link("evil", &lab.at(target).to_string_lossy());
        exchange(&lab.at(at), &lab.at("evil"));
        let before = lab.tree("secret");
        let (fine, words) = run(&["sh"], &file).unwrap();
        assert!(!fine || !words.contains("gave"), "{at}: {words}");
        assert_eq!(lab.tree("secret"), before, "{at}: {words}");
    }
}

#[test]
fn races_change_nothing_outside() {
    if !is_root() {
        return;
    }
    let lab = lab();
    let file = own(&lab, ".config/systemd/user");
    lab.link("home/evil", &lab.at("secret").to_string_lossy());
    let before = lab.tree("secret");
    let (mut fine, mut stopped) = (0, 0);
    let swaps = race(
        &lab.at("home/.config/systemd"),
        &lab.at("home/evil"),
        || {
            for _ in 0..RACES {
                match run(&["sh"], &file).unwrap().0 {
                    true => fine += 1,
                    false => stopped += 1,
                }
            }
        },
    );
    eprintln!("script own: {RACES} races, {swaps} exchanges, {fine} to the end, {stopped} stopped");
    assert_eq!(lab.tree("secret"), before);
}

#[test]
fn odd_files_are_not_given_by_a_script() {
    if !is_root() {
        return;
    }
    let service = "home/.config/systemd/user/docker.service";
    let refused = |change: &dyn Fn(&Lab)| {
        let lab = lab();
        std::fs::remove_file(lab.at(service)).unwrap();
        change(&lab);
        let file = own(&lab, ".config/systemd/user");
        let before = (lab.tree("home"), lab.tree("secret"));
        let (fine, words) = run(&["sh"], &file).unwrap();
        assert!(!fine, "{words}");
        assert_eq!((lab.tree("home"), lab.tree("secret")), before, "{words}");
    };
    refused(&|lab| {
        std::fs::hard_link(lab.at("secret/user/docker.service"), lab.at(service)).unwrap()
    });
    refused(&|lab| lab.link(service, "/etc/shadow"));
    refused(&|lab| lab.file(service, "", 0, 0o4755));
    refused(&|lab| lab.file(service, "", 77, 0o644));
    // Others can exchange it: that is for prepare.
    refused(&|lab| {
        lab.file(service, "", 0, 0o644);
        set(&lab.at("home/.config/systemd/user"), USER, 0o755);
    });
}

/// The line of the first version, with the same link.
#[test]
fn a_recursive_chown_follows_the_link() {
    if !is_root() {
        return;
    }
    let lab = lab();
    lab.link("home/evil", &lab.at("secret").to_string_lossy());
    exchange(&lab.at("home/.config/systemd"), &lab.at("home/evil"));
    let path = lab.at("home/.config/systemd/user");
    let owner = format!("{USER}:{USER}");
    let status = Command::new("chown")
        .args(["-RP", "--", &owner])
        .arg(path)
        .status();
    assert!(status.unwrap().success());
    assert_eq!(lab.at("secret/user").metadata().unwrap().uid(), USER);
}
