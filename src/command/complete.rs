//! What completes a command line that is being typed: the shells' scripts ask
//! for it (`generate completions`). It is decided here, for all shells alike.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::{Arg, Command, CommandFactory};

use super::catalogue;
use crate::cli::Cli;
use crate::known::catalogue::KnownIssues;
use crate::plan::option::{Key, value::AUTO};
use crate::ui;

/// The hidden mode: a shell's name, and the words up to the cursor.
pub const MODE: &str = "__complete";

/// Says that file names fit as well.
const FILES: &str = ":files";

/// Prints what fits, a line each: the word, a tab, what it is.
pub fn run(args: impl Iterator<Item = OsString>) {
    let mut args = args.map(|word| word.to_string_lossy().into_owned());
    let shell = args.next().unwrap_or_default();
    let words: Vec<String> = args.collect();
    let lines = offer(&shell, &words);
    // Nobody is there to tell if this fails.
    let _ = ui::print(&lines.concat());
}

/// A word, and what it is.
type Word = (String, String);

fn offer(shell: &str, words: &[String]) -> Vec<String> {
    let (words, cut) = match shell {
        "bash" => joined(words),
        _ => (words.to_vec(), 0),
    };
    let (current, before) = match words.split_last() {
        Some((current, before)) => (current.as_str(), before),
        None => ("", &[][..]),
    };
    let mut root = Cli::command();
    root.build();
    let offer = Place::after(&root, before).offer(current);
    let fits = |(word, _): &&Word| word.starts_with(current);
    let line = |(word, what): &Word| format!("{}\t{}\n", &word[cut..], first_line(what));
    let files = offer.files.then(|| format!("{FILES}\n"));
    let lines = offer.words.iter().filter(fits).map(line);
    lines.chain(files).collect()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// bash takes `--net=pasta` for three words, and replaces the last of them:
/// the words as they were typed, and how many bytes of the last one stay.
fn joined(words: &[String]) -> (Vec<String>, usize) {
    let mut whole: Vec<String> = Vec::new();
    let mut cut = 0;
    let mut open = false;
    for word in words {
        let last = whole.last_mut().filter(|last| last.starts_with("--"));
        match (word.as_str(), last) {
            ("=", Some(option)) => {
                option.push('=');
                cut = option.len();
                open = true;
            }
            (word, Some(option)) if open => {
                option.push_str(word);
                open = false;
            }
            (word, _) => {
                whole.push(word.to_owned());
                cut = 0;
                open = false;
            }
        }
    }
    (whole, cut)
}

#[derive(Default)]
struct Offer {
    words: Vec<Word>,
    files: bool,
}

/// Where in the command line the cursor is.
struct Place<'a> {
    command: &'a Command,
    /// The option whose value is next.
    option: Option<&'a Arg>,
    /// Values that stand there already.
    positionals: usize,
    /// After `--`.
    only_values: bool,
}

impl<'a> Place<'a> {
    fn after(root: &'a Command, before: &[String]) -> Self {
        let mut place = Place {
            command: root,
            option: None,
            positionals: 0,
            only_values: false,
        };
        for word in before {
            place.pass(word);
        }
        place
    }

    fn pass(&mut self, word: &str) {
        if self.option.take().is_some() {
            return;
        }
        if !self.only_values && word == "--" {
            self.only_values = true;
        } else if !self.only_values && word.starts_with('-') && word != "-" {
            let named = (!word.contains('=')).then(|| named(self.command, word));
            self.option = named.flatten().filter(|arg| takes_next(arg));
        } else if let Some(sub) = self.command.find_subcommand(word)
            && self.positionals == 0
            && !self.only_values
        {
            self.command = sub;
        } else {
            self.positionals += 1;
        }
    }

    fn offer(&self, current: &str) -> Offer {
        if let Some(arg) = self.option {
            return values(self.command, arg, "", current);
        }
        if self.only_values {
            return self.positional(current);
        }
        if let Some((name, typed)) = current.split_once('=')
            && let Some(arg) = named(self.command, name)
        {
            return values(self.command, arg, &format!("{name}="), typed);
        }
        if current.starts_with('-') {
            return Offer {
                words: options(self.command),
                files: false,
            };
        }
        let mut offer = self.positional(current);
        if self.positionals == 0 {
            offer.words.extend(subcommands(self.command));
        }
        offer
    }

    fn positional(&self, current: &str) -> Offer {
        let mut all = self.command.get_positionals();
        let last = self.command.get_positionals().last();
        let many = last.filter(|arg| arg.get_num_args().is_some_and(|n| n.max_values() > 1));
        match all.nth(self.positionals).or(many) {
            Some(arg) if !arg.is_last_set() || self.only_values => {
                values(self.command, arg, "", current)
            }
            _ => Offer::default(),
        }
    }
}

/// The option of this name, as `--name` or `-n`.
fn named<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let mut all = command.get_arguments();
    match word.strip_prefix("--") {
        Some(long) => all.find(|arg| arg.get_long() == Some(long)),
        None => {
            let short = word.chars().last()?;
            all.find(|arg| arg.get_short() == Some(short))
        }
    }
}

fn takes_next(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_require_equals_set()
}

fn options(command: &Command) -> Vec<Word> {
    let shown = command.get_opts().chain(
        command
            .get_arguments()
            .filter(|arg| !arg.get_action().takes_values() && !arg.is_positional()),
    );
    let shown = shown.filter(|arg| !arg.is_hide_set());
    let word = |arg: &Arg| Some((format!("--{}", arg.get_long()?), help(arg)));
    let mut words: Vec<Word> = shown.filter_map(word).collect();
    words.sort();
    words.dedup();
    words
}

