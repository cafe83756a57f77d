//! The table: every option of `install`, what it is, what it costs, and where
//! it takes effect.

use super::driver::{Net, PortDriver};
use super::value::{Form, Kind};

/// Smallest MTU: every IPv4 link carries 68 bytes (RFC 791), and Linux takes
/// no less for a tap device or a veth (`ETH_MIN_MTU`).
pub const SMALLEST_MTU: u32 = 68;

/// Largest MTU that RootlessKit and slirp4netns take; more than pasta's default.
pub const LARGEST_MTU: u32 = 65521;

/// An option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Network driver.
    Net,
    /// Port driver.
    PortDriver,
    /// MTU of the daemon's network, in bytes.
    Mtu,
    /// The daemon stays in the host's network namespace.
    DetachNetns,
    /// Containers reach the host's 127.0.0.1.
    HostLoopback,
    /// slirp4netns in a mount namespace of its own.
    SlirpSandbox,
    /// slirp4netns under seccomp.
    SlirpSeccomp,
    /// The daemon leaves iptables alone.
    SkipIptables,
    /// RootlessKit's state directory.
    StateDir,
    /// More flags for RootlessKit.
    RootlesskitFlags,
    /// Published ports through a process each.
    UserlandProxy,
    /// Where images, containers and volumes lie.
    DataRoot,
    /// The storage driver.
    StorageDriver,
    /// Proxy for `http://`.
    HttpProxy,
    /// Proxy for `https://`.
    HttpsProxy,
    /// Hosts without a proxy.
    NoProxy,
    /// Name servers for containers.
    Dns,
    /// Mirrors of Docker Hub.
    RegistryMirrors,
    /// The log driver.
    LogDriver,
    /// Options of the log driver.
    LogOpts,
    /// Start at boot.
    Linger,
    /// The block in the shell's start file.
    ShellEnv,
    /// Replace a unit that is not ours.
    Adopt,
    /// Leave a unit that is not ours.
    Keep,
    /// Go on although a rootful Docker is there.
    Force,
    /// Seconds the daemon may take.
    Timeout,
}

/// Where an option takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A variable of `dockerd-rootless.sh`, in a drop-in of its own.
    Variable {
        /// Its name after `DOCKERD_ROOTLESS_ROOTLESSKIT_`.
        name: &'static str,
        /// The drop-in.
        file: &'static str,
    },
    /// The command line of the daemon, in the one drop-in that changes it.
    Command,
    /// A key of `daemon.json`, by the names that lead to it.
    Json(&'static [&'static str]),
    /// The run of `install` itself.
    Run,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Which option.
    pub key: Key,
    /// Its name in `setup.toml`, and on the command line after `--`.
    pub name: &'static str,
    /// The heading it stands under.
    pub group: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What stands for the value in the help.
    pub placeholder: &'static str,
    /// Where it takes effect.
    pub place: Place,
    /// What it is.
    pub what: &'static str,
    /// What it costs or needs; empty if nothing.
    pub cost: &'static str,
    /// What holds where nothing is said.
    pub default: &'static str,
    /// A value as it stands in `setup.toml`.
    pub example: &'static str,
}

impl Key {
    /// Its line.
    pub fn entry(self) -> &'static Entry {
        let own = TABLE.iter().find(|entry| entry.key == self);
        // A test holds that every key has a line.
        own.unwrap_or(&TABLE[0])
    }

    /// Its name in `setup.toml`, and on the command line after `--`.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The option of this name.
    pub fn named(name: &str) -> Option<Self> {
        let own = TABLE.iter().find(|entry| entry.name == name);
        own.map(|entry| entry.key)
    }
}

impl Entry {
    /// It is about the daemon, not about one run of `install`.
    pub fn is_setting(&self) -> bool {
        self.place != Place::Run
    }
}

fn nets() -> Vec<&'static str> {
    Net::ALL.map(Net::name).to_vec()
}

fn port_drivers() -> Vec<&'static str> {
    PortDriver::ALL.map(PortDriver::name).to_vec()
}

/// `dockerd-rootless.sh` expands such texts without quotes: the shell splits them
/// at blanks, and replaces patterns by the names of files.
fn is_shell_word(text: &str) -> bool {
    let special = |c: char| c.is_whitespace() || c.is_control() || "*?[\\".contains(c);
    !text.is_empty() && !text.contains(special)
}

const WORD_PATH: Form = Form {
    expected: "an absolute path without blanks, *, ?, [ and \\",
    fits: |text| text.starts_with('/') && is_shell_word(text),
};

const FLAG: Form = Form {
    expected: "words without blanks, *, ?, [ and \\",
    fits: is_shell_word,
};

const PATH: Form = Form {
    expected: "an absolute path",
    fits: |text| text.starts_with('/') && is_line(text),
};

