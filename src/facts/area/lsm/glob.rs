//! AppArmor's path expressions, see apparmor.d(5): `*` and `?` stop at a
//! slash, `**` does not, `[a-z]`, `{a,b}`, `@{VARIABLE}` and `\` before a character.

use std::collections::BTreeMap;

/// Values of variables: `HOME` to `/home/*/ /root/`.
pub type Variables = BTreeMap<String, Vec<String>>;

/// More alternatives than this are not followed.
const MOST: usize = 512;

/// Nor longer ones: no path is longer.
const LONGEST: usize = 4096;

/// Whether `pattern` matches the whole of `path`; none if that cannot be
/// told: an unknown variable, or too many alternatives.
pub fn matches(pattern: &str, variables: &Variables, path: &str) -> Option<bool> {
    if pattern.len() > LONGEST {
        return None;
    }
    let mut patterns = vec![pattern.to_owned()];
    // Variables may name variables; no real one nests deeper.
    for _ in 0..8 {
        patterns = each(patterns, |p| substitute(p, variables))?;
        if !patterns.iter().any(|p| p.contains("@{")) {
            patterns = each(patterns, |p| Some(alternatives(p)))?;
            return Some(patterns.iter().any(|p| matches_one(p, path)));
        }
    }
    None
}

fn each(all: Vec<String>, f: impl Fn(&str) -> Option<Vec<String>>) -> Option<Vec<String>> {
    let mut out = Vec::new();
    for one in all {
        out.extend(f(&one)?);
        if out.len() > MOST || out.iter().any(|one| one.len() > LONGEST) {
            return None;
        }
    }
    Some(out)
}

/// Replaces the first variable by each of its values.
fn substitute(pattern: &str, variables: &Variables) -> Option<Vec<String>> {
    let Some((before, rest)) = pattern.split_once("@{") else {
        return Some(vec![pattern.to_owned()]);
    };
    let (name, after) = rest.split_once('}')?;
    let values = variables.get(name).filter(|all| all.len() <= MOST)?;
    Some(
        values
            .iter()
            .map(|v| format!("{before}{v}{after}"))
            .collect(),
    )
}

/// Expands every `{a,b}`, one at a time from the left.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut todo = vec![pattern.to_owned()];
    while let Some(next) = todo.pop() {
        match first_braces(&next) {
            Some((open, close)) if todo.len() + done.len() <= MOST => {
                let (before, after) = (&next[..open], &next[close + 1..]);
                let middles = split_top(&next[open + 1..close]);
                todo.extend(middles.iter().map(|m| format!("{before}{m}{after}")));
            }
            _ => done.push(next),
        }
    }
    done
}

/// Where the first `{` and its `}` stand.
fn first_braces(pattern: &str) -> Option<(usize, usize)> {
    let mut open = None;
    let mut depth = 0;
    let mut escaped = false;
    for (at, c) in pattern.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => {
                open = open.or(Some(at));
                depth += 1;
            }
            '}' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    return open.map(|open| (open, at));
                }
            }
            _ => {}
        }
    }
    None
}

/// Splits at the commas that stand in no inner braces.
fn split_top(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut escaped) = (0, 0_usize, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

enum Token {
    Char(char),
    NotSlash,
    Stars { slash: bool },
    Class { not: bool, of: Vec<(char, char)> },
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '\\' => Token::Char(chars.next().unwrap_or('\\')),
            '?' => Token::NotSlash,
            '*' => Token::Stars {
                slash: chars.next_if_eq(&'*').is_some(),
            },
            '[' => class(&mut chars),
            // AppArmor takes several slashes for one.
            '/' if matches!(tokens.last(), Some(Token::Char('/'))) => continue,
            c => Token::Char(c),
        });
    }
    tokens
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Token {
    let not = chars.next_if(|c| "^!".contains(*c)).is_some();
    let mut of = Vec::new();
    while let Some(from) = chars.next().filter(|c| *c != ']') {
        let to = match chars.next_if_eq(&'-') {
            Some(_) => chars.next().filter(|c| *c != ']'),
            None => None,
        };
        of.push((from, to.unwrap_or(from)));
    }
    Token::Class { not, of }
}

