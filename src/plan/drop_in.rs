//! The drop-ins of the options: one file each in `docker.service.d/`, and one
//! for all that changes the daemon's command line.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use thiserror::Error;

use super::option::table::Place;
use super::option::value::Choice;
use super::option::{Chosen, Entry, Key, Net, PortDriver, TABLE, Value};
use super::quote::{self, Unquotable};
use super::template::filled;
use crate::facts::unit;

/// The drop-in of the daemon's command line.
pub const COMMAND: &str = "rootless-setup-command.conf";

/// The word for [`Key::SkipIptables`].
const NO_IPTABLES: &str = "--iptables=false";

/// Variables of `dockerd-rootless.sh`, without this in front.
const PREFIX: &str = "DOCKERD_ROOTLESS_ROOTLESSKIT_";

/// The files of the API over TCP, and the flag for each.
const TLS: [(Key, &str); 3] = [
    (Key::TlsCa, "--tlscacert="),
    (Key::TlsCert, "--tlscert="),
    (Key::TlsKey, "--tlskey="),
];

/// How a port on which the daemon listens comes to be one of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The daemon is in the network of the host (`--detach-netns`, moby#47103).
    Itself,
    /// RootlessKit publishes it.
    Published,
    /// pasta forwards whatever is listened on, at every address of the host.
    Forwarded,
}

/// What the texts of drop-ins depend on besides the options.
#[derive(Clone, Copy, Debug)]
pub struct How<'a> {
    /// The script that the unit starts.
    pub script: &'a Path,
    /// Where the daemon listens if nothing else was chosen.
    pub socket: &'a Path,
    /// How its TCP port comes to the host.
    pub reach: Reach,
}

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
    let words = command.get(1..).unwrap_or_default();
    if words.iter().any(|word| word == NO_IPTABLES) {
        said.push((Key::SkipIptables, Value::Flag(true)));
    }
    let host = |scheme| {
        let hosts = words.windows(2).filter(|pair| pair[0] == "-H");
        hosts
            .filter_map(|pair| pair[1].strip_prefix(scheme))
            .next_back()
    };
    if let Some(value) = host("unix://").and_then(|at| decoded(Key::Socket.entry(), at)) {
        said.push((Key::Socket, value));
    }
    let tcp = host("tcp://");
    if let Some(value) = tcp.and_then(|at| decoded(Key::Tcp.entry(), at)) {
        said.push((Key::Tcp, value));
        if !words.iter().any(|word| word.starts_with("--tls")) {
            said.push((Key::InsecureTcp, Value::Flag(true)));
        }
    }
    for (key, flag) in TLS {
        let file = words
            .iter()
            .filter_map(|word| word.strip_prefix(flag))
            .next_back();
        said.extend(file.and_then(|file| Some((key, decoded(key.entry(), file)?))));
    }
    said
}

/// The words of the command line that say what was chosen.
fn words(chosen: &Chosen, how: &How<'_>) -> Vec<String> {
    let mut words = Vec::new();
    if chosen.flagged(Key::SkipIptables) == Some(true) {
        words.push(NO_IPTABLES.to_owned());
    }
    let (socket, tcp) = (chosen.text(Key::Socket), chosen.tcp());
    // One host that is named takes the place of the default one.
    if socket.is_some() || tcp.is_some() {
        let usual = how.socket.display().to_string();
        let socket = socket.unwrap_or(&usual);
        words.extend(["-H".to_owned(), format!("unix://{socket}")]);
    }
    let Some(at) = tcp else {
        return words;
    };
    let inside = SocketAddr::new(inside(at.ip(), how.reach), at.port());
    words.extend(["-H".to_owned(), format!("tcp://{inside}")]);
    if chosen.flagged(Key::InsecureTcp) != Some(true) {
        words.push("--tlsverify".to_owned());
        let file = |(key, flag)| Some(format!("{flag}{}", chosen.text(key)?));
        words.extend(TLS.into_iter().filter_map(file));
    }
    words
}

