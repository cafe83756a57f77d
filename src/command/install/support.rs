//! What only a look at this host tells of the options: whether its programs
//! take them. Nothing is written, and what was not asked for is not looked at.

use std::path::Path;
use std::time::Duration;

use crate::check::engine::Status;
use crate::error::Error;
use crate::facts::version::Version;
use crate::facts::{Ground, data_root, linked};
use crate::host::{Host, Memory, Output, Program};
use crate::plan::asked::NoPlan;
use crate::plan::option::fit::{self, Misfit};
use crate::plan::option::{Key, PortDriver};
use crate::plan::unit_texts::Texts;
use crate::report::Report;

use super::request::Request;
use super::{api, socket};

/// How long a program may take to tell what it can do.
const PATIENCE: Duration = Duration::from_secs(20);

/// dockerd judges a file since then (`--validate`), and takes `proxies` in it.
const JUDGES: Version = Version::new(23, 0, 0);

/// The options of the API over TCP.
const API: [Key; 4] = [Key::Tcp, Key::TlsCa, Key::TlsCert, Key::TlsKey];

/// Looks at the host as it is, and as it is wanted.
///
/// # Errors
/// The first option that this host cannot have, and why.
pub fn check(
    host: &dyn Host,
    (ground, wanted): (&Ground, &Ground),
    request: &Request,
    texts: &Texts,
) -> Result<(), Error> {
    let options = &request.asked.options;
    let told = |misfit: Misfit| NoPlan::Options(misfit.told(options));
    if fit::asks_rootlesskit(options)
        && let Some(help) = help(host, ground)
    {
        fit::of_rootlesskit(options, &help).map_err(told)?;
    }
    if texts.chosen.port_driver() == Some(PortDriver::Pesto)
        && ground.tools.first("pesto").is_none()
    {
        let why =
            "the port driver pesto needs the program pesto, which is not here; choose implicit";
        return Err(told(Misfit::new(&[Key::PortDriver], why)).into());
    }
    if API.iter().any(|key| options.get(*key).is_some()) {
        api::check(host, ground, texts).map_err(told)?;
    }
    if options.get(Key::Socket).is_some() {
        socket::check(host, ground, wanted, texts).map_err(told)?;
    }
    if options.get(Key::DataRoot).is_some() {
        own_directory(host, texts).map_err(told)?;
    }
    let Some((path, text)) = &texts.daemon_json else {
        return Ok(());
    };
    let engine = engine(host, ground);
    fit::of_engine(options, engine.as_ref()).map_err(told)?;
    match engine.is_some_and(|version| version >= JUDGES) {
        true => Ok(validated(host, ground, path, text)?),
        false => Ok(()),
    }
}

/// A directory for the data-root that holds nothing of somebody's: dockerd changes its
/// mode, and `uninstall --purge-data` removes it whole.
fn own_directory(host: &dyn Host, texts: &Texts) -> Result<(), Misfit> {
    let Some(dir) = texts.chosen.text(Key::DataRoot) else {
        return Ok(());
    };
    let others = data_root::others(host, Path::new(dir));
    match others.into_known().flatten() {
        None => Ok(()),
        Some(names) => {
            let why = format!(
                "data-root: {dir} holds other things ({names}), and Docker takes a directory of \
                 its own; choose an empty one, such as {}/docker",
                dir.trim_end_matches('/')
            );
            Err(Misfit::new(&[Key::DataRoot], why))
        }
    }
}

/// What the examination says of the options: programs that are run from a
/// volume would not start there.
///
/// # Errors
/// A data-root that was asked for and is mounted noexec.
pub fn of_report(report: &Report, request: &Request) -> Result<(), Error> {
    let options = &request.asked.options;
    let asked = options.get(Key::DataRoot).is_some() && !request.force;
    let noexec = report
        .checks
        .iter()
        .find(|check| check.id == "storage.noexec");
    match noexec.filter(|check| asked && matches!(check.status, Status::Warn | Status::Fail)) {
        None => Ok(()),
        Some(check) => {
            let why = format!(
                "data-root: {}; choose another directory, or --force if no volume holds programs",
                check.summary
            );
            Err(NoPlan::Options(Misfit::new(&[Key::DataRoot], why).told(options)).into())
        }
    }
}

/// The version of the engine; none if it does not tell.
fn engine(host: &dyn Host, ground: &Ground) -> Option<Version> {
    let path = &ground.tools.first("dockerd")?.path;
    let line = linked::version(host, "dockerd", path).or_else(|| {
        let output = run(host, ground, "dockerd --version", "dockerd", &["--version"])?;
        Some(output.stdout)
    });
    Version::find(&line?)
}

/// dockerd's own judgement of a `daemon.json` that is not written yet.
fn validated(host: &dyn Host, ground: &Ground, path: &Path, text: &str) -> Result<(), NoPlan> {
    // Without memory to spare nobody judges; the daemon will.
    let Ok(memory) = Memory::new(text) else {
        return Ok(());
    };
    let file = memory.path().display().to_string();
    let args = ["--validate", "--config-file", &file];
    let judged = run(host, ground, "dockerd --validate", "dockerd", &args);
    let Some(output) = judged.filter(|output| !matches!(output.exit, None | Some(0))) else {
        return Ok(());
    };
    let lines = || output.stderr.lines();
    let last = lines().rfind(|line| !line.trim().is_empty());
    let last = last.unwrap_or_default();
    // It names the file first, which is not the one that the user knows.
    let said = last.split_once(&format!("{file}: "));
    let said = said.map_or(last, |(_, said)| said);
    let why = format!("would be refused by dockerd: {said}");
    Err(NoPlan::File {
        path: path.display().to_string(),
        why,
    })
}

