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

/// pasta is new enough for RootlessKit.
pub fn pasta_version(facts: &Facts) -> Verdict {
    if choice(facts)?.driver() != Some(Driver::Pasta) {
        return Ok(skip("pasta is not the network driver"));
    }
    let what = "pasta --version";
    let line = &facts.programs.pasta.need(what)?.line;
    let Some(date) = date(line) else {
        return Err(Undetermined::new(format!("{what}: no date in \"{line}\"")));
    };
    let outcome = match date {
        20_231_204.. => pass("pasta is new enough"),
        20_230_625.. => fail("pasta is older than RootlessKit recommends"),
        _ => fail("pasta is too old for RootlessKit"),
    };
    Ok(outcome.seen(what, line))
}

/// The date in `2023_12_04.b86afe3`, `0.0~git20230309.7c7625d` or `0^20231204.gb86afe3`.
fn date(line: &str) -> Option<u32> {
    let line = line.replace('_', "");
    let mut runs = line.split(|c: char| !c.is_ascii_digit());
    let date = runs.find(|r| r.len() == 8 && r.starts_with("20"))?;
    date.parse().ok()
}

/// Ubuntu's AppArmor lets pasta in.
pub fn pasta_apparmor(facts: &Facts) -> Verdict {
    let network = facts.network.need("network")?;
    if choice(facts)?.driver() != Some(Driver::Pasta) {
        return Ok(skip("pasta is not the network driver"));
    }
    let sysctl = "kernel.apparmor_restrict_unprivileged_userns";
    if network.sysctls.userns_restricted.ask(sysctl)? != Some(&true) {
        return Ok(skip("AppArmor does not restrict user namespaces here"));
    }
    let profiles = network.pasta_profiles.ask("/etc/apparmor.d")?;
    let outcome = match profiles.and_then(|names| names.first()) {
        Some(name) => pass("AppArmor has a profile for pasta").seen("/etc/apparmor.d", name),
        None => fail("AppArmor has no profile for pasta"),
    };
    Ok(outcome.seen(sysctl, "1"))
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn dates_of_pasta() {
        assert_eq!(date("pasta 0.0~git20230309.7c7625d-1"), Some(20_230_309));
        assert_eq!(date("pasta 2023_12_04.b86afe3"), Some(20_231_204));
        assert_eq!(
            date("pasta 0^20250217.ga1e48a0-2.fc42.x86_64"),
            Some(20_250_217)
        );
        assert_eq!(date("pasta unknown version"), None);
    }

    #[test]
    fn pasta_is_judged_only_where_it_runs() {
        let pasta = |line: &str| {
            let host = script(NEW).exe("/usr/bin/pasta", "755");
            host.prints("pasta --version", line)
        };
        let id = "network.pasta-version";
        assert_eq!(
            pasta("pasta 2024_12_11.09478d5\n").check(id).status,
            Status::Pass
        );
        assert_eq!(
            pasta("pasta 0.0~git20230309.7c\n").check(id).status,
            Status::Warn
        );
        assert_eq!(
            pasta("pasta unknown version\n").check(id).status,
            Status::Unknown
        );
        let both = with_slirp(pasta("pasta 0.0~git20230309.7c\n"), "1.2.0");
        assert_eq!(both.check(id).status, Status::Skip);
        let id = "network.pasta-apparmor";
        let sysctl = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";
        let ubuntu = || pasta("pasta 0.0~git20240220.1e6f92b-1\n").file(sysctl, "1\n");
        assert_eq!(ubuntu().check(id).status, Status::Warn);
        let profiled = ubuntu().file("/etc/apparmor.d/usr.bin.pasta", "");
        assert_eq!(profiled.check(id).status, Status::Pass);
        assert_eq!(pasta("pasta x\n").check(id).status, Status::Skip);
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

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            date(&text);
        }
    }
}
