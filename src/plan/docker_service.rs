//! The user's `docker.service`: its text, the PATH it gives the daemon, and
//! who wrote the one that lies there.

use std::path::{Path, PathBuf};

use super::quote::{self, Unquotable};
use super::template::filled;

/// Name of the unit.
pub const NAME: &str = "docker.service";

/// How a unit of ours begins, whatever its version.
const HEADER: &str = "# Written by rootless-setup.";

/// Where a shell looks on a host that says nothing else.
pub const STANDARD: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// What the unit's text is made of.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// `dockerd-rootless.sh`.
    pub script: &'a Path,
    /// The daemon's PATH, see [`minimal_path`].
    pub path: &'a str,
}

/// The unit, as the setup script of Docker 29 writes it but for the quotes and
/// for the start limit, which is where systemd has it since 230. Right for
/// systemd 247 to 262.
///
/// # Errors
/// A script or a PATH that no unit file can name.
pub fn text(service: &Service<'_>) -> Result<String, Unquotable> {
    let path = quote::assignment("PATH", service.path)?;
    let script = quote::program(service.script)?;
    let template = include_str!("../../templates/docker.service");
    Ok(filled(template, &[("path", &path), ("script", &script)]))
}

/// The PATH the daemon needs: the directory of the script, where RootlessKit
/// and dockerd lie beside it, then the directories of other tools that are not
/// standard, then the standard ones. What cannot stand in a PATH (relative, not
/// UTF-8, with a colon) is left out; nothing stands in it twice.
pub fn minimal_path(script_dir: &Path, tool_dirs: &[PathBuf]) -> String {
    let is_standard = |dir: &&str| STANDARD.contains(dir);
    let tools = tool_dirs.iter().filter_map(|dir| entry(dir));
    let own = tools.filter(|dir| !is_standard(dir));
    let mut dirs: Vec<&str> = Vec::new();
    for dir in entry(script_dir).into_iter().chain(own).chain(STANDARD) {
        if !dirs.contains(&dir) {
            dirs.push(dir);
        }
    }
    dirs.join(":")
}

/// The directory as an entry of PATH, without slashes at its end.
pub(super) fn entry(dir: &Path) -> Option<&str> {
    let text = dir.to_str()?;
    let text = match text.trim_end_matches('/') {
        "" if !text.is_empty() => "/",
        trimmed => trimmed,
    };
    let fits = text.starts_with('/') && !text.contains(':');
    fits.then_some(text)
}

/// Who wrote a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// We did, in this version or another. Whether somebody edited it since,
    /// a comparison with [`text`] tells.
    Ours,
    /// `dockerd-rootless-setuptool.sh` (or the `rootless-install.sh` before it)
    /// did, and nobody edited it.
    SetupScript,
    /// Somebody else, or somebody edited it.
    Other,
}

/// Tells who wrote a unit by its text.
pub fn origin(text: &str) -> Origin {
    if text.starts_with(HEADER) {
        Origin::Ours
    } else if is_setup_scripts(text) {
        Origin::SetupScript
    } else {
        Origin::Other
    }
}

/// Every line that some version of the setup script writes, in its order; of
/// those in a row, it writes one, and none of a row that begins with "".
const LINES: [&[&str]; 27] = [
    &["[Unit]"],
    &["Description=Docker Application Container Engine (Rootless)"],
    &[
        "Documentation=https://docs.docker.com/go/rootless/",
        "Documentation=https://docs.docker.com/engine/security/rootless/",
        "Documentation=https://docs.docker.com",
    ],
    // Since 27.1 (moby#48134).
    &["", "Requires=dbus.socket"],
    &[" "],
    &["[Service]"],
    &["Environment=PATH="],
    &["ExecStart="],
    &["ExecReload=/bin/kill -s HUP $MAINPID"],
    &["TimeoutSec=0"],
    &["RestartSec=2"],
    &["Restart=always"],
    &["StartLimitBurst=3"],
    &["StartLimitInterval=60s"],
    &["LimitNOFILE=infinity"],
    &["LimitNPROC=infinity"],
    &["LimitCORE=infinity"],
    &["TasksMax=infinity"],
    &["Delegate=yes"],
    // `notify` since 22.06 (moby#42077).
    &["Type=simple", "Type=notify"],
    &["", "NotifyAccess=all"],
    &["", "KillMode=mixed"],
    &[" "],
    &["[Install]"],
    &["WantedBy=default.target", "WantedBy=multi-user.target"],
    // The end.
    &["", " "],
    &["", " "],
];

