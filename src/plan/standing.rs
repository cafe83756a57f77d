//! Which options hold as things stand, and who says so: Docker's default, a
//! flag, a file, or somebody by hand.

use std::path::{Path, PathBuf};

use super::option::table::Place;
use super::option::{Chosen, Entry, Key, TABLE, Value};
use super::present::{Found, Present};
use super::{daemon_json, drop_in};
use crate::facts::Context;
use crate::facts::area::network::launch;
use crate::facts::listens::Listens;

/// Nobody says anything.
pub const DEFAULT: &str = "default";

/// Our own files say it, and it is not known who asked.
const INSTALL: &str = "install";

/// An option as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub name: &'static str,
    /// Its value as on the command line; none where it is left to Docker.
    pub value: Option<String>,
    /// [`DEFAULT`], `--net`, `/home/alice/setup.toml:3`, or `by hand: FILE`.
    pub from: String,
}

/// A value, and the file that says it.
struct Said {
    value: Option<Value>,
    raw: String,
    file: PathBuf,
}

/// Every option. `is_ours` tells whether a file is as we wrote it last.
pub fn all(
    cx: Context<'_>,
    present: &Present,
    is_ours: &dyn Fn(&Path, &str) -> bool,
) -> Vec<Standing> {
    let said = everything(cx, present);
    let settings = TABLE.iter().filter(|entry| entry.is_setting());
    let standing = |entry: &Entry| {
        let said = said.iter().rev().find(|(key, _)| *key == entry.key);
        let Some((_, said)) = said else {
            return Standing {
                name: entry.name,
                value: None,
                from: DEFAULT.to_owned(),
            };
        };
        let value = said.value.as_ref();
        Standing {
            name: entry.name,
            value: Some(value.map_or_else(|| said.raw.clone(), ToString::to_string)),
            from: from(entry, said, present, is_ours),
        }
    };
    settings.map(standing).collect()
}

/// What files say of options, the later over the earlier.
fn everything(cx: Context<'_>, present: &Present) -> Vec<(Key, Said)> {
    let mut all = separately(cx, present);
    let mut chosen = Chosen::default();
    for (key, said) in &all {
        if let Some(value) = &said.value {
            chosen.set(*key, value.clone());
        }
    }
    let chosen = drop_in::joined(chosen, &present.unit_socket);
    all.retain_mut(|(key, said)| match (&said.value, chosen.get(*key)) {
        (None, _) => true,
        // RootlessKit's flags that only publish the API are none of their own.
        (Some(_), None) => false,
        (Some(_), Some(joined)) => {
            said.value = Some(joined.clone());
            true
        }
    });
    all
}

/// As [`everything`], each file for itself.
fn separately(cx: Context<'_>, present: &Present) -> Vec<(Key, Said)> {
    let mut all = Vec::new();
    for (variable, pin) in launch::pins(cx) {
        if let Some((entry, value)) = drop_in::variable(&variable, &pin.value) {
            let said = Said {
                raw: pin.value.clone(),
                file: pin.file.into(),
                value,
            };
            all.push((entry.key, said));
        }
    }
    let (config, found) = &present.daemon_json;
    if let Found::File { seen, .. } = found {
        for (key, value) in daemon_json::read(&seen.text) {
            let said = Said {
                raw: value.to_string(),
                value: Some(value),
                file: config.clone(),
            };
            all.push((key, said));
        }
    }
    let unit = &cx.ground.unit;
    let starts = |file: &&crate::facts::unit::UnitFile| {
        let mut settings = file.settings.iter();
        settings.any(|s| s.section == "Service" && s.name == "ExecStart" && !s.value.is_empty())
    };
    let file = unit.drop_ins.iter().rev().chain(&unit.file).find(starts);
    let mut said = drop_in::said(&unit.exec_start().unwrap_or_default());
    // Of the socket the words alone do not tell.
    said.retain(|(key, _)| *key != Key::Socket);
    if let (Listens::At(socket), Some(_)) = (cx.ground.listens(), file) {
        said.push((Key::Socket, Value::Text(socket.display().to_string())));
    }
    for (key, value) in said {
        let said = Said {
            raw: value.to_string(),
            value: Some(value),
            file: file.map(|f| f.path.clone()).unwrap_or_default(),
        };
        all.push((key, said));
    }
    all
}

