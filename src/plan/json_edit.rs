//! One member of a JSON object set or taken out, every other byte kept.
//!
//! The text is validated by `serde_json` first, which needs no stack for
//! nesting when it keeps nothing; what walks over it here may then be simple.
//! Names match as Go's `encoding/json` matches them, whatever their case, and
//! of two of the same name the later holds.

use std::ops::Range;

use serde::de::IgnoredAny;
use thiserror::Error;

/// A text that is not the JSON object it should be. It is to be left alone.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NotJson {
    /// No JSON.
    #[error("it is not JSON: {0}")]
    Syntax(String),
    /// JSON, but a list, a number or the like.
    #[error("it is JSON, but not an object")]
    NotObject,
    /// A member that should be text.
    #[error("its {0:?} is not text")]
    NotText(String),
}

/// A member, as ranges of bytes.
#[derive(Debug)]
struct Member {
    name: String,
    key: Range<usize>,
    value: Range<usize>,
}

/// An object of a validated text.
#[derive(Debug)]
pub(super) struct Object<'a> {
    text: &'a str,
    open: usize,
    close: usize,
    members: Vec<Member>,
}

/// The object a text consists of; a byte order mark before it is passed over.
pub(super) fn object(text: &str) -> Result<Object<'_>, NotJson> {
    let json = text.strip_prefix('\u{feff}').unwrap_or(text);
    let valid = serde_json::from_str::<IgnoredAny>(json);
    valid.map_err(|e| NotJson::Syntax(e.to_string()))?;
    let start = after_blanks(text, text.len() - json.len());
    Object::at(text, start).ok_or(NotJson::NotObject)
}

impl<'a> Object<'a> {
    /// The object that begins at `open`, if one does.
    fn at(text: &'a str, open: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.get(open) != Some(&b'{') {
            return None;
        }
        let mut members = Vec::new();
        let mut at = after_blanks(text, open + 1);
        while bytes.get(at) == Some(&b'"') {
            let key = at..after_value(text, at);
            let colon = after_blanks(text, key.end);
            let start = after_blanks(text, colon + 1);
            let value = start..after_value(text, start);
            at = after_blanks(text, value.end);
            if bytes.get(at) == Some(&b',') {
                at = after_blanks(text, at + 1);
            }
            // A lone surrogate is no text for Rust; such a name is none of ours.
            let name = serde_json::from_str(&text[key.clone()]).unwrap_or_default();
            members.push(Member { name, key, value });
        }
        Some(Object {
            text,
            open,
            close: at,
            members,
        })
    }

    fn named(&self, name: &str) -> impl DoubleEndedIterator<Item = &Member> {
        let own = move |m: &&Member| m.name.eq_ignore_ascii_case(name);
        self.members.iter().filter(own)
    }

    /// The text of a member as Go reads it: null is as good as nothing.
    pub(super) fn string(&self, name: &str) -> Result<Option<String>, NotJson> {
        let mut found = None;
        for member in self.named(name) {
            let value = &self.text[member.value.clone()];
            let read = serde_json::from_str::<Option<String>>(value);
            let read = read.map_err(|_| NotJson::NotText(name.to_owned()))?;
            found = read.or(found);
        }
        Ok(found)
    }

