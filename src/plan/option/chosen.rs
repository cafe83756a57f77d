//! What was asked for, by whom, and what holds when it is put over what is
//! installed.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use super::driver::{Net, PortDriver};
use super::table::{Key, Place};
use super::value::{Choice, Value};

/// Who asked for an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Flag(Key),
    /// A line of a `setup.toml`.
    File {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Flag(key) => write!(f, "--{}", key.name()),
            Source::File { path, line } => write!(f, "{path}:{line}"),
        }
    }
}

/// A choice, and who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What.
    pub choice: Choice,
    /// By whom.
    pub source: Source,
}

/// What was asked for; what is not named stays as it is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<Key, Named>);

impl Options {
    /// Takes a choice in; an earlier one of the same option is replaced.
    pub fn set(&mut self, key: Key, choice: Choice, source: Source) {
        self.0.insert(key, Named { choice, source });
    }

    /// Takes back what was said of an option.
    pub fn forget(&mut self, key: Key) {
        self.0.remove(&key);
    }

    /// Takes in what was said on the command line.
    #[must_use]
    pub fn flag(mut self, key: Key, choice: Choice) -> Self {
        self.set(key, choice, Source::Flag(key));
        self
    }

    /// These, and of `lower` what these do not name.
    #[must_use]
    pub fn over(mut self, lower: Options) -> Options {
        for (key, named) in lower.0 {
            self.0.entry(key).or_insert(named);
        }
        self
    }

    /// What was said of an option.
    pub fn get(&self, key: Key) -> Option<&Named> {
        self.0.get(&key)
    }

    /// All of it.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &Named)> {
        self.0.iter().map(|(key, named)| (*key, named))
    }

    /// What a yes-or-no option of this run was set to.
    pub fn flagged(&self, key: Key) -> Option<bool> {
        match &self.get(key)?.choice {
            Choice::Set(Value::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// What a number of this run was set to.
    pub fn number(&self, key: Key) -> Option<u32> {
        match &self.get(key)?.choice {
            Choice::Set(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// What holds after it, where `installed` held before.
    pub fn merge(&self, installed: &Chosen) -> Chosen {
        let mut chosen = installed.clone();
        for (key, named) in self.iter().filter(|(key, _)| key.entry().is_setting()) {
            match &named.choice {
                Choice::Auto => chosen.remove(key),
                Choice::Set(value) => chosen.set(key, value.clone()),
            }
        }
        self.without_leftovers(chosen)
    }
}

impl Options {
    /// With the port go its certificates, which nobody named; and certificates
    /// that are asked for end what was insecure.
    fn without_leftovers(&self, mut chosen: Chosen) -> Chosen {
        let certificates = [Key::TlsCa, Key::TlsCert, Key::TlsKey];
        let set = |key: &Key| self.get(*key).is_some_and(|n| n.choice != Choice::Auto);
        let secure = certificates.iter().any(set);
        let insecure = self.flagged(Key::InsecureTcp) == Some(true);
        for key in certificates {
            if (chosen.tcp().is_none() || insecure) && self.get(key).is_none() {
                chosen.remove(key);
            }
        }
        let key = Key::InsecureTcp;
        if (chosen.tcp().is_none() || secure) && self.get(key).is_none() {
            chosen.remove(key);
        }
        chosen
    }
}

/// What holds; an option that is not in it is left to Docker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen(BTreeMap<Key, Value>);

impl Chosen {
    /// Takes a value in. A word of the command line that is not said is left out.
    pub fn set(&mut self, key: Key, value: Value) {
        match (key.entry().place, value) {
            (Place::Command, Value::Flag(false)) => self.remove(key),
            (_, value) => {
                self.0.insert(key, value);
            }
        }
    }

    /// Gives an option back to Docker.
    pub fn remove(&mut self, key: Key) {
        self.0.remove(&key);
    }

    /// The same with this value.
    #[must_use]
    pub fn with(mut self, key: Key, value: Value) -> Self {
        self.set(key, value);
        self
    }

    /// The value of an option.
    pub fn get(&self, key: Key) -> Option<&Value> {
        self.0.get(&key)
    }

    /// All of it.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &Value)> {
        self.0.iter().map(|(key, value)| (*key, value))
    }

    /// The text of an option.
    pub fn text(&self, key: Key) -> Option<&str> {
        match self.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Yes or no.
    pub fn flagged(&self, key: Key) -> Option<bool> {
        match self.get(key)? {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The address of the API over TCP.
    pub fn tcp(&self) -> Option<SocketAddr> {
        self.text(Key::Tcp)?.parse().ok()
    }

    /// The network driver.
    pub fn net(&self) -> Option<Net> {
        self.text(Key::Net).and_then(Net::parse)
    }

    /// The port driver.
    pub fn port_driver(&self) -> Option<PortDriver> {
        self.text(Key::PortDriver).and_then(PortDriver::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn asked_over_installed() {
        let installed = Chosen::default()
            .with(Key::Net, text("pasta"))
            .with(Key::Mtu, Value::Number(1400))
            .with(Key::SkipIptables, Value::Flag(true));
        let asked = Options::default()
            .flag(Key::Net, Choice::Auto)
            .flag(Key::PortDriver, Choice::Set(text("builtin")))
            .flag(Key::Timeout, Choice::Set(Value::Number(5)));
        let chosen = asked.merge(&installed);
        assert_eq!(chosen.net(), None);
        assert_eq!(chosen.port_driver(), Some(PortDriver::Builtin));
        assert_eq!(chosen.get(Key::Mtu), Some(&Value::Number(1400)));
        assert_eq!(chosen.flagged(Key::SkipIptables), Some(true));
        assert_eq!(chosen.get(Key::Timeout), None);
        let off = Options::default().flag(Key::SkipIptables, Choice::Set(Value::Flag(false)));
        assert_eq!(off.merge(&chosen).get(Key::SkipIptables), None);
        assert_eq!(
            Options::default().merge(&Chosen::default()),
            Chosen::default()
        );
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let source = || Source::File {
            path: "/s".into(),
            line: 3,
        };
        let mut file = Options::default();
        file.set(Key::Net, Choice::Set(text("pasta")), source());
        file.set(Key::Mtu, Choice::Auto, source());
        let flags = Options::default().flag(Key::Net, Choice::Auto);
        let both = flags.over(file);
        let of = |key| {
            both.get(key)
                .map(|n| (n.choice.clone(), n.source.to_string()))
        };
        assert_eq!(of(Key::Net), Some((Choice::Auto, "--net".into())));
        assert_eq!(of(Key::Mtu), Some((Choice::Auto, "/s:3".into())));
    }
}
