//! The user under examination: oneself, or the one root asks about.
//!
//! `/etc/passwd` first, then `getent` for users that live in LDAP or sssd. No
//! name service is called in this process: a static binary cannot, and a
//! module that crashes would take us with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::limits::LARGEST_ACCOUNTS;
use crate::fact::Fact;
use crate::host::{Host, Program};

/// A user account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group by passwd(5).
    pub gid: u32,
    /// Home directory by passwd(5); `$HOME` may say otherwise.
    pub home: PathBuf,
    /// Login shell.
    pub shell: String,
    /// Ids of all groups, the primary one included.
    pub groups: Vec<u32>,
    /// The account is in `/etc/passwd`, not only in a name service.
    pub local: bool,
    /// It is the user who runs this program.
    pub is_self: bool,
}

/// Why there is nobody to examine.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NoSubject {
    /// Another user was asked for by somebody who is not root.
    #[error("only root can examine another user ({0})")]
    NotRoot(String),
    /// There is no such account.
    #[error("there is no user {0}")]
    Unknown(String),
}

/// Finds the user to examine: `wanted`, else `SUDO_USER`, else oneself.
/// Root without either examines the machine only (`Ok(None)`).
///
/// # Errors
/// [`NoSubject`] when another user is not to be had.
pub fn find(host: &dyn Host, wanted: Option<&str>) -> Result<Option<Subject>, NoSubject> {
    let identity = host.identity();
    if identity.euid != 0 {
        let own = by_uid(host, identity.euid);
        return match wanted {
            Some(name) if name != own.name => Err(NoSubject::NotRoot(name.to_owned())),
            _ => Ok(Some(Subject {
                groups: with(identity.groups, identity.egid),
                is_self: true,
                ..own
            })),
        };
    }
    let sudo = host
        .env("SUDO_USER")
        .into_known()
        .filter(|name| name != "root");
    match wanted.map(str::to_owned).or(sudo) {
        Some(name) => by_name(host, &name).map(Some),
        None => Ok(None),
    }
}

fn with(mut groups: Vec<u32>, gid: u32) -> Vec<u32> {
    if !groups.contains(&gid) {
        groups.push(gid);
    }
    groups
}

/// The account of a uid; what cannot be found stays empty but for the uid.
fn by_uid(host: &dyn Host, uid: u32) -> Subject {
    let passwd = host.read_up_to(Path::new("/etc/passwd"), LARGEST_ACCOUNTS);
    let is = |s: &Subject| s.uid == uid;
    let local = passwd.known().and_then(|text| parse_passwd(text).find(is));
    let found = local.map(|s| Subject { local: true, ..s });
    found
        .or_else(|| getent(host, &uid.to_string()))
        .unwrap_or_else(|| Subject {
            name: host
                .env("USER")
                .into_known()
                .unwrap_or_else(|| uid.to_string()),
            home: host.env("HOME").into_known().unwrap_or_default().into(),
            gid: host.identity().gid,
            uid,
            ..Subject::default()
        })
}

/// The home directory of a uid by passwd(5); none if there is no such account.
pub fn home_of(host: &dyn Host, uid: u32) -> Option<PathBuf> {
    let account = by_uid(host, uid);
    (!account.name.is_empty() && account.home.is_absolute()).then_some(account.home)
}

fn by_name(host: &dyn Host, name: &str) -> Result<Subject, NoSubject> {
    let passwd = host.read_up_to(Path::new("/etc/passwd"), LARGEST_ACCOUNTS);
    let is = |s: &Subject| s.name == name;
    let local = passwd.known().and_then(|text| parse_passwd(text).find(is));
    let found = local.map(|s| Subject { local: true, ..s });
    let found = found.or_else(|| getent(host, name));
    let mut subject = found.ok_or_else(|| NoSubject::Unknown(name.to_owned()))?;
    let groups = host.read_up_to(Path::new("/etc/group"), LARGEST_ACCOUNTS);
    let listed = groups
        .known()
        .map(|text| parse_memberships(text, name))
        .unwrap_or_default();
    subject.groups = with(listed, subject.gid);
    Ok(subject)
}

/// Accounts of LDAP and sssd.
fn getent(host: &dyn Host, key: &str) -> Option<Subject> {
    let text = ask_names(host, "getent passwd", key, Duration::from_secs(5))?;
    parse_passwd(&text).next()
}

/// Asks the name services through `getent`, which is dynamically linked; `query`
/// names the program and the database.
pub fn ask_names(
    host: &dyn Host,
    query: &'static str,
    key: &str,
    patience: Duration,
) -> Option<String> {
    // A name that looks like an option would be taken for one.
    if key.starts_with('-') {
        return None;
    }
    let path = ["/usr/bin/getent", "/bin/getent"];
    let path = path
        .iter()
        .find(|p| matches!(host.stat(Path::new(p)), Fact::Known(_)))?;
    let (_, database) = query.split_once(' ')?;
    let output = host.run(&Program {
        key: query.into(),
        path: (*path).to_owned(),
        args: vec![database.to_owned(), key.to_owned()],
        deadline: patience,
        ..Program::default()
    });
    Some(output.into_known()?.stdout)
}

/// The well-formed lines of a passwd(5) file.
pub fn parse_passwd(text: &str) -> impl Iterator<Item = Subject> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let _password = fields.next()?;
        let uid = fields.next()?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        let _gecos = fields.next()?;
        let home = fields.next()?;
        Some(Subject {
            name: name.to_owned(),
            uid,
            gid,
            home: home.into(),
            shell: fields.next().unwrap_or_default().to_owned(),
            ..Subject::default()
        })
    })
}

/// Ids of the groups of a group(5) file that list `name` as a member.
fn parse_memberships(text: &str, name: &str) -> Vec<u32> {
    let membership = |line: &str| {
        let mut fields = line.split(':');
        let gid = fields.nth(2)?.parse().ok()?;
        fields
            .next()?
            .split(',')
            .any(|member| member == name)
            .then_some(gid)
    };
    text.lines().filter_map(membership).collect()
}

/// A name that is a name wherever it stands: no `@group`, no comment, no path.
pub fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.$".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memberships_are_whole_names() {
        let text = "adm:x:4:alice\nx\ndocker:x:998:malice,alice2\nvideo:x:44:bob,alice\n";
        assert_eq!(parse_memberships(text, "alice"), [4, 44]);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            parse_passwd(&text).count();
            parse_memberships(&text, "a");
        }
    }
}
