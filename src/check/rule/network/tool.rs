//! What the driver and the script need from the host to set up a network.

use super::choice::{self, choice};
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::area::network::script::Driver;
use crate::facts::version::Version;

/// The tap device can be made. Every driver but lxc-user-nic needs one.
pub fn tun(facts: &Facts) -> Verdict {
    let network = facts.network.need("network")?;
    let pin = network
        .launch
        .net
        .as_ref()
        .and_then(|p| Driver::parse(&p.value));
    if pin.is_some_and(|driver| !driver.needs_tun()) {
        return Ok(skip("lxc-user-nic needs no tap device"));
    }
    let path = "/dev/net/tun";
    let refused = |text: &str, errno: &str| fail(format!("{path} {text}")).seen(path, errno);
    let inside = !facts.host.need("the host")?.container.is_empty();
    Ok(match &network.tun {
        Fact::Known(()) => pass(format!("{path} can be opened")),
        Fact::Absent if inside => refused("is not there", "ENOENT").remedy("container"),
        Fact::Absent => refused("is not there", "ENOENT"),
        Fact::Unreadable(why) => match why.errno {
            Some(19) if network.modules.others_only => refused(
                "has no driver: the kernel was replaced since boot",
                "ENODEV",
            )
            .remedy("reboot"),
            Some(19) => refused("is there, but the kernel has no tun driver", "ENODEV"),
            Some(13) => refused("may not be opened by this user", "EACCES").remedy("mode"),
            Some(1) => {
                refused("is forbidden by the container around us", "EPERM").remedy("container")
            }
            _ => return Err(Undetermined::new(format!("{path}: {}", why.text))),
        },
    })
}

/// What dockerd-rootless.sh and RootlessKit call is on the unit's PATH.
pub fn unit_tools(facts: &Facts) -> Verdict {
    let mut missing = Vec::new();
    let needed = needed(facts)?;
    for name in &needed {
        if facts.ground.tools.fact(name).ask(name)?.is_none() {
            missing.push(*name);
        }
    }
    let path = &facts.ground.unit_path;
    if !missing.is_empty() {
        let summary = format!("{} not on the unit's PATH", listed(&missing));
        return Ok(fail(summary).seen("PATH of docker.service", path));
    }
    Ok(match busybox_ip(facts) {
        Some(outcome) => outcome,
        None => pass(format!("{} there", listed(&needed))),
    })
}

fn listed(names: &[&str]) -> String {
    match names {
        [one] => format!("{one} is"),
        [rest @ .., last] => format!("{} and {last} are", rest.join(", ")),
        [] => "nothing is".to_owned(),
    }
}

/// RootlessKit sets its interfaces up by `nsenter … ip tuntap`; the script
/// calls nsenter and sysctl itself since Engine 29.0.
fn needed(facts: &Facts) -> Result<Vec<&'static str>, Undetermined> {
    let script = facts.network.need("network")?.script.known();
    let by_version = || {
        let engine = facts.programs.engine_version();
        engine.is_some_and(|v| v >= Version::new(29, 0, 0))
    };
    let mut names = vec!["ip"];
    if script.map_or_else(by_version, |s| s.calls_nsenter) || taps(facts)? {
        names.push("nsenter");
    }
    if script.map_or_else(by_version, |s| s.calls_sysctl) {
        names.push("sysctl");
    }
    Ok(names)
}

/// The driver makes its tap device by nsenter. Not knowing the driver only
/// matters where nsenter is missing.
fn taps(facts: &Facts) -> Result<bool, Undetermined> {
    match choice(facts) {
        Ok(choice) => Ok(matches!(
            choice.driver(),
            Some(Driver::Slirp4netns | Driver::Gvisor)
        )),
        Err(_) if facts.ground.tools.first("nsenter").is_some() => Ok(true),
        Err(why) => Err(why),
    }
}

/// busybox has an `ip` without the tap devices RootlessKit asks for.
fn busybox_ip(facts: &Facts) -> Option<Outcome> {
    let ip = facts.ground.tools.first("ip")?;
    let busybox = ip
        .real
        .file_name()?
        .to_string_lossy()
        .starts_with("busybox");
    let driver = choice(facts).ok()?.driver()?;
    let outcome = || {
        fail("ip is busybox's, which makes no tap device")
            .seen(ip.path.to_string_lossy(), ip.real.to_string_lossy())
            .remedy("busybox")
    };
    (busybox && driver.needs_tun() && driver != Driver::Pasta).then(outcome)
}

/// RootlessKit 3.0.0 loses UDP and hides cloud metadata; 3.0.1 mends it.
pub fn rootlesskit_fault(facts: &Facts) -> Verdict {
    let Some(version) = choice::rootlesskit(facts)? else {
        return Ok(skip("RootlessKit did not run"));
    };
    let seen = |outcome: Outcome| outcome.seen("rootlesskit", version.to_string());
    Ok(match version == Version::new(3, 0, 0) {
        true => seen(fail("RootlessKit 3.0.0 loses UDP answers to other hosts")),
        false => seen(pass(format!("no known fault in RootlessKit {version}"))),
    })
}

