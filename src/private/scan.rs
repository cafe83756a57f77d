//! Values that are private by their form, wherever they stand: addresses, mail,
//! ids, names of hosts. It only finds them; the register does the rest.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::register::{Kind, Register};

/// Domains whose names everybody writes: those of the documents and the tools.
const PUBLIC: [&str; 46] = [
    "docker.com",
    "docker.io",
    "mobyproject.org",
    "github.com",
    "githubusercontent.com",
    "ghcr.io",
    "gitlab.com",
    "quay.io",
    "gcr.io",
    "k8s.io",
    "kernel.org",
    "freedesktop.org",
    "systemd.io",
    "debian.org",
    "ubuntu.com",
    "launchpad.net",
    "canonical.com",
    "redhat.com",
    "fedoraproject.org",
    "centos.org",
    "rockylinux.org",
    "almalinux.org",
    "opensuse.org",
    "suse.com",
    "archlinux.org",
    "alpinelinux.org",
    "gentoo.org",
    "nixos.org",
    "oracle.com",
    "raspberrypi.com",
    "gnu.org",
    "opencontainers.org",
    "rootlesscontaine.rs",
    "passt.top",
    "golang.org",
    "go.dev",
    "apache.org",
    "microsoft.com",
    "apparmor.net",
    "voidlinux.org",
    "devuan.org",
    "linuxmint.com",
    "manjaro.org",
    "aws.amazon.com",
    "man7.org",
    "w3.org",
];

/// Ends of names that are hosts; those that are also ends of files are left out.
const TOP: &str = " com net org edu gov mil io dev cloud biz eu de ch fr nl uk ie es pt cz hu \
    se fi dk ru ua tr gr ca au nz jp cn kr br mx ar za il ae sg hk tw ai tech online site \
    local lan internal intranet corp intra private localdomain test example invalid arpa ";

/// Ends of units of systemd, which have an `@`, too.
const UNITS: [&str; 9] = [
    ".service", ".socket", ".slice", ".scope", ".target", ".mount", ".timer", ".path", ".conf",
];

/// Words before a host's name that stands alone.
const BEFORE: [&str; 6] = ["://", "lookup ", "hostname ", "host ", "Host: ", "server "];

/// Enters everything in `text` that is private by its form.
pub fn scan(text: &str, register: &mut Register) {
    let mut from = 0;
    while let Some(start) = text[from..].find(is_part).map(|at| at + from) {
        let end = text[start..]
            .find(|c| !is_part(c))
            .map_or(text.len(), |at| at + start);
        token(&text[..start], &text[start..end], register);
        from = end;
    }
}

/// Characters of a name or an address.
fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || ".:-_@".contains(c)
}

fn token(before: &str, token: &str, register: &mut Register) {
    if token.len() < 4 {
        return;
    }
    let token = token.trim_matches(['.', '-', '_']);
    let bare = token.trim_end_matches(':');
    if let Some((user, host)) = bare.rsplit_once('@') {
        return mail(user, host, register);
    }
    if let Some((kind, value)) = number(before, bare) {
        register.add(kind, value);
        if kind == Kind::Mac {
            register.add(kind, &bare.replace([':', '-'], ""));
        }
        return;
    }
    let name = without_port(bare);
    let announced = BEFORE.iter().any(|word| before.ends_with(word));
    if is_host(name) && (announced || has_top(name)) {
        host(name, register);
    } else if announced && before.ends_with("://") && is_label(name) && is_remote(before) {
        single(name, register);
    }
}

/// Addresses and ids, and the part of the token that is one.
fn number<'t>(before: &str, token: &'t str) -> Option<(Kind, &'t str)> {
    if is_mac(token) {
        return Some((Kind::Mac, token));
    }
    if is_id(token) {
        return Some((Kind::Id, token));
    }
    let card = token.strip_prefix("enx").or(token.strip_prefix("wlx"));
    if card.is_some_and(|hex| hex.len() == 12 && is_hex(hex)) {
        return Some((Kind::Mac, token));
    }
    let with_zone = token.trim_matches(':');
    let v6 = [token, with_zone].into_iter().find(|t| is_ipv6(t));
    if let Some(address) = v6 {
        return Some((Kind::Ipv6, address));
    }
    let address = without_port(token);
    let version = ["version ", "version: ", "version=", "release "];
    let ends = |word: &str| {
        let at = before.len().checked_sub(word.len());
        at.is_some_and(|at| before.as_bytes()[at..].eq_ignore_ascii_case(word.as_bytes()))
    };
    let version = version.iter().any(|word| ends(word));
    (!version && is_ipv4(address)).then_some((Kind::Ipv4, address))
}

