//! Which network driver runs, and whether it will do.

use super::choice::{self, Choice, choice};
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::area::network::launch::Pin;
use crate::facts::area::network::script::Driver;
use crate::facts::version::Version;

const NET: &str = "DOCKERD_ROOTLESS_ROOTLESSKIT_NET";

/// A driver that was pinned is one, and is there.
pub fn pinned(facts: &Facts) -> Verdict {
    let launch = &facts.network.need("network")?.launch;
    if launch.net.is_none() && launch.unreadable.is_none() {
        return Ok(skip("no network driver is pinned"));
    }
    let (driver, pin) = match choice(facts)? {
        Choice::Pinned(driver, pin) => (driver, pin),
        Choice::Foreign(pin) => {
            let summary = format!("{} is pinned, which is no driver for Docker", pin.value);
            return Ok(unpin(fail(summary), pin).remedy("unpin"));
        }
        _ => return Ok(skip("no network driver is pinned")),
    };
    if let Some(outcome) = too_old(facts, driver)? {
        return Ok(unpin(outcome, pin).remedy("unpin"));
    }
    if choice::installed(facts, driver)? {
        let summary = format!("{driver} is pinned, and there");
        return Ok(pass(summary).seen(&pin.file, format!("{NET}={driver}")));
    }
    let missing = unpin(fail(format!("{driver} is pinned, but not installed")), pin);
    Ok(match driver {
        Driver::Slirp4netns => missing.remedy("slirp4netns"),
        Driver::Pasta => missing.remedy("pasta"),
        _ => missing.remedy("unpin"),
    })
}

fn unpin(outcome: Outcome, pin: &Pin) -> Outcome {
    outcome
        .seen(&pin.file, format!("{NET}={}", pin.value))
        .fill("file", &pin.file)
}

/// `unknown network mode`: the driver came with a later RootlessKit.
fn too_old(facts: &Facts, driver: Driver) -> Result<Option<Outcome>, Undetermined> {
    let since = match driver {
        Driver::Gvisor => Version::new(3, 0, 0),
        Driver::Pasta => Version::new(2, 0, 0),
        _ => return Ok(None),
    };
    let version = choice::rootlesskit(facts)?.filter(|v| *v < since);
    Ok(version.map(|version| {
        fail(format!("RootlessKit {version} does not know {driver}"))
            .seen("rootlesskit", version.to_string())
            .remedy("rootlesskit")
    }))
}

/// The script finds a driver.
pub fn picked(facts: &Facts) -> Verdict {
    match choice(facts)? {
        Choice::Pinned(driver, pin) => Ok(match choice::installed(facts, driver)? {
            true => pass(format!("{driver}, pinned")).seen(&pin.file, format!("{NET}={driver}")),
            false => skip("what is pinned decides: network.driver-pinned"),
        }),
        Choice::Foreign(_) => Ok(skip("what is pinned decides: network.driver-pinned")),
        Choice::Picked(driver, order) => match too_old(facts, driver)? {
            Some(outcome) => Ok(outcome),
            None => Ok(found(facts, driver, &order)),
        },
        Choice::Nothing(order) => Ok(order_seen(
            facts,
            fail(format!("{} installed", none_of(&order))),
            &order,
        )),
        Choice::NoDocker => without_docker(facts),
    }
}

fn found(facts: &Facts, driver: Driver, order: &[Driver]) -> Outcome {
    let summary = match order.first() == Some(&driver) {
        true => format!("{driver}, the first choice of dockerd-rootless.sh"),
        false => format!("{driver}, the first that is there"),
    };
    let outcome = order_seen(facts, pass(summary), order);
    match facts.ground.tools.first(driver.name()) {
        Some(hit) => outcome.seen(driver.name(), hit.path.to_string_lossy()),
        None => outcome,
    }
}

