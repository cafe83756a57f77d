//! sysctl.d(5): which file set a key at boot, so that a remedy can name it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::limits::Allowance;
use crate::host::Host;

/// Directories in the order of precedence: a name in an earlier one hides the
/// same name in a later one.
const DIRS: [&str; 5] = [
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
    "/lib/sysctl.d",
];

/// One `key = value` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The file it stands in.
    pub file: PathBuf,
    /// Line number, from 1.
    pub line: usize,
    /// The value.
    pub value: String,
}

/// The settings of a file: key in its dotted form, value and line number.
pub fn parse(text: &str) -> impl Iterator<Item = (String, &str, usize)> {
    text.lines().enumerate().filter_map(|(index, line)| {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            return None;
        }
        let (key, value) = line.split_once('=')?;
        let key = key.trim().trim_start_matches('-').trim();
        (!key.is_empty()).then(|| (key.replace('/', "."), value.trim(), index + 1))
    })
}

/// Every file that is applied, in the order it is: by name, `/etc/sysctl.conf` last.
fn files(host: &dyn Host) -> Vec<PathBuf> {
    let mut by_name: BTreeMap<String, PathBuf> = BTreeMap::new();
    for dir in DIRS {
        for name in host.list(Path::new(dir)).into_known().unwrap_or_default() {
            if name.ends_with(".conf") {
                let path = Path::new(dir).join(&name);
                by_name.entry(name).or_insert(path);
            }
        }
    }
    let conf = PathBuf::from("/etc/sysctl.conf");
    by_name.into_values().chain([conf]).collect()
}

/// The setting of `key` that is applied last, if any file has one.
pub fn setter(host: &dyn Host, key: &str) -> Option<Setting> {
    let mut last = None;
    let mut left = Allowance::system();
    for file in files(host) {
        let Some(text) = left.read(host, &file).into_known() else {
            continue;
        };
        let of_key = parse(&text).filter(|(name, ..)| name == key).last();
        if let Some((_, value, line)) = of_key {
            let value = value.to_owned();
            last = Some(Setting { file, line, value });
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_both_spellings_comments_and_rubbish() {
        let text = "# a=1\n; b=2\nuser/max_user_namespaces = 0\r\n-kernel.x=3\nrubbish\n=4\n";
        let all: Vec<_> = parse(text).collect();
        assert_eq!(
            all,
            [
                ("user.max_user_namespaces".to_owned(), "0", 3),
                ("kernel.x".to_owned(), "3", 4)
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            parse(&text).count();
        }
    }
}
