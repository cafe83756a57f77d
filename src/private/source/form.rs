//! What kind of text a file holds, by its path.

/// How a file's text is made public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Registered values are replaced; nothing else in it is private.
    Plain,
    /// `passwd(5)`.
    Accounts,
    /// `group(5)`.
    Groups,
    /// `subuid(5)`.
    Ranges,
    /// A unit or a drop-in: variables that are not known lose their values.
    Unit,
    /// `NAME=value` lines: likewise.
    Variables,
    /// A JSON configuration of Docker's.
    Json,
    /// `/proc/net/route`, whose addresses are hexadecimal.
    Routes,
    /// Anything else: it is not passed on.
    Withheld,
}

/// Files, and directories with a final slash, whose texts are no one's own.
const PLAIN: [&str; 27] = [
    "/.dockerenv",
    "/dev/.cros_milestone",
    "/etc/apparmor.d/",
    "/etc/login.defs",
    "/etc/modprobe.d/",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/resolv.conf",
    "/etc/rootless-setup/checks.d/",
    "/etc/selinux/config",
    "/etc/sysctl.conf",
    "/etc/sysctl.d/",
    "/etc/ufw/ufw.conf",
    "/etc/wsl.conf",
    "/lib/modprobe.d/",
    "/lib/modules/",
    "/lib/sysctl.d/",
    "/proc/",
    "/run/",
    "/sys/",
    "/usr/lib/modprobe.d/",
    "/usr/lib/os-release",
    "/usr/lib/sysctl.d/",
    "/usr/local/lib/sysctl.d/",
    "/usr/share/apparmor/",
    "/var/lib/systemd/linger/",
    "/usr/bin/docker",
];

/// Names of programs that are scripts of Docker's.
const SCRIPTS: [&str; 3] = ["dockerd-rootless.sh", "dockerd-rootless", "docker"];

/// What kind of text this file holds.
pub fn form(path: &str) -> Form {
    let name = path.rsplit('/').next().unwrap_or_default();
    let plain = |known: &&str| path == *known || (known.ends_with('/') && path.starts_with(*known));
    match path {
        "/etc/passwd" => Form::Accounts,
        "/etc/group" => Form::Groups,
        "/etc/subuid" | "/etc/subgid" => Form::Ranges,
        "/proc/net/route" => Form::Routes,
        "/etc/environment" => Form::Variables,
        _ if path.contains("/environment.d/") => Form::Variables,
        _ if name == "config.json" || name == "meta.json" || name.ends_with("daemon.json") => {
            Form::Json
        }
        _ if path.contains("/systemd/") && is_unit(path) => Form::Unit,
        _ if path.contains("/rootless-setup/checks.d/") => Form::Plain,
        _ if SCRIPTS.contains(&name) => Form::Plain,
        _ if PLAIN.iter().any(plain) => Form::Plain,
        _ => Form::Withheld,
    }
}

fn is_unit(path: &str) -> bool {
    let ends = [
        ".service", ".socket", ".slice", ".target", ".mount", ".conf",
    ];
    ends.iter().any(|end| path.ends_with(end))
}

/// Beginnings of names of variables whose values may be seen (registered values
/// in them are replaced all the same).
const VARIABLES: [&str; 26] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_",
    "TERM",
    "XDG_",
    "DBUS_SESSION_BUS",
    "DOCKER",
    "BUILDKIT",
    "CONTAINERD",
    "ROOTLESSKIT",
    "SYSTEMD_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "FTP_PROXY",
    "MAIL",
    "TMPDIR",
    "GOGC",
    "GOMAXPROCS",
    "CONTAINER",
    "SUDO_U",
];

/// True if the values of this variable may be seen.
pub fn is_public_variable(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    VARIABLES.iter().any(|known| name.starts_with(known))
}

/// The `NAME=value` pairs of a unit's `Environment=` lines, or of an
/// environment file. Where they stand in `text`, these slices do, too.
pub fn assignments(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix("Environment=").unwrap_or(line);
        let line = line.strip_prefix("export ").unwrap_or(line);
        words(line)
            .into_iter()
            .filter_map(pair)
            .for_each(|pair| found.push(pair));
    }
    found
}

/// Splits at blanks that are not quoted; the quotes stay.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quote) = (0, None);
    for (at, c) in line.char_indices() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(q)) if c == q => quote = None,
            (c, None) if c.is_whitespace() => {
                words.push(&line[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    words.push(&line[start..]);
    words
}

fn pair(word: &str) -> Option<(&str, &str)> {
    let word = word.trim_matches(['"', '\'']);
    let (name, value) = word.split_once('=')?;
    let named = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let shouted = !name.is_empty() && name.bytes().all(named);
    shouted.then(|| (name, value.trim_matches(['"', '\''])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_withheld() {
        assert_eq!(form("/etc/shadow"), Form::Withheld);
        assert_eq!(form("/home/alice/notes.txt"), Form::Withheld);
        assert_eq!(form("/home/alice/.config/docker/daemon.json"), Form::Json);
        assert_eq!(
            form("/etc/systemd/system/user@.service.d/x.conf"),
            Form::Unit
        );
    }

    #[test]
    fn assignments_of_units_and_files() {
        let text =
            "[Service]\nEnvironment=\"A=b c\" D=e 'F=g'\nexport H=\"i\"\nExecStart=/x --y=z\n";
        let found = assignments(text);
        let wanted = [
            ("A", "b c"),
            ("D", "e"),
            ("F", "g"),
            ("H", "i"),
            ("ExecStart", "/x"),
        ];
        assert_eq!(found, wanted);
    }
}
