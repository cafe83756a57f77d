//! A whole host with files of the fuzzer's, examined as `doctor` does: every
//! collector, every rule and the page.

use std::sync::OnceLock;

use rootless_setup::check::engine::Status;
use rootless_setup::command::examine;
use rootless_setup::host::{Bundle, Kind, Node};
use rootless_setup::report::text;
use rootless_setup::ui::Look;

use super::text;

/// A recorded Ubuntu on which rootless Docker runs.
const BASE: &str = include_str!("../../tests/hosts/ubuntu-24.04-running.toml");

/// The files that an input can replace, by its letter from `a` on.
const FILES: [&str; 26] = [
    "/home/alice/.config/systemd/user/docker.service",
    "/home/alice/.config/systemd/user/docker.service.d/a.conf",
    "/home/alice/.config/systemd/user/docker.service.d/b.conf",
    "/home/alice/.config/docker/daemon.json",
    "/home/alice/.docker/config.json",
    "/home/alice/.docker/contexts/meta/one/meta.json",
    "/home/alice/.config/rootless-setup/checks.d/a.toml",
    "/home/alice/.config/environment.d/a.conf",
    "/etc/subuid",
    "/etc/subgid",
    "/etc/passwd",
    "/etc/login.defs",
    "/etc/apparmor.d/rootlesskit",
    "/etc/sysctl.d/99-x.conf",
    "/etc/modprobe.d/x.conf",
    "/proc/self/mountinfo",
    "/proc/self/status",
    "/proc/self/cgroup",
    "/proc/net/route",
    "/proc/self/uid_map",
    "/etc/resolv.conf",
    "/etc/os-release",
    "/etc/nsswitch.conf",
    "/usr/bin/dockerd-rootless.sh",
    "/etc/security/limits.conf",
    "/proc/locks",
];

/// Parts separated by NUL: a letter for the file, then its text.
pub fn host(data: &[u8]) {
    let mut bundle = base().clone();
    for part in data.split(|b| *b == 0).take(8) {
        let Some((letter, content)) = part.split_first() else {
            continue;
        };
        if let Some(path) = FILES.get(usize::from(letter.wrapping_sub(b'a'))) {
            put(&mut bundle, path, text(content));
        }
    }
    let Ok(report) = examine::replay(bundle) else {
        return;
    };
    assert!(report.checks.len() > 100, "every check is in every report");
    for check in &report.checks {
        let crashed = check.status == Status::Unknown && check.summary.contains("crashed");
        assert!(!crashed, "{}: {}", check.id, check.summary);
    }
    let page = text::render(&report, &Look::plain(), true);
    let safe = Look::plain().safe(&page);
    assert_eq!(safe.chars().find(|c| c.is_control()), None, "{safe:?}");
}

fn base() -> &'static Bundle {
    static PARSED: OnceLock<Bundle> = OnceLock::new();
    PARSED.get_or_init(|| Bundle::parse(BASE).expect("a recorded host"))
}

/// The file with this text, and the directories above it.
fn put(bundle: &mut Bundle, path: &str, text: String) {
    let node = Node {
        kind: Some(Kind::File),
        mode: Some("0755".into()),
        size: Some(text.len() as u64),
        uid: if path.starts_with("/home") { 1000 } else { 0 },
        text: Some(text),
        ..Node::default()
    };
    bundle.files.insert(path.into(), node);
    let mut below = path;
    while let Some((dir, name)) = below.rsplit_once('/').filter(|(dir, _)| !dir.is_empty()) {
        let node = bundle.files.entry(dir.into()).or_insert_with(|| Node {
            uid: if path.starts_with("/home") { 1000 } else { 0 },
            ..Node::default()
        });
        (node.absent, node.error) = (false, None);
        node.kind = Some(Kind::Dir);
        node.mode.get_or_insert_with(|| "0755".into());
        let entries = node.entries.get_or_insert_default();
        if !entries.iter().any(|entry| entry == name) {
            entries.push(name.to_owned());
            entries.sort();
        }
        below = dir;
    }
}
