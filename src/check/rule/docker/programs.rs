//! The programs a rootless daemon is made of: there, and fit for each other.

use super::{docker, unit_file};
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::programs::Versioned;
use crate::facts::tools::Hit;
use crate::facts::version::Version;

/// Where Debian keeps the scripts, off every PATH.
const DEBIAN_CONTRIB: &str = "/usr/share/docker.io/contrib";

/// Where the unit finds a program; none if it does not.
pub fn found(facts: &Facts, name: &str) -> Result<Option<Hit>, Undetermined> {
    let hit = facts.ground.tools.fact(name).map(Clone::clone);
    hit.ask(name).map(Option::<&Hit>::cloned)
}

/// `dockerd 28.2.2 in /usr/bin`.
fn there(name: &str, hit: &Hit, version: Option<&Version>) -> Outcome {
    // /sbin is a link to /usr/sbin nearly everywhere: say where it really is.
    let same_name = hit.real.file_name() == hit.path.file_name();
    let path = if same_name { &hit.real } else { &hit.path };
    let dir = path.parent().map_or("".into(), |dir| dir.to_string_lossy());
    pass(match version {
        Some(version) => format!("{name} {version} in {dir}"),
        None => format!("{name} in {dir}"),
    })
}

/// A unit that starts another program than Docker's script (NixOS) brings
/// programs along that are on no PATH we know.
pub fn is_wrapped(facts: &Facts) -> Result<bool, Undetermined> {
    let exec_start = &docker(facts)?.exec_start;
    Ok(exec_start
        .as_ref()
        .is_some_and(|(path, stat)| !path.ends_with("dockerd-rootless.sh") && !stat.is_absent()))
}

fn missing(facts: &Facts, name: &str) -> Verdict {
    if is_wrapped(facts)? {
        return Ok(skip(
            "docker.service starts a wrapper with a PATH of its own",
        ));
    }
    let by_shell = facts.ground.shell_tools.first(name);
    let outcome = match by_shell {
        Some(hit) => fail(format!("{name} is not on the unit's PATH"))
            .seen(name, hit.path.to_string_lossy())
            .remedy("path"),
        None => own_packages(facts, fail(format!("{name} is not installed")))?,
    };
    Ok(outcome.seen("PATH of the unit", short_path(facts)))
}

/// What belongs to Docker's own packages does not come from the distribution's.
fn own_packages(facts: &Facts, outcome: Outcome) -> Result<Outcome, Undetermined> {
    Ok(match docker(facts)?.own_packages {
        true => outcome.remedy("own"),
        false => outcome,
    })
}

/// The unit's PATH, cut: a WSL one has thousands of characters.
fn short_path(facts: &Facts) -> String {
    let path = &facts.ground.unit_path;
    match path.chars().count() {
        0..=200 => path.clone(),
        _ => format!("{} …", path.chars().take(200).collect::<String>()),
    }
}

/// It is there, and starts: what prints no version may be anything.
fn runs(name: &str, hit: &Hit, printed: &Fact<Versioned>) -> Verdict {
    let path = hit.path.to_string_lossy();
    let why = match printed {
        Fact::Known(Versioned {
            version: Some(version),
            line,
        }) => {
            return Ok(there(name, hit, Some(version)).seen(format!("{name} --version"), line));
        }
        // Nobody started it, on purpose: that it is there is all there is to say.
        Fact::Unreadable(why) if why.off => return Ok(there(name, hit, None)),
        // EACCES, ENOEXEC; ENOENT is a loader that is missing.
        Fact::Unreadable(why) if matches!(why.errno, Some(2 | 8 | 13)) => {
            let outcome = fail(format!("{name} cannot be started")).remedy("start");
            return Ok(outcome.seen(path, &why.text));
        }
        Fact::Unreadable(why) => why.text.clone(),
        Fact::Known(printed) => format!("no version in {:?}", printed.line),
        Fact::Absent => "it was not started".to_owned(),
    };
    Err(Undetermined::new(format!("{path} --version: {why}")))
}

