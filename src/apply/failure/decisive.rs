//! Which lines tell the reason. A failing start prints a hundred of them: the
//! script's own trace, dockerd's good wishes, and what follows from the reason.

use super::journal::Line;

/// The most lines that are chosen.
const MOST: usize = 12;

/// How much a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Nothing: it would be there without the reason, or follows from it.
    Noise,
    /// What is left to look at when nothing better is there.
    Plain,
    /// An error, or it speaks like one.
    Error,
    /// What ended the daemon.
    Fatal,
}

/// What ended RootlessKit, dockerd or the program before it.
const FATAL: [&str; 10] = [
    "[rootlesskit:parent] error: ",
    "[rootlesskit:child ] error: ",
    "failed to start daemon",
    "unable to configure the Docker daemon",
    "level=fatal",
    "Failed at step ",
    "newuidmap: ",
    "newgidmap: ",
    "panic: ",
    "fatal error: ",
];

/// What follows from something else, or is said on every start.
const NOISE: [&str; 10] = [
    "error: command [",
    "error: child exited: ",
    "error: parsing message from fd",
    "failed to load cni during init",
    "otlp",
    "transport is closing",
    "Main process exited",
    "Scheduled restart job",
    "Consumed ",
    "(a message too long to show)",
];

/// How errors speak that are not marked as one.
const WORDS: [&str; 13] = [
    "error",
    "fail",
    "denied",
    "not permitted",
    "not found",
    "no such",
    "needs to be",
    "cannot",
    "can't",
    "unknown",
    "invalid",
    "unable",
    "refuse",
];

/// What systemd says of the unit that is more than "it failed".
const MANAGER: [&str; 5] = [
    "Failed to load environment",
    "timed out",
    "OOM killer",
    "Start request repeated too quickly",
    "bad-setting",
];

/// The script traces itself (`set -x`), and a pipeline's trace comes in pieces.
const TRACE: [&str; 2] = ["slirp4netns --help", "grep -qw -- --netns-type"];

/// Whether any of the lines tells a reason.
pub fn tells(lines: &[&Line]) -> bool {
    lines.iter().any(|line| weigh(line) >= Weight::Error)
}

/// The lines that tell the reason, in their order; said again, they are counted.
pub fn choose(lines: &[&Line]) -> Vec<String> {
    let least = if tells(lines) {
        Weight::Error
    } else {
        Weight::Plain
    };
    let mut told: Vec<Told> = Vec::new();
    for line in lines {
        let weight = weigh(line);
        if weight >= least {
            tell(&mut told, weight, without_time(&line.text));
        }
    }
    while told.len() > MOST {
        // The lightest goes, of those the first.
        let lightest = told.iter().map(|t| t.weight).min();
        let at = told.iter().position(|t| Some(t.weight) == lightest);
        told.remove(at.unwrap_or_default());
    }
    told.into_iter().map(Told::words).collect()
}

struct Told {
    weight: Weight,
    text: String,
    times: u32,
}

impl Told {
    fn words(self) -> String {
        match self.times {
            1 => self.text,
            times => format!("{} ({times} times)", self.text),
        }
    }
}

/// Adds a line, or counts it if it was there but for its numbers.
fn tell(told: &mut Vec<Told>, weight: Weight, text: &str) {
    let shape = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    let again = told.iter().position(|t| shape(&t.text) == shape(text));
    let times = again.map_or(0, |at| told.remove(at).times);
    told.push(Told {
        weight,
        text: text.to_owned(),
        times: times + 1,
    });
}

/// A line of dockerd's without the `time="…"` before it.
fn without_time(text: &str) -> &str {
    let rest = text
        .strip_prefix("time=\"")
        .and_then(|rest| rest.split_once("\" "));
    rest.map_or(text, |(_, rest)| rest)
}

fn weigh(line: &Line) -> Weight {
    let text = line.text.as_str();
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    match () {
        () if text.trim().is_empty() || has(&NOISE) => Weight::Noise,
        () if has(&FATAL) => Weight::Fatal,
        () if line.by_manager => match () {
            () if has(&MANAGER) => Weight::Error,
            // With `exit-code` it says what everybody knows.
            () if line.result.as_ref().is_some_and(|r| r != "exit-code") => Weight::Error,
            () => Weight::Noise,
        },
        () if without_time(text).starts_with("level=error") => Weight::Error,
        () if without_time(text).starts_with("level=") => Weight::Noise,
        () => plain(text),
    }
}

/// A line that neither dockerd nor RootlessKit marked: of the script, or of
/// whatever else the unit runs.
fn plain(text: &str) -> Weight {
    let lower = text.to_ascii_lowercase();
    match () {
        () if text.starts_with('+') || text.starts_with(": exit status") => Weight::Noise,
        () if TRACE.iter().any(|trace| trace.contains(text.trim())) => Weight::Noise,
        // What a program says about its options, asked or not.
        () if text.starts_with(' ') => Weight::Plain,
        () if WORDS.iter().any(|word| lower.contains(word)) => Weight::Error,
        () => Weight::Plain,
    }
}
