//! A terminal's screen as an SVG file.

use std::fmt::Write;
use vt100::{Cell, Color, Parser};

/// Width and height of a cell, and the margin around all, in SVG's units.
const CELL: (f32, f32) = (8.4, 18.0);
const MARGIN: f32 = 16.0;

/// Where the letters of the first line stand.
const BASELINE: f32 = MARGIN + 13.0;

const FOREGROUND: &str = "#d8dee9";

/// The eight colours and their bright ones.
const PALETTE: [&str; 16] = [
    "#3b4252", "#e06c75", "#8fbf7f", "#e5c07b", "#7aa2f7", "#c586c0", "#6cc5d2", "#d8dee9",
    "#7d879a", "#f28b82", "#a8d59a", "#f0d399", "#9dbcff", "#dca6d8", "#92dbe6", "#ffffff",
];

/// The picture: the line that was typed, and below it what came. `title` is for
/// those who do not see it.
pub fn picture(parser: &Parser, typed: &str, title: &str) -> String {
    let screen = parser.screen();
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let row = |row: u16| (0..columns).filter_map(move |column| screen.cell(row, column));
    let is_used = |n: &u16| row(*n).any(|cell| cell.has_contents() && cell.contents() != " ");
    let used = (0..rows).filter(is_used).max().map_or(0, |last| last + 1);
    let width = f32::from(columns) * CELL.0 + 2.0 * MARGIN;
    let height = f32::from(used + 1) * CELL.1 + 2.0 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"{title}\">\n\
         <title>{title}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1e222a\"/>\n\
         <g font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" \
         font-size=\"14\" fill=\"{FOREGROUND}\">\n",
        title = escaped(title)
    );
    run(&mut out, 0, 0, typed, "font-weight=\"bold\"");
    for n in 0..used {
        for (column, text, look) in runs(row(n)) {
            run(&mut out, n + 1, column, &text, &look);
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// Neighbours that look the same, with the column of the first.
fn runs<'a>(cells: impl Iterator<Item = &'a Cell>) -> Vec<(u16, String, String)> {
    let mut runs: Vec<(u16, String, String)> = Vec::new();
    for (column, cell) in (0..).zip(cells) {
        let text = match cell.contents() {
            "" => " ",
            text => text,
        };
        let look = look(cell);
        match runs.last_mut() {
            Some((_, before, same)) if *same == look => before.push_str(text),
            _ => runs.push((column, text.to_owned(), look)),
        }
    }
    runs
}

fn look(cell: &Cell) -> String {
    let mut look = String::new();
    match cell.fgcolor() {
        Color::Idx(n) if usize::from(n) < PALETTE.len() => {
            let _ = write!(look, "fill=\"{}\"", PALETTE[usize::from(n)]);
        }
        _ if cell.dim() => look.push_str("fill=\"#8b95a7\""),
        _ => {}
    }
    if cell.bold() {
        look.push_str(" font-weight=\"bold\"");
    }
    look
}

/// One run of letters. What stands apart is placed apart: readers of SVG make one
/// blank of many.
fn run(out: &mut String, row: u16, column: u16, text: &str, look: &str) {
    let y = BASELINE + f32::from(row) * CELL.1;
    let mut at = usize::from(column);
    for part in text.split("  ") {
        let blank = part.len() - part.trim_start().len();
        let letters = part.trim();
        if !letters.is_empty() {
            let x = MARGIN + to_f32(at + blank) * CELL.0;
            let length = to_f32(letters.chars().count()) * CELL.0;
            let letters = escaped(letters);
            let _ = writeln!(
                out,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" {look}>{letters}</text>"
            );
        }
        at += part.chars().count() + 2;
    }
}

/// No line of a terminal is longer than what fits.
fn to_f32(count: usize) -> f32 {
    f32::from(u16::try_from(count).unwrap_or(u16::MAX))
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_where_the_terminal_has_them() {
        let size = |n| std::num::NonZero::new(n).unwrap();
        let mut parser = Parser::new(size(5), size(20), 0);
        parser.process(b"a <b>   c\r\n  \x1b[31;1mFAIL\x1b[0m  x\r\n");
        let svg = picture(&parser, "$ it", "what \"it\" says");
        assert!(svg.contains("aria-label=\"what &quot;it&quot; says\""));
        assert!(svg.contains(">a &lt;b&gt;</text>"));
        assert!(
            svg.contains("x=\"83.2\" y=\"47.0\" textLength=\"8.4\" >c<"),
            "{svg}"
        );
        assert!(svg.contains(
            "x=\"32.8\" y=\"65.0\" textLength=\"33.6\" fill=\"#e06c75\" font-weight=\"bold\">FAIL<"
        ));
        assert!(svg.contains("x=\"83.2\""), "{svg}");
        assert_eq!(svg.matches("<text").count(), 5);
    }
}
