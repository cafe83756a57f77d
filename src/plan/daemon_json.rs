//! The daemon's `daemon.json`, key by key: only what was asked for is changed,
//! every other byte is kept.

use serde_json::Value as Json;

use super::json_edit::{NotJson, Object, object};
use super::option::table::Place;
use super::option::{Choice, Entry, Key, Kind, Options, TABLE, Value};

/// What dockerd starts from.
const FRESH: &str = "{\n}\n";

/// The options that are keys of the file, with the path of names to each.
fn keys() -> impl Iterator<Item = (&'static Entry, &'static [&'static str])> {
    TABLE.iter().filter_map(|entry| match entry.place {
        Place::Json(path) => Some((entry, path)),
        _ => None,
    })
}

/// Something in the file was asked for.
pub fn is_asked(asked: &Options) -> bool {
    keys().any(|(entry, _)| asked.get(entry.key).is_some())
}

/// What a file says of options; what is of the wrong type says nothing.
pub fn read(text: &str) -> Vec<(Key, Value)> {
    let text = text.trim_start_matches('\u{feff}');
    let Ok(all) = serde_json::from_str::<Json>(text) else {
        return Vec::new();
    };
    let value = |(entry, path): (&'static Entry, &[&str])| {
        let json = path.iter().try_fold(&all, |json, name| json.get(name))?;
        Some((entry.key, typed(entry.kind, json)?))
    };
    keys().filter_map(value).collect()
}

/// The first key of a file that says where or how the daemon listens.
pub fn listens(text: &str) -> Option<&'static str> {
    let text = text.trim_start_matches('\u{feff}');
    let all = serde_json::from_str::<Json>(text).ok()?;
    let keys = [
        "hosts",
        "tls",
        "tlsverify",
        "tlscacert",
        "tlscert",
        "tlskey",
    ];
    keys.into_iter().find(|key| all.get(key).is_some())
}

fn typed(kind: Kind, json: &Json) -> Option<Value> {
    let text = |json: &Json| json.as_str().map(str::to_owned);
    Some(match kind {
        Kind::Flag => Value::Flag(json.as_bool()?),
        Kind::Number(..) => Value::Number(json.as_u64()?.try_into().ok()?),
        Kind::Word(_) | Kind::Text(_) => Value::Text(text(json)?),
        Kind::List(_) => Value::List(json.as_array()?.iter().map(text).collect::<Option<_>>()?),
        Kind::Pairs => {
            let pairs = json.as_object()?.iter();
            let pairs = pairs.map(|(name, value)| Some((name.clone(), text(value)?)));
            Value::Pairs(pairs.collect::<Option<_>>()?)
        }
    })
}

/// The text with what was asked for in it; none is a file that is not there, and
/// stays so where there is nothing to say.
///
/// # Errors
/// The text is not a JSON object: it is to be left alone.
pub fn edited(text: Option<&str>, asked: &Options) -> Result<Option<String>, NotJson> {
    let there = text.filter(|text| !text.trim_start_matches('\u{feff}').trim().is_empty());
    let mut new = there.unwrap_or(FRESH).to_owned();
    let before = there.map(read).unwrap_or_default();
    let mut changed = false;
    for (entry, path) in keys() {
        let Some(named) = asked.get(entry.key) else {
            continue;
        };
        let is = before.iter().find(|(key, _)| *key == entry.key);
        let edit = match &named.choice {
            Choice::Set(value) if is.is_none_or(|(_, is)| is != value) => {
                Some(with(&new, path, &value.json())?)
            }
            Choice::Set(_) => None,
            Choice::Auto => without(&new, path)?,
        };
        changed |= edit.is_some();
        new = edit.unwrap_or(new);
    }
    Ok(match changed {
        true => Some(new),
        false => text.map(str::to_owned),
    })
}

/// The text with a value set, in an object of its own where the path says so.
fn with(text: &str, path: &[&str], json: &str) -> Result<String, NotJson> {
    let all = object(text)?;
    Ok(match path {
        [outer, inner] => match all.child(outer) {
            Some(child) => child.with(inner, json, &[]),
            None => all.with(outer, &format!("{{\"{inner}\": {json}}}"), &[]),
        },
        [name, ..] => all.with(name, json, &[]),
        [] => text.to_owned(),
    })
}

