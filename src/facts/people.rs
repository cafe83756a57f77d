//! The users that an administrator names: one by one, in a file, by a group.

use std::path::Path;
use std::time::Duration;

use crate::facts::limits::LARGEST_ACCOUNTS;
use crate::facts::subject;
use crate::host::Host;

/// The names in a file, one a line; `#` begins a comment.
pub fn listed(text: &str) -> impl Iterator<Item = &str> {
    let plain = text.lines().filter_map(|line| line.split('#').next());
    plain.map(str::trim).filter(|name| !name.is_empty())
}

/// Members of a group, those whose primary group it is among them; none if
/// there is no such group.
pub fn members(host: &dyn Host, group: &str) -> Option<Vec<String>> {
    let file = host.read_up_to(Path::new("/etc/group"), LARGEST_ACCOUNTS);
    let local = file.known().and_then(|text| entry(text, group));
    let (gid, mut names) = local.or_else(|| getent(host, group))?;
    let passwd = host.read_up_to(Path::new("/etc/passwd"), LARGEST_ACCOUNTS);
    let passwd = passwd.known().map_or("", String::as_str);
    let primary = subject::parse_passwd(passwd).filter(|s| s.gid == gid);
    names.extend(primary.map(|s| s.name));
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Some(names)
}

/// `name:x:gid:member,member`
fn entry(text: &str, group: &str) -> Option<(u32, Vec<String>)> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let gid = (fields.next()? == group).then(|| fields.nth(1)?.parse().ok())??;
        let names = fields.next().unwrap_or_default().split(',');
        let names = names.map(str::trim).filter(|name| !name.is_empty());
        Some((gid, names.map(str::to_owned).collect()))
    })
}

/// Groups of LDAP and sssd, whose members may be many.
fn getent(host: &dyn Host, group: &str) -> Option<(u32, Vec<String>)> {
    let patience = Duration::from_secs(20);
    let text = subject::ask_names(host, "getent group", group, patience)?;
    entry(&text, group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Recorded;
    use crate::testing::TestHost;

    #[test]
    fn a_list_with_comments() {
        let names: Vec<&str> = listed("# all\nalice\n\n bob # the other\r\n").collect();
        assert_eq!(names, ["alice", "bob"]);
    }

    #[test]
    fn members_by_list_and_by_primary_group() {
        let host = TestHost::new()
            .file("/etc/group", "root:x:0:\nhpc:x:500:bob,carol\n")
            .file(
                "/etc/passwd",
                "alice:x:1000:500::/home/alice:/bin/sh\nbob:x:1001:500::/:/bin/sh\n",
            );
        let host = Recorded::new(host.0);
        assert_eq!(members(&host, "hpc").unwrap(), ["bob", "carol", "alice"]);
        assert_eq!(members(&host, "-x"), None);
    }
}
