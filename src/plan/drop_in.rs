//! The drop-ins of the options: one file each in `docker.service.d/`, and one
//! for all that changes the daemon's command line.

use std::path::Path;

use thiserror::Error;

use super::option::table::Place;
use super::option::value::Choice;
use super::option::{Chosen, Entry, Key, Net, PortDriver, TABLE, Value};
use super::quote::{self, Unquotable};
use super::template::filled;
use crate::facts::unit;

/// The daemon's command line.
const COMMAND: &str = "rootless-setup-command.conf";

/// The word for [`Key::SkipIptables`].
const NO_IPTABLES: &str = "--iptables=false";

/// Variables of `dockerd-rootless.sh`, without this in front.
const PREFIX: &str = "DOCKERD_ROOTLESS_ROOTLESSKIT_";

/// A drop-in that has one of our names and does not say what ours says:
/// somebody edited it, or a newer version wrote it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{name} does not say what rootless-setup writes there: {why}")]
pub struct Unread {
    /// Its name.
    pub name: String,
    /// What is missing or unknown.
    pub why: String,
}

/// Names of all of them.
pub fn names() -> impl Iterator<Item = &'static str> {
    variables().map(|(_, _, file)| file).chain([COMMAND])
}

/// The options that are variables, with the variable and the drop-in.
fn variables() -> impl Iterator<Item = (&'static Entry, &'static str, &'static str)> {
    TABLE.iter().filter_map(|entry| match entry.place {
        Place::Variable { name, file } => Some((entry, name, file)),
        _ => None,
    })
}

/// Reads a drop-in back; nothing if the name is not one of ours.
///
/// # Errors
/// It is ours by name and not by what it says.
pub fn read(name: &str, text: &str) -> Result<Vec<(Key, Value)>, Unread> {
    let unread = |why: String| Unread {
        name: name.to_owned(),
        why,
    };
    let unit = unit::DockerUnit {
        drop_ins: vec![unit::parse(Path::new(""), text)],
        ..unit::DockerUnit::default()
    };
    if name == COMMAND {
        let said = said(&unit.exec_start().unwrap_or_default());
        return match said.is_empty() {
            true => Err(unread("it starts the daemon with no option of ours".into())),
            false => Ok(said),
        };
    }
    let Some((entry, variable, _)) = variables().find(|(_, _, file)| *file == name) else {
        return Ok(Vec::new());
    };
    let full = format!("{PREFIX}{variable}");
    let environment = unit.environment(Path::new("%h"));
    let value = environment.get(&full);
    let text = value.ok_or_else(|| unread(format!("it does not set {full}")))?;
    match decoded(entry, text) {
        Some(value) => Ok(vec![(entry.key, value)]),
        None => Err(unread(format!("{full} is {text:?}"))),
    }
}

/// The option that a variable of the script is, and what its text says of it;
/// nothing if it is no value the option takes.
pub fn variable(name: &str, text: &str) -> Option<(&'static Entry, Option<Value>)> {
    let name = name.strip_prefix(PREFIX)?;
    let (entry, ..) = variables().find(|(_, variable, _)| *variable == name)?;
    Some((entry, decoded(entry, text)))
}

fn decoded(entry: &Entry, text: &str) -> Option<Value> {
    let word = |word: &str| match entry.kind.word(word) {
        Ok(Choice::Set(value)) => Some(turned(entry.key, value)),
        _ => None,
    };
    if !entry.kind.is_many() {
        return word(text);
    }
    let mut values = text.split_ascii_whitespace().map(word);
    let mut all = values.next()??;
    for value in values {
        all.add(value?);
    }
    Some(all)
}

/// The script is told what is forbidden, we what is allowed.
fn turned(key: Key, value: Value) -> Value {
    match value {
        Value::Flag(flag) if key == Key::HostLoopback => Value::Flag(!flag),
        value => value,
    }
}

fn encoded(key: Key, value: &Value) -> String {
    match &turned(key, value.clone()) {
        Value::Flag(flag) => flag.to_string(),
        Value::List(words) => words.join(" "),
        Value::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What the words of the daemon's command line say of options.
pub fn said(command: &[String]) -> Vec<(Key, Value)> {
    let mut said = Vec::new();
    if command.iter().skip(1).any(|word| word == NO_IPTABLES) {
        said.push((Key::SkipIptables, Value::Flag(true)));
    }
    said
}

/// The words of the command line that say what was chosen.
fn words(chosen: &Chosen) -> Vec<String> {
    let mut words = Vec::new();
    if chosen.flagged(Key::SkipIptables) == Some(true) {
        words.push(NO_IPTABLES.to_owned());
    }
    words
}

/// The drop-ins that say what was chosen, by name; those of [`names`] that are
/// not among them are to go.
///
/// # Errors
/// A script or a word that no unit file can name.
pub fn texts(chosen: &Chosen, script: &Path) -> Result<Vec<(&'static str, String)>, Unquotable> {
    let mut files = Vec::new();
    for (entry, variable, file) in variables() {
        if let Some(value) = chosen.get(entry.key) {
            let mut lines = assignment(variable, &encoded(entry.key, value))?;
            if let Some(port) = brought_along(entry.key, chosen) {
                lines.push('\n');
                lines.push_str(&assignment("PORT_DRIVER", port.name())?);
            }
            files.push((file, text(entry.name, &lines)));
        }
    }
    let words = words(chosen);
    if !words.is_empty() {
        files.push((COMMAND, command(script, &words)?));
    }
    Ok(files)
}

/// With pasta goes `implicit`, unless another port driver is chosen: scripts
/// before 28.5.2 (moby#51162) would take `builtin`, which RootlessKit refuses.
fn brought_along(key: Key, chosen: &Chosen) -> Option<PortDriver> {
    let pasta = key == Key::Net && chosen.net() == Some(Net::Pasta);
    (pasta && chosen.port_driver().is_none()).then_some(PortDriver::Implicit)
}

fn assignment(name: &str, value: &str) -> Result<String, Unquotable> {
    let word = quote::assignment(&format!("{PREFIX}{name}"), value)?;
    Ok(format!("Environment={word}"))
}

/// An empty `ExecStart=` takes back the unit's own.
fn command(script: &Path, words: &[String]) -> Result<String, Unquotable> {
    let mut line = quote::program(script)?;
    for word in words {
        line.push(' ');
        line.push_str(&quote::argument(word)?);
    }
    let lines = format!("ExecStart=\nExecStart={line}");
    Ok(text("the daemon's command line", &lines))
}

fn text(why: &str, settings: &str) -> String {
    let template = include_str!("../../templates/drop-in.conf");
    filled(template, &[("why", why), ("settings", settings)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::option::Kind;

    const SCRIPT: &str = "/home/a b/50%$x/dockerd-rootless.sh";

    fn files(chosen: &Chosen) -> Vec<(&'static str, String)> {
        texts(chosen, Path::new(SCRIPT)).expect("texts")
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
        chosen
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
            for text in words.iter().filter(fits) {
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
}
