//! Network settings of the kernel that decide what an ordinary user may do.

use std::path::Path;

use crate::fact::Fact;
use crate::facts::Context;

/// The settings.
#[derive(Debug)]
pub struct Sysctls {
    /// `net.ipv4.ping_group_range`: first and last group that may ping.
    pub ping_group_range: Fact<(u32, u32)>,
    /// `net.ipv4.ip_unprivileged_port_start`; since Linux 4.11.
    pub unprivileged_port_start: Fact<u32>,
    /// The kernel runs with IPv6: `/proc/sys/net/ipv6` is there.
    pub ipv6: Fact<()>,
    /// `kernel.apparmor_restrict_unprivileged_userns` is 1.
    pub userns_restricted: Fact<bool>,
    /// The kernel shows `net.bridge`: br_netfilter works.
    pub bridge: Fact<()>,
}

/// Reads them.
pub fn collect(cx: Context<'_>) -> Sysctls {
    let read = |path: &str| cx.host.read(Path::new(path));
    let there = |path: &str| cx.host.stat(Path::new(path)).map(|_| ());
    Sysctls {
        ping_group_range: read("/proc/sys/net/ipv4/ping_group_range")
            .and_then(|text| typed(range(&text))),
        unprivileged_port_start: read("/proc/sys/net/ipv4/ip_unprivileged_port_start")
            .and_then(|text| typed(text.trim().parse().ok())),
        ipv6: there("/proc/sys/net/ipv6"),
        userns_restricted: read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
            .map(|text| text.trim() == "1"),
        bridge: there("/proc/sys/net/bridge"),
    }
}

fn typed<T>(value: Option<T>) -> Fact<T> {
    value.map_or_else(|| Fact::unreadable("it does not hold numbers"), Fact::Known)
}

/// The two numbers of a range.
pub fn range(text: &str) -> Option<(u32, u32)> {
    let mut words = text.split_whitespace().map(|w| w.parse().ok());
    Some((words.next()??, words.next()??))
}

/// Whether a raw `security.capability` gives a capability to whoever runs the
/// file: permitted, with the effective flag. See capabilities(7).
pub fn grants(raw: &[u8], capability: u32) -> bool {
    let word = |at: usize| {
        let bytes = raw.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let effective = word(0).is_some_and(|flags| flags & 1 == 1);
    let permitted = word(4 + 8 * (capability as usize / 32));
    effective && permitted.is_some_and(|bits| bits & (1 << (capability % 32)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_capabilities() {
        assert_eq!(range("1\t0\n"), Some((1, 0)));
        assert_eq!(range("0 2147483647"), Some((0, 2_147_483_647)));
        assert_eq!(range("1"), None);
        assert_eq!(range("-1 x"), None);
        // setcap cap_net_bind_service=ep
        let ep = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(grants(&ep, 10) && !grants(&ep, 7) && !grants(&ep, 40));
        let mut permitted_only = ep;
        permitted_only[0] = 0;
        assert!(!grants(&permitted_only, 10) && !grants(&[1], 10));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*", raw: Vec<u8>, cap in 0u32..64) {
            range(&text);
            grants(&raw, cap);
        }
    }
}
