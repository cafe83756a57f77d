//! Whether a storage driver works on this kernel and this file system.

use super::super::Place;
use super::super::data_root::ZFS_WITH_OVERLAY;
use super::Case;
use crate::check::Undetermined;
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::version::Version;

/// Unprivileged overlay mounts (Linux 5.11).
const KERNEL_WITH_OVERLAY: Version = Version::new(5, 11, 0);

/// Unprivileged FUSE mounts (Linux 4.18).
const KERNEL_WITH_FUSE: Version = Version::new(4, 18, 0);

/// A driver works here, or the reason it does not.
pub(super) type Works = Result<Result<(), String>, Undetermined>;

impl Case<'_> {
    /// moby's overlay2: an overlay, and no SELinux (moby#42333).
    pub(super) fn overlay2(&self) -> Works {
        let selinux = self.place.storage.selinux.ask("/sys/fs/selinux/enforce")?;
        // dockerd-rootless.sh asks selinuxenabled, which comes with getenforce.
        let asked = self.facts.ground.tools.fact("getenforce");
        if selinux.is_some() && asked.ask("getenforce")?.is_some() {
            return Ok(Err(
                "dockerd does not use overlay2 where SELinux is on".into()
            ));
        }
        self.overlay()
    }

    /// Whether the user can mount an overlay on the data-root.
    pub(super) fn overlay(&self) -> Works {
        match self.holds_overlay()? {
            Err(why) => Ok(Err(why)),
            Ok(()) => kernel_mounts_overlay(self.facts, &self.place),
        }
    }

    /// Whether the file system can hold the upper layer of an overlay.
    fn holds_overlay(&self) -> Works {
        let name = self.place.name.as_str();
        let refused = || Ok(Err(format!("{name} cannot hold an overlay")));
        match name {
            "ecryptfs" | "overlay" | "aufs" | "vfat" | "exfat" | "nfs" | "cifs" => refused(),
            "zfs" => {
                let text = self
                    .place
                    .storage
                    .zfs_version
                    .need("/sys/module/zfs/version")?;
                match Version::parse(text) {
                    Some(version) if version >= ZFS_WITH_OVERLAY => Ok(Ok(())),
                    Some(version) if version > Version::new(0, 0, 0) => refused(),
                    _ => Err(Undetermined::new("OpenZFS: no version in it")),
                }
            }
            // A directory without entries tells nothing; ftype=0 is rare by now,
            // and the check of its own says that it could not be told.
            "xfs" if self.place.nearest.tells_types == Fact::Known(false) => refused(),
            name if name.starts_with("fuse") => refused(),
            _ => Ok(Ok(())),
        }
    }

    /// Whether a driver that is named or in use works.
    pub(super) fn works(&self, driver: &str) -> Works {
        match driver {
            "vfs" | "native" => Ok(Ok(())),
            "overlay2" => self.overlay2(),
            "overlayfs" => self.overlay(),
            "fuse-overlayfs" => self.fuse_overlayfs(),
            "btrfs" if self.place.name == "btrfs" => Ok(Ok(())),
            "btrfs" => Ok(Err(format!("the data-root lies on {}", self.place.name))),
            "zfs" | "aufs" | "overlay" | "devicemapper" => {
                Ok(Err("rootless mode does not have it".into()))
            }
            _ => Err(Undetermined::new(
                "a storage driver this program does not know",
            )),
        }
    }

    fn is_ubuntu(&self) -> bool {
        self.place.storage.ubuntu_kernel.known() == Some(&true)
    }

    fn fuse_overlayfs(&self) -> Works {
        let program = self.facts.ground.tools.fact("fuse-overlayfs");
        if program.ask("fuse-overlayfs")?.is_none() {
            return Ok(Err("it is not installed".into()));
        }
        let release = self
            .facts
            .ground
            .kernel_release
            .need("the kernel's version")?;
        match self.facts.ground.kernel() {
            Some(kernel) if kernel >= KERNEL_WITH_FUSE => {}
            // Red Hat brought it to some 3.10, Ubuntu to some 4.x.
            Some(_) if release.contains(".el7") || self.is_ubuntu() => {
                return Err(Undetermined::new(
                    "whether this kernel lets users mount FUSE",
                ));
            }
            Some(kernel) => return Ok(Err(format!("Linux {kernel} is older than 4.18"))),
            None => return Err(Undetermined::new("the kernel's version")),
        }
        Ok(match &self.place.storage.dev_fuse {
            Fact::Known(()) => Ok(()),
            Fact::Absent => Err("there is no /dev/fuse".into()),
            // EACCES, EPERM, ENODEV, ENXIO are answers; anything else is not.
            Fact::Unreadable(why) if matches!(why.errno, Some(1 | 6 | 13 | 19)) => {
                Err(format!("/dev/fuse: {}", why.text))
            }
            Fact::Unreadable(why) => return Err(Undetermined::new(why.text.clone())),
        })
    }
}

/// The probe's own mount decides where it ran, else the kernel's version.
fn kernel_mounts_overlay(facts: &Facts, place: &Place<'_>) -> Works {
    if let Some(errno) = probed(facts) {
        return Ok(match errno {
            0 => Ok(()),
            errno => Err(format!("the kernel refuses it (errno {errno})")),
        });
    }
    let ground = &facts.ground;
    let release = ground.kernel_release.need("the kernel's version")?;
    let kernel = ground.kernel();
    let kernel = kernel.ok_or_else(|| Undetermined::new("the kernel's version"))?;
    let permitted = place
        .storage
        .overlay_permitted
        .ask("permit_mounts_in_userns")?;
    let ubuntu = place.storage.ubuntu_kernel.known() == Some(&true);
    if kernel >= KERNEL_WITH_OVERLAY || ubuntu || permitted == Some(&true) {
        return Ok(Ok(()));
    }
    if release.contains(".el8") {
        // Red Hat brought it to 4.18 in the course of RHEL 8.
        return Err(Undetermined::new(
            "whether this RHEL 8 kernel allows overlay",
        ));
    }
    Ok(Err(format!("Linux {kernel} is older than 5.11")))
}

/// The errno of the probe's overlay mount, if it came that far.
pub(super) fn probed(facts: &Facts) -> Option<i32> {
    let inside = facts.programs.probe.known()?.inside.as_ref()?;
    let step = inside.mounts.iter().find(|step| step.name == "overlay")?;
    Some(step.errno)
}
