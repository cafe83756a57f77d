//! Facts of the area `storage`: where the daemon's data will lie, on which
//! file system, and what earlier daemons left there.

use std::path::{Path, PathBuf};

use crate::fact::Fact;
use crate::facts::mounts::Mount;
use crate::facts::{Context, daemon_json};
use crate::host::{FileSystem, Host, Stat};

/// Storage drivers that some dockerd had, the current ones first.
pub const DRIVERS: [&str; 8] = [
    "overlay2",
    "fuse-overlayfs",
    "btrfs",
    "zfs",
    "vfs",
    "overlay",
    "aufs",
    "devicemapper",
];

/// Blobs of the containerd image store below the data-root.
const BLOBS: &str = "containerd/daemon/io.containerd.content.v1.content/blobs/sha256";

/// What the area's rules judge.
#[derive(Debug)]
pub struct Facts {
    /// Where images, layers and volumes lie.
    pub data_root: Fact<DataRoot>,
    /// The storage driver that the unit names (`--storage-driver`, `DOCKER_DRIVER`).
    pub unit_driver: Option<String>,
    /// `/dev/fuse` can be opened.
    pub dev_fuse: Fact<()>,
    /// `/sys/fs/selinux/enforce`: SELinux is switched on in this kernel.
    pub selinux: Fact<()>,
    /// Debian's old kernels: `overlay.permit_mounts_in_userns`.
    pub overlay_permitted: Fact<bool>,
    /// `/proc/version` names Ubuntu: its kernels always allowed the mount.
    pub ubuntu_kernel: Fact<bool>,
    /// `/sys/module/zfs/version`.
    pub zfs_version: Fact<String>,
}

