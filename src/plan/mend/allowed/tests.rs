use super::*;

fn mode(path: &str, mode: &str) -> bool {
    let (path, mode, owner) = (path.into(), mode.into(), "root".into());
    check(&Action::Mode { path, mode, owner }).is_ok()
}

#[test]
fn modes_are_for_a_few_files() {
    assert!(mode("/usr/bin/newuidmap", "4755") && mode("/etc/subgid", "0644"));
    assert!(mode("/dev/net/tun", "0666"));
    for path in [
        "/usr/bin/bash",
        "/home/a/newuidmap",
        "/usr/bin/../bin/newuidmap",
        "/etc/shadow",
        "/etc/subuid",
    ] {
        assert!(!mode(path, "4755"), "{path}");
    }
    assert!(!mode("/usr/bin/newuidmap", "6755") && !mode("/etc/shadow", "0644"));
}

#[test]
fn copies_are_moved_and_the_distributions_is_not() {
    assert!(is_copy(Path::new("/usr/local/bin/newuidmap")));
    for path in [
        "/usr/bin/newuidmap",
        "/bin/newgidmap",
        "/usr/local/bin/docker",
        "/home/a/link/newuidmap",
        "/usr/local/bin/../../bin/newuidmap",
    ] {
        assert!(!is_copy(Path::new(path)), "{path:?}");
    }
}

#[test]
fn a_profile_is_for_a_plain_rootlesskit() {
    let lines = |path: &str| {
        let name = profile::file_name(path);
        let lines = vec![
            "abi <abi/4.0>,".to_owned(),
            "include <tunables/global>".to_owned(),
            profile::first_line(path),
            "  userns,".to_owned(),
            format!("  include if exists <local/{name}>"),
            "}".to_owned(),
        ];
        (format!("/etc/apparmor.d/{name}"), lines)
    };
    let fine = |path: &str| {
        let (file, lines) = lines(path);
        check(&Action::Profile { file, lines }).is_ok()
    };
    assert!(fine("/usr/local/bin/rootlesskit") && fine("/home/a/bin/rootlesskit"));
    for path in [
        "/usr/sbin/mysqld",
        "/home/*/rootlesskit",
        "/home/a/{bin,x}/rootlesskit",
        "/home/@{x}/rootlesskit",
        "/a\n/rootlesskit",
    ] {
        assert!(!fine(path), "{path:?}");
    }
    let (file, mut more) = lines("/usr/local/bin/rootlesskit");
    more.push("/usr/sbin/mysqld flags=(unconfined) {}".into());
    assert!(check(&Action::Profile { file, lines: more }).is_err());
}

#[test]
fn own_is_for_homes() {
    let own = |home: &str, path: &str, owner: &str| is_own(home, path, owner);
    assert!(own("/home/a", "/home/a/.docker", "1000:1000"));
    for (home, path, owner) in [
        ("/", "//.docker", "1000:1000"),
        ("/etc", "/etc/.docker", "1000:1000"),
        ("/home/a", "/home/a/.ssh", "1000:1000"),
        ("/home/a", "/home/a/.docker", "0:0"),
        ("/home/a", "/home/a/../b/.docker", "1000:1000"),
        ("/home", "/home/.docker", "1000:1000"),
    ] {
        assert!(!own(home, path, owner), "{home} {path}");
    }
}

#[test]
fn names_values_and_units() {
    assert!(is_user("alice") && is_user("DOM\\alice") && !is_user("0") && !is_user("-f"));
    assert!(!is_user("a:b") && !is_user("a\u{200b}") && !is_user("a\nb"));
    assert!(is_setting("net.ipv4.ping_group_range=0 2147483647"));
    assert!(!is_setting("kernel.core_pattern=1") && !is_setting("user.max_user_namespaces=|x"));
    assert!(is_manager("user@1000.service") && !is_manager("user@0.service"));
    assert!(!is_manager("ssh.service") && !is_docker_unit("ssh.service"));
    assert!(is_manager_setting("Delegate=cpu memory") && !is_manager_setting("ExecStart=/x"));
    assert!(is_system_file(Path::new(
        "/etc/sysctl.d/zz-rootless-ping.conf"
    )));
    assert!(!is_system_file(Path::new("/etc/sysctl.d/../shadow")));
    assert!(!is_system_file(Path::new(
        "/etc/sysctl.d/.x.rootless-setup-tmp"
    )));
    assert!(is_system_dir(Path::new("/etc/sysctl.d")) && !is_system_dir(Path::new("/var")));
}

#[test]
fn no_ids_of_accounts_are_given() {
    let ids = |range: &str| SubIds {
        user: "alice".into(),
        uids: range.into(),
        ..SubIds::default()
    };
    assert!(is_sub_ids(&ids("100000-165535")) && is_sub_ids(&ids("")));
    for range in ["0-65535", "1000-1000", "60000-165535", "x", "9-1"] {
        assert!(!is_sub_ids(&ids(range)), "{range}");
    }
}

#[test]
fn hidden_characters() {
    for c in
        "\u{1b}\u{7f}\u{9b}\u{202e}\u{200b}\u{200e}\u{61c}\u{2028}\u{e0041}\u{feff}\u{3164}".chars()
    {
        assert!(is_hidden(c), "{c:?}");
    }
    assert_eq!(shown("a'é\"\\ \u{1b}"), "a'é\"\\ \\u{1b}");
}
