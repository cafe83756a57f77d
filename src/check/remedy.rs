//! From the catalogue's remedy to the lines a person types on this host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::family;
use crate::plan::mend::action::Action;
use crate::plan::mend::allowed;
use crate::plan::mend::typed;

/// A remedy as the catalogue states it, for every distribution family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Remedy {
    /// What to do, in words, where commands do not say it all.
    pub note: String,
    /// Package to install, by family.
    pub packages: BTreeMap<String, String>,
    /// What this program can do about it, by family; `default` for any other.
    /// The commands come from there.
    pub actions: BTreeMap<String, Vec<serde_json::Value>>,
    /// Another check, which fails too, says what to do; the note names it.
    pub elsewhere: bool,
    /// Commands for what it cannot do, by family; `default` for any other.
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
    /// The same as data, where `fix` and `prepare` can do it: all of it or
    /// nothing. For this program only, so that it may change.
    #[serde(skip)]
    pub actions: Vec<Action>,
    /// Another check, which fails too, says what to do.
    #[serde(skip)]
    pub elsewhere: bool,
}

impl Remedy {
    /// The remedy for a host with these family keys, placeholders filled in. Where root
    /// must not do it with the values of this host, only the note is left, and says so.
    pub fn on(&self, keys: &[String], fill: &BTreeMap<&'static str, String>) -> Fix {
        let actions = self.actions(keys, fill);
        match actions
            .iter()
            .find_map(|action| allowed::check(action).err())
        {
            None => self.with(actions, keys, fill),
            Some(why) => {
                let mut fix = self.with(Vec::new(), keys, fill);
                fix.note = format!("{} Not done by prepare: {why}.", fix.note);
                fix.note = fix.note.trim_start().to_owned();
                fix
            }
        }
    }

    /// The remedy with the values of an example, to be shown without a host.
    pub fn example(&self, keys: &[String]) -> Fix {
        let fill = examples();
        self.with(self.actions(keys, &fill), keys, &fill)
    }

    fn with(
        &self,
        actions: Vec<Action>,
        keys: &[String],
        fill: &BTreeMap<&'static str, String>,
    ) -> Fix {
        let own = keys.iter().find_map(|key| self.commands.get(key));
        let own: Vec<&String> = own.into_iter().flatten().collect();
        let commands = actions.iter().flat_map(Action::commands);
        let typed = own.iter().map(|line| fill_in(line, fill, Quoting::Shell));
        Fix {
            note: plain(&self.note, fill),
            elsewhere: self.elsewhere,
            commands: commands.chain(typed).collect(),
            // What is left to a person is not done by halves.
            actions: match own.is_empty() {
                true => actions,
                false => Vec::new(),
            },
        }
    }

    fn actions(&self, keys: &[String], fill: &BTreeMap<&'static str, String>) -> Vec<Action> {
        let packages = keys.iter().find_map(|key| self.packages.get(key));
        let install = packages.and_then(|names| family::packages(keys, names));
        let own = keys.iter().find_map(|key| self.actions.get(key));
        let own = own.into_iter().flatten();
        // The tests hold that every template is an action.
        let read = own.filter_map(|template| Action::from_template(template, fill).ok());
        install.into_iter().chain(read).collect()
    }
}

/// What stands for the values of a host where none is examined.
const EXAMPLES: [(&str, &str); 19] = [
    ("user", "USER"),
    ("first", "100000"),
    ("last", "165535"),
    ("old_first", "200000"),
    ("old_last", "265535"),
    ("file", "FILE"),
    ("path", "PATH"),
    ("home", "HOME"),
    ("dir", "DIRECTORY"),
    ("unit", "UNIT"),
    ("owner", "UID:GID"),
    ("mount", "MOUNTPOINT"),
    ("host", "HOST"),
    ("uid", "UID"),
    ("sysctl", "user.max_net_namespaces"),
    ("name", "max-net-namespaces"),
    ("module", "MODULE"),
    ("first_line", "\"PATH\" flags=(unconfined) {"),
    ("local_line", "  include if exists <local/NAME>"),
];

/// Values for a remedy that is shown without a host.
pub fn examples() -> BTreeMap<&'static str, String> {
    EXAMPLES
        .map(|(name, value)| (name, value.to_owned()))
        .into()
}

/// Text of the catalogue with the values of this host, for people.
pub fn plain(text: &str, fill: &BTreeMap<&'static str, String>) -> String {
    fill_in(text, fill, Quoting::Plain)
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
        Quoting::Shell => typed::quoted(value),
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
