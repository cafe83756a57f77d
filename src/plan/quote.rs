//! One word of a unit file, quoted so that systemd reads back what was meant.
//!
//! By systemd.syntax(7), systemd.service(5) and the source of systemd 247 to
//! 262: a value is first split into words (quotes and C escapes are undone),
//! then `%` specifiers are expanded, and `$` in arguments of `ExecStart=` last,
//! when the program starts. So a word is built the other way round. Real user
//! managers of systemd 247, 252, 257 and 262 gave 150 hostile values back to a
//! program byte for byte, as variable, as argument and from such a path.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The longest string the kernel hands to a program (`MAX_ARG_STRLEN`, 32
/// pages of 4 KiB, with the closing NUL).
const LONGEST: usize = 128 * 1024 - 1;

/// What a unit file cannot say.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Unquotable {
    /// A NUL ends a string for the kernel.
    #[error("a NUL byte cannot stand in a unit file")]
    Nul,
    /// systemd drops a line with a code point that Unicode keeps for no character,
    /// as if it were not UTF-8.
    #[error("the code point {0:?}, which is no character, cannot stand in a unit file")]
    Noncharacter(char),
    /// systemd ignores an assignment with a control character other than tab and newline.
    #[error("the value of {name} holds the control character {code:?}, which systemd refuses")]
    Control {
        /// The variable.
        name: String,
        /// The character.
        code: char,
    },
    /// No name of an environment variable.
    #[error("{0:?} is no name for an environment variable")]
    Name(String),
    /// A program must be named by an absolute path.
    #[error("{} is not an absolute path", .0.display())]
    Relative(PathBuf),
    /// systemd drops a line that is not UTF-8.
    #[error("{} is not UTF-8, which a unit file must be", .0.display())]
    NotUtf8(PathBuf),
    /// systemd refuses quotes, backslashes and control characters in the path
    /// of a program, however they are written ("special characters in executable path").
    #[error("systemd runs no program whose path holds {code:?}: {}", .path.display())]
    Program {
        /// The program.
        path: PathBuf,
        /// The first such character.
        code: char,
    },
    /// Ends in a slash.
    #[error("{} is a directory, not a program", .0.display())]
    Directory(PathBuf),
    /// Longer than the kernel takes.
    #[error("{0} bytes are more than one word may have")]
    Long(usize),
}

/// `"NAME=value"`, one word of `Environment=`; `$` means nothing there.
///
/// # Errors
/// A name that is none, a NUL, a control character other than tab and
/// newline (systemd ignores the whole assignment then), too long a value.
pub fn assignment(name: &str, value: &str) -> Result<String, Unquotable> {
    let mut chars = name.chars();
    let first = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !first || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Unquotable::Name(name.to_owned()));
    }
    bounded(name.len() + 1 + value.len(), value)?;
    if let Some(code) = value
        .chars()
        .find(|c| c.is_ascii_control() && !matches!(c, '\t' | '\n'))
    {
        let name = name.to_owned();
        return Err(Unquotable::Control { name, code });
    }
    Ok(quoted(&format!("{name}={value}"), false))
}

/// An argument of `ExecStart=`; bare where nothing in it means anything.
///
/// # Errors
/// A NUL, too long an argument.
pub fn argument(text: &str) -> Result<String, Unquotable> {
    bounded(text.len(), text)?;
    Ok(match bare(text) {
        true => text.to_owned(),
        false => quoted(text, true),
    })
}

/// The program of `ExecStart=`. A `$` in it is not expanded, so it stays as it is.
///
/// # Errors
/// A path that is relative, a directory, not UTF-8, too long, or has a character
/// that systemd refuses in the path of a program.
pub fn program(path: &Path) -> Result<String, Unquotable> {
    let text = path
        .to_str()
        .ok_or_else(|| Unquotable::NotUtf8(path.into()))?;
    bounded(text.len(), text)?;
    if !path.is_absolute() {
        return Err(Unquotable::Relative(path.into()));
    }
    if text.ends_with('/') {
        return Err(Unquotable::Directory(path.into()));
    }
    let refused = |c: &char| c.is_ascii_control() || matches!(c, '"' | '\'' | '\\');
    if let Some(code) = text.chars().find(refused) {
        let path = path.into();
        return Err(Unquotable::Program { path, code });
    }
    Ok(match bare(text) {
        true => text.to_owned(),
        false => quoted(text, false),
    })
}

fn bounded(length: usize, text: &str) -> Result<(), Unquotable> {
    if text.contains('\0') {
        return Err(Unquotable::Nul);
    }
    if let Some(code) = text.chars().find(|c| is_noncharacter(*c)) {
        return Err(Unquotable::Noncharacter(code));
    }
    match length > LONGEST {
        true => Err(Unquotable::Long(length)),
        false => Ok(()),
    }
}

