//! Kernel modules: loaded or built in, there to be loaded, and forbidden.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::fact::Fact;
use crate::facts::Context;
use crate::facts::limits::Allowance;

/// Modules the daemon's network and storage rest on, and where they lie below
/// `/lib/modules/RELEASE/kernel`.
const WANTED: [(&str, &str); 15] = [
    ("tun", "drivers/net/tun.ko"),
    ("veth", "drivers/net/veth.ko"),
    ("bridge", "net/bridge/bridge.ko"),
    ("br_netfilter", "net/bridge/br_netfilter.ko"),
    ("overlay", "fs/overlayfs/overlay.ko"),
    ("nf_tables", "net/netfilter/nf_tables.ko"),
    ("nft_compat", "net/netfilter/nft_compat.ko"),
    ("nft_chain_nat", "net/netfilter/nft_chain_nat.ko"),
    ("ip_tables", "net/ipv4/netfilter/ip_tables.ko"),
    ("iptable_nat", "net/ipv4/netfilter/iptable_nat.ko"),
    ("iptable_filter", "net/ipv4/netfilter/iptable_filter.ko"),
    ("nf_nat", "net/netfilter/nf_nat.ko"),
    ("xt_addrtype", "net/netfilter/xt_addrtype.ko"),
    ("xt_conntrack", "net/netfilter/xt_conntrack.ko"),
    ("xt_MASQUERADE", "net/netfilter/xt_MASQUERADE.ko"),
];

/// Those that the kernel loads by an alias, which `blacklist` switches off;
/// the others it asks for by their own name, which `blacklist` does not touch.
const BY_ALIAS: [&str; 6] = [
    "tun",
    "veth",
    "bridge",
    "overlay",
    "nf_tables",
    "nft_compat",
];

/// A line that keeps a module from being loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The module.
    pub module: String,
    /// The line, for example `install ip_tables /bin/false`.
    pub line: String,
    /// The file it stands in.
    pub file: String,
}

/// What is known of the modules.
#[derive(Debug)]
pub struct Modules {
    /// `/sys/module` can be looked into, and these are there, or built in.
    pub present: Fact<BTreeSet<String>>,
    /// Of the modules wanted, those whose file is there for the running kernel;
    /// `Absent` where `/lib/modules` holds nothing for any kernel.
    pub on_disk: Fact<BTreeSet<&'static str>>,
    /// `/lib/modules` is there, but without the running kernel.
    pub others_only: bool,
    /// The kernel can load modules at all: `/proc/modules` is there.
    pub loadable: Fact<()>,
    /// Lines that forbid one.
    pub bans: Vec<Ban>,
    /// Files of modprobe.d that could not be read.
    pub unreadable: Option<String>,
}

impl Modules {
    /// It is loaded or built in.
    pub fn has(&self, module: &str) -> bool {
        self.present.known().is_some_and(|p| p.contains(module))
    }

    /// It lies on the disk, ready to be loaded.
    pub fn can_load(&self, module: &str) -> bool {
        self.on_disk.known().is_some_and(|p| p.contains(module))
    }

    /// The line that keeps it from being loaded.
    pub fn ban(&self, module: &str) -> Option<&Ban> {
        self.bans.iter().find(|ban| ban.module == module)
    }
}

/// Reads it.
pub fn collect(cx: Context<'_>) -> Modules {
    let release = cx.ground.kernel_release.known().map_or("", String::as_str);
    let dir = format!("/lib/modules/{release}");
    let kernels = cx.host.list(Path::new("/lib/modules")).into_known();
    let kernels = kernels.unwrap_or_default();
    let own = !release.is_empty() && kernels.iter().any(|k| k == release);
    let builtin = cx.host.read(Path::new(&format!("{dir}/modules.builtin")));
    let mut unreadable = None;
    let mut bans = bans_of_files(cx, &mut unreadable);
    bans.extend(bans_of_boot(cx));
    Modules {
        present: present(cx, builtin.known().map_or("", String::as_str)),
        // Without the list of what is built in, a file that is missing says nothing.
        on_disk: match own {
            true => builtin.and_then(|_| on_disk(cx, &dir)),
            false => Fact::Absent,
        },
        others_only: !release.is_empty() && !kernels.is_empty() && !own,
        loadable: cx.host.stat(Path::new("/proc/modules")).map(|_| ()),
        bans,
        unreadable,
    }
}

