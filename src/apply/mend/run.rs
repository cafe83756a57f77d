//! Carries deeds out, one after the other. Each is whole or taken back; what
//! comes after one that failed is not begun.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::program::{self, SHORT};
use super::{owner, packages, setting, sub_ids};
use crate::apply::file;
use crate::apply::journal::Journal;
use crate::apply::manager::{Manager, Wait, start_without_bus};
use crate::apply::run::World;
use crate::apply::{change, interrupt, login, revert};
use crate::plan::mend::deed::Deed;
use crate::plan::step::UNIT;
use crate::plan::undo::{Had, Undo};

/// How it went.
#[derive(Debug, Default)]
pub struct Done {
    /// How many deeds were done.
    pub count: usize,
    /// What is worth telling, in words.
    pub told: Vec<String>,
    /// Why the deed after them was not, in words.
    pub failed: Option<String>,
    /// What could not be taken back of it, in words.
    pub left: Vec<String>,
}

/// Does the deeds in order; `tell` is called with each before it is done.
pub fn run(deeds: &[Deed], world: &World, journal: &mut Journal, tell: &dyn Fn(&Deed)) -> Done {
    let _busy = interrupt::busy();
    let mut done = Done::default();
    for deed in deeds {
        let mark = journal.mark();
        tell(deed);
        let ended = match interrupt::asked() {
            true => Err("interrupted".to_owned()),
            false => Doer { world, journal }.one(deed),
        };
        match ended {
            Ok(words) => done.told.extend(words),
            Err(why) => {
                done.failed = Some(why);
                let reverted = revert::since(journal, mark, world);
                done.left = reverted.failed;
                return done;
            }
        }
        done.count += 1;
    }
    done
}

struct Doer<'a> {
    world: &'a World,
    journal: &'a mut Journal,
}

type Words = Result<Vec<String>, String>;

const NOTHING: Vec<String> = Vec::new();