fn order_seen(facts: &Facts, outcome: Outcome, order: &[Driver]) -> Outcome {
    let names: Vec<&str> = order.iter().map(|d| d.name()).collect();
    let script = facts.network.known().and_then(|n| n.script.known());
    let source = script.filter(|s| !s.order.is_empty());
    let source = source.map_or("dockerd --version", |s| s.path.as_str());
    outcome.seen(source, format!("tries {}", names.join(", ")))
}

/// `neither slirp4netns nor vpnkit is`.
fn none_of(order: &[Driver]) -> String {
    let names: Vec<&str> = order.iter().map(|d| d.name()).collect();
    match names.as_slice() {
        [] => "no network driver is".to_owned(),
        [one] => format!("{one} is not"),
        [first, rest @ ..] => format!("neither {first} nor {} is", rest.join(" nor ")),
    }
}

/// slirp4netns comes first in every version.
fn without_docker(facts: &Facts) -> Verdict {
    Ok(match choice::usable(facts, Driver::Slirp4netns)? {
        true => pass("slirp4netns, the first choice of every Docker version"),
        false => skip("Docker is not installed, and which driver it takes depends on its version"),
    })
}

/// slirp4netns is not passed over for its age.
pub fn slirp4netns_version(facts: &Facts) -> Verdict {
    let Some(version) = choice::slirp4netns(facts)? else {
        return Ok(skip("slirp4netns is not installed"));
    };
    let seen = |outcome: Outcome| outcome.seen("slirp4netns --version", version.to_string());
    Ok(match version >= Version::new(0, 4, 0) {
        true => seen(pass(format!("slirp4netns {version}"))),
        false => seen(fail(format!(
            "slirp4netns {version} is too old, and is passed over"
        ))),
    })
}

