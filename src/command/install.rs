//! `install`: from what is there to a running rootless Docker, or back.

mod api;
mod ask;
mod proof;
mod request;
mod socket;
mod support;

pub use ask::guided;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::apply::{self, agree, ask};
use super::doctor::bundle;
use super::examine::{RECORDED, judge};
use crate::apply::journal::{self, Journal};
use crate::apply::lock::Lock;
use crate::apply::{file, interrupt, run};
use crate::check::engine::Status;
use crate::cli::{Install, Manner};
use crate::error::Error;
use crate::exit::Exit;
use crate::fact::Fact;
use crate::facts::Ground;
use crate::facts::programs::{Purpose, Running};
use crate::host::{Host, Live, Planned, Recorded, Unlisted};
use crate::plan::asked::{Foreign, NoPlan};
use crate::plan::option::Key;
use crate::plan::present::Present;
use crate::plan::step::{Kind, Plan, Step};
use crate::plan::unit_texts::Texts;
use crate::plan::{compute, unit_texts};
use crate::report::{Report, text};
use crate::thread;
use crate::ui::{self, Look, prompt};
use request::Request;

/// Where the rootful daemon listens.
const ROOTFUL: &str = "/var/run/docker.sock";

/// A daemon that has not come up has no containers to end.
const GRACE: Duration = Duration::from_secs(5);

/// Checks that `--skip-iptables` answers itself.
const IPTABLES: [&str; 4] = [
    "network.iptables",
    "network.iptables-works",
    "network.br-netfilter",
    "lsm.xtables-lock",
];

/// Installs, or shows what installing would do.
///
/// # Errors
/// When nothing was done, with the reason; or when what was done was taken back.
pub fn run(args: &Install, look: &Look) -> Result<Exit, Error> {
    let request = Request::new(args)?;
    match request.ask {
        true => carry(ask::asked(request, look)?, look),
        false => carry(request, look),
    }
}

/// Installs what was asked for; asks about a unit that is not ours.
fn carry(request: Request, look: &Look) -> Result<Exit, Error> {
    let outcome = attempt(&request, look);
    let Err(Error::NoPlan(NoPlan::Foreign { path, diff })) = outcome else {
        return outcome;
    };
    ui::print(&format!(
        "{path} is there already. It would change so:\n\n{diff}\n"
    ))?;
    let manner = request.manner;
    let nobody = manner.yes || manner.no_input || manner.dry_run;
    if nobody || !prompt::somebody_is_there() {
        return Err(NoPlan::Foreign { path, diff }.into());
    }
    let foreign = foreign()?;
    attempt(&request.with(foreign), look)
}

/// What to do with a unit that is not ours.
fn foreign() -> Result<Foreign, Error> {
    let answers = [
        "replace it; uninstall brings it back",
        "keep it as it is",
        "stop here",
    ];
    match prompt::choose("What to do with it?", &answers) {
        Some(0) => Ok(Foreign::Adopt),
        Some(1) => Ok(Foreign::Keep),
        _ => Err(Error::Declined("you said no")),
    }
}

fn attempt(request: &Request, look: &Look) -> Result<Exit, Error> {
    let (asked, manner) = (&request.asked, request.manner);
    let started = Instant::now();
    let deadline = patience(request);
    let host = host(request)?;
    // Read on the other core while the ground is.
    thread::detached(|| drop(super::catalogue()));
    let ground = apply::ground(&*host, "install")?;
    // They take longest: everything else is read while they run.
    let programs = Running::start(&host, &ground, deadline, Purpose::Install);
    let state_dir = apply::state_dir(&*host, &ground);
    let is_live = request.replay.is_none();
    let lock = || Lock::take(&ground.runtime_dir, ground.home_path());
    let _lock = is_live.then(lock).transpose()?;
    let journal = match is_live {
        true => known(&state_dir, manner)?,
        false => None,
    };
    let mut present = Present::files(&*host, &ground).ok_or(Error::NoHome)?;
    let is_ours = |path: &Path, text: &str| {
        let wrote = journal.as_ref().and_then(|j| j.wrote(path));
        wrote == Some(file::sha256(text.as_bytes()).as_str())
    };
    let texts = unit_texts::texts(asked, &present, &is_ours)?;
    let planned: Arc<dyn Host> = Arc::new(Planned::new(Arc::clone(&host), texts.planned()));
    let wanted = ground.clone().with_unit_of(&*planned);
    support::check(&*host, (&ground, &wanted), request, &texts)?;
    let report = ui::with_progress("Examining this host ...", || {
        let ground = wanted.clone();
        let source = if is_live { "live" } else { RECORDED };
        judge(&planned, ground, programs, source, started, deadline)
    })?;
    let skip_iptables = texts.chosen.flagged(Key::SkipIptables) == Some(true);
    fit(&*host, &report, request, skip_iptables, look)?;
    undetermined(&report);
    support::of_report(&report, request)?;
    let examined = started.elapsed();
    present.ask(&*host, &wanted);
    let mut plan = compute::plan(asked, &present, &texts)?;
    offer_linger(request, &present, &mut plan);
    if plan.is_empty() {
        return already(&plan, &present, &texts, request, !skip_iptables, look);
    }
    show(&plan, manner.dry_run, look)?;
    if manner.dry_run {
        return Ok(Exit::Fine);
    }
    agree(manner, "Do this?")?;
    let done = carry_out(&plan, request, &ground, &state_dir, &present, examined)?;
    proof::proved(request, &present, !skip_iptables)?;
    summary(&present, &texts)?;
    linger_left(done, &ground)
}