impl Doer<'_> {
    fn one(&mut self, deed: &Deed) -> Words {
        match deed {
            Deed::SubIds(wants) => sub_ids::give(wants, self.journal),
            Deed::Packages { family, names } => self.packages(family, names),
            other => self.plain(other).map(|()| NOTHING),
        }
    }

    fn plain(&mut self, deed: &Deed) -> Result<(), String> {
        match deed {
            Deed::SubIds(_) | Deed::Packages { .. } => Ok(()),
            Deed::MakeDir(path) => {
                let path = PathBuf::from(path);
                self.before(Undo::RemoveDir { path: path.clone() })?;
                file::make_dir(&path, 0o755).map_err(|e| format!("{}: {e}", path.display()))
            }
            Deed::Change(change) => change::make(change, self.journal).map_err(|e| e.to_string()),
            Deed::Setting { key, value } => self.setting(key, value),
            Deed::LoadModules(modules) => {
                let names: Vec<&str> = modules.iter().map(String::as_str).collect();
                program::run("modprobe", &[&["-a", "--"][..], &names].concat(), SHORT).map(drop)
            }
            Deed::Reload => systemctl(&["daemon-reload"]),
            Deed::RestartManager { unit } => restart_manager(unit),
            Deed::Mode {
                path,
                mode,
                to_root,
            } => self.mode(Path::new(path), *mode, *to_root),
            Deed::Own { path, uid, gid } => self.own(Path::new(path), *uid, *gid),
            Deed::Remount { mount, option } => self.remount(mount, option),
            Deed::LoadProfile { file } => self.profile(file),
            Deed::Linger { uid, .. } => self.linger(*uid),
            Deed::Regular { path, target } => self.regular(Path::new(path), target.into()),
            Deed::Disable(units) => self.disable(units),
            Deed::Capability { path, capability } => self.capability(path, capability),
            Deed::SetAside { path, to } => self.set_aside(path.into(), to.into()),
            Deed::RestartDaemon => self.restart(),
            Deed::StartUnit(unit) => self.start(unit),
        }
    }

    fn before(&mut self, undo: Undo) -> Result<(), String> {
        self.journal.before(undo).map_err(|e| e.to_string())
    }

    fn packages(&mut self, family: &str, names: &[String]) -> Words {
        let new = packages::new(family, names)?;
        if !new.is_empty() {
            self.before(Undo::Packages {
                family: family.into(),
                names: new,
            })?;
        }
        packages::install(family, names).map(|()| NOTHING)
    }

    fn setting(&mut self, key: &str, value: &str) -> Result<(), String> {
        let former = setting::get(key)?.ok_or_else(|| format!("this kernel has no {key}"))?;
        self.before(Undo::Setting {
            key: key.into(),
            value: former,
        })?;
        setting::set(key, value)
    }

    fn mode(&mut self, path: &Path, mode: u32, to_root: bool) -> Result<(), String> {
        let had = owner::had(path)?;
        if mode & 0o6000 != 0 {
            owner::only_root_writes(path)?;
        }
        let (uid, gid) = if to_root { (0, 0) } else { (had.uid, had.gid) };
        self.before(Undo::Modes { files: vec![had] })?;
        owner::set(path, mode, uid, gid)
    }

    fn own(&mut self, path: &Path, uid: u32, gid: u32) -> Result<(), String> {
        let files = owner::strangers(path, uid, gid)?;
        for some in files.chunks(1000) {
            self.before(Undo::Modes {
                files: some.to_vec(),
            })?;
        }
        files
            .iter()
            .try_for_each(|had: &Had| owner::set(&had.path, had.mode, uid, gid))
    }

    fn remount(&mut self, mount: &str, option: &str) -> Result<(), String> {
        if let Some(former) = former_option(mount, option) {
            self.before(Undo::Remount {
                mount: mount.into(),
                option: former,
            })?;
        }
        remount(mount, option)
    }

    /// What the kernel has of it before is told by the file: a profile whose
    /// file we wrote just now was not there.
    fn profile(&mut self, file: &str) -> Result<(), String> {
        let path = PathBuf::from(file);
        let is_new = self.journal.records().iter().any(
            |record| matches!(&record.undo, Undo::RemoveFile { path: new, .. } if *new == path),
        );
        self.before(match is_new {
            true => Undo::UnloadProfile { file: path },
            false => Undo::LoadProfile { file: path },
        })?;
        program::run("apparmor_parser", &["-r", "--", file], SHORT).map(drop)
    }

    fn linger(&mut self, uid: u32) -> Result<(), String> {
        if login::linger(uid).map_err(|e| e.to_string())? {
            return Ok(());
        }
        self.before(Undo::Linger { uid })?;
        login::set_linger(uid, true, false, &interrupt::asked).map_err(|e| e.to_string())
    }

    fn regular(&mut self, path: &Path, target: PathBuf) -> Result<(), String> {
        let told = |e: std::io::Error| format!("{}: {e}", path.display());
        let content = file::read(path).map_err(told)?;
        let content = content.ok_or_else(|| format!("{} points to nothing", path.display()))?;
        self.before(Undo::Link {
            path: path.into(),
            target,
            sha256: file::sha256(&content.bytes),
        })?;
        file::write(path, &content.bytes, 0o644).map_err(told)
    }

    fn disable(&mut self, units: &[String]) -> Result<(), String> {
        let answers = |verb: &str, unit: &str| {
            let told = program::output("systemctl", &[verb, "--quiet", "--", unit], SHORT);
            told.is_ok_and(|o| o.exit == Some(0))
        };
        let those = |verb: &str| -> Vec<String> {
            units
                .iter()
                .filter(|unit| answers(verb, unit))
                .cloned()
                .collect()
        };
        self.before(Undo::EnableUnits {
            enabled: those("is-enabled"),
            active: those("is-active"),
        })?;
        let names: Vec<&str> = units.iter().map(String::as_str).collect();
        systemctl(&[&["disable", "--now", "--"][..], &names].concat())
    }

    fn capability(&mut self, path: &str, capability: &str) -> Result<(), String> {
        let former = super::undo::capability(Path::new(path))?;
        self.before(Undo::Capability {
            path: path.into(),
            former,
        })?;
        program::run("setcap", &[capability, path], SHORT).map(drop)
    }

    fn set_aside(&mut self, from: PathBuf, to: PathBuf) -> Result<(), String> {
        self.before(Undo::Rename {
            from: to.clone(),
            to: from.clone(),
        })?;
        file::rename(&from, &to).map_err(|e| format!("{}: {e}", from.display()))
    }

    fn manager(&self) -> Result<Manager, String> {
        Manager::connect(&self.world.runtime_dir, self.world.patience).map_err(|e| e.to_string())
    }

    fn restart(&self) -> Result<(), String> {
        let manager = self.manager()?;
        manager.reload().map_err(|e| e.to_string())?;
        // One that fails is seen by the checks that follow.
        manager
            .restart(UNIT, &self.wait())
            .map(drop)
            .map_err(|e| e.to_string())
    }

    /// Not over the bus: it may be the bus's own socket.
    fn start(&self, unit: &str) -> Result<(), String> {
        let end = Instant::now() + SHORT;
        start_without_bus(&self.world.runtime_dir, unit, end).map_err(|e| e.to_string())
    }

    fn wait(&self) -> Wait<'static> {
        Wait {
            end: Instant::now() + self.world.patience.max(Duration::from_secs(60)),
            cancelled: &interrupt::asked,
        }
    }
}