fn help(arg: &Arg) -> String {
    arg.get_help().map(ToString::to_string).unwrap_or_default()
}

fn subcommands(command: &Command) -> impl Iterator<Item = Word> {
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    shown.map(|sub| {
        let about = sub.get_about().map(ToString::to_string);
        (sub.get_name().to_owned(), about.unwrap_or_default())
    })
}

/// What an argument takes, with `before` in front of each.
fn values(command: &Command, arg: &Arg, before: &str, typed: &str) -> Offer {
    let own = arg.get_possible_values();
    let mut words: Vec<Word> = own
        .iter()
        .map(|value| {
            let help = value.get_help().map(ToString::to_string);
            (value.get_name().to_owned(), help.unwrap_or_default())
        })
        .collect();
    words.extend(table(arg));
    words.extend(ids(command, arg));
    // Of a list with commas, what stands there already stays.
    let kept = match (arg.get_value_delimiter(), typed.rfind(',')) {
        (Some(','), Some(at)) => &typed[..=at],
        _ => "",
    };
    for (word, _) in &mut words {
        *word = format!("{before}{kept}{word}");
    }
    Offer {
        words,
        files: is_path(arg),
    }
}

/// The words of an option of the table.
fn table(arg: &Arg) -> Vec<Word> {
    let Some(key) = Key::named(arg.get_id().as_str()) else {
        return Vec::new();
    };
    let words = key.entry().kind.words();
    let with_auto = words.into_iter().chain([AUTO]);
    with_auto
        .map(|word| (word.to_owned(), String::new()))
        .collect()
}

/// Ids of checks, and for `explain` those of known issues.
fn ids(command: &Command, arg: &Arg) -> Vec<Word> {
    let (checks, issues) = match (command.get_name(), arg.get_id().as_str()) {
        ("fix", "ids") | ("prepare", "only") => (true, false),
        ("explain", "what") => (true, true),
        _ => (false, false),
    };
    let catalogue = catalogue().ok().filter(|_| checks);
    let known = KnownIssues::built_in().ok().filter(|_| issues);
    let checks = catalogue.into_iter().flat_map(|all| all.iter());
    let checks = checks.map(|check| (check.id.clone(), check.title.clone()));
    let issues = known.into_iter().flat_map(|all| all.iter());
    let issues = issues.map(|issue| (issue.id.clone(), issue.title.clone()));
    checks.chain(issues).collect()
}

/// It takes the name of a file or of a directory.
fn is_path(arg: &Arg) -> bool {
    let path = ValueParser::path_buf().type_id();
    let names = arg.get_value_names().unwrap_or_default();
    arg.get_value_parser().type_id() == path
        || names.iter().any(|name| name == "DIR" || name == "COMMAND")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(shell: &str, line: &str) -> Vec<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let bare = |line: String| line.trim_end().split('\t').next().map(str::to_owned);
        offer(shell, &words).into_iter().filter_map(bare).collect()
    }

    fn has(line: &str, word: &str) -> bool {
        words("zsh", line).iter().any(|w| w == word)
    }

    #[test]
    fn what_fits_where_the_cursor_is() {
        assert_eq!(words("zsh", "doc"), ["doctor"]);
        assert!(has("", "install") && has("", "generate"));
        assert!(has("generate ", "completions") && !has("generate ", "install"));
        assert_eq!(words("zsh", "generate completions z"), ["zsh"]);
        assert_eq!(words("zsh", "install --net pa"), ["pasta"]);
        assert_eq!(words("zsh", "install --net=pa"), ["--net=pasta"]);
        assert_eq!(
            words("zsh", "install --detach-netns=n"),
            ["--detach-netns=no"]
        );
        assert!(has("install --detach-netns ", "--x") == has("install ", "--x"));
        assert_eq!(words("zsh", "doctor --format js"), ["json"]);
        assert_eq!(words("zsh", "fix subid.subuid-r"), ["subid.subuid-range"]);
        assert_eq!(
            words("zsh", "fix userns.probe subid.subuid-r"),
            ["subid.subuid-range"]
        );
        assert_eq!(
            words("zsh", "prepare --user a --only userns.probe,subid.subuid-r"),
            ["userns.probe,subid.subuid-range"]
        );
        assert!(has("explain ", FILES) && has("explain subuid-m", "subuid-missing"));
        assert!(has("install --config ", FILES) && has("install --data-root ", FILES));
        assert!(!has("fix ", FILES) && !has("install ", FILES));
        assert!(has("install --", "--userland-proxy") && has("doctor --co", "--color"));
        assert!(has("nsenter -- ", FILES) && !has("nsenter ", FILES));
        assert_eq!(words("zsh", "status somewhere "), [""; 0]);
    }

    #[test]
    fn bash_splits_at_the_equals_sign() {
        assert_eq!(words("bash", "install --net = pa"), ["pasta"]);
        assert!(words("bash", "install --net =").contains(&"gvisor-tap-vsock".to_owned()));
        assert_eq!(
            words("bash", "install --net = pasta --port-driver im"),
            ["implicit"]
        );
        assert_eq!(words("bash", "install --net=pa"), ["--net=pasta"]);
        assert_eq!(words("bash", "="), [""; 0]);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(words in proptest::collection::vec(".*", 0..6), bash: bool) {
            offer(if bash { "bash" } else { "zsh" }, &words);
        }

        #[test]
        fn never_panics_on_what_is_nearly_right(
            words in proptest::collection::vec("(install|fix|--net|=|--only|a,|--|-f|é|pa)", 0..6),
            bash: bool,
        ) {
            offer(if bash { "bash" } else { "zsh" }, &words);
        }
    }
}
