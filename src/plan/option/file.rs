//! `setup.toml`: the options of an installation as a file, read and written by
//! the same table as the command line.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::chosen::{Options, Source};
use super::table::{Entry, Key, TABLE};
use super::value::{AUTO, Kind};

/// The version of the format that this program writes, and the newest it reads.
const VERSION: u32 = 1;

/// The key that says it.
const VERSION_KEY: &str = "version";

/// What is wrong with a line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// In words.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Reads the text of a `setup.toml`.
///
/// # Errors
/// Every line that says nothing this program understands.
pub fn parse(path: &str, text: &str) -> Result<Options, Vec<Mistake>> {
    let reader = Reader { path, text };
    let table = DeTable::parse(text).map_err(|e| {
        let what = format!("is not TOML: {}", e.message().replace('\n', ", "));
        vec![reader.mistake(e.span().unwrap_or_default(), what)]
    })?;
    let table = table.get_ref();
    reader.version(table).map_err(|mistake| vec![mistake])?;
    let (mut options, mut mistakes) = (Options::default(), Vec::new());
    let others = table
        .iter()
        .filter(|(name, _)| name.get_ref() != VERSION_KEY);
    for (name, value) in others {
        if let Err(mistake) = reader.option(name, value, &mut options) {
            mistakes.push(mistake);
        }
    }
    mistakes.sort_by_key(|mistake| mistake.line);
    match mistakes.is_empty() {
        true => Ok(options),
        false => Err(mistakes),
    }
}

struct Reader<'a> {
    path: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        1 + before.iter().filter(|b| **b == b'\n').count()
    }

    fn mistake(&self, span: Range<usize>, what: String) -> Mistake {
        Mistake {
            path: self.path.to_owned(),
            line: self.line(&span),
            what,
        }
    }

    /// A newer format may mean something else by the same words.
    fn version(&self, table: &DeTable<'_>) -> Result<(), Mistake> {
        let Some(value) = table.get(VERSION_KEY) else {
            return Ok(());
        };
        let number = value.get_ref().as_integer();
        let number = number.and_then(|n| u32::from_str_radix(n.as_str(), n.radix()).ok());
        let what = match number {
            Some(1..=VERSION) => return Ok(()),
            Some(newer) if newer > VERSION => format!(
                "version {newer} was written for a newer rootless-setup; this one reads version {VERSION}"
            ),
            _ => format!("version is not a number; it takes {VERSION}"),
        };
        Err(self.mistake(value.span(), what))
    }

    fn option(
        &self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        options: &mut Options,
    ) -> Result<(), Mistake> {
        let typed: &str = name.get_ref();
        let unknown = || self.mistake(name.span(), unknown(typed));
        let key = Key::named(typed).ok_or_else(unknown)?;
        let choice = key.entry().kind.toml(value.get_ref());
        let choice = choice.map_err(|why| self.mistake(value.span(), format!("{typed} {why}")))?;
        let source = Source::File {
            path: self.path.to_owned(),
            line: self.line(&name.span()),
        };
        options.set(key, choice, source);
        Ok(())
    }
}

/// Names an unknown key, and the nearest that there is.
fn unknown(typed: &str) -> String {
    let shown: String = typed.chars().take(60).collect();
    let wanted = shown.replace('_', "-").to_ascii_lowercase();
    let near = |entry: &&Entry| strsim::jaro_winkler(entry.name, &wanted);
    let nearest = TABLE.iter().max_by(|a, b| near(a).total_cmp(&near(b)));
    match nearest.filter(|entry| near(entry) > 0.75) {
        Some(entry) => format!("there is no option {shown:?}; did you mean {}?", entry.name),
        None => {
            format!("there is no option {shown:?}; rootless-setup generate config shows them all")
        }
    }
}

const HEAD: &str = "\
# setup.toml: an installation of rootless Docker.
#
#   rootless-setup install --config setup.toml
#
# Take away the # before what you want to set. What is not set stays as it is
# installed, and \"auto\" gives a choice back to Docker. An option on the command
# line wins over this file.

version = 1
";

/// A `setup.toml` in which everything is explained, and nothing is set.
pub fn commented() -> String {
    let mut text = HEAD.to_owned();
    let mut group = "";
    for entry in &TABLE {
        if entry.group != group {
            group = entry.group;
            text.push_str(&format!("\n## {group}\n"));
        }
        text.push_str(&explained(entry));
    }
    text
}