/// The daemon's data-root.
#[derive(Clone, Debug)]
pub struct DataRoot {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// Who says so.
    pub named_by: &'static str,
    /// The longest part of the path that exists.
    pub nearest: Fact<Nearest>,
    /// Drivers whose directory has content, as dockerd looks for them.
    pub used: Fact<Vec<&'static str>>,
    /// Images by storage driver; `containerd` for its image store.
    pub images: Fact<Vec<(&'static str, usize)>>,
}

/// The longest part of the data-root's path that exists.
#[derive(Clone, Debug)]
pub struct Nearest {
    /// Its path.
    pub path: PathBuf,
    /// What it is.
    pub stat: Stat,
    /// The user may create files there.
    pub writable: Fact<bool>,
    /// The file system that holds it.
    pub file_system: Fact<FileSystem>,
    /// The mount that holds it.
    pub mount: Option<Mount>,
    /// On XFS: the file system tells the kind of directory entries.
    pub tells_types: Fact<bool>,
}

/// Reads the area's facts.
pub fn collect(cx: Context<'_>) -> Facts {
    let text = |path: &str| cx.host.read(Path::new(path)).map(|t| t.trim().to_owned());
    Facts {
        data_root: data_root(cx),
        unit_driver: unit_driver(cx),
        dev_fuse: cx.host.open_device(Path::new("/dev/fuse")),
        selinux: text("/sys/fs/selinux/enforce").map(|_| ()),
        overlay_permitted: text("/sys/module/overlay/parameters/permit_mounts_in_userns")
            .map(|value| matches!(value.as_str(), "Y" | "1")),
        ubuntu_kernel: text("/proc/version").map(|version| version.contains("Ubuntu")),
        zfs_version: text("/sys/module/zfs/version"),
    }
}

fn data_root(cx: Context<'_>) -> Fact<DataRoot> {
    located(cx).map(|(path, named_by)| DataRoot {
        nearest: nearest(cx, &path),
        used: used(cx.host, &path),
        images: images(cx.host, &path),
        path,
        named_by,
    })
}

/// The path, and who names it: the unit's option before daemon.json before the default.
pub fn located(cx: Context<'_>) -> Fact<(PathBuf, &'static str)> {
    let Fact::Known(home) = &cx.ground.home else {
        return cx.ground.home.clone().map(|path| (path, ""));
    };
    let by_unit = daemon_json::flag(&cx.ground.unit, home, "data-root");
    let named = match by_unit {
        Some(path) => Some((path, "the unit's --data-root")),
        None => match cx.ground.daemon_json.settings() {
            Ok(settings) => settings.data_root.map(|path| (path, "daemon.json")),
            Err(undetermined) => return Fact::unreadable(undetermined.why),
        },
    };
    match named {
        Some((path, by)) if path.starts_with('/') => Fact::Known((PathBuf::from(path), by)),
        Some((_, by)) => Fact::unreadable(format!("{by} is not an absolute path")),
        None => Fact::Known((data_home(cx, home).join("docker"), "the default")),
    }
}

/// `$XDG_DATA_HOME` as the daemon will see it, else `~/.local/share`.
fn data_home(cx: Context<'_>, home: &Path) -> PathBuf {
    let by_unit = cx.ground.unit.environment(home).remove("XDG_DATA_HOME");
    let by_manager = || {
        let own = cx.ground.subject.as_ref().is_some_and(|s| s.is_self);
        let shell = cx.host.env("XDG_DATA_HOME").into_known()?;
        // The daemon only sees it if the user's manager has it too.
        let manager = cx.host.user_manager(&cx.ground.runtime_dir).into_known();
        let known =
            manager.is_none_or(|m| m.environment.contains(&format!("XDG_DATA_HOME={shell}")));
        (own && known).then_some(shell)
    };
    let set = by_unit.or_else(by_manager);
    set.filter(|dir| dir.starts_with('/'))
        .map_or_else(|| home.join(".local/share"), PathBuf::from)
}

fn unit_driver(cx: Context<'_>) -> Option<String> {
    let home = cx.ground.home_path();
    let by_option = daemon_json::flag(&cx.ground.unit, home, "storage-driver");
    by_option
        .or_else(|| short_driver(&cx.ground.unit.exec_start()?))
        .or_else(|| cx.ground.unit.environment(home).remove("DOCKER_DRIVER"))
}

/// `-s DRIVER` or `-sDRIVER`.
fn short_driver(words: &[String]) -> Option<String> {
    let at = words.iter().rposition(|w| w.starts_with("-s"))?;
    match words[at].strip_prefix("-s")? {
        "" => words.get(at + 1).cloned(),
        value => Some(value.trim_start_matches('=').to_owned()),
    }
}

fn nearest(cx: Context<'_>, path: &Path) -> Fact<Nearest> {
    for part in path.ancestors() {
        match cx.host.stat(part) {
            Fact::Known(stat) => return Fact::Known(describe(cx, part, stat)),
            Fact::Absent => {}
            Fact::Unreadable(why) => return Fact::Unreadable(why),
        }
    }
    Fact::Absent
}

fn describe(cx: Context<'_>, path: &Path, stat: Stat) -> Nearest {
    let real = cx.host.real_path(path).into_known();
    let file_system = cx.host.file_system(path);
    let is_xfs = file_system.known().is_some_and(|fs| fs.magic == XFS);
    Nearest {
        mount: cx.ground.mount_of(real.as_deref().unwrap_or(path)).cloned(),
        writable: cx.host.writable(path),
        tells_types: match is_xfs {
            true => tells_types(cx, path),
            false => Fact::Absent,
        },
        path: path.into(),
        stat,
        file_system,
    }
}

/// By the first directory on the way up, on the same mount, that has entries.
fn tells_types(cx: Context<'_>, path: &Path) -> Fact<bool> {
    let mount = cx.ground.mount_of(path);
    let same = |part: &&Path| cx.ground.mount_of(part) == mount;
    let answers = path.ancestors().take_while(same);
    let mut answers = answers.map(|part| cx.host.tells_types(part));
    answers.find(|a| !a.is_absent()).unwrap_or(Fact::Absent)
}

/// `XFS_SUPER_MAGIC`.
pub const XFS: u64 = 0x5846_5342;

/// Drivers with a directory that is not empty. dockerd takes one it cannot
/// read for used, and never looks for `vfs`; we note that one too.
fn used(host: &dyn Host, data_root: &Path) -> Fact<Vec<&'static str>> {
    let mut used = Vec::new();
    for driver in DRIVERS {
        match host.list(&data_root.join(driver)) {
            Fact::Known(names) if names.is_empty() => {}
            Fact::Absent => {}
            Fact::Known(_) => used.push(driver),
            Fact::Unreadable(why) => return Fact::Unreadable(why),
        }
    }
    Fact::Known(used)
}

