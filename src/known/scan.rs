//! A text of any size, as a stream: its beginning line by line, with broken
//! lines joined; the rest in bulk.

use std::io::{self, Read};

use super::bulk;
use super::catalogue::KnownIssues;
use super::decode::{Decoder, utf16};
use super::fold;
use super::sighting::Sightings;

/// What somebody pastes is not longer; only there broken lines are joined.
const HEAD: usize = 512 << 10;

/// How much of the beginning tells whether it is text.
const LOOK: usize = 64 << 10;

/// A text that was gone through.
#[derive(Clone, Debug, Default)]
pub struct Scanned {
    /// What was met.
    pub sightings: Sightings,
    /// Size of the text as it was read.
    pub bytes: u64,
    /// Number of its lines.
    pub lines: u64,
}

/// Why a text cannot be gone through.
#[derive(Debug, thiserror::Error)]
pub enum NotText {
    /// The system's words.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// Zeros, or a program.
    #[error("it is not text")]
    Binary,
    /// It has to be unpacked first, by this program.
    #[error("it is compressed")]
    Compressed(&'static str),
    /// A file of journald's own.
    #[error("it is a file of the systemd journal, which journalctl reads")]
    Journal,
}

/// Goes through a text, with bounded memory, in time linear in its size.
///
/// # Errors
/// [`NotText`], by its first bytes or when it cannot be read.
pub fn scan(known: &KnownIssues, from: impl Read + Send) -> Result<Scanned, NotText> {
    let mut counted = Counted { from, bytes: 0 };
    let mut head = Vec::new();
    (&mut counted).take(LOOK as u64).read_to_end(&mut head)?;
    refuse(&head)?;
    let mut scanned = match utf16(&head) {
        Some(order) => go(known, &mut Decoder::new(head.chain(&mut counted), order))?,
        None => go(known, &mut head.chain(&mut counted))?,
    };
    scanned.bytes = counted.bytes;
    Ok(scanned)
}

/// Goes through lines that somebody has already.
pub fn lines<'a>(known: &KnownIssues, lines: impl IntoIterator<Item = &'a str>) -> Sightings {
    let mut sightings = Sightings::default();
    for (number, line) in (1..).zip(lines) {
        sightings.look(known, number, line.as_bytes());
    }
    sightings
}

fn go(known: &KnownIssues, from: &mut (impl Read + Send)) -> io::Result<Scanned> {
    let mut head = Vec::new();
    from.take(HEAD as u64).read_to_end(&mut head)?;
    let all = head.len() < HEAD;
    let end = match head.iter().rposition(|b| *b == b'\n') {
        Some(at) if !all => at + 1,
        // It has no lines, so none were broken.
        None if !all => 0,
        _ => head.len(),
    };
    let (sightings, lines) = in_full(known, &head[..end]);
    let mut scanned = Scanned {
        sightings,
        lines,
        ..Scanned::default()
    };
    if !all {
        head.drain(..end);
        bulk::scan(known, head, from, &mut scanned)?;
    }
    Ok(scanned)
}

/// Line by line; the number of lines comes with it.
fn in_full(known: &KnownIssues, text: &[u8]) -> (Sightings, u64) {
    let mut all = Sightings::default();
    let (mut at, mut number) = (0, 0);
    while at < text.len() {
        number += 1;
        let rest = &text[at..];
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        bulk::look_at_line(known, &mut all, number, &rest[..end]);
        if let Some(joined) = fold::joined(rest) {
            all.look_joined(known, number, &joined, || nearby(known, rest, &joined));
        }
        at += end + 1;
    }
    (all, number)
}

/// What the lines that were joined say alone.
fn nearby(known: &KnownIssues, rest: &[u8], joined: &[u8]) -> Sightings {
    let mut alone = Sightings::default();
    let end = rest.len().min(joined.len() * 2);
    for line in rest[..end].split(|b| *b == b'\n').take(10) {
        alone.look(known, 1, line);
    }
    alone
}

/// What no reading of ours would bring to an end, or to any good.
fn refuse(head: &[u8]) -> Result<(), NotText> {
    const PACKED: [(&[u8], &str); 5] = [
        (b"\x1f\x8b", "zcat"),
        (b"\x28\xb5\x2f\xfd", "zstdcat"),
        (b"\xfd7zXZ", "xzcat"),
        (b"BZh", "bzcat"),
        (b"PK\x03\x04", "unzip -p"),
    ];
    if let Some((_, by)) = PACKED.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(NotText::Compressed(by));
    }
    if head.starts_with(b"LPKSHHRH") {
        return Err(NotText::Journal);
    }
    let zeros = head.iter().filter(|b| **b == 0).count();
    match utf16(head).is_none() && zeros > head.len() / 10 {
        true => Err(NotText::Binary),
        false => Ok(()),
    }
}

/// Counts what goes through.
struct Counted<R> {
    from: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.bytes += read as u64;
        Ok(read)
    }
}
