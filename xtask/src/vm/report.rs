//! Results: TAP for people and pipes, JUnit for dashboards.

use super::case::Case;
use super::observe::Observed;
use super::suite::Suite;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

/// How one case went on one guest.
pub struct Outcome {
    pub suite: Suite,
    pub name: String,
    pub title: String,
    pub took: Duration,
    pub observed: Observed,
    pub failure: Option<Failure>,
}

pub struct Failure {
    pub problems: Vec<String>,
    pub transcript: Option<PathBuf>,
    /// It was the harness that failed, not the program.
    pub broken: bool,
}

/// How a problem ends that is the other tools', which the case says nothing of.
pub const NO_WHY: &str = "the case has no `why`";

impl Failure {
    /// Doctor is right; only the case does not say why others are not.
    pub fn is_of_others(&self) -> bool {
        !self.broken && self.problems.iter().all(|p| p.ends_with(NO_WHY))
    }
}

impl Outcome {
    pub fn new(suite: Suite, case: &Case) -> Outcome {
        Outcome {
            suite,
            name: case.name.clone(),
            title: case.title.clone(),
            took: Duration::ZERO,
            observed: Observed::new(),
            failure: None,
        }
    }
}

/// Prints results as they come.
pub struct Tap {
    count: usize,
}

impl Tap {
    pub fn new(total: usize) -> Tap {
        println!("TAP version 14\n1..{total}");
        Tap { count: 0 }
    }

    pub fn line(&mut self, outcome: &Outcome) {
        self.count += 1;
        print!("{}", tap_line(self.count, outcome));
    }
}

fn tap_line(number: usize, outcome: &Outcome) -> String {
    let word = if outcome.failure.is_some() {
        "not ok"
    } else {
        "ok"
    };
    let seconds = outcome.took.as_secs_f32();
    let mut text = format!(
        "{word} {number} - {}/{}: {} ({seconds:.1} s)\n",
        outcome.suite, outcome.name, outcome.title
    );
    if let Some(failure) = &outcome.failure {
        for line in failure.problems.iter().flat_map(|problem| problem.lines()) {
            let _ = writeln!(text, "# {line}");
        }
        if let Some(dir) = &failure.transcript {
            let _ = writeln!(text, "# transcript: {}", dir.display());
        }
    }
    text
}

/// The results as one JUnit suite a guest would be many files: it is one suite,
/// with the guest as the class.
pub fn junit(outcomes: &[Outcome]) -> String {
    let failures = outcomes
        .iter()
        .filter(|outcome| outcome.failure.is_some())
        .count();
    let time: f32 = outcomes
        .iter()
        .map(|outcome| outcome.took.as_secs_f32())
        .sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuite name=\"vm\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"{time:.3}\">",
        outcomes.len(),
    );
    for outcome in outcomes {
        let _ = write!(
            xml,
            "  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
            outcome.suite,
            escape(&outcome.name),
            outcome.took.as_secs_f32(),
        );
        match &outcome.failure {
            None => xml.push_str("/>\n"),
            Some(failure) => {
                let text = escape(&failure.problems.join("\n"));
                let _ = writeln!(xml, ">\n    <failure>{text}</failure>\n  </testcase>");
            }
        }
    }
    xml.push_str("</testsuite>\n");
    xml
}

/// Text fit for XML: also without the control characters it forbids.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(char),
            other if other.is_control() => out.push('?'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(failure: Option<Failure>) -> Outcome {
        Outcome {
            suite: Suite::Bookworm,
            name: "a<b".into(),
            title: "A".into(),
            took: Duration::from_millis(1500),
            observed: Observed::new(),
            failure,
        }
    }

    #[test]
    fn a_failure_is_one_line_and_its_reasons_are_comments() {
        let failure = Failure {
            problems: vec!["x\ny".into()],
            transcript: Some("/t".into()),
            broken: false,
        };
        let text = tap_line(3, &outcome(Some(failure)));
        assert_eq!(
            text,
            "not ok 3 - bookworm/a<b: A (1.5 s)\n# x\n# y\n# transcript: /t\n"
        );
    }

    #[test]
    fn xml_is_escaped() {
        let failure = Failure {
            problems: vec!["\u{1b}[1m & more".into()],
            transcript: None,
            broken: false,
        };
        let xml = junit(&[outcome(None), outcome(Some(failure))]);
        assert!(xml.contains("name=\"a&lt;b\""));
        assert!(xml.contains("?[1m &amp; more"));
        assert!(xml.contains("tests=\"2\" failures=\"1\""));
    }
}
