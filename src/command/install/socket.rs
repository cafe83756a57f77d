//! The daemon's socket before the daemon is moved there: a place that the host
//! sees, that is the user's, that is still there after a reboot, and that
//! nobody has.

use std::path::{Path, PathBuf};

use crate::fact::Fact;
use crate::facts::Ground;
use crate::facts::area::storage;
use crate::facts::listens::{COPIES, Listens};
use crate::host::{Host, Kind};
use crate::plan::option::Key;
use crate::plan::option::fit::Misfit;
use crate::plan::unit_texts::Texts;

/// Looks, if another socket was chosen; `wanted` is the ground as it will be.
///
/// # Errors
/// The first thing that keeps it from working.
pub fn check(
    host: &dyn Host,
    ground: &Ground,
    wanted: &Ground,
    texts: &Texts,
) -> Result<(), Misfit> {
    let Some(socket) = texts.chosen.text(Key::Socket).map(Path::new) else {
        return Ok(());
    };
    let place = || Place::of(host, socket)?.check(host, ground);
    let judged = place().and_then(|()| taken(host, ground, socket));
    let judged = judged.and_then(|()| overruled(wanted, socket));
    judged.map_err(|why| Misfit::new(&[Key::Socket], format!("socket: {why}")))
}

/// Where a socket is to be.
struct Place {
    /// Its directory.
    dir: PathBuf,
    /// The same with every link resolved, as far as it is there.
    real: PathBuf,
    /// What is there of it.
    there: PathBuf,
    /// Whose that is.
    owner: u32,
}

impl Place {
    fn of(host: &dyn Host, socket: &Path) -> Result<Place, String> {
        let dir = socket.parent().unwrap_or(Path::new("/")).to_owned();
        for there in dir.ancestors() {
            let stat = match host.stat(there) {
                Fact::Known(stat) => stat,
                Fact::Absent => continue,
                Fact::Unreadable(why) => return Err(format!("{}: {}", there.display(), why.text)),
            };
            if stat.kind != Kind::Dir {
                return Err(format!("{} is not a directory", there.display()));
            }
            let real = host.real_path(there).into_known();
            let real = real.unwrap_or_else(|| there.to_owned());
            let rest = dir.strip_prefix(there).unwrap_or(Path::new(""));
            return Ok(Place {
                real: real.join(rest).components().collect(),
                there: real,
                owner: stat.uid,
                dir,
            });
        }
        Err(format!("{} cannot be looked at", dir.display()))
    }

    fn check(&self, host: &dyn Host, ground: &Ground) -> Result<(), String> {
        if self.real == ground.runtime_dir {
            return Ok(());
        }
        self.on_host(ground)?;
        self.file_system(host, ground)?;
        self.own(host, ground)
    }

    fn on_host(&self, ground: &Ground) -> Result<(), String> {
        let dir = self.dir.display();
        if self.real.starts_with(&ground.runtime_dir) {
            return Err(format!(
                "{dir} would be gone after a reboot, and dockerd makes no directory; choose a \
                 name in {} itself, or a directory in your home",
                ground.runtime_dir.display()
            ));
        }
        let copied = |copy: &&&str| self.real.starts_with(copy) || self.dir.starts_with(copy);
        match COPIES.iter().find(copied) {
            None => Ok(()),
            Some(copy) => Err(format!(
                "{dir}: a rootless daemon has a {copy} of its own, so nobody outside would find \
                 it there; choose a directory in your home"
            )),
        }
    }

