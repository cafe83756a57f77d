//! Who else has the ids: other users' ranges, and real accounts.

use super::file::{self, Other, Span};
use super::{free, same_person, same_uid};
use crate::facts::idmap::Extent;
use crate::facts::subject::Subject;

/// How many clashes are kept; all are counted.
const MOST: usize = 3;

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `/etc/subuid`.
    Uid,
    /// `/etc/subgid`.
    Gid,
}

impl Kind {
    /// The file of ranges.
    pub fn path(self) -> &'static str {
        match self {
            Kind::Uid => "/etc/subuid",
            Kind::Gid => "/etc/subgid",
        }
    }

    /// The file of accounts or groups.
    pub fn accounts(self) -> &'static str {
        match self {
            Kind::Uid => "/etc/passwd",
            Kind::Gid => "/etc/group",
        }
    }

    /// The ids this process can name.
    pub fn map(self) -> &'static str {
        match self {
            Kind::Uid => "/proc/self/uid_map",
            Kind::Gid => "/proc/self/gid_map",
        }
    }

    /// The id in a line of the accounts: the third field of both files.
    fn id(line: &str) -> Option<(&str, u32)> {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        Some((name, fields.nth(1)?.parse().ok()?))
    }

    /// Ids of the user that are no subordinate ones.
    fn mine(self, subject: &Subject) -> Vec<u32> {
        match self {
            Kind::Uid => vec![subject.uid],
            Kind::Gid => [subject.gid]
                .into_iter()
                .chain(subject.groups.iter().copied())
                .collect(),
        }
    }
}

/// Somebody who has the same ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// Whose.
    pub owner: String,
    /// Which ids.
    pub span: Span,
    /// Line number in the file of ranges, 0 for an account.
    pub line: usize,
}

/// The first few of them, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clashes {
    /// The first few.
    pub first: Vec<Clash>,
    /// How many there are.
    pub count: usize,
}

impl Clashes {
    fn push(&mut self, clash: impl FnOnce() -> Clash) {
        self.count += 1;
        if self.first.len() < MOST {
            self.first.push(clash());
        }
    }
}

/// What surrounds a user's own ranges.
pub struct Around<'a> {
    /// Which file.
    pub kind: Kind,
    /// The user.
    pub subject: &'a Subject,
    /// The user's own ranges, joined.
    pub own: &'a [Span],
    /// Text of passwd(5) or group(5).
    pub accounts: &'a str,
}

impl Around<'_> {
    /// Accounts or groups of others whose id lies in the user's own ranges.
    pub fn accounts(&self) -> Clashes {
        let mut clashes = Clashes::default();
        if self.own.is_empty() {
            return clashes;
        }
        for (name, id) in self.accounts.lines().filter_map(Kind::id) {
            let span = Span {
                first: id,
                last: id,
            };
            // One's own id in one's own range is another matter, and fatal.
            let own_id = match self.kind {
                Kind::Uid => id == self.subject.uid,
                Kind::Gid => id == self.subject.gid,
            };
            if !own_id && free::meeting(self.own, span).is_some() {
                clashes.push(|| Clash {
                    owner: name.to_owned(),
                    span,
                    line: 0,
                });
            }
        }
        clashes
    }

    /// Others' ranges that share ids with the user's own, and those that hold
    /// the user's own id.
    pub fn others(&self, text: &str, others: &[Other]) -> (Clashes, Clashes) {
        let passwd = match self.kind {
            Kind::Uid => self.accounts,
            Kind::Gid => "",
        };
        let same_uid = same_uid(self.subject, passwd);
        let mut lines = file::Lines::new(text);
        let mine = self.mine();
        let (mut shared, mut holding) = (Clashes::default(), Clashes::default());
        for other in others {
            let meets = free::meeting(self.own, other.span).is_some();
            let holds = other.span.meets(mine);
            if !meets && !holds {
                continue;
            }
            let full = [(meets, &shared), (holds, &holding)];
            // The owner's name costs a look at the text: only for those that are shown.
            if full
                .iter()
                .all(|(hit, list)| !hit || list.first.len() == MOST)
            {
                shared.count += usize::from(meets);
                holding.count += usize::from(holds);
                continue;
            }
            let (owner, line) = lines.at(other.at);
            if same_person(owner, self.subject, &same_uid) {
                continue;
            }
            let clash = || Clash {
                owner: owner.to_owned(),
                span: other.span,
                line,
            };
            if meets {
                shared.push(clash);
            }
            // LXD and Incus have root map a user's id; root can do so anyway.
            if holds && !matches!(owner, "root" | "0" | "lxd") {
                holding.push(clash);
            }
        }
        (shared, holding)
    }

    /// The id that RootlessKit maps to root.
    pub fn mine(&self) -> Span {
        let id = match self.kind {
            Kind::Uid => self.subject.uid,
            Kind::Gid => self.subject.gid,
        };
        Span {
            first: id,
            last: id,
        }
    }

    /// Every id of an account or group, and the user's own.
    pub fn ids(&self) -> Vec<Span> {
        let ids = self.accounts.lines().filter_map(Kind::id).map(|(_, id)| id);
        let ids = ids.chain(self.kind.mine(self.subject));
        ids.map(|id| Span {
            first: id,
            last: id,
        })
        .collect()
    }
}

