//! The unit's lines in the systemd journal, through `journalctl -o json`.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::fact::Fact;
use crate::host::{Output, Program, program, unit_log};

/// The most lines that are read: a start on sid prints 160, most of them the
/// names of containerd's plugins.
pub const MOST_LINES: u32 = 300;

/// The most that journalctl may print for them: a line takes about 1 KiB, one
/// of bytes that are not text up to 20.
const MOST_OUTPUT: usize = 4 << 20;

/// Longer than this, a line is cut, in characters.
const LONGEST: usize = 300;

/// A unit's own lines, and systemd's about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Oldest first.
    pub lines: Vec<Line>,
    /// Why there are none, or perhaps not all: nobody may conclude that there
    /// were no errors.
    pub trouble: Option<String>,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// What it says, without control characters, cut when it is very long.
    pub text: String,
    /// When it was received, in microseconds since 1970.
    pub at: u64,
    /// Which start of the unit it belongs to; empty if unknown.
    pub invocation: String,
    /// systemd says it, not the unit.
    pub by_manager: bool,
    /// The result of the unit, if the line tells of that.
    pub result: Option<String>,
    /// How the main process ended, if the line tells of that.
    pub exit: Option<String>,
}

/// Reads the last lines of a user's unit. It is over by `end`.
pub fn journal(unit: &str, end: Instant) -> Journal {
    let Some(path) = program::find("journalctl") else {
        return without("journalctl is not installed");
    };
    let args = [
        "--user",
        "--unit",
        unit,
        "--output=json",
        "--no-pager",
        "--lines",
        &MOST_LINES.to_string(),
    ];
    let program = Program {
        key: "journalctl --user".into(),
        path,
        args: args.map(str::to_owned).into(),
        env: vec![("LC_ALL".into(), "C".into())],
        deadline: Duration::from_secs(30),
        ..Program::default()
    };
    match program::run(&program, end, MOST_OUTPUT) {
        Fact::Known(output) => read(&output),
        Fact::Unreadable(why) => without(&why.text),
        Fact::Absent => without("journalctl is not installed"),
    }
}

fn without(why: &str) -> Journal {
    Journal {
        lines: Vec::new(),
        trouble: Some(format!("the journal could not be read: {why}")),
    }
}

/// Reads what journalctl printed.
pub(super) fn read(output: &Output) -> Journal {
    let lines: Vec<Line> = output.stdout.lines().filter_map(line).collect();
    let trouble = unit_log::trouble(&output.stderr, output.exit, lines.is_empty());
    let trouble = trouble.map(|words| plain(&words));
    Journal { lines, trouble }
}

/// One line of `-o json`; none if it is not one.
fn line(json: &str) -> Option<Line> {
    let fields: Map<String, Value> = serde_json::from_str(json).ok()?;
    let field = |name: &str| text(fields.get(name)?);
    let text = match fields.get("MESSAGE") {
        // What it does when a message is over 4 KiB.
        Some(Value::Null) => "(a message too long to show)".to_owned(),
        _ => field("MESSAGE")?,
    };
    let of_manager = field("USER_INVOCATION_ID");
    Some(Line {
        text: plain(&text),
        at: field("__REALTIME_TIMESTAMP")
            .and_then(|t| t.parse().ok())
            .unwrap_or_default(),
        by_manager: of_manager.is_some() || fields.contains_key("USER_UNIT"),
        invocation: of_manager
            .or_else(|| field("_SYSTEMD_INVOCATION_ID"))
            .unwrap_or_default(),
        result: field("UNIT_RESULT"),
        exit: exit(field("EXIT_CODE"), field("EXIT_STATUS")),
    })
}

/// A value: text, or an array of bytes where that is not clean, or an array of
/// those where a field is there more than once.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(bytes) if bytes.iter().all(Value::is_u64) => {
            let byte = |v: &Value| u8::try_from(v.as_u64()?).ok();
            let bytes: Option<Vec<u8>> = bytes.iter().map(byte).collect();
            Some(String::from_utf8_lossy(&bytes?).into_owned())
        }
        Value::Array(values) => values.first().and_then(text_of_one),
        _ => None,
    }
}

/// The same without going deeper: the journal does not, whoever wrote this.
fn text_of_one(value: &Value) -> Option<String> {
    match value {
        Value::Array(inner) if inner.iter().any(Value::is_array) => None,
        value => text(value),
    }
}

/// `EXIT_CODE=exited` or `killed` or `dumped`, and `EXIT_STATUS`: a number, or a
/// signal's name without its `SIG`.
fn exit(code: Option<String>, status: Option<String>) -> Option<String> {
    let status = status?;
    match code?.as_str() {
        "exited" => Some(super::exited(status.parse().ok()?)),
        "killed" | "dumped" => Some(format!("killed by SIG{}", plain(&status))),
        _ => None,
    }
}

/// Text that is safe to print: no colours, no control characters, not too long.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.trim_end().chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.peek() == Some(&'[') {
            // ESC [ … ends with a letter.
            chars.by_ref().skip(1).find(|c| ('@'..='~').contains(c));
            continue;
        }
        plain.push(if c.is_control() { ' ' } else { c });
    }
    match plain.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &plain[..at]),
        None => plain,
    }
}
