//! Host text in Markdown: nothing in it is markup, a mention, a link, an issue.

use crate::ui::filter;

/// Prose: words of plain letters as they are, anything else as code.
pub fn prose(text: &str) -> String {
    let safe = harmless(text);
    let mut out = String::new();
    let mut code: Vec<&str> = Vec::new();
    for word in safe.split_whitespace() {
        if is_plain(word) {
            flush(&mut out, &mut code);
            space(&mut out);
            out.push_str(word);
        } else {
            code.push(word);
        }
    }
    flush(&mut out, &mut code);
    out
}

fn space(out: &mut String) {
    if !out.is_empty() {
        out.push(' ');
    }
}

fn flush(out: &mut String, words: &mut Vec<&str>) {
    if words.is_empty() {
        return;
    }
    space(out);
    let text = words.join(" ");
    // What ends a sentence stays outside.
    let bare = text.trim_end_matches([',', ';', ':', '.']);
    let (bare, end) = if bare.is_empty() {
        (text.as_str(), "")
    } else {
        text.split_at(bare.len())
    };
    out.push_str(&code(bare));
    out.push_str(end);
    words.clear();
}

/// A word that no Markdown processor makes anything else of: no `@name`, no
/// `#12`, no hash of a commit, no smiley, no address.
fn is_plain(word: &str) -> bool {
    let inner = word.trim_matches(|c| "(),;:.?".contains(c));
    let ordinary = |c: char| c.is_alphanumeric() || "-/'".contains(c);
    let hex = inner.len() >= 7 && inner.bytes().all(|b| b.is_ascii_hexdigit());
    let marks = word.len() - inner.len();
    !inner.is_empty()
        && marks < 4
        && inner.chars().all(|c| ordinary(c) || ".,;:()".contains(c))
        && !inner.contains("..")
        && !inner.contains("::")
        && !word.starts_with(':')
        && inner.starts_with(char::is_alphanumeric)
        && !inner.to_ascii_lowercase().starts_with("www")
        && !inner.contains(":/")
        && !is_reference(inner)
        && !hex
}

/// `GH-12`, and `a.b` that may be taken for a site.
fn is_reference(word: &str) -> bool {
    let issue = word.len() > 3 && word.to_ascii_uppercase().starts_with("GH-");
    let letters = word.chars().any(char::is_alphabetic);
    issue || (letters && word.contains('.'))
}

/// A code span. In a table a `|` would end the cell, even here, but for a backslash.
pub fn code(text: &str) -> String {
    let text = harmless(text);
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// For a cell of a table.
pub fn cell(markdown: &str) -> String {
    markdown.replace('|', "\\|")
}

/// A fenced block.
pub fn block(info: &str, lines: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let lines: Vec<String> = lines
        .into_iter()
        .map(|line| harmless(line.as_ref()))
        .collect();
    let runs = lines
        .iter()
        .map(|line| longest_run(line))
        .max()
        .unwrap_or_default();
    let fence = "`".repeat((runs + 1).max(3));
    format!("{fence}{info}\n{}\n{fence}\n", lines.join("\n"))
}

/// No control characters, and nothing that a reader would take for a ticket's data.
fn harmless(text: &str) -> String {
    filter::one_line(text).replace("rootless_setup_ticket", "rootless_setup ticket")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_word_is_code() {
        for (text, markdown) in [
            ("linger is off", "linger is off"),
            (
                "has no profile for /home/u/bin, it seems",
                "has no profile for `/home/u/bin`, it seems",
            ),
            (
                "ask @admin about #12 and GH-7",
                "ask `@admin` about `#12` and `GH-7`",
            ),
            ("a <b>bold</b> move", "a `<b>bold</b>` move"),
            ("at deadbeef0 see www.x.y", "at `deadbeef0` see `www.x.y`"),
            ("50% of :tada: it", "`50%` of `:tada`: it"),
            (
                "uid 1000: 100000:65536, 0.5 (see 1/2)",
                "uid 1000: 100000:65536, 0.5 (see 1/2)",
            ),
            ("a `tick` b", "a `` `tick` `` b"),
        ] {
            assert_eq!(prose(text), markdown);
        }
    }

    #[test]
    fn fences_are_longer_than_what_is_in_them() {
        assert_eq!(block("text", ["a", "````"]), "`````text\na\n````\n`````\n");
        assert_eq!(code("x`y"), "``x`y``");
    }
}
