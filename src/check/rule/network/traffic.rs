//! What gets through: ping, and packets of a size the way can take.

use super::choice::choice;
use crate::check::{Outcome, Undetermined, Verdict, fail, pass};
use crate::facts::Facts;
use crate::facts::area::network::launch::Pin;
use crate::facts::area::network::script::Driver;

/// The largest MTU RootlessKit takes (`mtu must be <= 65521`).
const MOST: u64 = 65521;

/// Containers can ping.
pub fn ping(facts: &Facts) -> Verdict {
    // Where the driver is not known, the kernel's setting still is.
    match choice(facts).ok().and_then(|c| c.driver()) {
        Some(Driver::Vpnkit) => {
            return Ok(fail("vpnkit carries no ping").remedy("driver"));
        }
        Some(Driver::Gvisor) => {
            return Ok(pass("answered by gvisor-tap-vsock itself, reached or not"));
        }
        Some(Driver::LxcUserNic) => return Ok(pass("through lxc-user-nic")),
        Some(Driver::Slirp4netns | Driver::Pasta) | None => {}
    }
    let sysctl = "net.ipv4.ping_group_range";
    let network = facts.network.need("network")?;
    let (first, last) = *network.sysctls.ping_group_range.need(sysctl)?;
    let subject = facts.ground.subject.as_ref();
    let subject = subject.ok_or_else(|| Undetermined::new("whose groups to look for"))?;
    let mut groups = subject.groups.iter().chain([&subject.gid]);
    let covered = groups.any(|gid| (first..=last).contains(gid));
    let outcome = match covered {
        true => pass("allowed by ping_group_range"),
        false if first > last => fail("ping_group_range is empty"),
        false => fail(format!(
            "ping_group_range leaves out {}'s groups",
            subject.name
        )),
    };
    Ok(outcome.seen(sysctl, format!("{first} {last}")))
}

/// RootlessKit takes the MTU it is given; else it does not start.
pub fn mtu_accepted(facts: &Facts) -> Verdict {
    let pin = facts.network.need("network")?.launch.mtu.as_ref();
    let Some(pin) = pin else {
        return Ok(pass("no MTU is pinned"));
    };
    Ok(match pin.value.parse::<u64>() {
        Ok(mtu) if mtu <= MOST => of_pin(pass(format!("RootlessKit takes an MTU of {mtu}")), pin),
        _ => of_pin(
            fail(format!("RootlessKit takes no MTU of {}", pin.value)),
            pin,
        ),
    })
}

/// Packets fit the devices they go through.
pub fn mtu(facts: &Facts) -> Verdict {
    let network = facts.network.need("network")?;
    let settings = facts.ground.daemon_json.settings()?;
    let driver = choice(facts)?.driver();
    let pin = network.launch.mtu.as_ref();
    let pinned = pin.and_then(|pin| pin.value.parse::<u64>().ok());
    let tap = pinned.or_else(|| usual(driver));
    if let (Some(Driver::Vpnkit), Some(pin), Some(1501..)) = (driver, pin, pinned) {
        return Ok(of_pin(fail("vpnkit takes no MTU above 1500"), pin));
    }
    if let (Some(Driver::LxcUserNic), Some(mtu)) = (driver, tap)
        && let Some((interface, uplink)) = network.routes.uplink.ask("the default route")?
        && mtu > *uplink
    {
        return Ok(
            fail(format!("MTU {mtu} is more than {interface} carries")).seen(
                format!("/sys/class/net/{interface}/mtu"),
                uplink.to_string(),
            ),
        );
    }
    let bridge = settings
        .mtu
        .filter(|bridge| tap.is_some_and(|tap| *bridge > tap));
    if let (Some(bridge), Some(tap)) = (bridge, tap) {
        let file = facts.ground.daemon_json.path.to_string_lossy();
        return Ok(fail("the bridge's MTU is more than the tap device carries")
            .seen(file, format!("mtu {bridge}"))
            .seen("tap0", tap.to_string()));
    }
    Ok(pass(tap.map_or_else(
        || "nothing sets one".to_owned(),
        |tap| format!("{tap} towards the host"),
    )))
}

