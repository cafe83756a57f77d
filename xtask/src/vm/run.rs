//! `cargo xtask vm run`: every case from the same saved state, one line each.

use super::cache::Cache;
use super::case::{self, Case, matches};
use super::guest::Guest;
use super::observe::{self, Ask, DOCTOR, Observed, PROGRAM};
use super::process::{self, tied};
use super::report::{Failure, Outcome, Tap, junit};
use super::state;
use super::suite::Suite;
use super::table;
use super::verdict::problems;
use anyhow::{Context, Result, bail};
use clap::Args as ClapArgs;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

#[derive(ClapArgs)]
pub struct Args {
    /// Only on these guests
    #[arg(long)]
    suite: Vec<Suite>,
    /// Only cases whose name fits this pattern (`*` and `?`)
    #[arg(long)]
    case: Vec<String>,
    /// Every case on every guest it names, not on the first only
    #[arg(long)]
    all: bool,
    /// Also run a real installation by dockerd-rootless-setuptool.sh in each case
    #[arg(long)]
    differential: bool,
    /// Ask only the other tools
    #[arg(long)]
    without_doctor: bool,
    /// The program under test, instead of building the static one
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Write the results as JUnit XML
    #[arg(long)]
    junit: Option<PathBuf>,
    /// Write the table of what each tool said (Markdown)
    #[arg(long)]
    table: Option<PathBuf>,
    /// Where transcripts of failed cases go
    #[arg(long, default_value = "target/vm-failures")]
    transcripts: PathBuf,
    /// Keep the transcripts of good cases, too
    #[arg(long)]
    keep: bool,
    /// Guests at the same time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    jobs: u8,
    /// Where the cases are
    #[arg(long, default_value = "tests/vm/cases")]
    cases: PathBuf,
}

/// The cases that can share one restored guest.
struct Group<'a> {
    suite: Suite,
    kernel_args: Vec<String>,
    cases: Vec<&'a Case>,
}

/// What the workers share.
struct Run<'a> {
    args: &'a Args,
    cache: Cache,
    binary: Option<PathBuf>,
}

/// The most cases that one guest is restored for.
const PIECE: usize = 25;

/// The name of the snapshot that has the program in it.
const WITH_PROGRAM: &str = "case";

/// Before every break script: `alice COMMAND…` runs in her user manager's world.
const PRELUDE: &str = r#"
set -e
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
alice() {
    runuser -u alice -- env HOME=/home/alice XDG_RUNTIME_DIR=/run/user/1000 \
        DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
}
"#;

/// A login of alice that hangs on no connection: the one that was open when the
/// state was saved ends as soon as the guest sends something on it.
const LOGIN: &str = "if [ -d /run/systemd/system ]; then \
    systemctl reset-failed alice-login.service 2>/dev/null; \
    systemd-run --quiet --unit=alice-login --uid=alice -p PAMName=login sleep infinity; \
    for i in $(seq 100); do systemctl is-active --quiet user@1000.service && break; sleep 0.2; done; fi;";

/// Reads what the tools are made of, so that no case waits for the disk: the saved
/// state has it in memory.
const WARM: &str = "cat /usr/*bin/{docker*,containerd*,runc,rootlesskit*,slirp4netns,pasta*,*tables*} \
    /usr/local/bin/* /usr/lib/x86_64-linux-gnu/*.so* >/dev/null 2>&1;";

const TARGET: &str = "x86_64-unknown-linux-musl";

pub fn main(args: &Args) -> Result<ExitCode> {
    let start = Instant::now();
    let cases = case::load(&args.cases)?;
    let groups = groups(args, &cases);
    let total = groups.iter().map(|group| group.cases.len()).sum();
    if total == 0 {
        bail!("no case fits");
    }
    let cache = Cache::open()?;
    let _lock = cache.lock()?;
    let run = Run {
        args,
        cache,
        binary: binary(args)?,
    };
    let outcomes = run_all(&run, groups, total)?;
    if let Some(file) = &args.junit {
        fs::write(file, junit(&outcomes)).with_context(|| file.display().to_string())?;
    }
    if let Some(file) = &args.table {
        fs::write(file, table::markdown(&cases, &outcomes))
            .with_context(|| file.display().to_string())?;
    }
    eprintln!("# {} s", start.elapsed().as_secs());
    Ok(conclude(&outcomes))
}