    /// dockerd gives the socket to the group docker if there is one: that is one of
    /// the subordinate ids, of which a file server knows nothing. And a daemon on
    /// another machine with the same home would take the socket away.
    fn file_system(&self, host: &dyn Host, ground: &Ground) -> Result<(), String> {
        let mount = ground.mount_of(&self.there);
        let magic = host.file_system(&self.there).into_known();
        let name = storage::name(magic.map_or(0, |fs| fs.magic), mount);
        let dir = self.dir.display();
        match name.as_str() {
            "nfs" | "nfs4" | "cifs" | "smb3" | "smbfs" | "afs" | "gpfs" | "lustre" | "9p"
            | "ceph" | "beegfs" | "glusterfs" | "orangefs" | "virtiofs" => Err(format!(
                "{dir} lies on {name}, which other machines share; choose a directory of this one"
            )),
            "vfat" | "msdos" | "exfat" | "ntfs" | "ntfs3" => {
                Err(format!("{dir} lies on {name}, which holds no sockets"))
            }
            name if name.starts_with("fuse") => Err(format!(
                "{dir} lies on {name}, which holds no socket of the daemon's group"
            )),
            "tmpfs" | "ramfs" if mount.is_none_or(|mount| mount.at != self.real) => Err(format!(
                "{dir} lies in memory ({name}), and would be gone after a reboot"
            )),
            _ => Ok(()),
        }
    }

    fn own(&self, host: &dyn Host, ground: &Ground) -> Result<(), String> {
        let there = self.there.display();
        let uid = ground.subject.as_ref().map_or(u32::MAX, |s| s.uid);
        let open = |dir: &&Path| host.stat(dir).known().is_some_and(|s| s.mode & 0o002 != 0);
        if let Some(open) = self.there.ancestors().find(open) {
            return Err(format!(
                "everybody may write to {}, and have a socket of theirs there first",
                open.display()
            ));
        }
        match host.writable(&self.there) {
            Fact::Known(false) => Err(format!("you may not write to {there}")),
            _ if ![0, uid].contains(&self.owner) => {
                Err(format!("{there} belongs to somebody else"))
            }
            _ => Ok(()),
        }
    }
}

/// dockerd removes whatever has the name of its socket before it makes it, if it
/// is no directory.
fn taken(host: &dyn Host, ground: &Ground, socket: &Path) -> Result<(), String> {
    let name = socket.display();
    if host.link(socket).known().is_some() {
        return Err(format!("{name} is a link, which dockerd would remove"));
    }
    let stat = match host.stat(socket) {
        Fact::Absent => return Ok(()),
        Fact::Known(stat) => stat,
        Fact::Unreadable(why) => return Err(format!("{name}: {}", why.text)),
    };
    let uid = ground.subject.as_ref().map_or(u32::MAX, |s| s.uid);
    match stat.kind {
        Kind::Dir => Err(format!("{name} is a directory")),
        Kind::Socket if ground.listens() == Listens::At(socket.to_owned()) => Ok(()),
        Kind::Socket if stat.uid != uid => Err(format!("{name} belongs to somebody else")),
        Kind::Socket if host.connect(socket) == Fact::Known(()) => {
            Err(format!("another program listens at {name}"))
        }
        Kind::Socket => Ok(()),
        _ => Err(format!(
            "{name} is there and no socket; dockerd would remove it"
        )),
    }
}