/// How long the host may take to answer.
fn patience(request: &Request) -> Duration {
    Duration::from_secs(request.timeout.max(10))
}

/// The host that is to be set up, or a recorded one.
fn host(request: &Request) -> Result<Arc<dyn Host>, Error> {
    Ok(match &request.replay {
        Some(path) => Arc::new(recorded(path)?),
        None => Arc::new(Live::new(true, patience(request))),
    })
}

/// A recorded host. What doctor does not look at is in no recording of it.
///
/// # Errors
/// When the file is none.
pub fn recorded(path: &Path) -> Result<Recorded, Error> {
    let mut bundle = bundle(path)?;
    bundle.unlisted = Unlisted::Absent;
    Ok(Recorded::new(bundle))
}

/// The journal as it is; what a killed run left of one is removed.
fn known(dir: &Path, manner: Manner) -> Result<Option<Journal>, Error> {
    let journal = match manner.dry_run {
        true => Journal::read(dir)?,
        false => {
            journal::sweep(dir)?;
            Journal::find(dir)?
        }
    };
    let damaged = journal.iter().flat_map(Journal::about_damaged);
    damaged.for_each(|line| ui::warn(&line));
    Ok(journal)
}

/// A required check that fails ends it here; so does a rootful Docker that the
/// user may use, as in the setup script.
fn fit(
    host: &dyn Host,
    report: &Report,
    request: &Request,
    skip_iptables: bool,
    look: &Look,
) -> Result<(), Error> {
    if !request.force && host.connect(Path::new(ROOTFUL)) == Fact::Known(()) {
        return Err(Error::Rootful(ROOTFUL));
    }
    let failing = failing(report, skip_iptables);
    if failing > 0 {
        ui::print(&text::render(report, look, false))?;
        return Err(Error::Unfit(failing));
    }
    Ok(())
}

fn undetermined(report: &Report) {
    for check in report.checks.iter() {
        if check.status == Status::Unknown {
            ui::warn(&format!(
                "{} could not be determined: {}",
                check.id, check.summary
            ));
        }
    }
}

fn failing(report: &Report, skip_iptables: bool) -> usize {
    let excused = |id: &str| skip_iptables && IPTABLES.contains(&id);
    let failing = report.checks.iter().filter(|c| c.status == Status::Fail);
    failing.filter(|c| !excused(&c.id)).count()
}

/// Lingering is asked for, never silent.
fn offer_linger(request: &Request, present: &Present, plan: &mut Plan) {
    let open = request.linger_is_open && present.linger == Fact::Known(false);
    let with_systemd = present.manager.known().is_some();
    if open
        && with_systemd
        && ask(
            request.manner,
            "Start Docker at boot, without a login (lingering)?",
        )
    {
        plan.steps.push(Step::Linger { uid: present.uid });
    }
}

/// The plan as it is shown before it is carried out.
fn show(plan: &Plan, in_full: bool, look: &Look) -> Result<(), Error> {
    let mut page = String::from("This will be done:\n");
    // Directories go without saying, unless all of it is asked for.
    let told = |step: &&Step| in_full || !step.is_make_dir();
    for step in plan.steps.iter().filter(told) {
        page.push_str(&format!("  {}\n", look.line(&step.title(), 4)));
        if in_full {
            page.push_str(&detail(step));
        }
    }
    page.push_str(&notes(plan, look));
    ui::print(&page)
}

