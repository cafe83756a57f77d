use super::*;
use crate::host::Recorded;
use crate::plan::mend::action::By;
use crate::testing::TestHost;

fn deeds(host: TestHost, action: &Action) -> Result<Vec<Deed>, Blocked> {
    resolve(action, &Recorded::new(host.0))
}

fn titles(host: TestHost, action: &Action) -> Vec<String> {
    deeds(host, action)
        .unwrap()
        .iter()
        .map(Deed::title)
        .collect()
}

fn texts(deeds: &[Deed]) -> Vec<(String, String)> {
    let one = |deed: &Deed| match deed {
        Deed::Change(change) => Some((
            change.path.to_string_lossy().into_owned(),
            change.after.as_ref()?.text.clone(),
        )),
        _ => None,
    };
    deeds.iter().filter_map(one).collect()
}

fn namespaces(over: &str) -> Action {
    Action::Sysctl {
        name: "max-user-namespaces".into(),
        settings: vec!["user.max_user_namespaces=28633".into()],
        over: over.into(),
    }
}

#[test]
fn a_sysctl_names_the_file_it_overrules_and_a_second_run_finds_nothing() {
    let zero = || TestHost::new().file("/proc/sys/user/max_user_namespaces", "0\n");
    let first = deeds(zero(), &namespaces("/etc/sysctl.d/60-cis.conf")).unwrap();
    let (path, text) = texts(&first).remove(0);
    assert_eq!(path, "/etc/sysctl.d/zz-rootless-max-user-namespaces.conf");
    assert!(
        text.contains("# It overrules /etc/sysctl.d/60-cis.conf.\n"),
        "{text}"
    );
    assert!(
        text.ends_with("\nuser.max_user_namespaces=28633\n"),
        "{text}"
    );
    assert_eq!(
        first.last().unwrap().title(),
        "set user.max_user_namespaces to 28633 now"
    );
    let done = TestHost::new()
        .file("/proc/sys/user/max_user_namespaces", "28633\n")
        .file(&path, &text);
    assert_eq!(
        deeds(done, &namespaces("/etc/sysctl.d/60-cis.conf")).unwrap(),
        []
    );
}

#[test]
fn a_line_of_sysctl_conf_is_commented_out_and_the_rest_stays() {
    let host = TestHost::new()
        .file("/proc/sys/user/max_user_namespaces", "0\n")
        .file(
            "/etc/sysctl.conf",
            "vm.swappiness=1\nuser/max_user_namespaces = 0\n#end",
        );
    let deeds = deeds(host, &namespaces("/etc/sysctl.conf")).unwrap();
    let files = texts(&deeds);
    assert_eq!(files[0].0, "/etc/sysctl.conf");
    assert_eq!(
        files[0].1,
        "vm.swappiness=1\n# user/max_user_namespaces = 0\n#end"
    );
}

#[test]
fn what_is_not_text_is_not_written_anew() {
    let host = TestHost::new()
        .file("/proc/sys/user/max_user_namespaces", "0\n")
        .file("/etc/sysctl.conf", "\u{fffd}user.max_user_namespaces=0\n");
    let blocked = deeds(host, &namespaces("/etc/sysctl.conf")).unwrap_err();
    assert_eq!(blocked.0, "/etc/sysctl.conf is not plain text");
}

#[test]
fn what_a_plan_says() {
    let host = || {
        TestHost::new().exe("/usr/bin/newuidmap", "755").node(
            "/etc",
            crate::host::Node {
                kind: Some(crate::host::Kind::Dir),
                ..Default::default()
            },
        )
    };
    let setuid = Action::Mode {
        path: "/usr/bin/newuidmap".into(),
        mode: "4755".into(),
        owner: "root".into(),
    };
    assert_eq!(
        titles(host(), &setuid),
        ["give /usr/bin/newuidmap to root, mode 4755"]
    );
    let own = |home: &str| Action::Own {
        user: "alice".into(),
        home: home.into(),
        path: format!("{home}/.config"),
        owner: "1000:1000".into(),
        check: "host.config-owner".into(),
    };
    let given = Deed::Own {
        home: "/home/alice".into(),
        top: ".config".into(),
        uid: 1000,
        gid: 1000,
        files: Vec::new(),
    };
    assert_eq!(deeds(host(), &own("/home/alice")).unwrap(), [given]);
    // Only the account's own home directory.
    assert!(deeds(host(), &own("/home/bob")).is_err());
    let modules = Action::Modules {
        name: "tun".into(),
        modules: vec!["tun".into()],
    };
    assert_eq!(
        titles(host(), &modules),
        [
            "make /etc/modules-load.d",
            "write /etc/modules-load.d/rootless-tun.conf (mode 0644)",
            "load tun"
        ]
    );
    let ids = Action::SubIds(SubIds {
        user: "alice".into(),
        uids: "100000-165535".into(),
        gids: "100000-165535".into(),
        ..SubIds::default()
    });
    assert_eq!(
        titles(host(), &ids),
        ["give alice 65536 subordinate uids and gids (100000-165535 if they are still free)"]
    );
}

#[test]
fn a_name_that_would_break_the_file_is_refused() {
    for user in ["", "a:b", "a\nroot:0:65536"] {
        let ids = SubIds {
            user: user.into(),
            uids: "1-2".into(),
            ..SubIds::default()
        };
        assert!(
            deeds(TestHost::new(), &Action::SubIds(ids)).is_err(),
            "{user:?}"
        );
    }
}

#[test]
fn fstab_keeps_everything_but_the_contrary_option() {
    let fstab =
        "# noexec /home\n/dev/a / ext4 defaults 0 1\n/dev/b\t/home\text4\tnosuid,noexec 0 2\n";
    let changed = with_option(fstab, "/home", "exec").unwrap();
    assert_eq!(changed, fstab.replace("nosuid,noexec", "nosuid,exec"));
    assert_eq!(with_option(fstab, "/", "exec"), None);
    let proc = "proc /proc proc nosuid,hidepid=2 0 0\n";
    assert_eq!(
        with_option(proc, "/proc", "hidepid=0").unwrap(),
        "proc /proc proc nosuid,hidepid=0 0 0\n"
    );
}

#[test]
fn a_file_is_set_aside_once() {
    let action = Action::SetAside {
        path: "/home/alice/bin/newuidmap".into(),
        by: By::User,
    };
    let there = TestHost::new().exe("/home/alice/bin/newuidmap", "755");
    assert_eq!(deeds(there, &action).unwrap().len(), 1);
    assert_eq!(deeds(TestHost::new(), &action).unwrap(), []);
    let twice = TestHost::new()
        .exe("/home/alice/bin/newuidmap", "755")
        .exe("/home/alice/bin/newuidmap.set-aside", "755");
    assert!(deeds(twice, &action).is_err());
}