fn without_port(token: &str) -> &str {
    token.split_once(':').map_or(token, |(name, _)| name)
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Six pairs of digits, neither all zero nor all one.
fn is_mac(token: &str) -> bool {
    let by = |c| {
        let mut pairs = token.split(c);
        token.len() == 17 && pairs.clone().count() == 6 && pairs.all(|p| p.len() == 2 && is_hex(p))
    };
    let dull =
        token.bytes().all(|b| b"0:-".contains(&b)) || token.bytes().all(|b| b"fF:-".contains(&b));
    (by(':') || by('-')) && !dull
}

/// A UUID, or 32 hexadecimal digits: of a machine, a boot, a disk, a start of a
/// unit. Digests (64) and short ids of containers (12) tell nobody.
fn is_id(token: &str) -> bool {
    let lengths = token.split('-').map(str::len);
    let uuid = lengths.eq([8, 4, 4, 4, 12]);
    let dull = token.bytes().all(|b| b"0-".contains(&b));
    (uuid || token.len() == 32) && is_hex(&token.replace('-', "")) && !dull
}

fn is_ipv4(token: &str) -> bool {
    let address = token.parse::<Ipv4Addr>();
    address.is_ok_and(|address| !is_common(address.octets()))
}

/// Addresses that every host has: loopback, masks, the networks that Docker and
/// the network drivers make for themselves, and the first of a private block.
pub fn is_common(address: [u8; 4]) -> bool {
    matches!(
        address,
        [0 | 127 | 255, ..]
            | [10, 0, 2, _]
            | [172, 17, ..]
            | [192, 168, 65, _]
            | [10, 0, 0, 0]
            | [172, 16, 0, 0]
            | [192, 168, 0, 0]
            | [169, 254, 0, 0]
            | [224, 0, 0, _]
    )
}

fn is_ipv6(token: &str) -> bool {
    let Ok(address) = token.parse::<Ipv6Addr>() else {
        return false;
    };
    let groups = token.split(':').filter(|group| !group.is_empty()).count();
    let telling = groups > 3 || token.bytes().any(|b| b.is_ascii_digit());
    // `::2` and the like name nobody.
    let tiny = address.segments()[..7] == [0; 7];
    telling && !tiny && address.segments()[1..7] != [0; 6]
}

fn is_label(name: &str) -> bool {
    name.len() < 64
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// Two labels or more, the last of letters.
fn is_host(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.')
        && name.split('.').all(is_label)
        && last.len() > 1
        && last.bytes().all(|b| b.is_ascii_alphabetic())
}

fn has_top(name: &str) -> bool {
    let last = name
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    TOP.contains(&format!(" {last} "))
}

/// A scheme whose authority is a host.
fn is_remote(before: &str) -> bool {
    let scheme = before.trim_end_matches("://");
    !["unix", "fd", "npipe", "file", "docker-image", "oci"]
        .iter()
        .any(|s| scheme.ends_with(s))
}

fn is_public(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let below = |domain: &&str| {
        name.strip_suffix(*domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    PUBLIC.iter().any(below)
}

/// A host with its domain; those everybody knows are none.
pub fn host(name: &str, register: &mut Register) {
    let name = name.trim_matches('.');
    if is_public(name) || register.words.has_all(name) {
        return;
    }
    match name.split_once('.') {
        None => single(name, register),
        Some((first, rest)) => {
            // A name right below the top is a domain itself.
            let kind = if rest.contains('.') {
                Kind::Host
            } else {
                Kind::Domain
            };
            register.add(kind, name);
            if kind == Kind::Host {
                domain(rest, register);
                single(first, register);
            } else {
                owner(first, register);
            }
        }
    }
}

/// A host's name without a domain.
fn single(name: &str, register: &mut Register) {
    if name.len() > 2 && !register.words.has_all(name) {
        register.add(Kind::Host, name);
    }
}

/// A domain with those above it, but for the ends that many share (`co.uk`).
pub fn domain(name: &str, register: &mut Register) {
    let mut rest = name.trim_matches('.');
    while rest.contains('.') && rest.split('.').any(|label| label.len() > 3) {
        if is_public(rest) || register.words.has_all(rest) {
            return;
        }
        register.add(Kind::Domain, rest);
        let (first, above) = rest.split_once('.').unwrap_or((rest, ""));
        owner(first, register);
        rest = above;
    }
}

/// `acme` of `acme.com` says as much as the whole.
fn owner(label: &str, register: &mut Register) {
    if label.len() > 3 && !register.words.has_all(label) {
        register.add(Kind::Name, label);
    }
}

fn mail(user: &str, at: &str, register: &mut Register) {
    let unit = UNITS.iter().any(|end| at.ends_with(end));
    let at = without_port(at);
    if user.is_empty()
        || unit
        || at.bytes().all(|b| b.is_ascii_digit())
        || !at.split('.').all(is_label)
    {
        return;
    }
    let user = user.rsplit(':').next().unwrap_or_default();
    if !register.words.has_all(user) && user.len() > 2 && !is_public(at) {
        register.add(Kind::User, user);
    }
    host(at, register);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(Kind, String)> {
        let mut register = Register::default();
        scan(text, &mut register);
        register
            .entries()
            .iter()
            .map(|e| (e.kind, e.value.clone()))
            .collect()
    }

    #[test]
    fn what_every_host_has_is_not_private() {
        for text in [
            "127.0.0.1:2375 0.0.0.0 ::1 [::]:53 10.0.2.3 172.17.0.1/16 255.255.255.0",
            "slirp4netns version 1.2.0.1 and v1.2.3.4-rc1, 5.10.0-46-amd64, 20.10.24+dfsg1",
            "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "container 3f4e8a7b9c0d at 12:34:56.789 user@1000.service getty@tty1.service",
            "https://docs.docker.com/engine/ docker.io/library/alpine com.docker.network.bridge.name",
            "usr.bin.passt io.containerd.runc.v2 docker.service net.ipv4.ip_forward std::fmt a::b",
            "unix:///run/user/1000/docker.sock tunables/home.d/site.local 00:00:00:00:00:00",
            "alice:100000:65536 uid 1000 errno 13 4026531837",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn forms_that_tell() {
        let one = |text| found(text).first().cloned().unwrap();
        for (text, kind, value) in [
            ("dial tcp 10.1.2.3:443: i/o timeout", Kind::Ipv4, "10.1.2.3"),
            ("nameserver 2a01:4f8::1:2", Kind::Ipv6, "2a01:4f8::1:2"),
            (
                "[fe80::1ff:fe23:4567:890a]:80",
                Kind::Ipv6,
                "fe80::1ff:fe23:4567:890a",
            ),
            (
                "ether 52:54:00:12:34:56 brd",
                Kind::Mac,
                "52:54:00:12:34:56",
            ),
            ("dev enx525400123456:", Kind::Mac, "enx525400123456"),
            (
                "root=UUID=1b671a64-40d5-491e-99b0-da01ff1f3341",
                Kind::Id,
                "1b671a64-40d5-491e-99b0-da01ff1f3341",
            ),
            (
                "machine 0123456789abcdef0123456789abcde1.",
                Kind::Id,
                "0123456789abcdef0123456789abcde1",
            ),
            ("by jane.roe@acme.com;", Kind::User, "jane.roe"),
            (
                "https://reg.acme.co.uk:5000/v2/",
                Kind::Host,
                "reg.acme.co.uk",
            ),
            ("lookup build7.zentral on", Kind::Domain, "build7.zentral"),
            ("tcp://buildhost7:2375", Kind::Host, "buildhost7"),
        ] {
            assert_eq!(one(text), (kind, value.to_owned()), "{text}");
        }
        let all = found("reg.acme.co.uk");
        assert!(
            all.contains(&(Kind::Domain, "acme.co.uk".into())),
            "{all:?}"
        );
        assert!(
            all.contains(&(Kind::Name, "acme".into())) && all.len() == 4,
            "{all:?}"
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".{0,80}", more in "[a-f0-9.:@/-]{0,60}") {
            found(&text);
            found(&more);
        }
    }
}
