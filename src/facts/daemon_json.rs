//! The daemon's `daemon.json`: the settings that checks look at, and what in it
//! dockerd would refuse. No value that may hold a password is kept.

mod known;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::limits;
use super::unit::DockerUnit;
use crate::check::Undetermined;
use crate::fact::Fact;
use crate::host::Host;

/// The settings of a `daemon.json`; what is not set is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonJson {
    /// `iptables`.
    pub iptables: Option<bool>,
    /// `ip6tables`.
    pub ip6tables: Option<bool>,
    /// `icc`: containers of the default bridge may talk to each other.
    pub icc: Option<bool>,
    /// `userland-proxy`.
    pub userland_proxy: Option<bool>,
    /// `ipv6`.
    pub ipv6: Option<bool>,
    /// `selinux-enabled`.
    pub selinux_enabled: Option<bool>,
    /// `live-restore`.
    pub live_restore: Option<bool>,
    /// `bip`: address of the default bridge.
    pub bip: Option<String>,
    /// `fixed-cidr`.
    pub fixed_cidr: Option<String>,
    /// `bridge`.
    pub bridge: Option<String>,
    /// `firewall-backend`: `iptables` or `nftables`.
    pub firewall_backend: Option<String>,
    /// `userland-proxy-path`.
    pub userland_proxy_path: Option<String>,
    /// `data-root`.
    pub data_root: Option<String>,
    /// `exec-root`.
    pub exec_root: Option<String>,
    /// `storage-driver`.
    pub storage_driver: Option<String>,
    /// `log-driver`.
    pub log_driver: Option<String>,
    /// `cgroup-parent`.
    pub cgroup_parent: Option<String>,
    /// `group`: whom the socket belongs to.
    pub group: Option<String>,
    /// `default-runtime`.
    pub default_runtime: Option<String>,
    /// `userns-remap`, which rootless mode refuses.
    pub userns_remap: Option<String>,
    /// `containerd`: socket of a containerd that dockerd does not start itself.
    pub containerd: Option<String>,
    /// `mtu` of the default bridge.
    pub mtu: Option<u64>,
    /// `base` of each of the `default-address-pools`.
    pub address_pools: Vec<String>,
    /// `dns`.
    pub dns: Vec<String>,
    /// `hosts`.
    pub hosts: Vec<String>,
    /// `exec-opts`, for example `native.cgroupdriver=systemd`.
    pub exec_opts: Vec<String>,
    /// `storage-opts`.
    pub storage_opts: Vec<String>,
    /// `features`.
    pub features: BTreeMap<String, bool>,
    /// `proxies` names at least one; the values may hold a password.
    pub proxies: bool,
    /// The file starts with a byte order mark, which old dockerds refuse.
    pub bom: bool,
    /// Keys that no dockerd knows; it refuses to start with one.
    pub unknown: Vec<String>,
    /// Keys with a value of the wrong type, and the type expected.
    pub mistyped: Vec<(String, &'static str)>,
}

/// Reads the text of a `daemon.json`. An empty file is as good as none.
///
/// # Errors
/// What is wrong and at which line and column, never what stands there.
pub fn parse(text: &str) -> Result<DaemonJson, String> {
    let (bom, text) = match text.strip_prefix('\u{feff}') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if text.contains('\u{fffd}') {
        return Err("it is not UTF-8 text".to_owned());
    }
    let map = match text.trim() {
        "" => Map::new(),
        _ => match serde_json::from_str(text).map_err(|e| e.to_string())? {
            Value::Object(map) => map,
            // Go takes `null` for an empty object.
            Value::Null => Map::new(),
            _ => return Err("it does not hold an object ({ … })".to_owned()),
        },
    };
    Ok(Reader::new(&map).read(bom))
}

/// Takes typed values out of the object and notes those of the wrong type.
struct Reader<'a> {
    map: &'a Map<String, Value>,
    mistyped: Vec<(String, &'static str)>,
}

impl<'a> Reader<'a> {
    fn new(map: &'a Map<String, Value>) -> Self {
        let mistyped = Vec::new();
        Reader { map, mistyped }
    }