fn images(host: &dyn Host, data_root: &Path) -> Fact<Vec<(&'static str, usize)>> {
    let by_driver =
        DRIVERS.map(|driver| (driver, format!("image/{driver}/imagedb/content/sha256")));
    let mut found = Vec::new();
    for (store, dir) in by_driver
        .into_iter()
        .chain([("containerd", BLOBS.to_owned())])
    {
        match host.list(&data_root.join(dir)) {
            Fact::Known(names) if names.is_empty() => {}
            Fact::Absent => {}
            Fact::Known(names) => found.push((store, names.len())),
            Fact::Unreadable(why) => return Fact::Unreadable(why),
        }
    }
    Fact::Known(found)
}

/// What a file system is called, by its magic number, else by its mount.
pub fn name(magic: u64, mount: Option<&Mount>) -> String {
    let kind = mount.map_or("", |m| m.kind.as_str());
    let by_magic = match magic {
        // One number for many: the mount says which.
        0x6573_5546 => None,
        0x6969 => Some("nfs"),
        0xff53_4d42 | 0xfe53_4d42 | 0x517b => Some("cifs"),
        0x4750_4653 => Some("gpfs"),
        0x0bd0_0bd0 => Some("lustre"),
        0x5346_414f | 0x6b41_4653 => Some("afs"),
        0x0102_1997 => Some("9p"),
        0xf15f => Some("ecryptfs"),
        0x0102_1994 => Some("tmpfs"),
        0x8584_58f6 => Some("ramfs"),
        0x794c_7630 => Some("overlay"),
        0x9123_683e => Some("btrfs"),
        XFS => Some("xfs"),
        0x2fc1_2fc1 => Some("zfs"),
        0x00c3_6400 => Some("ceph"),
        0x1983_0326 => Some("beegfs"),
        0x4d44 => Some("vfat"),
        0x2011_bab0 => Some("exfat"),
        0x7366_746e | 0x5346_544e => Some("ntfs"),
        0x6175_6673 => Some("aufs"),
        0xf2f5_2010 => Some("f2fs"),
        0xca45_1a4e => Some("bcachefs"),
        0xef53 => Some(match kind {
            "ext2" | "ext3" => kind,
            _ => "ext4",
        }),
        0x0187 => Some("autofs"),
        _ => None,
    };
    match (by_magic, kind) {
        (Some(name), _) => name.to_owned(),
        (None, "") => format!("file system 0x{magic:x}"),
        (None, kind) => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_option() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(short_driver(&words("/x -s vfs")).as_deref(), Some("vfs"));
        assert_eq!(short_driver(&words("/x -s=vfs -D")).as_deref(), Some("vfs"));
        assert_eq!(short_driver(&words("/x -svfs")).as_deref(), Some("vfs"));
        assert_eq!(short_driver(&words("/x -s")), None);
        assert_eq!(short_driver(&words("/x --shutdown-timeout 3")), None);
    }

    #[test]
    fn names_by_number_and_by_mount() {
        assert_eq!(name(0x6969, None), "nfs");
        assert_eq!(name(0xef53, None), "ext4");
        let mount = Mount {
            at: "/".into(),
            kind: "fuse.sshfs".into(),
            source: String::new(),
            options: Vec::new(),
            device: String::new(),
            shared: false,
        };
        assert_eq!(name(0x6573_5546, Some(&mount)), "fuse.sshfs");
        assert_eq!(name(7, None), "file system 0x7");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(words: Vec<String>, magic: u64) {
            let _ = short_driver(&words);
            name(magic, None);
        }
    }
}
