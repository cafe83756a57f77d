//! Rules of the area `storage`.

mod data_root;
mod driver;
mod room;

use super::Rule;
use crate::check::Undetermined;
use crate::facts::Facts;
use crate::facts::area::storage::{self, DataRoot, Nearest};
use crate::host::FileSystem;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[
    ("storage.data-root-fs", data_root::file_system),
    ("storage.data-root-owner", data_root::owner),
    ("storage.data-root-volatile", data_root::volatile),
    ("storage.driver-usable", driver::usable),
    ("storage.driver", driver::quality),
    ("storage.driver-switch", driver::hidden_images),
    ("storage.overlay-probe", driver::overlay_probe),
    ("storage.xfs-ftype", data_root::xfs_ftype),
    ("storage.btrfs-options", driver::btrfs_options),
    ("storage.zfs", data_root::zfs),
    ("storage.noexec", room::noexec),
    ("storage.not-full", room::not_full),
    ("storage.free-space", room::free_space),
    ("storage.free-inodes", room::free_inodes),
];

/// The data-root with what holds it.
struct Place<'a> {
    storage: &'a storage::Facts,
    root: &'a DataRoot,
    nearest: &'a Nearest,
    file_system: &'a FileSystem,
    /// What the file system is called.
    name: String,
}

fn place(facts: &Facts) -> Result<Place<'_>, Undetermined> {
    let storage = facts.storage.need("storage")?;
    if facts.ground.home.is_absent() {
        let why = "HOME is not set, and the data-root lies below it".to_owned();
        return Err(Undetermined { why, off: true });
    }
    let root = storage.data_root.need("the data-root")?;
    let path = root.path.to_string_lossy();
    let nearest = root.nearest.need(&path)?;
    let file_system = nearest.file_system.need(&nearest.path.to_string_lossy())?;
    Ok(Place {
        name: storage::name(file_system.magic, nearest.mount.as_ref()),
        storage,
        root,
        nearest,
        file_system,
    })
}

/// A size as a person reads it: `41 GiB`, `1.5 GiB`, `300 MiB`.
fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    match bytes {
        0..GIB => format!("{} MiB", bytes / MIB),
        b if b < 10 * GIB => format!("{}.{} GiB", b / GIB, b % GIB * 10 / GIB),
        b => format!("{} GiB", b / GIB),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes() {
        assert_eq!(super::size(300 << 20), "300 MiB");
        assert_eq!(super::size((1 << 30) + (1 << 29)), "1.5 GiB");
        assert_eq!(super::size(41 << 30), "41 GiB");
        assert_eq!(super::size(u64::MAX), "17179869183 GiB");
    }
}
