//! iptables: there, of a kind the kernel knows, and working in a namespace.

use super::choice;
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::host::probe::PacketFilter;

/// dockerd finds iptables, unless it is told to do without.
pub fn iptables(facts: &Facts) -> Verdict {
    if let Some(reason) = not_wanted(facts)? {
        return Ok(reason);
    }
    let tools = &facts.ground.tools;
    Ok(match tools.fact("iptables").ask("iptables")? {
        Some(hit) => pass("iptables is there").seen("iptables", hit.path.to_string_lossy()),
        None => fail("iptables is not on the unit's PATH")
            .seen("PATH of docker.service", &facts.ground.unit_path),
    })
}

/// dockerd was told not to use iptables.
pub fn not_wanted(facts: &Facts) -> Result<Option<Outcome>, Undetermined> {
    let settings = facts.ground.daemon_json.settings()?;
    if choice::option(facts, "iptables", settings.iptables) == Some(false) {
        return Ok(Some(skip(
            "the daemon is told to do without (iptables=false)",
        )));
    }
    let nftables = settings.firewall_backend.as_deref() == Some("nftables");
    Ok(nftables.then(|| skip("the daemon is told to use nftables itself")))
}

/// What iptables is built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// nf_tables.
    Nft,
    /// ip_tables, which newer kernels no longer have.
    Legacy,
}

/// By the name of the real executable: `xtables-nft-multi`, `xtables-legacy-multi`,
/// and `xtables-multi` of iptables before 1.8.
pub fn backend(facts: &Facts) -> Option<Backend> {
    let hit = facts.ground.tools.first("iptables")?;
    let name = hit.real.file_name()?.to_string_lossy();
    match &*name {
        n if n.contains("nft") => Some(Backend::Nft),
        n if n.contains("legacy") => Some(Backend::Legacy),
        "xtables-multi" | "iptables-multi" => Some(Backend::Legacy),
        _ => None,
    }
}

/// What the probe saw: `Ok(None)` where it did not come to it.
fn probed(facts: &Facts) -> Result<Option<&PacketFilter>, Undetermined> {
    let probe = facts.programs.probe.ask("rootlesskit")?;
    Ok(probe.and_then(|p| p.inside.as_ref()?.iptables.as_ref()))
}

/// iptables works where the daemon will call it.
pub fn iptables_works(facts: &Facts) -> Verdict {
    let Some(seen) = probed(facts)? else {
        return Ok(skip("RootlessKit did not get far enough to try"));
    };
    let source = "iptables -t nat -L -n, in a namespace";
    if seen.exit == 0 {
        return Ok(pass("works in a RootlessKit namespace").seen(source, "exit 0"));
    }
    let words = seen.stderr.lines().find(|l| !l.trim().is_empty());
    let words = words.map_or_else(
        || format!("exit {}", seen.exit),
        |l| l.chars().take(160).collect(),
    );
    let outcome = fail("iptables does not work in a RootlessKit namespace").seen(source, words);
    let modules = &facts.network.need("network")?.modules;
    let gone = !modules.has("ip_tables") && !modules.can_load("ip_tables");
    Ok(match backend(facts) {
        _ if modules.others_only => outcome.remedy("reboot"),
        Some(Backend::Legacy) if gone => outcome.remedy("switch"),
        Some(Backend::Legacy) => outcome.remedy("legacy"),
        _ => outcome,
    })
}

/// The kernel still knows what iptables is built on.
pub fn iptables_backend(facts: &Facts) -> Verdict {
    let Some(hit) = facts.ground.tools.first("iptables") else {
        return Ok(skip("iptables is not there"));
    };
    let seen =
        |outcome: Outcome| outcome.seen(hit.path.to_string_lossy(), hit.real.to_string_lossy());
    match backend(facts) {
        Some(Backend::Nft) => Ok(seen(pass("iptables on nf_tables"))),
        None => Ok(seen(skip("its name does not tell what it is built on"))),
        Some(Backend::Legacy) => legacy(facts).map(seen),
    }
}

