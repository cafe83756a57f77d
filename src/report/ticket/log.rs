//! The log of the failed service, as a ticket holds it.

use serde::{Deserialize, Serialize};

use crate::apply::failure::{Journal, Line};
use crate::host::secret::masked;

/// So many lines go into a ticket.
pub const MOST_LINES: usize = 200;

/// The last lines of the user's `docker.service` in the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Log {
    /// Oldest first, each with the time since the first in seconds.
    pub lines: Vec<String>,
    /// Why there are none, or perhaps not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// The likely cause by what the lines say, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl Log {
    /// Why there is no log.
    pub fn without(why: impl Into<String>) -> Self {
        Log {
            trouble: Some(why.into()),
            ..Log::default()
        }
    }

    /// From a journal; passwords and tokens are taken out and go to `secrets`.
    pub fn new(journal: &Journal, secrets: &mut impl Extend<String>) -> Self {
        let from = journal.lines.len().saturating_sub(MOST_LINES);
        let lines = &journal.lines[from..];
        let start = lines.first().map_or(0, |line| line.at);
        let mut shown = Vec::new();
        for line in lines {
            let (text, found) = masked(whole(&line.text));
            secrets.extend(found);
            shown.push(format!("{:>8.3} {}{text}", seconds(line, start), by(line)));
        }
        Log {
            lines: shown,
            trouble: journal.trouble.clone(),
            cause: None,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds for people")]
fn seconds(line: &Line, start: u64) -> f64 {
    line.at.saturating_sub(start) as f64 / 1e6
}

fn by(line: &Line) -> &'static str {
    if line.by_manager { "systemd: " } else { "" }
}

/// A line that was cut may end within a name or a token, which nobody would
/// know again: its last word goes.
fn whole(text: &str) -> &str {
    match text.strip_suffix('…') {
        Some(cut) => cut.rfind(' ').map_or("", |at| &cut[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_halves_of_words_stay_behind() {
        let line = |text: &str, at| Line {
            text: text.into(),
            at,
            ..Line::default()
        };
        let journal = Journal {
            lines: vec![
                line("login ghp_0123456789abcdefABCD ok", 5),
                line("a long ghp_01234…", 1_500_005),
            ],
            trouble: None,
        };
        let mut secrets = Vec::new();
        let log = Log::new(&journal, &mut secrets);
        assert_eq!(
            log.lines,
            ["   0.000 login (not-recorded) ok", "   1.500 a long"]
        );
        assert_eq!(secrets, ["ghp_0123456789abcdefABCD"]);
    }

    #[test]
    fn the_last_lines_count() {
        let lines = (0..500).map(|n| Line {
            text: n.to_string(),
            ..Line::default()
        });
        let journal = Journal {
            lines: lines.collect(),
            trouble: None,
        };
        let log = Log::new(&journal, &mut Vec::new());
        assert_eq!(log.lines.len(), MOST_LINES);
        assert!(log.lines[199].ends_with(" 499"));
    }
}
