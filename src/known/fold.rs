//! Lines that a terminal or a mail program broke, joined again.

use super::clean::message;

/// So many lines at most belong together, and so many bytes.
const MOST_LINES: usize = 10;
const MOST_BYTES: usize = 4096;

/// Nobody breaks lines that are shorter than this.
const NARROWEST: usize = 60;

/// The line at the beginning of `text` with those that continue it; none if
/// nothing does. Where they were broken nothing is put.
pub fn joined(text: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.split(|b| *b == b'\n').map(without_quoting);
    let first = lines.next()?;
    let mut all = first.to_vec();
    let mut last = first;
    let mut count = 1;
    for next in lines {
        let fits = count < MOST_LINES && all.len() + next.len() <= MOST_BYTES;
        if !fits || !continues(last, next) {
            break;
        }
        all.extend_from_slice(next);
        (last, count) = (next, count + 1);
    }
    (count > 1).then_some(all)
}

/// Whether `line` may have been broken before `next`: it is long, what comes
/// next would not have fitted, and does not begin as entries of logs do.
fn continues(line: &[u8], next: &[u8]) -> bool {
    let word = next.iter().position(|b| *b == b' ').unwrap_or(next.len());
    let full = line.len() >= NARROWEST || line.len() + word > NARROWEST;
    let starts = |with: &&[u8]| next.starts_with(with);
    full && !next.is_empty() && !ENTRIES.iter().any(starts) && message(next) == next
}

/// How entries of logs begin.
const ENTRIES: [&[u8]; 9] = [
    b"time=", b"level=", b"+ ", b"[", b"{\"", b"INFO[", b"WARN[", b"ERRO[", b"Error",
];

/// Without `> ` and indentation.
fn without_quoting(line: &[u8]) -> &[u8] {
    let end = line
        .iter()
        .rposition(|b| *b != b'\r')
        .map_or(0, |at| at + 1);
    let mut rest = &line[..end];
    while let [b' ' | b'\t' | b'>', tail @ ..] = rest {
        rest = tail;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        joined(text.as_bytes()).map_or_else(String::new, |j| String::from_utf8(j).unwrap())
    }

    #[test]
    fn broken_by_a_terminal_or_by_mail() {
        let line = "[rootlesskit:parent] error: failed to start the child: fork/exec /proc/self/exe: operation not permitted";
        let (a, b) = line.split_at(84);
        assert_eq!(of(&format!("{a}\n{b}\nnext")), line);
        assert_eq!(of(&format!("> > {a}\r\n> > {b}\r\n\r\n")), line);
        let (a, b) = line.split_at(line.find(" operation").unwrap());
        assert_eq!(
            of(&format!("{a}\n{}\n", b.trim())),
            line.replace(": op", ":op")
        );
    }

    #[test]
    fn entries_of_a_log_are_not_joined() {
        let long = "x".repeat(100);
        for next in [
            "",
            "[rootlesskit:child ] error: x",
            "time=\"x\" level=info",
            "Sep 27 14:44:14 u d[1]: x",
            "2024-08-14T06:12:37.1Z x",
        ] {
            assert_eq!(of(&format!("{long}\n{next}")), "", "{next:?}");
        }
        assert_eq!(of("short\nlines"), "");
        assert_eq!(of(&long), "");
    }

    proptest::proptest! {
        #[test]
        fn bounded(text in proptest::collection::vec(proptest::num::u8::ANY, 0..9000)) {
            assert!(joined(&text).is_none_or(|j| j.len() <= MOST_BYTES.max(text.len())));
        }
    }
}