fn is_setup_scripts(text: &str) -> bool {
    let mut lines = text.lines().peekable();
    let mut path = None;
    for choices in LINES {
        let found = lines.next_if(|line| choices.iter().any(|c| is_line(line, c, &mut path)));
        if found.is_none() && !choices[0].is_empty() {
            return false;
        }
    }
    lines.next().is_none()
}

/// The line is `written`, or `written` ends where the machine's own paths begin;
/// the PATH is kept for what comes after it.
fn is_line<'a>(line: &'a str, written: &str, path: &mut Option<&'a str>) -> bool {
    match written {
        "" => false,
        " " => line.is_empty(),
        "Environment=PATH=" => {
            *path = line.strip_prefix(written);
            path.is_some()
        }
        "ExecStart=" => starts(line, *path),
        written => line == written,
    }
}

/// `ExecStart=$BIN/dockerd-rootless.sh $FLAGS`, with the flags that some version
/// sets; its PATH begins with `$BIN`.
fn starts(line: &str, path: Option<&str>) -> bool {
    let command = line.strip_prefix("ExecStart=");
    let parts = command.and_then(|c| c.split_once("/dockerd-rootless.sh"));
    let Some((bin, flags)) = parts else {
        return false;
    };
    let flag = |flag: &str| {
        matches!(
            flag,
            "--experimental"
                | "--iptables=false"
                | "--storage-driver=overlay2"
                | "--storage-driver=overlay"
                | "--storage-driver=vfs"
        )
    };
    let same = path.is_some_and(|path| path.starts_with(&format!("{bin}:")));
    same && (flags.is_empty() || flags.starts_with(' ')) && flags.split_whitespace().all(flag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::unit;

    const SCRIPT: &str = "/home/a b/bin/dockerd-rootless.sh";

    fn ours() -> String {
        let service = Service {
            script: Path::new(SCRIPT),
            path: "/home/a b/bin:/usr/bin",
        };
        text(&service).expect("text")
    }

    #[test]
    fn doctor_reads_it_back() {
        let file = unit::parse(Path::new("/u"), &ours());
        assert_eq!(file.malformed, []);
        let unit = unit::DockerUnit {
            file: Some(file),
            ..Default::default()
        };
        assert_eq!(unit.exec_start().expect("command"), [SCRIPT]);
        let environment = unit.environment(Path::new("/h"));
        assert_eq!(environment["PATH"], "/home/a b/bin:/usr/bin");
        assert_eq!(unit.values("Service", "Type")[0].value, "notify");
        assert!(!ours().contains("{{"));
        assert_eq!(origin(&ours()), Origin::Ours);
    }

    #[test]
    fn no_unit_for_what_systemd_would_not_start() {
        let of = |script, path| {
            let script = Path::new(script);
            text(&Service { script, path })
        };
        assert!(matches!(of("x.sh", ""), Err(Unquotable::Relative(_))));
        assert!(matches!(
            of("/a\"/x.sh", ""),
            Err(Unquotable::Program { .. })
        ));
        assert!(matches!(
            of("/x.sh", "\u{1b}"),
            Err(Unquotable::Control { .. })
        ));
    }

    #[test]
    fn the_path_is_minimal() {
        let tools = [
            "/usr/bin",
            "/opt/x//",
            "relative",
            "",
            "/a:b",
            "/opt/x",
            "/home/u/bin",
        ];
        let tools: Vec<PathBuf> = tools.iter().map(PathBuf::from).collect();
        let standard = STANDARD.join(":");
        assert_eq!(
            minimal_path(Path::new("/home/u/bin/"), &tools),
            format!("/home/u/bin:/opt/x:{standard}")
        );
        assert_eq!(
            minimal_path(Path::new("/usr/bin"), &[]),
            "/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin"
        );
        assert_eq!(minimal_path(Path::new("/a:b"), &[]), standard);
        assert_eq!(minimal_path(Path::new("/"), &[]), format!("/:{standard}"));
    }

    /// As the script of 20.10 writes it, in its oldest form, and in its newest.
    fn scripts() -> [String; 3] {
        let tail = "ExecReload=/bin/kill -s HUP $MAINPID\nTimeoutSec=0\nRestartSec=2\nRestart=always\n\
            StartLimitBurst=3\nStartLimitInterval=60s\nLimitNOFILE=infinity\nLimitNPROC=infinity\n\
            LimitCORE=infinity\nTasksMax=infinity\nDelegate=yes\n";
        let head = "[Unit]\nDescription=Docker Application Container Engine (Rootless)\n\
            Documentation=https://docs.docker.com";
        [
            format!(
                "{head}/go/rootless/\n\n[Service]\nEnvironment=PATH=/usr/bin:/sbin:/usr/sbin:/home/a b/bin:/usr/bin\n\
                ExecStart=/usr/bin/dockerd-rootless.sh \n{tail}Type=simple\nKillMode=mixed\n\n\
                [Install]\nWantedBy=default.target\n"
            ),
            format!(
                "{head}\n\n[Service]\nEnvironment=PATH=/home/u/bin:/usr/local/sbin:/bin\n\
                ExecStart=/home/u/bin/dockerd-rootless.sh --experimental --storage-driver=vfs\n{tail}Type=simple\n\n\
                [Install]\nWantedBy=multi-user.target\n"
            ),
            format!(
                "{head}/go/rootless/\nRequires=dbus.socket\n\n[Service]\nEnvironment=PATH=/o p/bin:/sbin:/usr/sbin:/x\n\
                ExecStart=/o p/bin/dockerd-rootless.sh  --iptables=false\n{tail}Type=notify\nNotifyAccess=all\nKillMode=mixed\n\n\
                [Install]\nWantedBy=default.target\n"
            ),
        ]
    }

    #[test]
    fn the_setup_scripts_own() {
        for text in scripts() {
            assert_eq!(origin(&text), Origin::SetupScript, "{text}");
        }
    }

    #[test]
    fn an_edit_makes_it_somebody_elses() {
        for text in scripts() {
            for (at, line) in text.lines().enumerate() {
                let without = |at| {
                    let lines = text.lines().enumerate().filter(|(n, _)| *n != at);
                    lines.map(|(_, l)| format!("{l}\n")).collect::<String>()
                };
                let optional = ["Requires=dbus.socket", "NotifyAccess=all", "KillMode=mixed"];
                if !optional.contains(&line) {
                    assert_eq!(origin(&without(at)), Origin::Other, "without {line:?}");
                }
                if !line.is_empty() {
                    let changed = text.replacen(line, &format!("{line}x"), 1);
                    let is_path = line.starts_with("Environment=PATH=");
                    assert!(is_path || origin(&changed) == Origin::Other, "{line}x");
                }
            }
            assert_eq!(origin(&format!("{text}Environment=A=b\n")), Origin::Other);
            for (from, to) in [("=false", "=true"), ("=vfs", "=zfs"), (".sh ", ".sh -x ")] {
                let changed = text.replace(from, to);
                assert!(changed == text || origin(&changed) == Origin::Other, "{to}");
            }
        }
        assert_eq!(origin(""), Origin::Other);
        assert_eq!(origin("\0\u{fffd}ELF"), Origin::Other);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            origin(&text);
        }
    }
}
