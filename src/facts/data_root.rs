//! What lies in a data-root: what dockerd makes there, and what is somebody's.

use std::path::Path;

use crate::fact::Fact;
use crate::host::Host;

/// What dockerd makes, from 17.03 to 29: its own directories, those of its storage
/// drivers, and what a file system of its own has.
const OWN: [&str; 27] = [
    "aufs",
    "btrfs",
    "builder",
    "buildkit",
    "containerd",
    "containers",
    "devicemapper",
    "discovery_certs",
    "engine-id",
    "fuse-overlayfs",
    "graph",
    "image",
    "lost+found",
    "network",
    "overlay",
    "overlay2",
    "overlayfs",
    "plugins",
    "rootfs",
    "runtimes",
    "swarm",
    "tmp",
    "tmp-old",
    "trust",
    "vfs",
    "volumes",
    "zfs",
];

/// Left by a daemon that was killed while it tried its storage drivers.
const TRIED: &str = "check-overlayfs-support";

/// What lies in `dir` and is not Docker's, the first three names of it; none if all is.
pub fn others(host: &dyn Host, dir: &Path) -> Fact<Option<String>> {
    host.list(dir).map(|names| foreign(&names))
}

fn foreign(names: &[String]) -> Option<String> {
    let foreign = |name: &&String| !OWN.contains(&name.as_str()) && !name.starts_with(TRIED);
    let foreign: Vec<&str> = names.iter().filter(foreign).map(String::as_str).collect();
    let more = if foreign.len() > 3 { ", …" } else { "" };
    let first = &foreign[..foreign.len().min(3)];
    (!first.is_empty()).then(|| format!("{}{more}", first.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Option<String> {
        foreign(
            &names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn what_is_not_dockers_is_named() {
        // Of dockerd 20.10 and 28 in real guests.
        let old =
            "buildkit containers image network overlay2 plugins runtimes swarm tmp trust volumes";
        let new = "buildkit containers engine-id image network overlay2 plugins runtimes swarm tmp volumes";
        for whole in [old, new, "check-overlayfs-support123 vfs", ""] {
            let names: Vec<&str> = whole.split_whitespace().collect();
            assert_eq!(of(&names), None);
        }
        assert_eq!(of(&["image", "letters"]).as_deref(), Some("letters"));
        assert_eq!(of(&["a", "b", "c", "d"]).as_deref(), Some("a, b, c, …"));
    }
}
