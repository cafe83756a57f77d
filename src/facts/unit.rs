//! systemd unit files: enough of systemd.syntax(7) to know what the user's
//! `docker.service` will run, and with which environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::fact::Fact;
use crate::host::Host;

/// One setting of a unit file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Section without brackets.
    pub section: String,
    /// Name before the equals sign.
    pub name: String,
    /// Value after it, continuation lines joined by a space.
    pub value: String,
    /// Line number, from 1.
    pub line: usize,
}

/// A unit file or drop-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitFile {
    /// Where it was read.
    pub path: PathBuf,
    /// Its settings in order.
    pub settings: Vec<Setting>,
    /// Lines systemd would complain about: number and text.
    pub malformed: Vec<(usize, String)>,
}

/// Parses a unit file; lines that are no setting are kept as malformed.
pub fn parse(path: &Path, text: &str) -> UnitFile {
    let mut unit = UnitFile {
        path: path.into(),
        ..UnitFile::default()
    };
    let mut section = String::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let number = index + 1;
        let mut line = line.trim_start().to_owned();
        if line.trim().is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        while line.ends_with('\\') {
            line.pop();
            line.push(' ');
            // A comment may stand between continuation lines.
            let next = lines
                .by_ref()
                .map(|(_, l)| l)
                .find(|l| !l.trim_start().starts_with(['#', ';']));
            line.push_str(next.unwrap_or_default());
        }
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((name, value)) = line.split_once('=').filter(|_| !section.is_empty()) {
            unit.settings.push(Setting {
                section: section.clone(),
                name: name.trim().to_owned(),
                value: value.trim().to_owned(),
                line: number,
            });
        } else {
            unit.malformed.push((number, line.to_owned()));
        }
    }
    unit
}

/// Splits a value into words as systemd does: quotes, and `\` before a character.
///
/// # Errors
/// An unbalanced quote.
pub fn words(value: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', _) => word.get_or_insert_default().extend(chars.next()),
            (c, Some(q)) if c == q => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    match quote {
        Some(_) => Err("a quote is not closed".to_owned()),
        None => {
            words.extend(word);
            Ok(words)
        }
    }
}

/// The user's `docker.service` as it lies on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DockerUnit {
    /// The unit file, if one is installed.
    pub file: Option<UnitFile>,
    /// Drop-ins that apply, in the order systemd applies them.
    pub drop_ins: Vec<UnitFile>,
    /// Files that are there and could not be read, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
}

impl DockerUnit {
    /// All settings of `section` named `name`, unit first, drop-ins after it;
    /// an empty one resets what came before.
    pub fn values(&self, section: &str, name: &str) -> Vec<&Setting> {
        let files = self.file.iter().chain(&self.drop_ins);
        let mut values = Vec::new();
        for setting in files.flat_map(|file| &file.settings) {
            if setting.section != section || setting.name != name {
                continue;
            }
            match setting.value.as_str() {
                "" => values.clear(),
                _ => values.push(setting),
            }
        }
        values
    }

    /// Variables that `Environment=` sets; a word that is no assignment is passed over,
    /// as systemd does.
    pub fn environment(&self, home: &Path) -> BTreeMap<String, String> {
        let settings = self.values("Service", "Environment");
        let words = settings
            .iter()
            .flat_map(|s| words(&s.value).unwrap_or_default());
        let expand = |value: &str| {
            value
                .replace("%h", &home.to_string_lossy())
                .replace("%%", "%")
        };
        words
            .filter_map(|word| word.split_once('=').map(|(n, v)| (n.to_owned(), expand(v))))
            .collect()
    }

    /// The command the unit runs, if it is installed.
    pub fn exec_start(&self) -> Option<Vec<String>> {
        let last = self.values("Service", "ExecStart").pop()?;
        let mut words = words(&last.value).ok()?;
        if let Some(program) = words.first_mut() {
            *program = program
                .trim_start_matches(['@', '-', ':', '+', '!', '|'])
                .to_owned();
        }
        Some(words)
    }
}

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
    for dir in unit_dirs(config) {
        let path = dir.join("docker.service");
        match host.read(&path) {
            Fact::Known(text) if unit.file.is_none() => unit.file = Some(parse(&path, &text)),
            Fact::Unreadable(why) => unit.unreadable.push((path, why.text)),
            _ => {}
        }
    }
    // By name across directories, the earlier directory hiding the later.
    let mut drop_ins: BTreeMap<String, PathBuf> = BTreeMap::new();
    for dir in unit_dirs(config) {
        let dir = dir.join("docker.service.d");
        for name in host.list(&dir).into_known().unwrap_or_default() {
            if name.ends_with(".conf") {
                drop_ins
                    .entry(name.clone())
                    .or_insert_with(|| dir.join(&name));
            }
        }
    }
    for path in drop_ins.into_values() {
        match host.read(&path) {
            Fact::Known(text) => unit.drop_ins.push(parse(&path, &text)),
            Fact::Unreadable(why) => unit.unreadable.push((path, why.text)),
            Fact::Absent => {}
        }
    }
    unit
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = "[Unit]\n# note\n[Service]\nEnvironment=PATH=/usr/bin:/sbin \"A=b c\"\n\
        ExecStart=/usr/bin/dockerd-rootless.sh \\\n  --iptables=false\nrubbish\n";

    #[test]
    fn settings_continuation_and_rubbish() {
        let file = parse(Path::new("/u"), UNIT);
        let unit = DockerUnit {
            file: Some(file),
            ..DockerUnit::default()
        };
        assert_eq!(
            unit.exec_start().expect("command"),
            ["/usr/bin/dockerd-rootless.sh", "--iptables=false"]
        );
        assert_eq!(unit.environment(Path::new("/h"))["A"], "b c");
        assert_eq!(
            unit.file.expect("file").malformed,
            [(7, "rubbish".to_owned())]
        );
    }

    #[test]
    fn an_empty_value_resets() {
        let file = parse(Path::new("/u"), UNIT);
        let reset = parse(
            Path::new("/d"),
            "[Service]\nExecStart=\nExecStart=/x y\nEnvironment=P=%h/bin\n",
        );
        let unit = DockerUnit {
            file: Some(file),
            drop_ins: vec![reset],
            ..DockerUnit::default()
        };
        assert_eq!(unit.exec_start().expect("command"), ["/x", "y"]);
        assert_eq!(unit.environment(Path::new("/h"))["P"], "/h/bin");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            parse(Path::new("/u"), &text);
            let _ = words(&text);
        }
    }
}
