//! Published ports: which driver forwards them, who sees the client's address,
//! and from which number on.

use super::choice::{self, choice};
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::area::network::script::Driver;
use crate::facts::area::network::sysctl::grants;
use crate::facts::version::Version;

const PORT_DRIVER: &str = "DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER";

/// The capability to listen on ports below 1024.
const NET_BIND_SERVICE: u32 = 10;

/// The port driver: pinned, else `implicit` with pasta where the script knows
/// it (moby#51149), else `builtin`.
fn name(facts: &Facts, driver: Driver) -> Result<&str, Undetermined> {
    let network = facts.network.need("network")?;
    let implicit = || network.script.known().is_some_and(|s| s.knows_implicit);
    Ok(match &network.launch.port_driver {
        Some(pin) => &pin.value,
        None if driver == Driver::Pasta && implicit() => "implicit",
        None => "builtin",
    })
}

/// The port driver fits the network driver.
pub fn port_driver(facts: &Facts) -> Verdict {
    let Some(driver) = choice(facts)?.driver() else {
        return Ok(skip("there is no network driver yet"));
    };
    let name = name(facts, driver)?;
    let pin = facts.network.need("network")?.launch.port_driver.as_ref();
    let seen = |outcome: Outcome| match pin {
        Some(pin) => outcome
            .seen(&pin.file, format!("{PORT_DRIVER}={}", pin.value))
            .fill("file", &pin.file),
        None => outcome,
    };
    let fits = match name {
        "builtin" => driver != Driver::Pasta,
        "none" => return Ok(seen(pass("none: no port is forwarded, as pinned"))),
        "implicit" | "pesto" => driver == Driver::Pasta,
        other => other == driver.name() && matches!(driver, Driver::Slirp4netns | Driver::Gvisor),
    };
    Ok(match fits {
        true => seen(pass(format!("{name}, with {driver}"))),
        false => seen(fail(format!(
            "the port driver {name} does not work with {driver}"
        ))),
    })
}

/// Containers see who connects to a published port.
pub fn source_ip(facts: &Facts) -> Verdict {
    let Some(driver) = choice(facts)?.driver() else {
        return Ok(skip("there is no network driver yet"));
    };
    match name(facts, driver)? {
        "builtin" => builtin(facts),
        "slirp4netns" => Ok(pass("slirp4netns keeps the client's address")),
        "implicit" => Ok(pass("pasta keeps the client's address")),
        "gvisor-tap-vsock" => {
            Ok(fail("gvisor-tap-vsock hides the client's address").remedy("builtin"))
        }
        other => Ok(skip(format!("the port driver is {other}"))),
    }
}

/// Since RootlessKit 3.0, and only without the userland proxy.
fn builtin(facts: &Facts) -> Verdict {
    let Some(version) = choice::rootlesskit(facts)? else {
        return Ok(skip("RootlessKit did not run"));
    };
    let seen = |outcome: Outcome| outcome.seen("rootlesskit", version.to_string());
    if version < Version::new(3, 0, 0) {
        let summary = format!("RootlessKit {version} hides the client's address");
        return Ok(seen(fail(summary)));
    }
    let settings = facts.ground.daemon_json.settings()?;
    let proxy = choice::option(facts, "userland-proxy", settings.userland_proxy);
    Ok(match proxy {
        Some(false) => seen(pass("TCP ports keep the client's address")),
        _ => seen(fail("the userland proxy hides the client's address"))
            .seen(
                facts.ground.daemon_json.path.to_string_lossy(),
                "userland-proxy is on",
            )
            .remedy("proxy"),
    })
}

/// From which port on an ordinary user may publish.
pub fn privileged_ports(facts: &Facts) -> Verdict {
    let network = facts.network.need("network")?;
    let sysctl = "net.ipv4.ip_unprivileged_port_start";
    let start = network.sysctls.unprivileged_port_start.ask(sysctl)?;
    let start = start.copied().unwrap_or(1024);
    let seen = |outcome: Outcome| outcome.seen(sysctl, start.to_string());
    if start <= 1 {
        return Ok(seen(pass("any port")));
    }
    if start < 1024 {
        return Ok(seen(pass(format!("from {start} up"))));
    }
    let raw = network.rootlesskit_capability.known();
    let capable = raw.is_some_and(|raw| grants(raw, NET_BIND_SERVICE));
    // Only what RootlessKit itself listens on profits from it.
    let builtin = network
        .launch
        .port_driver
        .as_ref()
        .is_none_or(|p| p.value == "builtin");
    if capable && builtin && !uses_implicit(facts) {
        return Ok(seen(pass("any port: rootlesskit may open them"))
            .seen("rootlesskit", "cap_net_bind_service"));
    }
    Ok(seen(fail(format!("from {start} up"))))
}

