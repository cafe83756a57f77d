//! Docker's own configuration files: of their strings, only the values of keys
//! that are listed here are public.

use serde_json::{Map, Value};

/// Keys of `daemon.json`, `config.json` and `meta.json` whose strings are one
/// of a few words, a path or a size.
const PUBLIC: [&str; 58] = [
    "storage-driver",
    "storage-opts",
    "log-driver",
    "log-level",
    "log-format",
    "cgroup-parent",
    "default-cgroupns-mode",
    "default-ipc-mode",
    "default-runtime",
    "default-shm-size",
    "exec-opts",
    "exec-root",
    "data-root",
    "graph",
    "pidfile",
    "containerd",
    "init-path",
    "userland-proxy-path",
    "seccomp-profile",
    "path",
    "runtimetype",
    "bip",
    "bridge",
    "fixed-cidr",
    "fixed-cidr-v6",
    "default-gateway",
    "default-gateway-v6",
    "ip",
    "base",
    "default-address-pools",
    "default-network-opts",
    "features",
    "hosts",
    "userns-remap",
    "group",
    "metrics-addr",
    "firewall-backend",
    "max-size",
    "max-file",
    "mode",
    "compress",
    "credsstore",
    "currentcontext",
    "host",
    "name",
    "config",
    "runtimeargs",
    "defaultkeepstorage",
    "keepstorage",
    "reservedspace",
    "policy",
    "enabled",
    "hard",
    "soft",
    "tlscacert",
    "tlscert",
    "tlskey",
    "snapshotter",
];

/// Objects whose keys are names somebody chose, or hosts.
const NAMED: [&str; 9] = [
    "auths",
    "credhelpers",
    "proxies",
    "httpheaders",
    "labels",
    "runtimes",
    "log-opts",
    "aliases",
    "plugins",
];

/// Goes over the private parts of a configuration; what `private` returns takes
/// their places.
pub fn each(text: &str, private: &mut dyn FnMut(&str) -> String) -> Option<String> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    walk(&mut value, "", private);
    serde_json::to_string(&value).ok()
}

/// What should be JSON and is not, with the same mistake in the same place and
/// nothing to read in it.
pub fn shape(text: &str) -> String {
    let mut shape = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word = ["true", "false", "null"]
            .into_iter()
            .find(|word| rest.starts_with(word));
        if let Some(word) = word.filter(|_| !in_string) {
            shape.push_str(word);
            rest = &rest[word.len()..];
            continue;
        }
        let plain = c.is_ascii_whitespace() || c.is_ascii_digit() || "{}[]:,.-+\\\"".contains(c);
        let kept = if in_string {
            "\\\"\n\r\t".contains(c)
        } else {
            plain
        };
        // After a backslash, what is one character.
        let hidden = if escaped { 'n' } else { 'x' };
        shape.push(if kept { c } else { hidden });
        in_string ^= c == '"' && !escaped;
        escaped = in_string && c == '\\' && !escaped;
        rest = &rest[c.len_utf8()..];
    }
    shape
}

fn walk(value: &mut Value, key: &str, private: &mut dyn FnMut(&str) -> String) {
    match value {
        Value::String(text) if !PUBLIC.contains(&key) => *text = private(text),
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, key, private)),
        Value::Object(members) => {
            let named = NAMED.contains(&key);
            let old = std::mem::take(members);
            let member = |(name, mut value): (String, Value)| {
                walk(&mut value, &name.to_ascii_lowercase(), private);
                let name = if named { private(&name) } else { name };
                (name, value)
            };
            *members = old.into_iter().map(member).collect::<Map<_, _>>();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_keeps_its_place() {
        for text in [
            "{\"auth\": \"geheim\",\n \"x\": geheim }",
            "{\n  \"hosts\": [\"unix://a\\\"b\", ],\n",
            "{\"a\": 1\n \"b\": true}",
            "geheim",
        ] {
            let wrong = |text: &str| serde_json::from_str::<Value>(text).unwrap_err().to_string();
            assert_eq!(wrong(&shape(text)), wrong(text));
            assert!(!shape(text).contains("geheim"));
        }
    }

    #[test]
    fn only_listed_keys_keep_their_strings() {
        let text = r#"{"storage-driver": "overlay2", "labels": ["site=x"], "mtu": 1400,
            "auths": {"reg.acme.com": {}}, "unknown": {"deep": ["text"]}}"#;
        let hidden = each(text, &mut |s| format!("<{}>", s.len())).unwrap();
        assert_eq!(
            hidden,
            r#"{"auths":{"<12>":{}},"labels":["<6>"],"mtu":1400,"storage-driver":"overlay2","unknown":{"deep":["<4>"]}}"#
        );
        assert_eq!(each("{", &mut |_| String::new()), None);
    }
}
