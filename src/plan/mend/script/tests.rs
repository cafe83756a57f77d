use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::check::catalogue::Catalogue;
use crate::check::remedy;
use crate::facts::area::lsm::profile;

/// Every action of the catalogue, with the values of an example.
fn all() -> Vec<Action> {
    let checks = Catalogue::built_in().unwrap().iter();
    let remedies = checks.flat_map(|c| std::iter::once(&c.remedy).chain(c.remedies.values()));
    let examples = remedy::examples();
    let mut actions: Vec<Action> = remedies
        .flat_map(|r| r.actions.values().flatten())
        .map(|template| Action::from_template(template, &examples).unwrap())
        .chain(real())
        .collect();
    actions.push(Action::Packages {
        family: "debian".into(),
        names: vec!["uidmap".into(), "slirp4netns".into()],
    });
    actions.push(Action::Sysctl {
        name: "max-user-namespaces".into(),
        settings: vec!["user.max_user_namespaces=28633".into()],
        over: SYSCTL_CONF.into(),
    });
    actions.push(Action::Capability {
        path: "/usr/bin/rootlesskit".into(),
        capability: "cap_net_bind_service=ep".into(),
    });
    actions.sort();
    actions.dedup();
    actions
}

/// Actions with values as a host has them, where an example's would be refused.
fn real() -> Vec<Action> {
    let program = "/home/alice/bin/rootlesskit";
    let name = profile::file_name(program);
    vec![
        Action::Own {
            user: "alice".into(),
            home: "/home/alice".into(),
            path: "/home/alice/.docker".into(),
            owner: "1000:1000".into(),
            check: "host.docker-config-owner".into(),
        },
        Action::Regular {
            path: "/etc/subuid".into(),
        },
        Action::SetAside {
            path: "/usr/local/bin/newuidmap".into(),
            by: By::Root,
        },
        Action::Mode {
            path: "/usr/bin/newuidmap".into(),
            mode: "4755".into(),
            owner: "root".into(),
        },
        Action::LoadProfile {
            file: "/etc/apparmor.d/rootlesskit".into(),
        },
        Action::Profile {
            file: format!("/etc/apparmor.d/{name}"),
            lines: vec![
                "abi <abi/4.0>,".into(),
                "include <tunables/global>".into(),
                profile::first_line(program),
                "  userns,".into(),
                format!("  include if exists <local/{name}>"),
                "}".into(),
            ],
        },
    ]
}

fn of(actions: &[Action]) -> String {
    script(
        "A test.",
        &[Part {
            check: "a.b",
            summary: "it is broken",
            actions,
        }],
    )
}

#[expect(clippy::disallowed_methods, reason = "the real tools judge")]
fn judge(program: &str, args: &[&str], text: &str) -> Option<(bool, String)> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("script.sh");
    std::fs::write(&file, text).unwrap();
    let output = Command::new(program).args(args).arg(&file).output().ok()?;
    let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Some((output.status.success(), words))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what CI asks of this test")]
fn shellcheck_and_the_shells_take_every_line() {
    let text = of(&all());
    for part in PARTS {
        assert!(text.contains(part.1), "{} is never used", part.0);
    }
    let (parsed, words) = judge("sh", &["-n"], &text).expect("a shell");
    assert!(parsed, "{words}");
    // CI has it, see .ci/run.
    match judge("shellcheck", &["-s", "sh"], &text) {
        Some((clean, words)) => assert!(clean, "{words}"),
        None => assert!(std::env::var_os("REQUIRE_SHELLCHECK").is_none()),
    }
}

#[test]
fn each_action_is_done_once_and_functions_come_with_their_calls() {
    let action = Action::Sysctl {
        name: "ping".into(),
        settings: vec!["net.ipv4.ping_group_range=0 2147483647".into()],
        over: String::new(),
    };
    let text = of(&[action.clone(), action]);
    assert_eq!(text.matches("zz-rootless-ping.conf").count(), 2);
    assert!(text.contains("\nfile() {"));
    assert!(!text.contains("sub_ids"));
}

#[test]
fn the_users_own_part_is_none_of_roots() {
    let own = Action::RestartDaemon {};
    assert!(!of(&[own]).contains("a.b"));
}

/// A scratch root, and stubs of programs that note their arguments.
struct Scratch {
    dir: tempfile::TempDir,
}

const STUBS: [&str; 8] = [
    "modprobe",
    "sysctl",
    "systemctl",
    "chown",
    "mount",
    "apparmor_parser",
    "loginctl",
    "setcap",
];