fn uses_implicit(facts: &Facts) -> bool {
    let driver = choice(facts).ok().and_then(|c| c.driver());
    driver.is_some_and(|driver| name(facts, driver) == Ok("implicit"))
}

/// A firewall front end stands before published ports.
pub fn host_firewall(facts: &Facts) -> Verdict {
    Ok(match &facts.network.need("network")?.firewall {
        None => pass("neither firewalld nor ufw is on"),
        Some((name, source)) => fail(format!("{name} decides who reaches published ports"))
            .seen(source, "on")
            .remedy(name),
    })
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::host::Node;
    use crate::testing::TestHost;

    fn slirp() -> TestHost {
        TestHost::new()
            .exe("/usr/bin/slirp4netns", "755")
            .prints("slirp4netns --version", "slirp4netns version 1.2.0\n")
            .exe("/usr/bin/dockerd", "755")
            .prints("dockerd --version", "Docker version 29.5.3, build x\n")
    }

    fn pinned(host: TestHost, value: &str) -> TestHost {
        let name = super::PORT_DRIVER;
        let unit = format!("[Service]\nEnvironment={name}={value}\n");
        host.file("/etc/systemd/user/docker.service", &unit)
    }

    fn rootlesskit(host: TestHost, version: &str) -> TestHost {
        let line =
            format!("{{\"rootless_setup_probe\":1,\"rootlesskit_version\":\"{version}\"}}\n");
        host.exe("/usr/bin/rootlesskit", "755")
            .prints("rootlesskit probe", &line)
    }

    const JSON: &str = "/home/alice/.config/docker/daemon.json";
    const START: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

    #[test]
    fn the_port_driver_has_to_fit() {
        let id = "network.port-driver";
        assert_eq!(slirp().check(id).summary, "builtin, with slirp4netns");
        assert_eq!(
            pinned(slirp(), "slirp4netns").check(id).status,
            Status::Pass
        );
        assert_eq!(pinned(slirp(), "implicit").check(id).status, Status::Fail);
        assert_eq!(
            pinned(slirp(), "gvisor-tap-vsock").check(id).status,
            Status::Fail
        );
        assert_eq!(pinned(slirp(), "nonsense").check(id).status, Status::Fail);
        assert_eq!(TestHost::new().check(id).status, Status::Skip);
    }

    #[test]
    fn who_sees_the_client() {
        let id = "network.source-ip";
        assert_eq!(rootlesskit(slirp(), "2.3.6").check(id).status, Status::Info);
        assert_eq!(rootlesskit(slirp(), "3.0.1").check(id).status, Status::Info);
        let off = rootlesskit(slirp(), "3.0.1").file(JSON, "{\"userland-proxy\": false}");
        assert_eq!(off.check(id).status, Status::Pass);
        assert_eq!(
            pinned(slirp(), "slirp4netns").check(id).status,
            Status::Pass
        );
        assert_eq!(slirp().check(id).status, Status::Skip);
    }

    #[test]
    fn ports_by_sysctl_or_capability() {
        let id = "network.privileged-ports";
        let start = |n: &str| slirp().file(START, n).check(id);
        assert_eq!(start("1024\n").status, Status::Info);
        assert_eq!(start("1024\n").summary, "from 1024 up");
        assert_eq!(start("80\n").summary, "from 80 up");
        assert_eq!(start("0\n").status, Status::Pass);
        assert_eq!(start("x\n").status, Status::Unknown);
        let node = |capability: &str| Node {
            mode: Some("755".into()),
            capability: Some(capability.into()),
            ..Node::default()
        };
        let ep = "0100000200040000000000000000000000000000";
        let host = |cap| {
            slirp()
                .node("/usr/bin/rootlesskit", node(cap))
                .file(START, "1024")
        };
        assert_eq!(host(ep).check(id).status, Status::Pass);
        assert_eq!(host("").check(id).status, Status::Info);
        assert_eq!(
            pinned(host(ep), "slirp4netns").check(id).status,
            Status::Info
        );
    }

    #[test]
    fn firewalls_of_the_host() {
        let id = "network.host-firewall";
        assert_eq!(TestHost::new().check(id).status, Status::Pass);
        let ufw = TestHost::new().file("/etc/ufw/ufw.conf", "# x\nENABLED=yes\n");
        assert_eq!(ufw.check(id).status, Status::Info);
        let off = TestHost::new().file("/etc/ufw/ufw.conf", "ENABLED=no\n");
        assert_eq!(off.check(id).status, Status::Pass);
        let path = "/sys/fs/cgroup/system.slice/firewalld.service/cgroup.procs";
        assert_eq!(
            TestHost::new().file(path, "").check(id).status,
            Status::Info
        );
    }
}
