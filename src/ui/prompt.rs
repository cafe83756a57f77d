//! Questions, asked on a terminal only.

use std::io::ErrorKind;
use std::time::Duration;

use console::Term;
use dialoguer::{Confirm, MultiSelect, Select};

use super::terminal;

/// Longer than it takes to end the program.
const END: Duration = Duration::from_secs(30);

/// Whether somebody is there to answer: standard input and standard error are
/// both terminals.
pub fn somebody_is_there() -> bool {
    use std::io::IsTerminal;
    std::io::stdin().is_terminal() && Term::stderr().is_term()
}

/// Yes or no; no answer (Escape) is no.
pub fn confirm(question: &str, default: bool) -> bool {
    let asked = Confirm::new().with_prompt(question).default(default);
    answer(|terminal| asked.interact_on_opt(terminal)).unwrap_or(false)
}

/// One of several; none for Escape.
pub fn choose(question: &str, answers: &[&str]) -> Option<usize> {
    let asked = Select::new()
        .with_prompt(question)
        .items(answers)
        .default(0);
    answer(|terminal| asked.interact_on_opt(terminal))
}

/// The answer to a question. Ctrl-C is none: it has become a signal, and whoever
/// watches for signals ends the program; nothing more is asked or told meanwhile.
fn answer<T>(ask: impl FnOnce(&Term) -> dialoguer::Result<Option<T>>) -> Option<T> {
    let terminal = Term::stderr();
    terminal::remember();
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

/// Some of several, those marked chosen at first; none for Escape.
pub fn choose_some(question: &str, answers: &[(String, bool)]) -> Option<Vec<usize>> {
    let asked = MultiSelect::new()
        .with_prompt(question)
        .items_checked(answers.iter().map(|(text, chosen)| (text, *chosen)));
    answer(|terminal| asked.interact_on_opt(terminal))
}
