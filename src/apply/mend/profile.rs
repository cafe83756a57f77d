//! AppArmor profiles: which file, for which program.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::apply::run::World;
use crate::facts::area::lsm;
use crate::facts::subject;
use crate::host::Live;
use crate::host::root_owned::{NotRoots, RootOwned};
use crate::plan::mend::allowed;

/// The name of a profile's file, for the parser; none if it does not exist.
///
/// # Errors
/// In words: it is not in `/etc/apparmor.d`, or others can change it.
pub fn file(path: &Path, world: &World) -> Result<Option<String>, String> {
    if !world
        .system_path(path)
        .is_some_and(|p| allowed::is_profile_file(&p))
    {
        return Err(format!("{path:?} is not in /etc/apparmor.d"));
    }
    match RootOwned::resolve(path) {
        Err(NotRoots::Missing(_)) => Ok(None),
        Err(why) => Err(why.to_string()),
        Ok(_) => Ok(Some(path.to_string_lossy().into_owned())),
    }
}

/// Whether a program can get the profile that allows user namespaces: RootlessKit under
/// its own name, in a place of root's or in the home directory of its owner, and without
/// another profile than the one in `own`.
///
/// # Errors
/// Why not, in words.
pub fn judge(path: &str, own: &Path) -> Result<(), String> {
    let meta = Path::new(path).symlink_metadata();
    let meta = meta.map_err(|e| format!("{path}: {e}"))?;
    if !meta.is_file() || meta.nlink() != 1 {
        return Err(format!("{path} is a link, or has more than one hard link"));
    }
    let host = Live::new(false, std::time::Duration::from_secs(10));
    match meta.uid() {
        0 => RootOwned::open(Path::new(path))
            .map_err(|why| why.to_string())
            .map(drop)?,
        uid => in_home(&host, path, uid)?,
    }
    let all = lsm::attaching(&host, Path::new(path));
    match all.iter().find(|file| *file != own) {
        Some(other) => Err(format!(
            "a profile in {} is for {path} already",
            other.display()
        )),
        None => Ok(()),
    }
}

/// The file is in the home directory of `uid`, through no link.
fn in_home(host: &Live, path: &str, uid: u32) -> Result<(), String> {
    let home = subject::home_of(host, uid);
    let real = crate::host::Host::real_path(host, Path::new(path)).into_known();
    let own = home.is_some_and(|home| {
        allowed::is_home(&home.to_string_lossy()) && Path::new(path).starts_with(&home)
    });
    match own && real.as_deref() == Some(Path::new(path)) {
        true => Ok(()),
        false => Err(format!(
            "{path} is not in the home directory of its owner (uid {uid})"
        )),
    }
}