/// systemd 247 now and then starts the new manager while it still removes the control
/// group of the old one (status 219/CGROUP); by then the next start goes through.
fn restart_manager(unit: &str) -> Result<(), String> {
    systemctl(&["restart", "--", unit]).or_else(|_| systemctl(&["start", "--", unit]))
}

fn systemctl(args: &[&str]) -> Result<(), String> {
    program::run("systemctl", args, SHORT).map(drop)
}

/// Mounts anew with an option changed.
///
/// # Errors
/// mount's words.
pub fn remount(mount: &str, option: &str) -> Result<(), String> {
    let options = format!("remount,{option}");
    // A bind mount has options of its own, which only `bind` reaches.
    let bind = format!("remount,bind,{option}");
    let plain = program::run("mount", &["-o", &options, "--", mount], SHORT);
    match plain {
        Ok(_) if has_option(mount, option) => Ok(()),
        _ => program::run("mount", &["-o", &bind, "--", mount], SHORT).map(drop),
    }
}

fn options(mount: &str) -> Option<String> {
    let text = file::read(Path::new("/proc/self/mounts")).ok()??;
    let text = String::from_utf8_lossy(&text.bytes).into_owned();
    let of_mount = |line: &str| {
        let mut fields = line.split(' ');
        (fields.nth(1)? == mount).then(|| fields.nth(1).map(str::to_owned))?
    };
    text.lines().filter_map(of_mount).next_back()
}

/// `exec` and `suid` are what is there when their opposites are not.
fn has_option(mount: &str, option: &str) -> bool {
    let Some(options) = options(mount) else {
        return false;
    };
    match option {
        "exec" | "suid" => !options.split(',').any(|o| o == format!("no{option}")),
        "hidepid=0" => !options.split(',').any(|o| o.starts_with("hidepid=")),
        other => options.split(',').any(|o| o == other),
    }
}

/// The option that is there now in the place of `option`; none if that is
/// there already.
fn former_option(mount: &str, option: &str) -> Option<String> {
    if has_option(mount, option) {
        return None;
    }
    let name = option.split('=').next().unwrap_or_default();
    let options = options(mount)?;
    let same = options
        .split(',')
        .find(|o| o.split('=').next() == Some(name));
    Some(same.map_or_else(|| format!("no{name}"), str::to_owned))
}
