//! The two files themselves: to be read, regular, and well-formed.

use super::super::userns::{refusal, works};
use super::range::subject;
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::area::subid::Side;
use crate::facts::area::subid::file::{Fault, Wrong};
use crate::facts::refusal::Obstacle;

fn sides(facts: &Facts) -> Result<[&Side; 2], Undetermined> {
    let subid = facts.subid.need("subordinate ids")?;
    Ok([&subid.uid, &subid.gid])
}

pub fn readable(facts: &Facts) -> Verdict {
    for side in sides(facts)? {
        if side.readable.ask(side.path)? == Some(&false) {
            let user = facts.ground.subject.as_ref();
            let user = user.map_or("an ordinary user", |s| s.name.as_str());
            return Ok(fail(format!("{user} may not read {}", side.path))
                .seen(side.path, "permission denied")
                .fill("path", side.path));
        }
    }
    Ok(pass("/etc/subuid and /etc/subgid can be read"))
}

pub fn symlink(facts: &Facts) -> Verdict {
    for side in sides(facts)? {
        let Some(target) = side.link.ask(side.path)? else {
            continue;
        };
        let target = target.to_string_lossy();
        if works(facts) {
            return Ok(
                pass(format!("{} is a link, and newuidmap follows it", side.path))
                    .seen(side.path, target),
            );
        }
        return Ok(fail(format!("{} is a symbolic link", side.path))
            .seen(side.path, format!("-> {target}"))
            .fill("path", side.path)
            .fill("temporary", format!("{}.new", side.path)));
    }
    Ok(pass("/etc/subuid and /etc/subgid are no links"))
}

/// RootlessKit asks getsubids first (since 1.1.0), which passes bad lines
/// over; its own parser ends at the first.
pub fn malformed(facts: &Facts) -> Verdict {
    if works(facts) {
        return Ok(pass("rootlesskit can read the ranges"));
    }
    let mut fatal = Vec::new();
    for side in sides(facts)? {
        let file = side.file.need(side.path)?;
        fatal.extend(file.fatal.iter().map(|fault| (side, fault)));
    }
    if fatal.is_empty() {
        return Ok(pass("no line stops rootlesskit's parser"));
    }
    if facts.ground.tools.first("getsubids").is_some() {
        match refusal(facts).map(|r| r.obstacle) {
            Some(Obstacle::BadLine) => {}
            Some(_) => {
                return Ok(pass(
                    "rootlesskit asks getsubids, which passes bad lines over",
                ));
            }
            None => {
                facts.programs.probe.ask("rootlesskit true")?;
                return Ok(skip(
                    "getsubids passes bad lines over; RootlessKit asks it since 1.1.0",
                ));
            }
        }
    }
    let (side, first) = fatal[0];
    let mut why = fail(format!(
        "line {} of {} stops rootlesskit",
        first.line, side.path
    ));
    for (side, fault) in fatal {
        why = see(why, side, fault);
    }
    Ok(why.fill("path", side.path))
}

fn see(why: Outcome, side: &Side, fault: &Fault) -> Outcome {
    let what = match fault.wrong {
        Wrong::Fields => "not three fields",
        Wrong::OwnNumber => "not a decimal number",
        Wrong::Ignored => "not understood",
    };
    why.seen(
        format!("{}, line {}", side.path, fault.line),
        format!("{:?}: {what}", fault.text),
    )
}

pub fn bad_lines(facts: &Facts) -> Verdict {
    let mut why = None;
    for side in sides(facts)? {
        let file = side.file.need(side.path)?;
        let bad = file.fatal.iter().filter(|f| f.wrong == Wrong::Fields);
        let lines: Vec<&Fault> = match file.ignored.is_empty() {
            true => bad.collect(),
            false => file.ignored.iter().collect(),
        };
        let count = file.ignored_count.max(lines.len());
        for fault in lines {
            let so_far = why.unwrap_or_else(|| {
                let lines = if count == 1 { "line" } else { "lines" };
                fail(format!("{count} malformed {lines} in {}", side.path)).fill("path", side.path)
            });
            why = Some(see(so_far, side, fault));
        }
    }
    Ok(why.unwrap_or_else(|| pass("every line of /etc/subuid and /etc/subgid is well-formed")))
}

