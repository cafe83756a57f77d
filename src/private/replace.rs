//! Puts stand-ins in the places of private values, in one pass over a text.

use std::borrow::Cow;
use std::collections::HashMap;

use super::needle::{self, Needle, Place};
use super::register::{Entry, Kind, Register};

/// A register made ready for searching.
pub struct Replace<'a> {
    register: &'a Register,
    needles: Vec<Needle>,
    /// Numbers of needles by their first two bytes, the longest first.
    begins: HashMap<[u8; 2], Vec<usize>>,
    /// Which pairs of bytes begin any.
    filter: Box<[bool]>,
}

/// A private value in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Its number in the register.
    pub entry: usize,
}

impl<'a> Replace<'a> {
    /// Prepares the search for every value of `register`.
    pub fn new(register: &'a Register) -> Self {
        let needles = needle::of(register);
        let mut begins: HashMap<[u8; 2], Vec<usize>> = HashMap::new();
        let mut filter = vec![false; 1 << 16].into_boxed_slice();
        for (at, needle) in needles.iter().enumerate() {
            for b in second(&needle.bytes) {
                begins.entry([needle.bytes[0], b]).or_default().push(at);
                filter[pair(needle.bytes[0], b)] = true;
            }
        }
        for list in begins.values_mut() {
            list.sort_by_key(|at| std::cmp::Reverse(needles[*at].bytes.len()));
        }
        Replace {
            register,
            needles,
            begins,
            filter,
        }
    }

    /// The text with stand-ins. A stand-in and what follows it can be a value
    /// again (`user-1` before `0.1.2.3`), so what was changed is searched once more.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.once(text) {
            Cow::Owned(changed) => Cow::Owned(self.once(&changed).into_owned()),
            unchanged => unchanged,
        }
    }

    fn once<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let hits = self.hits(text);
        if hits.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for hit in hits {
            out.push_str(&text[from..hit.start]);
            out.push_str(&self.register.entries()[hit.entry].stand_in);
            from = hit.end;
        }
        out.push_str(&text[from..]);
        Cow::Owned(out)
    }

    /// What a hit is of.
    pub fn entry(&self, hit: Hit) -> &Entry {
        &self.register.entries()[hit.entry]
    }

    /// Every place where a private value stands, in order, none in another.
    pub fn hits(&self, text: &str) -> Vec<Hit> {
        let lower = text.to_ascii_lowercase();
        let bytes = lower.as_bytes();
        let mut hits = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            match self.at(text, bytes, at) {
                Some(hit) => {
                    at = hit.end;
                    hits.push(hit);
                }
                None => at += 1,
            }
        }
        self.cut_short(text, bytes, &mut hits);
        hits
    }

    fn at(&self, text: &str, bytes: &[u8], at: usize) -> Option<Hit> {
        let next = bytes.get(at + 1).copied().unwrap_or_default();
        if !self.filter[pair(bytes[at], next)] || !text.is_char_boundary(at) {
            return None;
        }
        let list = self.begins.get(&[bytes[at], next])?;
        let fits = |number: &&usize| {
            let needle = &self.needles[**number];
            bytes[at..].starts_with(&needle.bytes)
                && (counts(needle.place, bytes, at, at + needle.bytes.len())
                    || self.is_home(needle, bytes, at))
        };
        let needle = &self.needles[*list.iter().find(fits)?];
        if self.is_stand_in(needle, bytes, at) {
            return None;
        }
        let mut end = at + needle.bytes.len();
        if needle.open {
            let rest =
                text[end..].find(|c: char| !c.is_ascii_alphanumeric() && !"_-+/=".contains(c));
            end += rest.unwrap_or(text.len() - end);
        }
        text.is_char_boundary(end).then_some(Hit {
            start: at,
            end,
            entry: needle.entry,
        })
    }

    /// `user-1` of somebody who is called `user`.
    fn is_stand_in(&self, needle: &Needle, bytes: &[u8], at: usize) -> bool {
        let word = self.register.entries()[needle.entry].kind.word().as_bytes();
        let after = &bytes[at + needle.bytes.len()..];
        needle.bytes == word
            && after.starts_with(b"-")
            && after.get(1).is_some_and(u8::is_ascii_digit)
    }

    /// A user's name that is also a word, below a directory of homes of this host.
    fn is_home(&self, needle: &Needle, bytes: &[u8], at: usize) -> bool {
        let homes = &self.register.homes;
        needle.place == Place::Used(Kind::User)
            && ends_part(bytes, at + needle.bytes.len())
            && homes
                .iter()
                .any(|home| bytes[..at].ends_with(home.as_bytes()))
    }

    /// Names that a table or a log cut short: `alexand…`, `alexand+`, `alexand...`.
    fn cut_short(&self, text: &str, bytes: &[u8], hits: &mut Vec<Hit>) {
        for mark in ["…", "...", "+"] {
            for (end, _) in text.match_indices(mark) {
                let inside = hits.iter().any(|h| h.start < end && end <= h.end);
                if let Some(hit) = self.beginning_before(bytes, end).filter(|_| !inside) {
                    hits.retain(|h| h.end <= hit.start || h.start >= hit.end);
                    hits.push(hit);
                }
            }
        }
        hits.sort_by_key(|hit| hit.start);
    }

    /// The longest beginning of a value that ends here, at least five characters.
    fn beginning_before(&self, bytes: &[u8], end: usize) -> Option<Hit> {
        const LEAST: usize = 5;
        const MOST: usize = 64;
        let blank = |b: &u8| b.is_ascii_whitespace();
        let first = end.saturating_sub(MOST);
        let first = bytes[first..end]
            .iter()
            .rposition(blank)
            .map_or(first, |at| first + at + 1);
        for start in first..(end + 1).saturating_sub(LEAST) {
            let part = &bytes[start..end];
            let list = self
                .begins
                .get(&[part[0], part[1]])
                .filter(|_| edge(bytes, start));
            let begins = |number: &&usize| {
                let needle = &self.needles[**number];
                !needle.open
                    && matches!(needle.place, Place::Anywhere | Place::Word)
                    && needle.bytes.len() > part.len()
                    && needle.bytes.starts_with(part)
            };
            let found = list.and_then(|list| list.iter().find(begins));
            let word = || self.register.words.has_all(&String::from_utf8_lossy(part));
            if let Some(number) = found.filter(|_| !word()) {
                let entry = self.needles[*number].entry;
                return Some(Hit { start, end, entry });
            }
        }
        None
    }
}

