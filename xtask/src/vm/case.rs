//! A case: one way in which a host is broken (or healthy), and what must be said.

use super::fixable::{self, Fixable};
use super::suite::Suite;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One file of `tests/vm/cases/`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The file's name without `.toml`.
    #[serde(skip)]
    pub name: String,
    pub title: String,
    /// The guests on which it makes sense; the first is the default selection's.
    pub guests: Vec<Suite>,
    /// The guests of the default selection, when they are not the first alone.
    #[serde(default)]
    pub usually: Vec<Suite>,
    /// Left out of the default selection: only `--all` or its name runs it.
    #[serde(default)]
    pub full_matrix_only: bool,
    /// A shell script that root runs to break the guest.
    #[serde(default, rename = "break")]
    pub breaks: String,
    /// How alice comes in.
    #[serde(default)]
    pub login: Login,
    /// Added to alice's environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Removed from alice's environment.
    #[serde(default)]
    pub unset: Vec<String>,
    /// Added to the kernel's command line; such a guest is booted and saved apart.
    #[serde(default)]
    pub kernel_args: Vec<String>,
    /// More arguments for `rootless-setup doctor`.
    #[serde(default)]
    pub doctor_args: Vec<String>,
    /// The exit code of `doctor`: when not given, 1 if a check is to fail, else 0.
    pub exit: Option<i32>,
    #[serde(default)]
    pub expect: Expect,
    /// Where one guest differs from the rest.
    #[serde(default)]
    pub on: BTreeMap<Suite, On>,
    /// No check may fail beside the expected and the excused ones.
    #[serde(default = "yes")]
    pub forbid_other_failures: bool,
    /// No check may warn beside the expected and the excused ones: healthy guests.
    #[serde(default)]
    pub forbid_other_warnings: bool,
    /// Checks that may say what they like here, each with the reason.
    #[serde(default)]
    pub also: BTreeMap<String, String>,
    /// Whether rootless Docker really works in spite of it: when not given, it
    /// works if no check is to fail.
    pub works: Option<bool>,
    /// Phrases of which one must occur for a tool to have named the cause.
    #[serde(default)]
    pub cause: Vec<String>,
    /// Who is right where the tools disagree, and why.
    #[serde(default)]
    pub why: String,
    /// Seconds for the break script, when it needs more than usual.
    #[serde(default = "usual_patience")]
    pub patience: u64,
    /// What is done in the broken guest, one after the other.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
    /// That `fix` and `prepare` can mend it, and with what.
    pub fixable: Option<Fixable>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Login {
    /// A login shell over ssh: PAM, logind, a user manager.
    #[default]
    Ssh,
    /// `su - alice` from root: a login shell, no session of her own.
    Su,
    /// `su alice` from root: root's environment stays.
    SuPlain,
    /// `sudo -iu alice` from root.
    Sudo,
    /// As from a crontab: hardly any environment, a system cgroup, no session.
    Cron,
}

/// One thing that is done in the guest, and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Who runs it.
    #[serde(default, rename = "as")]
    pub who: Who,
    /// Restarts the guest first, really.
    #[serde(default)]
    pub reboot: bool,
    /// A script for bash, which ends at the first command that fails.
    #[serde(default)]
    pub run: String,
    /// Its exit code.
    #[serde(default)]
    pub exit: i32,
    /// What it must print.
    #[serde(default)]
    pub prints: Vec<String>,
    /// What it must not print.
    #[serde(default)]
    pub silent: Vec<String>,
    /// Seconds until it is ended.
    #[serde(default = "usual_patience")]
    pub patience: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// She comes in as the case says.
    #[default]
    Alice,
    Root,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    #[serde(default)]
    pub checks: BTreeMap<String, Status>,
}

/// What one guest expects instead: checks are laid over the common ones.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct On {
    #[serde(default)]
    pub checks: BTreeMap<String, Status>,
    #[serde(default)]
    pub also: BTreeMap<String, String>,
    pub exit: Option<i32>,
    pub works: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Pass,
    Warn,
    Fail,
    Info,
    Skip,
    Unknown,
}

/// A case as it stands on one guest.
pub struct Wanted {
    pub checks: BTreeMap<String, Status>,
    pub also: BTreeMap<String, String>,
    pub exit: i32,
    pub works: bool,
}

impl Case {
    /// The guests of the default selection.
    pub fn usual(&self) -> &[Suite] {
        match self.usually.as_slice() {
            [] => &self.guests[..1],
            named => named,
        }
    }

    /// Whether doctor is asked on this guest: a case of steps need not expect
    /// anything of it.
    pub fn asks_doctor(&self, suite: Suite) -> bool {
        self.steps.is_empty() || !self.wanted(suite).checks.is_empty()
    }

