//! Takes passwords and tokens out of what a recording keeps.
//!
//! A bundle is passed on; a proxy's password in a drop-in, or a registry's
//! token in `~/.docker/config.json`, must not go with it. Only the secret is
//! replaced, so that the text still parses the same.

mod token;

/// What stands in a secret's place.
pub const MASK: &str = "(not-recorded)";

/// JSON keys of `config.json` and `daemon.json` whose value is a secret.
const KEYS: [&str; 3] = ["auth", "authorization", "registrytoken"];

/// Words in the name of a variable or a JSON key that make its value a secret.
const NAMES: [&str; 9] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "TOKEN",
    "SECRET",
    "CREDENTIAL",
    "API_KEY",
    "APIKEY",
    "PRIVATE_KEY",
];

/// JSON keys that hold the name of a program or a map of such, not a secret.
const NO_SECRET: [&str; 2] = ["credsstore", "credhelpers"];

/// The text without the secrets in it, and the secrets: they must not turn up
/// elsewhere either.
pub fn masked(text: &str) -> (String, Vec<String>) {
    let mut secrets = Vec::new();
    let text = mask_user_info(text, &mut secrets);
    let text = mask_json(&text, &mut secrets);
    let text = mask_variables(&text, &mut secrets);
    let text = token::mask(&text, &mut secrets);
    secrets.retain(|secret| !secret.contains(MASK) && !secret.is_empty());
    (text, secrets)
}

/// True if what has this name is a secret.
fn is_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase().replace('-', "_");
    NAMES.iter().any(|word| upper.contains(word))
}

/// `scheme://user:password@host` keeps scheme and host.
fn mask_user_info(text: &str, secrets: &mut Vec<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/\"'<>\\".contains(c));
        let authority = &after[..end.unwrap_or(after.len())];
        let host = authority.rfind('@').map_or(0, |at| at + 1);
        if host > 0 {
            let info = &authority[..host - 1];
            let (user, password) = info.split_once(':').unwrap_or(("", info));
            secrets.extend([user.to_owned(), password.to_owned(), unescape(password)]);
            out.push_str(MASK);
            out.push('@');
        }
        rest = &after[host..];
    }
    out.push_str(rest);
    out
}

/// `%40` and its like, undone.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(value) if byte == b'%' => {
                bytes.push(value);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `"auth": "…"` keeps the key.
fn mask_json(text: &str, secrets: &mut Vec<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_secret_key = false;
    while let Some(open) = rest.find('"') {
        let (before, string) = rest.split_at(open + 1);
        let is_value = after_secret_key && before.trim_end_matches('"').trim() == ":";
        out.push_str(before);
        rest = string;
        let Some(close) = string_end(string) else {
            break;
        };
        let content = &string[..close];
        if is_value {
            secrets.push(content.to_owned());
        }
        out.push_str(if is_value { MASK } else { content });
        out.push('"');
        let key = content.to_ascii_lowercase();
        after_secret_key = KEYS.contains(&key.as_str())
            || (is_secret(content) && !NO_SECRET.contains(&key.as_str()));
        rest = &string[close + 1..];
    }
    out.push_str(rest);
    out
}

/// Where a JSON string ends that starts here: its closing quote.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        byte => byte == b'"',
    })
}

/// `SOME_TOKEN=…` keeps the name.
fn mask_variables(text: &str, secrets: &mut Vec<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        let (before, value) = rest.split_at(equals + 1);
        out.push_str(before);
        rest = value;
        let name = before.trim_end_matches('=');
        let other = |c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-';
        let name = name.rsplit(other).next().unwrap_or_default();
        if is_secret(name) {
            let end = value.find(|c: char| c.is_whitespace() || "\"'".contains(c));
            let end = end.unwrap_or(value.len());
            if end > 0 {
                secrets.push(value[..end].to_owned());
                out.push_str(MASK);
            }
            rest = &value[end..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(text: &str) -> String {
        masked(text).0
    }

    #[test]
    fn only_the_secret_goes() {
        let same = |text: &str| assert_eq!(mask(text), text);
        same("https://proxy.example:3128/ and user@host and a==b");
        same(r#"{"auths": {}, "credsStore": "pass", "hosts": ["tcp://0.0.0.0:2376"]}"#);
        same("Environment=PATH=/usr/bin \"A=b\"\n");
        assert_eq!(
            mask("Environment=HTTPS_PROXY=http://me:p@ss%40w@proxy:3128/x"),
            "Environment=HTTPS_PROXY=http://(not-recorded)@proxy:3128/x"
        );
        assert_eq!(
            mask(r#"{"auths": {"r.example": {"auth": "bWU6c2VjcmV0", "email": "e"}}}"#),
            r#"{"auths": {"r.example": {"auth": "(not-recorded)", "email": "e"}}}"#
        );
        assert_eq!(
            mask("GITHUB_TOKEN=abc def\n"),
            "GITHUB_TOKEN=(not-recorded) def\n"
        );
    }

    #[test]
    fn the_secrets_are_told_of() {
        let (text, secrets) = masked(
            "https_proxy=http://me:p%40ss@proxy X_API_KEY=k3y {\"identitytoken\": \"idt\"} ok",
        );
        assert!(text.ends_with("ok"), "{text}");
        for secret in ["me", "p%40ss", "p@ss", "k3y", "idt"] {
            assert!(secrets.iter().any(|s| s == secret), "{secret}: {secrets:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn masking_twice_is_masking_once(text in ".*") {
            let once = mask(&text);
            proptest::prop_assert_eq!(mask(&once), once);
        }

        #[test]
        fn json_stays_json(secret in "[a-zA-Z0-9+/=]{1,40}", key in "[a-z]{1,8}") {
            let text = format!("{{\"{key}\": 1, \"auth\": \"{secret}\", \"x\": [\"{key}\"]}}");
            let masked = mask(&text);
            let value: serde_json::Value = serde_json::from_str(&masked).unwrap();
            proptest::prop_assert_eq!(value["auth"].as_str(), Some(MASK));
        }
    }
}