/// The probe knows best; without it, the kernel's modules.
fn legacy(facts: &Facts) -> Verdict {
    let modules = &facts.network.need("network")?.modules;
    let works = probed(facts).ok().flatten().map(|p| p.exit == 0);
    Ok(match works {
        Some(true) => pass("legacy iptables, and the kernel still has its tables"),
        _ if modules.has("ip_tables") => pass("legacy iptables, and ip_tables is loaded"),
        Some(false) if !modules.can_load("ip_tables") => {
            fail("iptables is the legacy one, and this kernel lacks ip_tables")
        }
        _ if modules.can_load("ip_tables") => {
            fail("iptables is the legacy one, and ip_tables is not loaded").remedy("load")
        }
        _ => {
            modules.present.need("/sys/module")?;
            return Err(Undetermined::new("whether this kernel still has ip_tables"));
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::host::Node;
    use crate::testing::TestHost;

    fn with_iptables(real: &str) -> TestHost {
        let node = Node {
            mode: Some("755".into()),
            real: Some(format!("/usr/sbin/{real}")),
            ..Node::default()
        };
        TestHost::new().node("/usr/sbin/iptables", node)
    }

    fn probe(host: TestHost, exit: i32, stderr: &str) -> TestHost {
        let line = serde_json::json!({
            "rootless_setup_probe": 1,
            "iptables": {"path": "/usr/sbin/iptables", "exit": exit, "stderr": stderr},
        });
        host.exe("/usr/bin/rootlesskit", "755")
            .prints("rootlesskit probe", &format!("{line}\n"))
    }

    const JSON: &str = "/home/alice/.config/docker/daemon.json";

    #[test]
    fn iptables_unless_told_otherwise() {
        let id = "network.iptables";
        assert_eq!(TestHost::new().check(id).status, Status::Fail);
        assert_eq!(
            with_iptables("xtables-nft-multi").check(id).status,
            Status::Pass
        );
        let told = |json: &str| TestHost::new().file(JSON, json).check(id).status;
        assert_eq!(told("{\"iptables\": false}"), Status::Skip);
        assert_eq!(told("{\"firewall-backend\": \"nftables\"}"), Status::Skip);
        assert_eq!(told("{\"iptables\": tru"), Status::Unknown);
        let unit = "[Service]\nExecStart=/usr/bin/dockerd-rootless.sh --iptables=false\n";
        let host = TestHost::new().file("/home/alice/.config/systemd/user/docker.service", unit);
        assert_eq!(host.check(id).status, Status::Skip);
    }

    #[test]
    fn the_probe_tells_whether_it_works() {
        let id = "network.iptables-works";
        let nft = || with_iptables("xtables-nft-multi");
        assert_eq!(probe(nft(), 0, "").check(id).status, Status::Pass);
        let why = "iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Invalid argument\n";
        let failed = probe(nft(), 4, why).check(id);
        assert_eq!(failed.status, Status::Fail);
        assert!(failed.evidence[0].value.contains("generation id"));
        assert_eq!(probe(nft(), -1, "").check(id).status, Status::Fail);
        assert_eq!(nft().check(id).status, Status::Skip);
        assert_eq!(TestHost::new().check(id).status, Status::Skip);
    }

    #[test]
    fn legacy_only_where_the_kernel_has_it() {
        let id = "network.iptables-backend";
        let legacy = || with_iptables("xtables-legacy-multi");
        assert_eq!(
            with_iptables("xtables-nft-multi").check(id).status,
            Status::Pass
        );
        assert_eq!(probe(legacy(), 0, "").check(id).status, Status::Pass);
        assert_eq!(
            probe(legacy(), 3, "Table does not exist").check(id).status,
            Status::Warn
        );
        let loaded = legacy().file("/sys/module/ip_tables/x", "");
        assert_eq!(loaded.check(id).status, Status::Pass);
        assert_eq!(
            legacy().file("/sys/module/x/x", "").check(id).status,
            Status::Unknown
        );
        assert_eq!(with_iptables("ipt").check(id).status, Status::Skip);
    }
}
