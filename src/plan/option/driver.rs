//! Network and port drivers of RootlessKit, and which of them go together.

pub use crate::facts::area::network::Driver as Net;

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
    pub fn fits(self, net: Net) -> bool {
        match self.net() {
            Some(own) => own == net,
            None => net != Net::Pasta,
        }
    }
}
