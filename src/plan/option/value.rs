//! Values of options: what each takes, and how it is read and written.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;
use toml::de::DeValue;

use super::form::Form;
use crate::plan::json_edit::go_string;

/// The word that gives a choice back to Docker.
pub const AUTO: &str = "auto";

/// What values an option takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Yes or no.
    Flag,
    /// A number from the first to the second.
    Number(u32, u32),
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// A text of this form.
    Text(Form),
    /// Texts of this form; on the command line the option is given several times.
    List(Form),
    /// Names with a text each, `name=text`; several times, too.
    Pairs,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of [`Kind::Flag`].
    Flag(bool),
    /// Of [`Kind::Number`].
    Number(u32),
    /// Of [`Kind::Word`] and [`Kind::Text`].
    Text(String),
    /// Of [`Kind::List`].
    List(Vec<String>),
    /// Of [`Kind::Pairs`].
    Pairs(BTreeMap<String, String>),
}

/// What was said about an option; nothing leaves it as it is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Back to Docker's own default.
    Auto,
    /// This.
    Set(Value),
}

/// A word that an option does not take.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{word:?} is not {expected}")]
pub struct Unknown {
    /// What was given.
    pub word: String,
    /// What the option takes, for people.
    pub expected: String,
}

impl Kind {
    /// What it takes, for people.
    pub fn expected(self) -> String {
        match self {
            Kind::Flag => "yes, no".to_owned(),
            Kind::Number(least, most) => format!("{least} to {most}"),
            Kind::Word(words) => words().join(", "),
            Kind::Text(form) | Kind::List(form) => form.expected.to_owned(),
            Kind::Pairs => "name=value".to_owned(),
        }
    }

    /// The words it takes besides `auto`, for completions.
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Kind::Flag => vec!["yes", "no"],
            Kind::Word(words) => words(),
            _ => Vec::new(),
        }
    }

    /// A list or pairs: what is said several times adds up.
    pub fn is_many(self) -> bool {
        matches!(self, Kind::List(_) | Kind::Pairs)
    }

    /// Reads one word of the command line.
    ///
    /// # Errors
    /// The option does not take it.
    pub fn word(self, word: &str) -> Result<Choice, Unknown> {
        if word == AUTO {
            return Ok(Choice::Auto);
        }
        self.value(word).map(Choice::Set).ok_or_else(|| Unknown {
            word: word.to_owned(),
            expected: match self {
                Kind::Flag | Kind::Number(..) | Kind::Word(_) => {
                    format!("one of {}, {AUTO}", self.expected())
                }
                _ => format!("{}, or {AUTO}", self.expected()),
            },
        })
    }

    fn value(self, word: &str) -> Option<Value> {
        Some(match self {
            Kind::Flag => Value::Flag(match word {
                "yes" | "true" => true,
                "no" | "false" => false,
                _ => return None,
            }),
            Kind::Number(least, most) => {
                let digits = word.bytes().all(|b| b.is_ascii_digit());
                let number = word.parse().ok().filter(|_| digits)?;
                return in_range(number, least, most);
            }
            Kind::Word(words) => words()
                .contains(&word)
                .then(|| Value::Text(word.to_owned()))?,
            Kind::Text(form) => (form.fits)(word).then(|| Value::Text(word.to_owned()))?,
            Kind::List(form) => (form.fits)(word).then(|| Value::List(vec![word.to_owned()]))?,
            Kind::Pairs => {
                let (name, text) = word.split_once('=').filter(|(name, _)| is_name(name))?;
                Value::Pairs([(name.to_owned(), text.to_owned())].into())
            }
        })
    }

    /// Reads a value of `setup.toml`.
    ///
    /// # Errors
    /// What it is, and what the option takes.
    pub fn toml(self, value: &DeValue<'_>) -> Result<Choice, String> {
        if value.as_str() == Some(AUTO) {
            return Ok(Choice::Auto);
        }
        let read = match (self, value) {
            (Kind::Flag, DeValue::Boolean(flag)) => Some(Value::Flag(*flag)),
            (Kind::Number(least, most), DeValue::Integer(number)) => {
                let number = u32::from_str_radix(number.as_str(), number.radix());
                number.ok().and_then(|n| in_range(n, least, most))
            }
            (Kind::Word(_) | Kind::Text(_), DeValue::String(text)) => self.value(text),
            (Kind::List(form), DeValue::Array(items)) => {
                let texts = items.iter().map(|item| item.get_ref().as_str());
                let fits = |text: &str| (form.fits)(text).then(|| text.to_owned());
                let texts: Option<Vec<String>> = texts.map(|text| fits(text?)).collect();
                texts.map(Value::List)
            }
            (Kind::Pairs, DeValue::Table(table)) => {
                let pair = |(name, text): (&str, Option<&str>)| {
                    let text = text.filter(|_| is_name(name))?;
                    Some((name.to_owned(), text.to_owned()))
                };
                let pairs = table
                    .iter()
                    .map(|(name, text)| pair((name.get_ref(), text.get_ref().as_str())));
                pairs.collect::<Option<_>>().map(Value::Pairs)
            }
            _ => None,
        };
        read.map(Choice::Set)
            .ok_or_else(|| format!("is {}; it takes {}", shape(value), self.expected_in_toml()))
    }

    fn expected_in_toml(self) -> String {
        let values = match self {
            Kind::Flag => "true, false".to_owned(),
            Kind::Word(words) => quoted(&words()),
            Kind::Text(form) => format!("{} in quotes", form.expected),
            Kind::List(form) => format!("a list such as [\"…\"] of {}", form.expected),
            Kind::Pairs => "a table such as { name = \"text\" }".to_owned(),
            number => number.expected(),
        };
        format!("{values}, or \"{AUTO}\"")
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    words.join(", ")
}