fn explained(entry: &Entry) -> String {
    let mut text = format!("\n{}", remark(&format!("{}.", entry.what), ""));
    if !entry.cost.is_empty() {
        text.push_str(&remark(entry.cost, "Note: "));
    }
    text.push_str(&remark(entry.default, "By default: "));
    let values = match entry.kind {
        Kind::Flag => "true, false".to_owned(),
        Kind::Word(words) => words().join(", "),
        Kind::List(form) => format!("a list, each {}", form.expected),
        Kind::Pairs => "names with a text each".to_owned(),
        kind => kind.expected(),
    };
    text.push_str(&remark(&format!("{values}; or \"{AUTO}\""), "Takes: "));
    text.push_str(&format!("#{} = {}\n", entry.name, entry.example));
    text
}

/// Lines of a comment, at most 80 columns wide.
fn remark(text: &str, title: &str) -> String {
    let mut lines = String::new();
    let mut line = format!("# {title}");
    let indent = line.len();
    for word in text.split(' ') {
        if line.len() + word.len() > 80 && line.len() > indent {
            lines.push_str(line.trim_end());
            lines.push('\n');
            line = format!("# {:1$}", "", title.len());
        }
        line.push_str(word);
        line.push(' ');
    }
    format!("{lines}{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::option::{Choice, Value};

    fn mistakes(text: &str) -> Vec<String> {
        let mistakes = parse("s", text).expect_err(text);
        mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn options_with_their_lines() {
        let text = "version = 1\n\n# note\nnet = \"pasta\" # why\r\nmtu = 1_400\nlinger = true\n\"port-driver\" = 'auto'\n";
        let options = parse("dir/s.toml", text).expect("options");
        let of = |key| {
            let named = options.get(key).expect("named");
            (named.choice.clone(), named.source.to_string())
        };
        let set = |value| Choice::Set(value);
        assert_eq!(
            of(Key::Net),
            (set(Value::Text("pasta".into())), "dir/s.toml:4".into())
        );
        assert_eq!(
            of(Key::Mtu),
            (set(Value::Number(1400)), "dir/s.toml:5".into())
        );
        assert_eq!(
            of(Key::Linger),
            (set(Value::Flag(true)), "dir/s.toml:6".into())
        );
        assert_eq!(of(Key::PortDriver), (Choice::Auto, "dir/s.toml:7".into()));
        assert_eq!(parse("s", ""), Ok(Options::default()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        assert_eq!(
            mistakes(
                "mtuu = 1\nnet = 5\nmtu = \"big\"\nskip-iptables = \"yes\"\nport_driver = 'x'\n"
            ),
            [
                "s:1: there is no option \"mtuu\"; did you mean mtu?",
                "s:2: net is 5; it takes \"slirp4netns\", \"pasta\", \"vpnkit\", \"gvisor-tap-vsock\", \
                 \"lxc-user-nic\", or \"auto\"",
                "s:3: mtu is \"big\"; it takes 68 to 65521, or \"auto\"",
                "s:4: skip-iptables is \"yes\"; it takes true, false, or \"auto\"",
                "s:5: there is no option \"port_driver\"; did you mean port-driver?",
            ]
        );
        assert!(mistakes("[net]\na = 1\n")[0].starts_with("s:1: net is a table"));
        assert!(mistakes("\n\nmtu = -1\n")[0].starts_with("s:3: mtu is -1"));
        assert!(mistakes("x = 1")[0].contains("generate config"));
        let broken = mistakes("net = \"pasta\"\nmtu 5\n");
        assert!(broken[0].starts_with("s:2: is not TOML"), "{broken:?}");
        assert!(mistakes("mtu = 1400\nmtu = 1500\n")[0].starts_with("s:2: is not TOML"));
    }

    #[test]
    fn a_newer_file_is_told_before_its_keys_are_judged() {
        let newer = mistakes("from-the-future = 1\nversion = 2\n");
        assert_eq!(newer.len(), 1);
        assert!(
            newer[0].starts_with("s:2: version 2 was written for a newer"),
            "{newer:?}"
        );
        assert!(mistakes("version = 'x'")[0].contains("not a number"));
        assert!(mistakes("version = 0")[0].contains("not a number"));
    }

    #[test]
    fn what_is_generated_can_be_read_and_every_line_of_it_used() {
        let text = commented();
        assert_eq!(parse("s", &text), Ok(Options::default()));
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        for entry in &TABLE {
            let line = format!("#{} = ", entry.name);
            let set = text.replacen(&line, &line[1..], 1);
            let options = parse("s", &set).expect(entry.name);
            assert!(options.get(entry.key).is_some(), "{}", entry.name);
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[a-z\"'=\\[\\]{}#,.0-9\\-_\n\u{feff}é ]*|.*") {
            let _ = parse("s", &text);
        }
    }
}