/// slirp4netns's own sandbox and a detached network namespace do not go
/// together (slirp4netns#317): RootlessKit refuses.
pub fn slirp4netns_sandbox(facts: &Facts) -> Verdict {
    let network = facts.network.need("network")?;
    let Some(pin) = network
        .launch
        .sandbox
        .as_ref()
        .filter(|p| p.value == "true")
    else {
        return Ok(skip("the sandbox of slirp4netns is not forced"));
    };
    if choice(facts)?.driver() != Some(Driver::Slirp4netns) {
        return Ok(skip("slirp4netns is not the network driver"));
    }
    let attached = network
        .launch
        .detach
        .as_ref()
        .is_some_and(|p| p.value == "false");
    let detaches = network.script.need("dockerd-rootless.sh")?.detaches && !attached;
    let outcome = match detaches {
        false => pass("the daemon's network namespace is not detached"),
        true => fail("the forced sandbox of slirp4netns is refused").fill("file", &pin.file),
    };
    let line = "DOCKERD_ROOTLESS_ROOTLESSKIT_SLIRP4NETNS_SANDBOX=true";
    Ok(outcome.seen(&pin.file, line))
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::testing::TestHost;

    const OLD: &str = "net=slirp4netns\nnet=vpnkit\n";
    const NEW: &str = "net=slirp4netns\nnet=pasta\nnet=vpnkit\nnet=gvisor-tap-vsock\n";
    const UNIT: &str = "/home/alice/.config/systemd/user/docker.service";

    fn script(text: &str) -> TestHost {
        let node = crate::host::Node {
            mode: Some("755".into()),
            text: Some(text.into()),
            ..crate::host::Node::default()
        };
        TestHost::new().node("/usr/bin/dockerd-rootless.sh", node)
    }

    fn with_slirp(host: TestHost, version: &str) -> TestHost {
        host.exe("/usr/bin/slirp4netns", "755").prints(
            "slirp4netns --version",
            &format!("slirp4netns version {version}\ncommit: x\n"),
        )
    }

    #[test]
    fn the_scripts_own_order_decides() {
        let id = "network.driver";
        let found = with_slirp(script(OLD), "1.2.0").check(id);
        assert_eq!(found.status, Status::Pass);
        assert!(
            found.summary.starts_with("slirp4netns"),
            "{}",
            found.summary
        );
        let none = script(OLD).check(id);
        assert_eq!(none.status, Status::Fail);
        assert_eq!(none.summary, "neither slirp4netns nor vpnkit is installed");
        assert_eq!(script(NEW).check(id).status, Status::Pass);
        let pasta = script(NEW).exe("/usr/bin/pasta", "755").check(id);
        assert!(pasta.summary.starts_with("pasta"), "{}", pasta.summary);
        let old = with_slirp(script(OLD), "0.3.0");
        assert_eq!(old.check(id).status, Status::Fail);
    }

    #[test]
    fn without_a_script_the_version_decides_and_without_docker_nothing() {
        let id = "network.driver";
        let engine = |line: &str| {
            let host = TestHost::new().exe("/usr/bin/dockerd", "755");
            host.prints("dockerd --version", line).check(id)
        };
        assert_eq!(
            engine("Docker version 29.5.1, build x\n").status,
            Status::Pass
        );
        assert_eq!(
            engine("Docker version 28.0.1, build x\n").status,
            Status::Fail
        );
        assert_eq!(engine("rubbish\n").status, Status::Unknown);
        assert_eq!(TestHost::new().check(id).status, Status::Skip);
        assert_eq!(
            with_slirp(TestHost::new(), "1.0.1").check(id).status,
            Status::Pass
        );
    }

    #[test]
    fn a_pin_is_judged_by_what_is_there() {
        let id = "network.driver-pinned";
        let pin = |net: &str| {
            let text =
                format!("[Service]\nEnvironment=\"DOCKERD_ROOTLESS_ROOTLESSKIT_NET={net}\"\n");
            script(NEW)
                .file(UNIT, "[Service]\nExecStart=/usr/bin/dockerd-rootless.sh\n")
                .file(
                    "/home/alice/.config/systemd/user/docker.service.d/override.conf",
                    &text,
                )
        };
        assert_eq!(pin("slirp4netns").check(id).status, Status::Fail);
        assert_eq!(
            pin("slirp4netns").check("network.driver").status,
            Status::Skip
        );
        assert_eq!(
            with_slirp(pin("slirp4netns"), "1.2.0").check(id).status,
            Status::Pass
        );
        let host = pin("host").check(id);
        assert_eq!(host.status, Status::Fail);
        assert!(host.evidence[0].source.ends_with("override.conf"));
        assert_eq!(script(NEW).check(id).status, Status::Skip);
    }

    #[test]
    fn an_old_slirp4netns_is_told() {
        let id = "network.slirp4netns-version";
        assert_eq!(
            with_slirp(TestHost::new(), "0.3.0").check(id).status,
            Status::Warn
        );
        assert_eq!(
            with_slirp(TestHost::new(), "0.4.0").check(id).status,
            Status::Pass
        );
        assert_eq!(
            with_slirp(TestHost::new(), "x").check(id).status,
            Status::Unknown
        );
        assert_eq!(TestHost::new().check(id).status, Status::Skip);
    }

    #[test]
    fn a_forced_sandbox_needs_an_attached_namespace() {
        let host = |text: &str, more: &str| {
            let unit = format!(
                "[Service]\nEnvironment=DOCKERD_ROOTLESS_ROOTLESSKIT_SLIRP4NETNS_SANDBOX=true {more}\n"
            );
            let host = with_slirp(script(text), "1.2.0").file(UNIT, &unit);
            host.check("network.slirp4netns-sandbox").status
        };
        let detaching = "net=slirp4netns\nflags=\"$flags --detach-netns\"\n";
        assert_eq!(host(detaching, ""), Status::Fail);
        let attached = "DOCKERD_ROOTLESS_ROOTLESSKIT_DETACH_NETNS=false";
        assert_eq!(host(detaching, attached), Status::Pass);
        assert_eq!(host(OLD, ""), Status::Pass);
        let free = with_slirp(script(OLD), "1.2.0").check("network.slirp4netns-sandbox");
        assert_eq!(free.status, Status::Skip);
    }
}
