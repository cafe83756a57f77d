//! Finds the first of many literals in a long text, at several times the speed
//! of an automaton: only every fourth place is looked at.
//!
//! Of each literal nine bytes are chosen. Wherever they stand, six of them begin
//! at a place that is looked at; those six are one of four groups that are known
//! beforehand. A bit for each group tells the many places where there is nothing.

use std::collections::HashSet;

/// How far apart the places are.
const STRIDE: usize = 4;

/// How many bytes are looked at there.
const GROUP: usize = 6;

/// The shortest literal that can be found so.
pub const SHORTEST: usize = GROUP + STRIDE - 1;

/// How many bits there are, as a power of two: 64 KiB stay in the cache.
const BITS: u32 = 19;

/// Letters that are everywhere in logs; bytes with few of them are best.
const COMMON: &[u8] = b" etaoinsrdlc";

/// Words that are everywhere in logs: a group that is in them is met all the
/// time.
const ORDINARY: &str = "\
    system.service systemd session for user root from port kernel: audit: type= time= level=info \
    msg= error failed failure with started starting stopped finished accepted password publickey \
    connection connect closed opened open received receiving request response client server \
    daemon docker container containerd rootless dockerd module= namespace= event events event \
    task loading plugin path file files directory device devices name address network interface \
    process command config configuration configured control controller service services socket \
    status state result exit code reason message messages invalid unknown unable cannot could not \
    found permission denied operation permitted timeout timed out warning warn debug notice info \
    using used version update updated created create delete deleted removed running run enabled \
    disabled memory cpu disk mount mounted read write reading writing available unavailable \
    apparmor= profile= unconfined operation= pid= comm= uid= gid= exec host http https local \
    Linux Ubuntu Debian image images registry library default set get post put new old this that \
    has have been was were will would should is are the and not but can only all any some \
    kubernetes kubelet node pod pods nginx postgres mysql redis node-exporter prometheus 10.0.2. \
    com.docker org.freedesktop dbus polkit login logged pam_unix cron sshd sudo ssh tty \
    Application Engine Container stdout stderr output input data database transport";

/// How many shelves the groups are kept on, as a power of two.
const SHELVES: u32 = 12;

/// What is seen from four places together.
const BLOCK: usize = 3 * STRIDE + GROUP;

/// What is looked for.
#[derive(Debug)]
pub struct Sieve {
    /// A bit for each group, by its hash.
    bits: Box<[u64; (1 << BITS) / 64]>,
    /// The groups themselves, by the beginning of their hash.
    shelves: Vec<Vec<Group>>,
    literals: Vec<Vec<u8>>,
}

/// Six bytes of a literal.
#[derive(Clone, Copy, Debug)]
struct Group {
    bytes: u64,
    literal: usize,
    /// Where in the literal they are.
    offset: usize,
}

