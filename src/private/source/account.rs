//! Accounts: `/etc/passwd`, `/etc/group`, `/etc/subuid`, `getent`, `getsubids`,
//! and directories whose entries are users.

use crate::host::Bundle;
use crate::private::needle::names_of;
use crate::private::register::{Kind, Register};
use crate::private::scan;

/// Ids from here on are people's.
const FIRST: u32 = 1000;

/// `nobody`, whose id is larger than anybody's.
const NOBODY: [u32; 2] = [65_534, 65_535];

/// Names that every host has, whatever their ids.
const COMMON: [&str; 5] = ["root", "nobody", "nogroup", "nfsnobody", "systemd-coredump"];

/// Enters everybody of the recorded host.
pub fn enter(bundle: &Bundle, register: &mut Register) {
    let file = |path: &str| super::text(bundle, path).unwrap_or_default();
    let printed = |key: &str| {
        let output = bundle.programs.get(key).and_then(|run| run.output.as_ref());
        output.map_or("", |output| output.stdout.as_str())
    };
    for line in file("/etc/passwd")
        .lines()
        .chain(printed("getent passwd").lines())
    {
        account(line, register);
    }
    for path in ["/etc/subuid", "/etc/subgid"] {
        for line in file(path).lines() {
            let (name, range) = line.split_once(':').unwrap_or(("", ""));
            if range.contains(':') {
                owner(name.trim(), register);
            }
        }
    }
    for key in ["getsubids", "getsubids -g"] {
        let names = printed(key)
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1));
        names.for_each(|name| owner(name, register));
    }
    file("/etc/group")
        .lines()
        .for_each(|line| group(line, register));
    for dir in ["/home", "/var/lib/systemd/linger"] {
        let names = bundle.files.get(dir).and_then(|node| node.entries.as_ref());
        names
            .into_iter()
            .flatten()
            .for_each(|name| owner(name, register));
    }
}

fn is_person(id: &str) -> bool {
    id.trim()
        .parse()
        .is_ok_and(|id: u32| id >= FIRST && !NOBODY.contains(&id))
}

fn account(line: &str, register: &mut Register) {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, _, gecos, home, ..] = fields[..] else {
        return;
    };
    let known = register.stand_in(name).is_some() || is_listed(name, register);
    if !is_person(uid) && !known && !home.starts_with("/home/") {
        return;
    }
    user(name, register);
    person(gecos, register);
    if let Some((parent, _)) = home
        .rsplit_once('/')
        .filter(|(parent, _)| !parent.is_empty())
    {
        let parent = format!("{}/", parent.to_lowercase());
        if !register.homes.contains(&parent) {
            register.homes.push(parent);
        }
    }
}

fn is_listed(name: &str, register: &Register) -> bool {
    register
        .entries()
        .iter()
        .any(|e| e.kind == Kind::User && e.value == name)
}

/// The gecos field: name, room, telephones.
fn person(gecos: &str, register: &mut Register) {
    for part in gecos.split(',').map(str::trim) {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        if part.len() > 3 && (digits > 3 || !register.words.has_all(part)) {
            register.add(Kind::Person, part);
        }
        for name in names_of(part).map(str::to_owned).collect::<Vec<_>>() {
            if !register.words.has(&name) {
                register.add(Kind::Person, &name);
            }
        }
    }
}

/// A login name. Of a domain's, as `ACME\alice` or `alice@acme.com`, the parts
/// are private one by one, so that its shape, which checks look at, stays.
pub fn user(name: &str, register: &mut Register) {
    let name = name.trim();
    if name.is_empty() || COMMON.contains(&name) {
        return;
    }
    if let Some((domain, own)) = name.split_once('\\').or(name.split_once('+')) {
        register.add(Kind::User, own);
        scan::domain(domain, register);
        if !register.words.has_all(domain) {
            register.add(Kind::Name, domain);
        }
    } else if let Some((own, domain)) = name.split_once('@') {
        register.add(Kind::User, own);
        scan::domain(domain, register);
    } else {
        register.add(Kind::User, name);
    }
}

/// A name in a place where a number may stand as well.
fn owner(name: &str, register: &mut Register) {
    let numeric = name.bytes().all(|b| b.is_ascii_digit());
    let comment = name.starts_with(['#', '.']) || name.contains(' ');
    if !numeric && !comment && name != "lost+found" {
        user(name, register);
    }
}

fn group(line: &str, register: &mut Register) {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, gid, members] = fields[..] else {
        return;
    };
    for member in members.split(',').map(str::trim) {
        if !register.words.has_all(member) {
            owner(member, register);
        }
    }
    if is_person(gid) && !COMMON.contains(&name) && !register.words.has_all(name) {
        register.add(Kind::Group, name);
    }
}
