//! What the kernel will not map: an id twice, or one that it does not know.

use super::super::userns::{refusal, works};
use super::overlap::{NOTHING, elsewhere, files, text};
use super::range::subject;
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::facts::area::subid::file::{Own, Span};
use crate::facts::area::subid::{Side, Summary};
use crate::facts::refusal::Obstacle;
use crate::facts::{Facts, idmap};

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
    let Some(own) = &file.own_id else {
        return Ok(None);
    };
    let user = &subject(facts)?.name;
    let why = fail(format!("{user}'s own id lies in {user}'s range"))
        .seen(format!("{}, line {}", side.path, own.line), text(own.span));
    let why = elsewhere(why, side, Some(own), false).fill("user", user);
    Ok(Some(why))
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
}
