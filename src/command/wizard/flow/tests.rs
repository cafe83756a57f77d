//! Ways through the questions, on hosts of which everything is known.

use std::collections::VecDeque;

use super::*;
use crate::facts::area::network::script;
use crate::facts::version::Version;
use crate::plan::option::{Chosen, Net, Value};

/// Answers by the beginning of a label; `back` is Escape.
#[derive(Default)]
struct Reader {
    keys: VecDeque<&'static str>,
    said: Vec<String>,
    asked: Vec<String>,
    offered: Vec<Vec<String>>,
    stood: Vec<String>,
    kept: usize,
}

impl Asker for Reader {
    fn say(&mut self, text: &str) {
        self.said.push(text.to_owned());
    }

    fn choose(&mut self, question: &str, answers: &[String], first: usize) -> Option<usize> {
        self.asked.push(question.to_owned());
        self.offered.push(answers.to_vec());
        self.stood.push(answers[first].clone());
        match self.keys.pop_front() {
            None | Some("back") => None,
            Some("first") => Some(first),
            Some(key) => {
                let found = answers.iter().position(|a| a.starts_with(key));
                Some(
                    found.unwrap_or_else(|| {
                        panic!("{key} is not offered at {question}: {answers:?}")
                    }),
                )
            }
        }
    }

    fn line(&mut self, _question: &str) -> Option<String> {
        let line = self.keys.pop_front()?;
        (line != "back").then(|| line.to_owned())
    }

    fn keep(&mut self, _options: &Options) {
        self.kept += 1;
    }
}

fn variables(names: &str) -> String {
    let line = |name: &str| format!("x=$DOCKERD_ROOTLESS_ROOTLESSKIT_{name}\n");
    names.split(' ').map(line).collect()
}

/// Docker 29.7 with slirp4netns and pasta.
fn new() -> Offer {
    let names = "NET PORT_DRIVER MTU DETACH_NETNS DISABLE_HOST_LOOPBACK SLIRP4NETNS_SANDBOX \
                 SLIRP4NETNS_SECCOMP STATE_DIR FLAGS";
    let text = format!(
        "{}net=slirp4netns\nnet=pasta\n--detach-netns\n",
        variables(names)
    );
    Offer {
        picked: Some(Net::Slirp4netns),
        script: Some(script::parse("/usr/bin/dockerd-rootless.sh", &text)),
        rootlesskit: Some(Version::new(3, 0, 0)),
        engine: Some(Version::new(29, 7, 0)),
        drivers: vec![Net::Slirp4netns, Net::Pasta, Net::Gvisor],
        may_linger: true,
        shell: Some("/home/alice/.bashrc".into()),
        ..Offer::default()
    }
}

fn walk(offer: &Offer, given: &Options, keys: &str) -> (Option<Options>, Reader) {
    let keys: Vec<&'static str> = keys.to_owned().leak().split('|').collect();
    let mut reader = Reader {
        keys: keys.into(),
        ..Reader::default()
    };
    let answers = ask(&mut reader, offer, given);
    (answers, reader)
}

fn answers(offer: &Offer, keys: &str) -> String {
    let (answers, reader) = walk(offer, &Options::default(), keys);
    assert!(reader.keys.is_empty(), "asked no more: {:?}", reader.asked);
    let answers = answers.expect("answers");
    let text = |choice: &Choice| match choice {
        Choice::Auto => "auto".to_owned(),
        Choice::Set(value) => value.to_string(),
    };
    let all = answers
        .iter()
        .map(|(key, n)| format!("{}={}", key.name(), text(&n.choice)));
    all.collect::<Vec<_>>().join(" ")
}

#[test]
fn who_takes_what_stands_there_is_asked_five_things() {
    let (taken, reader) = walk(&new(), &Options::default(), "first|first|first|first|first");
    assert_eq!(
        reader.asked,
        [
            "Network driver",
            "Start at boot",
            "Set DOCKER_HOST in your shell",
            "Anything else to set?",
            "Keep these answers as a file?"
        ]
    );
    let stood = [
        "Docker's choice: slirp4netns",
        "yes",
        "no",
        "no, go on",
        "no",
    ];
    assert_eq!(reader.stood, stood);
    let taken = taken.expect("answers");
    assert_eq!(taken.get(Key::Net), None);
    assert_eq!(taken.flagged(Key::Linger), Some(true));
    assert_eq!(taken.flagged(Key::ShellEnv), Some(false));
}

#[test]
fn only_what_this_host_supports_is_offered() {
    let old = Offer {
        script: Some(script::parse("/s", &variables("NET PORT_DRIVER MTU FLAGS"))),
        rootlesskit: Some(Version::new(1, 1, 0)),
        engine: Some(Version::new(20, 10, 24)),
        may_linger: false,
        shell: None,
        ..new()
    };
    let (_, reader) = walk(
        &old,
        &Options::default(),
        "first|Network|done|Daemon|done|no|back",
    );
    assert_eq!(
        reader.offered[0],
        ["Docker's choice: slirp4netns", "slirp4netns"]
    );
    let said = reader.said.join("\n");
    assert!(
        said.contains("pasta (RootlessKit 1.1.0 does not know it)"),
        "{said}"
    );
    assert!(said.contains("vpnkit (not installed)"), "{said}");
    assert!(
        said.contains("detach-netns (this Docker does not know it)"),
        "{said}"
    );
    assert!(
        said.contains("http-proxy (this Docker is too old for it)"),
        "{said}"
    );
    assert!(
        !reader.offered[2]
            .iter()
            .any(|label| label.contains("detach"))
    );
    assert!(!reader.asked.iter().any(|asked| asked.contains("boot")));
}