const LINE: Form = Form {
    expected: "a text in one line",
    fits: is_line,
};

const ADDRESS: Form = Form {
    expected: "an IP address such as 192.0.2.53",
    fits: |text| text.parse::<std::net::IpAddr>().is_ok(),
};

const URL: Form = Form {
    expected: "an address such as https://host.example.org",
    fits: is_url,
};

fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

/// A scheme and something after it; dockerd looks closer.
fn is_url(text: &str) -> bool {
    let scheme = ["http://", "https://", "socks5://"];
    let rest = scheme.iter().find_map(|scheme| text.strip_prefix(scheme));
    rest.is_some_and(|rest| is_line(rest) && !rest.starts_with('/') && !rest.contains(' '))
}

/// Those a rootless daemon takes.
fn storage_drivers() -> Vec<&'static str> {
    vec!["overlay2", "fuse-overlayfs", "btrfs", "vfs", "overlayfs"]
}

/// Those that are part of dockerd.
fn log_drivers() -> Vec<&'static str> {
    vec![
        "json-file",
        "local",
        "journald",
        "none",
        "syslog",
        "gelf",
        "fluentd",
        "awslogs",
        "splunk",
        "gcplogs",
    ]
}

const NETWORK: &str = "Network";
const DAEMON: &str = "Daemon (daemon.json)";
const RUN: &str = "This installation";

