//! UTF-16 as a stream of UTF-8: what Windows writes when a terminal's text is
//! saved there. Everything else goes through as it is.

use std::io::{self, Read};

/// How much of the beginning is looked at.
const LOOK: usize = 4096;

/// The order of a code unit's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Low byte first.
    Little,
    /// High byte first.
    Big,
}

/// Whether a text that begins so is UTF-16, by its mark or by where its zero
/// bytes are.
pub fn utf16(head: &[u8]) -> Option<Order> {
    match head {
        [0xff, 0xfe, ..] => return Some(Order::Little),
        [0xfe, 0xff, ..] => return Some(Order::Big),
        _ => {}
    }
    let head = &head[..head.len().min(LOOK)];
    let zeros = |odd: usize| {
        head.iter()
            .skip(odd)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let many = head.len() / 4;
    match () {
        () if many < 4 => None,
        () if odd > many && even * 8 < odd => Some(Order::Little),
        () if even > many && odd * 8 < even => Some(Order::Big),
        () => None,
    }
}

/// Reads UTF-16 and gives UTF-8; what is neither becomes U+FFFD.
pub struct Decoder<R> {
    from: R,
    order: Order,
    raw: Vec<u8>,
    ready: Vec<u8>,
    given: usize,
}

impl<R: Read> Decoder<R> {
    /// Decodes what `from` gives.
    pub fn new(from: R, order: Order) -> Self {
        Decoder {
            from,
            order,
            raw: Vec::new(),
            ready: Vec::new(),
            given: 0,
        }
    }

    /// Reads and decodes a piece; what is cut stays for the next.
    fn refill(&mut self) -> io::Result<()> {
        let mut piece = [0; 32 << 10];
        let read = self.from.read(&mut piece)?;
        self.raw.extend_from_slice(&piece[..read]);
        let mut whole = self.raw.len() / 2 * 2;
        if read > 0 && whole >= 2 && is_high(self.unit(whole - 2)) {
            whole -= 2;
        }
        let units = (0..whole).step_by(2).map(|at| self.unit(at));
        let text: String = char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .filter(|c| *c != '\u{feff}')
            .collect();
        self.raw.drain(..whole);
        if read == 0 {
            self.raw.clear();
        }
        self.ready = text.into_bytes();
        self.given = 0;
        // Nothing whole yet is not the end.
        match self.ready.is_empty() && read > 0 {
            true => self.refill(),
            false => Ok(()),
        }
    }

    fn unit(&self, at: usize) -> u16 {
        let bytes = [self.raw[at], self.raw[at + 1]];
        match self.order {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        }
    }
}

fn is_high(unit: u16) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given == self.ready.len() {
            self.refill()?;
        }
        let left = &self.ready[self.given..];
        let count = left.len().min(into.len());
        into[..count].copy_from_slice(&left[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str, order: Order, mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xfeff_u16);
        let bytes = |unit: u16| match order {
            Order::Little => unit.to_le_bytes(),
            Order::Big => unit.to_be_bytes(),
        };
        mark.into_iter()
            .chain(text.encode_utf16())
            .flat_map(bytes)
            .collect()
    }

    /// Gives a byte at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = into.len().min(1);
            (&mut self.0).take(1).read(&mut into[..count])
        }
    }

    #[test]
    fn both_orders_with_and_without_a_mark() {
        let text = "failed: /proc/self/exe: operation not permitted \u{1f433}\n".repeat(3);
        for order in [Order::Little, Order::Big] {
            for mark in [true, false] {
                let bytes = encoded(&text, order, mark);
                assert_eq!(utf16(&bytes), Some(order));
                let mut out = String::new();
                Decoder::new(Slow(&bytes), order)
                    .read_to_string(&mut out)
                    .unwrap();
                assert_eq!(out, text);
            }
        }
    }

    #[test]
    fn other_text_is_not_utf16() {
        assert_eq!(utf16(b"plain text, long enough to be looked at"), None);
        assert_eq!(utf16(&[0; 100]), None);
        assert_eq!(
            utf16(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0"),
            None
        );
        assert_eq!(utf16(b"a\0"), None);
    }

    #[test]
    fn an_odd_byte_and_half_a_pair_at_the_end_are_no_trouble() {
        let mut bytes = encoded("ab", Order::Little, true);
        bytes.extend([0x3d, 0xd8, 0x41]);
        let mut out = String::new();
        Decoder::new(&bytes[..], Order::Little)
            .read_to_string(&mut out)
            .unwrap();
        assert_eq!(out, "ab\u{fffd}");
    }
}
