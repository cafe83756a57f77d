//! What this host supports of the options, and why not the rest.

use crate::check::rule::network::choice;
use crate::facts::Facts;
use crate::facts::area::network::script::Script;
use crate::facts::version::Version;
use crate::host::Host;
use crate::plan::option::fit;
use crate::plan::option::table::Place;
use crate::plan::option::{Choice, Chosen, Key, Net, Options, PortDriver, Value};
use crate::plan::present::{Found, Present};
use crate::plan::unit_texts::installed_options;

/// What this host supports.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// What is installed already.
    pub installed: Chosen,
    /// The network driver that Docker takes by itself.
    pub picked: Option<Net>,
    /// `dockerd-rootless.sh`, where its text tells something.
    pub script: Option<Script>,
    /// RootlessKit's version, if it told.
    pub rootlesskit: Option<Version>,
    /// The engine's.
    pub engine: Option<Version>,
    /// Network drivers that are there.
    pub drivers: Vec<Net>,
    /// Other programs that options need, and that are there.
    pub tools: Vec<&'static str>,
    /// It does not start at boot, and could.
    pub may_linger: bool,
    /// The start file of the user's shell, if it is one that is known.
    pub shell: Option<String>,
}

/// Programs that options other than the network driver need.
const TOOLS: [&str; 2] = ["pesto", "fuse-overlayfs"];

/// The block in the shell's start file is there.
const BLOCK: &str = "# >>> rootless-setup >>>";

impl Offer {
    /// Looks at what was found out; asks `host` for what is installed.
    pub fn new(host: &dyn Host, facts: &Facts) -> Offer {
        let mut offer = Offer {
            picked: choice::choice(facts).ok().and_then(|found| match found {
                choice::Choice::Picked(driver, _) => Some(driver),
                _ => None,
            }),
            rootlesskit: facts.programs.rootlesskit_version(),
            engine: facts.programs.engine_version(),
            drivers: Net::ALL
                .into_iter()
                .filter(|net| choice::installed(facts, *net).unwrap_or(false))
                .collect(),
            tools: TOOLS
                .into_iter()
                .filter(|tool| facts.ground.tools.first(tool).is_some())
                .collect(),
            ..Offer::default()
        };
        if let Some(present) = Present::collect(host, &facts.ground) {
            offer.take(&present);
        }
        offer
    }

    fn take(&mut self, present: &Present) {
        self.installed = installed_options(present);
        let script = present.script.as_deref();
        self.script = script.and_then(|path| present.script_at(path)).cloned();
        let manager = present.manager.known().is_some();
        self.may_linger = manager && present.linger.known() == Some(&false);
        let open = |found: &Found| match found {
            Found::File { seen, .. } => !seen.text.contains(BLOCK),
            Found::Absent => true,
            Found::Unusable(_) => false,
        };
        let rc = present.rc.as_ref().filter(|(_, found)| open(found));
        self.shell = rc.map(|(path, _)| path.display().to_string());
    }

    /// Why an option cannot be had at all; none if it can.
    pub fn refused(&self, key: Key) -> Option<String> {
        match key.entry().place {
            Place::Variable { name, .. } => {
                let script = self.script.as_ref()?;
                let unknown = !script.variables.contains(name);
                unknown.then(|| "this Docker does not know it".to_owned())
            }
            _ => {
                let sample = Choice::Set(Value::Text("http://proxy".into()));
                let asked = Options::default().flag(key, sample);
                let misfit = fit::of_engine(&asked, self.engine.as_ref()).err();
                misfit.map(|_| "this Docker is too old for it".to_owned())
            }
        }
    }

    /// Why a word of an option cannot be chosen after `answers`; none if it can.
    pub fn refused_word(&self, key: Key, word: &str, answers: &Options) -> Option<String> {
        match key {
            Key::Net => self.refused_net(Net::parse(word)?),
            Key::PortDriver => self.refused_port(PortDriver::parse(word)?, answers),
            Key::StorageDriver => (word == "fuse-overlayfs" && !self.has(word)).then(missing),
            _ => None,
        }
    }

    fn refused_net(&self, net: Net) -> Option<String> {
        let since = match net {
            Net::Gvisor => Version::new(3, 0, 0),
            Net::Pasta => Version::new(2, 0, 0),
            _ => Version::new(0, 0, 0),
        };
        match self.drivers.contains(&net) {
            true => self.too_old(&since),
            false => Some(missing()),
        }
    }

    fn refused_port(&self, port: PortDriver, answers: &Options) -> Option<String> {
        let net = self.net(answers);
        if let Some(net) = net.filter(|net| !port.fits(*net)) {
            return Some(format!("not with {net}"));
        }
        // Docker's choice of the network driver may change one day.
        let pinned = answers.merge(&self.installed).net().is_some();
        match (port, port.net()) {
            (_, Some(own)) if !pinned => Some(format!("needs --net {own} said, too")),
            (PortDriver::Pesto, _) if !self.has("pesto") => Some(missing()),
            (PortDriver::Pesto, _) => self.too_old(&Version::new(3, 1, 0)),
            (PortDriver::Gvisor, _) => self.too_old(&Version::new(3, 0, 0)),
            _ => None,
        }
    }

    /// The network driver that there will be.
    pub fn net(&self, answers: &Options) -> Option<Net> {
        answers.merge(&self.installed).net().or(self.picked)
    }

    fn has(&self, tool: &str) -> bool {
        self.tools.contains(&tool)
    }

    /// A version that nobody told is not held against it.
    fn too_old(&self, since: &Version) -> Option<String> {
        let old = self.rootlesskit.as_ref().filter(|v| *v < since);
        old.map(|version| format!("RootlessKit {version} does not know it"))
    }

    /// Why answers do not go together; none if they do. Before all is said
    /// (`whole`), what is missing may still come.
    pub fn misfit(&self, answers: &Options, whole: bool) -> Option<String> {
        let chosen = answers.merge(&self.installed);
        let by_all = || match whole {
            true => fit::of_all(&chosen, answers),
            false => Ok(()),
        };
        let by_script = || match &self.script {
            Some(script) => fit::of_script(&chosen, answers, script),
            None => Ok(()),
        };
        let fits = fit::of_asked(answers)
            .and_then(|()| by_all())
            .and_then(|()| by_script());
        fits.err().map(|why| why.to_string())
    }
}

fn missing() -> String {
    "not installed".to_owned()
}