/// Names that upstream's setup scripts do not find in the files.
pub fn name(facts: &Facts) -> Verdict {
    let subject = subject(facts)?;
    let odd = |c: &char| matches!(c, '\\' | '@') || c.is_whitespace();
    let Some(odd) = subject.name.chars().find(odd) else {
        return Ok(pass("the name is a plain one"));
    };
    let what = match odd {
        '\\' => "a backslash",
        '@' => "an @",
        _ => "a space",
    };
    let has = |side: &Side| side.has_own();
    let by_number = |side: &Side| {
        side.file
            .known()
            .is_some_and(|f| f.own.iter().any(|o| o.by_number))
    };
    let sides = sides(facts)?;
    if sides.into_iter().all(by_number) {
        return Ok(pass("the ranges are given by number, whatever the name is")
            .seen("name", &subject.name));
    }
    if odd == '@' && sides.into_iter().all(has) {
        return Ok(pass("the name has an @, and its ranges are found").seen("name", &subject.name));
    }
    Ok(fail(format!(
        "the name has {what}, which setup scripts stumble over"
    ))
    .seen("name", &subject.name)
    .fill("uid", subject.uid))
}

#[cfg(test)]
mod tests {
    use super::super::super::userns::tests::{ended, refused};
    use crate::check::engine::Status;
    use crate::host::Node;
    use crate::testing::TestHost;

    fn host(subuid: &str) -> TestHost {
        TestHost::new()
            .file("/etc/subuid", subuid)
            .file("/etc/subgid", "alice:100000:65536\n")
    }

    const TWO: &str = "alice:100000:65536\nbob:5\n";

    #[test]
    fn one_bad_line_of_anybody_stops_the_static_parser() {
        let id = "subid.malformed";
        assert_eq!(
            host("alice:100000:65536\n# note\n\n").check(id).status,
            Status::Pass
        );
        let dead = host(TWO).check(id);
        assert_eq!(dead.status, Status::Fail);
        assert_eq!(dead.summary, "line 2 of /etc/subuid stops rootlesskit");
        assert_eq!(ended(host(TWO), 0, "", "").check(id).status, Status::Pass);
        let with_tool = || host(TWO).exe("/usr/bin/getsubids", "755");
        assert_eq!(with_tool().check(id).status, Status::Skip);
        let words = "failed to setup UID/GID map: failed to compute uid/gid map: Cannot parse \
            subuid/gid information: Format not correct for /etc/subuid file";
        assert_eq!(refused(with_tool(), words).check(id).status, Status::Fail);
    }

    #[test]
    fn bad_lines_are_worth_knowing() {
        let id = "subid.bad-lines";
        assert_eq!(host("alice:1:2\n#x\n").check(id).status, Status::Pass);
        let result = host("bob:\u{fffd}\nalice:1:2\nx:y:z\n\u{0}\n").check(id);
        assert_eq!(result.status, Status::Info);
        assert_eq!(result.summary, "3 malformed lines in /etc/subuid");
        let four = host("alice:1:2:3\n").check(id);
        assert_eq!(four.status, Status::Info);
    }

    #[test]
    fn a_link_is_refused_unless_it_is_followed() {
        let id = "subid.symlink";
        let link = || {
            host("").node(
                "/etc/subuid",
                Node {
                    link: Some("/nfs/subuid".into()),
                    text: Some("alice:100000:65536\n".into()),
                    ..Node::default()
                },
            )
        };
        assert_eq!(link().check(id).status, Status::Fail);
        assert_eq!(ended(link(), 0, "", "").check(id).status, Status::Pass);
        assert_eq!(host("").check(id).status, Status::Pass);
    }

    #[test]
    fn a_file_that_only_root_may_read() {
        let id = "subid.readable";
        let secret = host("").node(
            "/etc/subuid",
            Node {
                read_error: Some(crate::fact::Why {
                    errno: Some(13),
                    ..crate::fact::Why::new("Permission denied")
                }),
                ..Node::default()
            },
        );
        assert_eq!(secret.check(id).status, Status::Fail);
        assert_eq!(host("").check(id).status, Status::Pass);
        assert_eq!(TestHost::new().check(id).status, Status::Pass);
    }

    #[test]
    fn names_that_scripts_stumble_over() {
        let named = |name: &str, subuid: &str| {
            TestHost::new()
                .file(
                    "/etc/passwd",
                    &format!("{name}:x:1000:1000::/home/alice:/bin/sh\n"),
                )
                .file("/etc/subuid", subuid)
                .file("/etc/subgid", subuid)
                .check("subid.name")
                .status
        };
        assert_eq!(named("alice", ""), Status::Pass);
        assert_eq!(
            named("CORP\\alice", "CORP\\alice:100000:65536\n"),
            Status::Info
        );
        assert_eq!(named("CORP\\alice", "1000:100000:65536\n"), Status::Pass);
        assert_eq!(named("alice b", "alice b:100000:65536\n"), Status::Info);
        assert_eq!(named("a@corp", "a@corp:100000:65536\n"), Status::Pass);
    }
}
