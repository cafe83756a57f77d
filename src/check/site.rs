//! What a site adds: checks written as data, and waivers of ours.
//!
//! Read from `/etc/rootless-setup/checks.d/*.toml` and the user's
//! `~/.config/rootless-setup/checks.d/*.toml`. Data only: no file can name a
//! command that we run. A file that somebody else could have written is
//! refused, because a waiver silences a failure.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::catalogue::{Catalogue, Check};
use crate::fact::Fact;
use crate::facts::Ground;
use crate::facts::limits::{self, Allowance};
use crate::host::{Host, Stat};

/// Where administrators put theirs.
const SYSTEM: &str = "/etc/rootless-setup/checks.d";

/// No more files are read once so many were refused.
const MOST_REFUSED: usize = 16;

/// A file with more checks and waivers is refused.
const MOST_ENTRIES: usize = 200;

/// One file of a site.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    check: Vec<Check>,
    waive: Vec<Waiver>,
}

/// A check that does not count on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Which check.
    pub id: String,
    /// Who decided.
    pub who: String,
    /// Why it does not count.
    pub why: String,
}

/// A file of the site that does not count, and why.
pub type Refused = (PathBuf, String);

/// The catalogue with what the site adds, and the files that were refused.
/// When root examines somebody else, only root's files count.
pub fn extend(
    built_in: &Catalogue,
    host: &dyn Host,
    ground: &Ground,
) -> (Option<Catalogue>, Vec<Refused>) {
    let identity = &ground.identity;
    let own = ground.config_dir.known().filter(|_| identity.euid != 0);
    let own = own.map(|dir| dir.join("rootless-setup/checks.d"));
    let mut refused: Vec<Refused> = Vec::new();
    let mut extended = None;
    let mut left = Allowance::default();
    for dir in std::iter::once(PathBuf::from(SYSTEM)).chain(own) {
        let names = host.list(&dir).into_known().unwrap_or_default();
        for name in names.iter().filter(|name| name.ends_with(".toml")) {
            let path = dir.join(name);
            let catalogue = extended.get_or_insert_with(|| built_in.clone());
            let read = read(host, identity.euid, &path, &mut left);
            if let Err(why) = read.and_then(|file| add(catalogue, file)) {
                refused.push((path, why));
            }
            if refused.len() == MOST_REFUSED {
                return (extended, refused);
            }
        }
    }
    (extended, refused)
}

fn read(host: &dyn Host, uid: u32, path: &Path, left: &mut Allowance) -> Result<File, String> {
    let stat = host
        .stat(path)
        .into_known()
        .ok_or("it cannot be looked at")?;
    trusted(&stat, uid)?;
    match left.read(host, path).and_then(limits::data) {
        Fact::Known(text) => toml::from_str(&text).map_err(|e| e.message().to_owned()),
        Fact::Absent => Ok(File::default()),
        Fact::Unreadable(why) => Err(why.text),
    }
}

/// All of a file or nothing of it.
fn add(catalogue: &mut Catalogue, file: File) -> Result<(), String> {
    let mut with = catalogue.clone();
    if file.check.len() + file.waive.len() > MOST_ENTRIES {
        return Err(format!("it has more than {MOST_ENTRIES} entries"));
    }
    for check in file.check {
        if check.predicate.is_none() {
            return Err(format!("{} has no predicate", check.id));
        }
        with.add(check)?;
    }
    for waiver in file.waive {
        with.waive(waiver)?;
    }
    *catalogue = with;
    Ok(())
}

/// Owned by root or by the user, and writable by nobody else. A group of one's
/// own (gid equals uid, the usual umask 002 set-up) counts as oneself.
fn trusted(stat: &Stat, uid: u32) -> Result<(), String> {
    if stat.uid != 0 && stat.uid != uid {
        return Err(format!(
            "it belongs to uid {}, neither root nor you",
            stat.uid
        ));
    }
    let own_group = stat.gid == stat.uid;
    if stat.mode & 0o002 != 0 || (stat.mode & 0o020 != 0 && !own_group) {
        return Err(format!("others can write to it (mode {:04o})", stat.mode));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::engine::Status;
    use crate::testing::TestHost;

    fn stat(uid: u32, gid: u32, mode: u32) -> Stat {
        Stat {
            uid,
            gid,
            mode,
            ..Stat::default()
        }
    }

    const DIR: &str = "/etc/rootless-setup/checks.d";
    const CHECK: &str = r#"
        [[check]]
        id = "site.forward"
        title = "Forwarding is on"
        level = "required"
        cause = "Our network needs it."
        docs = "https://wiki.example/forward"
        predicate = { sysctl-equals = { name = "net.ipv4.ip_forward", value = "1" } }
    "#;

    #[test]
    fn a_site_adds_a_check_and_waives_one() {
        let waive =
            "[[waive]]\nid = \"userns.max-user-namespaces\"\nwho = \"ops\"\nwhy = \"by design\"\n";
        let host = |forward: &str| {
            TestHost::new()
                .file("/proc/sys/user/max_user_namespaces", "0\n")
                .file("/proc/sys/net/ipv4/ip_forward", forward)
                .file(&format!("{DIR}/10-site.toml"), &format!("{CHECK}\n{waive}"))
                .examine()
        };
        let off = host("0\n");
        assert_eq!(off["site.forward"].status, Status::Fail);
        assert_eq!(off["userns.max-user-namespaces"].status, Status::Skip);
        assert!(
            off["userns.max-user-namespaces"]
                .summary
                .starts_with("waived by ops: by design (")
        );
        assert_eq!(host("1\n")["site.forward"].status, Status::Pass);
    }

    #[test]
    fn a_bad_file_is_refused_whole_and_named() {
        let refused = |text: &str| {
            let host = TestHost::new().file(&format!("{DIR}/x.toml"), text);
            let host = crate::host::Recorded::new(host.0);
            let ground = Ground::collect(&host, None);
            let built_in = Catalogue::built_in().unwrap();
            let (extended, refused) = extend(built_in, &host, &ground);
            assert_eq!(
                extended.map(|c| c.iter().count()),
                Some(built_in.iter().count())
            );
            refused.into_iter().map(|(_, why)| why).collect::<String>()
        };
        assert!(refused("not toml").contains("expected"));
        assert!(refused("[[waive]]\nid=\"no.such\"\nwho=\"a\"\nwhy=\"b\"").contains("no check"));
        assert!(refused(&format!("{CHECK}\n{CHECK}")).contains("another check"));
        assert!(refused("surprise = 1").contains("unknown field"));
    }

    #[test]
    fn a_file_others_can_write_is_refused() {
        assert_eq!(trusted(&stat(0, 0, 0o644), 1000), Ok(()));
        assert_eq!(trusted(&stat(1000, 1000, 0o664), 1000), Ok(()));
        assert!(trusted(&stat(1000, 100, 0o664), 1000).is_err());
        assert!(trusted(&stat(1000, 1000, 0o646), 1000).is_err());
        assert!(trusted(&stat(1001, 1001, 0o644), 1000).is_err());
    }
}
