//! Which storage driver the daemon will pick, as moby's
//! `daemon/graphdriver/driver.go` and `daemon/image_store_choice.go` do it,
//! and whether it works here.

use super::{Place, place, size};
use crate::check::{Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::area::storage::DRIVERS;
use crate::facts::version::Version;

mod works;

use works::probed;

/// btrfs subvolumes can be removed like directories (Linux 4.18).
const KERNEL_WITH_SUBVOLUME_RMDIR: Version = Version::new(4, 18, 0);

/// What keeps layers, and why that.
#[derive(Debug, PartialEq, Eq)]
pub struct Choice {
    driver: String,
    why: &'static str,
    /// The containerd image store, not a driver of dockerd's own.
    containerd: bool,
}

impl Choice {
    fn seen(&self) -> String {
        format!("{} ({})", shorten(&self.driver), self.why)
    }
}

/// Everything the choice depends on.
struct Case<'a> {
    facts: &'a Facts,
    place: Place<'a>,
    /// Drivers with data, `vfs` left out: dockerd never goes back to it by itself.
    prior: Vec<&'static str>,
}

impl<'a> Case<'a> {
    fn new(facts: &'a Facts) -> Result<Self, Undetermined> {
        let place = place(facts)?;
        let used = place.root.used.need("the data-root")?;
        let prior = used.iter().copied().filter(|d| *d != "vfs").collect();
        Ok(Case {
            facts,
            place,
            prior,
        })
    }

    fn engine(&self) -> Result<Version, Undetermined> {
        let dockerd = self.facts.programs.dockerd.need("dockerd --version")?;
        let version = dockerd.version.clone();
        version.ok_or_else(|| Undetermined::new("dockerd --version: no version in it"))
    }

    fn configured(&self) -> Result<Option<String>, Undetermined> {
        let settings = self.facts.ground.daemon_json.settings()?;
        let by_unit = self.place.storage.unit_driver.clone();
        Ok(by_unit.or(settings.storage_driver))
    }

    /// `None`: dockerd's own drivers, none of which is named.
    fn image_store(&self) -> Result<Option<Choice>, Undetermined> {
        let settings = self.facts.ground.daemon_json.settings()?;
        let feature = settings.features.get("containerd-snapshotter").copied();
        let configured = self.configured()?;
        let containerd = match (feature, &configured) {
            (Some(feature), _) => feature,
            (None, Some(driver)) if DRIVERS.contains(&driver.as_str()) => false,
            (None, _) if !self.prior.is_empty() => false,
            (None, _) => self.engine()?.major() >= 29,
        };
        if containerd && configured.as_deref() == Some("overlay2") {
            let why = "what storage-driver overlay2 means to the containerd image store";
            return Err(Undetermined::new(why));
        }
        if let Some(driver) = configured {
            let why = "configured";
            return Ok(Some(Choice {
                driver,
                why,
                containerd,
            }));
        }
        if !containerd {
            return Ok(None);
        }
        let (driver, why) = match self.overlay()? {
            Ok(()) => ("overlayfs", "the containerd image store's own choice"),
            Err(_) => ("native", "the containerd image store without overlay"),
        };
        Ok(Some(Choice {
            driver: driver.to_owned(),
            why,
            containerd,
        }))
    }

    fn choose(&self) -> Result<Choice, Undetermined> {
        if let Some(choice) = self.without_engine()? {
            return Ok(choice);
        }
        if let Some(choice) = self.image_store()? {
            return Ok(choice);
        }
        let graph = |driver: &str, why| Choice {
            driver: driver.to_owned(),
            why,
            containerd: false,
        };
        if let Some(driver) = self.prior.first() {
            return Ok(graph(driver, "the data-root already holds its layers"));
        }
        // btrfs came first until 23.0.
        if self.place.name == "btrfs" && self.engine()?.major() < 23 {
            return Ok(graph("btrfs", "the first choice of this engine on btrfs"));
        }
        if self.overlay2()?.is_ok() {
            return Ok(graph("overlay2", "the kernel allows it"));
        }
        let fuse = &self.facts.ground.tools.fact("fuse-overlayfs");
        if fuse.ask("fuse-overlayfs")?.is_some() {
            return Ok(graph("fuse-overlayfs", "overlay2 does not work here"));
        }
        match self.place.name.as_str() {
            "btrfs" => Ok(graph("btrfs", "overlay2 does not work here")),
            _ => Ok(graph("vfs", "nothing better works here")),
        }
    }

    /// Where dockerd is yet to be installed, and any engine would do the same.
    fn without_engine(&self) -> Result<Option<Choice>, Undetermined> {
        let open = self.configured()?.is_none() && self.prior.is_empty();
        let ask = open && self.facts.programs.dockerd.is_absent() && self.place.name != "btrfs";
        Ok((ask && self.overlay2()?.is_ok()).then(|| Choice {
            driver: "overlayfs".to_owned(),
            why: "whichever engine is installed",
            containerd: false,
        }))
    }
}

