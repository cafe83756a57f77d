//! Takes passwords and tokens out of what a recording keeps.
//!
//! A bundle is passed on; a proxy's password in a drop-in, or a registry's
//! token in `~/.docker/config.json`, must not go with it. Only the secret is
//! replaced, so that the text still parses the same.

/// What stands in a secret's place.
const MASK: &str = "(not-recorded)";

/// JSON keys of `config.json` and `daemon.json` whose value is a secret.
const KEYS: [&str; 6] = [
    "auth",
    "identitytoken",
    "registrytoken",
    "password",
    "secret",
    "token",
];

/// Words in a variable's name that make its value a secret.
const NAMES: [&str; 5] = ["PASSWORD", "PASSWD", "TOKEN", "SECRET", "CREDENTIAL"];

/// The text without the secrets in it.
pub fn mask(text: &str) -> String {
    let text = mask_user_info(text);
    let text = mask_json(&text);
    mask_variables(&text)
}

/// `scheme://user:password@host` keeps scheme and host.
fn mask_user_info(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/\"'<>\\".contains(c));
        let authority = &after[..end.unwrap_or(after.len())];
        let host = authority.rfind('@').map_or(0, |at| at + 1);
        if host > 0 {
            out.push_str(MASK);
            out.push('@');
        }
        rest = &after[host..];
    }
    out.push_str(rest);
    out
}

/// `"auth": "…"` keeps the key.
fn mask_json(text: &str) -> String {
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
        out.push_str(if is_value { MASK } else { content });
        out.push('"');
        after_secret_key = KEYS.contains(&content.to_ascii_lowercase().as_str());
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
fn mask_variables(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        let (before, value) = rest.split_at(equals + 1);
        out.push_str(before);
        rest = value;
        let name = before.trim_end_matches('=');
        let other = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        let name = name.rsplit(other).next().unwrap_or_default();
        let name = name.to_ascii_uppercase();
        if NAMES.iter().any(|word| name.contains(word)) {
            let end = value.find(|c: char| c.is_whitespace() || "\"'".contains(c));
            let end = end.unwrap_or(value.len());
            if end > 0 {
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
