//! Which guests there are, and what each is made of.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The script that makes a guest out of an unpacked Debian.
pub const CUSTOMIZE: &str = include_str!("../../recipe/customize.sh");

/// One kind of guest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Suite {
    /// Debian 11: kernel 5.10, systemd 247, docker 20.10.5
    Bullseye,
    /// Debian 12: kernel 6.1, systemd 252, docker 20.10.24
    Bookworm,
    /// Debian 13: kernel 6.12, systemd 257, docker 26.1
    Trixie,
    /// Debian unstable: kernel 7, systemd 26x, docker 28
    Sid,
    /// Debian 12 that boots with sysvinit: no systemd, no logind
    Sysv,
}

const COMMON: &[&str] = &[
    "apparmor",
    "btrfs-progs",
    "busybox-static",
    "ca-certificates",
    "cron",
    "dbus",
    "docker.io",
    "e2fsprogs",
    "fuse-overlayfs",
    "iproute2",
    "iptables",
    "kmod",
    "libcap2-bin",
    "linux-image-amd64",
    "nfs-common",
    "nfs-kernel-server",
    "nftables",
    "openssh-server",
    "procps",
    "rootlesskit",
    "slirp4netns",
    "sudo",
    "udev",
    "uidmap",
    "xfsprogs",
];

const SYSTEMD: &[&str] = &[
    "dbus-user-session",
    "libpam-systemd",
    "polkitd",
    "systemd",
    "systemd-container",
    "systemd-sysv",
];

const SYSVINIT: &[&str] = &[
    "sysvinit-core",
    "sysv-rc",
    "initscripts",
    "ifupdown",
    "isc-dhcp-client",
];

impl Suite {
    pub const ALL: [Suite; 5] = [
        Suite::Bookworm,
        Suite::Trixie,
        Suite::Bullseye,
        Suite::Sid,
        Suite::Sysv,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Suite::Bullseye => "bullseye",
            Suite::Bookworm => "bookworm",
            Suite::Trixie => "trixie",
            Suite::Sid => "sid",
            Suite::Sysv => "sysv",
        }
    }

    /// The Debian release it is built from.
    pub fn release(self) -> &'static str {
        match self {
            Suite::Sysv => "bookworm",
            other => other.name(),
        }
    }

    pub fn has_systemd(self) -> bool {
        self != Suite::Sysv
    }

    pub fn init(self) -> &'static str {
        if self.has_systemd() {
            "systemd"
        } else {
            "sysvinit"
        }
    }

    /// Everything that is installed, beyond what Debian calls required.
    pub fn packages(self) -> Vec<&'static str> {
        let mut all = COMMON.to_vec();
        all.extend(if self.has_systemd() {
            SYSTEMD
        } else {
            SYSVINIT
        });
        if matches!(self, Suite::Trixie | Suite::Sid) {
            all.push("docker-cli");
        }
        if self == Suite::Sid {
            // Elsewhere the server brings it.
            all.push("openssh-client");
        }
        if self == Suite::Bullseye {
            // polkitd was split off later.
            all.retain(|package| *package != "polkitd");
            all.push("policykit-1");
        } else {
            all.push("passt");
        }
        all
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