pub fn usable(facts: &Facts) -> Verdict {
    let case = Case::new(facts)?;
    let path = case.place.root.path.to_string_lossy();
    let open = case.prior.len() > 1 && case.configured()?.is_none();
    if open && case.image_store()?.is_none() {
        let names = case.prior.join(", ");
        return Ok(fail(format!(
            "the data-root holds several storage drivers: {names}"
        ))
        .seen(path, names)
        .remedy("several"));
    }
    let choice = case.choose()?;
    let driver = shorten(&choice.driver);
    let why = match case.works(&choice.driver)? {
        Ok(()) => {
            return Ok(pass(format!("{driver} works here")).seen("storage driver", choice.seen()));
        }
        Err(why) => why,
    };
    let found = fail(format!("{driver} cannot work: {why}")).seen("storage driver", choice.seen());
    Ok(match choice.driver.as_str() {
        "fuse-overlayfs" => found.remedy("fuse"),
        _ => found,
    })
}

pub fn quality(facts: &Facts) -> Verdict {
    let case = Case::new(facts)?;
    let choice = case.choose()?;
    let place = &case.place;
    let driver = shorten(&choice.driver);
    let on = format!("{driver} on {}", place.name);
    if !matches!(choice.driver.as_str(), "vfs" | "native") {
        let free = size(place.file_system.available);
        return Ok(pass(format!("{on}, {free} free")).seen("storage driver", choice.seen()));
    }
    let found = fail(format!("{on}: every layer is a full copy"));
    let why = match choice.containerd {
        true => case.overlay()?,
        false => case.overlay2()?,
    };
    let found = match why {
        Err(why) => found.seen("overlay", why),
        Ok(()) => found.seen("overlay", "would work"),
    };
    Ok(match (choice.why, choice.containerd) {
        ("configured", _) => found.remedy("configured"),
        (_, true) => found.remedy("containerd"),
        _ => found,
    })
}

pub fn hidden_images(facts: &Facts) -> Verdict {
    let case = Case::new(facts)?;
    let root = case.place.root;
    let images = root.images.need(&root.path.to_string_lossy())?;
    if images.is_empty() {
        return Ok(skip("there are no images yet"));
    }
    let choice = case.choose()?;
    let store = match choice.containerd {
        true => "containerd",
        false => choice.driver.as_str(),
    };
    let hidden: Vec<String> = images
        .iter()
        .filter(|(name, _)| *name != store)
        .map(|(name, count)| format!("{name}: {count}"))
        .collect();
    let store = shorten(store);
    Ok(match hidden.is_empty() {
        true => pass(format!("all images are in {store}")),
        false => fail(format!(
            "{store} does not show images of {}",
            hidden.join(", ")
        ))
        .seen(root.path.to_string_lossy(), hidden.join(", ")),
    })
}

pub fn overlay_probe(facts: &Facts) -> Verdict {
    let probe = facts.programs.probe.ask("rootlesskit")?;
    if probe.is_none() {
        return Ok(skip("rootlesskit is not installed"));
    }
    Ok(match probed(facts) {
        Some(0) => pass("an overlay was mounted inside RootlessKit"),
        Some(errno) => fail("no overlay can be mounted inside RootlessKit")
            .seen("mount -t overlay", format!("errno {errno}")),
        None => return Err(Undetermined::new("the probe did not come that far")),
    })
}

pub fn btrfs_options(facts: &Facts) -> Verdict {
    let case = Case::new(facts)?;
    if case.place.name != "btrfs" || case.choose()?.driver != "btrfs" {
        return Ok(skip("the btrfs driver is not used"));
    }
    let option = "user_subvol_rm_allowed";
    let mount = case.place.nearest.mount.as_ref();
    if mount.is_some_and(|m| m.has(option)) {
        return Ok(pass(format!("btrfs is mounted with {option}")));
    }
    let kernel = facts.ground.kernel();
    let kernel = kernel.ok_or_else(|| Undetermined::new("the kernel's version"))?;
    // moby#42253
    let engine_can = case.engine()? >= Version::new(20, 10, 6);
    if kernel >= KERNEL_WITH_SUBVOLUME_RMDIR && engine_can {
        return Ok(pass(format!("Linux {kernel} needs no {option}")));
    }
    let at = mount.map_or("btrfs".into(), |m| m.at.to_string_lossy());
    Ok(fail("btrfs subvolumes of containers cannot be removed")
        .seen(&*at, format!("no {option}"))
        .fill("mount", at))
}

/// A name from a configuration file, short enough to show.
fn shorten(name: &str) -> String {
    let name = name.chars().filter(|c| !c.is_control());
    name.take(30).collect()
}

#[cfg(test)]
mod tests;
