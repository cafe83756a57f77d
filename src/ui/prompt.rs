//! Questions, asked on a terminal only: with keys, or line by line where the
//! terminal cannot draw, or somebody is listening instead of looking.

use std::io::{ErrorKind, stdin, stdout};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use console::Term;
use dialoguer::{Confirm, MultiSelect, Select};

use super::filter::one_line;
use super::{note as show, terminal};

/// Longer than it takes to end the program.
const END: Duration = Duration::from_secs(30);

/// An answer of more bytes is none.
const MOST_LINE: usize = 4096;

static PLAIN: AtomicBool = AtomicBool::new(false);

/// Questions are numbered lines from now on: nothing is redrawn.
pub fn be_plain() {
    PLAIN.store(true, Relaxed);
}

/// Whether they are: asked for, or the terminal cannot draw.
pub fn is_plain() -> bool {
    PLAIN.load(Relaxed) || terminal::is_dumb()
}

/// Whether somebody is there to answer: standard input and standard error are
/// both terminals.
pub fn somebody_is_there() -> bool {
    use std::io::IsTerminal;
    stdin().is_terminal() && Term::stderr().is_term()
}

/// The same, and standard output is one, too.
pub fn somebody_looks() -> bool {
    use std::io::IsTerminal;
    somebody_is_there() && stdout().is_terminal()
}

/// Yes or no; no answer (Escape) is no.
pub fn confirm(question: &str, default: bool) -> bool {
    if is_plain() {
        let keys = if default { "[Y/n]" } else { "[y/N]" };
        return plain(&format!("{question} {keys}"), |line| match line {
            "" => Some(default),
            "y" | "yes" => Some(true),
            "n" | "no" => Some(false),
            _ => None,
        })
        .unwrap_or(false);
    }
    let asked = Confirm::new()
        .with_prompt(one_line(question))
        .default(default);
    answer(|terminal| asked.interact_on_opt(terminal)).unwrap_or(false)
}

/// One of several; none for Escape.
pub fn choose(question: &str, answers: &[&str]) -> Option<usize> {
    select(question, answers, 0, true)
}

/// One of several, of which `first` is the one that stands there; none for Escape.
/// With keys, the question is gone then: whoever asks tells the answer.
pub fn choose_from(question: &str, answers: &[impl AsRef<str>], first: usize) -> Option<usize> {
    select(question, answers, first, false)
}

fn select(
    question: &str,
    answers: &[impl AsRef<str>],
    first: usize,
    report: bool,
) -> Option<usize> {
    if is_plain() {
        list(answers.iter().map(|answer| (answer.as_ref(), "")));
        let ask = format!(
            "{question} [1-{}, {} if empty, b: back]",
            answers.len(),
            first + 1
        );
        let said = |line: &str| {
            let is = |answer: &&_| AsRef::<str>::as_ref(*answer).eq_ignore_ascii_case(line);
            answers.iter().position(|answer| is(&answer))
        };
        return plain(&ask, |line| {
            number(line, first, answers.len()).or_else(|| said(line))
        });
    }
    let asked = Select::new()
        .with_prompt(one_line(question))
        .items(answers.iter().map(|answer| one_line(answer.as_ref())))
        .default(first)
        .report(report);
    answer(|terminal| asked.interact_on_opt(terminal))
}

/// Some of several, those marked chosen at first; none for Escape.
pub fn choose_some(question: &str, answers: &[(String, bool)]) -> Option<Vec<usize>> {
    if is_plain() {
        let mark = |chosen| if chosen { "[x] " } else { "[ ] " };
        list(
            answers
                .iter()
                .map(|(text, chosen)| (text.as_str(), mark(*chosen))),
        );
        let marked = (0..answers.len())
            .filter(|n| answers[*n].1)
            .collect::<Vec<_>>();
        let ask = format!("{question} [numbers; empty: those marked; 0: none; b: back]");
        return plain(&ask, |line| match line {
            "" => Some(marked.clone()),
            "0" => Some(Vec::new()),
            line => {
                let words = line.split([',', ' ']).filter(|word| !word.is_empty());
                words.map(|word| number(word, 0, answers.len())).collect()
            }
        });
    }
    let items = answers
        .iter()
        .map(|(text, chosen)| (one_line(text), *chosen));
    let asked = MultiSelect::new()
        .with_prompt(one_line(question))
        .items_checked(items);
    answer(|terminal| asked.interact_on_opt(terminal))
}

/// A line of text, without white space around it; none for nothing, or Escape.
pub fn line(question: &str) -> Option<String> {
    show_question(question);
    read().filter(|line| !line.is_empty() && !line.contains('\x1b'))
}

/// The answer to a question. Ctrl-C is none: it has become a signal, and whoever
/// watches for signals ends the program; nothing more is asked or told meanwhile.
fn answer<T>(ask: impl FnOnce(&Term) -> dialoguer::Result<Option<T>>) -> Option<T> {
    let terminal = Term::stderr();
    terminal::remember();
    terminal::discard_input();
    match ask(&terminal) {
        Ok(answer) => answer,
        Err(dialoguer::Error::IO(e)) => {
            if e.kind() == ErrorKind::Interrupted {
                std::thread::sleep(END);
            }
            // Nobody is left to answer.
            let _ = terminal.show_cursor();
            None
        }
    }
}

/// Asks until a line is understood; none for `b`, Escape, or the end of input.
fn plain<T>(question: &str, understand: impl Fn(&str) -> Option<T>) -> Option<T> {
    loop {
        show_question(question);
        let line = read()?;
        if line == "b" || line.contains('\x1b') {
            return None;
        }
        if let Some(answer) = understand(&line.to_ascii_lowercase()) {
            return Some(answer);
        }
        show(&format!("{} is not an answer.\n", one_line(&line)));
    }
}

/// Shows a question. What was typed before it is not an answer to it.
fn show_question(question: &str) {
    terminal::discard_input();
    show(&format!("{}: ", one_line(question)));
}

fn number(line: &str, empty: usize, count: usize) -> Option<usize> {
    match line {
        "" => Some(empty),
        line => line
            .parse::<usize>()
            .ok()?
            .checked_sub(1)
            .filter(|n| *n < count),
    }
}

fn list<'a>(answers: impl Iterator<Item = (&'a str, &'a str)>) {
    for (n, (text, mark)) in answers.enumerate() {
        show(&format!("  {}. {mark}{}\n", n + 1, one_line(text)));
    }
}

/// None at the end of input, and for what is no line.
fn read() -> Option<String> {
    terminal::remember();
    let mut line = String::new();
    match stdin().read_line(&mut line) {
        Ok(1..=MOST_LINE) => Some(line.trim().to_owned()),
        _ => None,
    }
}
