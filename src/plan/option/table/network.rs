//! The network of the daemon and its containers.

use super::{Entry, Key, LARGEST_MTU, Place, SMALLEST_MTU};
use crate::plan::option::driver::{Net, PortDriver};
use crate::plan::option::form::{FLAG, WORD_PATH};
use crate::plan::option::value::Kind;

const NETWORK: &str = "Network";

fn nets() -> Vec<&'static str> {
    Net::ALL.map(Net::name).to_vec()
}

fn port_drivers() -> Vec<&'static str> {
    PortDriver::ALL.map(PortDriver::name).to_vec()
}

pub(super) const ROWS: [Entry; 10] = [
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
        cost: "yes makes pulling faster, and --net=host the network of the host; with no, the daemon shares the network of its containers. Since Docker 29.5",
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
];
