//! The way through the questions: forward, back, and into the rest of the table.

use super::offer::Offer;
use super::question::{Answer, Question, typed};
use crate::plan::option::{Choice, Key, Options, Source, TABLE};
use crate::ui::{self, Look, prompt};

/// Who is asked.
pub trait Asker {
    /// Tells a paragraph.
    fn say(&mut self, text: &str);
    /// One of several; none to go back.
    fn choose(&mut self, question: &str, answers: &[String], first: usize) -> Option<usize>;
    /// A line of text; none to go back.
    fn line(&mut self, question: &str) -> Option<String>;
    /// Writes a file; says how that went.
    fn keep(&mut self, options: &Options);
}

/// The user at the terminal.
pub struct Terminal<'a> {
    /// What it can show.
    pub look: &'a Look,
    /// Keeps answers in a file.
    pub keep: &'a dyn Fn(&Options),
}

impl Asker for Terminal<'_> {
    fn say(&mut self, text: &str) {
        ui::paragraph(self.look, text, 0);
    }

    fn choose(&mut self, question: &str, answers: &[String], first: usize) -> Option<usize> {
        if prompt::is_plain() {
            let answers: Vec<String> = answers.iter().map(|a| self.look.safe(a)).collect();
            return prompt::choose_from(question, &answers, first);
        }
        let short: Vec<String> = answers.iter().map(|a| self.look.cut(a, 4)).collect();
        let chosen = prompt::choose_from(question, &short, first);
        if let Some(answer) = chosen.and_then(|n| answers.get(n)) {
            ui::paragraph(self.look, &format!("{question}: {answer}"), 2);
        }
        chosen
    }

    fn line(&mut self, question: &str) -> Option<String> {
        prompt::line(question)
    }

    fn keep(&mut self, options: &Options) {
        (self.keep)(options);
    }
}

/// Options that other questions ask about, or that are for somebody who knows.
const NOT_ASKED: [Key; 6] = [
    Key::Linger,
    Key::ShellEnv,
    Key::Adopt,
    Key::Keep,
    Key::Force,
    Key::Timeout,
];

/// A step of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A question about an option.
    Option(Key),
    /// Whether there is more to be said.
    More,
    /// Whether the answers are to be kept.
    Keep,
}

/// Asks; what was said already (`given`) is not asked again. None for who goes
/// back before the first question.
pub fn ask(asker: &mut dyn Asker, offer: &Offer, given: &Options) -> Option<Options> {
    let steps = steps(offer, given);
    let mut way = Way {
        asker,
        offer,
        given,
        answers: given.clone(),
    };
    let mut at = 0;
    while let Some(step) = steps.get(at) {
        match way.take(*step) {
            true => at += 1,
            false => at = at.checked_sub(1)?,
        }
    }
    Some(way.answers)
}

fn steps(offer: &Offer, given: &Options) -> Vec<Step> {
    let open = |key: &Key| {
        given.get(*key).is_none()
            && match key {
                Key::Linger => offer.may_linger,
                Key::ShellEnv => offer.shell.is_some(),
                key => offer.refused(*key).is_none(),
            }
    };
    let few = [Key::Net, Key::Linger, Key::ShellEnv];
    let few = few.into_iter().filter(open).map(Step::Option);
    few.chain([Step::More, Step::Keep]).collect()
}

struct Way<'a> {
    asker: &'a mut dyn Asker,
    offer: &'a Offer,
    given: &'a Options,
    answers: Options,
}

