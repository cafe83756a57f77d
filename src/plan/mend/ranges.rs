//! Subordinate ids for many users at once: free of overlap with every other
//! range, with every account, and with what the host gives to people and
//! services.

#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::facts::area::subid::DYNAMIC;
use crate::facts::area::subid::file::{self, Span};
use crate::facts::area::subid::free;
use crate::facts::login_defs::LoginDefs;

/// What one user is to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Login name, as it is written into the files.
    pub user: String,
    /// In `/etc/subuid`.
    pub uids: Option<Wish>,
    /// In `/etc/subgid`.
    pub gids: Option<Wish>,
}

/// What a user is to get in one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// These, if they are still free.
    pub span: Option<Span>,
    /// A range of the user's that the new one replaces.
    pub instead_of: Option<Span>,
}

/// The files as they are.
#[derive(Clone, Debug)]
pub struct Book<'a> {
    /// Text of `/etc/subuid`.
    pub subuid: &'a str,
    /// Text of `/etc/subgid`.
    pub subgid: &'a str,
    /// Ids of accounts, and ids that cannot be named here.
    pub uids: Vec<Span>,
    /// The same of groups.
    pub gids: Vec<Span>,
    /// `/etc/login.defs`.
    pub defs: &'a LoginDefs,
}

/// The files as they shall be, and who got what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// Text of `/etc/subuid`.
    pub subuid: String,
    /// Text of `/etc/subgid`.
    pub subgid: String,
    /// In words, a line a user.
    pub given: Vec<String>,
}

/// There are no ids left.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "there is no room for 65536 more subordinate ids for {0}; SUB_UID_MIN to SUB_UID_MAX of /etc/login.defs decides"
)]
pub struct NoRoom(pub String);

/// `FIRST-LAST`.
pub fn parse(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

/// Chooses ranges and writes the files anew. What a user has enough of by now
/// is left alone.
///
/// # Errors
/// [`NoRoom`]; nothing is to be written then.
pub fn assign(book: &Book<'_>, wants: &[Want]) -> Result<Assigned, NoRoom> {
    let mut uid = Half::new(book.subuid, &book.uids, book.defs.uid, book.defs.sub_uid);
    let mut gid = Half::new(book.subgid, &book.gids, book.defs.gid, book.defs.sub_gid);
    let mut given = Vec::new();
    for want in wants {
        let wishes = (
            want.uids.filter(|wish| uid.lacks(&want.user, wish)),
            want.gids.filter(|wish| gid.lacks(&want.user, wish)),
        );
        let no_room = || NoRoom(want.user.clone());
        let (uids, gids) = match wishes {
            (None, None) => continue,
            (Some(wish), None) => (uid.block(wish.span).ok_or_else(no_room)?.into(), None),
            (None, Some(wish)) => (None, gid.block(wish.span).ok_or_else(no_room)?.into()),
            (Some(wish), Some(_)) => {
                let block = both(&uid, &gid, wish.span).ok_or_else(no_room)?;
                (Some(block), Some(block))
            }
        };
        if let (Some(span), Some(wish)) = (uids, wishes.0) {
            uid.give(&want.user, span, wish.instead_of);
            given.push(told(&want.user, span, "uids"));
        }
        if let (Some(span), Some(wish)) = (gids, wishes.1) {
            gid.give(&want.user, span, wish.instead_of);
            given.push(told(&want.user, span, "gids"));
        }
    }
    Ok(Assigned {
        subuid: uid.text,
        subgid: gid.text,
        given,
    })
}

fn told(user: &str, span: Span, what: &str) -> String {
    format!(
        "{user} has the subordinate {what} {}-{}",
        span.first, span.last
    )
}

/// One of the two files while it is written.
struct Half {
    text: String,
    taken: Vec<Span>,
    range: (u32, u32),
}

impl Half {
    fn new(text: &str, others: &[Span], people: (u32, u32), range: (u32, u32)) -> Half {
        let listing = file::parse(text, "", "");
        let people = Span {
            first: people.0,
            last: people.1,
        };
        let spans = listing.others.iter().map(|other| other.span);
        let fixed = others.iter().copied().chain([people, DYNAMIC]);
        Half {
            text: text.into(),
            taken: free::joined(spans.chain(fixed).collect()),
            range,
        }
    }

    /// Somebody else may have given it meanwhile.
    fn lacks(&self, user: &str, wish: &Wish) -> bool {
        let own = file::parse(&self.text, user, "").own;
        match wish.instead_of {
            Some(old) => own.iter().any(|o| o.span == old),
            None => free::total(own.iter().map(|o| o.span).collect()) < free::ENOUGH,
        }
    }

    fn block(&self, wish: Option<Span>) -> Option<Span> {
        free::block(self.taken.clone(), self.range, wish.map(|span| span.first))
    }

    fn give(&mut self, user: &str, span: Span, instead_of: Option<Span>) {
        self.taken.push(span);
        self.taken = free::joined(std::mem::take(&mut self.taken));
        let line = format!("{user}:{}:{}\n", span.first, span.count());
        let old = instead_of.and_then(|old| find(&self.text, user, old));
        match old {
            Some(at) => self.text.replace_range(at, &line),
            None => {
                if !self.text.is_empty() && !self.text.ends_with('\n') {
                    self.text.push('\n');
                }
                self.text.push_str(&line);
            }
        }
    }
}

/// The line that gives `span` to `user`, its end included.
fn find(text: &str, user: &str, span: Span) -> Option<std::ops::Range<usize>> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let listing = file::parse(line, user, "");
        if listing.own.iter().any(|own| own.span == span) {
            return Some(at..at + line.len());
        }
        at += line.len();
    }
    None
}

/// A block that is free in both files.
fn both(uid: &Half, gid: &Half, wish: Option<Span>) -> Option<Span> {
    let taken = uid.taken.iter().chain(&gid.taken).copied().collect();
    let range = (uid.range.0.max(gid.range.0), uid.range.1.min(gid.range.1));
    free::block(taken, range, wish.map(|span| span.first))
}
