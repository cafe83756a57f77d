//! What is mounted where, by `/proc/self/mountinfo`.

use std::path::{Path, PathBuf};

use procfs::process::{MountInfo, MountOptFields};

use crate::fact::Fact;
use crate::host::Host;

/// No larger mountinfo is read.
const LARGEST: u64 = 4 << 20;

/// Nor one with more mounts, which cost ten times the memory of their text.
const MOST: usize = 10_000;

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Mount point.
    pub at: PathBuf,
    /// File system type as the kernel names it, for example `nfs4` or `fuse.sshfs`.
    pub kind: String,
    /// Device, server and path, or whatever the file system calls its source.
    pub source: String,
    /// Options of the mount and of the file system, both.
    pub options: Vec<String>,
    /// `major:minor` of the device, decimal.
    pub device: String,
    /// Mounts and unmounts propagate to peers (`shared:`).
    pub shared: bool,
}

impl Mount {
    /// Whether an option (`nosuid`, `hidepid=2`) is set.
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|o| o == option)
    }
}

/// Parses mountinfo text.
///
/// # Errors
/// The line that is not of its form.
pub fn parse(text: &str) -> Result<Vec<Mount>, String> {
    let mut mounts = Vec::new();
    for line in text.lines() {
        if mounts.len() == MOST {
            return Err(format!("there are more than {MOST} mounts"));
        }
        mounts.push(mount(
            MountInfo::from_line(line).map_err(|e| e.to_string())?,
        ));
    }
    Ok(mounts)
}

fn mount(info: MountInfo) -> Mount {
    let options = |map: std::collections::HashMap<String, Option<String>>| {
        map.into_iter().map(|(name, value)| match value {
            Some(value) => format!("{name}={value}"),
            None => name,
        })
    };
    let is_shared = |field: &MountOptFields| matches!(field, MountOptFields::Shared(_));
    Mount {
        shared: info.opt_fields.iter().any(is_shared),
        options: options(info.mount_options)
            .chain(options(info.super_options))
            .collect(),
        device: info.majmin,
        at: info.mount_point,
        kind: info.fs_type,
        source: info.mount_source.unwrap_or_default(),
    }
}

/// The mount that holds `path`: the longest mount point, the last of equals.
pub fn holding<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    let holds = mounts.iter().filter(|m| path.starts_with(&m.at));
    holds.max_by_key(|m| m.at.as_os_str().len())
}

/// Reads the mounts of this process.
pub fn collect(host: &dyn Host) -> Fact<Vec<Mount>> {
    let text = host.read_up_to(Path::new("/proc/self/mountinfo"), LARGEST);
    text.and_then(|text| parse(&text).map_or_else(Fact::unreadable, Fact::Known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_equal_mount_points_holds() {
        let text = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
                    30 22 0:30 / /home rw,nosuid - autofs auto rw,fd=5\n\
                    31 22 0:31 / /home rw,nosuid - nfs4 srv:/x rw,vers=4.2\n";
        let mounts = parse(text).expect("mountinfo");
        let home = holding(&mounts, Path::new("/home/alice")).expect("a mount");
        assert_eq!(home.kind, "nfs4");
        assert!(home.has("nosuid") && home.has("vers=4.2") && !home.shared);
        assert!(holding(&mounts, Path::new("/homes")).expect("root").shared);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}
