//! Facts of the area `subid`: the ids a user may map, who else has them, and
//! the two programs that map them.

pub mod file;
pub mod free;
pub mod helper;
mod neighbours;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use self::file::{Fault, Own, Span};
use self::helper::Helper;
pub use self::neighbours::{Clash, Clashes, unmapped};
use crate::fact::{Fact, Why};
use crate::facts::idmap::{self, Extent};
use crate::facts::limits::LARGEST_ACCOUNTS;
use crate::facts::login_defs::{self, LoginDefs};
use crate::facts::subject::{self, Subject};
use crate::facts::{Context, programs};

/// A file with more lines is not looked through.
const MOST_RANGES: usize = 1_200_000;

/// Ids that systemd gives to services with `DynamicUser=`.
pub const DYNAMIC: Span = Span {
    first: 61_184,
    last: 65_519,
};

/// What the area's rules judge.
#[derive(Debug)]
pub struct Facts {
    /// `/etc/subuid`.
    pub uid: Side,
    /// `/etc/subgid`.
    pub gid: Side,
    /// The name service that owns the ranges, by nsswitch.conf; `Absent`: the files do.
    pub service: Fact<String>,
    /// `newuidmap` on the unit's PATH.
    pub newuidmap: Fact<Helper>,
    /// `newgidmap` likewise.
    pub newgidmap: Fact<Helper>,
    /// `/etc/login.defs`.
    pub defs: Fact<LoginDefs>,
    /// The id of the group `docker` in `/etc/group`.
    pub docker_group: Fact<u32>,
}

/// One of the two files.
#[derive(Debug)]
pub struct Side {
    /// Its path.
    pub path: &'static str,
    /// Where it points, if it is a symbolic link.
    pub link: Fact<PathBuf>,
    /// Whether the user may read it; `Absent` if it is not there.
    pub readable: Fact<bool>,
    /// What it says; a file that is not there says nothing.
    pub file: Fact<Summary>,
    /// The ids this very process can name, `/proc/self/uid_map` or `gid_map`.
    pub parent: Fact<Vec<Extent>>,
    /// A free block where the user lacks one; the same on both sides if both lack one.
    pub free: Option<Span>,
}

/// What is kept of a file.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// The user's own ranges.
    pub own: Vec<Own>,
    /// First lines that end RootlessKit's own parser.
    pub fatal: Vec<Fault>,
    /// First lines that shadow passes over.
    pub ignored: Vec<Fault>,
    /// How many it passes over.
    pub ignored_count: usize,
    /// The last line does not end.
    pub unterminated: bool,
    /// The file is there.
    pub exists: bool,
    /// A range of the user's own that holds the user's own id.
    pub own_id: Option<Own>,
    /// Others' ranges that share ids with the user's own.
    pub shared: Clashes,
    /// Accounts or groups whose id lies in the user's own ranges.
    pub accounts: Clashes,
    /// Others' ranges that hold the user's own id.
    pub holding_me: Clashes,
}

impl Summary {
    /// How many different ids the user has.
    pub fn total(&self) -> u64 {
        free::total(self.own.iter().map(|own| own.span).collect())
    }

    fn wants_block(&self) -> bool {
        let clashes = self.shared.count + self.accounts.count;
        self.total() < free::ENOUGH || clashes > 0 || self.own_id.is_some()
    }
}

/// Reads the area's facts.
pub fn collect(cx: Context<'_>) -> Facts {
    let defs = login_defs::collect(cx.host);
    let usual = || login_defs::parse("");
    let known = defs.known().cloned().unwrap_or_else(usual);
    // One after the other: of files with a million lines only one is in memory.
    let mut uid = Half::read(cx, neighbours::Kind::Uid);
    let mut gid = Half::read(cx, neighbours::Kind::Gid);
    free_blocks(&mut uid, &mut gid, &known);
    Facts {
        uid: uid.side,
        gid: gid.side,
        service: service(cx),
        newuidmap: helper::collect(cx, "newuidmap"),
        newgidmap: helper::collect(cx, "newgidmap"),
        defs,
        docker_group: docker_group(cx),
    }
}

fn docker_group(cx: Context<'_>) -> Fact<u32> {
    let groups = cx
        .host
        .read_up_to(Path::new("/etc/group"), LARGEST_ACCOUNTS);
    groups.and_then(|text| {
        let docker = text.lines().find_map(|line| line.strip_prefix("docker:"));
        let id = docker.and_then(|rest| rest.split(':').nth(1)?.trim().parse().ok());
        Fact::from(id)
    })
}

/// A side with what is needed only while a free block is looked for.
struct Half {
    side: Side,
    taken: Vec<Span>,
}

