//! Sets of ids: what meets what, and where there is room.

use super::file::Span;

/// How many ids a user should have.
pub const ENOUGH: u64 = 65_536;

/// Sorts spans and joins those that touch or overlap.
pub fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut out: Vec<Span> = Vec::new();
    for span in spans {
        match out.last_mut() {
            Some(last) if span.first <= last.last.saturating_add(1) => {
                last.last = last.last.max(span.last);
            }
            _ => out.push(span),
        }
    }
    out
}

/// The span of `joined` that meets this one, if any.
pub fn meeting(joined: &[Span], span: Span) -> Option<Span> {
    let at = joined.partition_point(|own| own.last < span.first);
    joined.get(at).copied().filter(|own| own.meets(span))
}

/// How many different ids there are.
pub fn total(spans: Vec<Span>) -> u64 {
    joined(spans).into_iter().map(Span::count).sum()
}

/// The first block of [`ENOUGH`] ids within `range` that meets nothing taken;
/// the one that starts at `wish` if that is free.
pub fn block(taken: Vec<Span>, range: (u32, u32), wish: Option<u32>) -> Option<Span> {
    let taken = joined(taken);
    let at = |first: u32| {
        let last = u32::try_from(u64::from(first) + ENOUGH - 1).ok()?;
        (first >= range.0 && last <= range.1).then_some(Span { first, last })
    };
    let free = |span: &Span| meeting(&taken, *span).is_none();
    if let Some(block) = wish.and_then(at).filter(free) {
        return Some(block);
    }
    let mut first = range.0;
    for span in &taken {
        if at(first)?.last < span.first {
            break;
        }
        first = first.max(span.last.checked_add(1)?);
    }
    at(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(first: u32, last: u32) -> Span {
        Span { first, last }
    }

    const RANGE: (u32, u32) = (100_000, 600_100_000);

    #[test]
    fn the_first_gap_that_is_wide_enough() {
        let free = |taken: &[Span]| block(taken.to_vec(), RANGE, None).map(|b| b.first);
        assert_eq!(free(&[]), Some(100_000));
        assert_eq!(free(&[span(100_000, 165_535)]), Some(165_536));
        assert_eq!(free(&[span(150_000, 150_000)]), Some(150_001));
        assert_eq!(free(&[span(165_536, 200_000)]), Some(100_000));
        assert_eq!(
            free(&[span(300_000, 400_000), span(100_000, 299_999)]),
            Some(400_001)
        );
        assert_eq!(free(&[span(0, u32::MAX)]), None);
        assert_eq!(free(&[span(0, 600_100_000)]), None);
    }

    #[test]
    fn a_wish_is_granted_if_it_is_free() {
        let with = |taken: &[Span], wish| block(taken.to_vec(), RANGE, Some(wish)).map(|b| b.first);
        assert_eq!(with(&[], 231_072), Some(231_072));
        assert_eq!(with(&[span(240_000, 240_000)], 231_072), Some(100_000));
        assert_eq!(with(&[], 5), Some(100_000));
    }

    #[test]
    fn ids_that_are_there_twice_count_once() {
        assert_eq!(total(vec![span(10, 19), span(15, 24), span(25, 29)]), 20);
        assert_eq!(total(vec![span(0, u32::MAX), span(0, u32::MAX)]), 1 << 32);
    }

    proptest::proptest! {
        #[test]
        fn a_block_meets_nothing(taken in proptest::collection::vec((0_u32..900_000, 0_u32..200_000), 0..20)) {
            let taken: Vec<Span> = taken.into_iter().map(|(f, n)| span(f, f + n)).collect();
            let block = block(taken.clone(), RANGE, Some(300_000)).unwrap();
            proptest::prop_assert!(taken.iter().all(|t| !t.meets(block)));
            proptest::prop_assert_eq!(block.count(), ENOUGH);
        }
    }
}
