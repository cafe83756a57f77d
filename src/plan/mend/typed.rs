//! Actions as a person types them.

use super::action::{Action, By, SubIds};
use super::allowed::is_hidden;
use super::place;
use crate::check::family;

impl Action {
    /// The commands, in order, ready to be pasted on a host of this family.
    pub fn commands(&self) -> Vec<String> {
        match self {
            Action::Packages { family, names } => {
                let command = family::install_command(family, &names.join(" "));
                command.into_iter().collect()
            }
            Action::Sysctl {
                name,
                settings,
                over,
            } => sysctl(name, settings, over),
            Action::Modules { name, modules } => vec![
                sudo(&[&["modprobe", "-a"][..], &refs(modules)].concat()),
                tee(modules, &place::modules(name)),
            ],
            Action::UserManager { name, setting } => vec![
                sudo(&["mkdir", "-p", place::USER_MANAGER]),
                tee(&section(setting), &place::user_manager(name)),
                sudo(&["systemctl", "daemon-reload"]),
            ],
            Action::LoginLimit(limit) => vec![tee(&limit.lines(), &limit.file())],
            Action::RestartManager { unit } => vec![
                sudo(&["systemctl", "daemon-reload"]),
                sudo(&["systemctl", "restart", unit]),
            ],
            Action::SubIds(ids) => sub_ids(ids),
            Action::Mode { path, mode, owner } => {
                let own = (!owner.is_empty())
                    .then(|| sudo(&["chown", &format!("{owner}:{owner}"), path]));
                own.into_iter()
                    .chain([sudo(&["chmod", mode, path])])
                    .collect()
            }
            Action::Own { user, check, .. } => vec![sudo(&[
                "rootless-setup",
                "prepare",
                "--user",
                user,
                "--only",
                check,
            ])],
            Action::Remount { mount, option } => {
                vec![sudo(&["mount", "-o", &format!("remount,{option}"), mount])]
            }
            Action::Profile { file, lines } => {
                vec![tee(lines, file), sudo(&["apparmor_parser", "-r", file])]
            }
            Action::LoadProfile { file } => vec![sudo(&["apparmor_parser", "-r", file])],
            Action::Linger { user } => vec![sudo(&["loginctl", "enable-linger", user])],
            Action::Regular { path } => regular(path),
            Action::Disable { units } => {
                vec![sudo(
                    &[&["systemctl", "disable", "--now"][..], &refs(units)].concat(),
                )]
            }
            Action::Capability { path, capability } => vec![sudo(&["setcap", capability, path])],
            Action::SetAside { path, by } => {
                let words = ["mv", path, &aside(path)];
                vec![match by {
                    By::User => line(&words),
                    By::Root => sudo(&words),
                }]
            }
            Action::OwnMode { path, mode } => vec![line(&["chmod", mode, path])],
            Action::RestartDaemon {} => vec![
                "systemctl --user daemon-reload".into(),
                "systemctl --user restart docker.service".into(),
            ],
            Action::StartUnit { unit } => vec![
                "systemctl --user daemon-reload".into(),
                line(&["systemctl", "--user", "start", unit]),
            ],
        }
    }
}

/// The name of a file that is out of the way.
pub fn aside(path: &str) -> String {
    format!("{path}.set-aside")
}

/// The lines of a drop-in with one setting.
pub fn section(setting: &str) -> Vec<String> {
    vec!["[Service]".into(), setting.into()]
}

pub(super) fn refs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// Words of a command, each quoted where it has to be.
pub fn line(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    quoted.join(" ")
}

/// One word for any POSIX shell, whatever it holds. A NUL, which can be neither
/// in a name nor in a path, is left out. What a terminal would not show as what it is,
/// is escaped as bash, zsh and busybox read it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    let word = word.replace('\0', "");
    if word.chars().any(is_hidden) {
        return format!("$'{}'", word.chars().map(escaped).collect::<String>());
    }
    match !word.is_empty() && word.chars().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

fn escaped(c: char) -> String {
    let bytes = |c: char| {
        let mut buffer = [0; 4];
        let bytes = c.encode_utf8(&mut buffer).bytes();
        bytes.map(|byte| format!("\\{byte:03o}")).collect()
    };
    match c {
        '\\' | '\'' => format!("\\{c}"),
        c if is_hidden(c) => bytes(c),
        c => c.to_string(),
    }
}

fn sudo(words: &[&str]) -> String {
    format!("sudo {}", line(words))
}

fn tee<T: AsRef<str>>(lines: &[T], file: &str) -> String {
    let mut words = match lines {
        [one] if !one.as_ref().starts_with('-') => vec!["echo"],
        _ => vec!["printf", "%s\\n"],
    };
    words.extend(lines.iter().map(AsRef::as_ref));
    format!("{} | sudo tee {}", line(&words), line(&[file]))
}

fn sysctl(name: &str, settings: &[String], over: &str) -> Vec<String> {
    let file = place::sysctl(name, over);
    let mut commands = Vec::new();
    if over == SYSCTL_CONF {
        let keys = settings.iter().filter_map(|s| s.split_once('='));
        commands.extend(keys.map(|(key, _)| {
            let pattern = key.replace('.', "[./]");
            sudo(&[
                "sed",
                "-i",
                &format!("s|^[[:space:]]*{pattern}[[:space:]]*=|# &|"),
                over,
            ])
        }));
    }
    commands.push(tee(settings, &file));
    commands.push(sudo(&["sysctl", "-p", &file]));
    commands
}

/// It is read after every drop-in by `sysctl --system`.
pub const SYSCTL_CONF: &str = "/etc/sysctl.conf";

fn regular(path: &str) -> Vec<String> {
    let new = format!("{path}.new");
    vec![
        sudo(&["cp", path, &new]),
        sudo(&["chmod", "0644", &new]),
        sudo(&["mv", &new, path]),
    ]
}

fn sub_ids(ids: &SubIds) -> Vec<String> {
    if ids.append {
        return append(ids);
    }
    let mut words = vec!["usermod"];
    let options = [
        ("--del-subuids", &ids.not_uids),
        ("--del-subgids", &ids.not_gids),
        ("--add-subuids", &ids.uids),
        ("--add-subgids", &ids.gids),
    ];
    for (option, range) in options.iter().filter(|(_, range)| !range.is_empty()) {
        words.extend([*option, range.as_str()]);
    }
    words.push(&ids.user);
    vec![sudo(&words)]
}

fn append(ids: &SubIds) -> Vec<String> {
    let entry = |range: &str| {
        let (first, last) = super::ranges::parse(range)?;
        Some(format!("{}:{first}:{}", ids.user, last - first + 1))
    };
    let files = [("/etc/subuid", &ids.uids), ("/etc/subgid", &ids.gids)];
    let files: Vec<_> = files
        .iter()
        .filter(|(_, range)| !range.is_empty())
        .collect();
    let mut commands = Vec::new();
    if let (true, Some((file, _))) = (ids.open, files.first()) {
        commands.push(format!("echo | sudo tee -a {file}"));
    }
    let same = files.windows(2).all(|pair| pair[0].1 == pair[1].1);
    let groups = match same {
        true => vec![files],
        false => files.into_iter().map(|file| vec![file]).collect(),
    };
    for group in groups {
        let names: Vec<&str> = group.iter().map(|(file, _)| *file).collect();
        if let Some(entry) = group.first().and_then(|(_, range)| entry(range)) {
            let entry = line(&["printf", "%s\\n", &entry]);
            commands.push(format!("{entry} | sudo tee -a {}", names.join(" ")));
        }
    }
    commands
}
