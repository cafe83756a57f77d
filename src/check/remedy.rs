//! From the catalogue's remedy to the lines a person types on this host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::family;

/// A remedy as the catalogue states it, for every distribution family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Remedy {
    /// What to do, in words, where commands do not say it all.
    pub note: String,
    /// Package to install, by family.
    pub packages: BTreeMap<String, String>,
    /// Commands, by family; `default` for any other.
    pub commands: BTreeMap<String, Vec<String>>,
}

/// What to do on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fix {
    /// In words; may be empty if the commands say it all.
    pub note: String,
    /// Commands in order, ready to be pasted.
    pub commands: Vec<String>,
}

impl Remedy {
    /// The remedy for a host with these family keys, placeholders filled in.
    pub fn on(&self, keys: &[String], fill: &BTreeMap<&'static str, String>) -> Fix {
        let packages = keys.iter().find_map(|key| self.packages.get(key));
        let install = packages.and_then(|names| family::install_command(keys, names));
        let own = keys.iter().find_map(|key| self.commands.get(key));
        let lines = install
            .into_iter()
            .chain(own.into_iter().flatten().cloned());
        Fix {
            note: fill_in(&self.note, fill, Quoting::Plain),
            commands: lines
                .map(|line| fill_in(&line, fill, Quoting::Shell))
                .collect(),
        }
    }
}

#[derive(Clone, Copy)]
enum Quoting {
    /// For prose.
    Plain,
    /// For a shell: a value is always one word, whatever it holds.
    Shell,
}

/// Replaces `{name}`; a name without a value stays as it is.
fn fill_in(text: &str, fill: &BTreeMap<&'static str, String>, quoting: Quoting) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, tail) = rest.split_at(open);
        out.push_str(before);
        let close = tail.find('}').unwrap_or(0);
        match fill.get(tail.get(1..close).unwrap_or_default()) {
            Some(value) => {
                out.push_str(&quote(value, quoting));
                rest = &tail[close + 1..];
            }
            None => {
                out.push('{');
                rest = &tail[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn quote(value: &str, quoting: Quoting) -> String {
    match quoting {
        Quoting::Plain => value.to_owned(),
        // A NUL cannot be quoted; it cannot be in a path or a name either.
        Quoting::Shell => shlex::try_quote(&value.replace('\0', ""))
            .map_or_else(|_| String::new(), std::borrow::Cow::into_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_one_shell_word_whatever_they_hold() {
        let remedy = Remedy {
            commands: [("default".into(), vec!["sudo usermod {user} {other}".into()])].into(),
            ..Remedy::default()
        };
        let fill = [("user", "a; rm -rf $HOME {other}".to_owned())].into();
        let fix = remedy.on(&["default".into()], &fill);
        assert_eq!(
            fix.commands,
            ["sudo usermod 'a; rm -rf $HOME {other}' {other}"]
        );
    }

    #[test]
    fn packages_come_first_and_by_family() {
        let remedy = Remedy {
            packages: [("debian".into(), "uidmap".into())].into(),
            commands: [("default".into(), vec!["true".into()])].into(),
            ..Remedy::default()
        };
        let keys = |k: &[&str]| k.iter().map(ToString::to_string).collect::<Vec<_>>();
        let on = |k: &[&str]| remedy.on(&keys(k), &BTreeMap::new()).commands;
        assert_eq!(
            on(&["ubuntu", "debian", "default"]),
            ["sudo apt-get install -y uidmap", "true"]
        );
        assert_eq!(on(&["default"]), ["true"]);
    }
}