/// The ids that have no meaning inside a user namespace.
pub fn unmapped(map: &[Extent]) -> Vec<Span> {
    let known = map.iter().filter(|e| e.count > 0).map(|e| Span {
        first: e.inside,
        last: e.inside.saturating_add(e.count - 1),
    });
    let mut gaps = Vec::new();
    let mut next = 0;
    for span in free::joined(known.collect()) {
        if span.first > next {
            gaps.push(Span {
                first: next,
                last: span.first - 1,
            });
        }
        next = span.last.saturating_add(1);
    }
    gaps.push(Span {
        first: next,
        last: u32::MAX,
    });
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_container_cannot_name() {
        let extent = |inside, count| Extent {
            inside,
            outside: 7,
            count,
        };
        let span = |first, last| Span { first, last };
        assert_eq!(unmapped(&[extent(0, 65_536)]), [span(65_536, u32::MAX)]);
        assert_eq!(
            unmapped(&[extent(100, 10), extent(0, 10)]),
            [span(10, 99), span(110, u32::MAX)]
        );
        assert_eq!(unmapped(&[]), [span(0, u32::MAX)]);
    }

    fn alice() -> Subject {
        Subject {
            name: "CORP\\alice".into(),
            uid: 1000,
            gid: 1000,
            ..Subject::default()
        }
    }

    #[test]
    fn other_spellings_of_a_name_are_the_same_person() {
        let same = |owner: &str| {
            same_person(
                owner,
                &alice(),
                &same_uid(&alice(), "al:x:1000:1000::/:\nbob:x:1001:1::/:\n"),
            )
        };
        assert!(same("alice") && same("alice@corp.example") && same("1000") && same("al"));
        assert!(!same("bob") && !same("1001") && !same("alice2"));
    }

    #[test]
    fn shared_ids_accounts_and_whoever_holds_mine() {
        let text = "bob:150000:65536\ncarol:900000:10\neve:999:5\nalice:100000:65536\n";
        let listing = file::parse(text, "nobody", "");
        let own = [Span {
            first: 100_000,
            last: 165_535,
        }];
        let subject = alice();
        let around = Around {
            kind: Kind::Uid,
            subject: &subject,
            own: &own,
            accounts: "root:x:0:0\nldap:x:120000:1\nrubbish\nalice:x:1000:1000\n",
        };
        let (shared, holding) = around.others(text, &listing.others);
        assert_eq!((shared.count, shared.first[0].owner.as_str()), (1, "bob"));
        assert_eq!(
            (holding.first[0].owner.as_str(), holding.first[0].line),
            ("eve", 3)
        );
        assert_eq!(around.accounts().first[0].owner, "ldap");
    }
}
