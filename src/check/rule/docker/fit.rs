//! Whether dockerd and RootlessKit fit each other.

use super::programs::found;
use super::{docker, seen_if};
use crate::check::{Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::version::Version;

/// Until 28 dockerd publishes ports through a program of RootlessKit's, and
/// does not start without it; RootlessKit 3 has it no more.
fn lacks_proxy(facts: &Facts, engine: &Version) -> Result<bool, Undetermined> {
    let own_proxy = *engine >= Version::new(28, 0, 0);
    Ok(!own_proxy && found(facts, "rootlesskit-docker-proxy")?.is_none())
}

/// The RootlessKit that this engine and its script ask for.
fn needed(facts: &Facts, engine: &Version) -> Result<Option<Version>, Undetermined> {
    let variable = "DOCKERD_ROOTLESS_ROOTLESSKIT_DETACH_NETNS";
    let environment = facts.ground.unit.environment(facts.ground.home_path());
    let off = environment.get(variable).is_some_and(|v| v == "false");
    let script = docker(facts)?.script.known();
    let detaches = script.is_some_and(|s| s.detaches_netns) && !off;
    Ok(match engine {
        engine if *engine >= Version::new(29, 5, 0) && detaches => Some(Version::new(2, 0, 0)),
        engine if *engine >= Version::new(28, 0, 0) => Some(Version::new(0, 14, 0)),
        _ => None,
    })
}

pub fn versions_fit(facts: &Facts) -> Verdict {
    let engine = facts.programs.dockerd.need("dockerd --version")?;
    let Some(version) = &engine.version else {
        return Err(Undetermined::new("dockerd --version: no version in it"));
    };
    let dockerd = format!("dockerd {version}");
    if lacks_proxy(facts, version)? {
        return Ok(fail(format!("{dockerd} needs rootlesskit-docker-proxy"))
            .seen("rootlesskit-docker-proxy", "not on the unit's PATH")
            .remedy("proxy"));
    }
    let found = facts.programs.rootlesskit_version();
    let fits = |found: Option<&Version>| match found {
        Some(found) => pass(format!("{dockerd} and RootlessKit {found} fit")),
        None => pass(format!("{dockerd} fits any RootlessKit with its proxy")),
    };
    let Some(needed) = needed(facts, version)? else {
        return Ok(fits(found.as_ref()));
    };
    if !facts.programs.probe.need("RootlessKit")?.works() {
        return Ok(skip("RootlessKit does not run here, and told no version"));
    }
    let found = found.ok_or_else(|| Undetermined::new("RootlessKit did not tell its version"))?;
    Ok(match found >= needed {
        true => fits(Some(&found)),
        false => {
            let hit = facts.ground.tools.first("rootlesskit");
            let path = hit.map(|hit| hit.path.to_string_lossy().into_owned());
            let summary = format!("{dockerd} needs RootlessKit {needed}, this is {found}");
            seen_if(fail(summary), "rootlesskit", path)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::programs::tests::{engine, rootlesskit};
    use crate::check::engine::Status;
    use crate::testing::TestHost;

    #[test]
    fn versions_that_do_not_fit() {
        let fit = |host: TestHost| host.check("docker.versions-fit");
        let proxy = |host: TestHost| host.exe("/usr/bin/rootlesskit-docker-proxy", "755");
        let found = fit(rootlesskit(engine("27.5.1"), "3.0.1"));
        assert_eq!(found.status, Status::Fail);
        assert_eq!(
            found.summary,
            "dockerd 27.5.1 needs rootlesskit-docker-proxy"
        );
        assert_eq!(
            fit(proxy(rootlesskit(engine("27.5.1"), "2.3.1"))).status,
            Status::Pass
        );
        assert_eq!(
            fit(rootlesskit(engine("28.0.0"), "2.0.2")).status,
            Status::Pass
        );
        assert_eq!(
            fit(rootlesskit(engine("28.0.0"), "")).status,
            Status::Unknown
        );
        let detaching = |host: TestHost| {
            let script = crate::host::Node {
                mode: Some("755".into()),
                text: Some("exec $rootlesskit --detach-netns".into()),
                ..crate::host::Node::default()
            };
            host.node("/usr/bin/dockerd-rootless.sh", script)
        };
        let old = fit(detaching(rootlesskit(engine("29.5.0"), "1.1.0")));
        assert_eq!(
            old.summary,
            "dockerd 29.5.0 needs RootlessKit 2.0.0, this is 1.1.0"
        );
        assert_eq!(
            fit(detaching(rootlesskit(engine("29.5.0"), "3.0.0"))).status,
            Status::Pass
        );
    }
}
