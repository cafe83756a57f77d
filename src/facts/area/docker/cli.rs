//! The docker client: which program it is, its `config.json` and its contexts.
//! Nothing is kept of `config.json` but the name of the current context: the
//! rest may hold passwords.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::fact::Fact;
use crate::facts::Context as Collect;
use crate::facts::limits::{self, Allowance};

/// More contexts than this are not read.
const MOST_CONTEXTS: usize = 500;

/// A program that is larger is no shell script.
const LARGEST_SCRIPT: u64 = 64 << 10;

/// The docker client's configuration.
#[derive(Debug)]
pub struct Cli {
    /// `$DOCKER_CONFIG`, else `~/.docker`.
    pub dir: PathBuf,
    /// `$DOCKER_HOST` of this shell; empty counts as not set.
    pub docker_host: Fact<String>,
    /// `$DOCKER_CONTEXT` of this shell; likewise.
    pub docker_context: Fact<String>,
    /// `currentContext` of `config.json`, empty if there is none;
    /// `Known(Err(why))` where it is not JSON.
    pub current: Fact<Result<String, String>>,
    /// The contexts, by their files.
    pub contexts: Fact<Vec<ContextFile>>,
    /// `docker` is podman under another name.
    pub is_podman: Fact<bool>,
}

/// One `contexts/meta/ID/meta.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says, or why it cannot be parsed.
    pub content: Result<Endpoint, String>,
}

/// A context: a name and where its daemon listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// `Name`.
    pub name: String,
    /// `Endpoints.docker.Host`; empty if there is none.
    pub host: String,
}

/// Reads it.
pub fn collect(cx: Collect<'_>) -> Cli {
    let own = cx.ground.subject.as_ref().is_some_and(|s| s.is_self);
    let env = |name: &str| match own {
        true => match cx.host.env(name) {
            Fact::Known(value) if value.is_empty() => Fact::Absent,
            value => value,
        },
        false => Fact::Absent,
    };
    let dir = env("DOCKER_CONFIG")
        .into_known()
        .map_or_else(|| cx.ground.home_path().join(".docker"), PathBuf::from);
    let config = cx.host.read(&dir.join("config.json"));
    Cli {
        docker_host: env("DOCKER_HOST"),
        docker_context: env("DOCKER_CONTEXT"),
        current: config
            .and_then(limits::data)
            .map(|text| parse_config(&text)),
        contexts: contexts(cx, &dir.join("contexts/meta")),
        is_podman: is_podman(cx),
        dir,
    }
}

fn contexts(cx: Collect<'_>, dir: &Path) -> Fact<Vec<ContextFile>> {
    limits::names(cx.host, dir, |_| true).and_then(|names| {
        if names.len() > MOST_CONTEXTS {
            return Fact::unreadable(format!("it holds more than {MOST_CONTEXTS} contexts"));
        }
        let mut left = Allowance::of(MOST_CONTEXTS);
        let mut found = Vec::new();
        for name in names {
            let path = dir.join(name).join("meta.json");
            match left.read(cx.host, &path).and_then(limits::data) {
                Fact::Known(text) => found.push(ContextFile {
                    content: parse_context(&text),
                    path,
                }),
                // The client passes over a directory without the file.
                Fact::Absent => {}
                Fact::Unreadable(why) => return Fact::Unreadable(why),
            }
        }
        Fact::Known(found)
    })
}

/// podman-docker's `docker` is a link to podman or a small shell script.
fn is_podman(cx: Collect<'_>) -> Fact<bool> {
    let hit = cx.ground.shell_tools.fact("docker").map(Clone::clone);
    hit.and_then(|hit| {
        if hit.real.ends_with("podman") {
            return Fact::Known(true);
        }
        cx.host.stat(&hit.path).and_then(|stat| match stat.size {
            0..LARGEST_SCRIPT => cx.host.read(&hit.path).map(|text| calls_podman(&text)),
            _ => Fact::Known(false),
        })
    })
}

/// A shell script that runs podman.
pub fn calls_podman(text: &str) -> bool {
    let code = || text.lines().filter(|l| !l.trim_start().starts_with('#'));
    text.starts_with("#!") && code().any(|line| line.contains("podman"))
}

/// `currentContext` of a `config.json`. The client reads the first value and
/// takes an empty file for an empty configuration.
///
/// # Errors
/// What is wrong and where, never what stands there.
pub fn parse_config(text: &str) -> Result<String, String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let Some(value) = values.next() else {
        return Ok(String::new());
    };
    let value = value.map_err(|e| e.to_string())?;
    let map = value.as_object().ok_or("it does not hold an object")?;
    match map.get("currentContext") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(name)) => Ok(name.clone()),
        Some(_) => Err("currentContext is not a string".to_owned()),
    }
}

/// A context's `meta.json`.
///
/// # Errors
/// What is wrong and where, never what stands there.
pub fn parse_context(text: &str) -> Result<Endpoint, String> {
    let value: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let map = value.as_object().ok_or("it does not hold an object")?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let host = value.pointer("/Endpoints/docker/Host");
    Ok(Endpoint {
        name: text(map.get("Name")).ok_or("it has no Name")?,
        host: text(host).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_context() {
        let current = |text: &str| parse_config(text).expect("a configuration");
        assert_eq!(
            current("{\"auths\":{},\r\n\"currentContext\":\"rootless\"}"),
            "rootless"
        );
        assert_eq!(current(""), "");
        assert_eq!(current(" {} trailing"), "");
        for broken in [
            "{",
            "[]",
            "\u{feff}{}",
            "{\"currentContext\":1}",
            "\0ELF\u{fffd}",
        ] {
            assert!(parse_config(broken).is_err(), "{broken:?}");
        }
        let why = parse_config("{\"auths\": secret}").expect_err("no JSON");
        assert!(!why.contains("secret"), "{why}");
    }

    #[test]
    fn contexts_by_their_files() {
        let text = r#"{"Name":"rootless","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///run/user/1000/docker.sock"}}}"#;
        let found = parse_context(text).expect("a context");
        assert_eq!(found.host, "unix:///run/user/1000/docker.sock");
        assert!(parse_context("").is_err() && parse_context("{}").is_err());
        assert!(parse_context(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn the_shim_of_podman() {
        let shim = "#!/usr/bin/sh\n[ -e /etc/containers/nodocker ] || echo Emulate\nexec /usr/bin/podman \"$@\"\n";
        assert!(calls_podman(shim));
        assert!(!calls_podman(
            "#!/bin/sh\n# not podman\nexec /opt/docker \"$@\"\n"
        ));
        assert!(!calls_podman("\u{7f}ELF podman"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = parse_config(&text);
            let _ = parse_context(&text);
            calls_podman(&text);
        }
    }
}
