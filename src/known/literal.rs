//! Literals of which every match of a pattern has one. They are looked for in
//! bulk; a pattern whose literals are not there is not tried at all.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

/// What ordinary logs are full of: it says little in a literal.
const COMMON: [&str; 24] = [
    "docker.service",
    "dockerd-rootless.sh",
    "rootless",
    "docker",
    "containerd",
    "service",
    "permission denied",
    "operation not permitted",
    "no such file",
    "not found",
    "failed to ",
    "failed",
    "error",
    "denied",
    "invalid",
    "unknown",
    "timeout",
    "apparmor",
    "without",
    "checkpoint",
    "for user ",
    "root",
    "user",
    "kernel",
];

/// What cleaning may change in a line: no literal goes over one of these.
const UNSAFE: [char; 7] = ['"', '\\', '\'', '`', '<', '>', '&'];

/// Literals of which a text that the pattern fits holds at least one, whatever
/// the case of its letters; none is shorter than `shortest`.
///
/// # Errors
/// When the pattern is not valid, or has no literal that is long enough.
pub fn required(pattern: &str, shortest: usize) -> Result<Vec<String>, String> {
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).build();
    let hir = parser.parse(pattern).map_err(|e| e.to_string())?;
    of(&hir, shortest)
        .ok_or_else(|| format!("{pattern}: no literal of {shortest} characters is required"))
}

/// The best set for a part; none if it can fit without any.
fn of(hir: &Hir, shortest: usize) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(literal) => best_part(&String::from_utf8_lossy(&literal.0), shortest),
        HirKind::Capture(capture) => of(&capture.sub, shortest),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub, shortest),
        HirKind::Concat(parts) => parts
            .iter()
            .filter_map(|p| of(p, shortest))
            .max_by_key(|set| worth(set)),
        HirKind::Alternation(parts) => {
            let sets: Option<Vec<_>> = parts.iter().map(|p| of(p, shortest)).collect();
            Some(sets?.concat())
        }
        _ => None,
    }
}

/// The longest piece of a literal that cleaning leaves alone.
fn best_part(literal: &str, shortest: usize) -> Option<Vec<String>> {
    let parts = literal.split(UNSAFE);
    let longest = parts.max_by_key(|part| part.len())?;
    (longest.len() >= shortest && longest.is_ascii()).then(|| vec![longest.to_ascii_lowercase()])
}

/// A set is as good as its worst literal, and the better the fewer it has.
fn worth(set: &[String]) -> usize {
    let worst = set.iter().map(|literal| telling(literal)).min();
    worst.unwrap_or_default() * 8 - set.len().min(8)
}

/// How much a literal tells: its length, but for what is common.
fn telling(literal: &str) -> usize {
    let mut rest = literal.to_owned();
    for common in COMMON {
        rest = rest.replace(common, "");
    }
    1 + rest.len() * 4 + literal.len().min(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_what_must_be_there() {
        let of = |pattern| required(pattern, 3).unwrap();
        assert_eq!(
            of(r"new[ug]idmap: write to [ug]id_map failed"),
            ["idmap: write to "]
        );
        assert_eq!(of(r"open \S+ failed|cannot open"), ["open ", "cannot open"]);
        assert_eq!(of(r#"exec: "iptables": executable"#), [": executable"]);
        assert_eq!(of(r"(?:no such host)+"), ["no such host"]);
    }

    #[test]
    fn a_pattern_that_could_be_anywhere_is_refused() {
        assert!(required(r"\d+", 3).is_err());
        assert!(required(r"(?:long enough)?.*ab", 3).is_err());
        assert!(required(r"one|.*", 3).is_err());
        assert!(required(r"(", 3).is_err());
    }
}
