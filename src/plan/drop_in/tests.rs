//! Drop-ins written and read back.

use super::*;
use crate::plan::option::Kind;

const SOCKET: &str = "/run/user/1000/docker.sock";
const SCRIPT: &str = "/home/a b/50%$x/dockerd-rootless.sh";

fn files_for(chosen: &Chosen, reach: Reach) -> Vec<(&'static str, String)> {
    let how = How {
        script: Path::new(SCRIPT),
        socket: Path::new(SOCKET),
        reach,
    };
    texts(chosen, &how).expect("texts")
}

fn files(chosen: &Chosen) -> Vec<(&'static str, String)> {
    files_for(chosen, Reach::Published)
}

fn word(key: Key, word: &str) -> Value {
    match key.entry().kind.word(word) {
        Ok(Choice::Set(value)) => value,
        other => panic!("{key:?} {word}: {other:?}"),
    }
}

fn chosen(words: &[(Key, &str)]) -> Chosen {
    let add = |chosen: Chosen, (key, text): &(Key, &str)| chosen.with(*key, word(*key, text));
    words.iter().fold(Chosen::default(), add)
}

fn read_back(files: &[(&'static str, String)]) -> Chosen {
    let mut chosen = Chosen::default();
    for (name, text) in files {
        for (key, value) in read(name, text).expect("readable") {
            chosen.set(key, value);
        }
    }
    joined(chosen, Path::new(SOCKET))
}

#[test]
fn the_api_over_tcp() {
    let words = [
        (Key::Tcp, "127.0.0.1:2376"),
        (Key::TlsCa, "/c/ca.pem"),
        (Key::TlsCert, "/c/cert.pem"),
        (Key::TlsKey, "/c/key.pem"),
    ];
    let chosen = chosen(&words);
    let published = files(&chosen);
    assert_eq!(published[0].0, "rootless-setup-rootlesskit-flags.conf");
    assert!(
        published[0]
            .1
            .contains("FLAGS=-p 127.0.0.1:2376:2376/tcp\"")
    );
    let line = "-H unix:///run/user/1000/docker.sock -H tcp://0.0.0.0:2376 --tlsverify \
                --tlscacert=/c/ca.pem --tlscert=/c/cert.pem --tlskey=/c/key.pem\n";
    assert!(published[1].1.ends_with(line), "{}", published[1].1);
    assert_eq!(read_back(&published), chosen);
    let itself = files_for(&chosen, Reach::Itself);
    assert_eq!(itself.len(), 1);
    assert!(itself[0].1.contains("-H tcp://127.0.0.1:2376 "));
    assert_eq!(read_back(&itself), chosen);
    let six = chosen.clone().with(Key::Tcp, word(Key::Tcp, "[::1]:2376"));
    let published = files(&six);
    assert!(published[0].1.contains("FLAGS=-p [::1]:2376:2376/tcp\""));
    assert!(published[1].1.contains("-H tcp://0.0.0.0:2376 "));
    assert_eq!(read_back(&published), six);
    let itself = files_for(&six, Reach::Itself);
    assert!(itself[0].1.contains("-H \"tcp://[::1]:2376\" "));
    assert_eq!(read_back(&itself), six);
    let any = chosen.clone().with(Key::Tcp, word(Key::Tcp, "[::]:2376"));
    let forwarded = files_for(&any, Reach::Forwarded);
    assert!(forwarded[0].1.contains("-H \"tcp://[::]:2376\" "));
    assert_eq!(read_back(&forwarded), any);
    let flags = Value::List(vec![
        "-p".into(),
        "0.0.0.0:80:80/tcp".into(),
        "--ipv6".into(),
    ]);
    let more = chosen.with(Key::RootlesskitFlags, flags);
    assert_eq!(read_back(&files(&more)), more);
}

#[test]
fn the_socket_that_was_chosen() {
    let alone = chosen(&[(Key::Socket, "/home/alice/d/d.sock")]);
    let one = files(&alone);
    assert!(
        one[0]
            .1
            .ends_with("dockerd-rootless.sh\" -H unix:///home/alice/d/d.sock\n"),
        "{}",
        one[0].1
    );
    assert_eq!((one.len(), read_back(&one)), (1, alone.clone()));
    let both = alone
        .with(Key::Tcp, word(Key::Tcp, "0.0.0.0:2375"))
        .with(Key::InsecureTcp, Value::Flag(true))
        .with(Key::SkipIptables, Value::Flag(true));
    let two = files_for(&both, Reach::Itself);
    let line = "--iptables=false -H unix:///home/alice/d/d.sock -H tcp://0.0.0.0:2375\n";
    assert!(two[0].1.ends_with(line), "{}", two[0].1);
    assert_eq!(read_back(&two), both);
    let usual = chosen(&[(Key::Socket, SOCKET)]);
    assert_eq!(without_usual(usual, Path::new(SOCKET)), Chosen::default());
}

#[test]
fn without_certificates_it_has_to_be_meant() {
    let insecure = chosen(&[(Key::Tcp, "0.0.0.0:2375"), (Key::InsecureTcp, "yes")]);
    let files = files_for(&insecure, Reach::Forwarded);
    assert!(
        files[0].1.ends_with("-H tcp://0.0.0.0:2375\n"),
        "{}",
        files[0].1
    );
    assert_eq!(read_back(&files), insecure);
}

#[test]
fn one_file_an_option() {
    let chosen = chosen(&[
        (Key::Net, "slirp4netns"),
        (Key::Mtu, "1400"),
        (Key::SkipIptables, "yes"),
    ]);
    let files = files(&chosen);
    assert!(files.iter().all(|(name, _)| names().any(|n| n == *name)));
    assert_eq!(
        files[0].1,
        "# Written by rootless-setup: net\n\n[Service]\n\
         Environment=\"DOCKERD_ROOTLESS_ROOTLESSKIT_NET=slirp4netns\"\n"
    );
    assert_eq!(
        files[2].1,
        "# Written by rootless-setup: the daemon's command line\n\n[Service]\nExecStart=\n\
         ExecStart=\"/home/a b/50%%$x/dockerd-rootless.sh\" --iptables=false\n"
    );
}

#[test]
fn by_hand_it_is_the_same() {
    let chosen = chosen(&[(Key::Net, "pasta"), (Key::SkipIptables, "yes")]);
    let how = How {
        script: Path::new(SCRIPT),
        socket: Path::new("/s"),
        reach: Reach::Forwarded,
    };
    let (variables, words) = by_hand(&chosen, &how);
    let expected = [("NET", "pasta"), ("PORT_DRIVER", "implicit")];
    let expected = expected.map(|(name, value)| (format!("{PREFIX}{name}"), value.to_owned()));
    assert_eq!(
        (variables, words),
        (expected.to_vec(), vec![NO_IPTABLES.to_owned()])
    );
}

#[test]
fn pasta_brings_its_port_driver() {
    let implicit = "Environment=\"DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER=implicit\"";
    let alone = chosen(&[(Key::Net, "pasta")]);
    assert!(files(&alone)[0].1.contains(implicit));
    assert_eq!(read_back(&files(&alone)), alone);
    let pesto = chosen(&[(Key::Net, "pasta"), (Key::PortDriver, "pesto")]);
    assert!(!files(&pesto)[0].1.contains("PORT_DRIVER"));
}

#[test]
fn every_value_is_read_back() {
    let ours = |e: &&Entry| matches!(e.place, Place::Variable { .. } | Place::Command);
    for entry in TABLE.iter().filter(ours) {
        let words: Vec<String> = match entry.kind {
            Kind::Flag => vec!["yes".into(), "no".into()],
            Kind::Number(least, most) => vec![least.to_string(), most.to_string()],
            Kind::Word(words) => words().iter().map(ToString::to_string).collect(),
            _ => vec!["/a/b".into(), "--x=%h$y;\"'&".into()],
        };
        let fits = |text: &&String| entry.kind.word(text).is_ok();
        // Those of TCP are said together.
        let listens = entry.group == Key::Tcp.entry().group;
        let alone = |_: &&String| !listens || entry.key == Key::Socket;
        for text in words.iter().filter(fits).filter(alone) {
            let chosen = chosen(&[(entry.key, text)]);
            assert_eq!(read_back(&files(&chosen)), chosen, "{} {text}", entry.name);
        }
    }
}

#[test]
fn flags_are_words() {
    let flags = ["--cidr=10.0.3.0/24", "-p", "127.0.0.1:80:80/tcp"].map(str::to_owned);
    let chosen = Chosen::default().with(Key::RootlesskitFlags, Value::List(flags.to_vec()));
    let files = files(&chosen);
    let line = "_FLAGS=--cidr=10.0.3.0/24 -p 127.0.0.1:80:80/tcp\"\n";
    assert!(files[0].1.ends_with(line), "{}", files[0].1);
    assert_eq!(read_back(&files), chosen);
    for bad in ["", "a b", "*", "--x=[a]", "a\tb", "a\\b", "\u{2003}"] {
        assert!(
            Key::RootlesskitFlags.entry().kind.word(bad).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn what_is_allowed_is_not_forbidden() {
    let files = files(&chosen(&[(Key::HostLoopback, "yes")]));
    assert!(files[0].1.contains("_DISABLE_HOST_LOOPBACK=false"));
}

#[test]
fn edited_ones_are_told() {
    const NET: &str = "rootless-setup-net.conf";
    assert_eq!(read("override.conf", "[Service]\n"), Ok(Vec::new()));
    let why = |name, text| read(name, text).expect_err("edited").to_string();
    assert!(why(NET, "").contains("does not set DOCKERD_ROOTLESS_ROOTLESSKIT_NET"));
    let text = "[Service]\nEnvironment=DOCKERD_ROOTLESS_ROOTLESSKIT_MTU=9\n";
    let mtu = why("rootless-setup-mtu.conf", text);
    assert!(
        mtu.ends_with("DOCKERD_ROOTLESS_ROOTLESSKIT_MTU is \"9\""),
        "{mtu}"
    );
    assert!(why(COMMAND, "[Service]\nExecStart=/x\n").contains("no option of ours"));
    assert!(why(NET, "\u{fffd}\0").contains("does not set"));
}

proptest::proptest! {
    #[test]
    fn never_panics(text in ".*") {
        for name in names() {
            let _ = read(name, &text);
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_socket_reads_back(names in "(/[a-zé0-9._+@~-]{1,12}){1,6}") {
        let kind = Key::Socket.entry().kind;
        let Ok(Choice::Set(value)) = kind.word(&names) else {
            return Ok(());
        };
        let chosen = Chosen::default().with(Key::Socket, value);
        proptest::prop_assert_eq!(read_back(&files(&chosen)), chosen);
    }
}
