//! The docker CLI's `config.json`: its `currentContext`, every other byte kept.
//!
//! `docker context use` reads the file into a struct and writes that: keys it
//! does not know are lost, and their order with them. So we do it ourselves.

pub use super::json_edit::NotJson;
use super::json_edit::{go_string, object};

const KEY: &str = "currentContext";

/// What the CLI writes after it (the order of its struct, Docker 28 and 29).
const FOLLOWERS: [&str; 4] = ["cliPluginsExtraDirs", "plugins", "aliases", "features"];

/// The text with `currentContext` set to `name`, or taken out. `None` is a file
/// that is not there; like an empty one it becomes what the CLI writes for it
/// (no newline at its end), and stays as it is if there is nothing to take out.
///
/// Taking out what was put in gives the original bytes, and so does the reverse
/// in a file that the CLI wrote and that says something else too. Of several
/// `currentContext` the last is changed, as it is the one that holds; all are
/// taken out.
///
/// # Errors
/// The text is not a JSON object: it is to be left alone.
pub fn with_current_context(text: Option<&str>, name: Option<&str>) -> Result<String, NotJson> {
    let text = text.unwrap_or_default();
    if is_blank(text) {
        return Ok(match name {
            Some(name) => fresh(name),
            None => text.to_owned(),
        });
    }
    let config = object(text)?;
    Ok(match name {
        Some(name) if config.string(KEY).ok().flatten().as_deref() == Some(name) => text.to_owned(),
        Some(name) => config.with(KEY, &go_string(name), &FOLLOWERS),
        None => config.without(KEY),
    })
}

/// The context the CLI uses by this file; none is `default`.
///
/// # Errors
/// The text is not a JSON object, or `currentContext` is not text; the CLI
/// says so at each call and goes on as if the file were empty.
pub fn current_context(text: &str) -> Result<Option<String>, NotJson> {
    match is_blank(text) {
        true => Ok(None),
        false => Ok(object(text)?.string(KEY)?.filter(|name| !name.is_empty())),
    }
}

/// The CLI takes such a file for an empty one.
fn is_blank(text: &str) -> bool {
    text.trim_matches([' ', '\t', '\n', '\r']).is_empty()
}

