//! Removes the daemon's data: through the user namespace, because most of it
//! belongs to the user's subordinate ids.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::manager::Manager;
use super::revert;
use super::run::World;
use crate::fact::Fact;
use crate::facts::area::storage;
use crate::facts::{Context, Ground};
use crate::host::{Host, Live, Program};
use crate::plan::step::UNIT;

/// A large data-root has millions of files.
const PATIENCE: Duration = Duration::from_secs(3600);

/// The data-root of the user's daemon, if there is one.
pub fn data_root(host: &dyn Host, ground: &Ground) -> Option<PathBuf> {
    let (path, _) = storage::located(Context { host, ground }).into_known()?;
    host.stat(&path).known().map(|_| path)
}

/// Stops the daemon and removes `path` with all that is in it.
///
/// # Errors
/// Why it is still there, in words.
pub fn remove(path: &Path, world: &World, ground: &Ground) -> Result<(), String> {
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
        key: "rootlesskit rm",
        path: rootlesskit.path.display().to_string(),
        args: ["rm", "-rf", "--", &name].map(str::to_owned).into(),
        env: environment(world, ground),
        deadline: PATIENCE,
        one_line: false,
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

/// What nobody can mean: a file, somebody else's directory, or one that holds the home.
fn refuse(host: &dyn Host, path: &Path, ground: &Ground) -> Result<(), String> {
    let uid = ground.subject.as_ref().map(|s| s.uid);
    let real = host.real_path(path).into_known();
    let home = host.real_path(ground.home_path()).into_known();
    let stat = host.stat(path).into_known();
    let own = stat.is_some_and(|s| s.kind == crate::host::Kind::Dir && Some(s.uid) == uid);
    match (real, home) {
        (Some(real), Some(home)) if own && !home.starts_with(&real) => Ok(()),
        _ => Err(format!(
            "{} is not removed: it is no directory of yours for data",
            path.display()
        )),
    }
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
