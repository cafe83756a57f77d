//! Who listens on TCP, by `/proc/net/tcp` and `/proc/net/tcp6`.

use std::net::{Ipv4Addr, SocketAddrV4};

/// The state of a socket that listens (`TCP_LISTEN`).
const LISTEN: &str = "0A";

/// Somebody listens where a listener at `at` would be in the way.
pub fn is_taken(table: &str, at: SocketAddrV4) -> bool {
    table.lines().skip(1).any(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let local = words.next().and_then(|local| local.split_once(':'));
        let listens = words.nth(1) == Some(LISTEN);
        let Some((address, port)) = local.filter(|_| listens) else {
            return false;
        };
        u16::from_str_radix(port, 16) == Ok(at.port()) && overlaps(address, *at.ip())
    })
}

/// An address as the kernel writes it covers this one, or is covered by it.
fn overlaps(address: &str, wanted: Ipv4Addr) -> bool {
    let any = address.bytes().all(|b| b == b'0');
    // One of IPv6 alone is never in the way of IPv4.
    let own = u32::from_str_radix(address, 16).map(|n| Ipv4Addr::from(n.swap_bytes()));
    match own {
        Ok(own) if address.len() == 8 => any || wanted.is_unspecified() || own == wanted,
        _ => any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue\n\
        \x20  0: 00000000:0948 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000\n\
        \x20  1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000\n\
        \x20  2: 0100007F:0050 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000\n";

    fn taken(at: &str) -> bool {
        is_taken(TABLE, at.parse().expect("address"))
    }

    #[test]
    fn addresses_that_get_in_each_others_way() {
        assert!(taken("0.0.0.0:2376") && taken("192.0.2.1:2376"));
        assert!(taken("127.0.0.1:8080") && taken("0.0.0.0:8080"));
        assert!(!taken("192.0.2.1:8080") && !taken("127.0.0.1:80") && !taken("0.0.0.0:1"));
        let six = "sl\n 0: 00000000000000000000000000000000:0948 0:0 0A\n 1: 00000000000000000000000001000000:1F90 0:0 0A\n";
        assert!(is_taken(six, "127.0.0.1:2376".parse().expect("address")));
        assert!(!is_taken(six, "127.0.0.1:8080".parse().expect("address")));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[0-9A-F: \n]*|.*") {
            is_taken(&text, SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80));
        }
    }
}