fn fresh(name: &str) -> String {
    format!(
        "{{\n\t\"auths\": {{}},\n\t\"{KEY}\": {}\n}}",
        go_string(name)
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn with(text: &str) -> String {
        with_current_context(Some(text), Some("rootless")).expect("object")
    }

    fn without(text: &str) -> String {
        with_current_context(Some(text), None).expect("object")
    }

    /// Bytes as docker 28.2.2 wrote them.
    #[test]
    fn a_fresh_file_is_the_clis() {
        let golden = "{\n\t\"auths\": {},\n\t\"currentContext\": \"rootless\"\n}";
        for text in [None, Some(""), Some(" \n")] {
            assert_eq!(
                with_current_context(text, Some("rootless")).as_deref(),
                Ok(golden)
            );
            assert_eq!(
                with_current_context(text, None).as_deref(),
                Ok(text.unwrap_or(""))
            );
        }
        assert_eq!(without(golden), "{\n\t\"auths\": {}\n}");
        assert_eq!(with(&without(golden)), golden);
    }

    /// Bytes as docker 28.2.2 wrote them, before and after `docker context use`.
    #[test]
    fn the_place_is_the_clis() {
        let golden = "{\n\t\"auths\": {\n\t\t\"https://index.docker.io/v1/\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t},\n\t\
            \"credsStore\": \"pass\",\n\t\"currentContext\": \"rootless\",\n\t\"cliPluginsExtraDirs\": [\n\t\t\"/x\"\n\t],\n\t\
            \"plugins\": {\n\t\t\"p\": {\n\t\t\t\"k\": \"v\"\n\t\t}\n\t},\n\t\"aliases\": {\n\t\t\"builder\": \"buildx\"\n\t},\n\t\
            \"features\": {\n\t\t\"f\": \"1\"\n\t}\n}";
        let before = golden.replace("\t\"currentContext\": \"rootless\",\n", "");
        assert_eq!(with(&before), golden);
        assert_eq!(without(golden), before);
        assert_eq!(with(golden), golden);
    }

    #[test]
    fn the_style_is_the_files() {
        for (before, after) in [
            ("{}", "{\"currentContext\":\"rootless\"}"),
            ("{ }", "{ \"currentContext\": \"rootless\" }"),
            (
                "{\r\n}\r\n",
                "{\r\n\t\"currentContext\": \"rootless\"\r\n}\r\n",
            ),
            ("{\"a\":1}", "{\"a\":1,\"currentContext\":\"rootless\"}"),
            (
                "{\"a\": 1, \"plugins\": {}}\n",
                "{\"a\": 1, \"currentContext\": \"rootless\", \"plugins\": {}}\n",
            ),
            (
                "{\"plugins\": {}, \"a\": 1}",
                "{\"currentContext\": \"rootless\", \"plugins\": {}, \"a\": 1}",
            ),
            (
                "\u{feff}{\r\n    \"a\" : 1\r\n}\r\n",
                "\u{feff}{\r\n    \"a\" : 1,\r\n    \"currentContext\" : \"rootless\"\r\n}\r\n",
            ),
            (
                "{\n  \"a\": 1\n, \"a\": 1.50\n}",
                "{\n  \"a\": 1\n, \"a\": 1.50, \"currentContext\": \"rootless\"\n}",
            ),
        ] {
            assert_eq!(with(before), after);
            assert_eq!(without(after), before);
        }
    }

    /// As docker 28.2.2 reads such files.
    #[test]
    fn several_and_other_spellings() {
        let of = |text: &str| current_context(text);
        assert_eq!(of("{\"CurrentContext\":\"a1\"}"), Ok(Some("a1".into())));
        assert_eq!(
            of("{\"current\\u0043ontext\":\"a1\"}"),
            Ok(Some("a1".into()))
        );
        let two = "{\"currentContext\":\"a1\", \"x\": 1, \"CURRENTCONTEXT\":\"b1\",\"currentContext\":null}";
        assert_eq!(of(two), Ok(Some("b1".into())));
        assert_eq!(of(&with(two)), Ok(Some("rootless".into())));
        assert_eq!(without(two), "{\"x\": 1}");
        assert_eq!(of("{\"currentContext\":\"\"}"), Ok(None));
        assert_eq!(
            of("{\"currentContext\":5}"),
            Err(NotJson::NotText(KEY.into()))
        );
        assert_eq!(
            with("{\"currentContext\":5}"),
            "{\"currentContext\":\"rootless\"}"
        );
        assert_eq!(of(""), Ok(None));
    }

    #[test]
    fn what_is_not_json_is_left_alone() {
        for text in [
            "{",
            "not",
            "[]",
            "\"x\"",
            "{\"a\":1,}",
            "{'a':1}",
            "{\"a\":1}x",
            "\0",
            "\u{fffd}ELF",
        ] {
            assert!(
                with_current_context(Some(text), Some("x")).is_err(),
                "{text}"
            );
            assert!(with_current_context(Some(text), None).is_err(), "{text}");
            assert!(current_context(text).is_err(), "{text}");
        }
    }

    fn blank() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["", "", " ", "\n\t", "\r\n  ", "\n", "\t\t"])
    }

    /// An object in no particular style, without `currentContext` at the top.
    fn document() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec![
            "auths",
            "a",
            "credsStore",
            "plugins",
            "é\\\"",
            "features",
            "zz",
        ]);
        let value = prop::sample::select(vec![
            "{}",
            "[1, {\"currentContext\":\"no\"}]",
            "\"a\\\\\\\"},\"",
            "1.50e+3",
            "null",
            "true",
            "{ \"currentContext\" :\t[] }",
            "\"\\ud83d\\ude00 ü\"",
            "10000000000000000000000001",
        ]);
        let member = (blank(), name, blank(), blank(), value, blank());
        let members = prop::collection::vec(member, 0..6);
        (blank(), members, blank()).prop_map(|(before, members, after)| {
            let worded = members
                .iter()
                .map(|(a, name, b, c, value, d)| format!("{a}\"{name}\"{b}:{c}{value}{d}"));
            let inside = worded.collect::<Vec<_>>().join(",");
            format!("{before}{{{inside}}}{after}")
        })
    }

    proptest! {
        #[test]
        fn only_the_key_changes(text in document(), name in "[a-zA-Z0-9][a-zA-Z0-9_.+-]{1,9}") {
            let set = with_current_context(Some(&text), Some(&name)).expect("object");
            assert_eq!(without(&set), text);
            assert_eq!(current_context(&set), Ok(Some(name.clone())));
            let mut expected: Value = serde_json::from_str(&text).expect("JSON");
            expected[KEY] = Value::from(name);
            assert_eq!(serde_json::from_str::<Value>(&set).expect("JSON"), expected);
            // Nothing but an insertion.
            let same = |(a, b): &(u8, u8)| a == b;
            let head = text.bytes().zip(set.bytes()).take_while(same).count();
            let tail = text.bytes().rev().zip(set.bytes().rev()).take_while(same).count();
            assert!(head + tail >= text.len());
            // Another name changes the name alone.
            let other = with_current_context(Some(&set), Some("other")).expect("object");
            assert_eq!(current_context(&other), Ok(Some("other".into())));
            assert_eq!(without(&other), text);
        }
    }
}
