//! Whether the user has ranges, and enough ids in them; if not, which are free.

use super::super::userns::works;
use super::service::{self, Answer};
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::fact::Fact;
use crate::facts::area::subid::free::ENOUGH;
use crate::facts::area::subid::{self, Side};
use crate::facts::daemon_json::flag;
use crate::facts::subject::Subject;
use crate::facts::{Facts, idmap};

pub fn subuid_range(facts: &Facts) -> Verdict {
    let subid = facts.subid.need("subordinate ids")?;
    range(facts, subid, &subid.uid, "subuid")
}

pub fn subgid_range(facts: &Facts) -> Verdict {
    let subid = facts.subid.need("subordinate ids")?;
    range(facts, subid, &subid.gid, "subgid")
}

pub fn subuid_size(facts: &Facts) -> Verdict {
    let subid = facts.subid.need("subordinate ids")?;
    size(facts, subid, &subid.uid, "uids")
}

pub fn subgid_size(facts: &Facts) -> Verdict {
    let subid = facts.subid.need("subordinate ids")?;
    size(facts, subid, &subid.gid, "gids")
}

/// How many ids the user has, and who says so.
struct Had {
    ids: u64,
    source: String,
}

/// The kernel's own map inside RootlessKit, else the name service, else the file.
fn had(facts: &Facts, subid: &subid::Facts, side: &Side) -> Result<Had, Undetermined> {
    if let Some(ids) = mapped(facts, side) {
        let map = side.path.replace("/etc/sub", "");
        let source = format!("{map}_map inside rootlesskit");
        return Ok(Had { ids, source });
    }
    let ids = match service::answer(facts, subid, side)? {
        Some(Answer::Ids(ids)) => Some(ids),
        Some(Answer::Nothing) => Some(0),
        Some(Answer::Files) | None => None,
    };
    if let Some(ids) = ids {
        let source = match side.path {
            "/etc/subgid" => "getsubids -g",
            _ => "getsubids",
        };
        return Ok(Had {
            ids,
            source: source.to_owned(),
        });
    }
    let file = side.file.need(side.path)?;
    Ok(Had {
        ids: file.total(),
        source: side.path.to_owned(),
    })
}

/// What RootlessKit mapped when it was tried, but for the user's own id.
fn mapped(facts: &Facts, side: &Side) -> Option<u64> {
    let inside = facts.programs.probe.known()?.inside.as_ref()?;
    let map = match side.path {
        "/etc/subgid" => &inside.gid_map,
        _ => &inside.uid_map,
    };
    let total = idmap::total(&idmap::parse(map)?);
    (total > 1).then(|| total - 1)
}

fn range(facts: &Facts, subid: &subid::Facts, side: &Side, kind: &str) -> Verdict {
    let subject = subject(facts)?;
    let had = had(facts, subid, side)?;
    if had.ids > 0 {
        let why = pass(format!("{} has {} subordinate ids", subject.name, had.ids));
        return Ok(why.seen(had.source, format!("{} ids", had.ids)));
    }
    if works(facts) {
        return Ok(pass("rootlesskit finds a range").seen("rootlesskit true", "works"));
    }
    let mut why = fail(format!("{} has no {kind} range", subject.name));
    let ignored = side.file.known().into_iter().flat_map(|f| &f.ignored);
    let mut own = ignored.filter(|fault| fault.own).peekable();
    if own.peek().is_none() {
        let none = match side.file.known().is_some_and(|f| !f.exists) {
            true => "no such file".to_owned(),
            false => format!("no line for {} or {}", subject.name, subject.uid),
        };
        why = why.seen(had.source, none);
    }
    let spoilt: Vec<_> = own.collect();
    for fault in &spoilt {
        let at = format!("{}, line {}", side.path, fault.line);
        why = why.seen(at, format!("{:?} is not understood", fault.text));
    }
    Ok(match spoilt.first() {
        Some(fault) => why.remedy(if fault.text.ends_with(char::is_whitespace) {
            "trailing"
        } else {
            "line"
        }),
        None => mend(why, subid, side, subject),
    })
}

fn size(facts: &Facts, subid: &subid::Facts, side: &Side, kind: &str) -> Verdict {
    let subject = subject(facts)?;
    let had = had(facts, subid, side)?;
    let seen = format!("{} ids", had.ids);
    if had.ids >= ENOUGH {
        let why = pass(format!("{} subordinate {kind}, which is enough", had.ids));
        return Ok(why.seen(had.source, seen));
    }
    if had.ids == 0 {
        return Err(Undetermined::new("how many there are is not known"));
    }
    let why = fail(format!(
        "{} has only {} subordinate {kind}",
        subject.name, had.ids
    ));
    Ok(mend(why.seen(had.source, seen), subid, side, subject))
}