impl Sieve {
    /// Takes literals of at least [`SHORTEST`] bytes; letters of either case
    /// are the same. Shorter ones are not found.
    pub fn new<'a>(literals: impl Iterator<Item = &'a String>) -> Self {
        let mut sieve = Sieve {
            bits: Box::new([0; (1 << BITS) / 64]),
            shelves: vec![Vec::new(); 1 << SHELVES],
            literals: literals.map(|l| l.clone().into_bytes()).collect(),
        };
        let ordinary: HashSet<u64> = ORDINARY.as_bytes().windows(GROUP).map(group).collect();
        for literal in 0..sieve.literals.len() {
            let bytes = &sieve.literals[literal];
            let start = best_window(bytes, &ordinary);
            let offsets = start.into_iter().flat_map(|start| start..start + STRIDE);
            let groups = offsets.map(|offset| Group {
                bytes: group(&bytes[offset..]),
                literal,
                offset,
            });
            for group in groups.collect::<Vec<_>>() {
                let hash = hash(group.bytes);
                sieve.bits[word(hash)] |= bit(hash);
                sieve.shelves[shelf(hash)].push(group);
            }
        }
        sieve
    }

    /// Where one of the literals begins that is wholly at or after `from`; the
    /// first of them, or one a little after it.
    pub fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        while let Some(block) = text.get(at..at + BLOCK) {
            let some = self.may_be(block)
                | self.may_be(&block[STRIDE..])
                | self.may_be(&block[2 * STRIDE..])
                | self.may_be(&block[3 * STRIDE..]);
            if some && let Some(start) = self.check(text, from, at, block) {
                return Some(start);
            }
            at += 4 * STRIDE;
        }
        self.check(text, from, at, text.get(at..)?)
    }

    /// Whether a literal may have the first six of these bytes.
    #[inline(always)]
    fn may_be(&self, bytes: &[u8]) -> bool {
        let hash = hash(group(bytes));
        self.bits[word(hash)] & bit(hash) != 0
    }

    /// Whether a literal does stand around one of these places.
    #[cold]
    fn check(&self, text: &[u8], from: usize, at: usize, block: &[u8]) -> Option<usize> {
        let mut place = 0;
        while let Some(bytes) = block.get(place..place + GROUP) {
            if self.may_be(bytes)
                && let Some(start) = self.literal_around(text, from, at + place, group(bytes))
            {
                return Some(start);
            }
            place += STRIDE;
        }
        None
    }

    fn literal_around(&self, text: &[u8], from: usize, at: usize, bytes: u64) -> Option<usize> {
        let shelf = self.shelves[shelf(hash(bytes))].iter();
        let mut same = shelf.filter(|group| group.bytes == bytes);
        same.find_map(|group| {
            let literal = &self.literals[group.literal];
            let start = at
                .checked_sub(group.offset)
                .filter(|start| *start >= from)?;
            let there = text.get(start..start + literal.len())?;
            is(there, literal).then_some(start)
        })
    }
}

/// Whether they are the same but for the case of letters. Nearly always they are
/// not, and their ends tell.
fn is(there: &[u8], literal: &[u8]) -> bool {
    let last = literal.len() - GROUP;
    group(there) == group(literal)
        && group(&there[last..]) == group(&literal[last..])
        && there.eq_ignore_ascii_case(literal)
}

/// Six bytes as a number, letters in lower case. Some other characters become
/// the same, too; the comparison that follows tells them apart.
#[inline(always)]
fn group(bytes: &[u8]) -> u64 {
    let low = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let high = u16::from_le_bytes([bytes[4], bytes[5]]);
    (u64::from(low) | u64::from(high) << 32) | 0x2020_2020_2020
}

#[inline(always)]
fn hash(group: u64) -> u32 {
    (group.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS)) as u32
}

#[inline(always)]
fn word(hash: u32) -> usize {
    (hash as usize / 64) % ((1 << BITS) / 64)
}

#[inline(always)]
fn bit(hash: u32) -> u64 {
    1 << (hash % 64)
}

fn shelf(hash: u32) -> usize {
    (hash >> (BITS - SHELVES)) as usize
}

/// Where the nine bytes begin that are least like what is everywhere.
fn best_window(literal: &[u8], ordinary: &HashSet<u64>) -> Option<usize> {
    let commonness = |window: &[u8]| {
        let letters = window.iter().filter(|b| COMMON.contains(b)).count();
        let groups = window.windows(GROUP).map(group);
        letters + 10 * groups.filter(|group| ordinary.contains(group)).count()
    };
    let windows = literal.windows(SHORTEST).enumerate();
    windows
        .min_by_key(|(_, window)| commonness(window))
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
        let sieve = sieve(&["permission denied", "/dev/net/tun", "nine99999"]);
        for before in 0..9 {
            for (word, after) in [
                ("Permission DENIED", "x"),
                ("/dev/net/tun", ""),
                ("nine99999", ""),
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
        fn the_same_as_looking_everywhere(text in "(abcdefghi|bcd|efghij|[a-j]|\\PC)*", from in 0..20_usize) {
            let literals = ["abcdefghi", "cdefghijab", "jihgfedcba"];
            let from = from.min(text.len());
            let hay = &text.as_bytes()[from..];
            let everywhere = literals.iter().any(|l| hay.windows(l.len()).any(|w| w.eq_ignore_ascii_case(l.as_bytes())));
            assert_eq!(sieve(&literals).find(text.as_bytes(), from).is_some(), everywhere);
        }
    }
}
