//! `daemon.json` and what it asks of this host.

use super::docker;
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::daemon_json::{self, DaemonJson};
use crate::facts::version::Version;

/// dockerd passes over a byte order mark since 23.0.
const TAKES_BOM: Version = Version::new(23, 0, 0);

pub fn daemon_json(facts: &Facts) -> Verdict {
    let file = &facts.ground.daemon_json;
    let path = file.path.to_string_lossy();
    let settings = match file.content.ask(&path)? {
        None if file.named => {
            return Ok(fail("the daemon.json that the unit names is gone")
                .seen(&*path, "not there")
                .fill("file", path));
        }
        None => return Ok(pass("there is no daemon.json, which is fine")),
        Some(Err(why)) => {
            return Ok(fail("daemon.json is not valid JSON")
                .seen(&*path, why)
                .fill("file", path));
        }
        Some(Ok(settings)) => settings,
    };
    let refused = match refused(facts, settings)? {
        Some(found) => found.fill("file", path),
        None => pass("daemon.json can be read by dockerd").seen("daemon.json", path),
    };
    Ok(refused)
}

/// What dockerd refuses in well-formed JSON.
fn refused(facts: &Facts, settings: &DaemonJson) -> Result<Option<Outcome>, Undetermined> {
    // Names out of a user's file are not root's to show.
    let own = facts.ground.subject.as_ref().is_some_and(|s| s.is_self);
    let name = |key: &str| match own {
        true => super::shown(key),
        false => "a key".to_owned(),
    };
    if let Some((key, expected)) = settings.mistyped.first() {
        return Ok(Some(fail(format!(
            "{} in daemon.json is not {expected}",
            name(key)
        ))));
    }
    if let Some(key) = settings.unknown.first() {
        return Ok(Some(fail(format!(
            "daemon.json has {}, which dockerd does not know",
            name(key)
        ))));
    }
    if let Some(key) = named_twice(facts, settings) {
        let found = fail(format!("{key} is set in daemon.json and in the unit"));
        return Ok(Some(found.remedy("twice")));
    }
    if settings.bom && engine(facts)? < TAKES_BOM {
        return Ok(Some(fail("daemon.json starts with a byte order mark")));
    }
    Ok(None)
}

fn engine(facts: &Facts) -> Result<Version, Undetermined> {
    let dockerd = facts.programs.dockerd.need("dockerd --version")?;
    let version = dockerd.version.clone();
    version.ok_or_else(|| Undetermined::new("dockerd --version: no version in it"))
}

/// A setting that is also an option of the unit: dockerd takes it from one only.
fn named_twice(facts: &Facts, settings: &DaemonJson) -> Option<&'static str> {
    let set = [
        ("iptables", settings.iptables.is_some()),
        ("ip6tables", settings.ip6tables.is_some()),
        ("icc", settings.icc.is_some()),
        ("ipv6", settings.ipv6.is_some()),
        ("userland-proxy", settings.userland_proxy.is_some()),
        ("selinux-enabled", settings.selinux_enabled.is_some()),
        ("live-restore", settings.live_restore.is_some()),
        ("bip", settings.bip.is_some()),
        ("fixed-cidr", settings.fixed_cidr.is_some()),
        ("bridge", settings.bridge.is_some()),
        ("data-root", settings.data_root.is_some()),
        ("exec-root", settings.exec_root.is_some()),
        ("storage-driver", settings.storage_driver.is_some()),
        ("log-driver", settings.log_driver.is_some()),
        ("cgroup-parent", settings.cgroup_parent.is_some()),
        ("default-runtime", settings.default_runtime.is_some()),
        ("containerd", settings.containerd.is_some()),
        ("mtu", settings.mtu.is_some()),
    ];
    let home = facts.ground.home_path();
    let by_unit = |name| daemon_json::flag(&facts.ground.unit, home, name).is_some();
    set.into_iter()
        .find(|(name, set)| *set && by_unit(name))
        .map(|(name, _)| name)
}

