//! The distribution, by os-release(5).

use std::path::Path;

use crate::fact::Fact;
use crate::host::Host;

/// What `/etc/os-release` says; every field may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OsRelease {
    /// `ID`, for example `debian`; empty when unknown.
    pub id: String,
    /// `ID_LIKE`, split.
    pub id_like: Vec<String>,
    /// `VERSION_ID`, for example `24.04`.
    pub version_id: String,
    /// `PRETTY_NAME`.
    pub pretty_name: String,
}

impl OsRelease {
    /// The first number of `VERSION_ID`; 0 where there is none (rolling releases).
    pub fn major(&self) -> u32 {
        let digits = self.version_id.split('.').next().unwrap_or_default();
        digits.parse().unwrap_or_default()
    }

    /// Whether it is, or derives from, the distribution `id`.
    pub fn is_like(&self, id: &str) -> bool {
        self.id == id || self.id_like.iter().any(|like| like == id)
    }
}

/// Parses os-release text: shell-like assignments; what does not parse is passed over.
pub fn parse(text: &str) -> OsRelease {
    let mut os = OsRelease::default();
    for (name, value) in text.lines().filter_map(|line| line.trim().split_once('=')) {
        let Some(value) = shlex::split(value).map(|words| words.join(" ")) else {
            continue;
        };
        match name {
            "ID" => os.id = value,
            "ID_LIKE" => os.id_like = value.split_whitespace().map(str::to_owned).collect(),
            "VERSION_ID" => os.version_id = value,
            "PRETTY_NAME" => os.pretty_name = value,
            _ => {}
        }
    }
    os
}

/// Reads the distribution; CentOS 6 and older have no such file.
pub fn collect(host: &dyn Host) -> OsRelease {
    let candidates = ["/etc/os-release", "/usr/lib/os-release"];
    let text = candidates
        .iter()
        .find_map(|path| match host.read(Path::new(path)) {
            Fact::Known(text) => Some(text),
            _ => None,
        });
    parse(text.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_lists_and_rubbish() {
        let os = parse(
            "ID=\"rocky\"\nID_LIKE='rhel centos fedora'\nVERSION_ID=9.4\nNAME=\"un\nxx\n\0=1",
        );
        assert_eq!(os.id, "rocky");
        assert_eq!(os.id_like, ["rhel", "centos", "fedora"]);
        assert_eq!(os.major(), 9);
        assert!(os.is_like("rhel") && !os.is_like("debian"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            parse(&text);
        }
    }
}
