//! Who listens on TCP, by `/proc/net/tcp` and `/proc/net/tcp6`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The state of a socket that listens (`TCP_LISTEN`).
const LISTEN: &str = "0A";

/// Somebody listens where a listener at `at` would be in the way.
pub fn is_taken(table: &str, at: SocketAddr) -> bool {
    table.lines().skip(1).any(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let local = words.next().and_then(|local| local.split_once(':'));
        let listens = words.nth(1) == Some(LISTEN);
        let Some((address, port)) = local.filter(|_| listens) else {
            return false;
        };
        let here = u16::from_str_radix(port, 16) == Ok(at.port());
        here && parse(address).is_some_and(|address| overlaps(address, at.ip()))
    })
}

/// An address as the kernel writes it: words of 32 bits, each in the machine's order.
fn parse(address: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(address.get(at..at + 8)?, 16).ok();
    match address.len() {
        8 => Some(Ipv4Addr::from(word(0)?.to_ne_bytes()).into()),
        32 => {
            let mut bytes = [0; 16];
            for (n, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(8 * n)?.to_ne_bytes());
            }
            Some(Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

/// One of them covers the other: itself, all of its kind, or all of both kinds, as `::`
/// is unless somebody chose otherwise (`bindv6only`).
fn overlaps(one: IpAddr, other: IpAddr) -> bool {
    let covers =
        |a: IpAddr, b: IpAddr| a == b || a.is_unspecified() && (a.is_ipv6() || b.is_ipv4());
    covers(one, other) || covers(other, one)
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
        assert!(is_taken(six, "[::1]:8080".parse().expect("address")));
        assert!(is_taken(six, "[::]:8080".parse().expect("address")));
        assert!(!is_taken(
            six,
            "[2001:db8::1]:8080".parse().expect("address")
        ));
        assert!(taken("[::]:2376") && !taken("[::1]:2376"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[0-9A-F: \n]*|.*") {
            is_taken(&text, SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 80));
        }
    }
}