pub fn cgroup_driver(facts: &Facts) -> Verdict {
    let settings = facts.ground.daemon_json.settings()?;
    let home = facts.ground.home_path();
    let by_unit = daemon_json::flag(&facts.ground.unit, home, "exec-opt");
    let option = "native.cgroupdriver=";
    let mut drivers = settings.exec_opts.iter().chain(&by_unit);
    let Some(driver) = drivers.find_map(|o| o.strip_prefix(option)) else {
        return Ok(skip("no cgroup driver is configured"));
    };
    let v2 = *docker(facts)?.cgroup_v2.need("/sys/fs/cgroup")?;
    Ok(match (driver, v2) {
        ("systemd", false) => fail("the systemd cgroup driver needs cgroup v2 here")
            .seen("exec-opts", "native.cgroupdriver=systemd")
            .seen("/sys/fs/cgroup", "not cgroup v2"),
        _ => pass("the configured cgroup driver fits this host"),
    })
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::host::FileSystem;
    use crate::testing::TestHost;

    const FILE: &str = "/home/alice/.config/docker/daemon.json";

    fn check(text: &str) -> crate::report::CheckResult {
        TestHost::new().file(FILE, text).check("docker.daemon-json")
    }

    #[test]
    fn what_dockerd_refuses() {
        assert_eq!(
            TestHost::new().check("docker.daemon-json").status,
            Status::Pass
        );
        assert_eq!(check(r#"{"userland-proxy": false}"#).status, Status::Pass);
        assert_eq!(check("{ \"a\": 1,\n}").status, Status::Fail);
        assert_eq!(check("\u{7f}ELF\0").status, Status::Fail);
        assert_eq!(
            check(r#"{"iptables": "no"}"#).summary,
            "iptables in daemon.json is not true or false"
        );
        let unknown = check(r#"{"storage-drivr": "vfs"}"#);
        assert_eq!(
            unknown.summary,
            "daemon.json has storage-drivr, which dockerd does not know"
        );
        assert_eq!(check("\u{feff}{}").status, Status::Unknown);
        let bom = |engine: &str| {
            let host = TestHost::new()
                .file(FILE, "\u{feff}{}")
                .exe("/usr/bin/dockerd", "755");
            let line = format!("Docker version {engine}, build x\n");
            host.prints("dockerd --version", &line)
                .check("docker.daemon-json")
                .status
        };
        assert_eq!(
            (bom("20.10.24"), bom("28.0.0")),
            (Status::Fail, Status::Pass)
        );
    }

    #[test]
    fn a_setting_of_both() {
        let unit = "[Service]\nExecStart=/x/dockerd-rootless.sh --iptables=false\n";
        let host = TestHost::new()
            .file("/home/alice/.config/systemd/user/docker.service", unit)
            .file(FILE, r#"{"iptables": false}"#);
        let found = host.check("docker.daemon-json");
        assert_eq!(
            found.summary,
            "iptables is set in daemon.json and in the unit"
        );
    }

    #[test]
    fn a_named_file_has_to_be_there() {
        let unit = "[Service]\nExecStart=/x/dockerd-rootless.sh --config-file=/gone.json\n";
        let host = TestHost::new().file("/home/alice/.config/systemd/user/docker.service", unit);
        assert_eq!(host.check("docker.daemon-json").status, Status::Fail);
    }

    #[test]
    fn the_systemd_cgroup_driver() {
        let on = |magic: u64| {
            let text = r#"{"exec-opts": ["native.cgroupdriver=systemd"]}"#;
            let host = TestHost::new().file(FILE, text).with(|b| {
                let there = FileSystem {
                    magic,
                    ..FileSystem::default()
                };
                b.file_systems.insert("/sys/fs/cgroup".into(), there);
            });
            host.check("docker.cgroup-driver").status
        };
        assert_eq!(on(0x6367_7270), Status::Pass);
        assert_eq!(on(0x0102_1994), Status::Fail);
        assert_eq!(
            TestHost::new().check("docker.cgroup-driver").status,
            Status::Skip
        );
    }
}