pub fn dockerd(facts: &Facts) -> Verdict {
    match found(facts, "dockerd")? {
        Some(hit) => runs("dockerd", &hit, &facts.programs.dockerd),
        None => missing(facts, "dockerd"),
    }
}

pub fn rootlesskit(facts: &Facts) -> Verdict {
    let version = facts.programs.rootlesskit_version();
    match found(facts, "rootlesskit")? {
        Some(hit) => Ok(there("rootlesskit", &hit, version.as_ref())),
        None => missing(facts, "rootlesskit"),
    }
}

pub fn containerd(facts: &Facts) -> Verdict {
    if let Some(hit) = found(facts, "containerd")? {
        return runs("containerd", &hit, &facts.programs.containerd);
    }
    match facts.ground.daemon_json.settings()?.containerd {
        Some(_) => Ok(skip("daemon.json names a containerd of its own")),
        None => missing(facts, "containerd"),
    }
}

pub fn runc(facts: &Facts) -> Verdict {
    if let Some(hit) = found(facts, "runc")? {
        return runs("runc", &hit, &facts.programs.runc);
    }
    let runtime = facts.ground.daemon_json.settings()?.default_runtime;
    match runtime.filter(|name| name != "runc") {
        Some(_) => Ok(skip("daemon.json names another runtime")),
        None => missing(facts, "runc"),
    }
}

pub fn rootless_script(facts: &Facts) -> Verdict {
    let name = "dockerd-rootless.sh";
    let docker = docker(facts)?;
    if let Fact::Known(script) = &docker.script {
        let path = script.path.to_string_lossy();
        return Ok(pass(format!("{name} is there")).seen("script", path));
    }
    if docker.dind_entrypoint.known().is_some() {
        return Ok(skip("this image starts RootlessKit by itself"));
    }
    match found(facts, name)? {
        Some(hit) => Ok(there(name, &hit, None)),
        None => missing(facts, name),
    }
}

pub fn rootless_script_path(facts: &Facts) -> Verdict {
    let name = "dockerd-rootless-setuptool.sh";
    let Some(hit) = found(facts, name)? else {
        return Ok(skip(format!("{name} is not installed")));
    };
    if !hit.path.starts_with(DEBIAN_CONTRIB) {
        return Ok(pass(format!("{name} is on the PATH")));
    }
    if unit_file(facts)?.is_some() {
        return Ok(skip("the unit is installed and names its script"));
    }
    Ok(fail("Docker's setup script is on no PATH").seen(name, hit.path.to_string_lossy()))
}

pub fn duplicates(facts: &Facts) -> Verdict {
    let ours = [
        "dockerd",
        "dockerd-rootless.sh",
        "rootlesskit",
        "containerd",
        "runc",
    ];
    let by_unit = ours.map(|name| (name, facts.ground.tools.all(name)));
    let client = ("docker", facts.ground.shell_tools.all("docker"));
    let mut outcome: Option<Outcome> = None;
    for (name, hits) in by_unit.into_iter().chain([client]) {
        let on_path = hits
            .iter()
            .filter(|hit| !hit.path.starts_with(DEBIAN_CONTRIB));
        let paths: Vec<String> = on_path.map(|hit| hit.path.display().to_string()).collect();
        if paths.len() > 1 {
            let found =
                outcome.unwrap_or_else(|| fail(format!("{name} is installed more than once")));
            outcome = Some(found.seen(name, paths.join(", ")));
        }
    }
    Ok(outcome.unwrap_or_else(|| pass("each program is installed once")))
}

#[cfg(test)]
pub mod tests {
    use crate::check::engine::Status;
    use crate::fact::Why;
    use crate::host::Run;
    use crate::testing::TestHost;

    pub fn engine(version: &str) -> TestHost {
        TestHost::new().exe("/usr/bin/dockerd", "755").prints(
            "dockerd --version",
            &format!("Docker version {version}, build x\n"),
        )
    }

    pub fn rootlesskit(host: TestHost, version: &str) -> TestHost {
        let line =
            format!("{{\"rootless_setup_probe\":1,\"rootlesskit_version\":\"{version}\"}}\n");
        host.exe("/usr/bin/rootlesskit", "755")
            .prints("rootlesskit probe", &line)
    }