/// The text without a key; none if it is not in it.
fn without(text: &str, path: &[&str]) -> Result<Option<String>, NotJson> {
    let all = object(text)?;
    let inside = |all: &Object<'_>, name: &str| all.has(name).then(|| all.without(name));
    Ok(match path {
        [outer, inner] => match all.child(outer) {
            Some(child) if child.is_only(inner) => inside(&all, outer),
            Some(child) => inside(&child, inner),
            None => None,
        },
        [name, ..] => inside(&all, name),
        [] => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[(Key, &str)]) -> Options {
        let mut options = Options::default();
        for (key, word) in words {
            let choice = key.entry().kind.word(word).expect(word);
            options = options.flag(*key, choice);
        }
        options
    }

    fn edit(text: Option<&str>, words: &[(Key, &str)]) -> Option<String> {
        edited(text, &asked(words)).expect("object")
    }

    #[test]
    fn a_file_of_its_own() {
        let new = edit(
            None,
            &[(Key::DataRoot, "/srv/d"), (Key::UserlandProxy, "no")],
        );
        let text = "{\n\t\"userland-proxy\": false,\n\t\"data-root\": \"/srv/d\"\n}\n";
        assert_eq!(new.as_deref(), Some(text));
        assert_eq!(
            edit(Some(text), &[(Key::DataRoot, "/srv/d")]).as_deref(),
            Some(text)
        );
        assert_eq!(edit(None, &[(Key::DataRoot, "auto")]), None);
        assert_eq!(edit(None, &[(Key::Net, "pasta")]), None);
        assert_eq!(edit(Some(" \n"), &[]).as_deref(), Some(" \n"));
    }

    #[test]
    fn the_rest_is_kept_to_the_byte() {
        let text = "\u{feff}{ \"debug\":true,\r\n  \"log-opts\": {\"max-size\": \"1m\"},\n  \"x\": [1, 2 ] }";
        let new = edit(
            Some(text),
            &[(Key::LogDriver, "local"), (Key::LogOpts, "max-file=3")],
        );
        assert_eq!(
            new.as_deref(),
            Some(
                "\u{feff}{ \"debug\":true,\r\n  \"log-opts\": {\"max-file\": \"3\"},\n  \"x\": [1, 2 ],\n  \
                 \"log-driver\": \"local\" }"
            )
        );
        let back = edit(
            new.as_deref(),
            &[(Key::LogDriver, "auto"), (Key::LogOpts, "max-size=1m")],
        );
        assert_eq!(back.as_deref(), Some(text));
    }

    #[test]
    fn proxies_stand_in_an_object_of_their_own() {
        let one = edit(Some("{}"), &[(Key::HttpsProxy, "http://p:3128")]).expect("text");
        assert_eq!(one, "{\"proxies\":{\"https-proxy\": \"http://p:3128\"}}");
        let two = edit(Some(&one), &[(Key::NoProxy, ".example.org")]).expect("text");
        let json: Json = serde_json::from_str(&two).expect("json");
        assert_eq!(json["proxies"]["no-proxy"], ".example.org");
        assert_eq!(
            edit(Some(&two), &[(Key::NoProxy, "auto")]).as_deref(),
            Some(&*one)
        );
        assert_eq!(
            edit(Some(&one), &[(Key::HttpsProxy, "auto")]).as_deref(),
            Some("{}")
        );
    }

    #[test]
    fn what_is_no_object_is_left_alone() {
        let dns = asked(&[(Key::Dns, "1.1.1.1")]);
        for text in ["[]", "{", "{} {}", "nonsense"] {
            assert!(edited(Some(text), &dns).is_err(), "{text}");
            assert!(read(text).is_empty());
        }
    }

    fn sample(entry: &Entry) -> Vec<Value> {
        let text = || match entry.kind {
            Kind::Word(words) => words()[0].to_owned(),
            _ => "http://u:p@\"é\\n<host>:1/a".to_owned(),
        };
        match entry.kind {
            Kind::Flag => vec![Value::Flag(true), Value::Flag(false)],
            Kind::Number(least, most) => vec![Value::Number(least), Value::Number(most)],
            Kind::Word(_) | Kind::Text(_) => vec![Value::Text(text())],
            Kind::List(_) => vec![Value::List(Vec::new()), Value::List(vec![text(), text()])],
            Kind::Pairs => vec![Value::Pairs([("a".into(), text())].into())],
        }
    }

    #[test]
    fn every_key_is_read_back_and_taken_out_again() {
        let text = "{\n  \"debug\": true,\n  \"labels\": []\n}\n";
        for (entry, _) in keys() {
            for value in sample(entry) {
                let set = Options::default().flag(entry.key, Choice::Set(value.clone()));
                let new = edited(Some(text), &set).expect("object").expect("text");
                assert_eq!(read(&new), [(entry.key, value)], "{new}");
                let auto = Options::default().flag(entry.key, Choice::Auto);
                let back = edited(Some(&new), &auto).expect("object");
                assert_eq!(back.as_deref(), Some(text), "{}", entry.name);
                // dockerd refuses to start with a key it does not know.
                let parsed = crate::facts::daemon_json::parse(&new).expect("settings");
                assert!(
                    parsed.unknown.is_empty() && parsed.mistyped.is_empty(),
                    "{new}"
                );
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[\\[\\]{}\",:\\\\ a-c0-9\n\u{feff}]*|\\{(\"(proxies|dns|log-opts)\":(\\{\\}|1|null|\\[\\]),?)*\\}") {
            read(&text);
            let all = asked(&[(Key::Dns, "1.1.1.1"), (Key::HttpProxy, "http://a"), (Key::LogOpts, "auto")]);
            if let Ok(Some(new)) = edited(Some(&text), &all) {
                let json = new.trim_start_matches('\u{feff}');
                let whole = serde_json::from_str::<Json>(json).is_ok();
                proptest::prop_assert!(whole, "{}", new);
            }
        }
    }
}
