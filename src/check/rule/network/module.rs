//! Kernel modules: none forbidden, none gone, and br_netfilter where it is needed.

use super::choice;
use super::filter::{self, Backend, backend};
use crate::check::{Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::area::network::module::Ban;
use crate::facts::version::Version;

/// Whatever iptables is built on.
const ALWAYS: [&str; 8] = [
    "tun",
    "veth",
    "bridge",
    "overlay",
    "nf_nat",
    "xt_addrtype",
    "xt_conntrack",
    "xt_MASQUERADE",
];

/// No configuration keeps a module out that is not there yet.
pub fn blacklist(facts: &Facts) -> Verdict {
    let modules = &facts.network.need("network")?.modules;
    let by_backend: &[&str] = match backend(facts) {
        Some(Backend::Legacy) => &["ip_tables", "iptable_nat", "iptable_filter"],
        _ => &["nf_tables", "nft_compat", "nft_chain_nat"],
    };
    let needed = ALWAYS.iter().chain(by_backend);
    let banned: Vec<&Ban> = needed.filter_map(|module| modules.ban(module)).collect();
    if banned.is_empty() {
        return match &modules.unreadable {
            Some(why) => Err(Undetermined::new(why.clone())),
            None => Ok(pass("no module that Docker needs is forbidden")),
        };
    }
    if modules.loadable.ask("/proc/modules")?.is_none() {
        return Ok(skip("this kernel loads no modules"));
    }
    modules.present.need("/sys/module")?;
    let missing: Vec<&Ban> = banned
        .into_iter()
        .filter(|b| !modules.has(&b.module))
        .collect();
    let Some(first) = missing.first() else {
        return Ok(pass("what is forbidden is loaded or built in already"));
    };
    let outcome = fail(format!("the module {} must not be loaded", first.module))
        .fill("module", &first.module)
        .fill("file", &first.file);
    Ok(missing
        .iter()
        .fold(outcome, |o, ban| o.seen(&ban.file, &ban.line)))
}

/// The running kernel's modules are still on the disk, and none is lacking.
pub fn kernel_modules(facts: &Facts) -> Verdict {
    let modules = &facts.network.need("network")?.modules;
    let release = facts
        .ground
        .kernel_release
        .need("/proc/sys/kernel/osrelease")?;
    if modules.loadable.ask("/proc/modules")?.is_none() {
        return Ok(skip("this kernel loads no modules"));
    }
    modules.present.need("/sys/module")?;
    let wanted = ["veth", "bridge", "tun"];
    let absent: Vec<&str> = wanted.into_iter().filter(|m| !modules.has(m)).collect();
    if absent.is_empty() {
        return Ok(pass("veth, bridge and tun are loaded or built in"));
    }
    if modules.others_only {
        return Ok(fail(format!(
            "the modules of the running kernel {release} are gone"
        ))
        .seen("/lib/modules", format!("nothing for {release}"))
        .seen("/sys/module", format!("no {}", absent.join(", ")))
        .remedy("reboot"));
    }
    if modules.on_disk.ask("/lib/modules")?.is_none() {
        return Ok(skip("/lib/modules is not to be seen, as in a container"));
    }
    let lacking: Vec<&str> = absent
        .into_iter()
        .filter(|m| !modules.can_load(m))
        .collect();
    Ok(match lacking.is_empty() {
        true => pass("veth, bridge and tun are there to be loaded"),
        false => fail(format!("this kernel has no {}", lacking.join(", "))).seen(
            format!("/lib/modules/{release}"),
            format!("no {}", lacking.join(", ")),
        ),
    })
}

/// br_netfilter is loaded where the daemon's settings need it: an ordinary
/// user's daemon cannot load it.
pub fn br_netfilter(facts: &Facts) -> Verdict {
    let Some(setting) = needs_br_netfilter(facts)? else {
        return Ok(skip("no setting of the daemon needs it"));
    };
    let network = facts.network.need("network")?;
    if network.launch.ignores_br_netfilter {
        return Ok(skip(
            "the daemon is told to do without (DOCKER_IGNORE_BR_NETFILTER_ERROR)",
        ));
    }
    let path = "/proc/sys/net/bridge";
    let file = facts.ground.daemon_json.path.to_string_lossy();
    if network.sysctls.bridge.ask(path)?.is_none() {
        let summary = format!("{setting} needs br_netfilter, which is not loaded");
        return Ok(fail(summary).seen(file, setting).seen(path, "not there"));
    }
    // Only since then does a namespace of its own show it (commit ff6d090d0db4).
    match facts.ground.kernel() {
        Some(kernel) if kernel >= Version::new(5, 3, 0) => {
            Ok(pass("br_netfilter is loaded").seen(path, "there"))
        }
        _ => Err(Undetermined::new(
            "before Linux 5.3 a network namespace may not show net.bridge",
        )),
    }
}

/// icc=false in every version, of the default bridge (moby#41913);
/// userland-proxy=false since Engine 27.4 (moby#48685).
fn needs_br_netfilter(facts: &Facts) -> Result<Option<&'static str>, Undetermined> {
    if filter::not_wanted(facts)?.is_some() {
        return Ok(None);
    }
    let settings = facts.ground.daemon_json.settings()?;
    let bridge = settings.bridge.as_deref() != Some("none");
    if bridge && choice::option(facts, "icc", settings.icc) == Some(false) {
        return Ok(Some("icc=false"));
    }
    if choice::option(facts, "userland-proxy", settings.userland_proxy) != Some(false) {
        return Ok(None);
    }
    let engine = facts.programs.dockerd.need("dockerd --version")?;
    let engine = engine.version.as_ref();
    let engine = engine.ok_or_else(|| Undetermined::new("the version of dockerd"))?;
    Ok((*engine >= Version::new(27, 4, 0)).then_some("userland-proxy=false"))
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::testing::TestHost;

    fn modular() -> TestHost {
        TestHost::new()
            .file("/proc/modules", "")
            .file("/sys/module/kernel/x", "")
    }

    #[test]
    fn bans_count_only_where_the_module_is_not_there() {
        let id = "network.module-blacklist";
        let banned = |line: &str| modular().file("/etc/modprobe.d/cis.conf", line);
        assert_eq!(modular().check(id).status, Status::Pass);
        let failed = banned("install nf_tables /bin/false\n").check(id);
        assert_eq!(failed.status, Status::Warn);
        assert_eq!(failed.evidence[0].value, "install nf_tables /bin/false");
        let loaded = banned("install nf_tables /bin/false\n").file("/sys/module/nf_tables/x", "");
        assert_eq!(loaded.check(id).status, Status::Pass);
        // nft does not need it.
        assert_eq!(
            banned("install ip_tables /bin/true\n").check(id).status,
            Status::Pass
        );
        let hidden = banned("install tun /bin/true\n").file("/run/modprobe.d/cis.conf", "");
        assert_eq!(hidden.check(id).status, Status::Warn);
        let hides = modular()
            .file("/lib/modprobe.d/a.conf", "blacklist tun\n")
            .file("/etc/modprobe.d/a.conf", "");
        assert_eq!(hides.check(id).status, Status::Pass);
        let boot = modular().file("/proc/cmdline", "quiet module_blacklist=overlay,x\n");
        assert_eq!(boot.check(id).status, Status::Warn);
    }

    #[test]
    fn a_kernel_that_was_replaced_needs_a_reboot() {
        let id = "network.kernel-modules";
        let gone = modular().file("/lib/modules/6.1.0-99-amd64/modules.builtin", "");
        let gone = gone.check(id);
        assert_eq!(gone.status, Status::Warn);
        assert!(gone.fix.unwrap().commands[0].contains("reboot"));
        let dir = "/lib/modules/6.1.0-18-amd64";
        let own = || {
            modular().file(
                &format!("{dir}/modules.builtin"),
                "kernel/drivers/net/tun.ko\n",
            )
        };
        assert_eq!(own().check(id).status, Status::Warn);
        let whole = own()
            .file(&format!("{dir}/kernel/drivers/net/veth.ko.xz"), "")
            .file("/sys/module/bridge/x", "");
        assert_eq!(whole.check(id).status, Status::Pass);
        assert_eq!(modular().check(id).status, Status::Skip);
        assert_eq!(TestHost::new().check(id).status, Status::Skip);
    }

    #[test]
    fn br_netfilter_only_where_a_setting_needs_it() {
        let id = "network.br-netfilter";
        let json =
            |text: &str| TestHost::new().file("/home/alice/.config/docker/daemon.json", text);
        let engine = |host: TestHost, v: &str| {
            let host = host.exe("/usr/bin/dockerd", "755");
            host.prints(
                "dockerd --version",
                &format!("Docker version {v}, build x\n"),
            )
        };
        assert_eq!(TestHost::new().check(id).status, Status::Skip);
        assert_eq!(json("{\"icc\": false}").check(id).status, Status::Fail);
        let loaded = json("{\"icc\": false}").file("/proc/sys/net/bridge/x", "1");
        assert_eq!(loaded.check(id).status, Status::Pass);
        let proxy = || json("{\"userland-proxy\": false}");
        assert_eq!(engine(proxy(), "27.4.0").check(id).status, Status::Fail);
        assert_eq!(engine(proxy(), "27.3.1").check(id).status, Status::Skip);
        assert_eq!(
            json("{\"icc\": false, \"iptables\": false}")
                .check(id)
                .status,
            Status::Skip
        );
        let none = json("{\"icc\": false, \"bridge\": \"none\"}");
        assert_eq!(none.check(id).status, Status::Skip);
        let unit = "[Service]\nEnvironment=DOCKER_IGNORE_BR_NETFILTER_ERROR=1\n";
        let told = json("{\"icc\": false}").file("/etc/systemd/user/docker.service", unit);
        assert_eq!(told.check(id).status, Status::Skip);
    }
}