/// What may follow the first byte: anything, if that is all.
fn second(bytes: &[u8]) -> std::ops::RangeInclusive<u8> {
    match bytes {
        [_, b, ..] => *b..=*b,
        _ => 0..=255,
    }
}

fn pair(a: u8, b: u8) -> usize {
    usize::from(a) << 8 | usize::from(b)
}

/// True if a word may begin or end between these bytes.
fn edge(bytes: &[u8], at: usize) -> bool {
    let part = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
    !(at > 0 && part(bytes.get(at - 1)) && part(bytes.get(at)))
}

/// True if what stands at `start..end` is meant, and not a word like it.
fn counts(place: Place, bytes: &[u8], start: usize, end: usize) -> bool {
    let word = || edge(bytes, start) && edge(bytes, end);
    match place {
        Place::Anywhere => true,
        Place::Word => word(),
        Place::Number => word() && !continues(bytes, start, end),
        Place::Part => word() && start > 0 && bytes[start - 1] == b'/' && ends_part(bytes, end),
        Place::Used(kind) => word() && is_used(kind, bytes, start, end),
    }
}

/// `10.0.0.1` in `10.0.0.1.5` or in `210.0.0.1`.
fn continues(bytes: &[u8], start: usize, end: usize) -> bool {
    let digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let dot = |at: Option<usize>| at.and_then(|at| bytes.get(at)) == Some(&b'.');
    (dot(Some(end)) && digit(Some(end + 1)))
        || (dot(start.checked_sub(1)) && digit(start.checked_sub(2)))
}

fn ends_part(bytes: &[u8], end: usize) -> bool {
    bytes
        .get(end)
        .is_none_or(|b| !b.is_ascii_alphanumeric() && !b"_-".contains(b))
}

/// Directories whose entries are users.
const HOMES: [&[u8]; 11] = [
    b"/home/",
    b"/homes/",
    b"/users/",
    b"/linger/",
    b"/media/",
    b"/mail/",
    b"/cron/",
    b"/crontabs/",
    b"/sudo/",
    b"/nfshome/",
    b"/lecture/",
];

/// What stands before a user's name.
const BEFORE_USER: [&[u8]; 12] = [
    b"user ",
    b"user=",
    b"user: ",
    b"user '",
    b"user \"",
    b"user `",
    b"username ",
    b"username=",
    b"logname=",
    b"uname=",
    b"login ",
    b"sudo -u ",
];

