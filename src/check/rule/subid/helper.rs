//! newuidmap and newgidmap: there, privileged, and the right ones.

use std::path::Path;

use super::super::userns::works;
use super::range::subject;
use crate::check::{Undetermined, Verdict, fail, pass, skip};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::area::subid::helper::Helper;

/// Where a distribution keeps them.
const SYSTEM: [&str; 6] = [
    "/usr/bin",
    "/bin",
    "/usr/sbin",
    "/sbin",
    "/run/wrappers/bin",
    "/usr/local/bin",
];

fn helper<'a>(facts: &'a Facts, name: &str) -> Result<&'a Fact<Helper>, Undetermined> {
    let subid = facts.subid.need("subordinate ids")?;
    Ok(match name {
        "newgidmap" => &subid.newgidmap,
        _ => &subid.newuidmap,
    })
}

pub fn newuidmap(facts: &Facts) -> Verdict {
    present(facts, "newuidmap")
}

pub fn newgidmap(facts: &Facts) -> Verdict {
    present(facts, "newgidmap")
}

fn present(facts: &Facts, name: &str) -> Verdict {
    Ok(match helper(facts, name)?.ask(name)? {
        Some(helper) => {
            pass(format!("{name} is installed")).seen(name, helper.path.to_string_lossy())
        }
        None => fail(format!("{name} is not installed")).seen(name, "not on the unit's PATH"),
    })
}

pub fn newuidmap_privilege(facts: &Facts) -> Verdict {
    privilege(facts, "newuidmap")
}

pub fn newgidmap_privilege(facts: &Facts) -> Verdict {
    privilege(facts, "newgidmap")
}

fn privilege(facts: &Facts, name: &str) -> Verdict {
    let Some(helper) = helper(facts, name)?.ask(name)? else {
        return Ok(skip(format!("{name} is not installed")));
    };
    let path = helper.path.to_string_lossy();
    if helper.setuid == Fact::Known(true) {
        return Ok(pass(format!("{name} is setuid root")).seen(path, &helper.mode));
    }
    if helper.capable == Fact::Known(true) {
        return Ok(pass(format!("{name} has its capability")).seen(path, "security.capability"));
    }
    if works(facts) {
        return Ok(pass(format!("{name} has its privilege")).seen("rootlesskit true", "works"));
    }
    helper.setuid.need(&path)?;
    helper.capable.need(&path)?;
    let why = fail(format!("{name} has no privilege"))
        .seen(&*path, &helper.mode)
        .seen(&*path, "no effective file capability")
        .fill("path", &path);
    let owned = helper.owner.known().is_some_and(|uid| *uid != 0);
    Ok(match hidden(facts, helper) {
        Some(_) if is_mine(facts, helper) => why.remedy("shadowed"),
        Some(_) => why.remedy("of-root"),
        // Root's rights are not given to what somebody else can write to.
        None if owned => why.remedy("foreign"),
        None => why,
    })
}

/// The system's own, which this copy hides.
fn hidden<'a>(facts: &Facts, helper: &'a Helper) -> Option<&'a Path> {
    // The administrator's own build is fine, if it works.
    let local = helper.path.starts_with("/usr/local") && !works(facts);
    let system = |dir: &Path| !local && SYSTEM.iter().any(|s| dir == Path::new(s));
    let of_system = helper.path.parent().is_some_and(system);
    helper.hidden.first().filter(|_| !of_system).map(|p| &**p)
}

fn is_mine(facts: &Facts, helper: &Helper) -> bool {
    let uid = facts.ground.subject.as_ref().map(|s| s.uid);
    uid.is_some() && helper.owner.known() == uid.as_ref()
}

pub fn nosuid(facts: &Facts) -> Verdict {
    let mut found = false;
    for name in ["newuidmap", "newgidmap"] {
        let Some(helper) = helper(facts, name)?.ask(name)? else {
            continue;
        };
        found = true;
        let path = helper.path.to_string_lossy();
        if *helper.nosuid.need(&path)? && !works(facts) {
            let at = facts
                .ground
                .mount_of(&helper.real)
                .map_or(Path::new("/"), |m| &m.at);
            let why = fail(format!("{name} lies on a nosuid file system"))
                .seen(&*path, format!("on {}, nosuid", at.display()))
                .fill("mount", at.to_string_lossy())
                .fill("path", &path);
            // Homes are nosuid for a reason: better to run the system's own.
            return Ok(match helper.hidden.is_empty() {
                true => why,
                false => why.remedy("shadowed"),
            });
        }
    }
    Ok(match found {
        true => pass("newuidmap and newgidmap keep their privilege when run"),
        false => skip("newuidmap and newgidmap are not installed"),
    })
}