    /// The object that a member holds, if it holds one.
    pub(super) fn child(&self, name: &str) -> Option<Object<'a>> {
        let member = self.named(name).next_back()?;
        Object::at(self.text, member.value.start)
    }

    /// It has such a member.
    pub(super) fn has(&self, name: &str) -> bool {
        self.named(name).next().is_some()
    }

    /// It has such a member, and no other.
    pub(super) fn is_only(&self, name: &str) -> bool {
        self.has(name) && self.named(name).count() == self.members.len()
    }

    /// The text with `name` set to `value` (JSON). A new member stands before
    /// the first of `followers`, else at the end, spaced like its neighbour.
    pub(super) fn with(&self, name: &str, value: &str, followers: &[&str]) -> String {
        if let Some(member) = self.named(name).next_back() {
            return self.spliced(member.value.clone(), value);
        }
        let follows = |m: &Member| followers.iter().any(|f| m.name.eq_ignore_ascii_case(f));
        match self.members.iter().position(follows) {
            Some(at) => {
                let member = self.worded(name, value, at);
                let start = self.members[at].key.start;
                self.spliced(start..start, &format!("{member},{}", self.gap(at)))
            }
            None => match self.members.len().checked_sub(1) {
                Some(at) => {
                    let member = self.worded(name, value, at);
                    let end = self.members[at].value.end;
                    self.spliced(end..end, &format!(",{}{member}", self.gap(at)))
                }
                None => self.with_first(name, value),
            },
        }
    }

    /// As in [`Object::with`], in an object without members.
    fn with_first(&self, name: &str, value: &str) -> String {
        let inside = &self.text[self.open + 1..self.close];
        // A line end or a space is repeated, but not a page of them.
        let inside = match inside.len() {
            0..=8 => inside,
            _ if inside.contains('\n') => "\n",
            _ => "",
        };
        let indent = if inside.contains('\n') { "\t" } else { "" };
        let space = if inside.is_empty() { "" } else { " " };
        let start = self.open + 1;
        self.spliced(
            start..start,
            &format!("{inside}{indent}\"{name}\":{space}{value}"),
        )
    }

    /// The member with the colon spaced as in the member at `like`.
    fn worded(&self, name: &str, value: &str, like: usize) -> String {
        let like = &self.members[like];
        let colon = &self.text[like.key.end..like.value.start];
        format!("\"{name}\"{colon}{value}")
    }

    /// What stands between two members: before the one at `at`, if it is not the first.
    fn gap(&self, at: usize) -> &'a str {
        let at = if at == 0 && self.members.len() > 1 {
            1
        } else {
            at
        };
        let before = match at.checked_sub(1) {
            Some(previous) => self.members[previous].value.end,
            None => self.open + 1,
        };
        let gap = &self.text[before..self.members[at].key.start];
        gap.trim_start_matches(|c| c != ',')
            .strip_prefix(',')
            .unwrap_or(gap)
    }

    /// The text without any member of the name, and without its comma.
    pub(super) fn without(&self, name: &str) -> String {
        let gone = |m: &Member| m.name.eq_ignore_ascii_case(name);
        let kept = self.members.iter().rposition(|m| !gone(m));
        let inner = kept.map_or(0, |last| last + 1);
        let mut text = String::with_capacity(self.text.len());
        let mut from = 0;
        for (at, member) in self.members[..inner].iter().enumerate() {
            if gone(member) {
                text.push_str(&self.text[from..member.key.start]);
                from = self.members[at + 1].key.start;
            }
        }
        if let Some(last) = self.members[inner..].last() {
            let end = kept.map_or(self.open + 1, |kept| self.members[kept].value.end);
            text.push_str(&self.text[from..end]);
            from = last.value.end;
        }
        text.push_str(&self.text[from..]);
        text
    }

    fn spliced(&self, range: Range<usize>, with: &str) -> String {
        let (before, after) = (&self.text[..range.start], &self.text[range.end..]);
        [before, with, after].concat()
    }
}

/// A string as Go writes it into JSON.
pub(super) fn go_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let mut written = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        match c {
            '&' => written.push_str("\\u0026"),
            '<' => written.push_str("\\u003c"),
            '>' => written.push_str("\\u003e"),
            '\u{2028}' => written.push_str("\\u2028"),
            '\u{2029}' => written.push_str("\\u2029"),
            c => written.push(c),
        }
    }
    written
}

fn after_blanks(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    let blank = |b: &&u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
    at + rest.iter().take_while(blank).count()
}

/// Where the value that begins at `at` ends; no recursion, however deep it is.
fn after_value(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = after_string(bytes, at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ if depth == 0 => return after_scalar(bytes, at),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn after_string(bytes: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn after_scalar(bytes: &[u8], at: usize) -> usize {
    let ends = |b: &u8| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
    let length = bytes[at..].iter().position(ends);
    length.map_or(bytes.len(), |length| at + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_whatever_is_in_them() {
        let text = "\u{feff} {\"a\" : \"}\\\"\" , \"b\":[{\"a\":1}, \"]\"],\"\\u0063\":-1e5}";
        let object = object(text).expect("object");
        let names: Vec<&str> = object.members.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(&text[object.members[2].value.clone()], "-1e5");
        assert_eq!(object.string("A"), Ok(Some("}\"".into())));
        assert_eq!(object.string("b"), Err(NotJson::NotText("b".into())));
        assert_eq!(object.string("d"), Ok(None));
    }

    #[test]
    fn deep_nesting_needs_no_stack() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(400_000), "]".repeat(400_000));
        let object = object(&deep).expect("object");
        assert_eq!(object.without("a"), "{}");
    }

    #[test]
    fn no_object() {
        for (text, why) in [
            ("", "EOF"),
            ("{", "EOF"),
            ("{} {}", "trailing"),
            ("{\"a\":\"\u{1}\"}", "control"),
        ] {
            let error = object(text).expect_err(text).to_string();
            assert!(error.contains(why), "{error}");
        }
        assert_eq!(object("[]").expect_err("list"), NotJson::NotObject);
    }

    #[test]
    fn strings_as_go_writes_them() {
        assert_eq!(
            go_string("a&<é>\u{2028}\"\n"),
            "\"a\\u0026\\u003cé\\u003e\\u2028\\\"\\n\""
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[\\[\\]{}\",:\\\\ a-c0-9\n\u{feff}]*") {
            if let Ok(object) = object(&text) {
                object.with("a", "1", &["b"]);
                object.without("a");
            }
            after_value(&text, 0);
            Object::at(&text, 0);
        }
    }
}