/// dockerd gives its socket to the group docker of the host, by number.
pub fn docker_group(facts: &Facts) -> Verdict {
    let subid = facts.subid.need("subordinate ids")?;
    let Some(gid) = subid.docker_group.ask("/etc/group")?.copied() else {
        return Ok(skip("there is no group docker"));
    };
    let had = had(facts, subid, &subid.gid)?;
    let ids = had.ids;
    if u64::from(gid) <= ids {
        return Ok(pass(format!("gid {gid} of the group docker can be mapped")));
    }
    let flag = flag(&facts.ground.unit, facts.ground.home_path(), "group");
    if flag.is_some() || facts.ground.daemon_json.settings()?.group.is_some() {
        return Ok(skip("another group is configured for the socket"));
    }
    let why = fail(format!("gid {gid} of the group docker cannot be mapped"))
        .seen("/etc/group", format!("docker:{gid}"))
        .seen(had.source, format!("{ids} ids"));
    Ok(match ids >= ENOUGH {
        true => why.remedy("group"),
        false => mend(why, subid, &subid.gid, subject(facts)?),
    })
}

pub fn subject(facts: &Facts) -> Result<&Subject, Undetermined> {
    facts
        .ground
        .subject
        .as_ref()
        .ok_or_else(|| Undetermined::new("no user was named"))
}

/// The user has a line there that is not understood, which is to be mended instead.
fn spoilt(side: &Side) -> bool {
    let mut ignored = side.file.known().into_iter().flat_map(|f| &f.ignored);
    ignored.any(|fault| fault.own)
}

/// Chooses the remedy that works here, and fills in a block that is free.
pub fn mend(why: Outcome, subid: &subid::Facts, side: &Side, subject: &Subject) -> Outcome {
    if !subid.service.is_absent() {
        return why.remedy("service");
    }
    let Some(block) = side.free else {
        return why.remedy("no-room");
    };
    // The other side's last line may have no end either.
    let open = |side: &Side| side.file.known().is_some_and(|f| f.unterminated);
    let both = subid.uid.free == subid.gid.free && !open(&subid.uid) && !open(&subid.gid);
    // A range that is appended twice stops RootlessKit before 1.1.1.
    if both && side.path == subid.gid.path && !spoilt(&subid.uid) {
        return why.remedy("with-uids");
    }
    // usermod knows local accounts only, and wants the file to be there.
    let there = |side: &Side| side.file.known().is_some_and(|f| f.exists) && side.link.is_absent();
    let usermod =
        subject.local && there(side) && (!both || (there(&subid.uid) && there(&subid.gid)));
    let why = match (usermod, both) {
        (true, true) => why,
        (true, false) => why.remedy("one"),
        (false, true) => why.remedy("append"),
        (false, false) => why.remedy("append-one"),
    };
    // What is appended to a last line without an end would join it.
    let why = match open(side) {
        true => why.remedy("append-open"),
        false => why,
    };
    let entry = format!("{}:{}:{}", subject.name, block.first, block.count());
    why.fill("user", &subject.name)
        .fill("first", block.first)
        .fill("last", block.last)
        .fill("entry", entry)
}

