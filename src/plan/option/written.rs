//! Options as the text of a `setup.toml`: answers that are to be kept.

use toml::Value as Toml;

use super::chosen::Options;
use super::value::{AUTO, Choice};

const HEAD: &str = "\
# setup.toml: an installation of rootless Docker.
#
#   rootless-setup install --config setup.toml
#
# What else there is to set: rootless-setup generate config

version = 1
";

/// A `setup.toml` that says what these options say.
pub fn written(options: &Options) -> String {
    let mut text = HEAD.to_owned();
    for (key, named) in options.iter() {
        let entry = key.entry();
        let value = match &named.choice {
            Choice::Auto => string(AUTO),
            Choice::Set(value) => value.spelt(&string, " = ", ["{ ", " }"]),
        };
        text.push_str(&format!("\n# {}.\n{} = {value}\n", entry.what, entry.name));
    }
    text
}

fn string(text: &str) -> String {
    Toml::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::option::{Key, Value, file};

    fn read_back(options: &Options) {
        let text = written(options);
        let read = file::parse("/s", &text).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
        let choices = |options: &Options| -> Vec<(Key, Choice)> {
            options
                .iter()
                .map(|(key, named)| (key, named.choice.clone()))
                .collect()
        };
        assert_eq!(choices(&read), choices(options), "{text}");
    }

    fn set(value: Value) -> Choice {
        Choice::Set(value)
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let pairs = [("max-size".to_owned(), "1\"0\\m".to_owned())].into();
        let options = Options::default()
            .flag(Key::Net, set(Value::Text("pasta".into())))
            .flag(Key::Mtu, Choice::Auto)
            .flag(Key::SkipIptables, set(Value::Flag(false)))
            .flag(Key::Timeout, set(Value::Number(9)))
            .flag(
                Key::Dns,
                set(Value::List(vec!["::1".into(), "192.0.2.1".into()])),
            )
            .flag(Key::LogOpts, set(Value::Pairs(pairs)));
        read_back(&options);
        read_back(&Options::default());
    }

    proptest::proptest! {
        #[test]
        fn any_text_reads_back_the_same(text in "[^\\pC]{1,40}") {
            let kind = Key::NoProxy.entry().kind;
            let fits = kind.word(&text).is_ok() && text != AUTO;
            proptest::prop_assume!(fits);
            read_back(&Options::default().flag(Key::NoProxy, set(Value::Text(text))));
        }
    }
}