/// What stands before a host's name.
const BEFORE_HOST: [&[u8]; 12] = [
    b"//",
    b"@",
    b"host ",
    b"host=",
    b"host: ",
    b"hostname ",
    b"hostname=",
    b"hostname: ",
    b"lookup ",
    b"nodename=",
    b"server ",
    b"server=",
];

fn is_used(kind: Kind, bytes: &[u8], start: usize, end: usize) -> bool {
    let before = |list: &[&[u8]]| list.iter().any(|b| bytes[..start].ends_with(b));
    let after = &bytes[end..];
    match kind {
        Kind::User => {
            (before(&HOMES) && ends_part(bytes, end))
                || before(&BEFORE_USER)
                || after.starts_with(b"(uid=")
                || is_account(after)
                || (after.starts_with(b"@") && after.get(1).is_some_and(u8::is_ascii_alphabetic))
        }
        // `https://debian.org` is not the host that is called debian.
        _ => (before(&BEFORE_HOST) && !after.starts_with(b".")) || after.starts_with(b":/"),
    }
}

/// `:x:1000:` of passwd, `:100000:65536` of subuid.
fn is_account(after: &[u8]) -> bool {
    let mut fields = after.split(|b| *b == b':').skip(1);
    let number =
        |field: Option<&[u8]>| field.is_some_and(|f| f.first().is_some_and(u8::is_ascii_digit));
    let first = fields.next();
    after.starts_with(b":") && (first == Some(b"x") || number(first)) && number(fields.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(values: &[(Kind, &str)], text: &str) -> String {
        let mut register = Register::default();
        values
            .iter()
            .for_each(|(kind, value)| register.add(*kind, value));
        register.settle();
        Replace::new(&register).text(text).into_owned()
    }

    #[test]
    fn a_name_goes_wherever_it_stands_and_words_stay() {
        let alice = |text| hidden(&[(Kind::User, "alexander")], text);
        assert_eq!(alice("Alexander's xalexanderx"), "user-1's xuser-1x");
        assert_eq!(
            alice("alexand+ alexan… alex... a+b"),
            "user-1+ user-1… alex... a+b"
        );
        assert_eq!(alice("YWxleGFuZGVyOng="), "user-1Ong=");
        let bob = |text| hidden(&[(Kind::User, "bob")], text);
        assert_eq!(
            bob("bob's bobbin, /home/bob/x, bob@h"),
            "user-1's bobbin, /home/user-1/x, user-1@h"
        );
    }

    #[test]
    fn a_name_that_is_a_word_goes_where_it_is_a_name() {
        let ro = |text| hidden(&[(Kind::User, "ro"), (Kind::Host, "a")], text);
        assert_eq!(ro("rw,ro,nosuid a root"), "rw,ro,nosuid a root");
        assert_eq!(
            ro("ro:100000:65536 /home/ro/bin user ro ssh://ro@x ro(uid=1000) /ro/"),
            "user-1:100000:65536 /home/user-1/bin user user-1 ssh://user-1@x user-1(uid=1000) /ro/"
        );
        assert_eq!(
            hidden(&[(Kind::User, "1000")], "uid 1000, /home/1000"),
            "uid 1000, /home/user-1"
        );
        assert_eq!(
            hidden(&[(Kind::Host, "debian")], "debian 12 x@debian"),
            "debian 12 x@host-1"
        );
    }

    #[test]
    fn metacharacters_are_characters() {
        for name in ["a.c*d", "x+y(z", "[abc]$", "back\\slash", "d$er"] {
            assert_eq!(
                hidden(&[(Kind::User, name)], &format!("is {name}!")),
                "is user-1!"
            );
        }
        assert_eq!(
            hidden(&[(Kind::User, "jürgen")], "jürgen \"j\\u00fcrgen\""),
            "user-1 \"user-1\""
        );
    }

    #[test]
    fn numbers_are_whole() {
        let ip = |text| hidden(&[(Kind::Ipv4, "10.0.0.1")], text);
        assert_eq!(
            ip("10.0.0.1:53 10.0.0.12 210.0.0.1 10.0.0.1.5"),
            "192.0.2.1:53 10.0.0.12 210.0.0.1 10.0.0.1.5"
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".{0,80}", name in ".{1,12}") {
            hidden(&[(Kind::User, &name), (Kind::Secret, &text)], &format!("{text}{name}…{text}"));
        }
    }
}