impl Half {
    fn read(cx: Context<'_>, kind: neighbours::Kind) -> Half {
        let path = Path::new(kind.path());
        let subject = cx.ground.subject.as_ref();
        let text = cx.host.read_up_to(path, LARGEST_ACCOUNTS);
        let readable = match (&text, subject.filter(|s| !s.is_self)) {
            _ if subject.is_none() => cx.host.stat(path).map(|s| s.mode & 4 != 0),
            (_, Some(other)) => cx
                .host
                .stat(path)
                .map(|s| s.allows(other.uid, &other.groups, 4)),
            (Fact::Known(_), None) => Fact::Known(true),
            (
                Fact::Unreadable(Why {
                    errno: Some(13), ..
                }),
                None,
            ) => Fact::Known(false),
            (other, None) => other.as_ref().map(|_| true),
        };
        let parent = idmap::collect(cx.host, kind.map());
        let mut taken = Vec::new();
        let file = match text {
            Fact::Absent => Fact::Known(summary(cx, kind, None, &mut taken)),
            text => text.and_then(|text| match text.lines().count() {
                0..=MOST_RANGES => Fact::Known(summary(cx, kind, Some(text), &mut taken)),
                _ => Fact::unreadable(format!("it has more than {MOST_RANGES} lines")),
            }),
        };
        if let Fact::Known(map) = &parent {
            taken.extend(neighbours::unmapped(map));
        }
        Half {
            side: Side {
                path: kind.path(),
                link: cx.host.link(path),
                readable,
                file,
                parent,
                free: None,
            },
            taken,
        }
    }

    fn wants_block(&self) -> bool {
        self.side.file.known().is_some_and(Summary::wants_block)
    }

    fn block(&mut self, range: (u32, u32), people: Span, wish: Option<u32>) -> Option<Span> {
        let mut taken = std::mem::take(&mut self.taken);
        taken.extend([people, DYNAMIC]);
        free::block(taken, range, wish)
    }

    /// Where a range begins that has enough ids.
    fn first(&self) -> Option<u32> {
        let own = &self.side.file.known()?.own;
        own.iter()
            .find(|o| o.span.count() >= free::ENOUGH)
            .map(|o| o.span.first)
    }
}

/// Looks for a free block where one is wanted: the same for both sides if
/// both want one, else preferably the ids of the other side.
fn free_blocks(uid: &mut Half, gid: &mut Half, defs: &LoginDefs) {
    let (wish_uid, wish_gid) = (gid.first(), uid.first());
    let people = [defs.uid, defs.gid].map(|(first, last)| Span { first, last });
    match (uid.wants_block(), gid.wants_block()) {
        (true, true) => {
            let range = (
                defs.sub_uid.0.max(defs.sub_gid.0),
                defs.sub_uid.1.min(defs.sub_gid.1),
            );
            let mut taken = std::mem::take(&mut uid.taken);
            taken.append(&mut gid.taken);
            taken.extend(people.into_iter().chain([DYNAMIC]));
            let block = free::block(taken, range, None);
            (uid.side.free, gid.side.free) = (block, block);
        }
        (true, false) => uid.side.free = uid.block(defs.sub_uid, people[0], wish_uid),
        (false, true) => gid.side.free = gid.block(defs.sub_gid, people[1], wish_gid),
        (false, false) => {}
    }
}

/// Parses a file and looks at the neighbours; what is taken is only noted
/// where a free block will be looked for.
fn summary(
    cx: Context<'_>,
    kind: neighbours::Kind,
    text: Option<String>,
    taken: &mut Vec<Span>,
) -> Summary {
    let subject = cx.ground.subject.as_ref();
    let name = subject.map_or("", |s| s.name.as_str());
    let uid = subject.map_or_else(String::new, |s| s.uid.to_string());
    let exists = text.is_some();
    let text = text.unwrap_or_default();
    let listing = file::parse(&text, name, &uid);
    let accounts = cx
        .host
        .read_up_to(Path::new(kind.accounts()), LARGEST_ACCOUNTS);
    let accounts = accounts.into_known().unwrap_or_default();
    let mut summary = Summary {
        exists,
        fatal: listing.fatal,
        ignored: listing.ignored,
        ignored_count: listing.ignored_count,
        unterminated: listing.unterminated,
        own: listing.own,
        ..Summary::default()
    };
    if let Some(subject) = subject {
        let own = free::joined(summary.own.iter().map(|o| o.span).collect());
        let around = neighbours::Around {
            kind,
            subject,
            own: &own,
            accounts: &accounts,
        };
        let holds_me = |own: &&Own| own.span.meets(around.mine());
        summary.own_id = summary.own.iter().find(holds_me).cloned();
        summary.accounts = around.accounts();
        (summary.shared, summary.holding_me) = around.others(&text, &listing.others);
        // Of a million lines the text takes more than all that follows.
        drop(text);
        if summary.wants_block() {
            taken.extend(
                listing
                    .others
                    .iter()
                    .map(|o| o.span)
                    .chain(own.iter().copied()),
            );
            taken.extend(around.ids());
        }
    }
    summary
}

/// The name service that owns the ranges: shadow knows one source, the first.
fn service(cx: Context<'_>) -> Fact<String> {
    let text = cx.host.read(Path::new("/etc/nsswitch.conf"));
    let first = |text: String| programs::subid_sources(&text)?.into_iter().next();
    text.and_then(|text| first(text).filter(|s| s != "files").into())
}

/// Names that mean the same person: with and without a domain, or with the same uid.
fn same_person(owner: &str, subject: &Subject, same_uid: &BTreeSet<String>) -> bool {
    let plain = |name: &str| {
        let name = name.rsplit('\\').next().unwrap_or_default();
        name.split('@').next().unwrap_or_default().to_lowercase()
    };
    plain(owner) == plain(&subject.name)
        || owner.parse() == Ok(subject.uid)
        || same_uid.contains(owner)
}

/// Names of the accounts with the user's uid.
fn same_uid(subject: &Subject, passwd: &str) -> BTreeSet<String> {
    let all = subject::parse_passwd(passwd).filter(|s| s.uid == subject.uid);
    all.map(|s| s.name).collect()
}