#[expect(clippy::disallowed_methods, reason = "a place to run scripts in")]
impl Scratch {
    /// The script is bent to the scratch root: its own programs, its own /etc.
    fn run(text: &str) -> (bool, String, Scratch) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc")).unwrap();
        let log = dir.path().join("log");
        // Functions, not files: a program that was written just now may be busy.
        let stub = |name: &&str| {
            format!(
                "{name}() {{ printf '%s' {name} >>{log}; for a; do printf '\\001%s' \"$a\" >>{log}; done; printf '\\002' >>{log}; }}\n",
                log = log.display()
            )
        };
        let stubs: String = STUBS.iter().map(stub).collect();
        let etc = dir.path().join("etc");
        let text = text
            .replace("set -eu\n", &format!("set -eu\n{stubs}"))
            .replace("[ \"$(id -u)\" = 0 ]", "true")
            .replace("root=0\n", "root=$(id -u)\n")
            .replace("/etc/", &format!("{}/", etc.display()));
        let file = dir.path().join("script.sh");
        std::fs::write(&file, text).unwrap();
        let output = Command::new("sh")
            .arg(&file)
            .current_dir(dir.path())
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), words, Scratch { dir })
    }

    fn calls(&self) -> Vec<Vec<String>> {
        let log = std::fs::read(self.dir.path().join("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&log).into_owned();
        let calls = text.split_terminator('\u{2}');
        calls
            .map(|call| call.split('\u{1}').map(str::to_owned).collect())
            .collect()
    }

    /// What lies in the scratch root beside what was put there.
    fn others(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let names = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
        let known = ["etc", "log", "script.sh"];
        names
            .filter(|name| !known.contains(&name.as_str()))
            .collect()
    }

    fn etc(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join("etc").join(name)).unwrap_or_default()
    }
}

/// Text made to break out: whatever a directory or a name service may hold.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = [
        "$(touch pwned)",
        "`touch pwned`",
        "; touch pwned;",
        "' ; touch pwned ; '",
        "\"",
        "'",
        "\\",
        "\n",
        "touch pwned\n",
        "|",
        "&",
        "&& touch pwned",
        ">pwned",
        "<x",
        "*",
        "?",
        "~",
        "#",
        "!",
        "$x",
        "${x}",
        "-rf",
        "--",
        "%s",
        "\\n",
        "{a,b}",
        "a",
        " ",
        "\t",
        "é",
        "\u{1b}[31m",
        "=",
        "[x]",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..8)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 48 }))]

    #[test]
    fn hostile_values_are_not_in_a_script(evil in hostile(), other in hostile()) {
        let path = format!("/srv/{evil}");
        let actions = [
            Action::Own {
                user: "a".into(),
                home: path.clone(),
                path: format!("{path}/.docker"),
                owner: "1000:1000".into(),
                check: "a.b".into(),
            },
            Action::Remount { mount: path.clone(), option: "exec".into() },
            Action::LoadProfile { file: path.clone() },
            Action::Capability { path: path.clone(), capability: "cap_net_bind_service=ep".into() },
            Action::RestartManager { unit: evil.clone() },
            Action::SetAside { path: path.clone(), by: By::Root },
            Action::Mode { path: path.clone(), mode: "4755".into(), owner: "root".into() },
            Action::Regular { path: path.clone() },
            Action::Disable { units: vec![format!("x{evil}")] },
            Action::Modules { name: "x".into(), modules: vec![format!("-{evil}")] },
            Action::UserManager { name: "x".into(), setting: format!("ExecStart={evil}") },
            Action::Sysctl {
                name: "x".into(),
                settings: vec![format!("kernel.core_pattern={evil}")],
                over: String::new(),
            },
            Action::Profile { file: "/etc/apparmor.d/x".into(), lines: vec![evil.clone()] },
        ];
        let parts = [Part { check: "a.b", summary: &other, actions: &actions }];
        let text = script(&other, &parts);
        prop_assert!(!text.chars().any(|c| c != '\n' && allowed::is_hidden(c)), "{}", text);
        let not_home = !actions[0].script().is_empty() && allowed::check(&actions[0]).is_ok();
        let calls = text.lines().filter(|line| line.starts_with("# Not done: ")).count();
        prop_assert_eq!(calls, actions.len() - usize::from(not_home));
        if !not_home {
            let (fine, words, scratch) = Scratch::run(&text);
            prop_assert!(fine, "{}", words);
            prop_assert_eq!(scratch.others(), Vec::<String>::new());
            prop_assert_eq!(scratch.calls(), Vec::<Vec<String>>::new());
        }
    }

    #[test]
    fn odd_names_of_users_land_in_files_as_they_are(evil in hostile()) {
        let user = format!("u{evil}");
        let ids = SubIds {
            user: user.clone(),
            uids: "100000-165535".into(),
            ..SubIds::default()
        };
        let (fine, words, scratch) = Scratch::run(&of(&[Action::SubIds(ids)]));
        prop_assert!(fine, "{}", words);
        prop_assert_eq!(scratch.others(), Vec::<String>::new());
        let entry = match allowed::is_user(&user) {
            true => format!("{user}:100000:65536\n"),
            false => String::new(),
        };
        prop_assert_eq!(scratch.etc("subuid"), entry);
    }
}

#[test]
fn a_range_that_is_taken_by_now_is_not_given_twice() {
    let give = |user: &str, old: &str| {
        Action::SubIds(SubIds {
            user: user.into(),
            uids: "100000-165535".into(),
            not_uids: old.into(),
            ..SubIds::default()
        })
    };
    let (fine, words, scratch) = Scratch::run(&of(&[give("bob", ""), give("carol", "")]));
    assert!(
        !fine && words.contains("cannot be given to carol"),
        "{words}"
    );
    assert_eq!(scratch.etc("subuid"), "bob:100000:65536\n");
    assert!(!Path::new(&scratch.dir.path().join("etc/subuid.lock")).exists());
}
