//! The docker context `rootless`: `contexts/meta/ID/meta.json` below the CLI's
//! directory, byte for byte as `docker context create` writes it.

use sha2::{Digest, Sha256};

pub use super::json_edit::NotJson;
use super::json_edit::{Object, go_string, object};

/// Name of the context, as the setup script has it.
pub const NAME: &str = "rootless";

/// Its description, as the setup script has it.
const DESCRIPTION: &str = "Rootless mode";

/// Name of a context's directory: its name's SHA-256 in hexadecimal digits.
pub fn id(name: &str) -> String {
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `meta.json` of the context [`NAME`] for `host`, for example
/// `unix:///run/user/1000/docker.sock`; no newline at its end.
pub fn meta(host: &str) -> String {
    format!(
        "{{\"Name\":\"{NAME}\",\"Metadata\":{{\"Description\":\"{DESCRIPTION}\"}},\"Endpoints\":{}}}",
        endpoints(host)
    )
}

fn endpoints(host: &str) -> String {
    format!("{{\"docker\":{}}}", endpoint(host))
}

fn endpoint(host: &str) -> String {
    format!("{{\"Host\":{},\"SkipTLSVerify\":false}}", go_string(host))
}

/// The endpoint a context leads to, if it says so.
///
/// # Errors
/// The text is not a JSON object, or the host is not text.
pub fn host(text: &str) -> Result<Option<String>, NotJson> {
    let meta = object(text)?;
    match docker(&meta) {
        Some(docker) => docker.string("Host"),
        None => Ok(None),
    }
}

fn docker<'a>(meta: &Object<'a>) -> Option<Object<'a>> {
    meta.child("Endpoints")?.child("docker")
}

/// `existing` with the docker endpoint's host and the context's name set right,
/// and everything else (description, other metadata, other endpoints) kept.
///
/// # Errors
/// The text is not a JSON object.
pub fn corrected(existing: &str, host: &str) -> Result<String, NotJson> {
    let named = object(existing)?;
    let text = match named.string("Name") {
        Ok(Some(name)) if name == NAME => existing.to_owned(),
        _ => named.with("Name", &go_string(NAME), &["Metadata", "Endpoints"]),
    };
    let meta = object(&text)?;
    let Some(all) = meta.child("Endpoints") else {
        return Ok(meta.with("Endpoints", &endpoints(host), &[]));
    };
    let Some(docker) = all.child("docker") else {
        return Ok(all.with("docker", &endpoint(host), &[]));
    };
    Ok(match docker.string("Host") {
        Ok(Some(old)) if old == host => text,
        _ => docker.with("Host", &go_string(host), &["SkipTLSVerify"]),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const HOST: &str = "unix:///run/user/1000/docker.sock";

    /// Bytes and directory as docker 28.2.2 wrote them.
    #[test]
    fn as_the_cli_writes_it() {
        assert_eq!(
            meta(HOST),
            "{\"Name\":\"rootless\",\"Metadata\":{\"Description\":\"Rootless mode\"},\
             \"Endpoints\":{\"docker\":{\"Host\":\"unix:///run/user/1000/docker.sock\",\"SkipTLSVerify\":false}}}"
        );
        assert_eq!(
            id(NAME),
            "12b961af5feb3e9d39f93b2cefb9a1a944f18d02cca0cac2f04f5a982240605f"
        );
        let odd = meta("unix:///a&b<c>\"é");
        assert!(odd.contains("\"Host\":\"unix:///a\\u0026b\\u003cc\\u003e\\\"é\""));
        assert_eq!(host(&odd), Ok(Some("unix:///a&b<c>\"é".into())));
    }

    #[test]
    fn only_what_is_wrong_changes() {
        assert_eq!(corrected(&meta(HOST), HOST), Ok(meta(HOST)));
        assert_eq!(corrected(&meta("unix:///old"), HOST), Ok(meta(HOST)));
        let old = "{\n  \"name\": \"x\", \"Metadata\": {\"Description\": \"mine\", \"GODEBUG\": \"a=1\"},\n  \
            \"Endpoints\": {\"kubernetes\": {}, \"docker\": {\"SkipTLSVerify\": true}}, \"Extra\": 1.0\n}\n";
        let new = corrected(old, HOST).expect("object");
        let expected = old
            .replace("\"x\"", "\"rootless\"")
            .replace("{\"Skip", &format!("{{\"Host\": \"{HOST}\",\"Skip"));
        assert_eq!(new, expected);
    }

    #[test]
    fn what_is_missing_is_added() {
        for text in [
            "{}",
            "{\"Endpoints\":{}}",
            "{\"Endpoints\":null}",
            "{\"Endpoints\":{\"docker\":[]},\"Name\":5}",
        ] {
            let new = corrected(text, HOST).expect("object");
            assert_eq!(host(&new), Ok(Some(HOST.into())), "{new}");
            let value: Value = serde_json::from_str(&new).expect("JSON");
            assert_eq!(value["Name"], NAME);
            assert_eq!(corrected(&new, HOST), Ok(new));
        }
        assert_eq!(host("{}"), Ok(None));
    }

    #[test]
    fn no_context() {
        for text in ["", "{", "[]", "\0", "x"] {
            assert!(
                corrected(text, HOST).is_err() && host(text).is_err(),
                "{text}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_host_comes_back(old in ".*", new in ".*") {
            let text = corrected(&meta(&old), &new).expect("object");
            assert_eq!(text, meta(&new));
            assert_eq!(host(&text), Ok(Some(new)));
        }
    }
}
