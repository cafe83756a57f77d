use proptest::prelude::*;

use super::*;
use crate::facts::login_defs;

fn want(user: &str) -> Want {
    Want {
        user: user.into(),
        uids: Some(Wish::default()),
        gids: Some(Wish::default()),
    }
}

fn book<'a>(subuid: &'a str, subgid: &'a str, defs: &'a LoginDefs) -> Book<'a> {
    Book {
        subuid,
        subgid,
        uids: Vec::new(),
        gids: Vec::new(),
        defs,
    }
}

#[test]
fn fifty_users_get_fifty_ranges() {
    let defs = login_defs::parse("");
    let wants: Vec<Want> = (0..50).map(|n| want(&format!("u{n}"))).collect();
    let assigned = assign(&book("alice:100000:65536\n", "", &defs), &wants).unwrap();
    let spans: Vec<Span> = file::parse(&assigned.subuid, "", "")
        .others
        .iter()
        .map(|o| o.span)
        .collect();
    assert_eq!(spans.len(), 51);
    assert_eq!(free::total(spans), 51 * free::ENOUGH);
    assert!(
        assigned
            .subuid
            .starts_with("alice:100000:65536\nu0:165536:65536\n")
    );
    assert!(assigned.subgid.starts_with("u0:165536:65536\n"));
}

#[test]
fn a_wish_that_is_taken_by_now_is_answered_with_another_range() {
    let defs = login_defs::parse("");
    let wish = Wish {
        span: Some(Span {
            first: 100_000,
            last: 165_535,
        }),
        instead_of: None,
    };
    let wanted = Want {
        uids: Some(wish),
        gids: None,
        ..want("bob")
    };
    let there = book("alice:100000:65536", "", &defs);
    let assigned = assign(&there, &[wanted]).unwrap();
    assert_eq!(assigned.subuid, "alice:100000:65536\nbob:165536:65536\n");
    assert_eq!(assigned.subgid, "");
}

#[test]
fn a_range_is_moved_in_its_own_line() {
    let defs = login_defs::parse("");
    let wish = Wish {
        span: None,
        instead_of: Some(Span {
            first: 100_000,
            last: 165_535,
        }),
    };
    let wanted = Want {
        uids: Some(wish),
        gids: None,
        ..want("bob")
    };
    let text = "alice:100000:65536\nbob:100000:65536\n# the end\n";
    let assigned = assign(&book(text, "", &defs), std::slice::from_ref(&wanted)).unwrap();
    assert_eq!(
        assigned.subuid,
        "alice:100000:65536\nbob:165536:65536\n# the end\n"
    );
    // A second run finds nothing to move.
    let again = assign(&book(&assigned.subuid, "", &defs), &[wanted]).unwrap();
    assert_eq!(again.subuid, assigned.subuid);
}

#[test]
fn nobody_gets_half_a_range() {
    let defs = login_defs::parse("SUB_UID_MAX 150000\nSUB_GID_MAX 150000\n");
    let error = assign(&book("", "", &defs), &[want("bob")]).unwrap_err();
    assert_eq!(error, NoRoom("bob".into()));
}

proptest! {
    #[test]
    fn ranges_are_disjoint_and_other_lines_stay(
        others in proptest::collection::vec((0_u32..2_000_000, 1_u32..200_000), 0..20),
        accounts in proptest::collection::vec(0_u32..2_000_000, 0..20),
        users in 1_usize..20,
    ) {
        let defs = login_defs::parse("");
        let lines = others.iter().map(|(first, count)| format!("x:{first}:{count}\n"));
        let text: String = lines.collect();
        let uids: Vec<Span> = accounts.iter().map(|id| Span { first: *id, last: *id }).collect();
        let there = Book { uids: uids.clone(), ..book(&text, "", &defs) };
        let wants: Vec<Want> = (0..users).map(|n| want(&format!("u{n}"))).collect();
        let assigned = assign(&there, &wants).unwrap();
        prop_assert!(assigned.subuid.starts_with(&text));
        let new = file::parse(&assigned.subuid[text.len()..], "", "").others;
        prop_assert_eq!(new.len(), users);
        let old = file::parse(&text, "", "").others;
        for (at, one) in new.iter().enumerate() {
            let others = old.iter().chain(&new[at + 1..]);
            prop_assert!(others.chain([]).all(|o| !o.span.meets(one.span)));
            prop_assert!(uids.iter().all(|id| !id.meets(one.span)));
        }
        prop_assert_eq!(assigned.given.len(), 2 * users);
    }
}
