//! Plans for small hosts: what there is decides what is done.

use super::*;
use crate::facts::{Ground, subject};
use crate::host::{Host, Recorded, UserManager};
use crate::plan::asked::Foreign;
use crate::plan::option::{Choice, Key, Options, Value};
use crate::plan::unit_texts::texts;
use crate::testing::TestHost;

const UNIT_PATH: &str = "/home/alice/.config/systemd/user/docker.service";

fn host() -> TestHost {
    TestHost::new()
        .exe("/usr/bin/dockerd-rootless.sh", "0755")
        .with(|b| b.user_manager = Some(manager("", "", "")))
}

fn manager(load: &str, active: &str, file: &str) -> Fact<UserManager> {
    let docker = Unit {
        load_state: load.into(),
        active_state: active.into(),
        unit_file_state: file.into(),
        ..Unit::default()
    };
    Fact::Known(UserManager {
        docker,
        ..UserManager::default()
    })
}

fn present(host: TestHost) -> Present {
    let host = Recorded::new(host.0);
    let subject = subject::find(&host, None).unwrap();
    let ground = Ground::collect(&host as &dyn Host, subject);
    Present::collect(&host, &ground).unwrap()
}

fn asked() -> Asked {
    Asked {
        options: Options::default(),
        foreign: Foreign::Ask,
        linger: false,
        shell: false,
    }
}

fn planned(asked: &Asked, present: &Present) -> Result<Vec<String>, NoPlan> {
    let texts = texts(asked, present, &|_, _| false)?;
    let plan = plan(asked, present, &texts)?;
    Ok(plan.steps.iter().map(Step::title).collect())
}

/// The host with what a plan would write.
fn installed(host: TestHost) -> TestHost {
    let present = present(TestHost(host.0.clone()));
    let texts = texts(&asked(), &present, &|_, _| false).unwrap();
    let plan = plan(&asked(), &present, &texts).unwrap();
    let write = |host: TestHost, step: &Step| match step {
        Step::Change(Change {
            path,
            after: Some(seen),
            ..
        }) => host.file(&path.display().to_string(), &seen.text),
        _ => host,
    };
    let host = plan.steps.iter().fold(host, write);
    host.with(|b| b.user_manager = Some(manager("loaded", "active", "enabled")))
}

#[test]
fn a_fresh_host_gets_everything_in_order() {
    let steps = planned(&asked(), &present(host())).unwrap();
    let at = |part: &str| {
        let found = steps.iter().position(|s| s.contains(part));
        found.unwrap_or_else(|| panic!("{part} in {steps:#?}"))
    };
    let order = [
        "make /home/alice/.config ",
        "make /home/alice/.config/systemd/user ",
        "write /home/alice/.config/systemd/user/docker.service",
        "start docker.service",
        "make /home/alice/.config/systemd/user/default.target.wants",
        "enable docker.service",
        "have systemd read",
        "meta.json",
        "write /home/alice/.docker/config.json (mode 0600)",
    ]
    .map(at);
    assert!(order.is_sorted(), "{steps:#?}");
    assert!(!steps.iter().any(|s| s.contains("linger")));
}

#[test]
fn what_is_as_asked_for_gets_no_step() {
    let steps = planned(&asked(), &present(installed(host()))).unwrap();
    assert_eq!(steps, Vec::<String>::new());
}

#[test]
fn a_changed_option_changes_what_it_must() {
    let mut asked = asked();
    asked.options = Options::default().flag(Key::Mtu, Choice::Set(Value::Number(1400)));
    let steps = planned(&asked, &present(installed(host()))).unwrap();
    let drop_in = "/home/alice/.config/systemd/user/docker.service.d";
    let expected = [
        format!("make {drop_in} (mode 0755)"),
        format!("write {drop_in}/rootless-setup-mtu.conf (mode 0644)"),
        "write /home/alice/.local/state/rootless-setup/options.json (mode 0600)".into(),
        "have systemd read the units again".into(),
        "restart docker.service: running containers stop".into(),
    ];
    assert_eq!(steps, expected);
}

