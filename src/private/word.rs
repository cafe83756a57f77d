//! Words that give nobody away, because they stand in every report: those of
//! the catalogue, of distributions, of file systems. A user may be called `ro`
//! and a host `debian`; such a name is private only where it is used as one.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::check::catalogue;

/// Words that reports have beyond those of the catalogue.
const OURS: &str = include_str!("words.txt");

/// Names that the catalogue's examples use: no words.
const EXAMPLES: [&str; 2] = ["alice", "bob"];

static COMMON: LazyLock<Arc<Set>> = LazyLock::new(|| {
    let mut set = Set::default();
    catalogue::texts().for_each(|text| set.add(text));
    set.add(OURS);
    set.add(crate::report::html::STYLE);
    Arc::new(set)
});

#[derive(Clone, Default)]
struct Set {
    words: HashSet<String>,
    /// Words put together as a host's name may be: `docker-desktop`.
    compounds: HashSet<String>,
    /// All of them, for those that are part of one.
    text: String,
}

impl Set {
    fn add(&mut self, text: &str) {
        for word in split(text) {
            let word = word.to_ascii_lowercase();
            if word.len() > 1
                && !EXAMPLES.contains(&word.as_str())
                && self.words.insert(word.clone())
            {
                self.text.push_str(&word);
                self.text.push(' ');
            }
        }
        let inner = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        let compounds = text
            .split(|c| !inner(c))
            .map(|c| c.trim_matches(['-', '_', '.']));
        let compounds = compounds.filter(|c| c.contains(['-', '_', '.']));
        self.compounds
            .extend(compounds.map(str::to_ascii_lowercase));
    }
}

/// The words that give nobody away on one host.
#[derive(Clone)]
pub struct Words {
    common: Arc<Set>,
    own: Set,
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} words",
            self.common.words.len() + self.own.words.len()
        )
    }
}

impl Default for Words {
    fn default() -> Self {
        Words {
            common: Arc::clone(&COMMON),
            own: Set::default(),
        }
    }
}

impl Words {
    /// Adds the words of a text that every host of its kind has.
    pub fn learn(&mut self, public: &str) {
        self.own.add(public);
    }

    /// True if this is such a word, a number, or a single character.
    pub fn has(&self, word: &str) -> bool {
        let word = word.to_ascii_lowercase();
        word.len() < 2
            || word.bytes().all(|b| b.is_ascii_digit())
            || [&self.common.words, &self.own.words]
                .iter()
                .any(|set| set.contains(&word))
    }

    /// True if a name is such a word, or stands in public texts as it is: of
    /// `docker-debian` each part is a word, and yet it is somebody's name.
    pub fn has_name(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let mut parts = split(&name);
        match (parts.next(), parts.next()) {
            (Some(_), Some(_)) => [&self.common.compounds, &self.own.compounds]
                .iter()
                .any(|set| set.contains(&name)),
            _ => self.has_all(&name),
        }
    }

    /// True if every word of a text is one: `docker.service.d`, `usr-local`.
    pub fn has_all(&self, text: &str) -> bool {
        split(text).all(|word| self.has(word))
    }

    /// True if this stands within such a word: `nam` in `name`.
    pub fn is_within(&self, part: &str) -> bool {
        let part = part.to_ascii_lowercase();
        [&self.common.text, &self.own.text]
            .iter()
            .any(|text| text.contains(&part))
    }
}

/// The words of a text: letters and digits.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_catalogue_give_nobody_away() {
        let mut words = Words::default();
        for word in [
            "docker", "ro", "user", "a", "1000", "Ubuntu", "ext4", "nosuid",
        ] {
            assert!(words.has(word), "{word}");
        }
        for name in ["alice", "bob", "jd", "web01"] {
            assert!(!words.has(name), "{name}");
        }
        assert!(words.is_within("amespac") && !words.is_within("alice"));
        assert!(words.has_name("docker") && words.has_name("docker-ce-rootless-extras"));
        assert!(words.has_all("docker-debian") && !words.has_name("docker-debian"));
        assert!(!words.has("bookwormy"));
        words.learn("VERSION_CODENAME=bookwormy");
        assert!(words.has("bookwormy"));
    }
}