impl Way<'_> {
    /// False to go back.
    fn take(&mut self, step: Step) -> bool {
        match step {
            Step::Option(key) => self.option(key, true),
            Step::More => self.more(),
            Step::Keep => self.keep(),
        }
    }

    /// Where not the `whole` has to fit yet, the rest of it may still be said.
    fn option(&mut self, key: Key, whole: bool) -> bool {
        loop {
            let question = Question::new(key, self.offer, &self.answers);
            self.asker.say("");
            for text in &question.says {
                self.asker.say(text);
            }
            let labels: Vec<String> = question.answers.iter().map(|(l, _)| l.clone()).collect();
            let chosen = self.asker.choose(&question.asks, &labels, question.first);
            let Some((_, answer)) = chosen.and_then(|n| question.answers.get(n)) else {
                return false;
            };
            if self.answer(key, answer, whole) {
                return true;
            }
        }
    }

    /// False if it is to be asked again.
    fn answer(&mut self, key: Key, answer: &Answer, whole: bool) -> bool {
        let choice = match answer {
            Answer::Leave => None,
            Answer::Say(choice) => Some(choice.clone()),
            Answer::Type => match self.typed(key) {
                Some(choice) => Some(choice),
                None => return false,
            },
        };
        let before = self.answers.clone();
        self.put(key, choice);
        self.follow(key);
        let fits = self.fits(&before, whole);
        if !fits {
            self.answers = before;
        }
        fits
    }

    /// Whether the answers go together, or no worse than `before`.
    fn fits(&mut self, before: &Options, whole: bool) -> bool {
        let misfit = self.offer.misfit(&self.answers, whole);
        match misfit.filter(|why| self.offer.misfit(before, whole).as_ref() != Some(why)) {
            None => true,
            Some(why) => {
                self.asker.say(&format!("That does not go: {why}."));
                false
            }
        }
    }

    fn put(&mut self, key: Key, choice: Option<Choice>) {
        match choice {
            Some(choice) => self.answers.set(key, choice, Source::Flag(key)),
            None => self.answers.forget(key),
        }
    }

    /// Another network driver takes the port driver along.
    fn follow(&mut self, key: Key) {
        if key != Key::Net || self.offer.misfit(&self.answers, true).is_none() {
            return;
        }
        let before = self.answers.clone();
        let installed = self.offer.installed.get(Key::PortDriver).is_some();
        self.put(Key::PortDriver, installed.then_some(Choice::Auto));
        match self.offer.misfit(&self.answers, true) {
            None => self
                .asker
                .say("The port driver becomes Docker's choice: the other does not go with it."),
            Some(_) => self.answers = before,
        }
    }

    fn typed(&mut self, key: Key) -> Option<Choice> {
        loop {
            let line = self.asker.line("Type it (empty: back)")?;
            match typed(key, &line) {
                Ok(choice) => return Some(choice),
                Err(why) => self.asker.say(&format!("{why}.")),
            }
        }
    }

    /// The rest of the table, by its groups.
    fn more(&mut self) -> bool {
        let groups = self.groups();
        let mut labels = vec!["no, go on".to_owned()];
        labels.extend(groups.iter().map(|group| (*group).to_owned()));
        loop {
            self.asker.say("");
            match self.asker.choose("Anything else to set?", &labels, 0) {
                None => return false,
                Some(0) => return true,
                Some(n) => match groups.get(n - 1) {
                    Some(group) => self.group(group),
                    None => return true,
                },
            }
        }
    }

    fn groups(&self) -> Vec<&'static str> {
        let mut groups = Vec::new();
        for entry in TABLE.iter().filter(|entry| !NOT_ASKED.contains(&entry.key)) {
            if !groups.contains(&entry.group) {
                groups.push(entry.group);
            }
        }
        groups
    }

    fn group(&mut self, group: &str) {
        let of_group = TABLE.iter().filter(|entry| entry.group == group);
        let asked = of_group
            .filter(|entry| !NOT_ASKED.contains(&entry.key) && self.given.get(entry.key).is_none());
        let (refused, keys): (Vec<Key>, Vec<Key>) = asked
            .map(|entry| entry.key)
            .partition(|key| self.offer.refused(*key).is_some());
        let why = |key: &Key| {
            let why = self.offer.refused(*key).unwrap_or_default();
            format!("{} ({why})", key.name())
        };
        if !refused.is_empty() {
            let refused: Vec<String> = refused.iter().map(why).collect();
            self.asker
                .say(&format!("Not here: {}.", refused.join(", ")));
        }
        self.options(group, &keys);
    }

    /// Options of a group, in any order, until they fit. Who leaves them unfit by
    /// Escape takes them back.
    fn options(&mut self, group: &str, keys: &[Key]) {
        let before = self.answers.clone();
        let mut at = 0;
        loop {
            let mut labels = vec!["done".to_owned()];
            labels.extend(keys.iter().map(|key| self.standing(*key)));
            let chosen = self.asker.choose(group, &labels, at);
            match chosen.and_then(|n| Some((n, keys.get(n.checked_sub(1)?)?))) {
                Some((n, key)) => {
                    self.option(*key, false);
                    at = n;
                }
                None if self.fits(&before, true) => return,
                None if chosen.is_none() => {
                    self.asker.say("What was set here is taken back.");
                    self.answers = before;
                    return;
                }
                None => at = 0,
            }
        }
    }

    /// An option as it stands after the answers.
    fn standing(&self, key: Key) -> String {
        let chosen = self.answers.merge(&self.offer.installed);
        match chosen.get(key) {
            Some(value) => format!("{}: {value}", key.name()),
            None => key.name().to_owned(),
        }
    }

    fn keep(&mut self) -> bool {
        if self.answers.iter().next().is_none() {
            return true;
        }
        self.asker.say("");
        let answers = ["no", "yes, as setup.toml, for install --config"].map(str::to_owned);
        match self
            .asker
            .choose("Keep these answers as a file?", &answers, 0)
        {
            None => return false,
            Some(1) => self.asker.keep(&self.answers),
            Some(_) => {}
        }
        true
    }
}

#[cfg(test)]
mod tests;