    #[test]
    fn programs_that_are_there_and_not() {
        let found = rootlesskit(engine("28.2.2"), "2.3.4")
            .exe("/usr/bin/containerd", "755")
            .prints(
                "containerd --version",
                "containerd containerd.io 1.7.27 05044ec\n",
            )
            .examine();
        assert_eq!(
            found["docker.dockerd"].summary,
            "dockerd 28.2.2 in /usr/bin"
        );
        assert_eq!(
            found["docker.rootlesskit"].summary,
            "rootlesskit 2.3.4 in /usr/bin"
        );
        assert_eq!(found["docker.containerd"].status, Status::Pass);
        assert_eq!(found["docker.runc"].status, Status::Fail);
        assert_eq!(found["docker.rootless-script"].status, Status::Fail);
        let nothing = TestHost::new().examine();
        assert_eq!(nothing["docker.dockerd"].status, Status::Fail);
        assert_eq!(nothing["docker.runc"].status, Status::Skip);
    }

    #[test]
    fn what_does_not_start_or_babbles_is_no_pass() {
        let status = |stdout: &str| {
            let host = engine("28.2.2").exe("/usr/bin/runc", "755");
            host.prints("runc --version", stdout)
                .check("docker.runc")
                .status
        };
        assert_eq!(status("runc version 1.2.5\n"), Status::Pass);
        assert_eq!(status("\u{fffd}\u{1b}[2J\n"), Status::Unknown);
        let refused = |errno: i32| {
            let why = Why {
                errno: Some(errno),
                ..Why::new("could not be started")
            };
            let run = Run {
                error: Some(why),
                ..Run::default()
            };
            let host = engine("28.2.2").exe("/usr/bin/runc", "755");
            let host = host.with(|b| {
                b.programs.insert("runc --version".into(), run);
            });
            host.check("docker.runc").status
        };
        assert_eq!(refused(8), Status::Fail);
        assert_eq!(refused(110), Status::Unknown);
    }

    #[test]
    fn what_only_the_shell_finds_is_installed_all_the_same() {
        let unit = "[Service]\nEnvironment=PATH=/usr/bin\n";
        let host = TestHost::new()
            .file("/home/alice/.config/systemd/user/docker.service", unit)
            .exe("/usr/local/bin/rootlesskit", "755");
        let found = host.check("docker.rootlesskit");
        assert_eq!(found.status, Status::Fail);
        assert_eq!(found.summary, "rootlesskit is not on the unit's PATH");
        let fix = found.fix.unwrap_or_default();
        assert!(
            fix.commands[0].starts_with("systemctl --user edit"),
            "{fix:?}"
        );
    }

    #[test]
    fn the_script_off_the_path() {
        let contrib = "/usr/share/docker.io/contrib";
        let host = engine("20.10.24")
            .file(&format!("{contrib}/dockerd-rootless.sh"), "#!/bin/sh\n")
            .exe(&format!("{contrib}/dockerd-rootless.sh"), "755")
            .exe(&format!("{contrib}/dockerd-rootless-setuptool.sh"), "755");
        let found = host.examine();
        assert_eq!(found["docker.rootless-script"].status, Status::Pass);
        assert_eq!(found["docker.rootless-script-path"].status, Status::Info);
        let on_path = engine("28.0.0")
            .exe("/usr/bin/dockerd-rootless.sh", "755")
            .exe("/usr/bin/dockerd-rootless-setuptool.sh", "755");
        assert_eq!(
            on_path.check("docker.rootless-script-path").status,
            Status::Pass
        );
    }

    #[test]
    fn twice_installed() {
        let host = engine("28.0.0").exe("/usr/local/bin/dockerd", "755");
        let found = host.check("docker.duplicates");
        assert_eq!(found.status, Status::Info);
        assert_eq!(
            found.evidence[0].value,
            "/usr/local/bin/dockerd, /usr/bin/dockerd"
        );
        assert_eq!(
            engine("28.0.0").check("docker.duplicates").status,
            Status::Pass
        );
    }
}