fn from(
    entry: &Entry,
    said: &Said,
    present: &Present,
    is_ours: &dyn Fn(&Path, &str) -> bool,
) -> String {
    let name = said.file.file_name().unwrap_or_default().to_string_lossy();
    let drop_in = match present.drop_ins.get(name.as_ref()) {
        Some(Found::File { seen, .. }) if present.drop_in(&name) == said.file => Some(seen),
        _ => None,
    };
    let origins = present.known_origins();
    let asked = said.value.as_ref().and_then(|v| origins.of(entry.key, v));
    let is_settled = drop_in.is_some() || matches!(entry.place, Place::Json(_));
    match (asked, drop_in) {
        (Some(from), _) if is_settled => from.to_owned(),
        (None, Some(seen)) if is_ours(&said.file, &seen.text) => INSTALL.to_owned(),
        _ => format!("by hand: {}", said.file.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Ground, subject};
    use crate::host::Recorded;
    use crate::plan::option::origin::Origins;
    use crate::plan::option::{Choice, Options};
    use crate::testing::TestHost;

    const DIR: &str = "/home/alice/.config/systemd/user/docker.service.d";

    fn standing(host: TestHost) -> Vec<Standing> {
        let host = Recorded::new(host.0);
        let subject = subject::find(&host, None).expect("subject");
        let ground = Ground::collect(&host, subject);
        let present = Present::files(&host, &ground).expect("present");
        let cx = Context {
            host: &host,
            ground: &ground,
        };
        let ours = |_: &Path, text: &str| text.starts_with("# Written by rootless-setup");
        all(cx, &present, &ours)
    }

    fn of(all: &[Standing], key: Key) -> (Option<&str>, &str) {
        let found = all.iter().find(|s| s.name == key.name()).expect("listed");
        (found.value.as_deref(), &found.from)
    }

    /// A host with what was chosen, and the note of who asked.
    fn installed(asked: &Options, chosen: &Chosen) -> TestHost {
        let how = drop_in::How {
            script: Path::new("/usr/bin/dockerd-rootless.sh"),
            socket: Path::new("/run/user/1000/docker.sock"),
            reach: drop_in::Reach::Published,
        };
        let files = drop_in::texts(chosen, &how).expect("texts");
        let origins = Origins::default().after(asked, chosen).text();
        let host = TestHost::new()
            .file(
                "/home/alice/.config/systemd/user/docker.service",
                "[Service]\nExecStart=/usr/bin/dockerd-rootless.sh\n",
            )
            .file(
                "/home/alice/.local/state/rootless-setup/options.json",
                &origins.expect("origins"),
            );
        let add = |host: TestHost, (name, text): &(&str, String)| {
            host.file(&format!("{DIR}/{name}"), text)
        };
        files.iter().fold(host, add)
    }

    #[test]
    fn who_says_what() {
        let asked = Options::default().flag(Key::Mtu, Choice::Set(Value::Number(1400)));
        let chosen = asked
            .merge(&Chosen::default())
            .with(Key::SkipIptables, Value::Flag(true));
        let host = installed(&asked, &chosen).file(
            &format!("{DIR}/override.conf"),
            "[Service]\nEnvironment=DOCKERD_ROOTLESS_ROOTLESSKIT_NET=host\n",
        );
        let all = standing(host);
        assert_eq!(of(&all, Key::Mtu), (Some("1400"), "--mtu"));
        assert_eq!(of(&all, Key::SkipIptables), (Some("yes"), "install"));
        let by_hand = format!("by hand: {DIR}/override.conf");
        assert_eq!(of(&all, Key::Net), (Some("host"), by_hand.as_str()));
        assert_eq!(of(&all, Key::PortDriver), (None, "default"));
    }

    #[test]
    fn the_api_stands_in_two_files_and_is_one_option() {
        let text = |text: &str| Choice::Set(Value::Text(text.into()));
        let asked = Options::default()
            .flag(Key::Tcp, text("127.0.0.1:2375"))
            .flag(Key::InsecureTcp, Choice::Set(Value::Flag(true)));
        let chosen = asked.merge(&Chosen::default());
        let all = standing(installed(&asked, &chosen));
        assert_eq!(of(&all, Key::Tcp), (Some("127.0.0.1:2375"), "--tcp"));
        assert_eq!(of(&all, Key::InsecureTcp), (Some("yes"), "--insecure-tcp"));
        assert_eq!(of(&all, Key::RootlesskitFlags), (None, "default"));
    }

    #[test]
    fn the_socket_is_told_and_the_usual_one_is_not() {
        let text = |text: &str| Choice::Set(Value::Text(text.into()));
        let asked = Options::default().flag(Key::Socket, text("/home/alice/d.sock"));
        let chosen = asked.merge(&Chosen::default());
        let all = standing(installed(&asked, &chosen));
        assert_eq!(
            of(&all, Key::Socket),
            (Some("/home/alice/d.sock"), "--socket")
        );
        let asked = Options::default()
            .flag(Key::Tcp, text("127.0.0.1:2375"))
            .flag(Key::InsecureTcp, Choice::Set(Value::Flag(true)));
        let all = standing(installed(&asked, &asked.merge(&Chosen::default())));
        assert_eq!(of(&all, Key::Socket), (None, "default"));
        let unit = "/home/alice/.config/systemd/user/docker.service";
        let line = "[Service]\nExecStart=/usr/bin/dockerd-rootless.sh --host=unix://%h/d.sock\n";
        let all = standing(TestHost::new().file(unit, line));
        let by_hand = format!("by hand: {unit}");
        assert_eq!(
            of(&all, Key::Socket),
            (Some("/home/alice/d.sock"), by_hand.as_str())
        );
    }

    #[test]
    fn daemon_json_is_somebodys_unless_we_were_asked() {
        let asked =
            Options::default().flag(Key::LogDriver, Choice::Set(Value::Text("local".into())));
        let file = "/home/alice/.config/docker/daemon.json";
        let text = "{\"log-driver\": \"local\", \"data-root\": \"/srv/d\"}";
        let host = installed(&asked, &asked.merge(&Chosen::default())).file(file, text);
        let all = standing(host);
        assert_eq!(of(&all, Key::LogDriver), (Some("local"), "--log-driver"));
        let by_hand = format!("by hand: {file}");
        assert_eq!(of(&all, Key::DataRoot), (Some("/srv/d"), by_hand.as_str()));
    }

    #[test]
    fn an_edited_drop_in_is_somebodys() {
        let text = "[Service]\nEnvironment=DOCKERD_ROOTLESS_ROOTLESSKIT_MTU=1300\n";
        let file = format!("{DIR}/rootless-setup-mtu.conf");
        let all = standing(TestHost::new().file(&file, text));
        let by_hand = format!("by hand: {file}");
        assert_eq!(of(&all, Key::Mtu), (Some("1300"), by_hand.as_str()));
    }
}
