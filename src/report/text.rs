//! The report as a page for people: capabilities first, then what is wrong
//! with its fix, then what is worth knowing, and the one next command.

use std::fmt::Write;

use super::model::{CapabilityRow, CheckResult, Report, State};
use super::phrase::{self, word};
use crate::check::engine::Status;
use crate::ui::{Look, Tone};

/// Width of the column that holds a capability's name.
const NAME: usize = 17;

/// Whose words the fixes of a report are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Author {
    /// This program's, and this host's administrator's.
    Host,
    /// This program's; but those of a site's checks came with a recorded host.
    Recorded,
    /// All of it came from a file.
    File,
}

/// Renders the page; `verbose` adds the checks that passed or were skipped.
pub fn render(report: &Report, look: &Look, verbose: bool) -> String {
    let author = match report.host.source.as_str() {
        "live" => Author::Host,
        _ => Author::Recorded,
    };
    page(report, look, verbose, author)
}

/// Renders a report that was read from a file: no text in it is a command to paste.
pub fn of_file(report: &Report, look: &Look, verbose: bool) -> String {
    page(report, look, verbose, Author::File)
}

fn page(report: &Report, look: &Look, verbose: bool, author: Author) -> String {
    let mut page = Page {
        look,
        author,
        out: String::new(),
    };
    page.heading(report);
    page.capabilities(&report.capabilities);
    for status in [Status::Fail, Status::Unknown, Status::Warn] {
        for check in report.checks.iter().filter(|c| c.status == status) {
            page.block(check);
        }
    }
    page.lines(report, Status::Info);
    if verbose {
        page.lines(report, Status::Pass);
        page.lines(report, Status::Skip);
    }
    page.totals(report, verbose);
    page.out
}

struct Page<'a> {
    look: &'a Look,
    author: Author,
    out: String,
}

fn tone(status: Status) -> Tone {
    match status {
        Status::Pass => Tone::Good,
        Status::Warn | Status::Unknown => Tone::Doubt,
        Status::Fail => Tone::Bad,
        Status::Info => Tone::Note,
        Status::Skip => Tone::Dim,
    }
}

impl Page<'_> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn heading(&mut self, report: &Report) {
        let text = phrase::verdict(report);
        let bold = self.look.paint(Tone::Strong, &self.look.wrap(&text, 0));
        self.line(&bold);
        self.line("");
    }

    fn capabilities(&mut self, rows: &[CapabilityRow]) {
        let mut last = "";
        for row in rows {
            let (word, tone) = match row.state {
                State::Yes => ("yes", Tone::Good),
                State::Part => ("part", Tone::Doubt),
                State::No => ("no", Tone::Bad),
                State::Unknown => ("????", Tone::Doubt),
            };
            let same = row.state != State::Yes && row.detail == last && !last.is_empty();
            let detail = if same { "same" } else { &row.detail };
            last = &row.detail;
            let label = row.capability.label();
            let detail = self.look.wrap(detail, NAME + 9);
            let state = self.look.paint(tone, &format!("{word:<5}"));
            self.line(&format!("  {label:<NAME$} {state} {}", detail.trim_start()));
        }
    }

    fn block(&mut self, check: &CheckResult) {
        let status = self
            .look
            .paint(tone(check.status), &format!("{:<5}", word(check.status)));
        let id = self.look.paint(Tone::Strong, &self.look.safe(&check.id));
        let _ = write!(self.out, "\n{status} {id}\n");
        self.row("what", &check.summary);
        for evidence in &check.evidence {
            self.row("seen", &format!("{}: {}", evidence.source, evidence.value));
        }
        if let Some(fix) = &check.fix {
            if !fix.note.is_empty() {
                self.row("fix", &fix.note);
            }
            self.commands(check, &fix.commands);
        }
        self.row("more", &check.docs);
    }

    /// What is to be typed; what somebody else wrote is shown as text only.
    fn commands(&mut self, check: &CheckResult, commands: &[String]) {
        let whose = match self.author {
            _ if commands.is_empty() => return,
            Author::File => {
                Some("from this report, not from rootless-setup; read it before you run it")
            }
            Author::Recorded if !phrase::is_built_in(check) => Some(phrase::SITE),
            _ => None,
        };
        let Some(whose) = whose else {
            for command in commands {
                // Never wrapped: it is there to be pasted.
                let command = self.look.paint(Tone::Code, &self.look.safe(command));
                self.line(&format!("      {:<5}{command}", "$"));
            }
            return;
        };
        self.row("whose", whose);
        for command in commands {
            let command = self.look.safe(command);
            self.line(&format!("      {:<5}{command}", "text"));
        }
    }

    fn row(&mut self, label: &str, text: &str) {
        let text = self.look.wrap(text, 11);
        self.line(&format!("      {label:<5}{}", text.trim_start()));
    }

    fn lines(&mut self, report: &Report, status: Status) {
        let mut checks = report
            .checks
            .iter()
            .filter(|c| c.status == status)
            .peekable();
        if checks.peek().is_some() {
            self.line("");
        }
        for check in checks {
            let word = self
                .look
                .paint(tone(status), &format!("{:<5}", word(status)));
            let summary = self.look.wrap(&check.summary, 8);
            self.line(&format!(
                "{word} {:<28}  {}",
                self.look.safe(&check.id),
                summary.trim_start()
            ));
        }
    }

    fn totals(&mut self, report: &Report, verbose: bool) {
        let s = &report.summary;
        let hint = if verbose {
            ""
        } else {
            " (--verbose lists them)"
        };
        let text = format!(
            "{} passed, {} did not apply, {} could not be determined{hint}",
            s.pass, s.skip, s.unknown
        );
        self.line("");
        let text = self.look.paint(Tone::Dim, &text);
        self.line(&text);
        if !s.next.is_empty() {
            let next = self.look.safe(&s.next);
            let next = match self.author {
                Author::File => format!("Next, says this report: {next}"),
                _ => format!("Next: {}", self.look.paint(Tone::Code, &next)),
            };
            self.line(&format!("\n{next}"));
        }
    }
}
