//! Removes what the daemon itself has written. Its data-root goes through the user
//! namespace, because most of it belongs to the user's subordinate ids.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file;
use super::manager::Manager;
use super::revert;
use super::run::World;
use crate::fact::Fact;
use crate::facts::area::storage;
use crate::facts::{Context, Ground, data_root};
use crate::host::{Host, Live, Program};
use crate::plan::step::UNIT;

/// A large data-root has millions of files.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What the user's daemon has written, as far as it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data {
    /// Its data-root.
    pub root: Option<PathBuf>,
    /// The key that was its name, made at its first start by dockerd before 23.0
    /// (<https://github.com/moby/moby/pull/43555>).
    pub key: Option<PathBuf>,
}

impl Data {
    /// Looks for it.
    pub fn find(host: &dyn Host, ground: &Ground) -> Self {
        let there = |path: &PathBuf| host.stat(path).known().is_some();
        let root = storage::located(Context { host, ground }).into_known();
        let config = ground.config_dir.known();
        Data {
            root: root.map(|(path, _)| path).filter(there),
            key: config.map(|dir| dir.join("docker/key.json")).filter(there),
        }
    }

    /// There is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Data::default()
    }

    /// What removing it means, in words.
    pub fn titles(&self) -> Vec<String> {
        let root = self.root.iter().map(|path| {
            format!(
                "remove {} with every image, container and volume",
                path.display()
            )
        });
        let key = self
            .key
            .iter()
            .map(|path| format!("remove {}, the daemon's own key", path.display()));
        root.chain(key).collect()
    }

    /// Stops the daemon and removes it all. Returns why something is still there,
    /// in words.
    pub fn remove(&self, world: &World, ground: &Ground) -> Vec<String> {
        let root = self.root.as_deref().map(|path| remove(path, world, ground));
        let key = self.key.as_deref().map(remove_key);
        [root, key]
            .into_iter()
            .flatten()
            .filter_map(Result::err)
            .collect()
    }
}

/// With its directory, if nothing else is in it (a `daemon.json` is its user's).
fn remove_key(path: &Path) -> Result<(), String> {
    file::remove(path).map_err(|e| format!("{}: {e}", path.display()))?;
    // An empty directory that stays is nobody's harm.
    let _ = path.parent().map(file::remove_dir);
    Ok(())
}

/// Stops the daemon and removes `path` with all that is in it.
fn remove(path: &Path, world: &World, ground: &Ground) -> Result<(), String> {
    let host = Live::new(true, PATIENCE);
    refuse(&host, path, ground)?;
    let manager = Manager::connect(&world.runtime_dir, world.patience).ok();
    revert::stop(manager.as_ref(), world, UNIT)?;
    let name = path.display().to_string();
    let by_root = format!(
        "{name} is still there; remove it with: sudo rm -rf {}",
        quoted(&name)
    );
    let Some(rootlesskit) = ground.shell_tools.first("rootlesskit") else {
        return Err(format!("rootlesskit was not found; {by_root}"));
    };
    let answer = host.run(&Program {
        key: "rootlesskit rm".into(),
        path: rootlesskit.path.display().to_string(),
        args: ["rm", "-rf", "--", &name].map(str::to_owned).into(),
        env: environment(world, ground),
        deadline: PATIENCE,
        ..Program::default()
    });
    if host.stat(path).is_absent() {
        return Ok(());
    }
    let why = match answer {
        Fact::Known(output) => output.stderr.lines().last().unwrap_or_default().to_owned(),
        Fact::Unreadable(why) => why.text,
        Fact::Absent => String::new(),
    };
    Err(format!("{why}; {by_root}"))
}

/// What nobody can mean: a file, somebody else's directory, one that holds the home, or
/// one that holds more than Docker's data.
fn refuse(host: &dyn Host, path: &Path, ground: &Ground) -> Result<(), String> {
    let uid = ground.subject.as_ref().map(|s| s.uid);
    let real = host.real_path(path).into_known();
    let home = host.real_path(ground.home_path()).into_known();
    let stat = host.stat(path).into_known();
    let own = stat.is_some_and(|s| s.kind == crate::host::Kind::Dir && Some(s.uid) == uid);
    match (real, home) {
        (Some(real), Some(home)) if own && !home.starts_with(&real) => {}
        _ => {
            return Err(format!(
                "{} is not removed: it is no directory of yours for data",
                path.display()
            ));
        }
    }
    let why = match data_root::others(host, path) {
        Fact::Known(None) => return Ok(()),
        Fact::Known(Some(names)) => {
            format!("it also holds what is not Docker's ({names}); move that elsewhere")
        }
        Fact::Absent => "it is gone".to_owned(),
        Fact::Unreadable(why) => format!("what lies in it cannot be seen: {}", why.text),
    };
    Err(format!("{} is not removed: {why}", path.display()))
}

fn environment(world: &World, ground: &Ground) -> Vec<(String, String)> {
    let path = ground.shell_path.known().cloned().unwrap_or_default();
    vec![
        ("PATH".into(), format!("{path}:/usr/sbin:/sbin")),
        ("HOME".into(), ground.home_path().display().to_string()),
        (
            "XDG_RUNTIME_DIR".into(),
            world.runtime_dir.display().to_string(),
        ),
    ]
}

fn quoted(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), |q| q.into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a scratch directory")]

    use super::*;
    use crate::fact::Why;
    use crate::facts::subject;
    use crate::host::{Kind, Node, Recorded};
    use crate::testing::TestHost;
    use std::fs;

    #[test]
    fn a_directory_with_other_things_stays() {
        let dir = || Node {
            kind: Some(Kind::Dir),
            uid: 1000,
            gid: 1000,
            ..Node::default()
        };
        let judged = |dir: Node| {
            let host = Recorded::new(TestHost::new().node("/srv/d", dir).0);
            let ground = Ground::collect(&host, subject::find(&host, None).unwrap());
            refuse(&host, Path::new("/srv/d"), &ground)
        };
        let refused = |names: &[&str]| {
            judged(Node {
                entries: Some(names.iter().map(|name| (*name).to_owned()).collect()),
                ..dir()
            })
        };
        assert_eq!(refused(&["image", "volumes"]), Ok(()));
        let why = refused(&["image", "letters"]).unwrap_err();
        assert!(why.contains("not Docker's (letters)"), "{why}");
        let closed = judged(Node {
            read_error: Some(Why::new("permission denied")),
            ..dir()
        });
        let why = closed.unwrap_err();
        assert!(why.contains("cannot be seen: permission denied"), "{why}");
    }

    #[test]
    fn the_key_goes_with_its_directory_unless_that_holds_more() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("docker");
        let key = dir.join("key.json");
        let make = || {
            fs::create_dir_all(&dir).unwrap();
            fs::write(&key, "{}").unwrap();
        };
        make();
        remove_key(&key).unwrap();
        assert!(!dir.exists());
        make();
        fs::write(dir.join("daemon.json"), "{}").unwrap();
        remove_key(&key).unwrap();
        assert_eq!(file::list(&dir).unwrap(), [dir.join("daemon.json")]);
        remove_key(&key).unwrap();
    }
}
