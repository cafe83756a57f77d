//! The last look: the finished text is searched for every private value. A text
//! that holds one is not written.

use std::fmt;

use super::{Kind, Replace};

/// A private value that stands in a finished text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// What it is.
    pub kind: Kind,
    /// What should stand in its place.
    pub stand_in: String,
    /// The line, from 1 on.
    pub line: usize,
}

/// Never the value itself: the message may be pasted, too.
impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Leak {
            kind,
            stand_in,
            line,
        } = self;
        write!(
            f,
            "line {line}: a private value ({}), which should be {stand_in}",
            kind.word()
        )
    }
}

/// Every private value in `text`: whole, cut short, in other letters, in a URL,
/// in base64, in JSON or HTML.
pub fn leaks(text: &str, replace: &Replace<'_>) -> Vec<Leak> {
    let leak = |hit: super::replace::Hit| {
        let entry = replace.entry(hit);
        Leak {
            kind: entry.kind,
            stand_in: entry.stand_in.clone(),
            line: text[..hit.start].matches('\n').count() + 1,
        }
    };
    replace.hits(text).into_iter().map(leak).collect()
}
