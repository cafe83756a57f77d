//! JSON that was quoted, wrapped, indented or cut, made readable again.

/// Deeper nesting is no ticket.
const DEEPEST: usize = 64;

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Mended {
    /// One JSON value.
    pub text: String,
    /// It was cut: the end is ours.
    pub cut: bool,
    /// How many bytes of the source it took.
    pub used: usize,
}

/// Reads one JSON object from the start of `text`, passing over what mail puts
/// before lines (`> `, blanks) and closing what a cut left open.
///
/// # Errors
/// When it is nested deeper than any ticket.
pub fn mend(text: &str) -> Result<Mended, &'static str> {
    let mut scan = Scan::default();
    for (at, c) in text.char_indices() {
        scan.take(c)?;
        if scan.started && scan.open.is_empty() {
            return Ok(Mended {
                text: scan.out,
                cut: false,
                used: at + c.len_utf8(),
            });
        }
    }
    Ok(Mended {
        text: scan.closed(),
        cut: true,
        used: text.len(),
    })
}

#[derive(Default)]
struct Scan {
    out: String,
    /// The brackets that are open.
    open: Vec<char>,
    in_string: bool,
    escaped: bool,
    started: bool,
    at_line_start: bool,
    /// How much of `out` is whole members, and the brackets open there.
    whole: (usize, Vec<char>),
}

impl Scan {
    fn take(&mut self, c: char) -> Result<(), &'static str> {
        if self.at_line_start && (c == '>' || c.is_whitespace()) {
            return Ok(());
        }
        self.at_line_start = c == '\n' || c == '\r';
        if self.in_string {
            self.string(c);
            return Ok(());
        }
        match c {
            '"' => self.in_string = true,
            '{' | '[' => self.begin(c)?,
            '}' | ']' => {
                self.open.pop();
            }
            // A member, a check or a fact is whole when the next begins.
            ',' if self.is_between() => self.whole = (self.out.len(), self.open.clone()),
            _ => {}
        }
        self.out.push(c);
        Ok(())
    }

    fn begin(&mut self, c: char) -> Result<(), &'static str> {
        self.started = true;
        self.open.push(c);
        match self.open.len() > DEEPEST {
            true => Err("it is nested too deep"),
            false => Ok(()),
        }
    }

    /// Between members of the ticket, checks, or facts: what is in those is one.
    fn is_between(&self) -> bool {
        matches!(
            self.open[..],
            ['{'] | ['{', '['] | ['{', '{'] | ['{', '{', '{']
        )
    }

    /// A line's end within a string comes from a mail program that wrapped it.
    fn string(&mut self, c: char) {
        match c {
            '\r' => return,
            '\n' => {
                self.out.push(' ');
                return;
            }
            _ if self.escaped => self.escaped = false,
            '\\' => self.escaped = true,
            '"' => self.in_string = false,
            _ => {}
        }
        self.out.push(c);
    }

    /// What is whole, with its brackets closed.
    fn closed(mut self) -> String {
        let (len, open) = self.whole;
        self.out.truncate(len);
        let close = |c: &char| if *c == '{' { '}' } else { ']' };
        self.out.extend(open.iter().rev().map(close));
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> (String, bool) {
        let mended = mend(source).unwrap();
        (mended.text, mended.cut)
    }

    #[test]
    fn quotes_and_wraps_go() {
        let quoted = "{\"a\":\r\n> > [1,\r\n> > \"x\ny\"]}\n> ```";
        assert_eq!(text(quoted), ("{\"a\":\r[1,\r\"x y\"]}".into(), false));
    }

    #[test]
    fn what_was_cut_ends_with_the_last_whole_member() {
        let source = "{\"a\":[{\"b\":\"}\\\"\"},{\"c\":1,\"d\":[2,3]}],\"e\":\"f\"}";
        for end in 1..source.len() {
            let (mended, cut) = text(&source[..end]);
            assert!(cut);
            if !mended.is_empty() {
                let value: serde_json::Value = serde_json::from_str(&mended).unwrap();
                assert!(value.is_object(), "{mended}");
            }
        }
        assert_eq!(text(&source[..30]).0, "{\"a\":[{\"b\":\"}\\\"\"}]}");
        assert_eq!(text(source), (source.to_owned(), false));
    }

    #[test]
    fn a_bomb_is_refused() {
        assert!(mend(&"[".repeat(100_000)).is_err());
        assert!(mend(&"{\"a\":".repeat(100_000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn never_panics(source in "[\\[\\]{},:\"\\\\> \r\na1]{0,80}", more in ".{0,40}") {
            let _ = mend(&source);
            let _ = mend(&more);
        }
    }
}
