//! What `status` shows: what is installed, what runs, and what differs from
//! what `install` would write.

use std::fmt::Write;

use serde::Serialize;

use crate::ui::{Look, Tone};

/// An installation as it stands.
#[derive(Debug, Default, Serialize)]
pub struct Status {
    /// Major form of this document.
    pub schema_version: u32,
    /// Whose it is.
    pub user: String,
    /// `running`, `stopped`, `failed` or `not installed`.
    pub state: &'static str,
    /// The unit.
    pub unit: Unit,
    /// Every option of the daemon, and who says so.
    pub options: Vec<Setting>,
    /// Where the daemon listens.
    pub socket: Socket,
    /// What answers there; null when nothing does.
    pub engine: Option<Engine>,
    /// The docker client's side.
    pub context: Context,
    /// The daemon starts at boot; null when it cannot be told.
    pub linger: Option<bool>,
    /// What `install` would change.
    pub drift: Vec<String>,
    /// The journal by which `uninstall` takes everything back; null when there is none.
    pub journal: Option<String>,
}

/// An option.
#[derive(Debug, Default, Serialize)]
pub struct Setting {
    /// Its name, as in `setup.toml`.
    pub name: &'static str,
    /// Its value; null where it is left to Docker.
    pub value: Option<String>,
    /// `default`, `--net`, `/home/alice/setup.toml:3`, `by hand: FILE`, or `install`
    /// where a file of ours says so and it is not known who asked.
    pub from: String,
}

/// The unit.
#[derive(Debug, Default, Serialize)]
pub struct Unit {
    /// The file systemd uses; empty for none.
    pub path: String,
    /// `rootless-setup`, `dockerd-rootless-setuptool.sh` or `other`; empty for none.
    pub made_by: &'static str,
    /// `enabled`, `disabled`, …; empty when there is no manager to ask.
    pub enabled: String,
    /// `active (running)` and the like.
    pub active: String,
    /// Drop-ins that apply.
    pub drop_ins: Vec<String>,
}

/// Where the daemon listens.
#[derive(Debug, Default, Serialize)]
pub struct Socket {
    /// `unix://…`.
    pub url: String,
    /// Whether a daemon answers, or why not.
    pub answer: String,
}

/// The engine that answers.
#[derive(Debug, Default, Serialize)]
pub struct Engine {
    /// Version of the engine.
    pub version: String,
    /// Version of its API.
    pub api: String,
    /// RootlessKit, if the engine tells.
    pub rootlesskit: String,
    /// Network driver of RootlessKit.
    pub network_driver: String,
    /// Port driver of RootlessKit.
    pub port_driver: String,
    /// Storage driver.
    pub storage_driver: String,
    /// Cgroup driver and version.
    pub cgroup: String,
    /// It says itself that it is rootless.
    pub rootless: bool,
}

/// The docker client's side.
#[derive(Debug, Default, Serialize)]
pub struct Context {
    /// The current context.
    pub current: String,
    /// Where the context `rootless` leads; empty when there is none.
    pub rootless: String,
    /// What decides instead of the context: `DOCKER_HOST` and the like.
    pub overridden_by: String,
}

/// The page for people.
pub fn render(status: &Status, look: &Look) -> String {
    let tone = match status.state {
        "running" => Tone::Good,
        _ => Tone::Bad,
    };
    let mut page = format!(
        "Rootless Docker of {}: {}.\n\n",
        look.safe(&status.user),
        look.paint(tone, status.state)
    );
    for (name, text) in rows(status).iter().filter(|(_, text)| !text.is_empty()) {
        let _ = writeln!(page, "  {name:<9} {}", look.wrap(text, 12));
    }
    for line in options(&status.options) {
        let _ = writeln!(page, "  {:<9} {}", "option", look.wrap(&line, 12));
    }
    for line in &status.drift {
        let _ = writeln!(
            page,
            "  {:<9} {}",
            "drift",
            look.wrap(&format!("install would {line}"), 12)
        );
    }
    page
}

/// Those that somebody chose, a line each; the others in one.
fn options(all: &[Setting]) -> Vec<String> {
    let chosen = all.iter().filter_map(|setting| {
        let value = setting.value.as_ref()?;
        Some(format!("{} {value} ({})", setting.name, setting.from))
    });
    let mut lines: Vec<String> = chosen.collect();
    let others = all.iter().filter(|setting| setting.value.is_none());
    let others: Vec<&str> = others.map(|setting| setting.name).collect();
    if !others.is_empty() {
        lines.push(format!("Docker's own default: {}", others.join(" ")));
    }
    lines
}

fn rows(status: &Status) -> Vec<(&'static str, String)> {
    let engine = status.engine.as_ref();
    let text = |pick: fn(&Engine) -> String| engine.map(pick).unwrap_or_default();
    vec![
        ("unit", unit(&status.unit)),
        (
            "socket",
            format!("{} {}", status.socket.url, status.socket.answer),
        ),
        (
            "engine",
            text(|e| {
                join(&[
                    ("", &e.version),
                    ("API ", &e.api),
                    ("RootlessKit ", &e.rootlesskit),
                ])
            }),
        ),
        (
            "network",
            text(|e| join(&[("", &e.network_driver), ("port driver ", &e.port_driver)])),
        ),
        ("storage", text(|e| e.storage_driver.clone())),
        ("cgroup", text(|e| e.cgroup.clone())),
        ("context", context(&status.context)),
        ("at boot", at_boot(status.linger)),
        ("journal", status.journal.clone().unwrap_or_default()),
    ]
}

/// Those that are known, with a comma between.
fn join(parts: &[(&str, &str)]) -> String {
    let known = parts.iter().filter(|(_, text)| !text.is_empty());
    let words: Vec<String> = known.map(|(name, text)| format!("{name}{text}")).collect();
    words.join(", ")
}

fn unit(unit: &Unit) -> String {
    match unit.path.as_str() {
        "" => "none".into(),
        path => {
            let by = match unit.made_by {
                "" => String::new(),
                name => format!("by {name}"),
            };
            let drop_ins = match unit.drop_ins.len() {
                0 => String::new(),
                n => format!("{n} drop-ins"),
            };
            join(&[
                ("", path),
                ("", &by),
                ("", &unit.enabled),
                ("", &unit.active),
                ("", &drop_ins),
            ])
        }
    }
}

fn context(context: &Context) -> String {
    let current = match context.current.as_str() {
        "" => "default",
        name => name,
    };
    let mut text = format!("{current} is current");
    match context.rootless.as_str() {
        "" => text.push_str("; there is no context rootless"),
        url => text.push_str(&format!("; rootless leads to {url}")),
    }
    if !context.overridden_by.is_empty() {
        text.push_str(&format!("; but {} decides here", context.overridden_by));
    }
    text
}

fn at_boot(linger: Option<bool>) -> String {
    match linger {
        Some(true) => "starts (lingering is on)".into(),
        Some(false) => "does not start: lingering is off".into(),
        None => "cannot be told".into(),
    }
}
