//! Versions as distributions print them: `20.10.24+dfsg1`, `252.39-1~deb12u2`,
//! `2023_12_04.b86afe3`. Not SemVer, and compared by their leading numbers only.

use std::fmt;

/// Leading numbers of a version; `1.2` equals `1.2.0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u32; 3]);

impl Version {
    /// A version to compare with.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Version([major, minor, patch])
    }

    /// The version that `text` starts with, an optional `v` passed over.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('v');
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let mut numbers = [0; 3];
        let parts = text.split(['.', '_']).map(leading_number);
        for (number, part) in numbers.iter_mut().zip(parts) {
            let (value, whole) = part?;
            *number = value;
            if !whole {
                break;
            }
        }
        Some(Version(numbers))
    }

    /// The first version found in a line such as `Docker version 28.2.2, build e6534b4`.
    pub fn find(text: &str) -> Option<Self> {
        let words = text.split([' ', ',', '\t', '\n']);
        words
            .filter(|w| {
                w.trim_start_matches('v')
                    .starts_with(|c: char| c.is_ascii_digit())
            })
            .find_map(Self::parse)
    }

    /// The first number.
    pub fn major(&self) -> u32 {
        self.0[0]
    }
}

/// The number a part starts with, and whether that is all of it.
/// A part without any ends the version, like the suffix of `9.x`.
fn leading_number(part: &str) -> Option<(u32, bool)> {
    let end = part
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(part.len());
    match &part[..end] {
        "" => Some((0, false)),
        digits => digits.parse().ok().map(|value| (value, end == part.len())),
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_distributions_print_them() {
        let version = |text| Version::find(text).map(|v| v.0);
        assert_eq!(
            version("Docker version 20.10.24+dfsg1, build 5d6db84"),
            Some([20, 10, 24])
        );
        assert_eq!(
            version("Docker version 28.2.2, build e6534b4"),
            Some([28, 2, 2])
        );
        assert_eq!(version("pasta 2023_12_04.b86afe3"), Some([2023, 12, 4]));
        assert_eq!(version("pasta 0.0~git20230309.7c7625d-1"), Some([0, 0, 0]));
        assert_eq!(version("slirp4netns version 1.2.0"), Some([1, 2, 0]));
        assert_eq!(version("252.39-1~deb12u2"), Some([252, 39, 0]));
        assert_eq!(version("systemd 247 (247.3-7)"), Some([247, 0, 0]));
        assert_eq!(version("rootlesskit version 3.0.0-rc.1"), Some([3, 0, 0]));
        assert_eq!(version("6.18.44-fc-v657"), Some([6, 18, 44]));
        assert_eq!(version("no number here"), None);
        assert_eq!(Version::parse(""), None);
        assert_eq!(Version::parse(".5"), None);
        assert_eq!(version("99999999999999.1"), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            Version::find(&text);
        }
    }
}