    pub fn wanted(&self, suite: Suite) -> Wanted {
        let on = self.on.get(&suite);
        let mut checks = self.expect.checks.clone();
        let mut also = self.also.clone();
        if let Some(on) = on {
            checks.extend(on.checks.clone());
            also.extend(on.also.clone());
        }
        let fails = checks.values().any(|status| *status == Status::Fail);
        let exit = on
            .and_then(|on| on.exit)
            .or(self.exit)
            .unwrap_or(i32::from(fails));
        let works = on.and_then(|on| on.works).or(self.works).unwrap_or(!fails);
        Wanted {
            checks,
            also,
            exit,
            works,
        }
    }
}

impl Step {
    fn check(&self) -> Result<()> {
        let idle = self.run.trim().is_empty();
        ensure!(
            !idle || self.reboot,
            "it does nothing: give it `run` or `reboot`"
        );
        ensure!(
            !idle || (self.exit == 0 && self.prints.is_empty() && self.silent.is_empty()),
            "it runs nothing: `exit`, `prints` and `silent` have no sense"
        );
        let texts = self.prints.iter().chain(&self.silent);
        for text in texts {
            ensure!(!text.is_empty(), "an empty text is in everything");
        }
        Ok(())
    }
}

fn yes() -> bool {
    true
}

fn usual_patience() -> u64 {
    120
}

/// All cases of a directory, by name.
pub fn load(dir: &Path) -> Result<Vec<Case>> {
    let entries = fs::read_dir(dir).with_context(|| format!("failed to read {}", dir.display()))?;
    let mut cases = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let case = read(&path).with_context(|| path.display().to_string())?;
            cases.extend(fixable::derived(&case));
            cases.push(case);
        }
    }
    cases.sort_by(|a: &Case, b| a.name.cmp(&b.name));
    Ok(cases)
}

fn read(path: &Path) -> Result<Case> {
    let name = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let case: Case = toml::from_str(&fs::read_to_string(path)?)?;
    ensure!(
        !case.guests.is_empty(),
        "guests is empty: name at least one"
    );
    for suite in case.on.keys().chain(&case.usually) {
        ensure!(
            case.guests.contains(suite),
            "{suite} is not among the guests"
        );
    }
    for (id, reason) in &case.also {
        ensure!(!reason.trim().is_empty(), "also: {id} has no reason");
    }
    for (at, step) in case.steps.iter().enumerate() {
        step.check().with_context(|| format!("step {}", at + 1))?;
    }
    for id in case.expect.checks.keys() {
        if !id.contains('.') {
            bail!("{id} is no check id: it must read area.slug");
        }
    }
    Ok(Case { name, ..case })
}

/// Whether `name` fits a pattern of `*` and `?`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let Some(first) = pattern.chars().next() else {
        return name.is_empty();
    };
    let rest = &pattern[first.len_utf8()..];
    let mut chars = name.chars();
    match first {
        '*' => name
            .char_indices()
            .map(|(at, _)| at)
            .chain([name.len()])
            .any(|at| matches(rest, &name[at..])),
        '?' => chars.next().is_some() && matches(rest, chars.as_str()),
        other => chars.next() == Some(other) && matches(rest, chars.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(matches("sub*-mis?ing", "subuid-missing"));
        assert!(matches("*", ""));
        assert!(!matches("sub", "subuid"));
        assert!(!matches("*gid", "subuid"));
    }

    #[test]
    fn the_cases_of_this_tree_are_well_formed() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vm/cases");
        for case in load(&dir).unwrap() {
            assert!(!case.title.is_empty(), "{}", case.name);
            let wanted = case.wanted(case.guests[0]);
            assert!(
                wanted.works || !case.cause.is_empty(),
                "{}: no phrase names the cause",
                case.name
            );
        }
    }

    const HEAD: &str = "title = 't'\nguests = ['bookworm', 'bullseye']\n";

    #[test]
    fn a_guest_overrides_the_common_expectation() {
        let rest = "[expect.checks]\n'a.b' = 'fail'\n[on.bullseye.checks]\n'a.b' = 'pass'";
        let case: Case = toml::from_str(&format!("{HEAD}{rest}")).unwrap();
        assert_eq!(case.wanted(Suite::Bookworm).exit, 1);
        assert_eq!(case.wanted(Suite::Bullseye).exit, 0);
    }

    #[test]
    fn a_case_of_steps_asks_doctor_only_if_it_expects_something() {
        let steps = "[[step]]\nrun = 'true'\n[on.bullseye.checks]\n'a.b' = 'pass'";
        let case: Case = toml::from_str(&format!("{HEAD}{steps}")).unwrap();
        assert!(!case.asks_doctor(Suite::Bookworm));
        assert!(case.asks_doctor(Suite::Bullseye));
    }

    #[test]
    fn a_step_without_sense_is_refused() {
        for text in [
            "",
            "reboot = true\nprints = ['x']",
            "run = 'x'\nsilent = ['']",
        ] {
            let step: Step = toml::from_str(text).unwrap();
            assert!(step.check().is_err(), "{text}");
        }
        let step: Step = toml::from_str("reboot = true").unwrap();
        assert!(step.check().is_ok());
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error =
            toml::from_str::<Case>(&format!("{HEAD}[on.bullseye]\ncheckz = 1")).unwrap_err();
        assert!(error.to_string().contains("checkz"), "{error}");
    }
}