/// Where the daemon itself listens; in a network of its own only RootlessKit or pasta can
/// tell at which address they come in.
fn inside(outside: IpAddr, reach: Reach) -> IpAddr {
    match reach {
        Reach::Itself => outside,
        // Its port driver comes to 127.0.0.1, whatever it listens at.
        Reach::Published => Ipv4Addr::UNSPECIFIED.into(),
        // A connection stays what it is; at this address Linux takes both kinds.
        Reach::Forwarded if outside.is_ipv6() => Ipv6Addr::UNSPECIFIED.into(),
        Reach::Forwarded => Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// RootlessKit's words for a port on the host that leads to the daemon.
fn publish(at: SocketAddr) -> [String; 2] {
    ["-p".to_owned(), format!("{at}:{}/tcp", at.port())]
}

/// The socket at which the daemon listens by itself (`usual`) is not a choice: it
/// is named beside the address of the API.
#[must_use]
pub fn without_usual(mut chosen: Chosen, usual: &Path) -> Chosen {
    if chosen.text(Key::Socket).map(Path::new) == Some(usual) {
        chosen.remove(Key::Socket);
    }
    chosen
}

/// Takes together what several drop-ins say of one option: the address of the
/// API stands in RootlessKit's flags, where that publishes its port.
pub fn joined(chosen: Chosen, usual: &Path) -> Chosen {
    let mut chosen = without_usual(chosen, usual);
    let Some(Value::List(mut flags)) = chosen.get(Key::RootlesskitFlags).cloned() else {
        return chosen;
    };
    let Some(port) = chosen.tcp().map(|at| at.port()) else {
        return chosen;
    };
    let published = flags.windows(2).rposition(|pair| {
        let at = address(&pair[1]);
        at.is_some_and(|at| at.port() == port && *pair == publish(at))
    });
    if let Some(at) = published {
        let address = address(&flags[at + 1]).map(|at| Value::Text(at.to_string()));
        flags.drain(at..at + 2);
        match flags.is_empty() {
            true => chosen.remove(Key::RootlesskitFlags),
            false => chosen.set(Key::RootlesskitFlags, Value::List(flags)),
        }
        if let Some(address) = address {
            chosen.set(Key::Tcp, address);
        }
    }
    chosen
}

/// `0.0.0.0:2376` of `0.0.0.0:2376:2376/tcp`.
fn address(published: &str) -> Option<SocketAddr> {
    published.rsplit_once(':')?.0.parse().ok()
}

/// RootlessKit's flags: those that were chosen, and the port of the API.
fn flags(chosen: &Chosen, how: &How<'_>) -> Option<Value> {
    let mut flags = match chosen.get(Key::RootlesskitFlags) {
        Some(Value::List(flags)) => flags.clone(),
        _ => Vec::new(),
    };
    let published = chosen.tcp().filter(|_| how.reach == Reach::Published);
    flags.extend(published.into_iter().flat_map(publish));
    (!flags.is_empty()).then_some(Value::List(flags))
}

/// The drop-ins that say what was chosen, by name; those of [`names`] that are
/// not among them are to go.
///
/// # Errors
/// A script or a word that no unit file can name.
pub fn texts(chosen: &Chosen, how: &How<'_>) -> Result<Vec<(&'static str, String)>, Unquotable> {
    let mut files = Vec::new();
    for (entry, variable, file) in variables() {
        let lines = assigned(entry, variable, chosen, how);
        let lines = lines.iter().map(|(name, value)| {
            let word = quote::assignment(name, value)?;
            Ok(format!("Environment={word}"))
        });
        let lines = lines.collect::<Result<Vec<_>, Unquotable>>()?;
        if !lines.is_empty() {
            files.push((file, text(entry.name, &lines.join("\n"))));
        }
    }
    let words = words(chosen, how);
    if !words.is_empty() {
        files.push((COMMAND, command(how.script, &words)?));
    }
    Ok(files)
}

/// What was chosen, for a shell that starts the script: assignments of variables,
/// and words after the script.
pub fn by_hand(chosen: &Chosen, how: &How<'_>) -> (Vec<(String, String)>, Vec<String>) {
    let all = variables().flat_map(|(entry, name, _)| assigned(entry, name, chosen, how));
    (all.collect(), words(chosen, how))
}

/// The variables that one option sets.
fn assigned(
    entry: &Entry,
    variable: &str,
    chosen: &Chosen,
    how: &How<'_>,
) -> Vec<(String, String)> {
    let value = match entry.key {
        Key::RootlesskitFlags => flags(chosen, how),
        key => chosen.get(key).cloned(),
    };
    let own = value.map(|value| (variable, encoded(entry.key, &value)));
    let port = brought_along(entry.key, chosen);
    let port = port.map(|port| ("PORT_DRIVER", port.name().to_owned()));
    let both = own.into_iter().chain(port);
    both.map(|(name, value)| (format!("{PREFIX}{name}"), value))
        .collect()
}

/// With pasta goes `implicit`, unless another port driver is chosen: scripts
/// before 28.5.2 (moby#51162) would take `builtin`, which RootlessKit refuses.
fn brought_along(key: Key, chosen: &Chosen) -> Option<PortDriver> {
    let pasta = key == Key::Net && chosen.net() == Some(Net::Pasta);
    (pasta && chosen.port_driver().is_none()).then_some(PortDriver::Implicit)
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
