//! Simple predicates: the closed list of what a check may ask without a rule
//! of its own. Sites use them for checks written as data.

use serde::{Deserialize, Serialize};

use super::{Undetermined, Verdict, fail, pass};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::version::Version;

/// What must be so on the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Predicate {
    /// A sysctl holds this value.
    SysctlEquals {
        /// Dotted name, for example `net.ipv4.ip_forward`.
        name: String,
        /// The value, white space folded.
        value: String,
    },
    /// A sysctl holds at least this number.
    SysctlAtLeast {
        /// Dotted name.
        name: String,
        /// The least number.
        value: i64,
    },
    /// A path exists (or must not).
    File {
        /// Absolute path.
        path: String,
        /// Whether it has to be there.
        #[serde(default = "yes")]
        exists: bool,
    },
    /// A command is found on the PATH the unit has.
    Command {
        /// File name.
        name: String,
    },
    /// A program, or `kernel`, has at least this version.
    VersionAtLeast {
        /// `kernel`, `dockerd`, `docker`, `rootlesskit`, `containerd`, `runc`,
        /// `slirp4netns` or `pasta`.
        of: String,
        /// The least version.
        version: String,
    },
}

fn yes() -> bool {
    true
}

/// What the host has to be asked for a predicate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The text of this file.
    Text(String),
    /// Whether this path exists.
    Path(String),
    /// Whether a command of this name is found.
    Command(String),
    /// Nothing that the facts do not hold already.
    Nothing,
}

impl Predicate {
    /// What to ask the host.
    pub fn question(&self) -> Question {
        match self {
            Predicate::SysctlEquals { name, .. } | Predicate::SysctlAtLeast { name, .. } => {
                Question::Text(format!("/proc/sys/{}", name.replace('.', "/")))
            }
            Predicate::File { path, .. } => Question::Path(path.clone()),
            Predicate::Command { name } => Question::Command(name.clone()),
            Predicate::VersionAtLeast { .. } => Question::Nothing,
        }
    }

    /// Judges the predicate; `answer` is what the host said to [`Predicate::question`].
    ///
    /// # Errors
    /// [`Undetermined`] when the answer cannot be had.
    pub fn judge(&self, answer: &Fact<String>, facts: &Facts) -> Verdict {
        match self {
            Predicate::SysctlEquals { name, value } => {
                let is = answer
                    .need(name)?
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ");
                Ok(verdict(
                    is == *value,
                    name,
                    &is,
                    &format!("must be {value}"),
                ))
            }
            Predicate::SysctlAtLeast { name, value } => {
                let is = answer.need(name)?.trim();
                let number: i64 = is
                    .parse()
                    .map_err(|_| Undetermined::new(format!("{name} does not hold a number")))?;
                Ok(verdict(
                    number >= *value,
                    name,
                    is,
                    &format!("must be at least {value}"),
                ))
            }
            Predicate::File { path, exists } => {
                let there = answer.ask(path)?.is_some();
                let wanted = if *exists {
                    "must exist"
                } else {
                    "must not exist"
                };
                Ok(verdict(there == *exists, path, presence(there), wanted))
            }
            Predicate::Command { name } => {
                let there = answer.ask(name)?.is_some();
                Ok(verdict(there, name, presence(there), "must be installed"))
            }
            Predicate::VersionAtLeast { of, version } => version_at_least(facts, of, version),
        }
    }
}

fn presence(there: bool) -> &'static str {
    if there { "present" } else { "absent" }
}

fn verdict(so: bool, source: &str, value: &str, wanted: &str) -> super::Outcome {
    let outcome = match so {
        true => pass(format!("{source} is {value}")),
        false => fail(format!("{source} is {value}, and {wanted}")),
    };
    outcome.seen(source, value)
}

fn version_at_least(facts: &Facts, of: &str, wanted: &str) -> Verdict {
    let least = Version::parse(wanted)
        .ok_or_else(|| Undetermined::new(format!("{wanted} is not a version")))?;
    let printed = |program: &Fact<crate::facts::programs::Versioned>| {
        program.need(of).map(|p| p.version.clone())
    };
    let programs = &facts.programs;
    let found = match of {
        "kernel" => facts.ground.kernel(),
        "rootlesskit" => programs.rootlesskit_version(),
        "dockerd" => printed(&programs.dockerd)?,
        "docker" => printed(&programs.docker)?,
        "containerd" => printed(&programs.containerd)?,
        "runc" => printed(&programs.runc)?,
        "slirp4netns" => printed(&programs.slirp4netns)?,
        "pasta" => printed(&programs.pasta)?,
        _ => {
            return Err(Undetermined::new(format!(
                "no version of {of} is known to this program"
            )));
        }
    };
    let found =
        found.ok_or_else(|| Undetermined::new(format!("the version of {of} is not known")))?;
    let wanted = format!("must be at least {wanted}");
    Ok(verdict(found >= least, of, &found.to_string(), &wanted))
}
