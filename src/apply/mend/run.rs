//! Carries deeds out, one after the other. Each is whole or taken back; what
//! comes after one that failed is not begun.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::aside::{self, Renamed};
use super::program::{self, SHORT};
use super::{capability, home, owner, packages, profile, setting, sub_ids};
use crate::apply::file;
use crate::apply::journal::Journal;
use crate::apply::manager::{Manager, Wait, start_without_bus};
use crate::apply::run::World;
use crate::apply::target::{self, Target};
use crate::apply::{change, interrupt, login, revert};
use crate::host::root_owned::RootOwned;
use crate::plan::mend::allowed;
use crate::plan::mend::deed::Deed;
use crate::plan::step::UNIT;
use crate::plan::undo::Undo;

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
            Deed::SubIds(wants) => sub_ids::give(wants, self.world, self.journal),
            Deed::Packages { family, names } => self.packages(family, names),
            other => self.plain(other).map(|()| NOTHING),
        }
    }

    fn plain(&mut self, deed: &Deed) -> Result<(), String> {
        match deed {
            Deed::SubIds(_) | Deed::Packages { .. } => Ok(()),
            Deed::MakeDir(path) => self.make_dir(Path::new(path)),
            Deed::Change(change) => {
                let at = target::existing(&change.path, self.world)?;
                change::make(change, at.path(), self.journal).map_err(|e| e.to_string())
            }
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
            Deed::Own {
                home,
                top,
                uid,
                gid,
                files,
            } => self.own(Path::new(home), top, (*uid, *gid), files),
            Deed::Remount { mount, option } => self.remount(mount, option),
            Deed::LoadProfile { file } => self.profile(file),
            Deed::Linger { uid, .. } => self.linger(*uid),
            Deed::Regular { path, .. } => self.regular(Path::new(path)),
            Deed::Disable(units) => self.disable(units),
            Deed::Capability { path, capability } => self.capability(Path::new(path), capability),
            Deed::SetAside { path, to } => self.set_aside(Path::new(path), Path::new(to)),
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

    fn make_dir(&mut self, path: &Path) -> Result<(), String> {
        let at = Target::of_dir(path, self.world)?;
        let at = at.ok_or_else(|| format!("the directory of {path:?} does not exist"))?;
        self.before(Undo::RemoveDir { path: path.into() })?;
        file::make_dir(at.path(), 0o755).map_err(|e| format!("{}: {e}", path.display()))
    }

    fn mode(&mut self, path: &Path, mode: u32, to_root: bool) -> Result<(), String> {
        if !self.world.system {
            let had = owner::had(path)?;
            self.before(Undo::Modes { files: vec![had] })?;
            return owner::set_mode(path, mode);
        }
        let file = owner::of_root(path, self.world)?;
        let file = file.ok_or_else(|| format!("{path:?} does not exist"))?;
        let had = owner::had_of(&file);
        let gid = if to_root { 0 } else { had.gid };
        let uid = had.uid;
        self.before(Undo::Modes { files: vec![had] })?;
        owner::set(&file, mode, uid, gid)
    }

    /// What is given below a home directory stays given: nothing there is ever made
    /// root's again.
    fn own(
        &mut self,
        home: &Path,
        top: &str,
        ids: (u32, u32),
        files: &[String],
    ) -> Result<(), String> {
        self.before(Undo::Stays {
            path: home.join(top),
            uid: ids.0,
            count: files.len(),
        })?;
        home::give(home, top, ids, files)
    }

    fn remount(&mut self, mount: &str, option: &str) -> Result<(), String> {
        if (mount, option) != ("/proc", "hidepid=0") {
            return Err(format!("root does not remount {mount:?}"));
        }
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
        let name = profile::file(&path, self.world)?;
        let name = name.ok_or_else(|| format!("{file} does not exist"))?;
        let is_new = self.journal.records().iter().any(
            |record| matches!(&record.undo, Undo::RemoveFile { path: new, .. } if *new == path),
        );
        self.before(match is_new {
            true => Undo::UnloadProfile { file: path },
            false => Undo::LoadProfile { file: path },
        })?;
        program::run("apparmor_parser", &["-r", "--", &name], SHORT).map(drop)
    }

    fn linger(&mut self, uid: u32) -> Result<(), String> {
        if login::linger(uid).map_err(|e| e.to_string())? {
            return Ok(());
        }
        self.before(Undo::Linger { uid })?;
        login::set_linger(uid, true, false, &interrupt::asked).map_err(|e| e.to_string())
    }

    /// The link, and what it leads to, are root's: the copy holds nothing of a user.
    fn regular(&mut self, path: &Path) -> Result<(), String> {
        let told = |e: std::io::Error| format!("{}: {e}", path.display());
        let at = Target::of_root(path, self.world, allowed::is_subid_file)?;
        let at = at.ok_or_else(|| format!("{path:?} does not exist"))?;
        let target = at.path().read_link().map_err(told)?;
        let source = RootOwned::resolve(path).map_err(|why| why.to_string())?;
        let content = file::read(&source.by_fd()).map_err(told)?;
        let content = content.ok_or_else(|| format!("{} points to nothing", path.display()))?;
        self.before(Undo::Link {
            path: path.into(),
            target,
            sha256: file::sha256(&content.bytes),
        })?;
        file::write(at.path(), &content.bytes, 0o644).map_err(told)
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

    fn capability(&mut self, path: &Path, name: &str) -> Result<(), String> {
        if name != allowed::CAPABILITY {
            return Err(format!("root does not give {name:?}"));
        }
        let program = capability::program(path, self.world)?;
        let program = program.ok_or_else(|| format!("{path:?} does not exist"))?;
        self.before(Undo::Capability {
            path: program.path().into(),
            former: capability::get(&program)?,
        })?;
        capability::set(&program, &capability::NET_BIND_SERVICE)
    }

    fn set_aside(&mut self, from: &Path, to: &Path) -> Result<(), String> {
        self.before(Undo::Rename {
            from: to.into(),
            to: from.into(),
        })?;
        match aside::rename(from, to, self.world)? {
            Renamed::Done => Ok(()),
            Renamed::Missing => Err(format!("{from:?} does not exist")),
            Renamed::Taken => Err(format!("{to:?} exists already")),
        }
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