/// What the script hands over without a pin: 65520 for slirp4netns, and for the
/// others what their version of it says.
fn usual(driver: Option<Driver>) -> Option<u64> {
    match driver? {
        Driver::Slirp4netns => Some(65520),
        Driver::Vpnkit | Driver::LxcUserNic => Some(1500),
        Driver::Pasta | Driver::Gvisor => None,
    }
}

fn of_pin(outcome: Outcome, pin: &Pin) -> Outcome {
    let line = format!("DOCKERD_ROOTLESS_ROOTLESSKIT_MTU={}", pin.value);
    outcome.seen(&pin.file, line)
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::testing::TestHost;

    const RANGE: &str = "/proc/sys/net/ipv4/ping_group_range";

    #[test]
    fn ping_by_the_users_groups() {
        let id = "network.ping";
        let range = |text: &str| TestHost::new().file(RANGE, text).check(id);
        assert_eq!(range("0\t2147483647\n").status, Status::Pass);
        assert_eq!(range("1000 1000").status, Status::Pass);
        assert_eq!(range("1\t0\n").summary, "ping_group_range is empty");
        assert_eq!(range("0 999").status, Status::Info);
        assert_eq!(range("rubbish").status, Status::Unknown);
        assert_eq!(TestHost::new().check(id).status, Status::Unknown);
    }

    #[test]
    fn ping_by_the_driver() {
        let id = "network.ping";
        let unit = |net: &str| {
            let unit = format!("[Service]\nEnvironment=DOCKERD_ROOTLESS_ROOTLESSKIT_NET={net}\n");
            let host = TestHost::new().file(RANGE, "1 0");
            host.file("/etc/systemd/user/docker.service", &unit)
                .check(id)
                .status
        };
        assert_eq!(unit("vpnkit"), Status::Info);
        assert_eq!(unit("gvisor-tap-vsock"), Status::Pass);
        assert_eq!(unit("lxc-user-nic"), Status::Pass);
        assert_eq!(unit("slirp4netns"), Status::Info);
    }

    #[test]
    fn an_mtu_that_fits() {
        let check = |id: &str, net: &str, mtu: &str, json: &str| {
            let unit = format!(
                "[Service]\nEnvironment=DOCKERD_ROOTLESS_ROOTLESSKIT_NET={net}\n\
                 Environment=DOCKERD_ROOTLESS_ROOTLESSKIT_MTU={mtu}\n"
            );
            TestHost::new()
                .file("/etc/systemd/user/docker.service", &unit)
                .file("/home/alice/.config/docker/daemon.json", json)
                .file(
                    "/proc/net/route",
                    "eth0 00000000 010200C0 0003 0 0 0 00000000 0 0 0\n",
                )
                .file("/sys/class/net/eth0/mtu", "1400\n")
                .check(id)
                .status
        };
        let host = |net: &str, mtu: &str, json: &str| check("network.mtu", net, mtu, json);
        let accepted = |mtu: &str| check("network.mtu-accepted", "slirp4netns", mtu, "{}");
        assert_eq!(accepted(""), Status::Pass);
        assert_eq!(accepted("65521"), Status::Pass);
        assert_eq!(accepted("65522"), Status::Fail);
        assert_eq!(accepted("big"), Status::Fail);
        assert_eq!(host("slirp4netns", "", "{}"), Status::Pass);
        assert_eq!(host("slirp4netns", "65522", "{}"), Status::Skip);
        assert_eq!(host("slirp4netns", "1400", "{\"mtu\": 1500}"), Status::Warn);
        assert_eq!(host("vpnkit", "65520", "{}"), Status::Warn);
        assert_eq!(host("lxc-user-nic", "", "{}"), Status::Warn);
        assert_eq!(host("lxc-user-nic", "1400", "{}"), Status::Pass);
        assert_eq!(host("slirp4netns", "1400", "{"), Status::Unknown);
    }
}
