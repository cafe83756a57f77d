//! `/etc/subuid` and `/etc/subgid`, subuid(5), read as shadow reads them; and
//! what RootlessKit's own parser would stumble over.
//!
//! One pass over the bytes: a host may have a million lines.

/// How many of the lines with something wrong are kept.
const MOST_FAULTS: usize = 3;

/// shadow takes no longer line.
const LONGEST: usize = 1024;

/// Ids from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First id.
    pub first: u32,
    /// Last id.
    pub last: u32,
}

impl Span {
    /// How many ids.
    pub fn count(self) -> u64 {
        u64::from(self.last) - u64::from(self.first) + 1
    }

    /// Whether an id is in both.
    pub fn meets(self, other: Span) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// A range of the user's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Its ids.
    pub span: Span,
    /// Line number, from 1.
    pub line: usize,
    /// The line names the user by number.
    pub by_number: bool,
}

/// A range of somebody else's: where its line begins tells the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its ids.
    pub span: Span,
    /// Offset of its line in the text.
    pub at: u32,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Not three fields: RootlessKit's own parser stops here, whoever's line it is.
    Fields,
    /// A number that RootlessKit's own parser does not take, in the user's own line.
    OwnNumber,
    /// shadow passes the line over.
    Ignored,
}

/// A line with something wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line number, from 1.
    pub line: usize,
    /// Its text, shortened.
    pub text: String,
    /// What is wrong.
    pub wrong: Wrong,
    /// It is meant for the user under examination.
    pub own: bool,
}

/// A file, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The user's own ranges, in the order of their lines.
    pub own: Vec<Own>,
    /// Everybody else's.
    pub others: Vec<Other>,
    /// The first lines that end RootlessKit's own parser.
    pub fatal: Vec<Fault>,
    /// The first lines that shadow passes over.
    pub ignored: Vec<Fault>,
    /// How many lines shadow passes over, comments and empty ones left out.
    pub ignored_count: usize,
    /// The last line does not end: what is appended would join it.
    pub unterminated: bool,
}

/// Parses a file for the user of this `name` and `uid` (as text); both empty for nobody.
pub fn parse(text: &str, name: &str, uid: &str) -> Listing {
    let mut listing = Listing {
        unterminated: !text.is_empty() && !text.ends_with('\n'),
        ..Listing::default()
    };
    let who = [name.as_bytes(), uid.as_bytes()];
    let bytes = text.as_bytes();
    let (mut at, mut number) = (0, 0);
    while at < bytes.len() {
        number += 1;
        let here = Here { at, number };
        at += 1 + match plain(&bytes[at..]) {
            Some(line) => {
                let by = whose(&bytes[at..at + line.owner], who);
                listing.keep(line.start, line.count, here, by);
                line.length
            }
            None => {
                let line = bytes[at..]
                    .split(|b| *b == b'\n')
                    .next()
                    .unwrap_or_default();
                listing.odd(line, here, who);
                line.len()
            }
        };
    }
    listing
}

/// The line that is looked at: where it begins, and its number.
#[derive(Clone, Copy)]
struct Here {
    at: usize,
    number: usize,
}

/// A line `owner:start:count` in plain decimals.
struct Plain {
    owner: usize,
    start: u64,
    count: u64,
    length: usize,
}

/// The common line, read in one go; none if it is anything else.
fn plain(bytes: &[u8]) -> Option<Plain> {
    let owner = bytes.iter().position(|b| matches!(b, b':' | b'\n'))?;
    let (start, middle) = decimal(bytes, owner + 1)?;
    let (count, length) = decimal(bytes, middle + 1)?;
    let colons = bytes[owner] == b':' && bytes.get(middle) == Some(&b':');
    let ends = bytes.get(length).is_none_or(|b| *b == b'\n');
    let fits = owner > 0 && length < LONGEST;
    (colons && ends && fits).then_some(Plain {
        owner,
        start,
        count,
        length,
    })
}