/// Every option, in the order in which they are shown.
pub static TABLE: [Entry; 26] = [
    Entry {
        key: Key::Net,
        name: "net",
        group: NETWORK,
        kind: Kind::Word(nets),
        placeholder: "DRIVER",
        place: Place::Variable {
            name: "NET",
            file: "rootless-setup-net.conf",
        },
        what: "Network driver: what connects containers with the world",
        cost: "slirp4netns is the best tried, and slow for much traffic; pasta keeps clients' \
               addresses without the userland proxy; gvisor-tap-vsock needs no other program \
               (RootlessKit 3.0); vpnkit is no longer shipped; lxc-user-nic is fast, and setuid",
        default: "the first that is there, in the order of the installed dockerd-rootless.sh",
        example: "\"slirp4netns\"",
    },
    Entry {
        key: Key::PortDriver,
        name: "port-driver",
        group: NETWORK,
        kind: Kind::Word(port_drivers),
        placeholder: "DRIVER",
        place: Place::Variable {
            name: "PORT_DRIVER",
            file: "rootless-setup-port-driver.conf",
        },
        what: "Port driver, which has to fit the network driver: how published ports are forwarded",
        cost: "builtin is fast, but hides clients' addresses before RootlessKit 3.0; slirp4netns \
               is slow and keeps them; implicit and pesto are pasta's own and keep them; \
               gvisor-tap-vsock hides them",
        default: "builtin, or implicit with pasta",
        example: "\"builtin\"",
    },
    Entry {
        key: Key::Mtu,
        name: "mtu",
        group: NETWORK,
        kind: Kind::Number(SMALLEST_MTU, LARGEST_MTU),
        placeholder: "BYTES",
        place: Place::Variable {
            name: "MTU",
            file: "rootless-setup-mtu.conf",
        },
        what: "MTU of the daemon's network in bytes",
        cost: "a small one is slow; one that is larger than a VPN on the way takes may make \
               connections hang",
        default: "65520 with slirp4netns and pasta, else 1500",
        example: "1400",
    },
    Entry {
        key: Key::DetachNetns,
        name: "detach-netns",
        group: NETWORK,
        kind: Kind::Flag,
        placeholder: "YES|NO",
        place: Place::Variable {
            name: "DETACH_NETNS",
            file: "rootless-setup-detach-netns.conf",
        },
        what: "Leave the daemon in the network of the host; only containers get another",
        cost: "with it, pulling is faster and --net=host means the host; without it, the daemon shares the network of its containers. Since Docker 29.5",
        default: "yes since Docker 29.5",
        example: "false",
    },
    Entry {
        key: Key::HostLoopback,
        name: "host-loopback",
        group: NETWORK,
        kind: Kind::Flag,
        placeholder: "YES|NO",
        place: Place::Variable {
            name: "DISABLE_HOST_LOOPBACK",
            file: "rootless-setup-host-loopback.conf",
        },
        what: "Let containers reach what listens on 127.0.0.1 of the host",
        cost: "any container reaches services that trust local users; the address is 10.0.2.2 with slirp4netns, and host-gateway-ip in daemon.json gives it a name. Since Docker 26.0",
        default: "no",
        example: "true",
    },
    Entry {
        key: Key::SlirpSandbox,
        name: "slirp4netns-sandbox",
        group: NETWORK,
        kind: Kind::Flag,
        placeholder: "YES|NO",
        place: Place::Variable {
            name: "SLIRP4NETNS_SANDBOX",
            file: "rootless-setup-slirp4netns-sandbox.conf",
        },
        what: "Lock slirp4netns into a mount namespace of its own",
        cost: "yes fails where that is not possible, and with a detached network; no is less safe",
        default: "where it is possible",
        example: "false",
    },
    Entry {
        key: Key::SlirpSeccomp,
        name: "slirp4netns-seccomp",
        group: NETWORK,
        kind: Kind::Flag,
        placeholder: "YES|NO",
        place: Place::Variable {
            name: "SLIRP4NETNS_SECCOMP",
            file: "rootless-setup-slirp4netns-seccomp.conf",
        },
        what: "Filter the system calls of slirp4netns",
        cost: "yes fails where that is not possible; no is less safe",
        default: "where it is possible",
        example: "true",
    },
    Entry {
        key: Key::SkipIptables,
        name: "skip-iptables",
        group: NETWORK,
        kind: Kind::Flag,
        placeholder: "YES|NO",
        place: Place::Command,
        what: "Run dockerd without iptables",
        cost: "containers get no network of their own: only --net=host and --net=none work",
        default: "no",
        example: "true",
    },
    Entry {
        key: Key::StateDir,
        name: "state-dir",
        group: NETWORK,
        kind: Kind::Text(WORD_PATH),
        placeholder: "DIR",
        place: Place::Variable {
            name: "STATE_DIR",
            file: "rootless-setup-state-dir.conf",
        },
        what: "Where RootlessKit keeps its state",
        cost: "an absolute path without blanks, not on NFS",
        default: "$XDG_RUNTIME_DIR/dockerd-rootless",
        example: "\"/run/user/1000/rootlesskit\"",
    },
    Entry {
        key: Key::RootlesskitFlags,
        name: "rootlesskit-flags",
        group: NETWORK,
        kind: Kind::List(FLAG),
        placeholder: "FLAG",
        place: Place::Variable {
            name: "FLAGS",
            file: "rootless-setup-rootlesskit-flags.conf",
        },
        what: "More flags for RootlessKit, as rootlesskit --help has them",
        cost: "dockerd-rootless.sh splits them at blanks, so none can stand in one",
        default: "none",
        example: "[\"--cidr=10.0.3.0/24\"]",
    },
    Entry {
        key: Key::UserlandProxy,
        name: "userland-proxy",
        group: DAEMON,
        kind: Kind::Flag,
        placeholder: "YES|NO",
        place: Place::Json(&["userland-proxy"]),
        what: "Forward published ports through a process each",
        cost: "yes hides clients' addresses from containers; no lets them through with the port driver builtin (RootlessKit 3.0), and needs the kernel module br_netfilter",
        default: "yes",
        example: "false",
    },
    Entry {
        key: Key::DataRoot,
        name: "data-root",
        group: DAEMON,
        kind: Kind::Text(PATH),
        placeholder: "DIR",
        place: Place::Json(&["data-root"]),
        what: "Where images, containers and volumes lie",
        cost: "images that lie elsewhere are not moved; not on NFS, and not mounted noexec",
        default: "~/.local/share/docker",
        example: "\"/srv/docker-alice\"",
    },
    Entry {
        key: Key::StorageDriver,
        name: "storage-driver",
        group: DAEMON,
        kind: Kind::Word(storage_drivers),
        placeholder: "DRIVER",
        place: Place::Json(&["storage-driver"]),
        what: "Storage driver: how layers of images are laid over each other",
        cost: "images pulled with another driver are not seen; overlay2 needs Linux 5.11, fuse-overlayfs its program and /dev/fuse, vfs copies every layer, overlayfs is the containerd image store's (Docker 29)",
        default: "the best that works",
        example: "\"overlay2\"",
    },
    Entry {
        key: Key::HttpProxy,
        name: "http-proxy",
        group: DAEMON,
        kind: Kind::Text(URL),
        placeholder: "URL",
        place: Place::Json(&["proxies", "http-proxy"]),
        what: "Proxy for registries with http://",
        cost: "Docker 23.0; the file holds the password in it, readable to you alone",
        default: "the environment of your user manager",
        example: "\"http://proxy.example.org:3128\"",
    },
    Entry {
        key: Key::HttpsProxy,
        name: "https-proxy",
        group: DAEMON,
        kind: Kind::Text(URL),
        placeholder: "URL",
        place: Place::Json(&["proxies", "https-proxy"]),
        what: "Proxy for registries with https://",
        cost: "as http-proxy",
        default: "the environment of your user manager",
        example: "\"http://proxy.example.org:3128\"",
    },
    Entry {
        key: Key::NoProxy,
        name: "no-proxy",
        group: DAEMON,
        kind: Kind::Text(LINE),
        placeholder: "HOSTS",
        place: Place::Json(&["proxies", "no-proxy"]),
        what: "Hosts that are asked without a proxy, with commas between",
        cost: "as http-proxy",
        default: "the environment of your user manager",
        example: "\"localhost,127.0.0.1,.example.org\"",
    },
    Entry {
        key: Key::Dns,
        name: "dns",
        group: DAEMON,
        kind: Kind::List(ADDRESS),
        placeholder: "ADDRESS",
        place: Place::Json(&["dns"]),
        what: "Name servers for containers",
        cost: "names of the host's own resolver are not known there",
        default: "what /etc/resolv.conf says when the daemon starts",
        example: "[\"192.0.2.53\"]",
    },
    Entry {
        key: Key::RegistryMirrors,
        name: "registry-mirrors",
        group: DAEMON,
        kind: Kind::List(URL),
        placeholder: "URL",
        place: Place::Json(&["registry-mirrors"]),
        what: "Mirrors of Docker Hub that are asked first",
        cost: "whoever runs one decides what an image of Docker Hub is, unless it is pulled by digest",
        default: "none",
        example: "[\"https://mirror.example.org\"]",
    },
    Entry {
        key: Key::LogDriver,
        name: "log-driver",
        group: DAEMON,
        kind: Kind::Word(log_drivers),
        placeholder: "DRIVER",
        place: Place::Json(&["log-driver"]),
        what: "Where the output of containers goes",
        cost: "holds for containers made from then on; json-file grows without end unless log-opts limit it",
        default: "json-file",
        example: "\"local\"",
    },
    Entry {
        key: Key::LogOpts,
        name: "log-opts",
        group: DAEMON,
        kind: Kind::Pairs,
        placeholder: "NAME=VALUE",
        place: Place::Json(&["log-opts"]),
        what: "Options of the log driver",
        cost: "holds for containers made from then on; replaces all that are there",
        default: "none",
        example: "{ max-size = \"10m\", max-file = \"3\" }",
    },
    Entry {
        key: Key::Linger,
        name: "linger",
        group: RUN,
        kind: Kind::Flag,
        placeholder: "YES|NO",
        place: Place::Run,
        what: "Start the daemon at boot, without a login",
        cost: "your user manager runs while you are logged out",
        default: "it is asked; without a terminal, no",
        example: "true",
    },
    Entry {
        key: Key::ShellEnv,
        name: "shell-env",
        group: RUN,
        kind: Kind::Flag,
        placeholder: "YES|NO",
        place: Place::Run,
        what: "Set DOCKER_HOST and PATH in the start file of your shell",
        cost: "DOCKER_HOST overrides docker contexts",
        default: "no",
        example: "true",
    },
    Entry {
        key: Key::Adopt,
        name: "adopt",
        group: RUN,
        kind: Kind::Flag,
        placeholder: "YES|NO",
        place: Place::Run,
        what: "Replace a docker.service that is not ours; uninstall brings it back",
        cost: "",
        default: "it is asked; without a terminal, nothing is done",
        example: "true",
    },
    Entry {
        key: Key::Keep,
        name: "keep",
        group: RUN,
        kind: Kind::Flag,
        placeholder: "YES|NO",
        place: Place::Run,
        what: "Leave a docker.service that is not ours as it is",
        cost: "",
        default: "it is asked; without a terminal, nothing is done",
        example: "true",
    },
    Entry {
        key: Key::Force,
        name: "force",
        group: RUN,
        kind: Kind::Flag,
        placeholder: "YES|NO",
        place: Place::Run,
        what: "Also where a rootful Docker runs that you may use",
        cost: "two daemons, each with images of its own",
        default: "no",
        example: "true",
    },
    Entry {
        key: Key::Timeout,
        name: "timeout",
        group: RUN,
        kind: Kind::Number(1, 3600),
        placeholder: "SECONDS",
        place: Place::Run,
        what: "How long the daemon may take to answer",
        cost: "",
        default: "120",
        example: "300",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_option_has_one_line_of_its_own() {
        let keys: BTreeSet<Key> = TABLE.iter().map(|e| e.key).collect();
        let names: BTreeSet<&str> = TABLE.iter().map(|e| e.name).collect();
        assert_eq!((keys.len(), names.len()), (TABLE.len(), TABLE.len()));
        assert!(
            TABLE.iter().map(|e| e.key).is_sorted(),
            "in the order of Key"
        );
        for entry in &TABLE {
            assert_eq!(Key::named(entry.name), Some(entry.key));
            assert_eq!(entry.key.entry().name, entry.name);
            assert!(!entry.what.is_empty() && !entry.default.is_empty());
        }
        // The last of them: with this all keys have a line.
        assert_eq!(TABLE.last().map(|e| e.key as usize), Some(TABLE.len() - 1));
    }
}
