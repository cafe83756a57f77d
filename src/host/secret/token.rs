//! Tokens that are known by their form, wherever they stand: `ghp_…`, `AKIA…`,
//! JSON web tokens, what follows `Bearer`, private keys.

use super::MASK;

/// Beginnings of tokens, with how many characters follow at least.
const FORMS: [(&str, usize); 22] = [
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("ghr_", 16),
    ("github_pat_", 16),
    ("glpat-", 12),
    ("gldt-", 12),
    ("AKIA", 12),
    ("ASIA", 12),
    ("AIza", 20),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xapp-", 10),
    ("dckr_pat_", 10),
    ("dckr_oat_", 10),
    ("npm_", 20),
    ("pypi-", 20),
    ("hvs.", 12),
    ("sk_live_", 10),
    ("sk-", 20),
];

/// Words after which a secret stands, when a blank is between them.
const BEFORE: [&str; 14] = [
    "bearer",
    "basic",
    "--password",
    "--token",
    "--secret",
    "--api-key",
    "password:",
    "passwd:",
    "passphrase:",
    "token:",
    "secret:",
    "apikey:",
    "api-key:",
    "x-registry-auth:",
];

/// First and last line of a key.
const KEY: [&str; 2] = ["-----BEGIN ", "-----END "];

/// The text without them; each of them goes to `secrets`.
pub fn mask(text: &str, secrets: &mut Vec<String>) -> String {
    let text = keys(text, secrets);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    let mut due = false;
    while !rest.is_empty() {
        let word = rest.find(is_part).unwrap_or(rest.len());
        let (between, tail) = rest.split_at(word);
        out.push_str(between);
        let end = tail.find(|c| !is_part(c)).unwrap_or(tail.len());
        let (word, tail) = tail.split_at(end);
        // A line's end ends what a word announced.
        let announced = due && !between.contains('\n');
        match announced && worthy(word) || has_form(word) {
            true => {
                secrets.push(word.to_owned());
                out.push_str(MASK);
            }
            false => out.push_str(word),
        }
        due = announces(word, tail.starts_with(':'));
        rest = tail;
    }
    out
}

/// Characters of a token; quotes, brackets, commas and colons are none.
fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.+/=~$!^*%@#".contains(c)
}

fn announces(word: &str, colon: bool) -> bool {
    let mut word = word.to_ascii_lowercase();
    if colon {
        word.push(':');
    }
    let last = word.rsplit('=').next().unwrap_or_default();
    BEFORE.contains(&last) || BEFORE.contains(&word.as_str())
}

/// After `basic` and its like an ordinary word may stand, too.
fn worthy(word: &str) -> bool {
    let digit = word.chars().any(|c| c.is_ascii_digit());
    let mixed = word.chars().skip(1).any(|c| c.is_ascii_uppercase());
    let odd = word.chars().any(|c| "_+/=~$!^*%@#".contains(c));
    word.len() >= 4 && word != MASK && (digit || mixed || odd || word.len() > 24)
}

fn has_form(word: &str) -> bool {
    let follows = |prefix: &str, least: usize| {
        let rest = word.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.len() >= least && rest.bytes().all(|b| b != b'/'))
    };
    FORMS.iter().any(|(prefix, least)| follows(prefix, *least)) || is_web_token(word)
}

/// `eyJ….….…`: header, claims and signature.
fn is_web_token(word: &str) -> bool {
    word.starts_with("eyJ") && word.len() >= 20 && word.split('.').count() >= 2
}

/// `-----BEGIN … PRIVATE KEY-----` to its end.
fn keys(text: &str, secrets: &mut Vec<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(KEY[0]) {
        let (before, key) = rest.split_at(begin);
        out.push_str(before);
        let label = key.lines().next().unwrap_or_default();
        let end = key.find(KEY[1]).map(|at| at + KEY[1].len());
        if !label.contains("PRIVATE KEY") {
            out.push_str(KEY[0]);
            rest = &key[KEY[0].len()..];
            continue;
        }
        let end = end.unwrap_or(key.len());
        let body = key[..end].lines().skip(1);
        secrets.extend(
            body.map(str::trim)
                .filter(|l| l.len() > 20)
                .map(str::to_owned),
        );
        out.push_str(MASK);
        let line = key[end..].find('\n').unwrap_or(key.len() - end);
        rest = &key[end + line..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        mask(text, &mut Vec::new())
    }

    #[test]
    fn tokens_go_and_everything_else_stays() {
        let same = |text: &str| assert_eq!(masked(text), text);
        same("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
        same("the secret: is out, basic auth required, bearer of bad news");
        same("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
        same("subuid alice:100000:65536 errno 13 version 29.1.3");
        assert_eq!(
            masked("x ghp_0123456789abcdefABCD, y"),
            "x (not-recorded), y"
        );
        assert_eq!(
            masked("Authorization: Bearer abc123=="),
            "Authorization: Bearer (not-recorded)"
        );
        assert_eq!(
            masked("--password hunter2 -v"),
            "--password (not-recorded) -v"
        );
        assert_eq!(masked("eyJhbGciOiJI.eyJzdWIiOiIx.SflKxw_adQ"), MASK);
        let key = "a\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n-----END OPENSSH PRIVATE KEY-----\nz";
        assert_eq!(masked(key), "a\n(not-recorded)\nz");
    }

    #[test]
    fn a_key_that_is_cut_goes_too() {
        assert_eq!(masked("-----BEGIN PRIVATE KEY-----\nMIIB"), MASK);
    }

    proptest::proptest! {
        #[test]
        fn masking_twice_is_masking_once(text in "(ghp_|AKIA|eyJ|bearer |password: |[a-zA-Z0-9 :.=]|-----BEGIN X PRIVATE KEY-----\n){0,60}") {
            let once = masked(&text);
            proptest::prop_assert_eq!(masked(&once), once);
        }
    }
}
