//! `/proc/PID/uid_map` and `gid_map`: which ids a user namespace knows.

use std::path::Path;

use crate::fact::Fact;
use crate::host::Host;

/// One line: `count` ids from `inside` are those from `outside`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First id inside the namespace.
    pub inside: u32,
    /// First id outside.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// Parses a map; none if a line is not three numbers.
pub fn parse(text: &str) -> Option<Vec<Extent>> {
    let extent = |line: &str| {
        let mut words = line.split_whitespace().map(|word| word.parse().ok());
        Some(Extent {
            inside: words.next()??,
            outside: words.next()??,
            count: words.next()??,
        })
    };
    text.lines().map(extent).collect()
}

/// Reads a map of this process.
pub fn collect(host: &dyn Host, path: &str) -> Fact<Vec<Extent>> {
    host.read(Path::new(path)).and_then(|text| {
        parse(&text).map_or_else(
            || Fact::unreadable(format!("{path} is not of its form")),
            Fact::Known,
        )
    })
}

/// Whether every id from `first` to `last` has a meaning inside.
pub fn covers(map: &[Extent], first: u32, last: u32) -> bool {
    let mut extents: Vec<_> = map.iter().filter(|e| e.count > 0).collect();
    extents.sort_unstable_by_key(|e| e.inside);
    let mut next = u64::from(first);
    for extent in extents {
        let start = u64::from(extent.inside);
        if start <= next {
            next = next.max(start + u64::from(extent.count));
        }
    }
    next > u64::from(last)
}

/// How many ids the map holds in all.
pub fn total(map: &[Extent]) -> u64 {
    map.iter().map(|e| u64::from(e.count)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjacent_extents_cover_together() {
        let map = parse("0 1000 1\n 1 100000 65536\n70000 5 10\n").unwrap();
        assert!(covers(&map, 0, 65_536) && !covers(&map, 0, 65_537));
        assert!(covers(&map, 70_000, 70_009) && !covers(&map, 69_999, 70_000));
        assert_eq!(total(&map), 65_547);
        let all = parse("         0          0 4294967295\n").unwrap();
        assert!(covers(&all, 100_000, 4_294_967_294));
        assert_eq!(parse("0 0\n"), None);
        assert_eq!(parse(""), Some(vec![]));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[0-9 \n]*", first: u32, last: u32) {
            if let Some(map) = parse(&text) {
                covers(&map, first, last);
            }
        }
    }
}
