//! The file capability of RootlessKit, on a descriptor of the program.

use std::path::Path;

use rustix::fs::{FileType, XattrFlags};
use rustix::io::Errno;

use crate::apply::run::World;
use crate::host::root_owned::{NotRoots, RootOwned};
use crate::plan::mend::allowed;

const NAME: &str = "security.capability";

/// `cap_net_bind_service=ep` as the kernel keeps it: version 2 and effective, then the
/// permitted and the inheritable bits, twice 32 each.
pub const NET_BIND_SERVICE: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// RootlessKit, where only root can replace it; none if it does not exist.
///
/// # Errors
/// In words.
pub fn program(path: &Path, world: &World) -> Result<Option<RootOwned>, String> {
    let known = |path: &Path| {
        let path = world.system_path(path);
        path.is_some_and(|p| allowed::is_rootlesskit(&p))
    };
    let file = match known(path).then(|| RootOwned::resolve(path)) {
        None => return Err(format!("root gives no capability to {path:?}")),
        Some(Err(NotRoots::Missing(_))) => return Ok(None),
        Some(other) => other.map_err(|why| why.to_string())?,
    };
    if !known(file.path()) {
        return Err(format!("{path:?} leads to {:?}", file.path()));
    }
    match file.kind() == FileType::RegularFile && file.stat().st_nlink == 1 {
        true => Ok(Some(file)),
        false => Err(format!("{path:?} is not a file with one name")),
    }
}

/// The capability as hexadecimal; none if it has none.
///
/// # Errors
/// The system's, in words.
pub fn get(program: &RootOwned) -> Result<Option<String>, String> {
    let mut value = [0; 64];
    match rustix::fs::getxattr(program.by_fd(), NAME, &mut value) {
        Ok(n) => Ok(Some(
            value[..n].iter().map(|b| format!("{b:02x}")).collect(),
        )),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(e) => Err(format!("{:?}: {e}", program.path())),
    }
}

/// Sets a capability.
///
/// # Errors
/// The system's, in words.
pub fn set(program: &RootOwned, value: &[u8]) -> Result<(), String> {
    let told = |e: Errno| format!("{:?}: {e}", program.path());
    rustix::fs::setxattr(program.by_fd(), NAME, value, XattrFlags::empty()).map_err(told)
}

/// Sets what [`get`] returned.
///
/// # Errors
/// In words.
pub fn restore(program: &RootOwned, former: Option<&str>) -> Result<(), String> {
    let Some(hex) = former else {
        return match rustix::fs::removexattr(program.by_fd(), NAME) {
            Ok(()) | Err(Errno::NODATA) => Ok(()),
            Err(e) => Err(format!("{:?}: {e}", program.path())),
        };
    };
    let digits: Vec<char> = hex.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    let bytes = bytes.ok_or_else(|| format!("{hex:?} is not a capability"))?;
    set(program, &bytes)
}