/// The last line, and what CI goes by: 1 for a case that failed, 2 where the
/// harness itself did.
fn conclude(outcomes: &[Outcome]) -> ExitCode {
    let failures: Vec<_> = outcomes.iter().filter_map(|o| o.failure.as_ref()).collect();
    let failed = failures.len();
    println!("{} passed, {failed} failed", outcomes.len() - failed);
    ExitCode::from(match failures.iter().any(|failure| failure.broken) {
        true => 2,
        false => u8::from(failed > 0),
    })
}

fn groups<'a>(args: &Args, cases: &'a [Case]) -> VecDeque<Group<'a>> {
    let mut groups: BTreeMap<(Suite, Vec<String>), Vec<&Case>> = BTreeMap::new();
    for case in cases.iter().filter(|case| chosen(args, case)) {
        let wide = args.all || !args.suite.is_empty();
        let guests = if wide { &case.guests } else { case.usual() };
        for suite in guests {
            if args.suite.is_empty() || args.suite.contains(suite) {
                groups
                    .entry((*suite, case.kernel_args.clone()))
                    .or_default()
                    .push(case);
            }
        }
    }
    in_order(groups)
}

/// In pieces that workers can share: first one of the largest group, so that cases
/// run while the other guests are made, and the rest of it last.
fn in_order<'a>(groups: BTreeMap<(Suite, Vec<String>), Vec<&'a Case>>) -> VecDeque<Group<'a>> {
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, cases)| std::cmp::Reverse(cases.len()));
    let mut queue = VecDeque::new();
    let mut rest = Vec::new();
    for ((suite, kernel_args), cases) in groups {
        for (at, piece) in cases.chunks(PIECE).enumerate() {
            let group = Group {
                suite,
                kernel_args: kernel_args.clone(),
                cases: piece.to_vec(),
            };
            if at == 0 {
                queue.push_back(group);
            } else {
                rest.push(group);
            }
        }
    }
    queue.extend(rest);
    queue
}

fn chosen(args: &Args, case: &Case) -> bool {
    if args.case.is_empty() {
        return args.all || !case.full_matrix_only;
    }
    args.case.iter().any(|pattern| matches(pattern, &case.name))
}

/// The static program: one file that starts on every guest, old or new.
fn binary(args: &Args) -> Result<Option<PathBuf>> {
    if args.without_doctor {
        return Ok(None);
    }
    if let Some(binary) = &args.binary {
        return Ok(Some(binary.clone()));
    }
    eprintln!("# building the static program");
    add_target()?;
    let mut cargo = tied("TERM", "cargo");
    cargo.args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "rootless-setup",
        "--target",
        TARGET,
    ]);
    process::run(&mut cargo, "", Duration::from_secs(1200))?
        .ok("cargo build (rustup target add x86_64-unknown-linux-musl gives the target)")?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    Ok(Some(target.join(TARGET).join("release/rootless-setup")))
}

/// The compiler's part for static programs, where rustup can fetch it.
fn add_target() -> Result<()> {
    let mut rustup = tied("TERM", "sh");
    rustup.args([
        "-c",
        "! command -v rustup >/dev/null || rustup target add \"$0\"",
        TARGET,
    ]);
    process::run(&mut rustup, "", Duration::from_secs(300))?.ok("rustup target add")?;
    Ok(())
}

/// Workers take groups; this thread prints. A worker lives as long as its guests.
fn run_all(run: &Run, groups: VecDeque<Group>, total: usize) -> Result<Vec<Outcome>> {
    let queue = Mutex::new(groups);
    let (send, receive) = mpsc::channel();
    let outcomes = thread::scope(|scope| {
        for _ in 0..run.args.jobs {
            let (send, queue) = (send.clone(), &queue);
            scope.spawn(move || {
                while let Some(group) = next(queue) {
                    run_group(run, &group, &|outcome| drop(send.send(outcome)));
                }
            });
        }
        drop(send);
        let mut tap = Tap::new(total);
        receive
            .iter()
            .inspect(|outcome| tap.line(outcome))
            .collect()
    });
    process::check_interrupt()?;
    Ok(outcomes)
}

fn next<'a>(queue: &Mutex<VecDeque<Group<'a>>>) -> Option<Group<'a>> {
    queue.lock().ok()?.pop_front()
}

