//! Ids that somebody else has as well, and ids that cannot be mapped.

use super::super::userns::{refusal, works};
use super::range::subject;
use super::service;
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::facts::area::subid::file::{Own, Span};
use crate::facts::area::subid::{Clashes, DYNAMIC, Side, Summary};
use crate::facts::refusal::Obstacle;
use crate::facts::{Facts, idmap};

/// The files, where they decide and hold a range of the user's.
fn files(facts: &Facts) -> Result<Vec<(&Side, &Summary)>, Undetermined> {
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

const NOTHING: &str = "the files hold no range of this user's";

fn text(span: Span) -> String {
    format!("{}-{}", span.first, span.last)
}

/// The kernel refuses a map in which an id stands twice.
pub fn own_duplicates(facts: &Facts) -> Verdict {
    if works(facts) {
        return Ok(pass("rootlesskit maps no id twice"));
    }
    let files = files(facts)?;
    if files.is_empty() {
        return Ok(skip(NOTHING));
    }
    let told = refusal(facts).filter(|r| r.obstacle == Obstacle::MappedTwice);
    let mut doubt = None;
    for (side, file) in files {
        if let Some(why) = own_id(facts, side, file)? {
            return Ok(why);
        }
        let Some((first, second)) = twice(&file.own) else {
            continue;
        };
        let why = fail(format!("{} gives the user the same ids twice", side.path))
            .seen(
                format!("{}, line {}", side.path, first.line),
                text(first.span),
            )
            .seen(
                format!("{}, line {}", side.path, second.line),
                text(second.span),
            )
            .fill("path", side.path)
            .fill("line", second.line);
        // RootlessKit takes out what is the same to the number, since 1.1.1,
        // if it was getsubids that said it.
        let harmless = first.span == second.span && facts.ground.tools.first("getsubids").is_some();
        if told.is_some() || !harmless {
            return Ok(why);
        }
        doubt = Some(format!(
            "{}, line {}: given twice, which RootlessKit minds before 1.1.1",
            side.path, second.line
        ));
    }
    match (told, doubt) {
        (Some(told), _) => Ok(by_number(facts, told.words)),
        (None, Some(doubt)) => Err(Undetermined {
            why: doubt,
            off: true,
        }),
        (None, None) => Ok(pass("no id is given to the user twice")),
    }
}

/// The user's own id in the user's own range: mapped to root already.
fn own_id(facts: &Facts, side: &Side, file: &Summary) -> Result<Option<Outcome>, Undetermined> {
    let subject = subject(facts)?;
    let id = match side.path {
        "/etc/subgid" => subject.gid,
        _ => subject.uid,
    };
    let holds = |own: &&Own| {
        own.span.meets(Span {
            first: id,
            last: id,
        })
    };
    Ok(file.own.iter().find(holds).map(|own| {
        fail(format!("{} gives the user the own id {id}", side.path))
            .seen(format!("{}, line {}", side.path, own.line), text(own.span))
            .fill("path", side.path)
            .fill("line", own.line)
    }))
}

fn twice(own: &[Own]) -> Option<(&Own, &Own)> {
    let mut sorted: Vec<&Own> = own.iter().collect();
    sorted.sort_by_key(|own| (own.span, own.line));
    let pair = sorted
        .windows(2)
        .find(|pair| pair[0].span.meets(pair[1].span))?;
    let (a, b) = (pair[0], pair[1]);
    Some(if a.line <= b.line { (a, b) } else { (b, a) })
}

/// RootlessKit 1.1.0 asks getsubids by name and by number, and a line by
/// number answers to both.
fn by_number(facts: &Facts, words: String) -> Outcome {
    let user = facts.ground.subject.as_ref().map_or("", |s| &s.name);
    fail("rootlesskit maps the same ids twice")
        .seen("rootlesskit true", words)
        .remedy("by-number")
        .fill("user", user)
}

/// Inside a container only the ids of its own map can be mapped further.
pub fn parent_map(facts: &Facts) -> Verdict {
    if works(facts) {
        return Ok(pass("every id of the ranges can be mapped"));
    }
    let files = files(facts)?;
    if files.is_empty() {
        return Ok(skip(NOTHING));
    }
    for (side, file) in files {
        let map = side.parent.need("the map of this user namespace")?;
        let lacks = |own: &&Own| !idmap::covers(map, own.span.first, own.span.last);
        let Some(own) = file.own.iter().find(lacks) else {
            continue;
        };
        let known: Vec<String> = map
            .iter()
            .map(|e| {
                text(Span {
                    first: e.inside,
                    last: e.inside.saturating_add(e.count.saturating_sub(1)),
                })
            })
            .collect();
        let why = fail("the ranges lie outside what this container can name")
            .seen(format!("{}, line {}", side.path, own.line), text(own.span))
            .seen(
                side.path
                    .replace("/etc/sub", "/proc/self/")
                    .replace("id", "id_map"),
                known.join(" "),
            );
        return Ok(why);
    }
    Ok(pass("every id of the ranges exists here"))
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
    Ok(elsewhere(why, side, file, hit.len() > 1).fill("user", user))
}

/// How to move a range that is somebody else's as well.
fn elsewhere(why: Outcome, side: &Side, file: &Summary, both: bool) -> Outcome {
    let (Some(block), Some(old)) = (side.free, file.own.first()) else {
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
    use super::super::super::userns::tests::{ended, refused};
    use crate::check::engine::Status;
    use crate::testing::TestHost;

    fn host(subuid: &str) -> TestHost {
        TestHost::new()
            .file("/etc/subuid", subuid)
            .file("/etc/subgid", "alice:100000:65536\n")
    }

    #[test]
    fn own_ids_twice() {
        let id = "subid.own-duplicates";
        assert_eq!(
            host("alice:100000:65536\nalice:165536:65536\n")
                .check(id)
                .status,
            Status::Pass
        );
        let twice = || host("alice:100000:65536\nbob:1:1\n1000:100000:65536\n");
        let result = twice().check(id);
        assert_eq!(result.status, Status::Fail);
        assert_eq!(result.evidence[1].source, "/etc/subuid, line 3");
        // getsubids and a RootlessKit that nobody asked for its version.
        assert_eq!(
            twice().exe("/usr/bin/getsubids", "755").check(id).status,
            Status::Skip
        );
        let overlap =
            host("alice:100000:65536\nalice:110000:65536\n").exe("/usr/bin/getsubids", "755");
        assert_eq!(overlap.check(id).status, Status::Fail);
        assert_eq!(ended(twice(), 0, "", "").check(id).status, Status::Pass);
        assert_eq!(host("alice:900:65536\n").check(id).status, Status::Fail);
        assert_eq!(TestHost::new().check(id).status, Status::Skip);
    }

    /// Seen with RootlessKit 1.1.0 and shadow 4.13.
    #[test]
    fn one_line_by_number_is_mapped_twice_by_an_old_rootlesskit() {
        let words = "failed to setup UID/GID map: newuidmap 21549 [0 1000 1 1 100000 65536 65537 \
            100000 65536] failed: newuidmap: write to uid_map failed: Invalid argument";
        let host = host("1000:100000:65536\n").exe("/usr/bin/getsubids", "755");
        let result = refused(host, words).check("subid.own-duplicates");
        assert_eq!(result.status, Status::Fail);
        assert!(result.fix.unwrap().note.contains("alice"));
    }

    #[test]
    fn what_a_container_cannot_name() {
        let id = "subid.parent-map";
        let with = |map: &str| {
            host("alice:100000:65536\n")
                .file("/proc/self/uid_map", map)
                .file("/proc/self/gid_map", "0 0 4294967295\n")
                .check(id)
        };
        assert_eq!(with("0 0 4294967295\n").status, Status::Pass);
        let lxc = with("0 100000 65536\n");
        assert_eq!(lxc.status, Status::Fail);
        assert_eq!(lxc.evidence[1].source, "/proc/self/uid_map");
        assert_eq!(lxc.evidence[1].value, "0-65535");
        assert_eq!(with("rubbish").status, Status::Unknown);
        assert_eq!(
            host("alice:100000:65536\n").check(id).status,
            Status::Unknown
        );
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
