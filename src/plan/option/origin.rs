//! Which option came from where: kept beside the journal, because a drop-in or
//! `daemon.json` does not tell whether a flag or a file asked for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::chosen::{Chosen, Options};
use super::table::{Key, TABLE};
use super::value::Value;

/// Name of the file.
pub const NAME: &str = "options.json";

/// Who asked for one option last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    /// `--net`, or `/home/alice/setup.toml:3`.
    from: String,
    /// SHA-256 of the value: another one was not asked for here.
    value: String,
}

/// Who asked for what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<Key, Origin>);

/// Proxies may hold a password, so the value itself is not written.
fn digest(value: &Value) -> String {
    let digest = Sha256::digest(value.json());
    digest.iter().take(16).map(|b| format!("{b:02x}")).collect()
}

impl Origins {
    /// Reads the file; what cannot be read tells nothing.
    pub fn parse(text: &str) -> Origins {
        let read: BTreeMap<String, Origin> = serde_json::from_str(text).unwrap_or_default();
        let known = |(name, origin): (String, Origin)| Some((Key::named(&name)?, origin));
        Origins(read.into_iter().filter_map(known).collect())
    }

    /// The file's text; none where there is nothing to tell.
    pub fn text(&self) -> Option<String> {
        let named: BTreeMap<&str, &Origin> =
            self.0.iter().map(|(key, o)| (key.name(), o)).collect();
        let text = serde_json::to_string_pretty(&named).ok()?;
        (!named.is_empty()).then(|| text + "\n")
    }

    /// Who asked for this value of an option, if somebody did.
    pub fn of(&self, key: Key, value: &Value) -> Option<&str> {
        let origin = self.0.get(&key)?;
        (origin.value == digest(value)).then_some(&origin.from)
    }

    /// As it is once `chosen` holds, of which `asked` was asked for now.
    #[must_use]
    pub fn after(&self, asked: &Options, chosen: &Chosen) -> Origins {
        let from = |key, value: &Value| match asked.get(key) {
            Some(named) => Some(named.source.to_string()),
            None => self.of(key, value).map(str::to_owned),
        };
        let settings = TABLE.iter().filter(|entry| entry.is_setting());
        let origins = settings.filter_map(|entry| {
            let value = chosen.get(entry.key)?;
            let from = from(entry.key, value)?;
            let value = digest(value);
            Some((entry.key, Origin { from, value }))
        });
        Origins(origins.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::option::Choice;

    #[test]
    fn who_asked_is_remembered_while_the_value_is_the_same() {
        let mtu = |n| Value::Number(n);
        let asked = Options::default().flag(Key::Mtu, Choice::Set(mtu(1400)));
        let chosen = asked.merge(&Chosen::default());
        let first = Origins::default().after(&asked, &chosen);
        let read = Origins::parse(&first.text().expect("text"));
        assert_eq!(read, first);
        assert_eq!(read.of(Key::Mtu, &mtu(1400)), Some("--mtu"));
        assert_eq!(read.of(Key::Mtu, &mtu(1500)), None);
        assert_eq!(read.after(&Options::default(), &chosen), first);
        let edited = Chosen::default().with(Key::Mtu, mtu(9000));
        assert_eq!(read.after(&Options::default(), &edited).text(), None);
    }

    #[test]
    fn rubbish_tells_nothing() {
        for text in ["", "[]", "{\"net\": 1}", "{\"net\": {", "\u{fffd}"] {
            assert_eq!(Origins::parse(text), Origins::default(), "{text}");
        }
        let newer = "{\"hovercraft\": {\"from\": \"x\", \"value\": \"y\", \"more\": 1}}";
        assert_eq!(Origins::parse(newer), Origins::default());
    }
}
