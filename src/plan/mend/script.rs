//! Actions as a POSIX shell script: the root part, to be read before it is run.

#[cfg(test)]
mod tests;

use super::action::{Action, By, SubIds};
use super::typed::{SYSCTL_CONF, line, refs, section};
use super::{place, ranges};

const HEAD: &str = include_str!("../../../templates/script/head.sh");

/// Functions that a script has when a line of it calls them.
const PARTS: [(&str, &str); 7] = [
    ("file", include_str!("../../../templates/script/file.sh")),
    (
        "comment",
        include_str!("../../../templates/script/comment.sh"),
    ),
    (
        "sub_ids",
        include_str!("../../../templates/script/sub_ids.sh"),
    ),
    (
        "packages",
        include_str!("../../../templates/script/packages.sh"),
    ),
    (
        "regular",
        include_str!("../../../templates/script/regular.sh"),
    ),
    (
        "set_aside",
        include_str!("../../../templates/script/set_aside.sh"),
    ),
    (
        "only_root",
        include_str!("../../../templates/script/mode.sh"),
    ),
];

/// What a script is for.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// The check that asks for it.
    pub check: &'a str,
    /// What is wrong, in one line.
    pub summary: &'a str,
    /// What mends it.
    pub actions: &'a [Action],
}

/// The root part of all of it as one script.
pub fn script(title: &str, parts: &[Part<'_>]) -> String {
    let mut body = String::new();
    let mut done: Vec<&Action> = Vec::new();
    for part in parts {
        let mut lines = Vec::new();
        for action in part.actions.iter().filter(|a| a.by() == By::Root) {
            if !done.contains(&action) {
                lines.extend(action.script());
                done.push(action);
            }
        }
        if !lines.is_empty() {
            let summary = comment(part.summary);
            body.push_str(&format!("\n# {}: {summary}\n", part.check));
            body.extend(lines.iter().flat_map(|line| [line, "\n"]));
        }
    }
    let calls = |name: &str| body.lines().any(|l| l.split(' ').next() == Some(name));
    let functions = PARTS
        .iter()
        .filter(|(name, _)| calls(name))
        .map(|(_, text)| *text);
    let head = HEAD
        .replace("{title}", &comment(title))
        .replace("{version}", env!("CARGO_PKG_VERSION"));
    std::iter::once(head.as_str())
        .chain(functions)
        .chain([body.as_str()])
        .collect()
}

/// One line, and nothing that could end the comment.
fn comment(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

impl Action {
    fn script(&self) -> Vec<String> {
        match self {
            Action::Packages { family, names } => {
                vec![call("packages", &[&[family.clone()][..], names].concat())]
            }
            Action::Sysctl {
                name,
                settings,
                over,
            } => sysctl(name, settings, over),
            Action::Modules { name, modules } => vec![
                file(&place::modules(name), modules),
                line(&[&["modprobe", "-a", "--"][..], &refs(modules)].concat()),
            ],
            Action::UserManager { name, setting } => vec![
                file(&place::user_manager(name), &section(setting)),
                "systemctl daemon-reload".into(),
            ],
            Action::LoginLimit(limit) => vec![file(&limit.file(), &limit.lines())],
            Action::RestartManager { unit } => vec![
                "systemctl daemon-reload".into(),
                // As `prepare` does: the restart alone fails now and then on systemd 247.
                ["restart", "start"]
                    .map(|verb| line(&["systemctl", verb, "--", unit]))
                    .join(" || "),
            ],
            Action::SubIds(ids) => sub_ids(ids),
            Action::Mode { path, mode, owner } => mode_of(path, mode, owner),
            Action::Own { path, owner } => vec![line(&["chown", "-RP", "--", owner, path])],
            Action::Remount { mount, option } => vec![line(&[
                "mount",
                "-o",
                &format!("remount,{option}"),
                "--",
                mount,
            ])],
            Action::Profile { file: path, lines } => vec![
                file(path, lines),
                line(&["apparmor_parser", "-r", "--", path]),
            ],
            Action::LoadProfile { file } => vec![line(&["apparmor_parser", "-r", "--", file])],
            Action::Linger { user } => vec![line(&["loginctl", "enable-linger", "--", user])],
            Action::Regular { path } => vec![line(&["regular", path])],
            Action::Disable { units } => vec![line(
                &[&["systemctl", "disable", "--now", "--"][..], &refs(units)].concat(),
            )],
            Action::Capability { path, capability } => {
                vec![line(&["setcap", capability, path])]
            }
            Action::SetAside { path, .. } => {
                vec![line(&["set_aside", path, &super::typed::aside(path)])]
            }
            Action::OwnMode { .. } | Action::RestartDaemon {} | Action::StartUnit { .. } => {
                Vec::new()
            }
        }
    }
}

fn call(name: &str, words: &[String]) -> String {
    line(&[&[name][..], &refs(words)].concat())
}

fn file(path: &str, lines: &[String]) -> String {
    line(&[&["file", path][..], &refs(lines)].concat())
}

fn sysctl(name: &str, settings: &[String], over: &str) -> Vec<String> {
    let keys = settings.iter().filter_map(|s| s.split_once('='));
    let comments = keys
        .filter(|_| over == SYSCTL_CONF)
        .map(|(key, _)| line(&["comment", over, &key.replace('.', "[./]")]));
    let path = place::sysctl(name, over);
    let set = line(&["sysctl", "-q", "-p", &path]);
    comments.chain([file(&path, settings), set]).collect()
}

fn sub_ids(ids: &SubIds) -> Vec<String> {
    let files = [
        ("/etc/subuid", &ids.uids, &ids.not_uids),
        ("/etc/subgid", &ids.gids, &ids.not_gids),
    ];
    let one = |(path, new, old): &(&str, &String, &String)| {
        let (first, last) = ranges::parse(new)?;
        let old = ranges::parse(old).map_or("none".to_owned(), |(first, _)| first.to_string());
        let (first, last) = (first.to_string(), last.to_string());
        Some(line(&["sub_ids", path, &ids.user, &first, &last, &old]))
    };
    files.iter().filter_map(one).collect()
}

fn mode_of(path: &str, mode: &str, owner: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if !owner.is_empty() {
        lines.push(line(&["only_root", path]));
        lines.push(line(&["chown", &format!("{owner}:{owner}"), "--", path]));
    }
    lines.push(line(&["chmod", mode, "--", path]));
    lines
}