#[test]
fn daemon_json_changes_alone_and_the_daemon_reads_it_anew() {
    let file = "/home/alice/.config/docker/daemon.json";
    let path = Value::Text("/srv/docker".into());
    let mut asked = asked();
    asked.options = Options::default().flag(Key::DataRoot, Choice::Set(path));
    let host = || installed(host());
    let fresh = planned(&asked, &present(host())).unwrap();
    let expected = [
        "make /home/alice/.config/docker (mode 0755)".to_owned(),
        format!("write {file} (mode 0600)"),
        "write /home/alice/.local/state/rootless-setup/options.json (mode 0600)".into(),
        "restart docker.service: running containers stop".into(),
    ];
    assert_eq!(fresh, expected);
    let there = present(host().file(file, "{ \"debug\": true }"));
    let texts = texts(&asked, &there, &|_, _| false).unwrap();
    let (_, text) = texts.daemon_json.as_ref().unwrap();
    assert_eq!(text, "{ \"debug\": true, \"data-root\": \"/srv/docker\" }");
    let broken = present(host().file(file, "{ \"debug\": "));
    assert!(matches!(planned(&asked, &broken), Err(NoPlan::File { .. })));
    asked.options = Options::default();
    assert_eq!(planned(&asked, &broken).unwrap(), [""; 0]);
}

/// What the drop-ins say of an API at an address, with this script.
fn api(script: &str, at: &str, more: &[(Key, &str)]) -> Result<String, String> {
    let node = crate::host::Node {
        mode: Some("755".into()),
        text: Some(script.into()),
        ..crate::host::Node::default()
    };
    let host = host()
        .node("/usr/bin/dockerd-rootless.sh", node)
        .exe("/usr/bin/pasta", "0755");
    let mut asked = asked();
    let files = [Key::TlsCa, Key::TlsCert, Key::TlsKey].map(|key| (key, "/x.pem"));
    for (key, word) in [(Key::Tcp, at)].iter().chain(&files).chain(more) {
        let choice = key.entry().kind.word(word).unwrap();
        asked.options = asked.options.flag(*key, choice);
    }
    let texts = texts(&asked, &present(host), &|_, _| false).map_err(|e| e.to_string())?;
    let drop_ins = texts.files.into_iter().skip(1).filter_map(|(_, text)| text);
    Ok(drop_ins.collect())
}

#[test]
fn the_api_comes_to_the_host_as_its_drivers_have_it() {
    let variables = "NET PORT_DRIVER FLAGS".split(' ');
    let reads: String = variables
        .map(|name| format!("$DOCKERD_ROOTLESS_ROOTLESSKIT_{name}\n"))
        .collect();
    let old = format!("{reads}net=slirp4netns\nnet=vpnkit\n");
    let published = api(&old, "127.0.0.1:2376", &[]).unwrap();
    assert!(
        published.contains("FLAGS=-p 127.0.0.1:2376:2376/tcp\""),
        "{published}"
    );
    assert!(published.contains("-H tcp://0.0.0.0:2376 "), "{published}");
    let pasta = format!("{reads}net=slirp4netns\nnet=pasta\nport_driver=implicit\n");
    let forwarded = api(&pasta, "0.0.0.0:2376", &[]).unwrap();
    assert!(!forwarded.contains("FLAGS") && forwarded.contains("-H tcp://0.0.0.0:2376 "));
    let narrow = api(&pasta, "127.0.0.1:2376", &[]).unwrap_err();
    assert!(narrow.contains("at every address"), "{narrow}");
    assert!(api(&pasta, "127.0.0.1:2376", &[(Key::Net, "slirp4netns")]).is_ok());
    let new = format!("{pasta}$DOCKERD_ROOTLESS_ROOTLESSKIT_DETACH_NETNS --detach-netns\n");
    let itself = api(&new, "127.0.0.1:2376", &[]).unwrap();
    assert!(!itself.contains("FLAGS") && itself.contains("-H tcp://127.0.0.1:2376 "));
    assert!(api(&new, "127.0.0.1:2376", &[(Key::DetachNetns, "no")]).is_err());
}

