//! One option as a question: what it is, what it costs, what holds here, and
//! the answers that this host supports.

use super::offer::Offer;
use crate::plan::option::{Choice, Key, Kind, Named, Options, Value};

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is said before it, a paragraph each.
    pub says: Vec<String>,
    /// Its one line.
    pub asks: String,
    /// What can be answered, and what each means.
    pub answers: Vec<(String, Answer)>,
    /// The answer that stands there at first.
    pub first: usize,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It stays as it is installed, or is left to Docker.
    Leave,
    /// This.
    Say(Choice),
    /// It is to be typed.
    Type,
}

impl Question {
    /// The question about an option, after `answers` to others.
    pub fn new(key: Key, offer: &Offer, answers: &Options) -> Question {
        let entry = key.entry();
        let mut question = Question {
            says: vec![format!("{}.", entry.what)],
            asks: short(key).to_owned(),
            answers: Vec::new(),
            first: 0,
        };
        if !entry.cost.is_empty() {
            question.says.push(format!("Costs: {}.", entry.cost));
        }
        match key {
            Key::Linger | Key::ShellEnv => question.of_run(key, offer),
            _ => question.of_setting(key, offer, answers),
        }
        if let Some(Named { choice, .. }) = answers.get(key) {
            question.remember(choice);
        }
        question
    }

    fn add(&mut self, text: impl Into<String>, answer: Answer) {
        self.answers.push((text.into(), answer));
    }

    /// Yes or no, of which one is better.
    fn of_run(&mut self, key: Key, offer: &Offer) {
        let (yes, no) = (
            Choice::Set(Value::Flag(true)),
            Choice::Set(Value::Flag(false)),
        );
        if let Some(file) = offer.shell.as_ref().filter(|_| key == Key::ShellEnv) {
            self.says.push(format!(
                "Here: {file}. The docker command finds the daemon without it, by its context."
            ));
        }
        self.add("yes", Answer::Say(yes));
        self.add("no", Answer::Say(no));
        // Who wants no daemon at boot says so; who wants a variable, too.
        self.first = usize::from(key == Key::ShellEnv);
    }

    fn of_setting(&mut self, key: Key, offer: &Offer, answers: &Options) {
        let default = docker(key, offer);
        match offer.installed.get(key) {
            Some(value) => {
                self.add(format!("as it is: {value}"), Answer::Leave);
                self.add(
                    format!("Docker's choice: {default}"),
                    Answer::Say(Choice::Auto),
                );
            }
            None => self.add(format!("Docker's choice: {default}"), Answer::Leave),
        }
        let kind = key.entry().kind;
        let installed = offer.installed.get(key);
        let mut refused = Vec::new();
        for word in kind.words() {
            let Ok(choice) = kind.word(word) else {
                continue;
            };
            match offer.refused_word(key, word, answers) {
                Some(why) => refused.push(format!("{word} ({why})")),
                // It stands there as what is.
                None if choice == Choice::Auto
                    || installed.is_some_and(|v| choice == Choice::Set(v.clone())) => {}
                None => self.add(word, Answer::Say(choice)),
            }
        }
        if !matches!(kind, Kind::Flag | Kind::Word(_)) {
            self.says
                .push(format!("Takes: {}{}.", kind.expected(), several(kind)));
            self.add("another, to be typed", Answer::Type);
        }
        if !refused.is_empty() {
            self.says.push(format!("Not here: {}.", refused.join(", ")));
        }
    }

    /// What was answered before stands there.
    fn remember(&mut self, choice: &Choice) {
        let said = |answer: &Answer| *answer == Answer::Say(choice.clone());
        let at = self.answers.iter().position(|(_, answer)| said(answer));
        let typed = || {
            self.answers
                .iter()
                .position(|(_, answer)| *answer == Answer::Type)
        };
        if let Some(at) = at.or_else(typed) {
            self.first = at;
        }
    }
}

/// What Docker does by itself, in a word where that is known here.
fn docker(key: Key, offer: &Offer) -> String {
    match (key, offer.picked) {
        (Key::Net, Some(net)) => net.name().to_owned(),
        _ => key.entry().default.to_owned(),
    }
}

/// The line that is answered.
fn short(key: Key) -> &'static str {
    match key {
        Key::Linger => "Start at boot",
        Key::ShellEnv => "Set DOCKER_HOST in your shell",
        Key::Net => "Network driver",
        key => key.name(),
    }
}

fn several(kind: Kind) -> &'static str {
    match kind {
        Kind::List(_) | Kind::Pairs => "; several with blanks between",
        _ => "",
    }
}

/// Reads what was typed.
///
/// # Errors
/// What the option takes instead.
pub fn typed(key: Key, line: &str) -> Result<Choice, String> {
    let kind = key.entry().kind;
    let read = |word: &str| kind.word(word).map_err(|e| e.to_string());
    if !kind.is_many() {
        return read(line);
    }
    let mut all: Option<Value> = None;
    for word in line.split_whitespace() {
        match (read(word)?, &mut all) {
            (Choice::Auto, _) => return Ok(Choice::Auto),
            (Choice::Set(value), Some(all)) => all.add(value),
            (Choice::Set(value), None) => all = Some(value),
        }
    }
    all.map(Choice::Set).ok_or_else(|| kind.expected())
}
