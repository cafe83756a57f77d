//! How much is read of what a user can make many of. A check must not pass by
//! what was left unread: beyond a limit the answer is unreadable, never shorter.

use std::path::Path;

use crate::fact::Fact;
use crate::host::Host;

/// A host lists no more names of one directory.
pub const MOST_NAMES: usize = 4096;

/// No more files of one kind are read.
pub const MOST_FILES: usize = 64;

/// Nor more bytes of them, all together: a hundred times what they usually have.
const MOST_BYTES: u64 = 256 << 10;

/// Nor more lines: a setting costs many times the memory of its text.
const MOST_LINES: usize = 8192;

/// Nor more words.
const MOST_WORDS: usize = 32 << 10;

/// So many words a specifier or variable counts for.
const EXPANDED: usize = 16;

/// A JSON text with more values is not read: one that takes two bytes as text
/// can take 600 in memory.
const MOST_VALUES: usize = 20_000;

/// The system's own directories hold so many times more.
const SYSTEM: usize = 16;

/// No larger file of accounts, groups or their ranges is read: one of a million
/// lines is smaller.
pub const LARGEST_ACCOUNTS: u64 = 32 << 20;

/// What can still be read of files of one kind.
pub struct Allowance {
    files: usize,
    bytes: u64,
    lines: usize,
    words: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Allowance {
            files: MOST_FILES,
            bytes: MOST_BYTES,
            lines: MOST_LINES,
            words: MOST_WORDS,
        }
    }
}

impl Allowance {
    /// For so many files.
    pub fn of(files: usize) -> Self {
        Allowance {
            files,
            ..Allowance::default()
        }
    }

    /// For a directory that only root can write to.
    pub fn system() -> Self {
        let user = Allowance::default();
        Allowance {
            files: user.files * SYSTEM,
            bytes: user.bytes * SYSTEM as u64,
            lines: user.lines * SYSTEM,
            words: user.words * SYSTEM,
        }
    }

    /// Reads one of the files; unreadable if it exceeds what is left.
    pub fn read(&mut self, host: &dyn Host, path: &Path) -> Fact<String> {
        if self.files == 0 {
            return Fact::unreadable("too many files: this one and those after it were not read");
        }
        let limit = self.bytes.min(MOST_BYTES);
        let text = match host.read_up_to(path, limit) {
            Fact::Known(text) => text,
            Fact::Unreadable(why) if why.text.starts_with("larger than ") => {
                // As much of it was read.
                self.bytes -= limit;
                return Fact::unreadable("too large together with the files before it");
            }
            other => return other,
        };
        self.files -= 1;
        match self.spend(&text) {
            Ok(()) => Fact::Known(text),
            Err(why) => Fact::unreadable(why),
        }
    }

    /// Counts a text, which is not to be kept if it is too much.
    ///
    /// # Errors
    /// Why it is.
    pub fn spend(&mut self, text: &str) -> Result<(), String> {
        let lines = text.bytes().filter(|b| *b == b'\n').count();
        let words = text.bytes().map(|b| match b {
            b' ' | b'\t' => 1,
            // A home directory may take its place.
            b'%' | b'$' => EXPANDED,
            _ => 0,
        });
        let words: usize = words.sum();
        // What is not UTF-8 takes three bytes in place of one.
        self.bytes = self.bytes.saturating_sub(text.len() as u64);
        if lines > self.lines || words > self.words {
            return Err("too many lines or words together with the files before it".to_owned());
        }
        self.lines -= lines;
        self.words -= words;
        Ok(())
    }
}

/// The names in a directory that satisfy `wanted`. Of a directory with more
/// names than a host lists, it is not known whether one is missing.
pub fn names(host: &dyn Host, dir: &Path, wanted: impl Fn(&str) -> bool) -> Fact<Vec<String>> {
    host.list(dir).and_then(|mut names| {
        if names.len() >= MOST_NAMES {
            return Fact::unreadable(format!("it holds {MOST_NAMES} names or more"));
        }
        names.retain(|name| wanted(name));
        Fact::Known(names)
    })
}

/// A JSON or TOML text that can be parsed without much memory.
pub fn data(text: String) -> Fact<String> {
    let marks = text
        .bytes()
        .filter(|b| matches!(b, b'{' | b'[' | b',' | b'='));
    match marks.count() > MOST_VALUES {
        true => Fact::unreadable(format!("it holds more than {MOST_VALUES} values")),
        false => Fact::Known(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Recorded;
    use crate::testing::TestHost;

    #[test]
    fn what_exceeds_the_allowance_is_unreadable() {
        let mut host = TestHost::new();
        for n in 0..70 {
            host = host.file(&format!("/d/{n}"), "a b\n");
        }
        let host = host.file("/large", &"x".repeat(2 << 20));
        let host = host.file("/long", &"\n".repeat(9000));
        let host = Recorded::new(host.file("/words", &" ".repeat(40_000)).0);
        let mut left = Allowance::default();
        let mut read = |path: String| left.read(&host, Path::new(&path)).known().is_some();
        assert_eq!((0..70).filter(|n| read(format!("/d/{n}"))).count(), 64);
        for path in ["/large", "/long", "/words"] {
            let text = Allowance::default().read(&host, Path::new(path));
            assert!(matches!(text, Fact::Unreadable(_)), "{path}");
        }
        assert!(
            Allowance::default()
                .read(&host, Path::new("/none"))
                .is_absent()
        );
    }

    #[test]
    fn what_is_refused_costs_as_much() {
        let host = TestHost::new().file("/d/large", &"x".repeat(2 << 20));
        let host = Recorded::new(host.file("/d/small", "x").0);
        let mut left = Allowance::default();
        for _ in 0..2 {
            assert!(left.read(&host, Path::new("/d/large")).known().is_none());
        }
        assert!(left.read(&host, Path::new("/d/small")).known().is_none());
    }

    #[test]
    fn data_by_its_marks() {
        assert!(matches!(data("[0,".repeat(20_000)), Fact::Unreadable(_)));
        assert!(data("{\"a\": [1, 2]}".to_owned()).known().is_some());
    }
}
