//! Which network driver the daemon will run with: pinned, or picked by
//! `dockerd-rootless.sh` in the order of its version.

use crate::check::Undetermined;
use crate::facts::Facts;
use crate::facts::area::network::launch::Pin;
use crate::facts::area::network::script::{Driver, order_of};
use crate::facts::version::Version;

/// The driver, and how it came about.
pub enum Choice<'a> {
    /// The unit or a drop-in says so.
    Pinned(Driver, &'a Pin),
    /// Something is pinned that is no driver for Docker.
    Foreign(&'a Pin),
    /// The script's first that is there.
    Picked(Driver, Vec<Driver>),
    /// None of those the script tries is there.
    Nothing(Vec<Driver>),
    /// No script and no dockerd: it depends on the version to come.
    NoDocker,
}

impl Choice<'_> {
    /// The driver, if there is one.
    pub fn driver(&self) -> Option<Driver> {
        match self {
            Choice::Pinned(driver, _) | Choice::Picked(driver, _) => Some(*driver),
            _ => None,
        }
    }
}

/// Works it out.
pub fn choice(facts: &Facts) -> Result<Choice<'_>, Undetermined> {
    let launch = &facts.network.need("network")?.launch;
    if let Some(why) = &launch.unreadable {
        return Err(Undetermined::new(why.clone()));
    }
    if let Some(pin) = &launch.net {
        return Ok(match Driver::parse(&pin.value) {
            Some(driver) => Choice::Pinned(driver, pin),
            None => Choice::Foreign(pin),
        });
    }
    let Some(order) = order(facts)? else {
        return Ok(Choice::NoDocker);
    };
    for driver in &order {
        if usable(facts, *driver)? {
            return Ok(Choice::Picked(*driver, order));
        }
    }
    Ok(Choice::Nothing(order))
}

/// The drivers the script tries: by its text, else by the engine's version.
fn order(facts: &Facts) -> Result<Option<Vec<Driver>>, Undetermined> {
    let script = &facts.network.need("network")?.script;
    if let Some(script) = script.known().filter(|s| !s.order.is_empty()) {
        return Ok(Some(script.order.clone()));
    }
    let dockerd = facts.programs.dockerd.ask("dockerd --version")?;
    match (dockerd.map(|d| d.version.as_ref()), script.is_absent()) {
        (Some(Some(version)), _) => Ok(Some(order_of(version))),
        (None, true) => Ok(None),
        _ => Err(Undetermined::new(
            "neither dockerd-rootless.sh nor dockerd tells which drivers it tries",
        )),
    }
}

/// Whether the script would take this driver: it is there, and not too old.
pub fn usable(facts: &Facts, driver: Driver) -> Result<bool, Undetermined> {
    if driver == Driver::Slirp4netns {
        return Ok(slirp4netns(facts)?.is_some_and(|v| v >= Version::new(0, 4, 0)));
    }
    installed(facts, driver)
}

/// Whether the driver's program is there.
pub fn installed(facts: &Facts, driver: Driver) -> Result<bool, Undetermined> {
    Ok(match driver {
        Driver::Gvisor => true,
        Driver::LxcUserNic => facts.network.need("network")?.lxc_user_nic.is_some(),
        _ => {
            let tool = facts.ground.tools.fact(driver.name());
            tool.ask(driver.name())?.is_some()
        }
    })
}

/// The version of slirp4netns; none if it is not installed.
pub fn slirp4netns(facts: &Facts) -> Result<Option<Version>, Undetermined> {
    let what = "slirp4netns --version";
    if !installed(facts, Driver::Slirp4netns)? {
        return Ok(None);
    }
    let version = facts.programs.slirp4netns.need(what)?.version.clone();
    let unclear = || Undetermined::new(format!("{what}: no version in what it printed"));
    version.ok_or_else(unclear).map(Some)
}

/// RootlessKit's version; none where it did not run, which other checks judge.
pub fn rootlesskit(facts: &Facts) -> Result<Option<Version>, Undetermined> {
    let probe = facts.programs.probe.ask("rootlesskit")?;
    let Some(inside) = probe.and_then(|p| p.inside.as_ref()) else {
        return Ok(None);
    };
    match inside.rootlesskit_version.as_str() {
        "" => Err(Undetermined::new("RootlessKit does not tell its version")),
        text => Ok(Version::parse(text)),
    }
}

/// A dockerd option: by the unit's command line, else by `daemon.json`.
pub fn option(facts: &Facts, name: &str, configured: Option<bool>) -> Option<bool> {
    let ground = &facts.ground;
    let flag = crate::facts::daemon_json::flag(&ground.unit, ground.home_path(), name);
    flag.map(|value| value == "true").or(configured)
}
