//! What a user may choose: network driver, port driver, MTU, and to do without
//! iptables. Each choice is one drop-in, so that a changed one changes one file.

use std::path::Path;

use thiserror::Error;

pub use super::choice::{Choice, Unknown, Value};
use super::drop_in;
pub use super::drop_in::{NAMES, Setting, Unread, read};
use super::quote::Unquotable;
pub use crate::facts::area::network::Driver as Net;

/// Smallest MTU: every IPv4 link carries 68 bytes (RFC 791), and Linux takes
/// no less for a tap device or a veth (`ETH_MIN_MTU`).
pub const SMALLEST_MTU: u32 = 68;

/// Largest MTU that RootlessKit and slirp4netns take; more than pasta's default.
pub const LARGEST_MTU: u32 = 65521;

/// RootlessKit's port drivers that publish ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortDriver {
    /// RootlessKit's own, for every network driver but pasta.
    Builtin,
    /// slirp4netns's API socket.
    Slirp4netns,
    /// pasta forwards whatever is listened on, by itself.
    Implicit,
    /// pasta, told by its program pesto (RootlessKit 3.1, Engine 29.8).
    Pesto,
    /// Through gvisor-tap-vsock's stack (RootlessKit 3.0).
    Gvisor,
}

impl PortDriver {
    /// All of them.
    pub const ALL: [PortDriver; 5] = [
        PortDriver::Builtin,
        PortDriver::Slirp4netns,
        PortDriver::Implicit,
        PortDriver::Pesto,
        PortDriver::Gvisor,
    ];

    /// As `--port-driver=` takes it.
    pub fn name(self) -> &'static str {
        match self {
            PortDriver::Builtin => "builtin",
            PortDriver::Slirp4netns => "slirp4netns",
            PortDriver::Implicit => "implicit",
            PortDriver::Pesto => "pesto",
            PortDriver::Gvisor => "gvisor-tap-vsock",
        }
    }

    /// The driver of this name.
    pub fn parse(name: &str) -> Option<Self> {
        PortDriver::ALL.into_iter().find(|d| d.name() == name)
    }

    /// The one network driver it works with; none if it works with all but pasta.
    pub fn net(self) -> Option<Net> {
        match self {
            PortDriver::Builtin => None,
            PortDriver::Slirp4netns => Some(Net::Slirp4netns),
            PortDriver::Implicit | PortDriver::Pesto => Some(Net::Pasta),
            PortDriver::Gvisor => Some(Net::Gvisor),
        }
    }

    /// RootlessKit refuses pasta with any port driver but its own
    /// (`network "pasta" requires port driver "none" or "implicit"`).
    fn fits(self, net: Net) -> bool {
        match self.net() {
            Some(own) => own == net,
            None => net != Net::Pasta,
        }
    }
}

/// What was asked for, or what is installed (where nothing is `Keep` or `Auto`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Network driver.
    pub net: Choice<Net>,
    /// Port driver.
    pub port_driver: Choice<PortDriver>,
    /// MTU of the daemon's network, in bytes.
    pub mtu: Choice<u32>,
    /// The daemon leaves iptables alone; `Set(false)` is the same as `Auto`.
    pub skip_iptables: Choice<bool>,
}

impl Options {
    /// Takes in what a drop-in says.
    pub fn set(&mut self, setting: Setting) {
        match setting {
            Setting::Net(net) => self.net = Choice::Set(net),
            Setting::PortDriver(driver) => self.port_driver = Choice::Set(driver),
            Setting::Mtu(mtu) => self.mtu = Choice::Set(mtu),
            Setting::SkipIptables => self.skip_iptables = Choice::Set(true),
        }
    }
}

/// What holds when the asked-for and the installed are put together; none is
/// Docker's own default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Network driver.
    pub net: Option<Net>,
    /// Port driver.
    pub port_driver: Option<PortDriver>,
    /// MTU in bytes.
    pub mtu: Option<u32>,
    /// The daemon leaves iptables alone.
    pub skip_iptables: bool,
}

/// Puts what was asked for over what is installed.
pub fn merge(asked: &Options, installed: &Options) -> Chosen {
    Chosen {
        net: asked.net.over(installed.net),
        port_driver: asked.port_driver.over(installed.port_driver),
        mtu: asked.mtu.over(installed.mtu),
        skip_iptables: asked
            .skip_iptables
            .over(installed.skip_iptables)
            .unwrap_or(false),
    }
}

