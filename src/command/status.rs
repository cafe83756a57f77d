//! `status`: what is installed, what runs, what drifted. Changes nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::apply;
use crate::apply::file;
use crate::apply::journal::Journal;
use crate::cli::{self, Format};
use crate::error::Error;
use crate::exit::Exit;
use crate::fact::Fact;
use crate::facts::Context as Collect;
use crate::facts::Ground;
use crate::facts::area::docker::cli as docker_cli;
use crate::host::{Host, Live, docker_api};
use crate::plan::asked::{Asked, Foreign, NoPlan};
use crate::plan::docker_service::{self, Origin};
use crate::plan::option::Options;
use crate::plan::present::{Found, Present};
use crate::plan::standing::{self, Standing};
use crate::plan::step::{Kind, Step};
use crate::plan::{compute, context, unit_texts};
use crate::report::json;
use crate::report::status::{self, Context, Engine, Socket, Status, Unit};
use crate::ui::{self, Look};

/// A daemon that takes longer to answer is not well.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks, and prints what is there.
///
/// # Errors
/// For root, and where no home is known.
pub fn run(args: &cli::Status, look: &Look) -> Result<Exit, Error> {
    let host = Live::new(true, PATIENCE);
    let ground = apply::ground(&host, "status")?;
    let present = Present::collect(&host, &ground).ok_or(Error::NoHome)?;
    // One that a newer version wrote is no reason to show nothing.
    let journal = Journal::read(&apply::state_dir(&host, &ground));
    let journal = journal.unwrap_or_else(|why| {
        ui::warn(&why.to_string());
        None
    });
    let status = status(&host, &ground, &present, journal.as_ref());
    let page = match args.format {
        Format::Text => status::render(&status, look),
        Format::Json => json::render(&status),
    };
    ui::print(&page)?;
    Ok(match status.state {
        "running" => Exit::Fine,
        _ => Exit::Failed,
    })
}

fn status(
    host: &dyn Host,
    ground: &Ground,
    present: &Present,
    journal: Option<&Journal>,
) -> Status {
    let (socket, engine) = engine(&present.socket);
    let unit = unit(present, ground);
    Status {
        schema_version: 1,
        user: ground
            .subject
            .as_ref()
            .map_or(String::new(), |s| s.name.clone()),
        state: state(&unit, engine.is_some()),
        options: options(host, ground, present, journal),
        socket,
        engine,
        context: client(host, ground),
        linger: present.linger.known().copied(),
        drift: drift(present, journal),
        journal: journal.map(|j| j.path().display().to_string()),
        unit,
    }
}

fn state(unit: &Unit, answers: bool) -> &'static str {
    match unit.active.split(' ').next() {
        _ if answers => "running",
        Some("failed") => "failed",
        _ if unit.path.is_empty() => "not installed",
        _ => "stopped",
    }
}

fn unit(present: &Present, ground: &Ground) -> Unit {
    let state = present.manager.known().map(|manager| &manager.docker);
    let on_disk = ground
        .unit
        .file
        .as_ref()
        .map(|f| f.path.display().to_string());
    let path = state
        .map(|s| s.fragment_path.clone())
        .filter(|p| !p.is_empty());
    Unit {
        path: path.or(on_disk).unwrap_or_default(),
        made_by: match &present.unit {
            Found::File { seen, .. } => match docker_service::origin(&seen.text) {
                Origin::Ours => "rootless-setup",
                Origin::SetupScript => "dockerd-rootless-setuptool.sh",
                Origin::Other => "other",
            },
            _ => "",
        },
        enabled: state.map(|s| s.unit_file_state.clone()).unwrap_or_default(),
        active: state
            .map(|s| format!("{} ({})", s.active_state, s.sub_state))
            .unwrap_or_default(),
        drop_ins: state.map(|s| s.drop_in_paths.clone()).unwrap_or_default(),
    }
}

/// Every option, and who says so.
fn options(
    host: &dyn Host,
    ground: &Ground,
    present: &Present,
    journal: Option<&Journal>,
) -> Vec<status::Setting> {
    let is_ours = |path: &Path, text: &str| is_ours(journal, path, text);
    let setting = |standing: Standing| status::Setting {
        name: standing.name,
        value: standing.value,
        from: standing.from,
    };
    let all = standing::all(Collect { host, ground }, present, &is_ours);
    all.into_iter().map(setting).collect()
}

