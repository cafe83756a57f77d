//! The register of private values: each with its kind and its stand-in.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::needle::LONG;
use super::word::Words;

/// What a private value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A login name.
    User,
    /// The name of a group of this site.
    Group,
    /// A person's name, room or telephone number (the gecos field).
    Person,
    /// A machine's name.
    Host,
    /// A DNS domain.
    Domain,
    /// One part of a path that somebody chose: above a home, or in one.
    Directory,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A network card's address.
    Mac,
    /// The id of a machine, a boot, a disk.
    Id,
    /// Another name somebody chose: of a docker context, an interface, a label.
    Name,
    /// A password or token. It stands in no recording; this is for the gate.
    Secret,
}

impl Kind {
    /// The word its stand-ins begin with.
    pub fn word(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Group => "group",
            Kind::Person => "person",
            Kind::Host => "host",
            Kind::Domain => "domain",
            Kind::Directory => "dir",
            Kind::Ipv4 | Kind::Ipv6 => "ip",
            Kind::Mac => "mac",
            Kind::Id => "id",
            Kind::Name => "name",
            Kind::Secret => "secret",
        }
    }

    /// The `n`th stand-in, from 1 on. Addresses get one of the blocks that are
    /// set aside for documentation (RFC 5737, RFC 3849), so that what parses
    /// them still does.
    fn stand_in(self, n: usize) -> String {
        let word = self.word();
        match self {
            Kind::Ipv4 if n < 255 => format!("192.0.2.{n}"),
            Kind::Ipv4 if n < 509 => format!("198.51.100.{}", n - 254),
            Kind::Ipv4 if n < 763 => format!("203.0.113.{}", n - 508),
            Kind::Ipv6 => format!("2001:db8::{n:x}"),
            Kind::Domain => format!("{word}-{n}.example"),
            _ => format!("{word}-{n}"),
        }
    }
}

/// A private value and what stands in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The value itself.
    pub value: String,
    /// What stands in its place.
    pub stand_in: String,
}

/// Never the value: what is printed by accident must not give it away.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.stand_in)
    }
}

/// Every private value that was read, in the order in which they were met: the
/// user under examination is always `user-1`.
#[derive(Clone, Debug, Default)]
pub struct Register {
    entries: Vec<Entry>,
    by_value: HashMap<String, usize>,
    counts: BTreeMap<&'static str, usize>,
    /// The words that no host is known by.
    pub words: Words,
    /// Directories whose entries are homes, in lower case, with a final slash.
    pub homes: Vec<String>,
}

/// So many stand-ins are tried before one that holds a value is taken.
const MOST_ATTEMPTS: usize = 64;

/// More private values than this no report can hold.
const MOST: usize = 5_000;

impl Register {
    /// An empty register; `words` are those that give nobody away.
    pub fn new(words: Words) -> Self {
        Register {
            words,
            ..Register::default()
        }
    }

    /// Enters a value; one that is there keeps its kind. Values of the same
    /// text in other letters are the same: host names know no case.
    pub fn add(&mut self, kind: Kind, value: &str) {
        let value = value.trim();
        let key = value.to_lowercase();
        if value.is_empty() || self.by_value.contains_key(&key) || self.entries.len() >= MOST {
            return;
        }
        self.by_value.insert(key, self.entries.len());
        self.entries.push(Entry {
            kind,
            value: value.to_owned(),
            stand_in: String::new(),
        });
    }

    /// Gives every value its stand-in. A stand-in is never itself one of the
    /// values: who is called `user-1` becomes another.
    pub fn settle(&mut self) {
        for at in 0..self.entries.len() {
            if self.entries[at].stand_in.is_empty() {
                self.entries[at].stand_in = self.next(self.entries[at].kind);
            }
        }
    }

    fn next(&mut self, kind: Kind) -> String {
        let family = match kind {
            Kind::Ipv6 => "ip6",
            kind => kind.word(),
        };
        for attempt in 0.. {
            let count = self.counts.entry(family).or_default();
            *count += 1;
            let stand_in = kind.stand_in(*count);
            // A host called `host-` is in every stand-in: then the report is withheld.
            let free = attempt >= MOST_ATTEMPTS || !self.is_within(&stand_in);
            if free && !self.by_value.contains_key(&stand_in) {
                return stand_in;
            }
        }
        String::new()
    }

    /// Whether a stand-in holds a value that is searched for anywhere, as
    /// `host-1` does where a host is called `ost-1`.
    fn is_within(&self, stand_in: &str) -> bool {
        let ends = |start: usize| start + LONG..=stand_in.len();
        let parts = (0..stand_in.len()).flat_map(|start| ends(start).map(move |end| start..end));
        let mut parts = parts.filter_map(|part| stand_in.get(part));
        parts.any(|part| self.by_value.contains_key(part))
    }

    /// What stands in the place of exactly this value.
    pub fn stand_in(&self, value: &str) -> Option<&str> {
        let at = self.by_value.get(&value.to_lowercase())?;
        Some(&self.entries[*at].stand_in)
    }

    /// All values, in the order in which they were met.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_are_counted_by_kind_and_are_no_values() {
        let mut register = Register::default();
        for (kind, value) in [
            (Kind::User, "alice"),
            (Kind::User, "user-1"),
            (Kind::User, "ALICE"),
            (Kind::Host, "box"),
            (Kind::Ipv4, "192.0.2.1"),
        ] {
            register.add(kind, value);
        }
        register.settle();
        let of = |value| register.stand_in(value).unwrap();
        assert_eq!(
            ["alice", "user-1", "box", "192.0.2.1"].map(of),
            ["user-2", "user-3", "host-1", "192.0.2.2"]
        );
        let mut within = Register::default();
        within.add(Kind::Host, "ost-1");
        within.add(Kind::Host, "host-");
        within.settle();
        assert!(
            within
                .stand_in("ost-1")
                .is_some_and(|other| !other.contains("ost-1"))
        );
        assert_eq!(register.entries().len(), 4);
        assert_eq!(format!("{:?}", register.entries()[0]), "User user-2");
    }
}