/// A decimal number without a leading zero, which C would read as octal, and
/// where it ends.
fn decimal(bytes: &[u8], from: usize) -> Option<(u64, usize)> {
    let digits = bytes.get(from..)?;
    let mut number = 0_u64;
    let mut length = 0;
    while let Some(digit) = digits.get(length).filter(|b| b.is_ascii_digit()) {
        number = number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'));
        length += 1;
    }
    let octal = length > 1 && digits[0] == b'0';
    (length > 0 && length < 19 && !octal).then_some((number, from + length))
}

/// Whether the owner is the user, by name (0) or number (1).
fn whose(owner: &[u8], who: [&[u8]; 2]) -> Option<usize> {
    who.iter().position(|w| !w.is_empty() && *w == owner)
}

impl Listing {
    fn keep(&mut self, start: u64, count: u64, here: Here, by: Option<usize>) {
        let last = start.saturating_add(count).saturating_sub(1);
        let (Ok(first), Ok(end)) = (
            u32::try_from(start),
            u32::try_from(last.min(u64::from(u32::MAX))),
        ) else {
            return;
        };
        if count == 0 {
            return;
        }
        let span = Span { first, last: end };
        match by {
            Some(by) => self.own.push(Own {
                span,
                line: here.number,
                by_number: by == 1,
            }),
            None => self.others.push(Other {
                span,
                at: u32::try_from(here.at).unwrap_or(u32::MAX),
            }),
        }
    }

    /// A line that is not `owner:number:number` in plain decimals.
    #[cold]
    fn odd(&mut self, line: &[u8], here: Here, who: [&[u8]; 2]) {
        let mut fields = line.splitn(3, |b| *b == b':');
        let mut field = || fields.next().unwrap_or_default();
        let (by, start, rest) = (whose(field(), who), field(), field());
        let trimmed = line.trim_ascii();
        let blank = trimmed.is_empty() || trimmed.starts_with(b"#");
        if blank {
            return;
        }
        let colons = trimmed.iter().filter(|b| **b == b':').count();
        let fault = |wrong| Fault {
            line: here.number,
            text: String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned(),
            wrong,
            own: by.is_some(),
        };
        let numbers = [start, rest].map(|f| f.trim_ascii_end());
        if colons != 2 {
            push(&mut self.fatal, fault(Wrong::Fields));
        } else if by.is_some() && !numbers.iter().all(|n| atoi(n)) {
            push(&mut self.fatal, fault(Wrong::OwnNumber));
        }
        // shadow looks at three fields only, and reads numbers as C does.
        let count = rest.split(|b| *b == b':').next().unwrap_or_default();
        match (c_number(start), c_number(count)) {
            (Some(start), Some(count)) if line.len() < LONGEST && !line.starts_with(b":") => {
                self.keep(start, count, here, by);
            }
            _ => {
                self.ignored_count += 1;
                push(&mut self.ignored, fault(Wrong::Ignored));
            }
        }
    }
}

fn push(faults: &mut Vec<Fault>, fault: Fault) {
    if faults.len() < MOST_FAULTS {
        faults.push(fault);
    }
}

/// What Go's `Atoi` takes.
fn atoi(field: &[u8]) -> bool {
    let digits = field
        .strip_prefix(b"-")
        .or_else(|| field.strip_prefix(b"+"))
        .unwrap_or(field);
    !digits.is_empty() && digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit)
}

/// strtoul(3) with base 0: `0x10`, and `010` is eight.
fn c_number(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field)
        .ok()?
        .trim_start_matches([' ', '\t']);
    let text = text.strip_prefix('+').unwrap_or(text);
    let radix = |digits: &str, radix| match digits.starts_with(['+', '-']) {
        true => None,
        false => u64::from_str_radix(digits, radix).ok(),
    };
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => radix(hex, 16),
        None if text.len() > 1 && text.starts_with('0') => radix(&text[1..], 8),
        None => radix(text, 10),
    }
}

/// Finds lines by their offsets, each beginning where the one before it was.
pub struct Lines<'a> {
    text: &'a str,
    counted: usize,
    number: usize,
}

impl<'a> Lines<'a> {
    /// From the beginning of a text.
    pub fn new(text: &'a str) -> Self {
        Lines {
            text,
            counted: 0,
            number: 1,
        }
    }

