//! Actions as a POSIX shell script: the root part, to be read before it is run.

#[cfg(test)]
mod tests;

use super::action::{Action, By, SubIds};
use super::typed::{SYSCTL_CONF, line, refs, section};
use super::{allowed, place, ranges};

const HEAD: &str = include_str!("../../../templates/script/head.sh");

/// Functions that a script has when a line of it calls them.
const PARTS: [(&str, &str); 9] = [
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
    ("mode", include_str!("../../../templates/script/mode.sh")),
    ("own", include_str!("../../../templates/script/own.sh")),
    (
        "program",
        include_str!("../../../templates/script/program.sh"),
    ),
];

/// What the other functions check paths with.
const ONLY_ROOT: &str = include_str!("../../../templates/script/only_root.sh");

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
                lines.extend(match allowed::check(action) {
                    Ok(()) => action.script(),
                    Err(why) => vec![format!("# Not done: {}", comment(&why))],
                });
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
    let functions: Vec<&str> = PARTS
        .iter()
        .filter(|(name, _)| calls(name))
        .map(|(_, text)| *text)
        .collect();
    let checks = |text: &str| text.contains("only_root ") || text.contains("private ");
    let needed = checks(&body) || functions.iter().any(|text| checks(text));
    let head = HEAD
        .replace("{title}", &comment(title))
        .replace("{version}", env!("CARGO_PKG_VERSION"));
    std::iter::once(head.as_str())
        .chain(needed.then_some(ONLY_ROOT))
        .chain(functions)
        .chain([body.as_str()])
        .collect()
}

/// One line, and nothing that could end the comment or that an editor does not show.
fn comment(text: &str) -> String {
    allowed::shown(&text.replace(['\n', '\r', '\t'], " "))
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
            Action::Mode { path, mode, owner } => vec![line(&["mode", path, mode, owner])],
            Action::Own {
                home, path, owner, ..
            } => own(home, path, owner),
            Action::Remount { mount, option } => vec![line(&[
                "mount",
                "-o",
                &format!("remount,{option}"),
                "--",
                mount,
            ])],
            Action::Profile { file: path, lines } => vec![
                line(&[
                    "program",
                    path,
                    &allowed::profile_program(path, lines).unwrap_or_default(),
                ]),
                file(path, lines),
                line(&["apparmor_parser", "-r", "--", path]),
            ],
            Action::LoadProfile { file } => vec![
                line(&["only_root", file]),
                line(&["apparmor_parser", "-r", "--", file]),
            ],
            Action::Linger { user } => vec![line(&["loginctl", "enable-linger", "--", user])],
            Action::Regular { path } => vec![line(&["regular", path])],
            Action::Disable { units } => vec![line(
                &[&["systemctl", "disable", "--now", "--"][..], &refs(units)].concat(),
            )],
            Action::Capability { path, capability } => {
                vec![
                    line(&["only_root", path]),
                    line(&["setcap", capability, path]),
                ]
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

/// What is deepest comes first, so that a directory is root's for as long as something
/// in it is still to be given away.
fn own(home: &str, path: &str, owner: &str) -> Vec<String> {
    let top = path
        .strip_prefix(home)
        .map_or(path, |rest| rest.trim_start_matches('/'));
    let fixed = place::handed_over(top).filter(|path| !path.contains('*'));
    let mut paths: Vec<&str> = fixed.collect();
    paths.reverse();
    let (uid, gid) = owner.split_once(':').unwrap_or_default();
    vec![line(&[&["own", home, uid, gid][..], &paths].concat())]
}
