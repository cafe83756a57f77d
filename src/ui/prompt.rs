//! Questions, asked on a terminal only.

use console::Term;
use dialoguer::{Confirm, Select};

/// Whether somebody is there to answer: standard input and standard error are
/// both terminals.
pub fn somebody_is_there() -> bool {
    use std::io::IsTerminal;
    std::io::stdin().is_terminal() && Term::stderr().is_term()
}

/// Yes or no; no answer (Escape) is no.
pub fn confirm(question: &str, default: bool) -> bool {
    let asked = Confirm::new().with_prompt(question).default(default);
    let answer = asked.interact_on_opt(&Term::stderr());
    answer.ok().flatten().unwrap_or(false)
}

/// One of several; none for Escape.
pub fn choose(question: &str, answers: &[&str]) -> Option<usize> {
    let asked = Select::new()
        .with_prompt(question)
        .items(answers)
        .default(0);
    asked.interact_on_opt(&Term::stderr()).ok().flatten()
}