    /// The owner and number of the line at an offset, none before the last one asked for.
    pub fn at(&mut self, at: u32) -> (&'a str, usize) {
        let at = at as usize;
        let between = self.text.as_bytes().get(self.counted..at);
        let ends = between.unwrap_or_default().iter();
        self.number += ends.filter(|b| **b == b'\n').count();
        self.counted = self.counted.max(at);
        let rest = self.text.get(at..).unwrap_or_default();
        let owner = rest.split([':', '\n']).next();
        (owner.unwrap_or_default(), self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> Vec<(u32, u64)> {
        let own = parse(text, "alice", "1001").own;
        own.iter().map(|o| (o.span.first, o.span.count())).collect()
    }

    #[test]
    fn by_name_by_number_and_not_by_likeness() {
        let text = "alice:100000:65536\nalice2:1:1\nmalice:2:2\n1001:300000:10\n10011:4:4\n";
        assert_eq!(own(text), [(100_000, 65_536), (300_000, 10)]);
        let listing = parse(text, "alice", "1001");
        assert!(!listing.own[0].by_number && listing.own[1].by_number);
        assert_eq!(listing.others.len(), 3);
        assert_eq!(Lines::new(text).at(listing.others[2].at), ("10011", 5));
    }

    /// Each was tried on shadow 4.13 with `getsubids` and `rootlesskit true`.
    #[test]
    fn as_shadow_reads_it() {
        assert_eq!(own("alice:0x20000:65536\n"), [(131_072, 65_536)]);
        assert_eq!(own("alice:0100:1\n"), [(64, 1)]);
        assert_eq!(own("alice:100000:65536:x\n"), [(100_000, 65_536)]);
        for nothing in [
            "alice:100000:65536\r\n",
            "alice:100000:65536 \n",
            "\u{feff}alice:100000:65536\n",
            "alice:100000:0\n",
            "alice:100000\n",
            "alice::65536\n",
            "alice:-5:65536\n",
            " alice:100000:65536\n",
        ] {
            assert_eq!(own(nothing), [], "{nothing:?}");
        }
        assert_eq!(own("alice:100000:65536"), [(100_000, 65_536)]);
    }

    #[test]
    fn what_ends_rootlesskit_s_own_parser() {
        let fatal = |text: &str| {
            parse(text, "alice", "1001")
                .fatal
                .first()
                .map(|f| (f.line, f.wrong))
        };
        assert_eq!(
            fatal("alice:100000:65536\nbob:x\n"),
            Some((2, Wrong::Fields))
        );
        assert_eq!(fatal("alice:0x10000:65536\n"), Some((1, Wrong::OwnNumber)));
        assert_eq!(fatal("alice:1:2:3\n"), Some((1, Wrong::Fields)));
        for fine in [
            "#bob:x\n\n  \nalice:1:2\n",
            "bob::\n",
            "bob:x:y\n",
            "alice:1:2\r\n",
            "",
        ] {
            assert_eq!(fatal(fine), None, "{fine:?}");
        }
    }

    #[test]
    fn lines_that_count_for_nobody_are_counted() {
        let listing = parse(
            "bob::\n\u{0}\u{1}\nx:y:z\n:1:1\n# fine\n\n",
            "alice",
            "1001",
        );
        assert_eq!(listing.ignored_count, 4);
        assert_eq!(listing.ignored.len(), 3);
        assert!(parse("a:1:1", "", "").unterminated);
    }

    #[test]
    fn ids_end_with_32_bits() {
        assert_eq!(own("alice:4294967290:65536\n"), [(4_294_967_290, 6)]);
        assert_eq!(own("alice:99999999999:1\n"), []);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "([a-z0-9]{0,3}:?[0-9x ]{0,20}:?[0-9]{0,20}:?\r?\n?){0,5}", any in ".*") {
            for text in [text, any] {
                let listing = parse(&text, "a", "1");
                let mut lines = Lines::new(&text);
                for other in listing.others {
                    lines.at(other.at);
                }
            }
        }
    }
}