impl Side {
    /// The user has ids here by this file.
    pub fn has_own(&self) -> bool {
        matches!(&self.file, Fact::Known(file) if !file.own.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::userns::tests::{ended, refused};
    use crate::check::engine::Status;
    use crate::host::Node;
    use crate::report::CheckResult;
    use crate::testing::TestHost;

    fn host(subuid: &str, subgid: &str) -> TestHost {
        TestHost::new()
            .file("/etc/subuid", subuid)
            .file("/etc/subgid", subgid)
    }

    const FINE: &str = "alice:100000:65536\n";

    fn commands(result: CheckResult) -> Vec<String> {
        result.fix.unwrap().commands
    }

    #[test]
    fn by_name_by_number_in_parts_and_too_few() {
        for fine in [
            FINE,
            "1000:100000:65536\n",
            "alice:100000:30000\nbob:1:1\nalice:200000:35536\n",
        ] {
            assert_eq!(
                host(fine, fine).check("subid.subuid-range").status,
                Status::Pass
            );
            assert_eq!(
                host(fine, fine).check("subid.subuid-size").status,
                Status::Pass
            );
        }
        let few = host("alice:100000:1\n", FINE);
        let size = few.check("subid.subuid-size");
        assert_eq!(size.status, Status::Warn);
        assert_eq!(size.summary, "alice has only 1 subordinate uids");
        // What the other file has is the first choice, if it is free here.
        assert_eq!(
            commands(size),
            ["sudo usermod --add-subuids 100001-165536 alice"]
        );
    }

    #[test]
    fn a_missing_range_is_answered_with_one_that_is_free_in_both() {
        let none = || host("bob:100000:65536\n", "carol:165536:65536\n");
        let result = none().check("subid.subuid-range");
        assert_eq!(result.status, Status::Fail);
        assert_eq!(
            commands(result),
            ["sudo usermod --add-subuids 231072-296607 --add-subgids 231072-296607 alice"]
        );
        // One command gives both: pasted a second time, it would give them twice.
        assert!(commands(none().check("subid.subgid-range")).is_empty());
        let one = host("alice:300000:65536\n", "").check("subid.subgid-range");
        assert_eq!(
            commands(one),
            ["sudo usermod --add-subgids 300000-365535 alice"]
        );
    }

    #[test]
    fn real_accounts_and_login_defs_keep_their_ids() {
        let host = host("", "")
            .file(
                "/etc/login.defs",
                "SUB_UID_MIN 50000\nSUB_GID_MIN 50000\nUID_MAX 70000\n",
            )
            .file(
                "/etc/passwd",
                "alice:x:1000:1000::/home/alice:/bin/sh\nldap:x:70010:1::/:\n",
            );
        let commands = commands(host.check("subid.subuid-range"));
        assert!(
            commands[0].contains("--add-subuids 70011-135546"),
            "{commands:?}"
        );
    }

    #[test]
    fn where_usermod_does_not_do() {
        let missing = TestHost::new().check("subid.subuid-range");
        assert_eq!(missing.evidence[0].value, "no such file");
        assert_eq!(
            commands(missing),
            ["printf '%s\\n' alice:100000:65536 | sudo tee -a /etc/subuid /etc/subgid"]
        );
        let nobody = host("", "").file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        assert!(commands(nobody.check("subid.subuid-range"))[0].contains("tee -a"));
        let alpine = host("", "").file("/etc/os-release", "ID=alpine\nVERSION_ID=3.20\n");
        assert!(commands(alpine.check("subid.subuid-range"))[0].contains("tee -a"));
        let open = host("bob:1:1", "").file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        let open = commands(open.check("subid.subuid-range"));
        assert_eq!(open[0], "echo | sudo tee -a /etc/subuid");
        assert_eq!(open.len(), 2);
        // A container that can name 65,536 ids has no room for as many more.
        let lxc = host("", "").file("/proc/self/uid_map", "0 100000 65536\n");
        assert!(commands(lxc.check("subid.subuid-range")).is_empty());
    }

    #[test]
    fn a_line_that_shadow_does_not_understand_is_no_range() {
        let crlf = host("alice:100000:65536\r\n", FINE).check("subid.subuid-range");
        assert_eq!(crlf.status, Status::Fail);
        assert_eq!(crlf.evidence[0].source, "/etc/subuid, line 1");
        assert!(commands(crlf)[0].starts_with("sudo sed -i"));
        let binary = host("\u{0}\u{fffd}\u{1}", FINE).check("subid.subuid-range");
        assert_eq!(binary.status, Status::Fail);
    }

    #[test]
    fn the_group_of_the_socket_has_to_be_mapped() {
        let id = "subid.docker-group";
        let with = |subgid: &str, gid: u32| {
            host(FINE, subgid).file("/etc/group", &format!("root:x:0:\ndocker:x:{gid}:bob\n"))
        };
        assert_eq!(with(FINE, 999).check(id).status, Status::Pass);
        let one = with("alice:100000:1\n", 999).check(id);
        assert_eq!(one.status, Status::Fail);
        assert!(commands(one)[0].contains("--add-subgids"));
        let far = with(FINE, 200_000);
        assert_eq!(far.check(id).status, Status::Fail);
        let file = "/home/alice/.config/docker/daemon.json";
        let far = with(FINE, 200_000).file(file, r#"{"group": "root"}"#);
        assert_eq!(far.check(id).status, Status::Skip);
        assert_eq!(host(FINE, FINE).check(id).status, Status::Skip);
    }

    #[test]
    fn what_cannot_be_read_is_not_judged() {
        let large = host("", FINE).node(
            "/etc/subuid",
            Node {
                read_error: Some(crate::fact::Why::new("I/O error")),
                ..Node::default()
            },
        );
        let results = large.examine();
        assert_eq!(results["subid.readable"].status, Status::Unknown);
        assert_eq!(results["subid.subuid-range"].status, Status::Skip);
        assert_eq!(results["subid.overlap-users"].status, Status::Skip);
    }

    #[test]
    fn what_rootlesskit_mapped_overrules_the_files() {
        let inside = "{\"rootless_setup_probe\":1,\"uid_map\":\"0 1000 1\\n1 100000 65536\\n\",\
            \"gid_map\":\"0 1000 1\\n1 100000 10\\n\"}\n";
        let host = || ended(host("rubbish", "rubbish"), 0, inside, "");
        assert_eq!(host().check("subid.subuid-range").status, Status::Pass);
        assert_eq!(host().check("subid.subuid-size").status, Status::Pass);
        assert_eq!(host().check("subid.subgid-size").status, Status::Warn);
        let none = "failed to setup UID/GID map: failed to compute uid/gid map: No subuid ranges found for user 1000 (\"alice\")";
        let result = refused(TestHost::new(), none);
        assert_eq!(result.check("subid.subuid-range").status, Status::Fail);
    }
}
