//! Ids that somebody else has as well.

use super::range::subject;
use super::service;
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::area::subid::file::{Own, Span};
use crate::facts::area::subid::{Clashes, DYNAMIC, Side, Summary};

/// The files, where they decide and hold a range of the user's.
pub fn files(facts: &Facts) -> Result<Vec<(&Side, &Summary)>, Undetermined> {
    let subid = facts.subid.need("subordinate ids")?;
    let mut files = Vec::new();
    for side in [&subid.uid, &subid.gid] {
        if service::files_decide(facts, subid, side)? {
            files.push((side, side.file.need(side.path)?));
        }
    }
    files.retain(|(_, file)| !file.own.is_empty());
    Ok(files)
}

pub const NOTHING: &str = "the files hold no range of this user's";

pub fn text(span: Span) -> String {
    format!("{}-{}", span.first, span.last)
}

pub fn users(facts: &Facts) -> Verdict {
    clash(
        facts,
        |file| &file.shared,
        "shares ids with",
        "no other user has these ids",
    )
}

/// Real accounts in the user's ranges, and the user in those of others.
pub fn accounts(facts: &Facts) -> Verdict {
    let subid = facts.subid.need("subordinate ids")?;
    for side in [&subid.uid, &subid.gid] {
        let holding = &side.file.need(side.path)?.holding_me;
        if let Some(first) = holding.first.first() {
            let user = &subject(facts)?.name;
            let why = fail(format!("{} may act as {user} in containers", first.owner));
            return Ok(see(why, side, holding)
                .remedy("held")
                .fill("owner", &first.owner)
                .fill("path", side.path));
        }
    }
    clash(
        facts,
        |file| &file.accounts,
        "holds the id of",
        "no account's id lies in the ranges",
    )
}

fn clash(facts: &Facts, of: fn(&Summary) -> &Clashes, verb: &str, fine: &str) -> Verdict {
    let files = files(facts)?;
    if files.is_empty() {
        return Ok(skip(NOTHING));
    }
    let clashing = |(_, file): &&(&Side, &Summary)| of(file).count > 0;
    let hit: Vec<_> = files.iter().filter(clashing).collect();
    let Some((side, file)) = hit.first() else {
        return Ok(pass(fine));
    };
    let user = &subject(facts)?.name;
    let clashes = of(file);
    let more = match clashes.count {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    let owner = clashes.first.first().map_or("", |c| &c.owner);
    let mut why = fail(format!("{user}'s range {verb} {owner}{more}"));
    for (side, file) in &hit {
        for own in &file.own {
            let at = format!("{}, line {}", side.path, own.line);
            why = why.seen(at, format!("{user}: {}", text(own.span)));
        }
        why = see(why, side, of(file));
    }
    Ok(elsewhere(why, side, file.own.first(), hit.len() > 1).fill("user", user))
}

/// How to move a range that is somebody else's as well.
pub fn elsewhere(why: Outcome, side: &Side, old: Option<&Own>, both: bool) -> Outcome {
    let (Some(block), Some(old)) = (side.free, old) else {
        return why.remedy("no-room");
    };
    let why = match (both, side.path) {
        (true, _) => why,
        (false, "/etc/subgid") => why.remedy("gids"),
        (false, _) => why.remedy("uids"),
    };
    why.fill("old_first", old.span.first)
        .fill("old_last", old.span.last)
        .fill("first", block.first)
        .fill("last", block.last)
}

fn see(why: Outcome, side: &Side, clashes: &Clashes) -> Outcome {
    clashes.first.iter().fold(why, |why, clash| {
        let at = match clash.line {
            0 => side
                .path
                .replace("/etc/subuid", "/etc/passwd")
                .replace("/etc/subgid", "/etc/group"),
            line => format!("{}, line {line}", side.path),
        };
        why.seen(at, format!("{}: {}", clash.owner, text(clash.span)))
    })
}

/// Ids that the host will give to accounts or services later.
pub fn reserved(facts: &Facts) -> Verdict {
    let files = files(facts)?;
    if files.is_empty() {
        return Ok(skip(NOTHING));
    }
    let defs = facts
        .subid
        .need("subordinate ids")?
        .defs
        .need("/etc/login.defs")?;
    for (side, file) in files {
        let (people, name) = match side.path {
            "/etc/subgid" => (defs.gid, "GID_MIN to GID_MAX"),
            _ => (defs.uid, "UID_MIN to UID_MAX"),
        };
        let people = Span {
            first: people.0,
            last: people.1,
        };
        for (span, source, what) in [
            (
                people,
                format!("/etc/login.defs, {name}"),
                "accounts of people",
            ),
            (DYNAMIC, "systemd, DynamicUser=".to_owned(), "services"),
        ] {
            if let Some(own) = file.own.iter().find(|own| own.span.meets(span)) {
                return Ok(fail(format!("the range holds ids that are for {what}"))
                    .seen(format!("{}, line {}", side.path, own.line), text(own.span))
                    .seen(source, text(span)));
            }
        }
    }
    Ok(pass("the ranges keep clear of ids for people and services"))
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::testing::TestHost;

    fn host(subuid: &str) -> TestHost {
        TestHost::new()
            .file("/etc/subuid", subuid)
            .file("/etc/subgid", "alice:100000:65536\n")
    }

    #[test]
    fn others_with_the_same_ids() {
        let id = "subid.overlap-users";
        let result = host("bob:100000:65536\nalice:100000:65536\n").check(id);
        assert_eq!(result.status, Status::Warn);
        assert_eq!(result.summary, "alice's range shares ids with bob");
        let commands = result.fix.unwrap().commands;
        let moved = "sudo usermod --del-subuids 100000-165535 --add-subuids 165536-231071 alice";
        assert_eq!(commands.last().unwrap(), moved);
        assert_eq!(
            host("bob:165536:65536\nalice:100000:65536\n")
                .check(id)
                .status,
            Status::Pass
        );
        // The same person in another spelling.
        assert_eq!(
            host("CORP\\alice:100000:65536\nalice:100000:65536\n")
                .check(id)
                .status,
            Status::Pass
        );
        assert_eq!(TestHost::new().check(id).status, Status::Skip);
    }

    #[test]
    fn accounts_in_the_range_and_the_user_in_another_s() {
        let id = "subid.overlap-accounts";
        let passwd = "alice:x:1000:1000::/home/alice:/bin/sh\nldapper:x:123456:1::/:\n";
        let result = host("alice:100000:65536\n")
            .file("/etc/passwd", passwd)
            .check(id);
        assert_eq!(result.summary, "alice's range holds the id of ldapper");
        assert_eq!(result.status, Status::Warn);
        let held = host("alice:100000:65536\neve:1000:1\n").check(id);
        assert_eq!(held.summary, "eve may act as alice in containers");
        assert_eq!(held.status, Status::Warn);
        assert_eq!(host("alice:100000:65536\n").check(id).status, Status::Pass);
    }

    #[test]
    fn ids_that_are_promised_to_others() {
        let id = "subid.reserved-ids";
        assert_eq!(host("alice:100000:65536\n").check(id).status, Status::Pass);
        assert_eq!(host("alice:2000:65536\n").check(id).status, Status::Info);
        let dynamic = host("alice:61000:1000\n").check(id);
        assert_eq!(dynamic.summary, "the range holds ids that are for services");
        assert_eq!(TestHost::new().check(id).status, Status::Skip);
    }
}
