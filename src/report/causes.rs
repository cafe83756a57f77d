//! What `explain` shows of a log: its causes, most likely first.

use std::fmt::Write;

use crate::known::{Cause, Confidence, Explanation, Reason};
use crate::ui::{Look, Tone};

/// So many are shown in full, if they are as likely as that.
const IN_FULL: usize = 3;
const NEAR: u8 = 40;

/// So many more get a line.
const IN_SHORT: usize = 6;

/// The explanation as a page for people.
pub fn text(explanation: &Explanation, look: &Look) -> String {
    let mut page = Page {
        look,
        out: String::new(),
    };
    let Some(first) = explanation.causes.first() else {
        page.nothing(explanation);
        return page.out;
    };
    page.heading(explanation, first);
    let near = |cause: &&Cause| first.score.saturating_sub(cause.score) < NEAR;
    let full = explanation.causes.iter().take(IN_FULL).filter(near).count();
    for (number, cause) in explanation.causes.iter().take(full).enumerate() {
        page.block(number + 1, cause);
    }
    page.short(&explanation.causes[full..]);
    page.row("\nNext:", &next(first), 6);
    page.out
}

/// The one next command.
fn next(first: &Cause) -> String {
    match &first.check {
        Some(check) if first.confidence < Confidence::Likely => {
            format!("rootless-setup doctor, and look at {check}")
        }
        Some(check) => format!("rootless-setup explain {check}"),
        None => format!("rootless-setup explain {}", first.id),
    }
}

struct Page<'a> {
    look: &'a Look,
    out: String,
}

fn tone(confidence: Confidence) -> Tone {
    match confidence {
        Confidence::VeryLikely => Tone::Bad,
        Confidence::Likely => Tone::Doubt,
        Confidence::Possible => Tone::Note,
    }
}

impl Page<'_> {
    fn nothing(&mut self, explanation: &Explanation) {
        let source = &explanation.source;
        let lines = source.lines;
        let name = &source.name;
        let text = match (lines, &source.trouble) {
            (0 | 1, Some(_)) => format!("Nothing to explain: {name} could not be read."),
            (0, None) => format!("Nothing to explain: {name} is empty."),
            _ => format!(
                "Nothing known was met in {name} ({lines} lines). That does not mean that nothing is wrong."
            ),
        };
        let _ = writeln!(self.out, "{}", self.look.wrap(&text, 0));
        self.trouble(source.trouble.as_deref());
        self.row("\nNext:", "rootless-setup doctor", 6);
    }

    fn trouble(&mut self, trouble: Option<&str>) {
        if let Some(trouble) = trouble {
            self.row("note:", trouble, 6);
        }
    }

    fn heading(&mut self, explanation: &Explanation, first: &Cause) {
        let sure = match first.confidence {
            Confidence::VeryLikely => "Very likely",
            Confidence::Likely => "Likely",
            Confidence::Possible => "Possibly",
        };
        let text = format!("{sure}: {}.", first.title);
        let text = self.look.wrap(&text, 0);
        let _ = writeln!(self.out, "{}", self.look.paint(Tone::Strong, &text));
        self.trouble(explanation.source.trouble.as_deref());
    }

    fn block(&mut self, number: usize, cause: &Cause) {
        let label = self
            .look
            .paint(tone(cause.confidence), cause.confidence.label());
        let id = self.look.paint(Tone::Strong, &cause.id);
        let _ = write!(self.out, "\n{number}. {label}: {id}\n");
        if number > 1 {
            self.field("is", &cause.title);
        }
        let times = match cause.quote.times {
            1 => String::new(),
            times => format!(" ({times} times)"),
        };
        let place = format!("line {}{times}: {}", cause.quote.line, cause.quote.text);
        self.field("said", &place);
        for reason in &cause.why {
            self.reason(reason);
        }
        self.field("why", &cause.cause);
        self.field("fix", &cause.next);
        let more = cause
            .check
            .as_ref()
            .map(|id| format!("rootless-setup explain {id}"));
        if let Some(more) = more.filter(|more| !cause.next.contains(more)) {
            self.field("more", &more);
        }
        if let Some(source) = cause.sources.first() {
            self.field("seen", source);
        }
    }

    fn reason(&mut self, reason: &Reason) {
        let label = if reason.speaks_for { "for" } else { "but" };
        let text = match (&reason.check, reason.line) {
            (Some(check), _) => format!("{check} on the host: {}", reason.text),
            (None, Some(line)) => format!("line {line}: {}", reason.text),
            (None, None) => reason.text.clone(),
        };
        self.field(label, &text);
    }

    fn short(&mut self, causes: &[Cause]) {
        if causes.is_empty() {
            return;
        }
        self.out.push_str("\nLess likely:\n");
        for cause in causes.iter().take(IN_SHORT) {
            let text = format!("{}: {}", cause.id, cause.title);
            let _ = writeln!(self.out, "  {}", self.look.wrap(&text, 4));
        }
        let more = causes.len().saturating_sub(IN_SHORT);
        if more > 0 {
            let _ = writeln!(self.out, "  and {more} more (--format json)");
        }
    }

    fn field(&mut self, label: &str, text: &str) {
        self.row(&format!("   {label:<5}"), text, 8);
    }

    fn row(&mut self, label: &str, text: &str, indent: usize) {
        let text = self.look.wrap(text, indent);
        let _ = writeln!(self.out, "{label} {}", text.trim_start());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_is_the_published_one() {
        crate::testing::assert_published("explain", &schemars::schema_for!(Explanation));
    }
}
