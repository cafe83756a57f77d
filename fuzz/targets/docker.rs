//! What a user writes for the daemon and the client: units and JSON.

use std::path::Path;

use rootless_setup::facts::area::docker::cli;
use rootless_setup::facts::unit::{self, DockerUnit, UnitFile};
use rootless_setup::facts::{daemon_json, tools};
use rootless_setup::plan::option::{Key, Options};
use rootless_setup::plan::{
    cli_config, context, daemon_json as edit, docker_service, drop_in, quote,
};
use serde_json::Value;

use super::{select, text};

/// A unit file and its drop-ins, separated by NUL.
pub fn unit(data: &[u8]) {
    let mut files = Vec::new();
    for (part, name) in data.split(|b| *b == 0).zip(names()) {
        let text = text(part);
        let file = unit::parse(Path::new(name), &text);
        sized(&file, &text);
        docker_service::origin(&text);
        let _ = drop_in::read(name, &text);
        requoted(&text);
        files.push(file);
    }
    let mut files = files.into_iter();
    let unit = DockerUnit {
        file: files.next(),
        drop_ins: files.collect(),
        ..DockerUnit::default()
    };
    together(&unit);
}

/// `docker.service`, then every name that `install` gives to a drop-in.
fn names() -> impl Iterator<Item = &'static str> {
    ["docker.service"].into_iter().chain(drop_in::names())
}

/// No setting is longer than the text, and no line gives two.
fn sized(file: &UnitFile, text: &str) {
    let settings: usize = file
        .settings
        .iter()
        .map(|s| s.name.len() + s.value.len())
        .sum();
    let malformed: usize = file.malformed.iter().map(|(_, line)| line.len()).sum();
    assert!(settings + malformed <= text.len());
    assert!(file.settings.len() + file.malformed.len() <= text.lines().count());
    let lines = text.lines().count();
    assert!(file.settings.iter().all(|s| (1..=lines).contains(&s.line)));
}

fn together(unit: &DockerUnit) {
    let home = Path::new("/home/u");
    let environment = unit.environment(home);
    assert!(environment.keys().all(|name| !name.contains('=')));
    let command = unit.exec_start();
    let arguments = unit.arguments(home, Path::new("/run/user/1000"));
    if let Some(command) = &command {
        assert_eq!(command.len(), arguments.len() + 1);
        drop_in::said(command);
    }
    if let Some(path) = environment.get("PATH") {
        let dirs = tools::split_path(path);
        assert!(dirs.iter().all(|dir| dir.is_absolute()));
        assert!(dirs.len() <= path.split(':').count());
    }
    for name in ["data-root", "host", "config-file"] {
        daemon_json::flag(unit, home, name);
    }
}

/// What is quoted for systemd is one word, and reads back the same.
fn requoted(text: &str) {
    if let Ok(words) = unit::words(text) {
        assert!(words.len() <= text.len());
        assert!(words.iter().map(String::len).sum::<usize>() <= 3 * text.len());
    }
    if let Ok(quoted) = quote::assignment("NAME", text) {
        let words = unit::words(&quoted).expect("balanced quotes");
        let [word] = words.as_slice() else {
            panic!("one assignment became {} words", words.len());
        };
        let expanded = unit::expanded(word, Path::new("/h"));
        assert_eq!(expanded.strip_prefix("NAME="), Some(text));
    }
    if let Ok(quoted) = quote::argument(text) {
        let words = unit::words(&quoted).expect("balanced quotes");
        assert_eq!(words.len(), 1, "{quoted:?}");
    }
}

/// `daemon.json`, `config.json` or a context's `meta.json`, by the first byte.
pub fn json(data: &[u8]) {
    let (which, text) = select(data);
    match which % 3 {
        0 => daemon(&text),
        1 => config(&text),
        _ => meta(&text),
    }
}

fn daemon(text: &str) {
    let read = daemon_json::parse(text);
    edit::listens(text);
    if let Ok(read) = &read {
        assert!(read.unknown.iter().map(String::len).sum::<usize>() <= text.len());
    }
    let options = Options::default()
        .flag(Key::DataRoot, word(Key::DataRoot, "/srv/d"))
        .flag(Key::LogDriver, word(Key::LogDriver, "auto"));
    let Ok(Some(once)) = edit::edited(Some(text), &options) else {
        return;
    };
    assert!(once.len() <= text.len() + 100);
    let again = edit::edited(Some(&once), &options);
    assert_eq!(
        again.as_ref().ok(),
        Some(&Some(once.clone())),
        "a second run changes nothing"
    );
    same_but(text, &once, &["data-root", "log-driver"]);
    if serde_json::from_str::<Value>(once.trim_start_matches('\u{feff}')).is_ok() {
        let read = edit::read(&once);
        // In other letters the key is one that dockerd rejects, and stays so.
        let is_there = once.contains("\"data-root\"");
        assert!(!is_there || read.iter().any(|(key, _)| *key == Key::DataRoot));
        assert!(!read.iter().any(|(key, _)| *key == Key::LogDriver));
    }
}

fn word(key: Key, word: &str) -> rootless_setup::plan::option::Choice {
    match key.entry().kind.word(word) {
        Ok(choice) => choice,
        Err(_) => unreachable!("the option takes {word}"),
    }
}

/// Both texts hold the same values, apart from these keys.
fn same_but(before: &str, after: &str, keys: &[&str]) {
    let parsed = |text: &str| serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}'));
    let (Ok(Value::Object(mut before)), Ok(Value::Object(mut after))) =
        (parsed(before), parsed(after))
    else {
        return;
    };
    // Go knows the names in any letters, the long s and the Kelvin sign among them.
    let is_other = |name: &String| {
        let name = name.to_uppercase().replace('\u{212a}', "K");
        !keys.iter().any(|key| key.to_uppercase() == name)
    };
    before.retain(|name, _| is_other(name));
    after.retain(|name, _| is_other(name));
    assert_eq!(before, after);
}

fn config(text: &str) {
    let _ = cli::parse_config(text);
    let Ok(with) = cli_config::with_current_context(Some(text), Some("rootless")) else {
        return;
    };
    same_but(text, &with, &["currentContext", "auths"]);
    if let Ok(current) = cli_config::current_context(&with) {
        assert_eq!(current.as_deref(), Some("rootless"));
    }
    let twice = cli_config::with_current_context(Some(&with), Some("rootless"));
    assert_eq!(
        twice.ok().as_ref(),
        Some(&with),
        "a second run changes nothing"
    );
    let without = cli_config::with_current_context(Some(&with), None).expect("an object");
    if let Ok(current) = cli_config::current_context(&without) {
        assert_eq!(current, None);
    }
}

fn meta(text: &str) {
    let _ = cli::parse_context(text);
    let _ = context::host(text);
    let socket = "unix:///run/user/1000/docker.sock";
    if let Ok(right) = context::corrected(text, socket) {
        assert_eq!(
            context::host(&right).ok().flatten().as_deref(),
            Some(socket)
        );
        assert_eq!(
            context::corrected(&right, socket).ok().as_ref(),
            Some(&right)
        );
    }
}