#[test]
fn what_is_set_in_the_file_is_not_set_on_the_command_line() {
    let file = "/home/alice/.config/docker/daemon.json";
    let yes = || Choice::Set(Value::Flag(true));
    let mut asked = asked();
    let at = Choice::Set(Value::Text("0.0.0.0:2375".into()));
    asked.options = Options::default()
        .flag(Key::Tcp, at)
        .flag(Key::InsecureTcp, yes());
    let of = |text: &str| {
        let present = present(host().file(file, text));
        planned(&asked, &present).map_err(|e| e.to_string())
    };
    let refused = of("{\"hosts\": [\"fd://\"]}").unwrap_err();
    assert!(refused.contains("sets hosts"), "{refused}");
    assert!(
        of("{\"tlsverify\": true}")
            .unwrap_err()
            .contains("sets tlsverify")
    );
    assert!(of("{\"debug\": true}").is_ok());
}

#[test]
fn a_unit_of_somebody_else_is_theirs_to_decide() {
    let theirs = "[Service]\nExecStart=/opt/d/dockerd-rootless.sh --debug\n";
    let host = || present(host().file(UNIT_PATH, theirs));
    let Err(NoPlan::Foreign { diff, .. }) = planned(&asked(), &host()) else {
        panic!("it was not asked about");
    };
    assert!(diff.contains("-ExecStart=/opt/d/dockerd-rootless.sh --debug"));
    let adopt = Asked {
        foreign: Foreign::Adopt,
        ..asked()
    };
    let steps = planned(&adopt, &host()).unwrap();
    assert!(steps.contains(&format!("change {UNIT_PATH}")), "{steps:#?}");
    let keep = Asked {
        foreign: Foreign::Keep,
        ..asked()
    };
    let steps = planned(&keep, &host()).unwrap();
    assert!(!steps.iter().any(|s| s.contains(UNIT_PATH)), "{steps:#?}");
    // A drop-in with another command line would take theirs out of force.
    let with_words = Asked {
        options: Options::default().flag(Key::SkipIptables, Choice::Set(Value::Flag(true))),
        ..keep
    };
    let Err(NoPlan::File { why, .. }) = planned(&with_words, &host()) else {
        panic!("their words were lost");
    };
    assert!(why.contains("of its own (--debug)"), "{why}");
}

/// One of our drop-ins that somebody edited is as much theirs; one that says what
/// we would write for another value is a choice.
#[test]
fn an_edited_drop_in_is_asked_about() {
    let path = "/home/alice/.config/systemd/user/docker.service.d/rootless-setup-mtu.conf";
    let with_mtu = Asked {
        options: Options::default().flag(Key::Mtu, Choice::Set(Value::Number(1400))),
        ..asked()
    };
    let texts = texts(&with_mtu, &present(installed(host())), &|_, _| false).unwrap();
    let ours = texts.files.iter().find(|(p, _)| p == Path::new(path));
    let ours = ours.and_then(|(_, text)| text.clone()).unwrap();
    let found = |text: &str| present(installed(host()).file(path, text));

    assert_eq!(planned(&asked(), &found(&ours)).unwrap(), [""; 0]);
    let other = ours.replace("1400", "1300");
    assert_eq!(planned(&asked(), &found(&other)).unwrap(), [""; 0]);

    let edited = format!("{ours}Environment=HTTPS_PROXY=http://proxy:3128\n");
    let Err(NoPlan::Foreign { diff, .. }) = planned(&asked(), &found(&edited)) else {
        panic!("it was not asked about");
    };
    assert!(diff.contains("-Environment=HTTPS_PROXY"), "{diff}");
    let answered = |foreign| Asked { foreign, ..asked() };
    let steps = planned(&answered(Foreign::Adopt), &found(&edited)).unwrap();
    assert!(steps.contains(&format!("change {path}")), "{steps:#?}");
    let steps = planned(&answered(Foreign::Keep), &found(&edited)).unwrap();
    assert!(!steps.iter().any(|s| s.contains(path)), "{steps:#?}");
}

