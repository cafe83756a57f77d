//! newuidmap and newgidmap: where they are, and whether they have their privilege.

use std::path::PathBuf;

use crate::fact::Fact;
use crate::facts::Context;

/// Bit of a capability, by its number in `<linux/capability.h>`.
const CAP_SETGID: u32 = 1 << 6;
const CAP_SETUID: u32 = 1 << 7;

/// A helper as the unit would find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    /// Where it was found first.
    pub path: PathBuf,
    /// The same, links resolved.
    pub real: PathBuf,
    /// It belongs to root and has the setuid bit.
    pub setuid: Fact<bool>,
    /// It has the file capability it needs, effective.
    pub capable: Fact<bool>,
    /// Its file system ignores both.
    pub nosuid: Fact<bool>,
    /// Mode and owner, as a person would look at them.
    pub mode: String,
    /// Other copies, later on the PATH.
    pub hidden: Vec<PathBuf>,
    /// Owner of the file.
    pub owner: Fact<u32>,
}

/// Looks at `newuidmap` or `newgidmap`.
pub fn collect(cx: Context<'_>, name: &str) -> Fact<Helper> {
    let needed = match name {
        "newgidmap" => CAP_SETGID,
        _ => CAP_SETUID,
    };
    let hit = match cx.ground.tools.fact(name) {
        Fact::Known(hit) => hit,
        Fact::Absent => return Fact::Absent,
        Fact::Unreadable(why) => return Fact::Unreadable(why),
    };
    let stat = cx.host.stat(&hit.real);
    let capability = match cx.host.capability(&hit.real) {
        Fact::Absent => Fact::Known(false),
        bytes => bytes.map(|bytes| grants(&bytes, needed)),
    };
    Fact::Known(Helper {
        path: hit.path.clone(),
        real: hit.real.clone(),
        mode: stat.known().map_or_else(String::new, |s| {
            format!("mode {:o}, owner {}", s.mode, s.uid)
        }),
        setuid: stat.as_ref().map(|s| s.mode & 0o4000 != 0 && s.uid == 0),
        owner: stat.map(|s| s.uid),
        capable: capability,
        nosuid: cx.host.file_system(&hit.real).map(|fs| fs.nosuid()),
        hidden: cx
            .ground
            .tools
            .all(name)
            .iter()
            .skip(1)
            .map(|h| h.path.clone())
            .collect(),
    })
}

/// Whether the extended attribute `security.capability` gives a capability to
/// whoever runs the file: it is permitted, the effective bit is set, and it
/// is not for another namespace's root. See `vfs_cap_data` in
/// `<linux/capability.h>`.
pub fn grants(bytes: &[u8], capability: u32) -> bool {
    let word = |at: usize| {
        let four = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(four.try_into().ok()?))
    };
    let (Some(magic), Some(permitted)) = (word(0), word(4)) else {
        return false;
    };
    let here = match magic >> 24 {
        1 | 2 => true,
        3 => word(20) == Some(0),
        _ => false,
    };
    here && magic & 1 == 1 && permitted & capability != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_as_setcap_writes_them() {
        let ep = [
            1, 0, 0, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert!(grants(&ep, CAP_SETUID) && !grants(&ep, CAP_SETGID));
        let only_permitted = [0, 0, 0, 2, 0x80, 0, 0, 0];
        assert!(!grants(&only_permitted, CAP_SETUID));
        let mut other_root = ep.to_vec();
        other_root[3] = 3;
        other_root.extend([1, 0, 0, 0]);
        assert!(!grants(&other_root, CAP_SETUID));
        assert!(!grants(&[], CAP_SETUID));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            grants(&bytes, CAP_SETUID);
        }
    }
}