/// What a step does to the letter: the call, or the difference in the file.
fn detail(step: &Step) -> String {
    let indent = |text: &str| text.lines().map(|l| format!("      {l}\n")).collect();
    match step {
        // The rest of config.json may hold passwords.
        Step::Change(change) if change.kind == Kind::CurrentContext => {
            indent("\"currentContext\": \"rootless\"; everything else stays as it is")
        }
        Step::Change(change) if change.kind == Kind::Origins => {
            indent("who asked for which option, for status to tell")
        }
        Step::Change(change) => indent(&change.diff()),
        step => step.call().map_or(String::new(), |call| indent(&call)),
    }
}

/// Says whether lingering was refused.
fn carry_out(
    plan: &Plan,
    request: &Request,
    ground: &Ground,
    state_dir: &Path,
    present: &Present,
    examined: Duration,
) -> Result<bool, Error> {
    let started = Instant::now();
    let world = apply::world(ground, present.socket.clone(), request.timeout, GRACE);
    let busy = interrupt::busy();
    let mut journal = Journal::open(state_dir)?;
    let path = journal.path().display().to_string();
    let tell = |step: &Step| {
        if !step.is_make_dir() {
            ui::tell(&step.title());
        }
    };
    let done = run::run(plan, &world, &mut journal, &tell);
    match done {
        Err(failed) => {
            let error = apply::failed(&failed, path);
            if let Err(why) = journal.close() {
                ui::warn(&why.to_string());
            }
            Err(error)
        }
        Ok(done) => {
            drop(busy);
            // Without the time that questions waited for answers.
            let (all, daemon) = (examined + started.elapsed(), done.daemon);
            ui::tell(&format!(
                "done in {:.1} s; the daemon took {:.1} s of it",
                all.as_secs_f32(),
                daemon.as_secs_f32()
            ));
            Ok(done.linger_refused)
        }
    }
}

/// What only an administrator may switch on.
fn linger_left(refused: bool, ground: &Ground) -> Result<Exit, Error> {
    if !refused {
        return Ok(Exit::Fine);
    }
    let name = ground.subject.as_ref().map_or("", |s| s.name.as_str());
    ui::print(&format!(
        "\nOnly an administrator may have it start at boot here:\n\n  sudo loginctl enable-linger {}\n",
        shlex::try_quote(name).unwrap_or_default()
    ))?;
    Ok(Exit::Declined)
}

fn already(
    plan: &Plan,
    present: &Present,
    texts: &Texts,
    request: &Request,
    network: bool,
    look: &Look,
) -> Result<Exit, Error> {
    ui::print("Everything is as asked for; nothing was changed.\n")?;
    ui::print(&notes(plan, look))?;
    if !request.manner.dry_run {
        proof::proved(request, present, network)?;
    }
    summary(present, texts)
}

fn notes(plan: &Plan, look: &Look) -> String {
    let note = |note: &String| format!("Note: {}\n", look.wrap(note, 6));
    plan.notes.iter().map(note).collect()
}

/// The command that starts the daemon where no systemd does.
fn by_hand(present: &Present, texts: &Texts) -> String {
    let script = present.script.as_deref();
    let script = script.unwrap_or(Path::new("dockerd-rootless.sh"));
    let quoted = |word: &str| shlex::try_quote(word).unwrap_or_default().into_owned();
    let path = [("PATH".to_owned(), present.path.clone())];
    let assigned = path.iter().chain(&texts.variables);
    let assigned = assigned.map(|(name, value)| format!("{name}={}", quoted(value)));
    // This daemon's socket is not where a unit's would be.
    let socket = |word: &String| match word.starts_with("unix://") {
        true => format!("unix://{}", present.socket.display()),
        false => word.clone(),
    };
    let words = texts.words.iter().map(|word| quoted(&socket(word)));
    let script = quoted(&script.display().to_string());
    let all: Vec<String> = assigned.chain([script]).chain(words).collect();
    all.join(" ")
}

/// Where the daemon is, and what comes next.
fn summary(present: &Present, texts: &Texts) -> Result<Exit, Error> {
    let socket = present.socket.display();
    if present.manager.known().is_none() {
        let command = by_hand(present, texts);
        ui::print(&format!(
            "Start the daemon with\n\n  {command}\n\nand the docker command finds it at unix://{socket}.\n",
        ))?;
        return Ok(Exit::Fine);
    }
    ui::print(&format!(
        "Rootless Docker runs at unix://{socket};\n\
         the docker command uses it (context rootless).\n\
         \n  docker run --rm hello-world\n  rootless-setup status\n  systemctl --user restart docker\n"
    ))?;
    Ok(Exit::Fine)
}
