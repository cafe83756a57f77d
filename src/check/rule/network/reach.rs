//! What containers reach: names, other networks, and the world behind a proxy.

use super::choice::choice;
use crate::check::{Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::area::network::net::{Net, Route};
use crate::facts::area::network::script::Driver;

/// The default bridge is the daemon's own.
pub fn bridge(facts: &Facts) -> Verdict {
    let settings = facts.ground.daemon_json.settings()?;
    let file = facts.ground.daemon_json.path.to_string_lossy();
    Ok(match settings.bridge.as_deref() {
        None | Some("docker0") => pass("the daemon makes its bridge itself"),
        Some("none") => pass("no default bridge, as configured").seen(file, "bridge: none"),
        Some(name) => fail(format!("the daemon would have to find a bridge {name}"))
            .seen(file, format!("bridge: {name}")),
    })
}

/// No network of the host is hidden by one of the daemon's.
pub fn subnet_clash(facts: &Facts) -> Verdict {
    let routes = facts
        .network
        .need("network")?
        .routes
        .all
        .need("/proc/net/route")?;
    let mut names = Vec::new();
    for (name, net, remedy) in own_nets(facts)? {
        names.push(net.to_string());
        let clash = routes
            .iter()
            .find(|route| hides(route, &net) && !user_mode(routes, &net));
        if let Some(route) = clash {
            return Ok(fail(format!("{name} hides {} from containers", route.net))
                .seen(
                    "/proc/net/route",
                    format!("{} by {}", route.net, route.interface),
                )
                .seen(name, net.to_string())
                .remedy(remedy));
        }
    }
    Ok(pass("the daemon's networks hide none of the host's").seen("networks", names.join(", ")))
}

/// Networks the daemon uses: towards the host, and of its default bridge.
fn own_nets(facts: &Facts) -> Result<Vec<(&'static str, Net, &'static str)>, Undetermined> {
    let network = facts.network.need("network")?;
    let settings = facts.ground.daemon_json.settings()?;
    let usual = || choice(facts).ok().and_then(|c| c.driver()?.cidr());
    let driver = match &network.launch.cidr {
        Some(pin) => Net::parse(&pin.value),
        None => usual().and_then(Net::parse),
    };
    let bridge = match settings.bridge.as_deref() {
        Some("none") => None,
        _ => Net::parse(settings.bip.as_deref().unwrap_or("172.17.0.1/16")),
    };
    let driver = driver.map(|net| ("the network driver", net, "driver"));
    let bridge = bridge.map(|net| ("the default bridge", net, "bridge"));
    Ok(driver.into_iter().chain(bridge).collect())
}

/// Networks of other containers of this host are nobody's to reach.
fn hides(route: &Route, net: &Net) -> bool {
    let containers = ["docker", "br-", "podman", "cni", "lo"];
    let foreign = !containers.iter().any(|c| route.interface.starts_with(c));
    foreign && !route.is_default() && route.net.overlaps(net)
}

/// The host is itself a guest behind such a network (VirtualBox, QEMU): there
/// is nobody in it but the gateway.
fn user_mode(routes: &[Route], net: &Net) -> bool {
    let gateway = |r: &Route| r.is_default() && r.gateway.octets() == [10, 0, 2, 2];
    Net::parse("10.0.2.0/24").is_some_and(|own| own == *net) && routes.iter().any(gateway)
}

/// The host knows a name server to ask.
pub fn dns(facts: &Facts) -> Verdict {
    let path = "/etc/resolv.conf";
    let servers = facts.network.need("network")?.nameservers.ask(path)?;
    Ok(match servers.map(Vec::as_slice) {
        None => fail("/etc/resolv.conf is not there").seen(path, "no such file"),
        Some([]) => fail("/etc/resolv.conf names no server").seen(path, "no nameserver line"),
        Some(servers) if !servers.iter().any(|s| s.contains('.')) && asks_by_ipv4(facts) => {
            return Err(Undetermined::new(
                "whether this slirp4netns asks name servers by IPv6 (libslirp 4.8 does)",
            ));
        }
        Some(servers) => {
            pass("the host has a name server").seen(path, format!("{} named", servers.len()))
        }
    })
}

/// slirp4netns before libslirp 4.8 forwards to IPv4 servers only (rootlesskit#438).
fn asks_by_ipv4(facts: &Facts) -> bool {
    choice(facts).ok().and_then(|c| c.driver()) == Some(Driver::Slirp4netns)
}

/// A proxy of the shell is also the daemon's.
pub fn proxy(facts: &Facts) -> Verdict {
    let proxies = &facts.network.need("network")?.proxies;
    let Some(name) = proxies.shell.first() else {
        return Ok(skip("no proxy is set in this shell"));
    };
    if facts.ground.daemon_json.settings()?.proxies {
        return Ok(pass("daemon.json names a proxy too"));
    }
    if let Some(source) = &proxies.unit {
        return Ok(pass(format!("{source} sets a proxy too")));
    }
    if let Some(why) = &proxies.unanswered {
        return Err(Undetermined::new(format!(
            "the user's systemd manager: {why}"
        )));
    }
    Ok(fail(format!(
        "{name} is set in this shell, and not for the daemon"
    ))
    .seen(*name, "set")
    .seen("docker.service", "no proxy")
    .seen(
        facts.ground.daemon_json.path.to_string_lossy(),
        "no proxies",
    ))
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::fact::Fact;
    use crate::host::UserManager;
    use crate::testing::TestHost;

    const JSON: &str = "/home/alice/.config/docker/daemon.json";

    fn on(routes: &str) -> TestHost {
        TestHost::new()
            .exe("/usr/bin/slirp4netns", "755")
            .prints("slirp4netns --version", "slirp4netns version 1.2.0\n")
            .exe("/usr/bin/dockerd", "755")
            .prints("dockerd --version", "Docker version 24.0.1, build x\n")
            .file("/proc/net/route", routes)
    }

    #[test]
    fn networks_that_hide_others() {
        let id = "network.subnet-clash";
        let lan = "eth0 00000000 0100A8C0 0003 0 0 0 00000000 0 0 0\n\
                   eth0 0000A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n";
        assert_eq!(on(lan).check(id).status, Status::Pass);
        let vpn = "tun0 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0\n";
        assert_eq!(on(vpn).check(id).status, Status::Info);
        let moved = on(vpn).file(JSON, "{\"bip\": \"10.200.0.1/24\"}");
        assert_eq!(moved.check(id).status, Status::Pass);
        let rootful = "docker0 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0\n";
        assert_eq!(on(rootful).check(id).status, Status::Pass);
        let office = "eth0 0002000A 00000000 0001 0 0 0 00FFFFFF 0 0 0\n";
        assert_eq!(on(office).check(id).status, Status::Info);
        let virtual_box = format!("eth0 00000000 0202000A 0003 0 0 0 00000000 0 0 0\n{office}");
        assert_eq!(on(&virtual_box).check(id).status, Status::Pass);
        assert_eq!(TestHost::new().check(id).status, Status::Unknown);
    }

    #[test]
    fn name_servers_and_bridges() {
        let resolv = |text: &str| TestHost::new().file("/etc/resolv.conf", text);
        let id = "network.dns";
        assert_eq!(
            resolv("nameserver 127.0.0.53\n").check(id).status,
            Status::Pass
        );
        assert_eq!(resolv("search x\n").check(id).status, Status::Warn);
        assert_eq!(TestHost::new().check(id).status, Status::Warn);
        let ipv6 = on("").file("/etc/resolv.conf", "nameserver 2001:db8::1\n");
        assert_eq!(ipv6.check(id).status, Status::Unknown);
        let json = |text: &str| {
            TestHost::new()
                .file(JSON, text)
                .check("network.bridge")
                .status
        };
        assert_eq!(json("{\"bridge\": \"br1\"}"), Status::Fail);
        assert_eq!(json("{\"bridge\": \"none\"}"), Status::Pass);
        assert_eq!(json("{\"bridge\": 1}"), Status::Pass);
        assert_eq!(json("{"), Status::Unknown);
    }

    #[test]
    fn proxies_of_shell_and_unit() {
        let id = "network.proxy";
        let manager = |environment: &[&str]| {
            let manager = UserManager {
                environment: environment.iter().map(ToString::to_string).collect(),
                ..UserManager::default()
            };
            let host = TestHost::new().env("https_proxy", "http://u:secret@p:3128");
            host.with(|b| b.user_manager = Some(Fact::Known(manager)))
        };
        let found = manager(&[]).check(id);
        assert_eq!(found.status, Status::Warn);
        assert!(!format!("{found:?}").contains("secret"));
        assert_eq!(manager(&["HTTPS_PROXY=x"]).check(id).status, Status::Pass);
        let unit = "[Service]\nEnvironment=HTTP_PROXY=http://p\n";
        let unit = manager(&[]).file("/etc/systemd/user/docker.service", unit);
        assert_eq!(unit.check(id).status, Status::Pass);
        let json = manager(&[]).file(JSON, "{\"proxies\": {\"http-proxy\": \"http://p\"}}");
        assert_eq!(json.check(id).status, Status::Pass);
        let file = manager(&[]).file("/etc/environment.d/p.conf", "http_proxy=http://p\n");
        assert_eq!(file.check(id).status, Status::Pass);
        assert_eq!(TestHost::new().check(id).status, Status::Skip);
    }
}
