//! A long text in pieces, on all processors: only lines with a literal of an
//! issue are looked at.

use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::catalogue::KnownIssues;
use super::scan::Scanned;
use super::sighting::Sightings;

/// Size of a piece, cut at the end of a line.
const PIECE: usize = 1 << 20;

/// A longer line is looked at in windows, each so much before and after words
/// of interest.
const BEFORE: usize = 4 << 10;
const AFTER: usize = 12 << 10;

/// More threads bring little: the text has to be read by one.
const MOST_THREADS: usize = 4;

/// Where the text comes from, a piece for whoever asks.
struct Feed<R> {
    from: R,
    /// What was read behind the last line of the piece before.
    left: Vec<u8>,
    pieces: u64,
}

/// What one thread met.
#[derive(Default)]
struct Share {
    sightings: Sightings,
    /// Lines by number of the piece.
    lines: Vec<(u64, u64)>,
}

/// Goes through `left` and the rest of `from`, and adds what it meets.
pub fn scan(
    known: &KnownIssues,
    left: Vec<u8>,
    from: impl Read + Send,
    to: &mut Scanned,
) -> io::Result<()> {
    let feed = Mutex::new(Feed {
        from,
        left,
        pieces: 0,
    });
    let threads = thread::available_parallelism().map_or(1, |n| n.get().min(MOST_THREADS));
    let work = || take_pieces(known, &feed);
    let shares: io::Result<Vec<Share>> = thread::scope(|scope| {
        let other = |_| crate::thread::scoped(scope, work);
        let others: Vec<_> = (1..threads).map(other).collect();
        let own = work();
        let others = others
            .into_iter()
            .map(|t| t.join().unwrap_or_else(|_| Err(crashed())));
        std::iter::once(own).chain(others).collect()
    });
    let mut all = Share::default();
    for share in shares? {
        all.sightings.merge(share.sightings);
        all.lines.extend(share.lines);
    }
    let before = starts(&mut all.lines, to);
    all.sightings
        .renumber(|number| before[piece_of(number)] + line_of(number));
    to.sightings.merge(all.sightings);
    Ok(())
}

fn crashed() -> io::Error {
    io::Error::other("a thread crashed; this is a bug in rootless-setup")
}

/// How many lines come before each piece.
fn starts(lines: &mut [(u64, u64)], to: &mut Scanned) -> Vec<u64> {
    lines.sort_unstable();
    let mut start = |count: u64| {
        let before = to.lines;
        to.lines += count;
        before
    };
    lines.iter().map(|(_, count)| start(*count)).collect()
}

/// A line's number until all pieces are counted: the piece and the line in it.
fn number(piece: u64, line: u64) -> u64 {
    (piece << 24) | line
}

fn piece_of(number: u64) -> usize {
    usize::try_from(number >> 24).unwrap_or(usize::MAX)
}

fn line_of(number: u64) -> u64 {
    number & 0xff_ffff
}

fn take_pieces<R: Read>(known: &KnownIssues, feed: &Mutex<Feed<R>>) -> io::Result<Share> {
    let mut share = Share::default();
    let mut room = vec![0; PIECE];
    loop {
        let next = feed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next(&mut room)?;
        let Some((which, length)) = next else {
            return Ok(share);
        };
        let lines = look_at_piece(known, &mut share.sightings, which, &room[..length]);
        share.lines.push((which, lines));
    }
}

impl<R: Read> Feed<R> {
    /// Fills `room` up to the end of a line; tells the piece's number and length.
    fn next(&mut self, room: &mut [u8]) -> io::Result<Option<(u64, usize)>> {
        let mut length = self.left.len().min(room.len());
        room[..length].copy_from_slice(&self.left[..length]);
        self.left.drain(..length);
        while length < room.len() && self.left.is_empty() {
            match self.from.read(&mut room[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        if length == 0 {
            return Ok(None);
        }
        if length == room.len() {
            let end = memchr::memrchr(b'\n', room);
            // A line without an end goes on in the next piece, overlapping.
            let rest = end.map_or(length - BEFORE, |at| at + 1);
            self.left.splice(..0, room[rest..].iter().copied());
            length = end.map_or(length, |at| at + 1);
        }
        self.pieces += 1;
        Ok(Some((self.pieces - 1, length)))
    }
}

/// Looks at the lines of a piece that have one of the literals; all are counted.
fn look_at_piece(known: &KnownIssues, to: &mut Sightings, which: u64, piece: &[u8]) -> u64 {
    let (mut at, mut lines) = (0, 0);
    while let Some(hit) = known.patterns.next_hit(piece, at) {
        let start = piece[at..hit]
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(at, |n| at + n + 1);
        let length = piece[hit..].iter().position(|b| *b == b'\n');
        let end = length.map_or(piece.len(), |length| hit + length);
        lines += newlines(&piece[at..start]);
        look_at_line(known, to, number(which, lines + 1), &piece[start..end]);
        // Its own end comes next.
        at = end;
    }
    lines + newlines(&piece[at..])
}

fn newlines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// Looks at one line, a long one in windows.
pub fn look_at_line(known: &KnownIssues, to: &mut Sightings, number: u64, line: &[u8]) {
    if line.len() <= BEFORE + AFTER {
        to.look(known, number, line);
        return;
    }
    let mut at = 0;
    while let Some(hit) = known.patterns.next_hit(line, at) {
        let end = line.len().min(hit + AFTER);
        to.look(known, number, &line[hit.saturating_sub(BEFORE)..end]);
        at = end;
    }
}
