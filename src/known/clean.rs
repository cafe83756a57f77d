//! A line without what was put around it: colours, escapes of JSON and logfmt,
//! typographic quotes; and where its own message begins behind the prefixes of
//! journald, syslog, docker, GitHub Actions, quoting and Markdown.

mod prefix;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use prefix::message;

/// How grave a line says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `level=debug`, `level=info` and their like: nothing failed.
    Told,
    /// `level=warning`.
    Warned,
    /// Marked as an error, or not marked at all.
    Failed,
}

/// The line without colours and escapes.
pub fn clean(line: &[u8]) -> Cow<'_, [u8]> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let plain = line.iter().all(|b| !is_special(*b));
    match plain {
        true => Cow::Borrowed(line),
        false => Cow::Owned(rewritten(line)),
    }
}

/// Where something may have to be changed.
fn is_special(byte: u8) -> bool {
    matches!(byte, 0..=8 | 11..=31 | b'\\' | b'&' | b'#' | b'^' | 0x7f | 0xc2 | 0xe2)
}

fn rewritten(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let [first, tail @ ..] = rest {
        let (put, after) = match special(rest) {
            Some((put, after)) => (put, after),
            None => (Some(*first), tail),
        };
        out.extend(put);
        rest = after;
    }
    out
}

/// What stands for the beginning of `rest`, and what comes after that.
fn special(rest: &[u8]) -> Option<(Option<u8>, &[u8])> {
    // ESC itself, as rsyslog, `cat -v` and JSON write it.
    for escape in [
        &b"\x1b["[..],
        b"#033[",
        b"^[[",
        b"\\u001b[",
        b"\\x1b[",
        b"\\033[",
    ] {
        if let Some(after) = rest.strip_prefix(escape) {
            return Some((None, after_sequence(after)));
        }
    }
    for (from, to) in REPLACED {
        if let Some(after) = rest.strip_prefix(from) {
            return Some((Some(to), after));
        }
    }
    match rest {
        [b'\\', tail @ ..] => Some(unescaped(tail)),
        // Other control characters, a title set by ESC ] among them, are left out.
        [0..=8 | 11..=31 | 0x7f, tail @ ..] => Some((None, tail)),
        _ => None,
    }
}

/// What web pages and word processors make of quotes and spaces.
const REPLACED: [(&[u8], u8); 11] = [
    ("\u{201c}".as_bytes(), b'"'),
    ("\u{201d}".as_bytes(), b'"'),
    ("\u{2018}".as_bytes(), b'\''),
    ("\u{2019}".as_bytes(), b'\''),
    ("\u{a0}".as_bytes(), b' '),
    (b"&quot;", b'"'),
    (b"&#34;", b'"'),
    (b"&#39;", b'\''),
    (b"&lt;", b'<'),
    (b"&gt;", b'>'),
    (b"&amp;", b'&'),
];

/// Parameters of a CSI sequence go up to its final byte; one that does not end
/// soon is none.
fn after_sequence(rest: &[u8]) -> &[u8] {
    let end = rest.iter().take(16).position(|b| (b'@'..=b'~').contains(b));
    end.map_or(rest, |end| &rest[end + 1..])
}

/// After a backslash: quotes lose it however often they were quoted, `\n` and
/// `\t` are spaces, `\u003c` is a character; a path of Windows keeps its own.
fn unescaped(tail: &[u8]) -> (Option<u8>, &[u8]) {
    let quotes = tail.iter().take_while(|b| **b == b'\\').count();
    match &tail[quotes..] {
        [quote @ (b'"' | b'\'' | b'`'), after @ ..] => (Some(*quote), after),
        [b'n' | b't' | b'r', after @ ..] => (Some(b' '), after),
        [b'u', b'0', b'0', high, low, after @ ..] => match hex(*high, *low) {
            Some(byte @ b' '..=b'~') => (Some(byte), after),
            _ => (Some(b'\\'), tail),
        },
        _ => (Some(b'\\'), tail),
    }
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| (b as char).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// How far into a line its level stands.
const LEVEL_WITHIN: usize = 200;

/// How grave the line says it is; the first word that tells counts.
pub fn level(line: &[u8]) -> Level {
    let head = &line[..line.len().min(LEVEL_WITHIN)];
    let marks = (0..head.len()).filter_map(|at| mark(&head[at..]));
    marks.into_iter().next().unwrap_or(Level::Failed)
}

fn mark(text: &[u8]) -> Option<Level> {
    const MARKS: [(&[u8], Level); 18] = [
        (b"level=debug", Level::Told),
        (b"level=info", Level::Told),
        (b"level=trace", Level::Told),
        (b"level=warn", Level::Warned),
        (b"level=", Level::Failed),
        (b"\"level\":\"debug", Level::Told),
        (b"\"level\":\"info", Level::Told),
        (b"\"level\":\"warn", Level::Warned),
        (b"\"level\":\"", Level::Failed),
        (b"DEBU[", Level::Told),
        (b"INFO[", Level::Told),
        (b"TRAC[", Level::Told),
        (b"WARN[", Level::Warned),
        (b"ERRO[", Level::Failed),
        (b"FATA[", Level::Failed),
        // The setup script's instructions are as good as errors.
        (b"[WARNING]", Level::Warned),
        (b"[rootlesskit:", Level::Failed),
        (b"Error", Level::Failed),
    ];
    let found = MARKS.iter().find(|(mark, _)| text.starts_with(mark))?;
    Some(found.1)
}
