//! A recorded host as JSON, packed: what a reader can put in again is left out.
//!
//! By directory, `absent` lists what is not there, `plain` files of root's with
//! mode 0644, `texts` such files with their texts, `exe` programs of root's with
//! mode 0755 with their sizes, and `same` what a directory that is a link to
//! another has in common with it. Everything else is as in a bundle.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::host::{Bundle, Node};

/// The names in directories.
type Names = BTreeMap<String, Vec<String>>;

/// A bundle in which `files` holds only what the other members do not say.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Packed {
    same: Names,
    absent: Names,
    plain: Names,
    texts: BTreeMap<String, BTreeMap<String, String>>,
    exe: BTreeMap<String, BTreeMap<String, u64>>,
}

/// Packs a recorded host.
pub fn pack(bundle: &Bundle) -> Value {
    let mut packed = Packed::default();
    let mut files = BTreeMap::new();
    for (path, node) in &bundle.files {
        let (dir, name) = split(path);
        if !path.starts_with('/') {
            files.insert(path.clone(), node.clone());
        } else if is_same(bundle, dir, name, node) {
            push(&mut packed.same, dir, name);
        } else if *node == absent() {
            push(&mut packed.absent, dir, name);
        } else if *node == Node::default() {
            push(&mut packed.plain, dir, name);
        } else if let Some(text) = only_text(node) {
            let names = packed.texts.entry(dir.to_owned()).or_default();
            names.insert(name.to_owned(), text);
        } else if let Some(size) = executable(node) {
            let names = packed.exe.entry(dir.to_owned()).or_default();
            names.insert(name.to_owned(), size);
        } else {
            files.insert(path.clone(), node.clone());
        }
    }
    let rest = Bundle {
        files,
        ..bundle.clone()
    };
    let mut value = serde_json::to_value(rest).unwrap_or_default();
    let extra = serde_json::to_value(packed).unwrap_or_default();
    if let (Some(members), Value::Object(extra)) = (value.as_object_mut(), extra) {
        members.extend(extra);
    }
    value
}

/// Unpacks a recorded host.
///
/// # Errors
/// What is wrong with it.
pub fn unpack(value: Value) -> Result<Bundle, serde_json::Error> {
    let packed = Packed::deserialize(&value)?;
    let mut bundle: Bundle = serde_json::from_value(value)?;
    for (dir, names) in packed.exe {
        for (name, size) in names {
            let node = Node {
                size: Some(size),
                ..program()
            };
            bundle.files.insert(join(&dir, &name), node);
        }
    }
    for (dir, names) in packed.texts {
        for (name, text) in names {
            bundle
                .files
                .insert(join(&dir, &name), with_text(Some(text)));
        }
    }
    each(packed.plain, |path, _, _| {
        bundle.files.insert(path, Node::default());
    });
    each(packed.absent, |path, _, _| {
        drop(bundle.files.insert(path, absent()))
    });
    each(packed.same, |path, dir, name| {
        let there = target(&bundle, dir).map(|real| join(&real, name));
        if let Some(node) = there.and_then(|there| seen_through(&bundle, &there)) {
            bundle.files.insert(path, node);
        }
    });
    Ok(bundle)
}

fn each(names: Names, mut add: impl FnMut(String, &str, &str)) {
    for (dir, names) in names {
        for name in names {
            add(join(&dir, &name), &dir, &name);
        }
    }
}

fn push(names: &mut Names, dir: &str, name: &str) {
    names
        .entry(dir.to_owned())
        .or_default()
        .push(name.to_owned());
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn join(dir: &str, name: &str) -> String {
    format!("{dir}/{name}")
}

fn absent() -> Node {
    Node {
        absent: true,
        ..Node::default()
    }
}

fn program() -> Node {
    Node {
        mode: Some("0755".into()),
        ..Node::default()
    }
}

fn with_text(text: Option<String>) -> Node {
    Node {
        text,
        ..Node::default()
    }
}

fn only_text(node: &Node) -> Option<String> {
    let text = node.text.clone()?;
    (*node == with_text(Some(text.clone()))).then_some(text)
}

fn executable(node: &Node) -> Option<u64> {
    let size = node.size?;
    let plain = Node {
        size: Some(size),
        ..program()
    };
    (*node == plain).then_some(size)
}

/// The directory that this one is a link to.
fn target(bundle: &Bundle, dir: &str) -> Option<String> {
    let node = bundle.files.get(dir).filter(|node| node.link.is_some())?;
    node.real.clone().filter(|real| real != dir)
}

/// What is found at `there` when it is reached through a link.
fn seen_through(bundle: &Bundle, there: &str) -> Option<Node> {
    let mut node = bundle.files.get(there)?.clone();
    if node.real.is_none() && !node.absent {
        node.real = Some(there.to_owned());
    }
    Some(node)
}

fn is_same(bundle: &Bundle, dir: &str, name: &str, node: &Node) -> bool {
    let there = target(bundle, dir).map(|real| join(&real, name));
    there
        .and_then(|there| seen_through(bundle, &there))
        .is_some_and(|other| other == *node)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "reads the recorded hosts")]
mod tests {
    use super::*;

    #[test]
    fn every_recorded_host_comes_back_as_it_was() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hosts");
        let mut count = 0;
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|e| e != "toml") {
                continue;
            }
            let bundle = Bundle::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let text = pack(&bundle).to_string();
            let back = unpack(serde_json::from_str(&text).unwrap()).unwrap();
            let [one, other] = [&bundle, &back].map(|b| serde_json::to_value(b).unwrap());
            assert_eq!(one, other, "{}", path.display());
            count += 1;
        }
        assert!(count > 70);
    }
}
