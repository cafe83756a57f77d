//! login.defs(5): the number ranges a host gives to people and to their
//! subordinate ids.

use std::path::Path;

use crate::fact::Fact;
use crate::host::Host;

/// Inclusive range of ids.
pub type Range = (u32, u32);

/// The ranges that matter for subordinate ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginDefs {
    /// `UID_MIN` to `UID_MAX`: ids of people.
    pub uid: Range,
    /// `GID_MIN` to `GID_MAX`.
    pub gid: Range,
    /// `SUB_UID_MIN` to `SUB_UID_MAX`: where subordinate ids are taken from.
    pub sub_uid: Range,
    /// `SUB_GID_MIN` to `SUB_GID_MAX`.
    pub sub_gid: Range,
}

/// Parses the file; what it does not set has shadow's own default.
pub fn parse(text: &str) -> LoginDefs {
    let value = |name: &str, default: u32| {
        let of_name = |line: &str| {
            let mut words = line.split_whitespace();
            (words.next()? == name).then(|| words.next()?.parse().ok())?
        };
        // The last one wins.
        text.lines()
            .filter_map(of_name)
            .next_back()
            .unwrap_or(default)
    };
    LoginDefs {
        uid: (value("UID_MIN", 1000), value("UID_MAX", 60_000)),
        gid: (value("GID_MIN", 1000), value("GID_MAX", 60_000)),
        sub_uid: (
            value("SUB_UID_MIN", 100_000),
            value("SUB_UID_MAX", 600_100_000),
        ),
        sub_gid: (
            value("SUB_GID_MIN", 100_000),
            value("SUB_GID_MAX", 600_100_000),
        ),
    }
}

/// Reads `/etc/login.defs`; a host without one has the defaults.
pub fn collect(host: &dyn Host) -> Fact<LoginDefs> {
    match host.read(Path::new("/etc/login.defs")) {
        Fact::Absent => Fact::Known(parse("")),
        text => text.map(|text| parse(&text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_tabs_and_defaults() {
        let defs = parse("#UID_MAX 5\nUID_MAX\t\t 70000\r\nSUB_UID_MIN 200000\nSUB_UID_MAX x\n");
        assert_eq!(defs.uid, (1000, 70_000));
        assert_eq!(defs.sub_uid, (200_000, 600_100_000));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            parse(&text);
        }
    }
}
