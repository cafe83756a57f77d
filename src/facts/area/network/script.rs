//! `dockerd-rootless.sh`: which network drivers this version of it tries, and
//! in which order. Versions differ, and distributions patch it: the text decides.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use crate::fact::Fact;
use crate::facts::Context;
use crate::facts::version::Version;

/// RootlessKit's network drivers that give the daemon a network of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// slirp4netns, a program of its own.
    Slirp4netns,
    /// pasta, of the package passt.
    Pasta,
    /// vpnkit, no longer shipped since Engine 29.5.
    Vpnkit,
    /// gvisor-tap-vsock, built into RootlessKit 3.0.
    Gvisor,
    /// lxc-user-nic, a setuid program of LXC.
    LxcUserNic,
}

impl Driver {
    /// All of them.
    pub const ALL: [Driver; 5] = [
        Driver::Slirp4netns,
        Driver::Pasta,
        Driver::Vpnkit,
        Driver::Gvisor,
        Driver::LxcUserNic,
    ];

    /// As `--net=` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Driver::Slirp4netns => "slirp4netns",
            Driver::Pasta => "pasta",
            Driver::Vpnkit => "vpnkit",
            Driver::Gvisor => "gvisor-tap-vsock",
            Driver::LxcUserNic => "lxc-user-nic",
        }
    }

    /// The driver of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Driver::ALL.into_iter().find(|d| d.name() == name)
    }

    /// It works on a tap device, so it needs `/dev/net/tun`.
    pub fn needs_tun(self) -> bool {
        self != Driver::LxcUserNic
    }

    /// The network it gives the daemon unless `--cidr` says otherwise.
    pub fn cidr(self) -> Option<&'static str> {
        match self {
            Driver::Slirp4netns | Driver::Pasta | Driver::Gvisor => Some("10.0.2.0/24"),
            Driver::Vpnkit => Some("192.168.65.0/24"),
            Driver::LxcUserNic => None,
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the script does, as far as its text tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Where it was read.
    pub path: String,
    /// Drivers it tries when none is pinned, in its order.
    pub order: Vec<Driver>,
    /// It calls sysctl(8).
    pub calls_sysctl: bool,
    /// It calls nsenter(1).
    pub calls_nsenter: bool,
    /// It detaches the daemon's network namespace unless told otherwise (since 29.5).
    pub detaches: bool,
    /// It uses the port driver `implicit` with pasta.
    pub knows_implicit: bool,
    /// Variables it reads, without `DOCKERD_ROOTLESS_ROOTLESSKIT_` in front.
    pub variables: BTreeSet<String>,
}

/// Reads the script's text.
pub fn parse(path: &str, text: &str) -> Script {
    let mut script = Script {
        path: path.to_owned(),
        ..Script::default()
    };
    let lines = text.lines().map(str::trim).filter(|l| !l.starts_with('#'));
    for line in lines {
        script.order.extend(assigned(line));
        let mut words = line.split([' ', '\t', ';', '(', ')', '`', '"']);
        script.calls_sysctl |= words.clone().any(|w| w == "sysctl");
        script.calls_nsenter |= words.any(|w| w == "nsenter");
        script.detaches |= line.contains("--detach-netns");
        script.knows_implicit |= line.contains("implicit");
        script.variables.extend(variables(line));
    }
    let mut seen = Vec::new();
    script.order.retain(|driver| {
        let first = !seen.contains(driver);
        seen.push(*driver);
        first
    });
    script
}

/// The variables that a line names.
fn variables(line: &str) -> impl Iterator<Item = String> {
    let parts = line.split("DOCKERD_ROOTLESS_ROOTLESSKIT_").skip(1);
    let name = |part: &str| {
        let end = part.find(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_');
        part[..end.unwrap_or(part.len())].to_owned()
    };
    parts.map(name).filter(|name| !name.is_empty())
}

/// The driver of a line `net=NAME`.
fn assigned(line: &str) -> Option<Driver> {
    let value = line.strip_prefix("net=")?;
    let word = value.split([' ', '\t', ';']).next()?;
    Driver::parse(word.trim_matches(['"', '\'']))
}

/// The order of the released scripts, for where the text cannot be had: pasta
/// since 28.5.2 (moby#51162), gvisor-tap-vsock since 29.5 (moby#52319).
pub fn order_of(engine: &Version) -> Vec<Driver> {
    use Driver::{Gvisor, Pasta, Slirp4netns, Vpnkit};
    match engine {
        v if *v >= Version::new(29, 5, 0) => vec![Slirp4netns, Pasta, Vpnkit, Gvisor],
        v if *v >= Version::new(28, 5, 2) => vec![Slirp4netns, Pasta, Vpnkit],
        _ => vec![Slirp4netns, Vpnkit],
    }
}

/// Reads the script the unit starts, else the one on its PATH.
pub fn collect(cx: Context<'_>, named: Option<&Path>) -> Fact<Script> {
    let found = cx.ground.tools.first("dockerd-rootless.sh");
    let path = named.or(found.map(|hit| hit.real.as_path()));
    match path {
        Some(path) => cx
            .host
            .read(path)
            .map(|text| parse(&path.to_string_lossy(), &text)),
        None => Fact::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_the_scripts_own() {
        let old = "#!/bin/sh\n# net=pasta\nnet=$DOCKERD_ROOTLESS_ROOTLESSKIT_NET\n\tif x; then\n\t\t\tnet=slirp4netns\n\
            fi\n net=vpnkit; x\n";
        let script = parse("/s", old);
        assert_eq!(script.order, [Driver::Slirp4netns, Driver::Vpnkit]);
        assert!(!script.calls_sysctl && !script.calls_nsenter && !script.knows_implicit);
        let new = "net=slirp4netns\nnet=\"pasta\"\r\nport_driver=implicit\nnet=vpnkit\nnet=gvisor-tap-vsock\nnet=pasta\n\
            nsenter -n\"$x\" sysctl -w net.ipv4.ip_forward=1\n";
        let script = parse("/s", new);
        assert_eq!(script.order, order_of(&Version::new(29, 7, 0)));
        assert!(script.calls_sysctl && script.calls_nsenter && script.knows_implicit);
        assert!(!script.detaches);
    }

    #[test]
    fn variables_are_those_that_the_code_reads() {
        let text = "# * DOCKERD_ROOTLESS_ROOTLESSKIT_STATE_DIR=DIR\n\
            : \"${DOCKERD_ROOTLESS_ROOTLESSKIT_NET:=}\"\n\
            exec $rootlesskit --slirp4netns-sandbox=$DOCKERD_ROOTLESS_ROOTLESSKIT_SLIRP4NETNS_SANDBOX $DOCKERD_ROOTLESS_ROOTLESSKIT_FLAGS\n";
        let script = parse("/s", text);
        let names: Vec<&str> = script.variables.iter().map(String::as_str).collect();
        assert_eq!(names, ["FLAGS", "NET", "SLIRP4NETNS_SANDBOX"]);
    }

    #[test]
    fn rubbish_knows_no_driver() {
        assert!(
            parse("/s", "\u{fffd}ELF\0net=\nnet= slirp4netns\n")
                .order
                .is_empty()
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            parse("/s", &text);
        }
    }
}
