//! The user's home and the directories in it that rootless Docker uses.

use std::path::Path;

use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::area::host::Place;
use crate::facts::subject::Subject;
use crate::host::{Kind, Stat};
use crate::plan::mend::allowed;

/// The user, and what is at the home.
fn home(facts: &Facts) -> Result<(&Subject, &Place), Undetermined> {
    let subject = facts.ground.subject.as_ref();
    let subject = subject.ok_or_else(|| Undetermined::new("no user is examined"))?;
    Ok((subject, &facts.host.need("the host")?.home))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn mode(stat: &Stat) -> String {
    format!("owner {}, mode {:04o}", stat.uid, stat.mode)
}

pub fn set(facts: &Facts) -> Verdict {
    let (subject, _) = home(facts)?;
    let source = if subject.is_self {
        "$HOME"
    } else {
        "passwd(5)"
    };
    Ok(match facts.ground.home.ask("$HOME")? {
        Some(path) if path.is_absolute() => {
            pass(format!("home is {}", path.display())).seen(source, shown(path))
        }
        Some(path) => fail("HOME is not an absolute path").seen(source, shown(path)),
        None => fail("HOME is not set").seen(source, "not set"),
    }
    .fill("home", shown(&subject.home)))
}

pub fn exists(facts: &Facts) -> Verdict {
    let (subject, home) = home(facts)?;
    let path = shown(&home.path);
    let outcome = match home.stat.ask(&path)? {
        Some(stat) if stat.kind == Kind::Dir => pass("the home directory exists"),
        Some(_) => fail(format!("{path} is not a directory")),
        None => fail(format!("{path} does not exist")),
    };
    Ok(outcome
        .seen("home", &path)
        .fill("home", &path)
        .fill("user", &subject.name))
}

pub fn writable(facts: &Facts) -> Verdict {
    let (subject, home) = home(facts)?;
    let path = shown(&home.path);
    let outcome = match home.writable.need(&path)? {
        true => pass(format!("{} may write to the home", subject.name)),
        false => foreign(
            fail(format!("{} may not write to {path}", subject.name)),
            subject,
            home,
        ),
    };
    Ok(owned(outcome, subject, home))
}

pub fn owner(facts: &Facts) -> Verdict {
    let (subject, home) = home(facts)?;
    let stat = home.stat.need(&shown(&home.path))?;
    let outcome = match stat.uid == subject.uid {
        true => pass(format!("the home belongs to {}", subject.name)),
        false => {
            let path = home.path.display();
            let summary = format!(
                "{path} belongs to uid {}, not to {}",
                stat.uid, subject.name
            );
            foreign(fail(summary), subject, home)
        }
    };
    Ok(owned(outcome, subject, home))
}

/// HOME is either left over from somebody else, or the user's own and given away.
fn foreign(outcome: Outcome, subject: &Subject, home: &Place) -> Outcome {
    // A home such as / or /usr/sbin is the account's by accident, and never given away.
    let given = home.path == subject.home && allowed::is_home(&shown(&home.path));
    match given {
        true => outcome.remedy("own"),
        false => outcome,
    }
}

/// Adds what was seen at a place, and how to give it to the user.
fn owned(outcome: Outcome, subject: &Subject, place: &Place) -> Outcome {
    let stat = place.stat.known().map(mode).unwrap_or_default();
    outcome
        .seen(shown(&place.path), stat)
        .fill("path", shown(&place.path))
        .fill("home", shown(&subject.home))
        .fill("user", &subject.name)
        .fill("owner", format!("{}:{}", subject.uid, subject.gid))
}

pub fn config_owner(facts: &Facts) -> Verdict {
    let (subject, _) = home(facts)?;
    let places = &facts.host.need("the host")?.config;
    for place in places {
        let path = shown(&place.path);
        if place.stat.ask(&path)?.is_none() || *place.writable.need(&path)? {
            continue;
        }
        // Written by somebody else, as home-manager does, and complete.
        if let Some(unit) = &facts.ground.unit.file {
            return Ok(skip("docker.service is there, nothing is to be written")
                .seen(shown(&unit.path), "exists"));
        }
        let what = format!("{} may not write to {path}", subject.name);
        return Ok(owned(fail(what), subject, place));
    }
    Ok(pass(format!(
        "{} may write to the configuration",
        subject.name
    )))
}

pub fn docker_config_owner(facts: &Facts) -> Verdict {
    let (subject, _) = home(facts)?;
    let places = &facts.host.need("the host")?.docker_config;
    for place in places {
        let path = shown(&place.path);
        let Some(stat) = place.stat.ask(&path)? else {
            continue;
        };
        let fits = match stat.kind {
            Kind::Dir => *place.writable.need(&path)?,
            _ => stat.uid == subject.uid || stat.allows(subject.uid, &subject.groups, 4),
        };
        if !fits {
            let what = format!("{} is not {}'s to use", path, subject.name);
            return Ok(owned(fail(what), subject, place).fill("path", shown(&places[0].path)));
        }
    }
    Ok(match places.first().map(|place| place.stat.is_absent()) {
        Some(false) => pass(format!("the client's configuration is {}'s", subject.name)),
        _ => pass("the client has no configuration yet"),
    })
}

/// The first of `names` that the unit would run from a mount with `option`.
fn runs_from(facts: &Facts, option: &str, names: &[&'static str]) -> Option<Outcome> {
    let tools = &facts.ground.tools;
    let hits = names
        .iter()
        .filter_map(|name| Some((name, tools.first(name)?)));
    let on = |real: &Path| facts.ground.mount_of(real).is_some_and(|m| m.has(option));
    let (name, hit) = hits.into_iter().find(|(_, hit)| on(&hit.real))?;
    let mount = facts.ground.mount_of(&hit.real)?;
    Some(
        fail(format!("{name} lies on a {option} mount"))
            .seen(
                shown(&hit.real),
                format!("on {} ({option})", mount.at.display()),
            )
            .fill("mount", shown(&mount.at)),
    )
}

fn mounted(facts: &Facts, option: &str, names: &[&'static str], fine: &str) -> Verdict {
    facts.ground.mounts.need("/proc/self/mountinfo")?;
    if let Some(failure) = runs_from(facts, option, names) {
        return Ok(failure);
    }
    let home = facts.ground.mount_of(facts.ground.home_path());
    Ok(match home {
        Some(mount) if mount.has(option) => {
            pass(format!("the home is {option}, and {fine}")).seen(shown(&mount.at), option)
        }
        _ => pass(format!("the home is not {option}")),
    })
}

pub fn noexec(facts: &Facts) -> Verdict {
    let names = [
        "dockerd-rootless.sh",
        "rootlesskit",
        "dockerd",
        "containerd",
        "runc",
        "newuidmap",
    ];
    mounted(facts, "noexec", &names, "no program of Docker runs from it")
}

pub fn nosuid(facts: &Facts) -> Verdict {
    let names = ["newuidmap", "newgidmap"];
    mounted(facts, "nosuid", &names, "nothing setuid runs from it")
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::fact::Why;
    use crate::host::{Kind, Node};
    use crate::testing::TestHost;

    fn dir(uid: u32) -> Node {
        Node {
            kind: Some(Kind::Dir),
            uid,
            ..Node::default()
        }
    }

    #[test]
    fn a_home_that_is_not_set_or_not_there() {
        let without = |home: &str| TestHost::new().env("HOME", home).examine();
        let unset = without("");
        assert_eq!(unset["host.home-set"].status, Status::Fail);
        assert_eq!(unset["host.home-exists"].status, Status::Skip);
        assert_eq!(without("here")["host.home-set"].status, Status::Fail);
        let gone = without("/nowhere");
        assert_eq!(gone["host.home-exists"].status, Status::Fail);
        assert_eq!(gone["host.home-writable"].status, Status::Skip);
        let fine = TestHost::new().examine();
        for id in ["set", "exists", "writable", "owner"] {
            assert_eq!(
                fine[&format!("host.home-{id}")].status,
                Status::Pass,
                "{id}"
            );
        }
    }

    #[test]
    fn a_home_left_over_from_another_user() {
        let found = TestHost::new().node("/home/alice", dir(0)).examine();
        assert_eq!(found["host.home-writable"].status, Status::Fail);
        let owner = &found["host.home-owner"];
        assert_eq!(owner.status, Status::Warn);
        let commands = |id: &str| found[id].fix.clone().unwrap().commands;
        let given_back = ["sudo chown -h 1000:1000 /home/alice"];
        assert_eq!(commands("host.home-owner"), given_back);
        assert_eq!(commands("host.home-writable"), given_back);
        let left_over = TestHost::new().env("HOME", "/root").node("/root", dir(0));
        let fix = left_over.check("host.home-writable").fix.unwrap();
        assert_eq!(fix.commands, ["export HOME=/home/alice"]);
        assert_eq!(owner.summary, "/home/alice belongs to uid 0, not to alice");
    }

    #[test]
    fn a_home_of_the_system_is_not_given_away() {
        let passwd = "alice:x:1000:1000::/usr/lib:/bin/sh\n";
        let host = TestHost::new()
            .file("/etc/passwd", passwd)
            .env("HOME", "/usr/lib")
            .node("/usr/lib", dir(0));
        let fix = host.check("host.home-owner").fix.unwrap();
        assert_eq!(fix.commands, ["export HOME=/usr/lib"]);
    }

    #[test]
    fn a_home_that_does_not_answer_is_unknown() {
        let dead = Node {
            error: Some(Why::new("no answer")),
            ..Node::default()
        };
        let found = TestHost::new().node("/home/alice", dead).examine();
        assert_eq!(found["host.home-exists"].status, Status::Unknown);
        assert_eq!(found["host.config-owner"].status, Status::Skip);
    }

    #[test]
    fn a_configuration_of_roots() {
        let found = TestHost::new()
            .node("/home/alice/.config", dir(1000))
            .node("/home/alice/.config/systemd", dir(0))
            .node("/home/alice/.docker", dir(0))
            .examine();
        let config = &found["host.config-owner"];
        assert_eq!(config.status, Status::Fail);
        assert_eq!(
            config.fix.as_ref().unwrap().commands,
            ["sudo rootless-setup prepare --user alice --only host.config-owner"]
        );
        assert_eq!(found["host.docker-config-owner"].status, Status::Warn);
        let fine = TestHost::new().examine();
        assert_eq!(fine["host.config-owner"].status, Status::Pass);
        assert_eq!(fine["host.docker-config-owner"].status, Status::Pass);
    }

    #[test]
    fn a_client_configuration_that_only_root_reads() {
        let secret = Node {
            mode: Some("600".into()),
            ..Node::default()
        };
        let found = TestHost::new()
            .node("/home/alice/.docker", dir(1000))
            .node("/home/alice/.docker/config.json", secret)
            .check("host.docker-config-owner");
        assert_eq!(found.status, Status::Warn);
        let fix = found.fix.unwrap();
        assert!(fix.commands[0].ends_with(" --only host.docker-config-owner"));
        let path = match &fix.actions[0] {
            crate::plan::mend::action::Action::Own { path, .. } => path.as_str(),
            other => panic!("{other:?}"),
        };
        assert_eq!(path, "/home/alice/.docker");
    }

    #[test]
    fn options_of_the_home_matter_for_what_runs_from_it() {
        let host = |options: &str| {
            let home = format!("23 22 8:2 / /home rw,{options} - ext4 /dev/vdb rw\n");
            let root = "22 1 8:1 / / rw shared:1 - ext4 /dev/vda rw\n";
            TestHost::new()
                .env("PATH", "/home/alice/bin:/usr/bin")
                .file("/proc/self/mountinfo", &format!("{root}{home}"))
        };
        let bare = host("noexec,nosuid").examine();
        assert_eq!(bare["host.home-noexec"].status, Status::Pass);
        assert!(
            bare["host.home-nosuid"]
                .summary
                .contains("nosuid, and nothing")
        );
        let installed = host("noexec,nosuid")
            .exe("/home/alice/bin/dockerd", "755")
            .exe("/home/alice/bin/newuidmap", "4755")
            .examine();
        assert_eq!(installed["host.home-noexec"].status, Status::Fail);
        assert_eq!(installed["host.home-nosuid"].status, Status::Info);
    }
}