#[test]
fn another_shells_path_is_no_reason_to_change_the_unit() {
    let host = installed(host()).env("PATH", "/opt/bin:/usr/bin:/bin");
    assert_eq!(planned(&asked(), &present(host)).unwrap(), [""; 0]);
}

#[test]
fn what_cannot_be_changed_safely_is_left_alone() {
    let broken = host().file("/home/alice/.docker/config.json", "{ \"auths\": {");
    assert!(matches!(
        planned(&asked(), &present(broken)),
        Err(NoPlan::File { .. })
    ));
    let masked = host().with(|b| b.user_manager = Some(manager("masked", "inactive", "masked")));
    assert!(matches!(
        planned(&asked(), &present(masked)),
        Err(NoPlan::File { .. })
    ));
    let bare = TestHost::new().with(|b| b.user_manager = Some(manager("", "", "")));
    assert!(matches!(
        planned(&asked(), &present(bare)),
        Err(NoPlan::NoScript)
    ));
}

#[test]
fn without_systemd_there_is_the_context_and_a_note() {
    let host = TestHost::new().exe("/usr/bin/dockerd-rootless.sh", "0755");
    let present = present(host.with(|b| b.user_manager = Some(Fact::Absent)));
    let texts = texts(&asked(), &present, &|_, _| false).unwrap();
    let plan = plan(&asked(), &present, &texts).unwrap();
    let titles: Vec<String> = plan.steps.iter().map(Step::title).collect();
    assert!(titles.iter().any(|t| t.contains("meta.json")));
    assert!(!titles.iter().any(|t| t.contains("docker.service")));
    assert!(plan.notes[0].contains("started by hand"));
}

#[test]
fn another_socket_takes_everything_along() {
    let socket = "/home/alice/d/d.sock";
    let rc = "/home/alice/.bashrc";
    let block = shell_block::text(
        "bash",
        Path::new("/run/user/1000/docker.sock"),
        Path::new("/usr/bin"),
    );
    let host = || installed(host()).file(rc, &block.clone().unwrap());
    let before = planned(&asked(), &present(host())).unwrap();
    assert_eq!(before, Vec::<String>::new());

    let mut asked = asked();
    let choice = Choice::Set(Value::Text(socket.into()));
    asked.options = Options::default().flag(Key::Socket, choice);
    let texts = texts(&asked, &present(host()), &|_, _| false).unwrap();
    let recorded = std::sync::Arc::new(Recorded::new(host().0));
    let subject = subject::find(&*recorded, None).unwrap();
    let ground = Ground::collect(&*recorded as &dyn Host, subject);
    let planned = crate::host::Planned::new(recorded.clone(), texts.planned());
    let mut present = Present::files(&*recorded, &ground).unwrap();
    present.ask(&*recorded, &ground.clone().with_unit_of(&planned));
    assert_eq!(present.socket, Path::new(socket));
    let plan = plan(&asked, &present, &texts).unwrap();
    let steps: Vec<String> = plan.steps.iter().map(Step::title).collect();
    let at = |part: &str| {
        let found = steps.iter().position(|s| s.contains(part));
        found.unwrap_or_else(|| panic!("{part} in {steps:#?}"))
    };
    let order = [
        "rootless-setup-command.conf",
        "make /home/alice/d (mode 0700)",
        "restart",
        "meta.json",
        rc,
    ]
    .map(at);
    assert!(order.is_sorted(), "{steps:#?}");
    let text = |name: &str| {
        let mut texts = plan.steps.iter().filter_map(|step| match step {
            Step::Change(change) if change.path.ends_with(name) => change.after.as_ref(),
            _ => None,
        });
        texts.next().unwrap().text.clone()
    };
    assert!(text("meta.json").contains("\"unix:///home/alice/d/d.sock\""));
    assert!(text(".bashrc").contains("DOCKER_HOST='unix:///home/alice/d/d.sock'"));
}
