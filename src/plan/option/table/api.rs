//! Where the daemon listens: its socket, and TCP for other machines.

use super::{Entry, Key, Place};
use crate::plan::option::form::{ENDPOINT, SOCKET, WORD_PATH};
use crate::plan::option::value::Kind;

const API: &str = "Where the daemon listens";

pub(super) const ROWS: [Entry; 6] = [
    Entry {
        key: Key::Socket,
        name: "socket",
        group: API,
        kind: Kind::Text(SOCKET),
        placeholder: "PATH",
        place: Place::Command,
        what: "The daemon's socket",
        cost: "programs that know neither docker contexts nor DOCKER_HOST look at the default one; its directory is made, and has to outlive a reboot; not on NFS, nor in /run and /etc, of which the daemon has its own",
        default: "$XDG_RUNTIME_DIR/docker.sock",
        example: "\"/home/alice/.docker/run/docker.sock\"",
    },
    Entry {
        key: Key::Tcp,
        name: "tcp",
        group: API,
        kind: Kind::Text(ENDPOINT),
        placeholder: "ADDRESS:PORT",
        place: Place::Command,
        what: "Let the daemon also listen on TCP",
        cost: "whoever gets in has all that you have; needs the three tls options. Over ssh none of this is needed: docker -H ssh://you@host",
        default: "none, only the socket",
        example: "\"0.0.0.0:2376\"",
    },
    Entry {
        key: Key::TlsCa,
        name: "tls-ca",
        group: API,
        kind: Kind::Text(WORD_PATH),
        placeholder: "FILE",
        place: Place::Command,
        what: "Certificates of those who may say who may come in (ca.pem)",
        cost: "",
        default: "none",
        example: "\"/home/alice/.docker/ca.pem\"",
    },
    Entry {
        key: Key::TlsCert,
        name: "tls-cert",
        group: API,
        kind: Kind::Text(WORD_PATH),
        placeholder: "FILE",
        place: Place::Command,
        what: "The daemon's own certificate (server-cert.pem)",
        cost: "it has to name the host as clients do",
        default: "none",
        example: "\"/home/alice/.docker/server-cert.pem\"",
    },
    Entry {
        key: Key::TlsKey,
        name: "tls-key",
        group: API,
        kind: Kind::Text(WORD_PATH),
        placeholder: "FILE",
        place: Place::Command,
        what: "The key of the daemon's certificate (server-key.pem)",
        cost: "not encrypted, and readable to you alone",
        default: "none",
        example: "\"/home/alice/.docker/server-key.pem\"",
    },
    Entry {
        key: Key::InsecureTcp,
        name: "insecure-tcp",
        group: API,
        kind: Kind::Flag,
        placeholder: "YES|NO",
        place: Place::Command,
        what: "Listen on TCP without any certificate",
        cost: "everybody who reaches the port, every container among them, has all that you have; Docker waits 15 s at each start to say so",
        default: "no",
        example: "true",
    },
];
