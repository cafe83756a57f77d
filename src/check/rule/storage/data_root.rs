//! Whether the data-root's file system can hold images at all.

use super::{Place, place};
use crate::check::{Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::version::Version;

/// Whether files there can belong to the ids of containers.
enum Ownership {
    Kept,
    Refused(&'static str),
    Doubtful(&'static str),
}

fn ownership(place: &Place<'_>) -> Ownership {
    let allow_other = || {
        let mount = place.nearest.mount.as_ref();
        mount.is_some_and(|m| m.has("allow_other"))
    };
    match place.name.as_str() {
        "nfs" | "nfs4" | "cifs" | "smb3" | "smbfs" | "afs" | "gpfs" | "lustre" => {
            Ownership::Refused("its server knows nothing of your subordinate ids")
        }
        "9p" => Ownership::Refused("it is a share of another system"),
        "vfat" | "msdos" | "exfat" | "ntfs" | "ntfs3" => {
            Ownership::Refused("it stores no Unix owners")
        }
        "ceph" | "beegfs" | "glusterfs" | "orangefs" | "autofs" => {
            Ownership::Doubtful("whether its server takes your subordinate ids")
        }
        "virtiofs" => Ownership::Doubtful("whether the machine that shares it takes other owners"),
        "fuse.sshfs" | "fuse.rclone" | "fuse.s3fs" => {
            Ownership::Refused("its server knows nothing of your subordinate ids")
        }
        name if !name.starts_with("fuse") => Ownership::Kept,
        _ if allow_other() => {
            Ownership::Doubtful("whether the program behind it takes other owners")
        }
        _ => Ownership::Refused("only you may use it, not your subordinate ids"),
    }
}

pub fn file_system(facts: &Facts) -> Verdict {
    let place = place(facts)?;
    let path = place.root.path.to_string_lossy();
    let found = match ownership(&place) {
        _ if place.file_system.read_only() => fail(format!(
            "{} is mounted read-only",
            place.nearest.path.display()
        ))
        .remedy("read-only"),
        Ownership::Kept => pass(format!("the data-root lies on {}", place.name)),
        Ownership::Refused(why) => fail(format!("the data-root lies on {}: {why}", place.name)),
        Ownership::Doubtful(what) => {
            return Err(Undetermined::new(format!(
                "{path} on {}: {what}",
                place.name
            )));
        }
    };
    let mount = place.nearest.mount.as_ref();
    let at = mount.map_or_else(|| place.nearest.path.clone(), |m| m.at.clone());
    Ok(found
        .seen("data-root", format!("{path} ({})", place.root.named_by))
        .seen(at.to_string_lossy(), &*place.name))
}

pub fn owner(facts: &Facts) -> Verdict {
    let place = place(facts)?;
    let subject = facts.ground.subject.as_ref();
    let uid = subject.map_or(u32::MAX, |s| s.uid);
    let at = &place.nearest;
    let path = at.path.to_string_lossy();
    let root = place.root.path.to_string_lossy();
    let exists = at.path == place.root.path;
    let seen = format!("owner {}, mode {:o}", at.stat.uid, at.stat.mode);
    if exists && at.stat.uid == uid {
        return Ok(pass(format!("the data-root {path} is the user's")));
    }
    if *at.writable.need(&path)? {
        return Ok(match exists {
            true => pass(format!("the user can write to {path}")),
            false => pass(format!("{} can be created", place.root.path.display())),
        });
    }
    if !matches!(at.stat.uid, 0..65536) {
        let why = format!(
            "{path} belongs to id {}, maybe a subordinate one",
            at.stat.uid
        );
        return Err(Undetermined::new(why));
    }
    let home = facts.ground.home_path();
    let in_home = at.path.starts_with(home);
    if place.root.path.starts_with(home) && !in_home {
        return Ok(skip("the home directory is not there"));
    }
    // Whatever lies above the data-root, but in the home, is not the user's to be given.
    let outcome = match exists || in_home {
        true => fail(format!("the user cannot write to {path}")).fill("path", &path),
        false => fail(format!("{root} cannot be made by the user"))
            .fill("path", &root)
            .remedy("make"),
    };
    let user = subject.map_or("", |s| s.name.as_str());
    Ok(outcome.seen(&*path, seen).fill("user", user))
}

pub fn volatile(facts: &Facts) -> Verdict {
    let place = place(facts)?;
    let path = place.root.path.to_string_lossy();
    Ok(match place.name.as_str() {
        "tmpfs" | "ramfs" => {
            fail("images are kept in memory and lost at the next boot").seen(path, &*place.name)
        }
        name => pass(format!("{name} outlives a reboot")),
    })
}

pub fn xfs_ftype(facts: &Facts) -> Verdict {
    let place = place(facts)?;
    if place.name != "xfs" {
        return Ok(skip(format!("the data-root lies on {}", place.name)));
    }
    let path = place.nearest.path.to_string_lossy();
    Ok(
        match place
            .nearest
            .tells_types
            .need(&format!("d_type in {path}"))?
        {
            true => pass("XFS was made with ftype=1"),
            false => {
                fail("XFS was made with ftype=0: no overlay on it").seen(path, "d_type unknown")
            }
        },
    )
}

/// OpenZFS holds the upper layer of an overlay since 2.2.
pub const ZFS_WITH_OVERLAY: Version = Version::new(2, 2, 0);

pub fn zfs(facts: &Facts) -> Verdict {
    let place = place(facts)?;
    if place.name != "zfs" {
        return Ok(skip(format!("the data-root lies on {}", place.name)));
    }
    let file = "/sys/module/zfs/version";
    let text = place.storage.zfs_version.need(file)?;
    let version = Version::parse(text).filter(|v| *v > Version::new(0, 0, 0));
    let version = version.ok_or_else(|| Undetermined::new(format!("{file}: no version")))?;
    let summary = format!("OpenZFS {version}");
    Ok(match version >= ZFS_WITH_OVERLAY {
        true => pass(format!("{summary} can hold an overlay")),
        false => fail(format!("{summary} cannot hold an overlay")),
    }
    .seen(file, text.chars().take(40).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::fact::Why;
    use crate::host::{FileSystem, Node};
    use crate::testing::TestHost;

    fn on(kind: &str, magic: u64, options: &str) -> TestHost {
        let mountinfo = format!("22 1 8:1 / / rw,relatime - {kind} src {options}\n");
        TestHost::new()
            .file("/proc/self/mountinfo", &mountinfo)
            .with(|b| {
                let there = FileSystem {
                    magic,
                    ..FileSystem::default()
                };
                b.file_systems.insert("/".into(), there);
            })
    }

    #[test]
    fn file_systems_by_what_they_do_with_owners() {
        let status = |kind, magic, options| {
            on(kind, magic, options)
                .check("storage.data-root-fs")
                .status
        };
        assert_eq!(status("ext4", 0xef53, "rw"), Status::Pass);
        assert_eq!(status("nfs4", 0x6969, "rw"), Status::Fail);
        assert_eq!(status("cifs", 0xff53_4d42, "rw"), Status::Fail);
        assert_eq!(status("9p", 0x0102_1997, "rw,aname=drvfs"), Status::Fail);
        assert_eq!(status("fuse.sshfs", 0x6573_5546, "rw"), Status::Fail);
        assert_eq!(status("fuse.gocryptfs", 0x6573_5546, "rw"), Status::Fail);
        assert_eq!(
            status("fuse.mergerfs", 0x6573_5546, "rw,allow_other"),
            Status::Unknown
        );
        assert_eq!(status("ceph", 0x00c3_6400, "rw"), Status::Unknown);
    }

    #[test]
    fn a_dead_mount_is_unknown() {
        let host = TestHost::new().with(|b| {
            b.dead_file_systems
                .insert("/home".into(), Why::new("/home (nfs) gives no answer"));
        });
        let found = host.check("storage.data-root-fs");
        assert_eq!(found.status, Status::Unknown);
        assert!(
            found.summary.contains("gives no answer"),
            "{}",
            found.summary
        );
    }

    #[test]
    fn the_data_root_is_where_it_is_configured() {
        let host = on("nfs4", 0x6969, "rw").with(|b| {
            let disk = FileSystem {
                magic: 0xef53,
                ..FileSystem::default()
            };
            b.file_systems.insert("/scratch".into(), disk);
        });
        let file = "/home/alice/.config/docker/daemon.json";
        let host = host.file(file, r#"{"data-root": "/scratch/alice"}"#).node(
            "/scratch",
            Node {
                kind: Some(crate::host::Kind::Dir),
                mode: Some("1777".into()),
                ..Node::default()
            },
        );
        let found = host.examine();
        assert_eq!(found["storage.data-root-fs"].status, Status::Pass);
        assert_eq!(found["storage.data-root-owner"].status, Status::Pass);
    }

    #[test]
    fn roots_own_directory_is_a_failure() {
        let node = |uid: u32| Node {
            kind: Some(crate::host::Kind::Dir),
            mode: Some("710".into()),
            uid,
            gid: uid,
            ..Node::default()
        };
        let check = |uid| {
            let host = TestHost::new().node("/home/alice/.local/share/docker", node(uid));
            host.check("storage.data-root-owner").status
        };
        assert_eq!((check(0), check(1000)), (Status::Fail, Status::Pass));
        assert_eq!(check(165_536), Status::Unknown);
    }

    #[test]
    fn nothing_above_the_data_root_is_given_away() {
        let named = |home: &str| {
            let file = "/home/alice/.config/docker/daemon.json";
            let host = TestHost::new().env("HOME", home);
            let host = host.file(file, r#"{"data-root": "/srv/docker"}"#);
            host.check("storage.data-root-owner").fix
        };
        // The user's daemon.json can name any directory: root gives none of them away.
        let fix = named("/home/alice").unwrap();
        assert!(fix.commands.is_empty() && fix.note.contains("ask the administrator"));
        let gone = TestHost::new().env("HOME", "/nowhere/alice");
        assert_eq!(gone.check("storage.data-root-owner").status, Status::Skip);
        let unset = TestHost::new().env("HOME", "");
        assert_eq!(unset.check("storage.data-root-fs").status, Status::Skip);
    }

    #[test]
    fn xfs_tells_by_its_entries() {
        let xfs = |told: Option<bool>| {
            let node = Node {
                kind: Some(crate::host::Kind::Dir),
                uid: 1000,
                tells_types: told,
                ..Node::default()
            };
            let host = on("xfs", 0x5846_5342, "rw").node("/home/alice", node);
            host.check("storage.xfs-ftype").status
        };
        assert_eq!(xfs(Some(true)), Status::Pass);
        assert_eq!(xfs(Some(false)), Status::Warn);
        assert_eq!(xfs(None), Status::Unknown);
        assert_eq!(
            on("ext4", 0xef53, "rw").check("storage.xfs-ftype").status,
            Status::Skip
        );
    }

    #[test]
    fn memory_is_not_lasting() {
        let check = |kind, magic| {
            on(kind, magic, "rw")
                .check("storage.data-root-volatile")
                .status
        };
        assert_eq!(check("tmpfs", 0x0102_1994), Status::Warn);
        assert_eq!(check("ext4", 0xef53), Status::Pass);
    }
}
