//! Finds the first of many literals in a long text, at several times the speed
//! of an automaton: only every fourth place is looked at.
//!
//! Of each literal seven bytes are chosen. Wherever they stand, four of them
//! begin at a place that is looked at; those four are one of four groups that
//! are known beforehand. A bit for each group of four tells the many places
//! where there is nothing.

use std::collections::HashMap;

/// How far apart the places are, and how many bytes are looked at there.
const STRIDE: usize = 4;

/// The shortest literal that can be found so.
pub const SHORTEST: usize = 2 * STRIDE - 1;

/// How many bits there are, as a power of two: 32 KiB stay in the cache.
const BITS: u32 = 18;

/// Letters that are everywhere in logs; seven bytes with few of them are best.
const COMMON: &[u8] = b" etaoinsrdlc";

/// What is looked for.
#[derive(Debug)]
pub struct Sieve {
    bits: Vec<u64>,
    /// By group of four: which literals have it, and where in them.
    groups: HashMap<u32, Vec<(usize, usize)>>,
    literals: Vec<Vec<u8>>,
}

impl Sieve {
    /// Takes literals of at least [`SHORTEST`] bytes; letters of either case
    /// are the same. Shorter ones are not found.
    pub fn new<'a>(literals: impl Iterator<Item = &'a String>) -> Self {
        let mut sieve = Sieve {
            bits: vec![0; (1 << BITS) / 64],
            groups: HashMap::new(),
            literals: literals.map(|l| l.clone().into_bytes()).collect(),
        };
        for number in 0..sieve.literals.len() {
            let literal = &sieve.literals[number];
            let Some(start) = best_window(literal) else {
                continue;
            };
            let places: Vec<(usize, u32)> = (start..start + STRIDE)
                .map(|at| (at, group(&literal[at..])))
                .collect();
            for (at, group) in places {
                let (word, bit) = slot(group);
                sieve.bits[word] |= bit;
                sieve.groups.entry(group).or_default().push((number, at));
            }
        }
        sieve
    }

    /// Where one of the literals begins that is wholly at or after `from`; the
    /// first of them, or one a little after it.
    pub fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let places = text[from..].chunks_exact(STRIDE);
        for (number, bytes) in places.enumerate() {
            let group = group(bytes);
            let (word, bit) = slot(group);
            if self.bits[word] & bit != 0 {
                let at = from + number * STRIDE;
                if let Some(start) = self.check(text, from, at, group) {
                    return Some(start);
                }
            }
        }
        None
    }

    /// Whether a literal stands around this place.
    #[cold]
    fn check(&self, text: &[u8], from: usize, at: usize, group: u32) -> Option<usize> {
        let mut candidates = self.groups.get(&group)?.iter();
        candidates.find_map(|(number, offset)| {
            let literal = &self.literals[*number];
            let start = at.checked_sub(*offset).filter(|start| *start >= from)?;
            let there = text.get(start..start + literal.len())?;
            there.eq_ignore_ascii_case(literal).then_some(start)
        })
    }
}

/// Four bytes as a number, letters in lower case. Some other characters become
/// the same, too; the comparison that follows tells them apart.
fn group(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) | 0x2020_2020
}

fn slot(group: u32) -> (usize, u64) {
    let hash = group.wrapping_mul(0x9e37_79b1) >> (32 - BITS);
    ((hash / 64) as usize, 1 << (hash % 64))
}

/// Where the seven bytes begin that are least like what is everywhere.
fn best_window(literal: &[u8]) -> Option<usize> {
    let common = |window: &[u8]| window.iter().filter(|b| COMMON.contains(b)).count();
    let windows = literal.windows(SHORTEST).enumerate();
    windows
        .min_by_key(|(_, window)| common(window))
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sieve(literals: &[&str]) -> Sieve {
        let owned: Vec<String> = literals.iter().map(|l| (*l).to_owned()).collect();
        Sieve::new(owned.iter())
    }

    #[test]
    fn wherever_it_stands() {
        let sieve = sieve(&["permission denied", "/dev/net/tun", "seven77"]);
        for before in 0..9 {
            for (word, after) in [
                ("Permission DENIED", "x"),
                ("/dev/net/tun", ""),
                ("seven77", ""),
            ] {
                let text = format!("{}{word}{after}", "x".repeat(before));
                assert_eq!(sieve.find(text.as_bytes(), 0), Some(before), "{text}");
                assert_eq!(sieve.find(text.as_bytes(), before + 1), None, "{text}");
            }
        }
        assert_eq!(sieve.find(b"permission denie", 0), None);
        assert_eq!(sieve.find(b"", 0), None);
    }

    proptest::proptest! {
        #[test]
        fn the_same_as_looking_everywhere(text in "(abcdefg|bcd|efghij|[a-j]|\\PC)*", from in 0..20_usize) {
            let literals = ["abcdefg", "cdefghij", "jihgfedcba"];
            let from = from.min(text.len());
            let hay = &text.as_bytes()[from..];
            let everywhere = literals.iter().any(|l| hay.windows(l.len()).any(|w| w.eq_ignore_ascii_case(l.as_bytes())));
            assert_eq!(sieve(&literals).find(text.as_bytes(), from).is_some(), everywhere);
        }
    }
}
