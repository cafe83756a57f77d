//! Facts of the area `network`: what `dockerd-rootless.sh` will choose, what
//! that needs from the host, and what stands in its way.

pub mod launch;
pub mod module;
pub mod net;
pub mod proxy;
pub mod script;
pub mod sysctl;

use std::path::Path;

use crate::fact::{Fact, Why};
use crate::facts::Context;

pub use launch::Launch;
pub use module::Modules;
pub use net::Routes;
pub use proxy::Proxies;
pub use script::{Driver, Script};
pub use sysctl::Sysctls;

/// What the area's rules judge.
#[derive(Debug)]
pub struct Facts {
    /// What the unit hands to `dockerd-rootless.sh`.
    pub launch: Launch,
    /// The script itself.
    pub script: Fact<Script>,
    /// `/dev/net/tun` can be opened for reading and writing by the user.
    pub tun: Fact<()>,
    /// The kernel's modules, loaded and forbidden.
    pub modules: Modules,
    /// Network settings of the kernel.
    pub sysctls: Sysctls,
    /// IPv4 routes of the host.
    pub routes: Routes,
    /// Proxies of the shell and of the unit.
    pub proxies: Proxies,
    /// Addresses of `nameserver` lines in `/etc/resolv.conf`.
    pub nameservers: Fact<Vec<String>>,
    /// A firewall of the host that filters what comes in: its name and where it was seen.
    pub firewall: Option<(&'static str, String)>,
    /// Names below `/etc/apparmor.d` that are about pasta.
    pub pasta_profiles: Fact<Vec<String>>,
    /// `security.capability` of rootlesskit, and whether its file system ignores it.
    pub rootlesskit_capability: Fact<Vec<u8>>,
    /// Where `lxc-user-nic` is, if it is installed.
    pub lxc_user_nic: Option<String>,
}

/// Reads the area's facts.
pub fn collect(cx: Context<'_>) -> Facts {
    let launch = launch::collect(cx);
    Facts {
        script: script::collect(cx, launch.script_path.as_deref()),
        tun: tun(cx),
        modules: module::collect(cx),
        sysctls: sysctl::collect(cx),
        routes: net::collect(cx),
        proxies: proxy::collect(cx),
        nameservers: cx
            .host
            .read(Path::new("/etc/resolv.conf"))
            .map(|text| nameservers(&text)),
        firewall: firewall(cx),
        pasta_profiles: profiles(cx),
        rootlesskit_capability: capability(cx),
        lxc_user_nic: lxc_user_nic(cx),
        launch,
    }
}

/// Opens the device; for another user the mode decides, root may open anything.
fn tun(cx: Context<'_>) -> Fact<()> {
    let path = Path::new("/dev/net/tun");
    let Some(subject) = cx.ground.subject.as_ref().filter(|s| !s.is_self) else {
        return cx.host.open_device(path);
    };
    let refused = || {
        Fact::Unreadable(Why {
            errno: Some(13),
            ..Why::new("permission denied by its mode")
        })
    };
    cx.host
        .stat(path)
        .and_then(|stat| match stat.allows(subject.uid, &subject.groups, 6) {
            true => cx.host.open_device(path),
            false => refused(),
        })
}

/// The `nameserver` lines of resolv.conf(5).
pub fn nameservers(text: &str) -> Vec<String> {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        let is = words.next() == Some("nameserver");
        words.next().filter(|_| is).map(str::to_owned)
    };
    text.lines().filter_map(server).collect()
}

/// Units leave a cgroup while they run; asking them takes root or a program.
fn firewall(cx: Context<'_>) -> Option<(&'static str, String)> {
    let cgroups = ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd"];
    let firewalld = cgroups.iter().find_map(|root| {
        let path = format!("{root}/system.slice/firewalld.service");
        matches!(cx.host.stat(Path::new(&path)), Fact::Known(_)).then_some(path)
    });
    if let Some(path) = firewalld {
        return Some(("firewalld", path));
    }
    let path = "/etc/ufw/ufw.conf";
    let conf = cx.host.read(Path::new(path)).into_known()?;
    let enabled = conf
        .lines()
        .any(|l| l.trim().eq_ignore_ascii_case("ENABLED=yes"));
    enabled.then(|| ("ufw", path.to_owned()))
}

fn profiles(cx: Context<'_>) -> Fact<Vec<String>> {
    let names = cx.host.list(Path::new("/etc/apparmor.d"));
    names.map(|mut names| {
        names.retain(|name| name.contains("pasta"));
        names
    })
}

/// A capability on a file system mounted nosuid is as good as none.
fn capability(cx: Context<'_>) -> Fact<Vec<u8>> {
    let Some(hit) = cx.ground.tools.first("rootlesskit") else {
        return Fact::Absent;
    };
    let nosuid = cx.host.file_system(&hit.real).map(|fs| fs.nosuid());
    match nosuid.known() {
        Some(true) => Fact::Absent,
        _ => cx.host.capability(&hit.real),
    }
}

/// Where RootlessKit looks for it (`lxcUserNicBin` in its main.go).
fn lxc_user_nic(cx: Context<'_>) -> Option<String> {
    let paths = [
        "/usr/libexec/lxc/lxc-user-nic".to_owned(),
        format!("/usr/lib/{}-linux-gnu/lxc/lxc-user-nic", cx.ground.arch),
        "/usr/lib/lxc/lxc-user-nic".to_owned(),
    ];
    let there = |path: &String| matches!(cx.host.stat(Path::new(path)), Fact::Known(_));
    paths.into_iter().find(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nameservers_of_resolv_conf() {
        let text =
            "# nameserver 9.9.9.9\r\nsearch x\nnameserver 127.0.0.53 \noptions edns0\nnameserver\n";
        assert_eq!(nameservers(text), ["127.0.0.53"]);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            nameservers(&text);
        }
    }
}