/// One pattern without variables or alternatives: a table of which prefixes
/// match, so that no pattern takes more than its length times the path's.
fn matches_one(pattern: &str, path: &str) -> bool {
    let path: Vec<char> = path.chars().collect();
    let mut reach = vec![false; path.len() + 1];
    reach[0] = true;
    for token in tokens(pattern) {
        let mut next = vec![false; path.len() + 1];
        for at in 0..=path.len() {
            next[at] = match token {
                Token::Stars { slash } => {
                    reach[at] || (at > 0 && next[at - 1] && (slash || path[at - 1] != '/'))
                }
                _ => at > 0 && reach[at - 1] && token.takes(path[at - 1]),
            };
        }
        reach = next;
    }
    reach[path.len()]
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Token::Char(own) => *own == c,
            Token::NotSlash => c != '/',
            Token::Class { not, of } => {
                c != '/' && of.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *not
            }
            Token::Stars { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let of = |values: &[&str]| values.iter().map(ToString::to_string).collect();
        [
            ("HOMEDIRS".to_owned(), of(&["/home/"])),
            ("HOME".to_owned(), of(&["@{HOMEDIRS}/*/", "/root/"])),
            ("bin".to_owned(), of(&["/{,usr/}{,s}bin"])),
            ("loop".to_owned(), of(&["@{loop}"])),
        ]
        .into()
    }

    #[test]
    fn the_forms_that_profiles_use() {
        let ok = |pattern: &str, path: &str| matches(pattern, &variables(), path);
        let packaged = "/usr/bin/rootlesskit";
        for pattern in [
            "/usr/bin/rootlesskit",
            "/usr/{,s}bin/rootlesskit",
            "/{usr/,}{bin,sbin}/rootless*",
            "@{bin}/rootlesskit",
            "/usr/*/rootlesski[a-z]",
            "/usr/bin/rootlesski?",
            "/**/rootlesskit",
            "/usr//bin/rootlesskit",
            "/{usr/{local/,}bin,opt}/rootlesskit",
        ] {
            assert_eq!(ok(pattern, packaged), Some(true), "{pattern}");
        }
        for pattern in [
            "/usr/bin/rootless",
            "/*/rootlesskit",
            "/usr/bin/[^r]ootlesskit",
            "/usr/bin",
        ] {
            assert_eq!(ok(pattern, packaged), Some(false), "{pattern}");
        }
        let home = "@{HOME}/bin/rootlesskit";
        assert_eq!(ok(home, "/home/alice/bin/rootlesskit"), Some(true));
        assert_eq!(ok(home, "/root/bin/rootlesskit"), Some(true));
        assert_eq!(ok(home, "/home/a/b/bin/rootlesskit"), Some(false));
        assert_eq!(ok("/home/a\\{b\\}/x", "/home/a{b}/x"), Some(true));
    }

    #[test]
    fn what_cannot_be_told_is_not_told() {
        let ok = |pattern: &str| matches(pattern, &variables(), "/usr/bin/x");
        assert_eq!(ok("@{unknown}/x"), None);
        assert_eq!(ok("@{loop}/x"), None);
        assert_eq!(ok(&"{a,b}".repeat(40)), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(pattern in "[a-z/*?@{},\\\\\\[\\]^-]{0,40}", path in "/.{0,20}") {
            matches(&pattern, &variables(), &path);
        }

        #[test]
        fn a_plain_path_matches_itself(path in "(/[a-z0-9._-]{1,8}){1,5}") {
            proptest::prop_assert_eq!(matches(&path, &variables(), &path), Some(true));
        }
    }
}
