//! Keys of `daemon.json`.

use super::{Entry, Key, Place};
use crate::plan::option::form::{ADDRESS, LINE, PATH, URL};
use crate::plan::option::value::Kind;

const DAEMON: &str = "Daemon (daemon.json)";

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

pub(super) const ROWS: [Entry; 10] = [
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
];