/// Engine 29.0.0 and 29.0.1 die on a kernel without IPv6.
pub fn ipv6_disabled(facts: &Facts) -> Verdict {
    let dockerd = facts.programs.dockerd.ask("dockerd --version")?;
    let Some(dockerd) = dockerd else {
        return Ok(skip("dockerd is not installed"));
    };
    let unclear = || Undetermined::new("dockerd --version: no version in what it printed");
    let version = dockerd.version.as_ref().ok_or_else(unclear)?;
    if *version < Version::new(29, 0, 0) || *version > Version::new(29, 0, 1) {
        return Ok(skip("only Docker 29.0.0 and 29.0.1 mind"));
    }
    let path = "/proc/sys/net/ipv6";
    Ok(
        match facts.network.need("network")?.sysctls.ipv6.ask(path)? {
            Some(()) => pass("IPv6 is on, which this Docker needs"),
            None => fail(format!("Docker {version} does not start without IPv6"))
                .seen(path, "not there"),
        },
    )
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::host::{Kind, Node};
    use crate::testing::TestHost;

    #[test]
    fn tun_by_errno() {
        let tun = |open| {
            let node = Node {
                kind: Some(Kind::CharDevice),
                device: Some((10, 200)),
                open: Some(open),
                ..Node::default()
            };
            TestHost::new()
                .node("/dev/net/tun", node)
                .check("network.tun")
        };
        assert_eq!(tun(0).status, Status::Pass);
        assert_eq!(tun(19).status, Status::Fail);
        let denied = tun(13);
        assert_eq!(denied.status, Status::Fail);
        assert!(denied.fix.unwrap().commands[0].contains("chmod 0666"));
        assert_eq!(tun(1).status, Status::Fail);
        assert_eq!(tun(5).status, Status::Unknown);
        assert_eq!(TestHost::new().check("network.tun").status, Status::Fail);
    }

    #[test]
    fn another_users_tun_is_judged_by_its_mode() {
        let host = |mode: &str| {
            let node = Node {
                kind: Some(Kind::CharDevice),
                mode: Some(mode.into()),
                open: Some(0),
                ..Node::default()
            };
            let root = |b: &mut crate::host::Bundle| {
                b.identity = crate::host::Identity::default();
                b.user = Some("alice".into());
            };
            TestHost::new()
                .with(root)
                .node("/dev/net/tun", node)
                .check("network.tun")
                .status
        };
        assert_eq!(host("666"), Status::Pass);
        assert_eq!(host("600"), Status::Fail);
    }

    #[test]
    fn tools_by_what_the_script_calls() {
        let id = "network.unit-tools";
        let script = |text: &str| {
            let node = Node {
                mode: Some("755".into()),
                text: Some(text.into()),
                ..Node::default()
            };
            TestHost::new()
                .node("/usr/bin/dockerd-rootless.sh", node)
                .exe("/usr/sbin/ip", "755")
        };
        let old = || script("net=slirp4netns\nnet=vpnkit\n");
        assert_eq!(old().check(id).status, Status::Pass);
        let new = script("net=gvisor-tap-vsock\nnsenter sysctl -w x\n").check(id);
        assert_eq!(new.status, Status::Fail);
        assert_eq!(new.summary, "nsenter and sysctl are not on the unit's PATH");
        assert_eq!(TestHost::new().check(id).status, Status::Fail);
    }

    #[test]
    fn busybox_will_not_do() {
        let ip = Node {
            mode: Some("755".into()),
            real: Some("/bin/busybox".into()),
            ..Node::default()
        };
        let host = TestHost::new()
            .node("/usr/sbin/ip", ip)
            .exe("/usr/bin/nsenter", "755")
            .exe("/usr/bin/slirp4netns", "755")
            .prints("slirp4netns --version", "slirp4netns version 1.2.0\n")
            .exe("/usr/bin/dockerd", "755")
            .prints("dockerd --version", "Docker version 24.0.1, build x\n");
        assert_eq!(host.check("network.unit-tools").status, Status::Fail);
    }

    #[test]
    fn faults_of_single_versions() {
        let dockerd = |line: &str| {
            let host = TestHost::new().exe("/usr/bin/dockerd", "755");
            host.prints("dockerd --version", line)
        };
        let id = "network.ipv6-disabled";
        assert_eq!(
            dockerd("Docker version 29.0.1, build x\n").check(id).status,
            Status::Fail
        );
        assert_eq!(
            dockerd("Docker version 29.0.2, build x\n").check(id).status,
            Status::Skip
        );
        let on = dockerd("Docker version 29.0.0, build x\n").file("/proc/sys/net/ipv6/x", "");
        assert_eq!(on.check(id).status, Status::Pass);
        let probed = |version: &str| {
            let line =
                format!("{{\"rootless_setup_probe\":1,\"rootlesskit_version\":\"{version}\"}}\n");
            let host = TestHost::new().exe("/usr/bin/rootlesskit", "755");
            host.prints("rootlesskit probe", &line)
                .check("network.rootlesskit-fault")
                .status
        };
        assert_eq!(probed("3.0.0"), Status::Warn);
        assert_eq!(probed("3.0.1"), Status::Pass);
        assert_eq!(probed(""), Status::Unknown);
        assert_eq!(
            TestHost::new().check("network.rootlesskit-fault").status,
            Status::Skip
        );
    }
}