#[test]
fn escape_goes_back_and_finds_the_answer_that_was_given() {
    let offer = new();
    let (left, reader) = walk(&offer, &Options::default(), "pasta|back|back");
    assert!(left.is_none());
    assert_eq!(
        reader.stood,
        ["Docker's choice: slirp4netns", "yes", "pasta"]
    );
    let changed = answers(&offer, "pasta|no|back|back|Docker's|yes|no|no|no");
    assert_eq!(changed, "linger=yes shell-env=no");
    let up = answers(
        &offer,
        "first|no|no|Network|back|back|yes|no|back|back|yes|no|no",
    );
    assert_eq!(up, "linger=no shell-env=yes");
}

#[test]
fn the_rest_of_the_table() {
    let offer = new();
    let keys = "first|no|no|Network|mtu|another|5|1400|host-loopback|yes|done\
                |Daemon|dns|another|x|192.0.2.1 ::1|log-opts|another|max-size=1m max-file=2\
                |data-root|another|back|back|log-driver|local|done|no|no";
    assert_eq!(
        answers(&offer, keys),
        "mtu=1400 host-loopback=yes dns=192.0.2.1 ::1 log-driver=local \
         log-opts=max-file=2 max-size=1m linger=no shell-env=no"
    );
}

#[test]
fn what_does_not_go_together_is_said_and_asked_again() {
    let offer = new();
    let keys = "first|no|no|Network|slirp4netns-sandbox|yes|no|done|no|no";
    let (taken, reader) = walk(&offer, &Options::default(), keys);
    let said = reader.said.join("\n");
    assert!(
        said.contains("That does not go: the sandbox of slirp4netns"),
        "{said}"
    );
    assert_eq!(
        taken.expect("answers").flagged(Key::SlirpSandbox),
        Some(false)
    );
}

#[test]
fn a_group_may_be_unfit_until_it_is_done() {
    let offer = Offer {
        installed: Chosen::default().with(Key::SlirpSeccomp, Value::Flag(true)),
        ..new()
    };
    let keys = "first|no|no|Network|net|pasta|done|slirp4netns-seccomp|Docker's|done|no|no";
    let (taken, reader) = walk(&offer, &Options::default(), keys);
    let said = reader.said.join("\n");
    assert!(
        said.contains("That does not go: slirp4netns-seccomp does nothing"),
        "{said}"
    );
    let taken = taken.expect("answers");
    assert_eq!(taken.merge(&offer.installed).net(), Some(Net::Pasta));
    assert_eq!(
        taken.get(Key::SlirpSeccomp).map(|n| &n.choice),
        Some(&Choice::Auto)
    );
    let left = answers(&offer, "first|no|no|Network|net|pasta|back|no|no");
    assert_eq!(left, "linger=no shell-env=no");
}

#[test]
fn the_port_driver_follows_the_network_driver() {
    let offer = new();
    let (_, reader) = walk(
        &offer,
        &Options::default(),
        "pasta|no|no|Network|port-driver|back",
    );
    let at = reader.asked.iter().position(|asked| asked == "port-driver");
    let ports = &reader.offered[at.expect("the question")];
    assert_eq!(ports[1..], ["implicit"]);
    let again = "pasta|no|no|Network|port-driver|implicit|net|slirp4netns|done|no|no";
    assert_eq!(
        answers(&offer, again),
        "net=slirp4netns linger=no shell-env=no"
    );
    let installed = Offer {
        installed: Chosen::default()
            .with(Key::Net, Value::Text("pasta".into()))
            .with(Key::PortDriver, Value::Text("implicit".into())),
        ..new()
    };
    let back = answers(&installed, "slirp4netns|no|no|no|no");
    assert_eq!(
        back,
        "net=slirp4netns port-driver=auto linger=no shell-env=no"
    );
    let (_, reader) = walk(&installed, &Options::default(), "back");
    let first = [
        "as it is: pasta",
        "Docker's choice: slirp4netns",
        "slirp4netns",
        "gvisor-tap-vsock",
    ];
    assert_eq!(reader.offered[0], first);
}

#[test]
fn what_was_said_already_is_not_asked() {
    let given = Options::default()
        .flag(Key::Net, Choice::Set(Value::Text("pasta".into())))
        .flag(Key::Linger, Choice::Set(Value::Flag(false)));
    let (taken, reader) = walk(&new(), &given, "yes|Network|done|no|yes");
    assert_eq!(reader.asked[0], "Set DOCKER_HOST in your shell");
    assert!(
        !reader.offered[2]
            .iter()
            .any(|label| label.starts_with("net"))
    );
    assert_eq!(reader.kept, 1);
    let taken = taken.expect("answers");
    assert_eq!(taken.flagged(Key::ShellEnv), Some(true));
    assert_eq!(taken.flagged(Key::Linger), Some(false));
}

proptest::proptest! {
    #[test]
    fn any_way_ends_with_answers_that_go_together(
        keys in proptest::collection::vec(0_usize..8, 0..60)
    ) {
        struct Random(Vec<usize>);
        impl Asker for Random {
            fn say(&mut self, _text: &str) {}
            fn choose(&mut self, _q: &str, answers: &[String], _first: usize) -> Option<usize> {
                let key = self.0.pop()?;
                (key < 7).then_some(key % answers.len())
            }
            fn line(&mut self, _question: &str) -> Option<String> {
                let lines = ["1400", "/a", "192.0.2.1", "a=b", "http://p", "--ipv6", "\u{1b}"];
                Some(lines[self.0.pop()? % lines.len()].to_owned())
            }
            fn keep(&mut self, _options: &Options) {}
        }
        let offer = new();
        if let Some(answers) = ask(&mut Random(keys), &offer, &Options::default()) {
            assert_eq!(offer.misfit(&answers, true), None);
        }
    }
}
