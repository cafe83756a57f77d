//! A trial: one case on one guest, from the restored state to the verdict.

use super::cache::Cache;
use super::case::Case;
use super::guest::Guest;
use super::observe::{self, Ask, DOCTOR, Observed, PROGRAM};
use super::process::Output;
use super::report::{Failure, NO_WHY};
use super::script::{self, LOGIN, WARM};
use super::state;
use super::step;
use super::suite::Suite;
use super::verdict::{disagreements, problems};
use anyhow::{Context, Result, anyhow};
use std::fs;
use std::path::{Path, PathBuf};

/// What every trial needs.
pub struct Lab {
    pub cache: Cache,
    /// The program under test; without it only the other tools are asked.
    pub program: Option<PathBuf>,
    /// Also ask the other tools, and let one of them install.
    pub differential: bool,
    /// Keep the transcripts of good cases, too.
    pub keep: bool,
    pub transcripts: PathBuf,
}

/// How a trial ended.
pub struct Trial {
    pub observed: Observed,
    pub failure: Option<Failure>,
}

/// The name of the snapshot that has the program in it.
const WITH_PROGRAM: &str = "case";

impl Lab {
    /// A restored guest with the program in it, saved once more.
    pub fn prepare(&self, suite: Suite, kernel_args: &[String]) -> Result<Guest> {
        let state = state::ready_locked(&self.cache, suite, kernel_args)?;
        let mut guest = Guest::restore(&self.cache, &state)?;
        if let Some(program) = &self.program {
            guest.door.push(program, PROGRAM)?;
        }
        let script = format!("{} {LOGIN} {WARM} sync", script::set_clock());
        guest
            .door
            .run("root", &script, 120)?
            .ok("preparing the guest")?;
        guest.machine.save(WITH_PROGRAM)?;
        Ok(guest)
    }

    /// Holds a trial. An error means that the guest, not the program, failed.
    pub fn hold(&self, guest: &mut Guest, suite: Suite, case: &Case) -> Result<Trial> {
        self.held(guest, suite, case)
            .map_err(|error| anyhow!("{error:#}; the machine: {}", guest.machine.condition()))
    }

    fn held(&self, guest: &mut Guest, suite: Suite, case: &Case) -> Result<Trial> {
        let broken = broken(guest, case)?;
        let mut observed = Observed::new();
        let found = if broken.status.success() {
            self.ask(guest, suite, case, &mut observed)?
        } else {
            let code = broken.code();
            vec![format!("the break script failed with exit code {code}")]
        };
        let mut transcript = None;
        if !found.is_empty() || self.keep {
            let dir = self.transcripts.join(format!("{suite}-{}", case.name));
            write_down(&dir, case, guest, &broken, &observed)
                .with_context(|| format!("failed to write {}", dir.display()))?;
            transcript = Some(fs::canonicalize(&dir).unwrap_or(dir));
        }
        let failure = (!found.is_empty()).then_some(Failure {
            problems: found,
            transcript,
            broken: false,
        });
        Ok(Trial { observed, failure })
    }

    /// Asks the tools, then takes the steps.
    fn ask(
        &self,
        guest: &mut Guest,
        suite: Suite,
        case: &Case,
        observed: &mut Observed,
    ) -> Result<Vec<String>> {
        let ask = Ask {
            doctor: self.program.is_some(),
            differential: self.differential,
        };
        if case.asks_doctor(suite) {
            *observed = observe::observe(&guest.door, case, ask)?;
            let wanted = case.wanted(suite);
            let mut found = match observed.get(DOCTOR) {
                Some(said) => problems(case, &wanted, said),
                None if ask.doctor || observed.is_empty() => {
                    vec!["the login gave no answer".to_owned()]
                }
                None => Vec::new(),
            };
            if case.why.trim().is_empty() {
                let open = disagreements(case, wanted.works, observed);
                found.extend(open.iter().map(|open| format!("{open}: {NO_WHY}")));
            }
            if !found.is_empty() || case.steps.is_empty() {
                return Ok(found);
            }
            if ask.differential {
                // The other tools have left their traces.
                broken(guest, case)?.ok("the break script")?;
            }
        }
        step::take(guest, case, observed)
    }
}

/// The guest as it was saved, and then broken.
fn broken(guest: &mut Guest, case: &Case) -> Result<Output> {
    guest.machine.check_alive()?;
    guest.machine.load(WITH_PROGRAM)?;
    let script = script::strict(&case.breaks);
    guest.door.run("root", &script, case.patience)
}

/// Keeps what a person needs to see why a case went as it did.
fn write_down(
    dir: &Path,
    case: &Case,
    guest: &Guest,
    broken: &Output,
    observed: &Observed,
) -> Result<()> {
    // What an earlier run has left would be taken for this one's.
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir)?;
    let said = format!("exit {}\n{}{}", broken.code(), broken.stdout, broken.stderr);
    fs::write(
        dir.join("break.txt"),
        format!("{}\n# said: {said}", case.breaks),
    )?;
    fs::write(dir.join("serial.txt"), guest.machine.serial_tail())?;
    for (tool, said) in observed {
        let file = dir.join(format!("{}.txt", tool.replace(' ', "-")));
        let head = format!("exit {}, {} ms\n", said.exit, said.millis);
        fs::write(
            file,
            format!("{head}{}\n--- stderr\n{}", said.stdout, said.stderr),
        )?;
    }
    if let Some(said) = observed.get(DOCTOR) {
        fs::write(dir.join("doctor.json"), &said.stdout)?;
    }
    Ok(())
}
