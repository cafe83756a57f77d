//! pasta: new enough, and let in by AppArmor.

use super::choice::{self, choice};
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::area::network::script::Driver;
use crate::facts::version::Version;

/// pasta is new enough for RootlessKit.
pub fn version(facts: &Facts) -> Verdict {
    if choice(facts)?.driver() != Some(Driver::Pasta) {
        return Ok(skip("pasta is not the network driver"));
    }
    let what = "pasta --version";
    let line = &facts.programs.pasta.need(what)?.line;
    let Some(date) = date(line) else {
        return Err(Undetermined::new(format!("{what}: no date in \"{line}\"")));
    };
    let outcome = match date {
        20_260_507.. => newest(facts)?,
        20_231_204.. => pass("pasta is new enough"),
        20_230_625.. => fail("pasta is older than RootlessKit recommends"),
        _ => fail("pasta is too old for RootlessKit"),
    };
    Ok(outcome.seen(what, line))
}

/// It refuses the ports that RootlessKit 3.0.0 and older ask for (rootlesskit#591).
fn newest(facts: &Facts) -> Result<Outcome, Undetermined> {
    let version = choice::rootlesskit(facts)?;
    Ok(match version.filter(|v| *v <= Version::new(3, 0, 0)) {
        Some(version) => fail(format!("pasta is too new for RootlessKit {version}")).remedy("new"),
        None => pass("pasta is new enough"),
    })
}

/// The date in `2023_12_04.b86afe3`, `0.0~git20230309.7c7625d` or `0^20231204.gb86afe3`.
fn date(line: &str) -> Option<u32> {
    let line = line.replace('_', "");
    let mut runs = line.split(|c: char| !c.is_ascii_digit());
    let date = runs.find(|r| r.len() == 8 && r.starts_with("20"))?;
    date.parse().ok()
}

/// Ubuntu's AppArmor lets pasta in.
pub fn apparmor(facts: &Facts) -> Verdict {
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

    fn script(text: &str) -> TestHost {
        let node = crate::host::Node {
            mode: Some("755".into()),
            text: Some(text.into()),
            ..crate::host::Node::default()
        };
        TestHost::new().node("/usr/bin/dockerd-rootless.sh", node)
    }

    const NEW: &str = "net=slirp4netns\nnet=pasta\nnet=vpnkit\nnet=gvisor-tap-vsock\n";

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
        let both = pasta("pasta 0.0~git20230309.7c\n")
            .exe("/usr/bin/slirp4netns", "755")
            .prints("slirp4netns --version", "slirp4netns version 1.2.0\n");
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
    fn the_newest_pasta_wants_a_newer_rootlesskit() {
        let host = |version: &str| {
            let line =
                format!("{{\"rootless_setup_probe\":1,\"rootlesskit_version\":\"{version}\"}}\n");
            script(NEW)
                .exe("/usr/bin/pasta", "755")
                .prints("pasta --version", "pasta 2026_05_07.1afd4ed\n")
                .exe("/usr/bin/rootlesskit", "755")
                .prints("rootlesskit probe", &line)
                .check("network.pasta-version")
                .status
        };
        assert_eq!(host("3.0.0"), Status::Warn);
        assert_eq!(host("3.0.1"), Status::Pass);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            date(&text);
        }
    }
}
