//! Reads the user's `docker.service` and its drop-ins, within limits.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{DockerUnit, LONGEST, Setting, UnitFile, parse};
use crate::fact::Fact;
use crate::facts::limits::{self, Allowance};
use crate::host::Host;

/// Where a user's unit files lie, the first found wins.
fn unit_dirs(config: &Path) -> [PathBuf; 6] {
    [
        config.join("systemd/user"),
        "/etc/systemd/user".into(),
        "/run/systemd/user".into(),
        "/usr/local/lib/systemd/user".into(),
        "/usr/lib/systemd/user".into(),
        "/lib/systemd/user".into(),
    ]
}

/// Reads the unit and its drop-ins; `config` is `$XDG_CONFIG_HOME` or `~/.config`.
pub fn collect(host: &dyn Host, config: &Path) -> DockerUnit {
    let mut unit = DockerUnit::default();
    let mut left = Allowance::default();
    for dir in unit_dirs(config) {
        let path = dir.join("docker.service");
        match read(host, &path, &mut left) {
            Fact::Known(file) if unit.file.is_none() => unit.file = Some(file),
            Fact::Unreadable(why) => unit.unreadable.push((path, why.text)),
            _ => {}
        }
    }
    for path in drop_ins(host, config, &mut unit.unreadable) {
        match read(host, &path, &mut left) {
            Fact::Known(file) => unit.drop_ins.push(file),
            Fact::Unreadable(why) => {
                unit.unreadable.push((path, why.text));
                // One that is missing is as bad as all that come after it.
                if unit.unreadable.len() >= MOST_UNREADABLE {
                    break;
                }
            }
            Fact::Absent => {}
        }
    }
    unit
}

/// Reads a file; one with a value that no program can be given costs every
/// rule that looks at it, and is not kept.
fn read(host: &dyn Host, path: &Path, left: &mut Allowance) -> Fact<UnitFile> {
    left.read(host, path).and_then(|text| {
        let file = parse(path, &text);
        let long = |setting: &&Setting| setting.value.len() > LONGEST;
        match file.settings.iter().find(long) {
            Some(long) => Fact::unreadable(format!("line {} is too long", long.line)),
            None => Fact::Known(file),
        }
    })
}

/// No more files that could not be read are named.
const MOST_UNREADABLE: usize = 16;

/// The drop-ins by name across directories, the earlier directory hiding the later.
fn drop_ins(
    host: &dyn Host,
    config: &Path,
    unreadable: &mut Vec<(PathBuf, String)>,
) -> impl Iterator<Item = PathBuf> + use<> {
    let mut by_name: BTreeMap<String, PathBuf> = BTreeMap::new();
    for dir in unit_dirs(config) {
        let dir = dir.join("docker.service.d");
        match limits::names(host, &dir, |name| name.ends_with(".conf")) {
            Fact::Known(names) => {
                for name in names {
                    let path = dir.join(&name);
                    by_name.entry(name).or_insert(path);
                }
            }
            // Which of its files count cannot be told either.
            Fact::Unreadable(why) => unreadable.push((dir.join("*.conf"), why.text)),
            Fact::Absent => {}
        }
    }
    by_name.into_values()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Recorded;
    use crate::testing::TestHost;

    const UNITS: &str = "/home/alice/.config/systemd/user";

    fn collected(host: TestHost) -> DockerUnit {
        collect(&Recorded::new(host.0), Path::new("/home/alice/.config"))
    }

    #[test]
    fn drop_ins_beyond_the_limit_are_named() {
        let mut host = TestHost::new().file(&format!("{UNITS}/docker.service"), "[Service]\n");
        for n in 0..70 {
            let path = format!("{UNITS}/docker.service.d/{n:02}.conf");
            host = host.file(&path, "[Service]\nEnvironment=A=b\n");
        }
        let unit = collected(host);
        assert_eq!(unit.drop_ins.len(), 63);
        assert!(unit.unreadable[0].0.ends_with("docker.service.d/63.conf"));
    }

    #[test]
    fn a_drop_in_that_was_not_read_leaves_nothing_certain() {
        let long = format!("[Service]\nEnvironment=A={}\n", "x".repeat(200_000));
        let host = TestHost::new()
            .file(&format!("{UNITS}/docker.service"), "[Service]\n")
            .file(&format!("{UNITS}/docker.service.d/a.conf"), &long);
        assert_eq!(collected(TestHost(host.0.clone())).drop_ins, []);
        let checks = host.examine();
        let status = |id: &str| checks[id].status;
        assert_eq!(
            status("docker.unit-malformed"),
            crate::check::engine::Status::Unknown
        );
        assert_eq!(
            status("docker.unit-iptables"),
            crate::check::engine::Status::Unknown
        );
    }
}