    fn read(mut self, bom: bool) -> DaemonJson {
        DaemonJson {
            iptables: self.flag("iptables"),
            ip6tables: self.flag("ip6tables"),
            icc: self.flag("icc"),
            userland_proxy: self.flag("userland-proxy"),
            ipv6: self.flag("ipv6"),
            selinux_enabled: self.flag("selinux-enabled"),
            live_restore: self.flag("live-restore"),
            bip: self.text("bip"),
            fixed_cidr: self.text("fixed-cidr"),
            bridge: self.text("bridge"),
            firewall_backend: self.text("firewall-backend"),
            userland_proxy_path: self.text("userland-proxy-path"),
            data_root: self.text("data-root").or_else(|| self.text("graph")),
            exec_root: self.text("exec-root"),
            storage_driver: self.text("storage-driver"),
            log_driver: self.text("log-driver"),
            cgroup_parent: self.text("cgroup-parent"),
            group: self.text("group"),
            default_runtime: self.text("default-runtime"),
            userns_remap: self.text("userns-remap"),
            containerd: self.text("containerd"),
            mtu: self.take("mtu", "a number", Value::as_u64),
            address_pools: self.pools(),
            dns: self.texts("dns"),
            hosts: self.texts("hosts"),
            exec_opts: self.texts("exec-opts"),
            storage_opts: self.texts("storage-opts"),
            features: self.features(),
            proxies: self.proxies(),
            bom,
            unknown: known::unknown(self.map),
            mistyped: self.mistyped,
        }
    }

    /// The value, if it is there, is not `null`, and `as_type` takes it.
    fn take<T>(
        &mut self,
        key: &str,
        expected: &'static str,
        as_type: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.map.get(key).filter(|v| !v.is_null())?;
        let typed = as_type(value);
        if typed.is_none() {
            self.mistyped.push((key.to_owned(), expected));
        }
        typed
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        self.take(key, "true or false", Value::as_bool)
    }

    fn text(&mut self, key: &str) -> Option<String> {
        let text = |v: &Value| v.as_str().map(str::to_owned);
        self.take(key, "a string", text).filter(|s| !s.is_empty())
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        let texts = |v: &Value| {
            let items = v.as_array()?.iter();
            items.map(|i| i.as_str().map(str::to_owned)).collect()
        };
        self.take(key, "a list of strings", texts)
            .unwrap_or_default()
    }

    fn features(&mut self) -> BTreeMap<String, bool> {
        let features = |v: &Value| {
            let items = v.as_object()?.iter();
            items
                .map(|(k, v)| Some((k.clone(), v.as_bool()?)))
                .collect()
        };
        self.take("features", "an object of true or false", features)
            .unwrap_or_default()
    }

    fn pools(&mut self) -> Vec<String> {
        let base = |pool: &Value| Some(pool.as_object()?.get("base")?.as_str()?.to_owned());
        let pools = |v: &Value| v.as_array()?.iter().map(base).collect();
        self.take("default-address-pools", "a list of {base, size}", pools)
            .unwrap_or_default()
    }

    fn proxies(&mut self) -> bool {
        let is_set = |v: &Value| v.as_str().is_some_and(|s| !s.is_empty());
        let any = |v: &Value| {
            let named = v.as_object()?;
            let values = ["http-proxy", "https-proxy"].map(|name| named.get(name));
            Some(values.into_iter().flatten().any(is_set))
        };
        self.take("proxies", "an object", any).unwrap_or_default()
    }
}

/// The file the user's daemon reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// The unit names it (`--config-file`), so that it has to be there.
    pub named: bool,
    /// What it holds; `Known(Err(why))` where it is not JSON.
    pub content: Fact<Result<DaemonJson, String>>,
}

impl Default for ConfigFile {
    fn default() -> Self {
        ConfigFile {
            path: PathBuf::new(),
            named: false,
            content: Fact::Absent,
        }
    }
}

impl ConfigFile {
    /// The settings: none where there is no file.
    ///
    /// # Errors
    /// [`Undetermined`] where the file cannot be read or is not JSON.
    pub fn settings(&self) -> Result<DaemonJson, Undetermined> {
        let what = self.path.to_string_lossy();
        match self.content.ask(&what)? {
            None => Ok(DaemonJson::default()),
            Some(Ok(settings)) => Ok(settings.clone()),
            Some(Err(why)) => Err(Undetermined::new(format!("{what}: {why}"))),
        }
    }
}

/// Reads the file that the unit names, else `docker/daemon.json` in the
/// configuration directory of the unit, else of the user (`config`).
pub fn collect(host: &dyn Host, unit: &DockerUnit, home: &Path, config: &Path) -> ConfigFile {
    let named = flag(unit, home, "config-file");
    let own = unit.environment(home).remove("XDG_CONFIG_HOME");
    let config = own.map_or_else(|| config.to_owned(), PathBuf::from);
    let path = match &named {
        Some(path) => PathBuf::from(path),
        None => config.join("docker/daemon.json"),
    };
    let content = match path.is_absolute() && !path.to_string_lossy().contains('$') {
        true => host
            .read(&path)
            .and_then(limits::data)
            .map(|text| parse(&text)),
        false => Fact::unreadable("the unit's --config-file is not a plain absolute path"),
    };
    ConfigFile {
        path,
        named: named.is_some(),
        content,
    }
}