fn run_group(run: &Run, group: &Group, tell: &dyn Fn(Outcome)) {
    let mut guest = None;
    for case in &group.cases {
        let start = Instant::now();
        let mut outcome = Outcome::new(group.suite, case);
        let mut done = run_case(run, group, case, &mut guest, &mut outcome);
        if let Err(error) = &done {
            if process::check_interrupt().is_err() {
                return;
            }
            // Whatever went wrong, it gets another chance on a machine of its own.
            eprintln!("# {}/{}: once more: {error:#}", group.suite, case.name);
            guest = None;
            done = run_case(run, group, case, &mut guest, &mut outcome);
        }
        outcome.took = start.elapsed();
        if let Err(error) = done {
            outcome.failure = Some(Failure {
                problems: vec![format!("{error:#}")],
                transcript: None,
                broken: true,
            });
            guest = None;
        }
        tell(outcome);
    }
}

fn run_case(
    run: &Run,
    group: &Group,
    case: &Case,
    slot: &mut Option<Guest>,
    outcome: &mut Outcome,
) -> Result<()> {
    let guest = match slot {
        Some(guest) => guest,
        None => slot.insert(prepare(run, group)?),
    };
    guest.machine.check_alive()?;
    guest.machine.load(WITH_PROGRAM)?;
    let broken = guest
        .door
        .run("root", &format!("{PRELUDE}{}", case.breaks), case.patience)?;
    let ask = Ask {
        doctor: run.binary.is_some(),
        differential: run.args.differential,
    };
    let mut found = Vec::new();
    if broken.status.success() {
        outcome.observed = observe::observe(&guest.door, case, ask)
            .with_context(|| format!("serial: {}", guest.machine.serial_tail()))?;
        if let Some(said) = outcome.observed.get(DOCTOR) {
            found = problems(case, &case.wanted(group.suite), said);
        } else if ask.doctor || outcome.observed.is_empty() {
            found.push("the login gave no answer".to_owned());
        }
    } else {
        found.push(format!(
            "the break script failed with exit code {}",
            broken.code()
        ));
    }
    if !found.is_empty() || run.args.keep {
        let said = format!("exit {}\n{}{}", broken.code(), broken.stdout, broken.stderr);
        let dir = transcript(run, group, case, guest, &said, &outcome.observed)?;
        if !found.is_empty() {
            outcome.failure = Some(Failure {
                problems: found,
                transcript: Some(dir),
                broken: false,
            });
        }
    }
    Ok(())
}

/// A restored guest with the program in it, saved once more.
fn prepare(run: &Run, group: &Group) -> Result<Guest> {
    let state = state::ready_locked(&run.cache, group.suite, &group.kernel_args)?;
    let mut guest = Guest::restore(&run.cache, &state)?;
    if let Some(binary) = &run.binary {
        guest.door.push(binary, PROGRAM)?;
    }
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)?
        .as_secs();
    guest
        .door
        .run("root", &format!("date -s @{now}; {LOGIN} {WARM} sync"), 120)?
        .ok("preparing the guest")?;
    guest.machine.save(WITH_PROGRAM)?;
    Ok(guest)
}

/// Keeps what a person needs to see why a case went as it did.
fn transcript(
    run: &Run,
    group: &Group,
    case: &Case,
    guest: &Guest,
    broken: &str,
    observed: &Observed,
) -> Result<PathBuf> {
    let dir = run
        .args
        .transcripts
        .join(format!("{}-{}", group.suite, case.name));
    fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
    let put = |name: &str, text: &str| -> Result<()> {
        fs::write(dir.join(name), text).with_context(|| format!("{}/{name}", dir.display()))
    };
    put("break.txt", &format!("{}\n# said: {broken}", case.breaks))?;
    put("serial.txt", &guest.machine.serial_tail())?;
    for (tool, said) in observed {
        let name = tool.replace(' ', "-");
        let head = format!("exit {}, {} ms\n", said.exit, said.millis);
        put(
            &format!("{name}.txt"),
            &format!("{head}{}\n--- stderr\n{}", said.stdout, said.stderr),
        )?;
    }
    if let Some(said) = observed.get(DOCTOR) {
        put("doctor.json", &said.stdout)?;
    }
    Ok(absolute(&dir))
}

fn absolute(dir: &Path) -> PathBuf {
    fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned())
}