/// `rootlesskit --help`; none if it does not say anything.
fn help(host: &dyn Host, ground: &Ground) -> Option<String> {
    let output = run(
        host,
        ground,
        "rootlesskit --help",
        "rootlesskit",
        &["--help"],
    )?;
    Some(output.stdout + &output.stderr).filter(|help| help.contains("--copy-up"))
}

/// Runs a program by the unit's PATH; none where that is not possible.
fn run(
    host: &dyn Host,
    ground: &Ground,
    key: &'static str,
    name: &str,
    args: &[&str],
) -> Option<Output> {
    let home = ground.home_path().display().to_string();
    let program = Program {
        key: key.into(),
        path: ground.tools.first(name)?.path.display().to_string(),
        args: args.iter().map(ToString::to_string).collect(),
        env: vec![
            ("PATH".into(), ground.unit_path.clone()),
            ("HOME".into(), home),
            ("LC_ALL".into(), "C".into()),
        ],
        deadline: PATIENCE,
        ..Program::default()
    };
    host.run(&program).into_known()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::subject;
    use crate::host::{Recorded, Run};
    use crate::plan::option::{Choice, Chosen, Options, Value};
    use crate::testing::TestHost;

    const FILE: &str = "/home/alice/.config/docker/daemon.json";

    fn judged(host: TestHost, text: &str) -> Result<(), String> {
        let host = Recorded::new(host.0);
        let ground = Ground::collect(&host, subject::find(&host, None).expect("subject"));
        let validated = validated(&host, &ground, Path::new(FILE), text);
        validated.map_err(|why| why.to_string())
    }

    fn dockerd(exit: i32, stderr: &str) -> TestHost {
        let output = Output {
            exit: Some(exit),
            stderr: stderr.into(),
            ..Output::default()
        };
        let run = Run {
            output: Some(output),
            ..Run::default()
        };
        let host = TestHost::new().exe("/usr/bin/dockerd", "755");
        host.with(|b| drop(b.programs.insert("dockerd --validate".into(), run)))
    }

    #[test]
    fn dockerd_judges_what_it_would_read() {
        assert_eq!(judged(dockerd(0, "configuration OK\n"), "{}"), Ok(()));
        let said = "level=info\nunable to configure the Docker daemon with file x: the following \
                    directives don't match any configuration option: nonsense\n";
        let refused = judged(dockerd(1, said), "{\"nonsense\": 1}").expect_err("refused");
        assert!(
            refused.starts_with(FILE) && refused.contains("option: nonsense"),
            "{refused}"
        );
        assert!(!refused.contains("level=info"), "{refused}");
        assert_eq!(judged(TestHost::new(), "{}"), Ok(()), "no dockerd");
    }

    #[test]
    fn the_engine_tells_its_version() {
        let of = |host: TestHost| {
            let host = Recorded::new(host.0);
            let ground = Ground::collect(&host, subject::find(&host, None).expect("subject"));
            engine(&host, &ground)
        };
        let line = "Docker version 28.2.2, build e6534b4\n";
        let told = of(dockerd(0, "").prints("dockerd --version", line));
        assert_eq!(told, Some(Version::new(28, 2, 2)));
        assert_eq!(of(TestHost::new()), None);
        let proxy = Choice::Set(Value::Text("http://p".into()));
        let asked = Options::default().flag(Key::HttpProxy, proxy);
        assert_eq!(fit::of_engine(&asked, told.as_ref()), Ok(()));
    }

    #[test]
    fn a_data_root_is_dockers_alone() {
        let of = |host: TestHost, dir: &str| {
            let texts = Texts {
                chosen: Chosen::default().with(Key::DataRoot, Value::Text(dir.into())),
                ..Texts::default()
            };
            own_directory(&Recorded::new(host.0), &texts).map_err(|misfit| misfit.why)
        };
        let used = || TestHost::new().file("/srv/d/image/x", "");
        let refused = of(used().file("/srv/d/letters", ""), "/srv/d").expect_err("letters");
        assert!(
            refused.contains("holds other things (letters)"),
            "{refused}"
        );
        assert!(refused.ends_with("such as /srv/d/docker"), "{refused}");
        assert_eq!(of(used(), "/srv/d"), Ok(()));
        assert_eq!(of(used(), "/srv/new"), Ok(()));
    }

    #[test]
    fn the_check_that_of_report_goes_by_warns_of_noexec() {
        let mounts = "22 1 8:1 / / rw shared:1 - ext4 /dev/vda rw\n\
                      30 22 8:2 / /srv rw,noexec shared:2 - ext4 /dev/vdb rw\n";
        let file = "{\"data-root\": \"/srv\"}";
        let host = || {
            let dir = crate::host::Node {
                kind: Some(crate::host::Kind::Dir),
                uid: 1000,
                gid: 1000,
                ..crate::host::Node::default()
            };
            let host = TestHost::new().node("/srv", dir);
            host.file("/proc/self/mountinfo", mounts).file(FILE, file)
        };
        let noexec = host().check("storage.noexec");
        assert_eq!(noexec.status, Status::Warn, "{noexec:?}");
    }
}
