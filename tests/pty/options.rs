//! Every option of the table, answered in the questions: it ends in the plan that its
//! flag makes.

use std::collections::BTreeSet;
use std::process::Command;

use rootless_setup::plan::option::TABLE;

use super::terminal::*;
use super::wizard::*;

/// Options that have a question of their own, or none.
const ELSEWHERE: [&str; 6] = ["linger", "shell-env", "adopt", "keep", "force", "timeout"];

/// What the recorded host does not support: its Docker reads no such variable.
const NOT_HERE: [&str; 1] = ["detach-netns"];

const TYPED: &str = "another, to be typed";

/// A group, and the answers in it: an option, and one of its words or a typed line.
type Way = (&'static str, &'static [(&'static str, &'static str)]);

const WAYS: [Way; 7] = [
    (
        "Network",
        &[
            ("net", "slirp4netns"),
            ("port-driver", "slirp4netns"),
            ("mtu", "1400"),
            ("host-loopback", "yes"),
            ("slirp4netns-sandbox", "no"),
            ("slirp4netns-seccomp", "yes"),
        ],
    ),
    (
        "Network",
        &[
            ("net", "pasta"),
            ("skip-iptables", "yes"),
            ("state-dir", "/run/user/1000/kit"),
            ("rootlesskit-flags", "--ipv6 --cidr=10.0.9.0/24"),
        ],
    ),
    (
        "Where the daemon listens",
        &[
            ("socket", "/home/alice/.docker/run/docker.sock"),
            ("tcp", "[::1]:2375"),
            ("insecure-tcp", "yes"),
        ],
    ),
    (
        "Where the daemon listens",
        &[
            ("tcp", "0.0.0.0:2376"),
            ("tls-ca", "/c/ca.pem"),
            ("tls-cert", "/c/cert.pem"),
            ("tls-key", "/c/key.pem"),
        ],
    ),
    (
        "Daemon (daemon.json)",
        &[
            ("userland-proxy", "yes"),
            ("data-root", "/home/alice/.local/share/docker"),
            ("storage-driver", "vfs"),
            ("dns", "192.0.2.53 2001:db8::53"),
        ],
    ),
    (
        "Daemon (daemon.json)",
        &[
            ("http-proxy", "http://proxy.example.org:3128"),
            ("https-proxy", "http://proxy.example.org:3128"),
            ("no-proxy", "localhost,.example.org"),
            ("registry-mirrors", "https://mirror.example.org"),
        ],
    ),
    (
        "Daemon (daemon.json)",
        &[
            ("log-driver", "local"),
            ("log-opts", "max-size=5m max-file=2"),
        ],
    ),
];

/// The words are a list in the questions, and flags of their own on the command line.
fn flags(way: &Way) -> Vec<String> {
    let several = |name: &str| {
        let entry = TABLE.iter().find(|entry| entry.name == name);
        entry.is_some_and(|entry| entry.kind.is_many())
    };
    let of = |(name, answer): &(&str, &str)| -> Vec<String> {
        let words: Vec<&str> = match several(name) {
            true => answer.split(' ').collect(),
            false => vec![answer],
        };
        words
            .iter()
            .map(|word| format!("--{name}={word}"))
            .collect()
    };
    way.1.iter().flat_map(of).collect()
}

/// What is printed without a terminal for the flags.
fn planned(home: &Home, way: &Way) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rootless-setup"))
        .args(["install", "--dry-run", "--no-linger", "--shell-env=no"])
        .arg("--replay")
        .arg(home.path("host.toml"))
        .args(flags(way))
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    // A slow machine says that it is busy.
    String::from_utf8_lossy(&printed).replace("Examining this host ...\n", "")
}

fn answered(home: &Home, (group, answers): &Way) -> String {
    let mut session = home.wizard(Terminal::default(), &["--plain"]);
    let say = |session: &mut Session, question: &str, answer: &str| {
        session.reads(question);
        session.keys(&format!("{answer}\n"));
    };
    say(&mut session, &format!("{NET} ["), "");
    say(&mut session, &format!("{BOOT} ["), "no");
    say(&mut session, &format!("{SHELL} ["), "no");
    say(&mut session, &format!("{MORE} ["), group);
    for (name, answer) in *answers {
        say(&mut session, &format!("{group} ["), name);
        let label = match *name {
            "net" => NET,
            name => name,
        };
        session.reads(&format!("{label} ["));
        let offers = format!(". {answer}\r\n");
        match session.text().contains(&offers) {
            true => session.keys(&format!("{answer}\n")),
            false => {
                session.keys(&format!("{TYPED}\n"));
                session.wait("asks for a line", || {
                    session.text().ends_with("Type it (empty: back): ")
                });
                session.keys(&format!("{answer}\n"));
            }
        }
    }
    say(&mut session, &format!("{group} ["), "done");
    say(&mut session, &format!("{MORE} ["), "");
    say(&mut session, &format!("{KEEP} ["), "");
    session.ended();
    session.text()
}

/// Without what the width of the terminal decides.
fn words(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn every_option_ends_in_the_plan_of_its_flag() {
    for way in &WAYS {
        let home = Home::new();
        home.file("host.toml", &std::fs::read_to_string(FIT).unwrap());
        let (screen, plan) = (answered(&home, way), planned(&home, way));
        assert!(
            words(&screen).ends_with(&words(&plan)),
            "{way:?}: the plan of the flags is\n{plan}\nafter the questions\n{screen}"
        );
    }
}

#[test]
fn no_option_is_left_out() {
    let walked = WAYS.iter().flat_map(|(_, answers)| answers.iter());
    let walked: BTreeSet<&str> = walked.map(|(name, _)| *name).collect();
    let apart: BTreeSet<&str> = ELSEWHERE.into_iter().chain(NOT_HERE).collect();
    let all: BTreeSet<&str> = TABLE.iter().map(|entry| entry.name).collect();
    assert_eq!(walked.union(&apart).copied().collect::<BTreeSet<_>>(), all);
    assert!(walked.is_disjoint(&apart));
}
