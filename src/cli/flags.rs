//! The options of `install`, from the table that `setup.toml` is read by.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::plan::option::{Choice, Entry, Key, Kind, Options, TABLE};

/// What was said of options on the command line.
#[derive(Clone, Debug, Default)]
pub struct Flags(pub Options);

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        TABLE
            .iter()
            .fold(command, |command, entry| command.arg(arg(entry)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Flags::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for entry in &TABLE {
            let said = matches.get_many::<Choice>(entry.name);
            if matches.value_source(entry.name) != Some(ValueSource::CommandLine) {
                continue;
            }
            for choice in said.into_iter().flatten() {
                self.add(entry.key, choice.clone());
            }
        }
        Ok(())
    }
}

impl Flags {
    /// What is said several times adds up.
    fn add(&mut self, key: Key, choice: Choice) {
        let before = self.0.get(key).map(|named| named.choice.clone());
        let both = match (before, choice) {
            (Some(Choice::Set(mut value)), Choice::Set(more)) => {
                value.add(more);
                Choice::Set(value)
            }
            (_, choice) => choice,
        };
        self.0 = std::mem::take(&mut self.0).flag(key, both);
    }
}

fn arg(entry: &'static Entry) -> Arg {
    let arg = Arg::new(entry.name)
        .long(entry.name)
        .value_name(entry.placeholder)
        .value_parser(|word: &str| entry.kind.word(word))
        .action(match entry.kind.is_many() {
            true => ArgAction::Append,
            false => ArgAction::Set,
        })
        .help_heading(entry.group)
        .help(entry.what)
        .long_help(long_help(entry));
    let arg = match entry.kind {
        Kind::Flag => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("yes"),
        _ => arg,
    };
    match entry.key {
        Key::Force => arg.short('f'),
        Key::RootlesskitFlags => arg.allow_hyphen_values(true),
        Key::Linger => arg.conflicts_with("no_linger"),
        _ => arg,
    }
}

/// What it is, what it takes, what it costs, what holds without it.
fn long_help(entry: &Entry) -> String {
    let mut text = entry.what.to_owned();
    if matches!(entry.kind, Kind::Word(_) | Kind::Number(..)) {
        text.push_str(&format!(" ({}, or auto)", entry.kind.expected()));
    }
    if !entry.cost.is_empty() {
        text.push_str(&format!(".\nNote: {}", entry.cost));
    }
    text.push_str(&format!(".\nBy default: {}", entry.default));
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::plan::option::Value;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        flags: Flags,
        #[arg(long)]
        no_linger: bool,
    }

    fn said(line: &str) -> Result<Options, String> {
        let words = format!("x {line}");
        let cli = Cli::try_parse_from(words.split_whitespace());
        cli.map(|cli| cli.flags.0).map_err(|e| e.to_string())
    }

    #[test]
    fn options_of_the_table() {
        let options =
            said("--net pasta --mtu=auto --skip-iptables -f --linger=no").expect("options");
        let of = |key| options.get(key).map(|named| named.choice.clone());
        assert_eq!(of(Key::Net), Some(Choice::Set(Value::Text("pasta".into()))));
        assert_eq!(of(Key::Mtu), Some(Choice::Auto));
        assert_eq!(options.flagged(Key::SkipIptables), Some(true));
        assert_eq!(options.flagged(Key::Force), Some(true));
        assert_eq!(options.flagged(Key::Linger), Some(false));
        assert_eq!(options.iter().count(), 5);
        assert!(!Cli::try_parse_from(["x"]).expect("nothing").no_linger);
    }

    #[test]
    fn what_is_said_several_times_adds_up() {
        let options = said("--rootlesskit-flags --ipv6 --rootlesskit-flags=--cidr=10.9.0.0/24");
        let flags = ["--ipv6", "--cidr=10.9.0.0/24"].map(str::to_owned);
        let named = options
            .expect("options")
            .get(Key::RootlesskitFlags)
            .cloned();
        assert_eq!(
            named.map(|n| n.choice),
            Some(Choice::Set(Value::List(flags.to_vec())))
        );
    }

    #[test]
    fn what_an_option_does_not_take() {
        assert!(
            said("--mtu 5")
                .expect_err("5")
                .contains("68 to 65521, auto")
        );
        assert!(
            said("--skip-iptables=maybe")
                .expect_err("maybe")
                .contains("yes, no, auto")
        );
        assert!(
            said("--linger --no-linger")
                .expect_err("both")
                .contains("--no-linger")
        );
        assert!(said("--net").is_err() && said("--nett pasta").is_err());
    }
}