pub fn shadowed(facts: &Facts) -> Verdict {
    for name in ["newuidmap", "newgidmap"] {
        let Some(helper) = helper(facts, name)?.ask(name)? else {
            continue;
        };
        let Some(hidden) = hidden(facts, helper) else {
            continue;
        };
        let why = fail(format!("another {name} hides {}", hidden.display()))
            .seen("first on the unit's PATH", helper.path.to_string_lossy())
            .seen("hidden by it", hidden.to_string_lossy())
            .fill("path", helper.path.to_string_lossy());
        return Ok(match is_mine(facts, helper) {
            true => why,
            false => why.remedy("of-root"),
        });
    }
    Ok(pass("no copy of newuidmap or newgidmap hides the system's"))
}

pub fn primary_gid(facts: &Facts) -> Verdict {
    let subject = subject(facts)?;
    let egid = facts.ground.identity.egid;
    let seen = format!("gid {egid}, by passwd {}", subject.gid);
    Ok(match egid == subject.gid {
        true => pass("the shell has the account's primary group").seen("id -g", seen),
        false => fail("the shell has another group than the account").seen("id -g", seen),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::userns::tests::ended;
    use crate::check::engine::Status;
    use crate::host::{FileSystem, Node};
    use crate::testing::TestHost;

    fn both(mode: &str) -> TestHost {
        TestHost::new()
            .exe("/usr/bin/newuidmap", mode)
            .exe("/usr/bin/newgidmap", mode)
    }

    fn status(host: TestHost, id: &str) -> Status {
        host.check(id).status
    }

    #[test]
    fn both_are_needed() {
        assert_eq!(status(both("4755"), "subid.newgidmap"), Status::Pass);
        let one = TestHost::new().exe("/usr/bin/newuidmap", "4755");
        let result = one.check("subid.newgidmap");
        assert_eq!(result.status, Status::Fail);
        assert_eq!(
            result.fix.unwrap().commands,
            ["sudo apt-get install -y uidmap"]
        );
        assert_eq!(
            status(TestHost::new(), "subid.newuidmap-privilege"),
            Status::Skip
        );
    }

    #[test]
    fn setuid_or_an_effective_capability() {
        let id = "subid.newuidmap-privilege";
        assert_eq!(status(both("4755"), id), Status::Pass);
        assert_eq!(status(both("755"), id), Status::Fail);
        let with = |hex: &str| {
            both("755").node(
                "/usr/bin/newuidmap",
                Node {
                    mode: Some("755".into()),
                    capability: Some(hex.into()),
                    ..Node::default()
                },
            )
        };
        assert_eq!(
            status(with("0100000280000000000000000000000000000000"), id),
            Status::Pass
        );
        assert_eq!(
            status(with("0000000280000000000000000000000000000000"), id),
            Status::Fail
        );
        assert_eq!(status(ended(both("755"), 0, "", ""), id), Status::Pass);
        let own = both("755").node(
            "/usr/bin/newuidmap",
            Node {
                mode: Some("4755".into()),
                uid: 1000,
                ..Node::default()
            },
        );
        assert_eq!(status(own, id), Status::Fail);
    }

    #[test]
    fn a_copy_that_hides_the_systems_gets_no_rights() {
        let host = both("4755").exe("/usr/local/bin/newuidmap", "755");
        let found = host.check("subid.newuidmap-privilege");
        assert_eq!(found.status, Status::Fail);
        assert_eq!(
            found.fix.unwrap().commands,
            ["sudo mv /usr/local/bin/newuidmap /usr/local/bin/newuidmap.set-aside"]
        );
    }

    #[test]
    fn nosuid_takes_it_away() {
        let id = "subid.newuidmap-nosuid";
        assert_eq!(status(both("4755"), id), Status::Pass);
        let nosuid = both("4755").with(|b| {
            let fs = FileSystem {
                flags: 2,
                ..FileSystem::default()
            };
            b.file_systems.insert("/usr".into(), fs);
        });
        assert_eq!(status(nosuid, id), Status::Fail);
        assert_eq!(status(TestHost::new(), id), Status::Skip);
    }

    #[test]
    fn a_copy_in_the_home() {
        let id = "subid.newuidmap-shadowed";
        let copy = both("4755")
            .env("PATH", "/home/alice/.local/bin:/usr/bin")
            .exe("/home/alice/.local/bin/newuidmap", "755");
        let result = copy.check(id);
        assert_eq!(result.status, Status::Warn);
        assert_eq!(result.summary, "another newuidmap hides /usr/bin/newuidmap");
        assert_eq!(status(both("4755"), id), Status::Pass);
        let local = both("4755").exe("/usr/local/bin/newuidmap", "755");
        assert_eq!(status(local, id), Status::Warn);
    }

    #[test]
    fn newgrp_changes_the_group() {
        let id = "subid.primary-gid";
        assert_eq!(status(TestHost::new(), id), Status::Pass);
        let other = TestHost::new().with(|b| b.identity.egid = 100);
        assert_eq!(status(other, id), Status::Warn);
    }
}
