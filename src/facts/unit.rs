//! systemd unit files: enough of systemd.syntax(7) to know what the user's
//! `docker.service` will run, and with which environment.

mod collect;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use collect::collect;

/// The kernel hands no longer string to a program, so an expansion that is
/// longer is of no use to any.
const LONGEST: usize = 128 << 10;

/// One setting of a unit file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Section without brackets.
    pub section: String,
    /// Name before the equals sign.
    pub name: String,
    /// Value after it, continuation lines joined by a space.
    pub value: String,
    /// Line number, from 1.
    pub line: usize,
}

/// A unit file or drop-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitFile {
    /// Where it was read.
    pub path: PathBuf,
    /// Its settings in order.
    pub settings: Vec<Setting>,
    /// Lines systemd would complain about: number and text.
    pub malformed: Vec<(usize, String)>,
}

/// Parses a unit file; lines that are no setting are kept as malformed.
pub fn parse(path: &Path, text: &str) -> UnitFile {
    let mut unit = UnitFile {
        path: path.into(),
        ..UnitFile::default()
    };
    let mut section = String::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let number = index + 1;
        let mut line = line.trim_start().to_owned();
        if line.trim().is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        while line.ends_with('\\') {
            line.pop();
            line.push(' ');
            // A comment may stand between continuation lines.
            let next = lines
                .by_ref()
                .map(|(_, l)| l)
                .find(|l| !l.trim_start().starts_with(['#', ';']));
            line.push_str(next.unwrap_or_default());
        }
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((name, value)) = line.split_once('=').filter(|_| !section.is_empty()) {
            unit.settings.push(Setting {
                section: section.clone(),
                name: name.trim().to_owned(),
                value: value.trim().to_owned(),
                line: number,
            });
        } else {
            unit.malformed.push((number, line.to_owned()));
        }
    }
    unit
}

/// What separates words for systemd; no other white space does.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// Splits a value into words as systemd does: quotes and C escapes are undone,
/// an escape it does not know stays as it is; specifiers are not expanded.
///
/// # Errors
/// An unbalanced quote.
pub fn words(value: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match (c, quote) {
            ('\\', Some(_)) if rest.is_empty() => break,
            ('\\', _) => rest = unescaped(rest, word.get_or_insert_default()),
            (c, Some(q)) if c == q => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if BLANKS.contains(&c) => words.extend(word.take()),
            (c, _) => push(word.get_or_insert_default(), c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    words.extend(word);
    let text = |word: Vec<u8>| String::from_utf8_lossy(&word).into_owned();
    Ok(words.into_iter().map(text).collect())
}

fn push(word: &mut Vec<u8>, c: char) {
    word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Undoes the escape that follows a backslash; returns what comes after it.
fn unescaped<'a>(rest: &'a str, word: &mut Vec<u8>) -> &'a str {
    let Some(c) = rest.chars().next() else {
        word.push(b'\\');
        return rest;
    };
    let after = &rest[c.len_utf8()..];
    let simple = match c {
        'a' => 7,
        'b' => 8,
        't' => b'\t',
        'n' => b'\n',
        'v' => 11,
        'f' => 12,
        'r' => b'\r',
        's' => b' ',
        '\\' | '"' | '\'' => c as u8,
        _ => {
            return numbered(c, rest, word).unwrap_or_else(|| {
                word.push(b'\\');
                push(word, c);
                after
            });
        }
    };
    word.push(simple);
    after
}

/// `\xHH` and `\OOO` are bytes, `\uHHHH` and `\UHHHHHHHH` characters; none is NUL.
fn numbered<'a>(c: char, rest: &'a str, word: &mut Vec<u8>) -> Option<&'a str> {
    let (digits, radix) = match c {
        'x' => (1..3, 16),
        'u' => (1..5, 16),
        'U' => (1..9, 16),
        '0'..='7' => (0..3, 8),
        _ => return None,
    };
    let after = rest.get(digits.end..)?;
    let digits = rest.get(digits)?;
    // from_str_radix takes a sign.
    let digits = Some(digits).filter(|d| d.chars().all(|c| c.is_digit(radix)))?;
    let number = u32::from_str_radix(digits, radix).ok().filter(|n| *n > 0)?;
    match c {
        'u' | 'U' => push(word, char::from_u32(number)?),
        _ => word.push(u8::try_from(number).ok()?),
    }
    Some(after)
}

fn percents(word: &str) -> String {
    // Any other specifier stays.
    expanded(word, Path::new("%h"))
}

/// Expands the specifiers `%h` and `%%` of a word; others stay as they are.
pub fn expanded(word: &str, home: &Path) -> String {
    specified(word, &[('h', home)])
}

/// Expands `%%` and these specifiers of a word; others stay as they are.
fn specified(word: &str, known: &[(char, &Path)]) -> String {
    let mut parts = word.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    while let Some(part) = parts.next() {
        let value = |(name, value)| Some((value, part.strip_prefix(name)?));
        let found = known.iter().copied().find_map(value);
        match found.filter(|_| text.len() <= LONGEST) {
            // Two in a row, or one at the end.
            None if part.is_empty() => {
                text.push('%');
                text.push_str(parts.next().unwrap_or_default());
            }
            None => {
                text.push('%');
                text.push_str(part);
            }
            Some((value, after)) => {
                text.push_str(&value.to_string_lossy());
                text.push_str(after);
            }
        }
    }
    text
}