/// `unichar_is_valid` of systemd's utf8.c says no to these.
fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

/// Nothing in it means anything to systemd, to the eye or at the start of a line.
fn bare(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,+@".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

/// In double quotes; `dollar` says whether `$` is expanded where the word stands.
fn quoted(text: &str, dollar: bool) -> String {
    let mut word = String::with_capacity(text.len() + 2);
    word.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => word.extend(['\\', c]),
            '%' => word.push_str("%%"),
            '$' if dollar => word.push_str("$$"),
            '\n' => word.push_str("\\n"),
            '\t' => word.push_str("\\t"),
            '\r' => word.push_str("\\r"),
            // Two digits, so that what follows cannot be read as a third.
            c if c.is_ascii_control() => {
                let _ = write!(word, "\\x{:02x}", u32::from(c));
            }
            c => word.push(c),
        }
    }
    word.push('"');
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::unit;

    #[test]
    fn assignments() {
        let of = |value| assignment("PATH", value).expect("quotable");
        assert_eq!(of("/usr/bin:/bin"), r#""PATH=/usr/bin:/bin""#);
        assert_eq!(of(r#"/a b/"c"\d"#), r#""PATH=/a b/\"c\"\\d""#);
        assert_eq!(of("50%h $x\n\té;"), "\"PATH=50%%h $x\\n\\té;\"");
        assert_eq!(of(""), r#""PATH=""#);
    }

    #[test]
    fn arguments_and_programs() {
        assert_eq!(argument("--iptables=false"), Ok("--iptables=false".into()));
        assert_eq!(argument(""), Ok(r#""""#.into()));
        assert_eq!(argument(";"), Ok(r#"";""#.into()));
        assert_eq!(argument("${HOME}\u{1}1"), Ok(r#""$${HOME}\x011""#.into()));
        let of = |path: &str| program(Path::new(path));
        assert_eq!(of("/usr/bin/x"), Ok("/usr/bin/x".into()));
        assert_eq!(of("/a b/50%$x;é"), Ok(r#""/a b/50%%$x;é""#.into()));
    }

    #[test]
    fn what_cannot_be_said() {
        assert_eq!(assignment("A", "\0"), Err(Unquotable::Nul));
        assert_eq!(argument("a\0"), Err(Unquotable::Nul));
        assert!(matches!(
            argument("\u{10ffff}"),
            Err(Unquotable::Noncharacter(_))
        ));
        assert!(matches!(
            assignment("A", "\u{fdd0}"),
            Err(Unquotable::Noncharacter(_))
        ));
        assert!(argument("\u{fffd}\u{feff}\u{e000}").is_ok());
        for name in ["", "1A", "A B", "A=", "É", "A-B"] {
            assert_eq!(assignment(name, ""), Err(Unquotable::Name(name.into())));
        }
        assert!(matches!(
            assignment("A", "\u{1b}[0m"),
            Err(Unquotable::Control { .. })
        ));
        assert!(matches!(
            assignment("A", &"x".repeat(LONGEST)),
            Err(Unquotable::Long(_))
        ));
        assert!(assignment("A", &"x".repeat(LONGEST - 2)).is_ok());
        let of = |path: &str| program(Path::new(path));
        assert!(matches!(of("bin/x"), Err(Unquotable::Relative(_))));
        assert!(matches!(of(""), Err(Unquotable::Relative(_))));
        assert!(matches!(of("/bin/"), Err(Unquotable::Directory(_))));
        for bad in ["/a'b", "/a\"b", "/a\\b", "/a\nb", "/a\u{7f}b"] {
            assert!(matches!(of(bad), Err(Unquotable::Program { .. })), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn doctor_reads_what_install_writes(value in "\\PC*|[ -~\\n\\t%$\"'\\\\;#]*", more in ".*") {
            let home = Path::new("/home/%%h");
            if let Ok(word) = assignment("N", &value) {
                let words = unit::words(&word).expect("words");
                assert_eq!(words.len(), 1);
                assert_eq!(unit::expanded(&words[0], home), format!("N={value}"));
                let text = format!("[Service]\nEnvironment={word}\n");
                let unit = unit::DockerUnit {
                    file: Some(unit::parse(Path::new("/u"), &text)),
                    ..Default::default()
                };
                assert_eq!(unit.environment(home)["N"], value);
            }
            let path = format!("/{value}x");
            if let (Ok(program), Ok(argument)) = (program(Path::new(&path)), argument(&more)) {
                let text = format!("[Service]\nExecStart={program} {argument}\n");
                let unit = unit::DockerUnit {
                    file: Some(unit::parse(Path::new("/u"), &text)),
                    ..Default::default()
                };
                assert_eq!(unit.exec_start().expect("command"), [path, more]);
            }
        }
    }
}