/// It writes down only who asked for what.
fn is_note(step: &Step) -> bool {
    matches!(step, Step::Change(change) if change.kind == Kind::Origins)
}

/// What answers on the socket.
fn engine(socket: &Path) -> (Socket, Option<Engine>) {
    let url = format!("unix://{}", socket.display());
    let end = Instant::now() + PATIENCE;
    let ask = |path: &str| -> Result<Value, String> {
        let answer = docker_api::get(socket, path, end).map_err(|e| e.to_string())?;
        serde_json::from_slice(&answer.body).map_err(|_| "gives an answer that is not JSON".into())
    };
    let (version, info) = match (ask("/version"), ask("/info")) {
        (Ok(version), Ok(info)) => (version, info),
        (Err(answer), _) | (_, Err(answer)) => return (Socket { url, answer }, None),
    };
    let answer = "answers".to_owned();
    (Socket { url, answer }, Some(describe(&version, &info)))
}

fn describe(version: &Value, info: &Value) -> Engine {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let components = version["Components"].as_array();
    let kit = components.and_then(|all| all.iter().find(|c| c["Name"] == "rootlesskit"));
    let kit = kit.unwrap_or(&Value::Null);
    let security = info["SecurityOptions"].as_array();
    Engine {
        version: text(&version["Version"]),
        api: text(&version["ApiVersion"]),
        rootlesskit: text(&kit["Version"]),
        network_driver: text(&kit["Details"]["NetworkDriver"]),
        port_driver: text(&kit["Details"]["PortDriver"]),
        storage_driver: text(&info["Driver"]),
        cgroup: format!(
            "{} driver, version {}",
            text(&info["CgroupDriver"]),
            text(&info["CgroupVersion"])
        ),
        rootless: security.is_some_and(|all| all.iter().any(|o| o == "name=rootless")),
    }
}

fn client(host: &dyn Host, ground: &Ground) -> Context {
    let cli = docker_cli::collect(Collect { host, ground });
    let contexts = cli.contexts.into_known().unwrap_or_default();
    let rootless = contexts
        .into_iter()
        .filter_map(|file| file.content.ok())
        .find(|endpoint| endpoint.name == context::NAME);
    Context {
        current: match cli.current {
            Fact::Known(Ok(name)) => name,
            _ => String::new(),
        },
        rootless: rootless.map(|endpoint| endpoint.host).unwrap_or_default(),
        overridden_by: match (&cli.docker_host, &cli.docker_context) {
            (Fact::Known(url), _) => format!("DOCKER_HOST={url}"),
            (_, Fact::Known(name)) => format!("DOCKER_CONTEXT={name}"),
            _ => String::new(),
        },
    }
}

/// A file is as we wrote it last.
fn is_ours(journal: Option<&Journal>, path: &Path, text: &str) -> bool {
    let wrote = journal.and_then(|j| j.wrote(path));
    wrote == Some(file::sha256(text.as_bytes()).as_str())
}

/// What `install` without options would do to the files and to the unit.
fn drift(present: &Present, journal: Option<&Journal>) -> Vec<String> {
    let is_ours = |path: &Path, text: &str| is_ours(journal, path, text);
    if present.unit == Found::Absent {
        return Vec::new();
    }
    let asked = Asked {
        options: Options::default(),
        foreign: Foreign::Ask,
        linger: false,
        shell: false,
    };
    let plan = unit_texts::texts(&asked, present, &is_ours)
        .and_then(|texts| compute::plan(&asked, present, &texts));
    match plan {
        Ok(plan) => plan
            .steps
            .iter()
            .filter(|s| !s.is_start() && !is_note(s))
            .map(Step::title)
            .collect(),
        Err(NoPlan::Foreign { path, .. }) => vec![format!(
            "ask what to do with {path}: it is not as install writes it"
        )],
        Err(why) => vec![format!("stop: {why}")],
    }
}