/// The user's `docker.service` as it lies on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DockerUnit {
    /// The unit file, if one is installed.
    pub file: Option<UnitFile>,
    /// Drop-ins that apply, in the order systemd applies them.
    pub drop_ins: Vec<UnitFile>,
    /// Files that are there and could not be read, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
}

impl DockerUnit {
    /// All settings of `section` named `name`, unit first, drop-ins after it;
    /// an empty one resets what came before.
    pub fn values(&self, section: &str, name: &str) -> Vec<&Setting> {
        let files = self.file.iter().chain(&self.drop_ins);
        let mut values = Vec::new();
        for setting in files.flat_map(|file| &file.settings) {
            if setting.section != section || setting.name != name {
                continue;
            }
            match setting.value.as_str() {
                "" => values.clear(),
                _ => values.push(setting),
            }
        }
        values
    }

    /// Variables that `Environment=` sets; a word that is no assignment is passed over,
    /// as systemd does.
    pub fn environment(&self, home: &Path) -> BTreeMap<String, String> {
        let settings = self.values("Service", "Environment");
        let words = settings
            .iter()
            .flat_map(|s| words(&s.value).unwrap_or_default());
        let assigned = |word: String| {
            let word = expanded(&word, home);
            word.split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        words.filter_map(assigned).collect()
    }

    /// The command the unit runs, if it is installed: `%%` and `$$` undone,
    /// other specifiers and variables as they stand.
    pub fn exec_start(&self) -> Option<Vec<String>> {
        let last = self.values("Service", "ExecStart").pop()?;
        let mut words = words(&last.value).ok()?.into_iter();
        let program = words.next()?;
        let program = program.trim_start_matches(['@', '-', ':', '+', '!', '|']);
        // In the program `$` is a character like any other.
        let arguments = words.map(|word| percents(&word).replace("$$", "$"));
        Some([percents(program)].into_iter().chain(arguments).collect())
    }

    /// The arguments of that command with `%h`, `%t` and `%%` expanded, and
    /// variables as they stand; none where no unit is installed.
    pub fn arguments(&self, home: &Path, runtime_dir: &Path) -> Vec<String> {
        let last = self.values("Service", "ExecStart").pop();
        let words = last.and_then(|last| words(&last.value).ok());
        let known = [('h', home), ('t', runtime_dir)];
        let arguments = words.unwrap_or_default().into_iter().skip(1);
        arguments.map(|word| specified(&word, &known)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = "[Unit]\n# note\n[Service]\nEnvironment=PATH=/usr/bin:/sbin \"A=b c\"\n\
        ExecStart=/usr/bin/dockerd-rootless.sh \\\n  --iptables=false\nrubbish\n";

    #[test]
    fn settings_continuation_and_rubbish() {
        let file = parse(Path::new("/u"), UNIT);
        let unit = DockerUnit {
            file: Some(file),
            ..DockerUnit::default()
        };
        assert_eq!(
            unit.exec_start().expect("command"),
            ["/usr/bin/dockerd-rootless.sh", "--iptables=false"]
        );
        assert_eq!(unit.environment(Path::new("/h"))["A"], "b c");
        assert_eq!(
            unit.file.expect("file").malformed,
            [(7, "rubbish".to_owned())]
        );
    }

    #[test]
    fn words_as_systemd_splits_them() {
        let of = |value: &str| words(value).expect("words");
        assert_eq!(of(r#"a"b c"'d e' "" f"#), ["ab cd e", "", "f"]);
        assert_eq!(
            of(r"\x41\102\u00e9\U0001F433\n\s\\ x"),
            ["AB\u{e9}\u{1f433}\n \\", "x"]
        );
        // What is no escape stays, as does a NUL.
        assert_eq!(
            of(r"\q\x4 \x00 \u+123 \400 \"),
            [r"\q\x4", r"\x00", r"\u+123", r"\400", r"\"]
        );
        // Only ASCII blanks part words.
        assert_eq!(of("a\u{a0}b\tc"), ["a\u{a0}b", "c"]);
        assert!(words("\"a").is_err() && words("'a\\").is_err());
    }

    #[test]
    fn specifiers_are_expanded_once() {
        let of = |word| expanded(word, Path::new("/home/%h"));
        assert_eq!(of("%h/bin:%%h:%%%h:100%"), "/home/%h/bin:%h:%/home/%h:100%");
        assert_eq!(of("%t/x%%"), "%t/x%");
    }

    #[test]
    fn an_empty_value_resets() {
        let file = parse(Path::new("/u"), UNIT);
        let reset = parse(
            Path::new("/d"),
            "[Service]\nExecStart=\nExecStart=/x y\nEnvironment=P=%h/bin\n",
        );
        let unit = DockerUnit {
            file: Some(file),
            drop_ins: vec![reset],
            ..DockerUnit::default()
        };
        assert_eq!(unit.exec_start().expect("command"), ["/x", "y"]);
        assert_eq!(unit.environment(Path::new("/h"))["P"], "/h/bin");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            parse(Path::new("/u"), &text);
            let _ = words(&text);
            expanded(&text, Path::new("/h"));
        }
    }
}