fn in_range(number: u32, least: u32, most: u32) -> Option<Value> {
    let fits = (least..=most).contains(&number);
    fits.then_some(Value::Number(number))
}

/// As log drivers name their options.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    !name.is_empty() && name.bytes().all(plain)
}

/// What a value of TOML is, for people; texts are cut.
fn shape(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list it does not take".to_owned(),
        DeValue::Table(_) => "a table it does not take".to_owned(),
    }
}

impl Value {
    /// As JSON, as Go would write it.
    pub fn json(&self) -> String {
        self.spelt(&go_string, ": ", ["{", "}"])
    }

    /// In a language whose strings are written by `string`, whose tables stand
    /// between `open` and `close`, and which has `is` between a name and its value.
    pub(super) fn spelt(
        &self,
        string: &dyn Fn(&str) -> String,
        is: &str,
        [open, close]: [&str; 2],
    ) -> String {
        match self {
            Value::Flag(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Text(text) => string(text),
            Value::List(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| string(text)).collect();
                format!("[{}]", texts.join(", "))
            }
            Value::Pairs(pairs) => {
                let pair = |(name, text): (&String, &String)| {
                    format!("{}{is}{}", string(name), string(text))
                };
                let pairs: Vec<String> = pairs.iter().map(pair).collect();
                format!("{open}{}{close}", pairs.join(", "))
            }
        }
    }

    /// Adds what was said of the same option once more.
    pub fn add(&mut self, more: Value) {
        match (self, more) {
            (Value::List(texts), Value::List(more)) => texts.extend(more),
            (Value::Pairs(pairs), Value::Pairs(more)) => pairs.extend(more),
            (value, more) => *value = more,
        }
    }
}

/// As on the command line; what stands before an `@` in a URL is left out.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Flag(true) => f.write_str("yes"),
            Value::Flag(false) => f.write_str("no"),
            Value::Number(number) => number.fmt(f),
            Value::Text(text) => f.write_str(&without_secret(text)),
            Value::List(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| without_secret(text)).collect();
                f.write_str(&texts.join(" "))
            }
            Value::Pairs(pairs) => {
                let pair = |(name, text): (&String, &String)| format!("{name}={text}");
                let pairs: Vec<String> = pairs.iter().map(pair).collect();
                f.write_str(&pairs.join(" "))
            }
        }
    }
}

/// `http://user:password@proxy` without user and password.
pub fn without_secret(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}***{}", &text[..scheme + 3], &text[at..])
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::option::Key;

    fn word(key: Key, word: &str) -> Option<Value> {
        match key.entry().kind.word(word) {
            Ok(Choice::Set(value)) => Some(value),
            _ => None,
        }
    }

    #[test]
    fn words_of_the_command_line() {
        assert_eq!(Key::Net.entry().kind.word("auto"), Ok(Choice::Auto));
        assert_eq!(word(Key::Net, "pasta"), Some(Value::Text("pasta".into())));
        assert_eq!(word(Key::Mtu, "1500"), Some(Value::Number(1500)));
        assert_eq!(word(Key::SkipIptables, "no"), Some(Value::Flag(false)));
        for bad in [
            "67",
            "65522",
            "-1",
            "+1500",
            "",
            "1 500",
            "99999999999",
            "0x5dc",
        ] {
            assert_eq!(word(Key::Mtu, bad), None, "{bad}");
        }
        let error = Key::Net
            .entry()
            .kind
            .word("Pasta")
            .expect_err("case matters");
        assert_eq!(
            error.to_string(),
            "\"Pasta\" is not one of slirp4netns, pasta, vpnkit, gvisor-tap-vsock, lxc-user-nic, auto"
        );
    }

    #[test]
    fn passwords_are_not_shown() {
        let of = |text: &str| Value::Text(text.into()).to_string();
        assert_eq!(of("http://me:se@cret@proxy:3128"), "http://***@proxy:3128");
        assert_eq!(of("http://proxy/a"), "http://proxy/a");
        assert_eq!(of("a@b"), "a@b");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            for entry in &super::super::TABLE {
                let _ = entry.kind.word(&text);
            }
            without_secret(&text);
        }
    }
}
