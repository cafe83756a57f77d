//! What the terminal can show: colour, width, characters. Decided once, for
//! the stream it is about.

use console::Term;

use super::filter;
use crate::cli;

/// What a piece of text means; the colour never says more than the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// A warning, or something undetermined.
    Doubt,
    /// A failure.
    Bad,
    /// Worth knowing.
    Note,
    /// In the background.
    Dim,
    /// A heading.
    Strong,
    /// To be typed.
    Code,
}

/// How to show text on one stream.
#[derive(Clone, Debug)]
pub struct Look {
    colour: bool,
    ascii: bool,
    width: usize,
    is_term: bool,
}

/// No line is longer than this, however wide the terminal is.
const WIDEST: usize = 100;

impl Look {
    /// No colour, 80 columns, any character.
    pub fn plain() -> Self {
        Look {
            colour: false,
            ascii: false,
            width: 80,
            is_term: false,
        }
    }

    /// What standard output can show.
    pub fn stdout(color: cli::Color, ascii: bool) -> Self {
        let term = Term::stdout();
        Look {
            colour: wants_colour(color, term.is_term()),
            ascii: ascii || !locale_is_utf8(),
            width: width(&term),
            is_term: term.is_term(),
        }
    }

    /// What standard error can show, without colour.
    pub fn stderr() -> Self {
        let term = Term::stderr();
        Look {
            width: width(&term),
            is_term: term.is_term(),
            ..Look::plain()
        }
    }

    /// Marks a text with the style of its meaning, which printing turns into colour.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        match self.colour {
            true => filter::marked(tone, text),
            false => text.to_owned(),
        }
    }

    /// A text from outside as part of one line: hostile characters are escapes, a
    /// newline is a space, and with `--ascii` nothing else is left.
    pub fn safe(&self, text: &str) -> String {
        let text = filter::one_line(text);
        let ascii = |c: char| match c.is_ascii() {
            true => c.to_string(),
            false => c.escape_unicode().to_string(),
        };
        match self.ascii {
            true => text.chars().map(ascii).collect(),
            false => text,
        }
    }

    /// As much of a text as stands on a line beside `taken` columns.
    pub fn cut(&self, text: &str, taken: usize) -> String {
        let end = if self.ascii { "..." } else { "…" };
        let room = self.width.saturating_sub(taken);
        console::truncate_str(&self.safe(text), room, end).into_owned()
    }

    /// A line, at a terminal wrapped where it is too long; what is no terminal gets it
    /// in one piece. Continuation lines are indented by `indent`, which the line's own
    /// indentation is not part of.
    pub fn line(&self, text: &str, indent: usize) -> String {
        let safe = self.safe(text);
        let fits = |text: &str| indent + console::measure_text_width(text) <= self.width;
        // A path that fits on no line is left to the terminal as it is.
        match self.is_term && !fits(&safe) && safe.split(' ').all(fits) {
            true => self.wrap(&safe, indent),
            false => safe,
        }
    }

    /// Wraps at the width, continuation lines indented by `indent`.
    pub fn wrap(&self, text: &str, indent: usize) -> String {
        let mut lines = String::new();
        let mut column = indent;
        for word in self.safe(text).split_whitespace() {
            let width = console::measure_text_width(word);
            if column > indent && column + 1 + width > self.width {
                lines.push('\n');
                lines.push_str(&" ".repeat(indent));
                column = indent;
            } else if column > indent {
                lines.push(' ');
                column += 1;
            }
            lines.push_str(word);
            column += width;
        }
        lines
    }
}

/// Columns of what is shown on a stream.
fn width(term: &Term) -> usize {
    match term.size_checked() {
        Some((_, columns)) if term.is_term() => usize::from(columns).clamp(40, WIDEST),
        _ => 80,
    }
}

/// `--color` over `NO_COLOR` over `CLICOLOR_FORCE` over `TERM=dumb` over the stream.
#[expect(clippy::disallowed_methods, reason = "the terminal's own variables")]
fn wants_colour(color: cli::Color, is_term: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
    match color {
        cli::Color::Always => true,
        cli::Color::Never => false,
        cli::Color::Auto if set("NO_COLOR").is_some() => false,
        cli::Color::Auto if set("CLICOLOR_FORCE").is_some_and(|v| v != "0") => true,
        cli::Color::Auto if set("TERM").is_none_or(|v| v == "dumb") => false,
        cli::Color::Auto => is_term,
    }
}

/// By `LC_ALL`, `LC_CTYPE`, `LANG`, the first that is set; none is the C locale.
#[expect(clippy::disallowed_methods, reason = "the terminal's own variables")]
fn locale_is_utf8() -> bool {
    let set = |name: &&str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(set)
        .unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_at_the_width() {
        let look = Look {
            width: 20,
            ..Look::plain()
        };
        assert_eq!(
            look.wrap("one two three four five", 4),
            "one two three\n    four five"
        );
    }

    #[test]
    fn a_line_is_wrapped_for_a_terminal_alone() {
        let pipe = Look {
            width: 20,
            ..Look::plain()
        };
        let term = Look {
            is_term: true,
            ..pipe.clone()
        };
        let words = "one two three four five";
        assert_eq!(pipe.line(words, 2), words);
        assert_eq!(term.line(words, 2), "one two three four\n  five");
        let path = "write /a/path/longer/than/a/line (mode 0644)";
        assert_eq!(term.line(path, 2), path);
    }
}