/// `/sys/module` also lists built-in modules, but only those with parameters.
fn present(cx: Context<'_>, builtin: &str) -> Fact<BTreeSet<String>> {
    let listed = match cx.host.stat(Path::new("/sys/module")) {
        Fact::Known(_) => WANTED.iter().filter(|(name, _)| {
            let path = format!("/sys/module/{name}");
            matches!(cx.host.stat(Path::new(&path)), Fact::Known(_))
        }),
        Fact::Absent => return Fact::Absent,
        Fact::Unreadable(why) => return Fact::Unreadable(why),
    };
    let mut names: BTreeSet<String> = listed.map(|(name, _)| (*name).to_owned()).collect();
    names.extend(builtin_names(builtin));
    // Of a kernel without modules, /proc tells.
    if let Fact::Known(_) = cx.host.stat(Path::new("/proc/net/ip_tables_names")) {
        names.insert("ip_tables".to_owned());
    }
    Fact::Known(names)
}

/// Names of a `modules.builtin` file: `kernel/net/bridge/bridge.ko`.
pub fn builtin_names(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let name = line.trim().rsplit('/').next()?.strip_suffix(".ko")?;
        Some(name.replace('-', "_"))
    })
}

fn on_disk(cx: Context<'_>, dir: &str) -> Fact<BTreeSet<&'static str>> {
    let there = |path: &str| {
        let file = |suffix: &&str| {
            let path = format!("{dir}/kernel/{path}{suffix}");
            matches!(cx.host.stat(Path::new(&path)), Fact::Known(_))
        };
        ["", ".xz", ".zst", ".gz"].iter().any(file)
    };
    let found = WANTED.iter().filter(|(_, path)| there(path));
    Fact::Known(found.map(|(name, _)| *name).collect())
}

/// The lines of modprobe.d(5) that keep a wanted module out.
pub fn bans(file: &str, text: &str) -> Vec<Ban> {
    let ban = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let module = words.get(1)?.replace('-', "_");
        let banned = match words.as_slice() {
            ["install", _, command, ..] => {
                matches!(command.rsplit('/').next(), Some("true" | "false"))
            }
            ["blacklist", ..] => BY_ALIAS.contains(&module.as_str()),
            _ => false,
        };
        let wanted = WANTED.iter().any(|(name, _)| *name == module);
        (banned && wanted).then(|| Ban {
            module,
            line: words.join(" "),
            file: file.to_owned(),
        })
    };
    text.lines().filter_map(ban).collect()
}

fn bans_of_files(cx: Context<'_>, unreadable: &mut Option<String>) -> Vec<Ban> {
    let dirs = [
        "/lib/modprobe.d",
        "/usr/lib/modprobe.d",
        "/usr/local/lib/modprobe.d",
        "/run/modprobe.d",
        "/etc/modprobe.d",
    ];
    // A file hides those of its name in the directories before.
    let mut files = BTreeMap::new();
    for dir in dirs {
        for name in cx
            .host
            .list(Path::new(dir))
            .into_known()
            .unwrap_or_default()
        {
            if name.ends_with(".conf") {
                files.insert(name.clone(), format!("{dir}/{name}"));
            }
        }
    }
    let mut found = Vec::new();
    let mut left = Allowance::system();
    for path in files.into_values() {
        match left.read(cx.host, Path::new(&path)) {
            Fact::Known(text) => found.extend(bans(&path, &text)),
            Fact::Unreadable(why) => {
                unreadable.get_or_insert(format!("{path}: {}", why.text));
            }
            Fact::Absent => {}
        }
    }
    found
}

/// `module_blacklist=` (the kernel's own) and `modprobe.blacklist=`.
fn bans_of_boot(cx: Context<'_>) -> Vec<Ban> {
    let path = "/proc/cmdline";
    let text = cx
        .host
        .read(Path::new(path))
        .into_known()
        .unwrap_or_default();
    let mut found = Vec::new();
    for word in text.split_whitespace() {
        let Some((name, list)) = word.split_once('=') else {
            continue;
        };
        for module in list.split(',').map(|m| m.replace('-', "_")) {
            let banned = match name {
                "module_blacklist" => WANTED.iter().any(|(n, _)| *n == module),
                "modprobe.blacklist" => BY_ALIAS.contains(&module.as_str()),
                _ => false,
            };
            if banned {
                found.push(Ban {
                    line: word.to_owned(),
                    file: path.to_owned(),
                    module,
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bans_of_hardening_guides() {
        let text = "# install tun /bin/true\ninstall ip_tables /bin/false\r\ninstall cramfs /bin/false\n\
            blacklist nf-tables\nblacklist xt_conntrack\ninstall bridge /sbin/modprobe -i bridge\noptions\n\n";
        let found = bans("/f", text);
        let modules: Vec<&str> = found.iter().map(|b| b.module.as_str()).collect();
        assert_eq!(modules, ["ip_tables", "nf_tables"]);
        assert_eq!(found[0].line, "install ip_tables /bin/false");
    }

    #[test]
    fn built_in() {
        let names: Vec<String> =
            builtin_names("kernel/net/ipv4/netfilter/ip-tables.ko\nx\n").collect();
        assert_eq!(names, ["ip_tables"]);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            bans("/f", &text);
            builtin_names(&text).count();
        }
    }
}
