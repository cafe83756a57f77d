//! The filter that all output passes: nothing in text from outside acts on the
//! terminal, reorders what is read, or is invisible.
//!
//! Styling cannot be forged: [`Look::paint`](super::Look::paint) writes a mark
//! that holds a random key of this process, and only the filter, at the very
//! end, makes an escape sequence of it. An escape sequence in the text itself is
//! shown as an escape like any other control character.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

use super::Tone;

/// Whether a character is shown as an escape: control characters, bidirectional
/// controls, invisible and format characters, private use and noncharacters.
pub fn is_hostile(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{13430}'..='\u{13440}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// A text in one line: every hostile character as `\u{202e}`, and a newline as a
/// space.
pub fn one_line(text: &str) -> String {
    text.replace('\n', " ").chars().map(shown).collect()
}

/// One character as it is shown in a line.
pub fn shown(c: char) -> String {
    match is_hostile(c) {
        true => c.escape_unicode().to_string(),
        false => c.to_string(),
    }
}

/// JSON with hostile characters as `\u202e`. Outside of strings there are none but
/// the newline, which JSON itself escapes in strings.
pub fn json(text: String) -> String {
    let hostile = |c: char| is_hostile(c) && c != '\n';
    if !text.contains(hostile) {
        return text;
    }
    let escape = |c: char| match hostile(c) {
        true => {
            let units = c.encode_utf16(&mut [0; 2]).to_vec();
            units.iter().map(|unit| format!("\\u{unit:04x}")).collect()
        }
        false => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// What every mark starts with: a noncharacter, and a key that no text from
/// outside can know.
static MARK: LazyLock<String> = LazyLock::new(|| {
    let key = RandomState::new().build_hasher().finish();
    format!("\u{fdd0}{key:016x}")
});

/// The end of a style, after [`MARK`].
const END: char = '0';

/// Every style, with the character for it after [`MARK`].
const STYLES: [(Tone, char, &str); 7] = [
    (Tone::Good, '1', "\x1b[32m"),
    (Tone::Doubt, '2', "\x1b[33m"),
    (Tone::Bad, '3', "\x1b[31m\x1b[1m"),
    (Tone::Note, '4', "\x1b[36m"),
    (Tone::Dim, '5', "\x1b[2m"),
    (Tone::Strong, '6', "\x1b[1m"),
    (Tone::Code, '7', "\x1b[32m"),
];

/// A text marked with a style.
pub fn marked(tone: Tone, text: &str) -> String {
    let mark = MARK.as_str();
    let style = STYLES.iter().find(|(known, ..)| *known == tone);
    let style = style.map_or(END, |(_, style, _)| *style);
    format!("{mark}{style}{text}{mark}{END}")
}

/// A page as it is written: marks become styles, and hostile characters escapes.
/// Newlines and tabs stay.
pub fn page(text: &str) -> String {
    let hostile = |c: char| is_hostile(c) && c != '\n' && c != '\t';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(hostile) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let sequence = rest.strip_prefix(MARK.as_str()).and_then(|after| {
            let style = after.chars().next()?;
            Some((sequence(style)?, &after[style.len_utf8()..]))
        });
        rest = match sequence {
            Some((sequence, after)) => {
                out.push_str(sequence);
                after
            }
            None => {
                let c = rest.chars().next().unwrap_or_default();
                out.push_str(&shown(c));
                &rest[c.len_utf8()..]
            }
        };
    }
    out.push_str(rest);
    out
}

fn sequence(style: char) -> Option<&'static str> {
    if style == END {
        return Some("\x1b[0m");
    }
    let known = STYLES.iter().find(|(_, known, _)| *known == style);
    known.map(|(_, _, sequence)| *sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every hostile character there is.
    fn all() -> String {
        ('\0'..=char::MAX).filter(|c| is_hostile(*c)).collect()
    }

    #[test]
    fn every_hostile_character_becomes_an_escape() {
        assert!(all().chars().count() > 139_000);
        assert!(!one_line(&all()).contains(is_hostile));
        assert_eq!(page(&all()).replace(['\n', '\t'], ""), {
            let text = all().replace(['\n', '\t'], "");
            text.chars().map(shown).collect::<String>()
        });
        assert_eq!(one_line("a\x1b[2Jb\nc\u{202e}"), "a\\u{1b}[2Jb c\\u{202e}");
    }

    #[test]
    fn letters_of_every_script_stay() {
        let text = "Ünïcödé пример 例 مثال ελ 한국어 😀 …\n\t✓";
        assert_eq!(page(text), text);
    }

    #[test]
    fn only_paint_makes_a_style() {
        let red = "\x1b[31mred\x1b[0m";
        assert_eq!(page(red), "\\u{1b}[31mred\\u{1b}[0m");
        assert_eq!(page(&marked(Tone::Good, "ok")), "\x1b[32mok\x1b[0m");
        let forged = format!("\u{fdd0}{:016x}1", 0);
        assert!(page(&forged).starts_with("\\u{fdd0}"));
        let smuggled = page(&marked(Tone::Bad, red));
        assert_eq!(smuggled, "\x1b[31m\x1b[1m\\u{1b}[31mred\\u{1b}[0m\x1b[0m");
    }

    #[test]
    fn json_keeps_its_data() {
        let text = serde_json::to_string_pretty(&[all()]).unwrap();
        let safe = json(text);
        assert!(!safe.replace('\n', "").contains(is_hostile));
        let read: [String; 1] = serde_json::from_str(&safe).unwrap();
        assert_eq!(read, [all()]);
    }
}
