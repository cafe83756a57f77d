//! The steps of a case: what is done in the broken guest, and what came of it.

use super::case::{Case, Step, Who};
use super::guest::Guest;
use super::login;
use super::observe::{Observed, Said};
use super::process::tail;
use super::script;
use anyhow::{Context, Result};
use std::time::Instant;

/// The exit code of `timeout` for what it has ended.
const TIMED_OUT: i32 = 124;

/// Takes the steps until one does not go as it should, and says in what. What each
/// of them printed is added to what was observed.
pub fn take(guest: &mut Guest, case: &Case, observed: &mut Observed) -> Result<Vec<String>> {
    for (at, step) in case.steps.iter().enumerate() {
        let name = format!("step {}", at + 1);
        if step.reboot {
            guest.reboot().with_context(|| name.clone())?;
        }
        if step.run.is_empty() {
            continue;
        }
        let said = run(guest, case, step).with_context(|| name.clone())?;
        let problems = problems(&name, step, &said);
        observed.insert(name, said);
        if !problems.is_empty() {
            return Ok(problems);
        }
    }
    Ok(Vec::new())
}

fn run(guest: &Guest, case: &Case, step: &Step) -> Result<Said> {
    let script = script::limited(&step.run, step.patience);
    // The guest ends it in time; here it is for a guest that does not.
    let seconds = step.patience + 30;
    let start = Instant::now();
    let output = match step.who {
        Who::Alice => login::run(&guest.door, case, &script, seconds)?,
        Who::Root => {
            let script = format!("{}{script}", script::ROOTS_PATH);
            guest.door.run("root", &script, seconds)?
        }
    };
    Ok(Said {
        exit: output.code(),
        millis: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
        stdout: output.stdout,
        stderr: output.stderr,
    })
}

/// In what a step differs from what was to come of it.
fn problems(name: &str, step: &Step, said: &Said) -> Vec<String> {
    let mut problems = Vec::new();
    let all = said.all();
    if said.exit == TIMED_OUT && step.exit != TIMED_OUT {
        problems.push(format!("no end after {} s", step.patience));
    } else if said.exit != step.exit {
        problems.push(format!("exit code {}, not {}", said.exit, step.exit));
    }
    for text in step.prints.iter().filter(|text| !all.contains(*text)) {
        problems.push(format!("did not print {text:?}"));
    }
    for text in step.silent.iter().filter(|text| all.contains(*text)) {
        problems.push(format!("printed {text:?}"));
    }
    if !problems.is_empty() && !all.trim().is_empty() {
        problems.push(format!("it said: {}", tail(&all, 5)));
    }
    problems
        .into_iter()
        .map(|problem| format!("{name}: {problem}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(text: &str) -> Step {
        toml::from_str(text).unwrap()
    }

    fn said(exit: i32, stdout: &str) -> Said {
        Said {
            exit,
            stdout: stdout.to_owned(),
            ..Said::default()
        }
    }

    #[test]
    fn what_is_wanted_is_no_problem() {
        let step = step("run = 'x'\nexit = 3\nprints = ['a b']\nsilent = ['c']");
        assert!(problems("step 1", &step, &said(3, "xa by")).is_empty());
    }

    #[test]
    fn every_difference_is_told_and_then_what_was_said() {
        let step = step("run = 'x'\nprints = ['a']\nsilent = ['c']");
        assert_eq!(
            problems("step 2", &step, &said(1, "c\n")),
            [
                "step 2: exit code 1, not 0",
                "step 2: did not print \"a\"",
                "step 2: printed \"c\"",
                "step 2: it said: c",
            ]
        );
    }

    #[test]
    fn a_script_that_was_ended_says_so() {
        let step = step("run = 'sleep 99'\npatience = 7");
        assert_eq!(
            problems("step 1", &step, &said(TIMED_OUT, "")),
            ["step 1: no end after 7 s"]
        );
    }
}
