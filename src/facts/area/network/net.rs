//! IPv4 networks: those of the host by `/proc/net/route`, and how they overlap.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::Path;

use crate::fact::Fact;
use crate::facts::Context;

/// An IPv4 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    address: u32,
    bits: u8,
}

impl Net {
    /// `10.0.2.0/24`; the host part is dropped, as `bip` has one.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.trim().split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let bits: u8 = bits.parse().ok().filter(|b| *b <= 32)?;
        Some(Net::new(u32::from(address), bits))
    }

    fn new(address: u32, bits: u8) -> Self {
        let address = address & mask(bits);
        Net { address, bits }
    }

    /// They share an address.
    pub fn overlaps(&self, other: &Net) -> bool {
        let bits = self.bits.min(other.bits);
        (self.address ^ other.address) & mask(bits) == 0
    }
}

fn mask(bits: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.address), self.bits)
    }
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Interface.
    pub interface: String,
    /// Where it leads; of no bits for the default route.
    pub net: Net,
    /// Next hop; unspecified for a network that is reached directly.
    pub gateway: Ipv4Addr,
}

impl Route {
    /// It leads everywhere: `0.0.0.0/0`, or one half as VPNs set it.
    pub fn is_default(&self) -> bool {
        self.net.bits <= 1
    }
}

/// The host's routes, and the MTU where the default one leaves.
#[derive(Debug)]
pub struct Routes {
    /// All IPv4 routes of the main table.
    pub all: Fact<Vec<Route>>,
    /// Interface of the default route and its MTU.
    pub uplink: Fact<(String, u64)>,
}

/// Parses `/proc/net/route`; lines of another form are passed over. The kernel
/// prints addresses as numbers of the machine's own byte order.
pub fn parse(text: &str, big_endian: bool) -> Vec<Route> {
    let number = |word: &str| {
        let number = u32::from_str_radix(word, 16).ok()?;
        Some(if big_endian {
            number
        } else {
            number.swap_bytes()
        })
    };
    let route = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [interface, to, gateway, _, _, _, _, mask, ..] = words.as_slice() else {
            return None;
        };
        let bits = u8::try_from(number(mask)?.leading_ones()).ok()?;
        Some(Route {
            interface: (*interface).to_owned(),
            net: Net::new(number(to)?, bits),
            gateway: number(gateway)?.into(),
        })
    };
    text.lines().filter_map(route).collect()
}

/// Reads them.
pub fn collect(cx: Context<'_>) -> Routes {
    let big_endian = cx.ground.arch == "s390x";
    let text = cx.host.read(Path::new("/proc/net/route"));
    let all = text.map(|text| parse(&text, big_endian));
    let uplink = all.as_ref().and_then(|routes| {
        let default = routes.iter().find(|r| r.net.bits == 0);
        default.map_or(Fact::Absent, |route| uplink(cx, &route.interface))
    });
    Routes { all, uplink }
}

fn uplink(cx: Context<'_>, interface: &str) -> Fact<(String, u64)> {
    let path = format!("/sys/class/net/{interface}/mtu");
    let text = cx.host.read(Path::new(&path));
    text.and_then(|text| match text.trim().parse() {
        Ok(mtu) => Fact::Known((interface.to_owned(), mtu)),
        Err(_) => Fact::unreadable(format!("{path} does not hold a number")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_of_this_and_of_another_byte_order() {
        let text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
            eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\nrubbish\n";
        let routes = parse(text, false);
        assert_eq!(routes.len(), 2);
        assert!(routes[0].is_default());
        assert_eq!(routes[0].gateway, Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(routes[1].net.to_string(), "192.0.2.0/24");
        let big = parse("e C0000200 00000000 0001 0 0 0 FFFFFF00 0 0 0", true);
        assert_eq!(big[0].net.to_string(), "192.0.2.0/24");
    }

    #[test]
    fn overlaps() {
        let net = |text| Net::parse(text).expect("a network");
        assert!(net("10.0.0.0/8").overlaps(&net("10.0.2.0/24")));
        assert!(net("172.17.0.1/16").overlaps(&net("172.17.5.0/24")));
        assert!(!net("10.0.3.0/24").overlaps(&net("10.0.2.0/24")));
        assert!(net("0.0.0.0/0").overlaps(&net("10.0.2.0/24")));
        assert_eq!(Net::parse("10.0.2.0/33"), None);
        assert_eq!(Net::parse("fd00::/8"), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*", big: bool) {
            parse(&text, big);
            Net::parse(&text);
        }
    }
}
