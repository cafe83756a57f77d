//! `cargo xtask vm run`: every case from the same saved state, one line each.

use super::cache::Cache;
use super::case::{self, Case, matches};
use super::guest::Guest;
use super::process;
use super::program;
use super::record::{self, Row};
use super::report::{Failure, Outcome, Tap, junit};
use super::suite::Suite;
use super::table;
use super::trial::{Lab, Trial};
use anyhow::{Context, Error, Result, bail};
use clap::Args as ClapArgs;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Instant;

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
    /// Add the results to a file of JSON lines, for `vm table`
    #[arg(long)]
    record: Option<PathBuf>,
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

/// A guest and the arguments of its kernel.
type Kind = (Suite, Vec<String>);

/// The cases that can share one restored guest.
struct Group<'a> {
    kind: Kind,
    cases: Vec<&'a Case>,
}

/// What the workers share.
struct Run {
    lab: Lab,
    jobs: u8,
    /// The guests that could not be made, each with the reason.
    lost: Mutex<BTreeMap<Kind, String>>,
}

/// The most cases that one guest is restored for.
const PIECE: usize = 25;

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
        lab: lab(args, cache)?,
        jobs: args.jobs,
        lost: Mutex::default(),
    };
    let mut tap = Tap::new(total);
    let outcomes = run_all(&run, groups, &mut |outcome| {
        tap.line(outcome);
        let recorded = args
            .record
            .iter()
            .try_for_each(|file| record::add(file, outcome));
        if let Err(error) = recorded {
            eprintln!("# not recorded: {error:#}");
        }
    })?;
    if let Some(file) = &args.junit {
        fs::write(file, junit(&outcomes)).with_context(|| file.display().to_string())?;
    }
    if let Some(file) = &args.table {
        let rows: Vec<Row> = outcomes.iter().map(Row::new).collect();
        fs::write(file, table::markdown(&cases, &rows))
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

fn lab(args: &Args, cache: Cache) -> Result<Lab> {
    let program = match &args.binary {
        _ if args.without_doctor => None,
        Some(binary) => Some(binary.clone()),
        None => Some(program::build()?),
    };
    Ok(Lab {
        cache,
        program,
        differential: args.differential,
        keep: args.keep,
        transcripts: args.transcripts.clone(),
    })
}

fn groups<'a>(args: &Args, cases: &'a [Case]) -> VecDeque<Group<'a>> {
    let mut groups: BTreeMap<Kind, Vec<&Case>> = BTreeMap::new();
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
fn in_order<'a>(groups: BTreeMap<Kind, Vec<&'a Case>>) -> VecDeque<Group<'a>> {
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, cases)| std::cmp::Reverse(cases.len()));
    let mut queue = VecDeque::new();
    let mut rest = Vec::new();
    for (kind, cases) in groups {
        for (at, piece) in cases.chunks(PIECE).enumerate() {
            let group = Group {
                kind: kind.clone(),
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
    if args.without_doctor && !case.steps.is_empty() {
        return false;
    }
    if args.case.is_empty() {
        return args.all || !case.full_matrix_only;
    }
    args.case.iter().any(|pattern| matches(pattern, &case.name))
}

/// Workers take groups; this thread tells. A worker lives as long as its guests.
fn run_all(
    run: &Run,
    groups: VecDeque<Group>,
    tell: &mut dyn FnMut(&Outcome),
) -> Result<Vec<Outcome>> {
    let queue = Mutex::new(groups);
    let (send, receive) = mpsc::channel();
    let outcomes = thread::scope(|scope| {
        for _ in 0..run.jobs {
            let (send, queue) = (send.clone(), &queue);
            scope.spawn(move || {
                while let Some(group) = next(queue) {
                    run_group(run, &group, &|outcome| drop(send.send(outcome)));
                }
            });
        }
        drop(send);
        receive.iter().inspect(|outcome| tell(outcome)).collect()
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
        let mut outcome = Outcome::new(group.kind.0, case);
        match twice(run, &group.kind, case, &mut guest) {
            Ok(trial) => {
                outcome.observed = trial.observed;
                outcome.failure = trial.failure;
            }
            Err(_) if process::check_interrupt().is_err() => return,
            Err(error) => outcome.failure = Some(broken(&error)),
        }
        outcome.took = start.elapsed();
        tell(outcome);
    }
}

/// Whatever went wrong in a guest, the case gets another chance in a new one.
fn twice(run: &Run, kind: &Kind, case: &Case, slot: &mut Option<Guest>) -> Result<Trial> {
    once(run, kind, case, slot).or_else(|error| {
        if process::check_interrupt().is_err() || run.why_lost(kind).is_some() {
            return Err(error);
        }
        eprintln!("# {}/{}: once more: {error:#}", kind.0, case.name);
        once(run, kind, case, slot)
    })
}

/// One trial. A guest in which it went wrong is thrown away.
fn once(run: &Run, kind: &Kind, case: &Case, slot: &mut Option<Guest>) -> Result<Trial> {
    let mut guest = match slot.take() {
        Some(guest) => guest,
        None => run.prepare(kind)?,
    };
    let trial = run.lab.hold(&mut guest, kind.0, case)?;
    *slot = Some(guest);
    Ok(trial)
}

impl Run {
    /// A guest to work in. What did not come up twice is not waited for again by
    /// every other case.
    fn prepare(&self, kind: &Kind) -> Result<Guest> {
        if let Some(why) = self.why_lost(kind) {
            bail!("not run: {why}");
        }
        let (suite, kernel_args) = kind;
        let made = self.lab.prepare(*suite, kernel_args).or_else(|error| {
            process::check_interrupt()?;
            eprintln!("# {suite}: once more: {error:#}");
            self.lab.prepare(*suite, kernel_args)
        });
        if let Err(error) = &made {
            let why = format!("{error:#}");
            let first = why.lines().next().unwrap_or_default().to_owned();
            self.lost().insert(kind.clone(), first);
        }
        made
    }

    fn why_lost(&self, kind: &Kind) -> Option<String> {
        self.lost().get(kind).cloned()
    }

    fn lost(&self) -> MutexGuard<'_, BTreeMap<Kind, String>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// It was not the program that failed.
fn broken(error: &Error) -> Failure {
    Failure {
        problems: vec![format!("{error:#}")],
        transcript: None,
        broken: true,
    }
}
