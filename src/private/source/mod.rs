//! Where private values stand: what each file, variable and program of a host
//! holds of them. What is not known here is not passed on at all.

mod account;
mod form;
mod place;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::register::{Kind, Register};
use super::{json, scan, word};
use crate::fact::Fact;
use crate::facts::subject;
use crate::host::{Bundle, Recorded, UserManager};

pub use form::{Form, assignments, form, is_public_variable};

/// Texts whose words every host of its kind has.
const PUBLIC: [&str; 3] = [
    "/etc/os-release",
    "/usr/lib/os-release",
    "/proc/filesystems",
];

/// Enters every private value of a recorded host and of a log, and what the
/// recording left out as secret.
pub fn register(bundle: &Bundle, secrets: &BTreeSet<String>, log: &[String]) -> Register {
    let mut register = Register::new(word::Words::default());
    for text in PUBLIC.iter().filter_map(|path| text(bundle, path)) {
        register.words.learn(text);
    }
    let home = subject(bundle, &mut register);
    account::enter(bundle, &mut register);
    names(bundle, &mut register);
    variables(bundle, &mut register);
    configurations(bundle, &mut register);
    place::enter(bundle, &home, &mut register);
    secrets
        .iter()
        .for_each(|secret| register.add(Kind::Secret, secret));
    strings(
        &serde_json::to_value(bundle).unwrap_or_default(),
        &mut |text| {
            scan::scan(text, &mut register);
        },
    );
    log.iter().for_each(|line| scan::scan(line, &mut register));
    register.settle();
    register
}

fn text<'b>(bundle: &'b Bundle, path: &str) -> Option<&'b str> {
    bundle.files.get(path)?.text.as_deref()
}

/// The user under examination comes first. Returns the home directory.
fn subject(bundle: &Bundle, register: &mut Register) -> String {
    let host = Recorded::new(bundle.clone());
    let found = subject::find(&host, bundle.user.as_deref()).ok().flatten();
    let home = bundle.env.get("HOME").cloned();
    let Some(subject) = found else {
        return home.unwrap_or_default();
    };
    account::user(&subject.name, register);
    let by_passwd = subject.home.to_string_lossy().into_owned();
    home.filter(|home| subject.is_self && !home.is_empty())
        .unwrap_or(by_passwd)
}

/// The machine's name and domains.
fn names(bundle: &Bundle, register: &mut Register) {
    let name = text(bundle, "/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    let first = name.split('.').next().unwrap_or_default();
    if !["", "localhost", "(none)"].contains(&first) {
        register.add(Kind::Host, first);
        if name.contains('.') {
            scan::host(name, register);
        }
    }
    for line in text(bundle, "/etc/resolv.conf").unwrap_or_default().lines() {
        let mut words = line.split_whitespace();
        if matches!(words.next(), Some("search" | "domain")) {
            words.for_each(|name| scan::domain(name, register));
        }
    }
    if let Some(id) = text(bundle, "/etc/machine-id") {
        register.add(Kind::Id, id);
    }
}

/// Variables of the shell and of the user's systemd.
fn variables(bundle: &Bundle, register: &mut Register) {
    for (name, value) in &bundle.env {
        variable(name, value, register);
    }
    for line in manager(bundle).into_iter().flat_map(|m| &m.environment) {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        variable(name, value, register);
    }
}

fn manager(bundle: &Bundle) -> Option<&UserManager> {
    match bundle.user_manager.as_ref()? {
        Fact::Known(manager) => Some(manager),
        _ => None,
    }
}

/// What a variable of this name holds.
pub fn variable(name: &str, value: &str, register: &mut Register) {
    match name {
        "USER" | "LOGNAME" | "SUDO_USER" | "USERNAME" => account::user(value, register),
        "HOSTNAME" | "HOST" => scan::host(value, register),
        "DOCKER_CONTEXT" => chosen(value, register),
        "NO_PROXY" | "no_proxy" => {
            let hosts = value
                .split([',', ' '])
                .filter(|h| h.contains(char::is_alphabetic));
            hosts.for_each(|host| scan::host(host.trim_matches(['.', '*']), register));
        }
        _ => scan::scan(value, register),
    }
}

/// A name that somebody chose.
fn chosen(value: &str, register: &mut Register) {
    let before = register.entries().len();
    scan::scan(value, register);
    if register.entries().len() == before && !register.words.has_all(value) {
        register.add(Kind::Name, value);
    }
}

/// Docker's JSON files and units.
fn configurations(bundle: &Bundle, register: &mut Register) {
    for (path, node) in &bundle.files {
        let text = node.text.as_deref().unwrap_or_default();
        match form(path) {
            Form::Json => {
                json::each(text, &mut |value| {
                    chosen(value, register);
                    value.to_owned()
                });
                contexts(text, register);
            }
            Form::Unit | Form::Variables => {
                for (name, value) in form::assignments(text) {
                    variable(name, value, register);
                }
            }
            _ => {}
        }
    }
    interfaces(bundle, register);
}

/// Names of docker contexts: `Name` of `meta.json`, `currentContext`.
fn contexts(text: &str, register: &mut Register) {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    for key in ["Name", "currentContext"] {
        if let Some(name) = value.get(key).and_then(Value::as_str) {
            chosen(name, register);
        }
    }
}

/// Names of network interfaces that no driver gave: `tun-acme`.
fn interfaces(bundle: &Bundle, register: &mut Register) {
    let by_drivers = [
        "lo",
        "eth",
        "en",
        "wl",
        "ww",
        "ib",
        "docker",
        "br-",
        "veth",
        "virbr",
        "tun",
        "tap",
        "wg",
        "bond",
        "vlan",
        "cni",
        "flannel",
        "cali",
        "lxc",
        "lxd",
        "podman",
        "vmnet",
        "vnet",
        "dummy",
        "ppp",
        "sit",
        "ip6tnl",
        "gre",
        "tunl",
        "vxlan",
        "macvtap",
        "usb",
        "bnep",
        "tailscale",
    ];
    let drivers = |name: &str| {
        let rest = by_drivers
            .iter()
            .find_map(|driver| name.strip_prefix(driver));
        rest.is_some_and(|rest| {
            rest.len() < 13 && rest.contains(|c: char| c.is_ascii_digit()) || rest.is_empty()
        })
    };
    let dir = "/sys/class/net";
    let listed = bundle.files.get(dir).and_then(|node| node.entries.clone());
    let below = bundle
        .files
        .keys()
        .filter_map(|path| path.strip_prefix(dir)?.split('/').nth(1));
    for name in listed.iter().flatten().map(String::as_str).chain(below) {
        if !drivers(name) {
            chosen(name, register);
        }
    }
}

/// Every string of a JSON value, keys of objects included.
pub fn strings(value: &Value, each: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, each)),
        Value::Object(members) => {
            for (key, value) in members {
                each(key);
                strings(value, each);
            }
        }
        _ => {}
    }
}

/// Whether this is the path of a file in somebody's home or other data.
fn is_below(path: &str, dir: &str) -> bool {
    !dir.is_empty() && dir != "/" && Path::new(path).starts_with(dir)
}