/// The value of a dockerd option in the unit's `ExecStart=`; `true` for one
/// without a value. The last one counts.
pub fn flag(unit: &DockerUnit, home: &Path, name: &str) -> Option<String> {
    let words = unit.exec_start()?;
    let long = format!("--{name}");
    let mut found = None;
    for (at, word) in words.iter().enumerate().skip(1) {
        if let Some(value) = word.strip_prefix(&long).and_then(|r| r.strip_prefix('=')) {
            found = Some(value);
        } else if *word == long {
            let next = words.get(at + 1).filter(|next| !next.starts_with('-'));
            found = Some(next.map_or("true", String::as_str));
        }
    }
    let home = home.to_string_lossy();
    let expand = |value: &str| {
        let value = value.replace("${HOME}", &home).replace("$HOME", &home);
        value.replace("%h", &home).replace("%%", "%")
    };
    found.map(expand)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::unit;

    #[test]
    fn the_settings_of_an_ordinary_file() {
        let text = "\u{feff}{\r\n \"userland-proxy\": false, \"mtu\": 1400,\r\n \"bip\": \"10.9.0.1/24\",\
            \"proxies\": {\"https-proxy\": \"http://me:secret@proxy:3128\"},\
            \"features\": {\"containerd-snapshotter\": true}, \"icc\": null,\
            \"default-address-pools\": [{\"base\": \"10.10.0.0/16\", \"size\": 24}],\
            \"exec-opts\": [\"native.cgroupdriver=cgroupfs\"], \"log-opts\": {\"max-size\": \"1m\"}}\r\n";
        let found = parse(text).expect("settings");
        assert_eq!(found.userland_proxy, Some(false));
        assert_eq!((found.icc, found.mtu), (None, Some(1400)));
        assert_eq!(found.bip.as_deref(), Some("10.9.0.1/24"));
        assert_eq!(found.address_pools, ["10.10.0.0/16"]);
        assert_eq!(found.exec_opts, ["native.cgroupdriver=cgroupfs"]);
        assert!(found.proxies && found.bom && found.features["containerd-snapshotter"]);
        assert!(found.unknown.is_empty() && found.mistyped.is_empty());
        assert!(!format!("{found:?}").contains("secret"));
    }

    #[test]
    fn what_dockerd_would_refuse() {
        let text = r#"{"iptables": "false", "dns": "1.1.1.1", "storag-driver": "vfs",
            "tls-options": {"tlscert": "/x", "nonsense": 1}, "features": {"x": 1}}"#;
        let found = parse(text).expect("settings");
        assert_eq!(found.unknown, ["storag-driver", "nonsense"]);
        let keys: Vec<&str> = found.mistyped.iter().map(|(k, _)| k.as_str()).collect();
        assert_eq!(keys, ["iptables", "dns", "features"]);
        assert_eq!(found.iptables, None);
    }

    #[test]
    fn nothing_is_told_of_what_is_malformed() {
        let why = parse("{\n \"a\": \"secret\"\n \"b\": 1}").expect_err("no comma");
        assert!(why.contains("line 3") && !why.contains("secret"), "{why}");
        assert!(parse("[]").is_err() && parse("\u{fffd}ELF\0").is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert_eq!(parse(" \r\n"), Ok(DaemonJson::default()));
    }

    #[test]
    fn options_of_the_unit() {
        let text = "[Service]\nExecStart=/x/dockerd-rootless.sh --iptables=false --debug \
            --data-root /d --config-file=%h/c.json --iptables=true\n";
        let unit = DockerUnit {
            file: Some(unit::parse(Path::new("/u"), text)),
            ..DockerUnit::default()
        };
        let flag = |name| flag(&unit, Path::new("/h"), name);
        assert_eq!(flag("iptables").as_deref(), Some("true"));
        assert_eq!(flag("debug").as_deref(), Some("true"));
        assert_eq!(flag("data-root").as_deref(), Some("/d"));
        assert_eq!(flag("config-file").as_deref(), Some("/h/c.json"));
        assert_eq!(flag("data"), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}
