//! Where a file is changed. Root goes through the descriptor of a directory that only
//! root can change, and changes only files of a closed list.

use std::path::{Path, PathBuf};

use super::run::World;
use crate::host::root_owned::{NotRoots, RootOwned};
use crate::plan::mend::allowed;

/// A file that is about to be changed. Its path is valid for as long as this lives.
#[derive(Debug)]
pub struct Target {
    _dir: Option<RootOwned>,
    path: PathBuf,
}

impl Target {
    /// The file at `path`; none if its directory does not exist.
    ///
    /// # Errors
    /// In words: root does not change this file, or others can replace it.
    pub fn of(path: &Path, world: &World) -> Result<Option<Target>, String> {
        match world.system {
            true => Self::of_root(path, world, allowed::is_system_file),
            false => Ok(Some(Target {
                _dir: None,
                path: path.into(),
            })),
        }
    }

    /// The directory at `path`, as [`Target::of`].
    ///
    /// # Errors
    /// As there.
    pub fn of_dir(path: &Path, world: &World) -> Result<Option<Target>, String> {
        match world.system {
            true => Self::of_root(path, world, allowed::is_system_dir),
            false => Self::of(path, world),
        }
    }

    /// A file of root's for which `allowed` holds.
    ///
    /// # Errors
    /// As [`Target::of`].
    pub fn of_root(
        path: &Path,
        world: &World,
        allowed: fn(&Path) -> bool,
    ) -> Result<Option<Target>, String> {
        if !world.system_path(path).is_some_and(|path| allowed(&path)) {
            return Err(format!("root does not change {path:?}"));
        }
        match RootOwned::parent(path) {
            Ok((dir, name)) => Ok(Some(Target {
                path: dir.entry(&name),
                _dir: Some(dir),
            })),
            Err(NotRoots::Missing(_)) => Ok(None),
            Err(why) => Err(why.to_string()),
        }
    }

    /// The path by which it is changed.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// [`Target::of`] where the directory has to exist.
///
/// # Errors
/// As there.
pub fn existing(path: &Path, world: &World) -> Result<Target, String> {
    let target = Target::of(path, world)?;
    target.ok_or_else(|| format!("the directory of {path:?} does not exist"))
}