/// Choices that RootlessKit would refuse, or that would not do what was meant.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Contradiction {
    /// A port driver without the network driver it is part of.
    #[error(
        "the port driver {} works only with the network driver {fit}, not with {}; choose --net {fit} as well, \
         or --port-driver {}",
        .port.name(), net_name(*.net), fitting(*.net)
    )]
    Port {
        /// The port driver.
        port: PortDriver,
        /// The network driver it needs.
        fit: Net,
        /// The one it would get; none if Docker chooses.
        net: Option<Net>,
    },
    /// pasta does its own forwarding.
    #[error(
        "the network driver pasta does not work with the port driver {}; choose --port-driver implicit, \
         or another --net", .0.name()
    )]
    Pasta(PortDriver),
    /// An MTU no driver takes.
    #[error(
        "an MTU of {0} is not possible; choose --mtu {SMALLEST_MTU} to {LARGEST_MTU}, or --mtu auto"
    )]
    Mtu(u32),
}

fn net_name(net: Option<Net>) -> &'static str {
    net.map_or("the one Docker chooses by itself", Net::name)
}

/// The port driver that always works with a network driver.
fn fitting(net: Option<Net>) -> &'static str {
    match net {
        Some(Net::Pasta) => "implicit",
        Some(_) => "builtin",
        None => "auto",
    }
}

impl Chosen {
    /// Whether the choices go together.
    ///
    /// # Errors
    /// The first two that do not, and what would.
    pub fn check(&self) -> Result<(), Contradiction> {
        if let Some(mtu) = self.mtu
            && !(SMALLEST_MTU..=LARGEST_MTU).contains(&mtu)
        {
            return Err(Contradiction::Mtu(mtu));
        }
        match (self.port_driver, self.net) {
            (Some(port), Some(net)) if port.fits(net) => Ok(()),
            (Some(port), net) => match port.net() {
                Some(fit) => Err(Contradiction::Port { port, fit, net }),
                None if net.is_some() => Err(Contradiction::Pasta(port)),
                None => Ok(()),
            },
            (None, _) => Ok(()),
        }
    }

    /// The drop-ins that say it, by name; those of [`NAMES`] that are not among
    /// them are to go.
    ///
    /// # Errors
    /// A script that no unit file can name.
    pub fn drop_ins(&self, script: &Path) -> Result<Vec<(&'static str, String)>, Unquotable> {
        drop_in::texts(self, script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asked_over_installed() {
        let installed = Options {
            net: Choice::Set(Net::Pasta),
            mtu: Choice::Set(1400),
            skip_iptables: Choice::Set(true),
            ..Options::default()
        };
        let asked = Options {
            net: Choice::Auto,
            port_driver: Choice::Set(PortDriver::Builtin),
            ..Options::default()
        };
        let chosen = merge(&asked, &installed);
        assert_eq!(chosen.net, None);
        assert_eq!(chosen.port_driver, Some(PortDriver::Builtin));
        assert_eq!(chosen.mtu, Some(1400));
        assert!(chosen.skip_iptables);
        assert_eq!(
            merge(&Options::default(), &Options::default()),
            Chosen::default()
        );
    }

    #[test]
    fn contradictions() {
        let of = |net, port_driver| {
            let chosen = Chosen {
                net,
                port_driver,
                ..Chosen::default()
            };
            chosen.check().map_err(|e| e.to_string())
        };
        for net in Net::ALL {
            let right = match net {
                Net::Slirp4netns => vec![PortDriver::Builtin, PortDriver::Slirp4netns],
                Net::Pasta => vec![PortDriver::Implicit, PortDriver::Pesto],
                Net::Gvisor => vec![PortDriver::Builtin, PortDriver::Gvisor],
                Net::Vpnkit | Net::LxcUserNic => vec![PortDriver::Builtin],
            };
            for port in PortDriver::ALL {
                assert_eq!(
                    of(Some(net), Some(port)).is_ok(),
                    right.contains(&port),
                    "{net} {port:?}"
                );
            }
            assert_eq!(of(Some(net), None), Ok(()));
        }
        assert_eq!(of(None, Some(PortDriver::Builtin)), Ok(()));
        assert_eq!(
            of(None, Some(PortDriver::Implicit)),
            Err("the port driver implicit works only with the network driver pasta, not with the one Docker \
                 chooses by itself; choose --net pasta as well, or --port-driver auto".into())
        );
        assert_eq!(
            of(Some(Net::Pasta), Some(PortDriver::Builtin)),
            Err("the network driver pasta does not work with the port driver builtin; choose --port-driver \
                 implicit, or another --net".into())
        );
        let chosen = Chosen {
            mtu: Some(9),
            ..Chosen::default()
        };
        assert_eq!(chosen.check(), Err(Contradiction::Mtu(9)));
    }
}
