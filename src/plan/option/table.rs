//! The table: every option of `install`, what it is, what it costs, and where
//! it takes effect.

mod api;
mod daemon;
mod network;
mod run;

use super::value::Kind;

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
    /// The socket at which the daemon listens.
    Socket,
    /// An address on which the daemon listens, too.
    Tcp,
    /// Certificates that clients are judged by.
    TlsCa,
    /// The daemon's certificate.
    TlsCert,
    /// The key of that.
    TlsKey,
    /// TCP without certificates.
    InsecureTcp,
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

/// How many there are.
const COUNT: usize = network::ROWS.len() + api::ROWS.len() + daemon::ROWS.len() + run::ROWS.len();

/// Every option, in the order in which they are shown.
pub static TABLE: [Entry; COUNT] = joined();

const fn joined() -> [Entry; COUNT] {
    let parts: [&[Entry]; 4] = [&network::ROWS, &api::ROWS, &daemon::ROWS, &run::ROWS];
    let mut all = [network::ROWS[0]; COUNT];
    let (mut part, mut row, mut at) = (0, 0, 0);
    while part < parts.len() {
        while row < parts[part].len() {
            all[at] = parts[part][row];
            row += 1;
            at += 1;
        }
        (part, row) = (part + 1, 0);
    }
    all
}

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
