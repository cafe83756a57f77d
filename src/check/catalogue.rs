//! The catalogue: `checks/*.toml`, one file an area, embedded in the program.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::predicate::Predicate;
use super::remedy::Remedy;
use super::site::Waiver;

macro_rules! areas {
    ($($area:literal),*) => {
        /// The areas in the order a diagnosis goes through them.
        pub const AREAS: &[&str] = &[$($area),*];

        /// Their files as they are written, and as `checks/embed.rs` made them.
        const FILES: &[(&str, &str)] = &[$((
            include_str!(concat!("../../checks/", $area, ".toml")),
            include_str!(concat!(env!("OUT_DIR"), "/", $area, ".json")),
        )),*];
    };
}

areas!(
    "host", "userns", "subid", "cgroup", "lsm", "session", "network", "storage", "docker"
);

/// How much a failing check matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Without it rootless Docker does not start or no container runs: `fail`.
    Required,
    /// It runs, but something a user relies on is missing or will break: `warn`.
    Recommended,
    /// Worth knowing, and fine for many: `info`.
    Optional,
}

/// From where a check can be decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// By anybody on the machine, for all users.
    Machine,
    /// For one user, by that user or by root.
    #[default]
    User,
    /// Only by the user, from the shell in question.
    Shell,
}

/// What is left of a capability when a check fails that is not required.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leaves {
    /// It works in part.
    #[default]
    Part,
    /// It works; how far is worth knowing.
    All,
    /// It does not work.
    Nothing,
}

/// What a user wants to do with rootless Docker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Run containers.
    Run,
    /// Build images.
    Build,
    /// Limit CPU, memory, I/O and processes.
    Limits,
    /// Publish ports.
    Ports,
    /// Ping from containers.
    Ping,
    /// Keep images and layers well.
    Storage,
    /// Start at boot and outlive the session.
    Boot,
}

impl Capability {
    /// All of them, in the order of the capability table.
    pub const ALL: [Capability; 7] = [
        Capability::Run,
        Capability::Build,
        Capability::Limits,
        Capability::Ports,
        Capability::Ping,
        Capability::Storage,
        Capability::Boot,
    ];

    /// The row's label.
    pub fn label(self) -> &'static str {
        match self {
            Capability::Run => "run containers",
            Capability::Build => "build images",
            Capability::Limits => "limit resources",
            Capability::Ports => "publish ports",
            Capability::Ping => "ping",
            Capability::Storage => "storage",
            Capability::Boot => "start at boot",
        }
    }
}

/// One check as the catalogue describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// `area.slug`, never reused.
    pub id: String,
    /// Former ids.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What is so when it passes, in a few words.
    pub title: String,
    /// How much a failure matters.
    pub level: Level,
    /// From where it can be decided.
    #[serde(default)]
    pub scope: Scope,
    /// What a failure takes away.
    #[serde(default)]
    pub affects: Vec<Capability>,
    /// The capability whose row of the table shows this check's summary.
    #[serde(default)]
    pub headline: Option<Capability>,
    /// What is left of `affects` when a recommended or optional check fails.
    #[serde(default)]
    pub leaves: Leaves,
    /// Checks that must pass before this one means anything.
    #[serde(default)]
    pub requires: Vec<String>,
    /// What must be so, where that is simple enough to be data; else a rule decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<Predicate>,
    /// Why it fails, and what that means for the user.
    pub cause: String,
    /// The page that says more.
    pub docs: String,
    /// Upstream issues where it was seen.
    #[serde(default)]
    pub upstream: Vec<String>,
    /// What to do.
    #[serde(default)]
    pub remedy: Remedy,
    /// What to do in particular cases, chosen by the rule.
    #[serde(default)]
    pub remedies: BTreeMap<String, Remedy>,
}

impl Check {
    /// The part of the id before the dot.
    pub fn area(&self) -> &str {
        self.id.split_once('.').map_or("", |(area, _)| area)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    check: Vec<Check>,
}

/// All checks, in the order they are shown.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    checks: Vec<Check>,
    waivers: BTreeMap<String, Waiver>,
}

/// The built-in file that cannot be read; a bug that the tests find.
#[derive(Debug)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the built-in catalogue cannot be read: {}", self.0)
    }
}

/// The files as they are written: which words they use.
pub fn texts() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(written, _)| *written)
}

static BUILT_IN: LazyLock<Result<Catalogue, Broken>> = LazyLock::new(|| {
    let mut checks = Vec::new();
    for (area, (_, text)) in AREAS.iter().zip(FILES) {
        let broken = |e| Broken(format!("{area}: {e}"));
        let file: File = serde_json::from_str(text).map_err(broken)?;
        checks.extend(file.check);
    }
    Ok(Catalogue {
        checks,
        waivers: BTreeMap::new(),
    })
});

impl Catalogue {
    /// The checks this program ships with.
    ///
    /// # Errors
    /// [`Broken`] if they cannot be read, which the tests rule out.
    pub fn built_in() -> Result<&'static Catalogue, &'static Broken> {
        BUILT_IN.as_ref()
    }

    /// The checks in order.
    pub fn iter(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter()
    }

    /// The checks of one area alone.
    pub fn area(&self, area: &str) -> Catalogue {
        let of_area = self.iter().filter(|check| check.area() == area);
        Catalogue {
            checks: of_area.cloned().collect(),
            waivers: self.waivers.clone(),
        }
    }

    /// A check by its id or a former id.
    pub fn get(&self, id: &str) -> Option<&Check> {
        let is = |check: &&Check| check.id == id || check.aliases.iter().any(|a| a == id);
        self.checks.iter().find(is)
    }

    /// The waiver of a check, if the site waived it.
    pub fn waiver(&self, id: &str) -> Option<&Waiver> {
        self.waivers.get(id)
    }

    /// Adds a check of the site.
    ///
    /// # Errors
    /// When the id is taken.
    pub fn add(&mut self, check: Check) -> Result<(), String> {
        if self.get(&check.id).is_some() {
            return Err(format!("{} is the id of another check", check.id));
        }
        self.checks.push(check);
        Ok(())
    }

    /// Waives a check.
    ///
    /// # Errors
    /// When there is no such check.
    pub fn waive(&mut self, waiver: Waiver) -> Result<(), String> {
        let check = self.get(&waiver.id);
        let id = check.map(|c| c.id.clone());
        let id = id.ok_or_else(|| format!("{} is no check, so it cannot be waived", waiver.id))?;
        self.waivers.insert(id, waiver);
        Ok(())
    }
}
