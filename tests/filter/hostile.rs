//! Characters that must not reach a terminal, and what was printed.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Stated here once more: a mistake in the filter's own list must show.
const RANGES: [(u32, u32); 30] = [
    (0x00, 0x1f),
    (0x7f, 0x9f),
    (0xad, 0xad),
    (0x34f, 0x34f),
    (0x61c, 0x61c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x2064),
    (0x2066, 0x2069),
    (0x206a, 0x206f),
    (0x3164, 0x3164),
    (0xe000, 0xf8ff),
    (0xfdd0, 0xfdef),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0xfffe, 0xffff),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0x1fffe, 0x1ffff),
    (0xe0000, 0xe0fff),
    (0xefffe, 0xeffff),
    (0xf0000, 0xf0010),
    (0xfffff, 0xfffff),
    (0x100000, 0x100010),
    (0x10fffd, 0x10ffff),
];

pub fn is_hostile(c: char) -> bool {
    let c = u32::from(c);
    RANGES.iter().any(|(from, to)| (*from..=*to).contains(&c))
}

/// Sequences that terminals obey, and a style like the tool's own.
const SEQUENCES: &str = "\x1b]52;c;aGk=\x07\x1b[2J\x1b[31m\u{9b}31m\u{9d}0;T\u{9c}";

/// Every hostile character: more than ten thousand.
pub fn all() -> String {
    let each = |(from, to): &(u32, u32)| (*from..=*to).filter_map(char::from_u32);
    let chars: String = RANGES.iter().flat_map(each).collect();
    format!("{SEQUENCES}{chars}")
}

/// The ends of every range: short enough for a name.
pub fn some() -> String {
    let ends = RANGES.iter().flat_map(|(from, to)| [*from, *to]);
    let chars: String = ends.filter_map(char::from_u32).collect();
    format!("{SEQUENCES}{chars}")
}

/// The same as names of files, each short enough, without NUL.
pub fn names() -> Vec<String> {
    let text: Vec<char> = some().chars().filter(|c| *c != '\0').collect();
    let name = |chars: &[char]| chars.iter().collect::<String>();
    text.chunks(40).map(name).collect()
}

/// An argument: also bytes that are no UTF-8.
pub fn argument() -> OsString {
    let mut bytes = some().replace('\0', "").into_bytes();
    bytes.extend(b"\xff\x9b31m\xc2");
    OsString::from_vec(bytes)
}

/// The program in a home of its own, as an ordinary user.
pub struct Home(tempfile::TempDir);

/// Used when the tests run as root.
const UID: u32 = 54_321;

impl Home {
    pub fn new() -> Self {
        let home = Home(tempfile::tempdir().unwrap());
        let tool = home.path("tool");
        // By another process, or the file could be busy when it is run.
        let copy = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_rootless-setup"))
            .arg(&tool)
            .status();
        assert!(copy.unwrap().success());
        home
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn file(&self, name: impl AsRef<Path>, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs the program, and judges all that it prints.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S], home: &Path) -> String {
        let args: Vec<&OsStr> = args.iter().map(AsRef::as_ref).collect();
        let mut command = Command::new("setpriv");
        if rustix::process::geteuid().is_root() {
            own(self.0.path());
            command.args(["--reuid", &UID.to_string(), "--regid", &UID.to_string()]);
            command.arg("--clear-groups");
        }
        command.arg(self.path("tool")).args(&args);
        command.env_clear().env("HOME", home).env("LANG", "C.UTF-8");
        let bin = home.join("bin");
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        judged(&args, &command.output().unwrap())
    }

    /// The same with the usual home.
    pub fn runs<S: AsRef<OsStr>>(&self, args: &[S]) -> String {
        self.run(args, self.0.path())
    }
}

fn own(path: &Path) {
    let owner = UID.to_string();
    let mut chown = Command::new("chown");
    let status = chown.arg("-R").arg(owner).arg(path).status();
    assert!(status.unwrap().success());
}

/// What was printed: no hostile character is in it, but the styles of the tool
/// with `--color always`.
pub fn judged(args: &[&OsStr], output: &Output) -> String {
    assert_ne!(output.status.code(), Some(70), "a bug: {args:?}");
    assert!(output.status.code().is_some(), "{args:?}: {output:?}");
    let mut all = String::new();
    for stream in [&output.stdout, &output.stderr] {
        let text = String::from_utf8(stream.clone()).expect("UTF-8");
        let styled = args.iter().any(|arg| *arg == "always");
        let bare = if styled { unstyled(&text) } else { text };
        let bad = bare.chars().find(|c| is_hostile(*c) && *c != '\n');
        let line = bad.and_then(|c| bare.lines().find(|line| line.contains(c)));
        assert!(bad.is_none(), "{bad:?} printed by {args:?} in {line:?}");
        all.push_str(&bare);
    }
    all
}

/// Without the tool's own styles, and only those.
fn unstyled(text: &str) -> String {
    let styles = ["0", "1", "2", "31", "32", "33", "36"];
    let styles = styles.map(|style| format!("\x1b[{style}m"));
    styles
        .iter()
        .fold(text.to_owned(), |text, style| text.replace(style, ""))
}