/// A drop-in that comes after ours has the last word.
fn overruled(wanted: &Ground, socket: &Path) -> Result<(), String> {
    match wanted.listens() == Listens::At(socket.to_owned()) {
        true => Ok(()),
        false => Err(
            "another drop-in says how the daemon is started, so this would have no effect \
             (systemctl --user cat docker shows it)"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::subject;
    use crate::host::{Bundle, FileSystem, Node, Recorded};
    use crate::plan::option::{Chosen, Value};
    use crate::testing::TestHost;

    const MINE: &str = "/home/alice/d/d.sock";
    const DROP_IN: &str =
        "/home/alice/.config/systemd/user/docker.service.d/rootless-setup-command.conf";

    fn checked(host: TestHost, socket: &str) -> Result<(), String> {
        let line =
            format!("[Service]\nExecStart=/usr/bin/dockerd-rootless.sh -H unix://{socket}\n");
        let wanted = Recorded::new(TestHost(host.0.clone()).file(DROP_IN, &line).0);
        let host = Recorded::new(host.0);
        let ground = Ground::collect(&host, subject::find(&host, None).expect("subject"));
        let wanted = ground.clone().with_unit_of(&wanted);
        let texts = Texts {
            chosen: Chosen::default().with(Key::Socket, Value::Text(socket.into())),
            ..Texts::default()
        };
        check(&host, &ground, &wanted, &texts).map_err(|misfit| misfit.why)
    }

    fn node(kind: Kind, uid: u32, mode: &str, connect: Option<i32>) -> Node {
        Node {
            kind: Some(kind),
            uid,
            gid: uid,
            mode: Some(mode.into()),
            connect,
            ..Node::default()
        }
    }

    fn host() -> TestHost {
        TestHost::new()
            .node("/run/user/1000", node(Kind::Dir, 1000, "700", None))
            .node("/tmp", node(Kind::Dir, 0, "1777", None))
            .node("/run", node(Kind::Dir, 0, "755", None))
            .node("/srv", node(Kind::Dir, 0, "755", None))
            .node("/srv/bob", node(Kind::Dir, 1001, "770", None))
            .node("/etc", node(Kind::Dir, 0, "755", None))
    }

    #[test]
    fn places() {
        for socket in [
            MINE,
            "/home/alice/.docker/run/d.sock",
            "/run/user/1000/d.sock",
        ] {
            assert_eq!(checked(host(), socket), Ok(()), "{socket}");
        }
        for (socket, why) in [
            ("/run/user/1000/sub/d.sock", "gone after a reboot"),
            ("/run/d.sock", "a /run of its own"),
            ("/run/alice/d.sock", "a /run of its own"),
            ("/var/run/d.sock", "of its own"),
            ("/etc/docker/d.sock", "an /etc of its own"),
            ("/tmp/alice/d.sock", "everybody may write to /tmp"),
            ("/srv/d.sock", "you may not write to /srv"),
            ("/etc/passwd/d.sock", "is not a directory"),
        ] {
            let refused = checked(host(), socket).expect_err(socket);
            let why = why.replace("an /etc", "a /etc");
            assert!(refused.contains(&why), "{socket}: {refused}");
        }
    }

    #[test]
    fn file_systems() {
        let on = |kind: &str, at: &str| {
            let table =
                format!("22 1 8:1 / / rw - ext4 /dev/vda rw\n30 22 0:44 / {at} rw - {kind} x rw\n");
            let host = host().file("/proc/self/mountinfo", &table);
            // Its magic number is not known.
            let other = |b: &mut Bundle| {
                b.file_systems.insert(at.into(), FileSystem::default());
            };
            let dir = node(Kind::Dir, 1000, "700", None);
            checked(host.node("/home/alice/d", dir).with(other), MINE)
        };
        assert_eq!(on("xfs", "/home"), Ok(()));
        assert_eq!(on("tmpfs", "/home/alice/d"), Ok(()));
        for kind in ["nfs4", "tmpfs", "fuse.sshfs", "vfat"] {
            let refused = on(kind, "/home").expect_err(kind);
            assert!(refused.contains(kind), "{refused}");
        }
    }

    #[test]
    fn what_is_there_already() {
        let dir = || node(Kind::Dir, 1000, "700", None);
        let host = || host().node("/home/alice/d", dir());
        let with = |node: Node| checked(host().node(MINE, node), MINE);
        let socket = |uid, connect| with(node(Kind::Socket, uid, "660", Some(connect)));
        assert_eq!(socket(1000, 111), Ok(()), "a dead one");
        assert!(socket(1000, 0).expect_err("alive").contains("listens at"));
        assert!(socket(0, 13).expect_err("root's").contains("somebody else"));
        assert!(with(dir()).is_err());
        assert!(with(node(Kind::File, 1000, "600", None)).is_err());
        let own = "[Service]\nExecStart=/x -H unix:///home/alice/d/d.sock\n";
        let live = node(Kind::Socket, 1000, "660", Some(0));
        let host = host().node(MINE, live).file(DROP_IN, own);
        assert_eq!(checked(host, MINE), Ok(()), "its own");
    }

    #[test]
    fn a_later_drop_in_decides() {
        let later = DROP_IN.replace("rootless-setup-command", "zz");
        let text = "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd-rootless.sh\n";
        let refused = checked(host().file(&later, text), MINE).expect_err("overruled");
        assert!(refused.contains("another drop-in"), "{refused}");
    }
}
