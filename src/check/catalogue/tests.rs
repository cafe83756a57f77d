//! What holds for every check.

use std::collections::BTreeSet;

use super::*;
use crate::check::{family, remedy, rule};
use crate::plan::mend::action::Action;
use crate::testing::GIVES_ROOT_AWAY;

fn checks() -> Vec<&'static Check> {
    Catalogue::built_in().unwrap().iter().collect()
}

fn remedies(check: &Check) -> impl Iterator<Item = &Remedy> {
    std::iter::once(&check.remedy).chain(check.remedies.values())
}

#[test]
fn what_is_embedded_is_what_is_written() {
    let mut written = Vec::new();
    for (area, text) in AREAS.iter().zip(texts()) {
        let file: Result<File, _> = toml::from_str(text);
        written.extend(file.unwrap_or_else(|e| panic!("{area}.toml: {e}")).check);
    }
    let embedded = serde_json::to_value(checks()).unwrap();
    assert_eq!(serde_json::to_value(written).unwrap(), embedded);
}

#[test]
fn ids_are_unique_and_in_their_area() {
    let mut seen = BTreeSet::new();
    for check in checks() {
        assert!(AREAS.contains(&check.area()), "{}", check.id);
        for id in std::iter::once(&check.id).chain(&check.aliases) {
            assert!(seen.insert(id.clone()), "{id} twice");
        }
    }
}

#[test]
fn every_check_has_a_rule_and_every_rule_a_check() {
    let by_rule = checks().into_iter().filter(|c| c.predicate.is_none());
    let ids: BTreeSet<&str> = by_rule.map(|c| c.id.as_str()).collect();
    let rules: BTreeSet<&str> = rule::all().map(|(id, _)| id).collect();
    assert_eq!(ids, rules);
    assert_eq!(rules.len(), rule::all().count(), "a rule stands twice");
}

#[test]
fn a_check_requires_only_what_was_judged_before_it() {
    let mut before = BTreeSet::new();
    for check in checks() {
        for id in &check.requires {
            assert!(before.contains(id.as_str()), "{} requires {id}", check.id);
        }
        before.insert(check.id.as_str());
    }
}

#[test]
fn every_check_says_why_and_where_to_read_more() {
    for check in checks() {
        assert!(check.cause.trim().len() > 40, "{}: cause", check.id);
        assert!(check.docs.starts_with("https://"), "{}: docs", check.id);
        assert!(
            check.upstream.iter().all(|u| u.starts_with("https://")),
            "{}",
            check.id
        );
        for text in [&check.title, &check.cause] {
            assert!(
                !text.ends_with(char::is_whitespace),
                "{}: {text:?}",
                check.id
            );
        }
        assert!(!check.title.ends_with('.'), "{}: title", check.id);
    }
}

#[test]
fn every_check_has_a_remedy_for_every_family() {
    for check in checks() {
        for remedy in remedies(check) {
            let keys = remedy.packages.keys().chain(remedy.commands.keys());
            let keys = keys.chain(remedy.actions.keys());
            for key in keys {
                assert!(family::KEYS.contains(&key.as_str()), "{}: {key}", check.id);
            }
            let words = !remedy.note.trim().is_empty();
            let for_all = words
                || remedy.commands.contains_key("default")
                || remedy.actions.contains_key("default");
            assert!(for_all, "{}: nothing for an unknown distribution", check.id);
        }
    }
}

/// A template that is none would be passed over without a word.
#[test]
fn every_action_is_one() {
    for check in checks() {
        for template in remedies(check).flat_map(|r| r.actions.values().flatten()) {
            let action = Action::from_template(template, &remedy::examples());
            let action = action.unwrap_or_else(|e| panic!("{}: {e}", check.id));
            assert!(!action.commands().is_empty(), "{}", check.id);
        }
    }
}

#[test]
fn no_remedy_gives_root_away() {
    for check in checks() {
        let commands = remedies(check).flat_map(|r| r.commands.values().flatten());
        for command in commands {
            assert!(
                GIVES_ROOT_AWAY.iter().all(|f| !command.contains(f)),
                "{}: {command}",
                check.id
            );
            assert!(
                !command.contains("sudo cat <<"),
                "{}: the redirect is not root's",
                check.id
            );
        }
    }
}

/// A placeholder inside quotes would be quoted twice, and no longer safe.
#[test]
fn placeholders_stand_outside_quotes() {
    for check in checks() {
        for command in remedies(check).flat_map(|r| r.commands.values().flatten()) {
            let outside = command.split(['\'', '"']).step_by(2).collect::<String>();
            let count = |text: &str| text.matches('{').count();
            assert_eq!(count(command), count(&outside), "{}: {command}", check.id);
        }
    }
}
