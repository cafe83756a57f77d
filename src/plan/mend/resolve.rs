//! From an action to the deeds that are still needed on this host.

#[cfg(test)]
mod tests;

use std::path::Path;

use thiserror::Error;

use super::action::{Action, SubIds};
use super::deed::Deed;
use super::ranges::{self, Want, Wish};
use super::{allowed, place, typed};
use crate::fact::Fact;
use crate::facts::area::subid::file::Span;
use crate::facts::subject;
use crate::host::Host;
use crate::plan::step::{Change, Kind, Seen};

/// Why an action cannot be carried out here.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Blocked(pub String);

/// The deeds an action still needs; none where all is as it should be.
///
/// # Errors
/// [`Blocked`], with the reason.
pub fn resolve(action: &Action, host: &dyn Host) -> Result<Vec<Deed>, Blocked> {
    let here = Here { host };
    allowed::check(action).map_err(Blocked)?;
    match action {
        Action::Packages { family, names } => Ok(vec![Deed::Packages {
            family: family.clone(),
            names: names.clone(),
        }]),
        Action::Sysctl {
            name,
            settings,
            over,
        } => here.sysctl(name, settings, over),
        Action::Modules { name, modules } => {
            let text = lines(&[&header(&[]), modules.as_slice()]);
            let mut deeds = here.file(&place::modules(name), text)?;
            deeds.push(Deed::LoadModules(modules.clone()));
            Ok(deeds)
        }
        Action::UserManager { name, setting } => {
            let text = lines(&[&header(&[]), &typed::section(setting)]);
            let mut deeds = here.file(&place::user_manager(name), text)?;
            deeds.push(Deed::Reload);
            Ok(deeds)
        }
        Action::LoginLimit(limit) => {
            if !subject::is_plain(&limit.user) {
                let user = &limit.user;
                return Err(Blocked(format!("{user:?} cannot be named in limits.conf")));
            }
            let text = lines(&[&header(&[]), &limit.lines()]);
            here.file(&limit.file(), text)
        }
        Action::RestartManager { unit } => Ok(vec![
            Deed::Reload,
            Deed::RestartManager { unit: unit.clone() },
        ]),
        Action::SubIds(ids) => sub_ids(ids),
        Action::Mode { path, mode, owner } => here.mode(path, mode, !owner.is_empty()),
        Action::OwnMode { path, mode } => here.mode(path, mode, false),
        Action::Own {
            user,
            home,
            path,
            owner,
            ..
        } => here.own(user, home, path, owner),
        Action::Remount { mount, option } => here.remount(mount, option),
        Action::Profile { file, lines: rules } => {
            let mut deeds = here.new_file(file, lines(&[rules.as_slice()]))?;
            deeds.push(Deed::LoadProfile { file: file.clone() });
            Ok(deeds)
        }
        Action::LoadProfile { file } => Ok(vec![Deed::LoadProfile { file: file.clone() }]),
        Action::Linger { user } => here.linger(user),
        Action::Regular { path } => Ok(match host.link(Path::new(path)).into_known() {
            None => Vec::new(),
            Some(target) => vec![Deed::Regular {
                path: path.clone(),
                target: target.to_string_lossy().into_owned(),
            }],
        }),
        Action::Disable { units } => Ok(vec![Deed::Disable(units.clone())]),
        Action::Capability { path, capability } => Ok(vec![Deed::Capability {
            path: path.clone(),
            capability: capability.clone(),
        }]),
        Action::SetAside { path, .. } => here.set_aside(path),
        Action::RestartDaemon {} => Ok(vec![Deed::RestartDaemon]),
        Action::StartUnit { unit } => Ok(vec![Deed::StartUnit(unit.clone())]),
    }
}

struct Here<'a> {
    host: &'a dyn Host,
}

impl Here<'_> {
    fn sysctl(&self, name: &str, settings: &[String], over: &str) -> Result<Vec<Deed>, Blocked> {
        let mut deeds = match over {
            typed::SYSCTL_CONF => self.without(over, settings)?,
            _ => Vec::new(),
        };
        let overrules = match over {
            "" => Vec::new(),
            file => vec![format!("# It overrules {file}.")],
        };
        let text = lines(&[&header(&overrules), settings]);
        deeds.extend(self.file(&place::sysctl(name, over), text)?);
        for (key, value) in settings.iter().filter_map(|s| s.split_once('=')) {
            let file = format!("/proc/sys/{}", key.replace('.', "/"));
            let now = self.host.read(Path::new(&file)).into_known();
            let words = |text: &str| {
                text.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            if now.is_none_or(|now| words(&now) != words(value)) {
                deeds.push(Deed::Setting {
                    key: key.into(),
                    value: value.into(),
                });
            }
        }
        Ok(deeds)
    }

    /// The file with the settings of these keys commented out.
    fn without(&self, path: &str, settings: &[String]) -> Result<Vec<Deed>, Blocked> {
        let Some(text) = self.text(path)? else {
            return Ok(Vec::new());
        };
        let keys: Vec<&str> = settings
            .iter()
            .filter_map(|s| s.split_once('='))
            .map(|s| s.0)
            .collect();
        let of_ours = |line: &str| {
            let key = line.split_once('=').map_or("", |(key, _)| key.trim());
            keys.contains(&key.replace('/', ".").as_str())
        };
        let comment = |line: &str| match of_ours(line) {
            true => format!("# {line}"),
            false => line.to_owned(),
        };
        let text: String = text.split_inclusive('\n').map(comment).collect();
        self.file(path, text)
    }

    /// One file, from what it is to `text`, with the directory it lies in.
    fn file(&self, path: &str, text: String) -> Result<Vec<Deed>, Blocked> {
        let real = self.host.real_path(Path::new(path)).into_known();
        let real = real.unwrap_or_else(|| path.into());
        if !allowed::is_system_file(&real) {
            return Err(Blocked(format!(
                "{path} leads to {real:?}, which root does not change"
            )));
        }
        let before = self.text(path)?;
        if before.as_ref() == Some(&text) {
            return Ok(Vec::new());
        }
        let stat = self.host.stat(&real).into_known();
        let mode = stat.map_or(0o644, |stat| stat.mode & 0o777);
        let seen = |text| Seen { text, mode };
        let change = Deed::Change(Change {
            path: real.clone(),
            kind: Kind::System,
            before: before.map(seen),
            after: Some(seen(text)),
        });
        let mut deeds: Vec<Deed> = missing(self.host, &real);
        deeds.push(change);
        Ok(deeds)
    }

    /// One file that does not exist yet: another one of that name is not ours.
    fn new_file(&self, path: &str, text: String) -> Result<Vec<Deed>, Blocked> {
        match self.text(path)? {
            Some(other) if other != text => Err(Blocked(format!(
                "{path} exists already and has other contents"
            ))),
            _ => self.file(path, text),
        }
    }

    /// The account decides, not what was found.
    fn own(&self, user: &str, home: &str, path: &str, owner: &str) -> Result<Vec<Deed>, Blocked> {
        let found = subject::find(self.host, Some(user)).ok().flatten();
        let account = found.filter(|account| {
            account.home == Path::new(home) && owner == format!("{}:{}", account.uid, account.gid)
        });
        let account = account
            .ok_or_else(|| Blocked(format!("{home} is not the home directory of {user}")))?;
        let top = Path::new(path)
            .strip_prefix(home)
            .unwrap_or(Path::new(path));
        Ok(vec![Deed::Own {
            home: home.into(),
            top: top.to_string_lossy().into_owned(),
            uid: account.uid,
            gid: account.gid,
            files: Vec::new(),
        }])
    }

    fn text(&self, path: &str) -> Result<Option<String>, Blocked> {
        match self.host.read(Path::new(path)) {
            Fact::Known(text) if text.contains(char::REPLACEMENT_CHARACTER) => {
                Err(Blocked(format!("{path} is not plain text")))
            }
            Fact::Known(text) => Ok(Some(text)),
            Fact::Absent => Ok(None),
            Fact::Unreadable(why) => Err(Blocked(format!("{path}: {}", why.text))),
        }
    }

    fn mode(&self, path: &str, mode: &str, to_root: bool) -> Result<Vec<Deed>, Blocked> {
        let wrong = || Blocked(format!("{mode:?} is no mode"));
        let mode = u32::from_str_radix(mode, 8).map_err(|_| wrong())?;
        let stat = self.host.stat(Path::new(path)).into_known();
        let stat = stat.ok_or_else(|| Blocked(format!("{path} is not there")))?;
        let owned = !to_root || (stat.uid == 0 && stat.gid == 0);
        if stat.mode == mode && owned {
            return Ok(Vec::new());
        }
        Ok(vec![Deed::Mode {
            path: path.into(),
            mode,
            to_root,
        }])
    }

    fn remount(&self, mount: &str, option: &str) -> Result<Vec<Deed>, Blocked> {
        let mut deeds = Vec::new();
        if let Some(text) = self.text("/etc/fstab")?
            && let Some(changed) = with_option(&text, mount, option)
        {
            deeds.extend(self.file("/etc/fstab", changed)?);
        }
        deeds.push(Deed::Remount {
            mount: mount.into(),
            option: option.into(),
        });
        Ok(deeds)
    }

    fn linger(&self, user: &str) -> Result<Vec<Deed>, Blocked> {
        let found = subject::find(self.host, Some(user)).ok().flatten();
        let uid = found.map(|subject| subject.uid);
        let uid = uid.ok_or_else(|| Blocked(format!("there is no user {user}")))?;
        Ok(vec![Deed::Linger {
            user: user.into(),
            uid,
        }])
    }

    fn set_aside(&self, path: &str) -> Result<Vec<Deed>, Blocked> {
        let to = typed::aside(path);
        if self.host.stat(Path::new(path)).is_absent() {
            return Ok(Vec::new());
        }
        match self.host.stat(Path::new(&to)) {
            Fact::Absent => Ok(vec![Deed::SetAside {
                path: path.into(),
                to,
            }]),
            _ => Err(Blocked(format!("{to} is there already"))),
        }
    }
}

/// The directories that `file` lies in and that are not there yet.
fn missing(host: &dyn Host, file: &Path) -> Vec<Deed> {
    let gone = |dir: &&Path| host.stat(dir).is_absent();
    let dirs: Vec<&Path> = file.ancestors().skip(1).take_while(gone).collect();
    let make = |dir: &&Path| Deed::MakeDir(dir.to_string_lossy().into_owned());
    dirs.iter().rev().map(make).collect()
}

fn sub_ids(ids: &SubIds) -> Result<Vec<Deed>, Blocked> {
    let odd = |c: char| c == ':' || c.is_control();
    if ids.user.is_empty() || ids.user.contains(odd) {
        return Err(Blocked(format!(
            "{:?} cannot stand in /etc/subuid",
            ids.user
        )));
    }
    let span = |text: &str| {
        let (first, last) = ranges::parse(text)?;
        Some(Span { first, last })
    };
    let wish = |range: &str, old: &str| {
        (!range.is_empty()).then(|| Wish {
            span: span(range),
            instead_of: span(old),
        })
    };
    Ok(vec![Deed::SubIds(vec![Want {
        user: ids.user.clone(),
        uids: wish(&ids.uids, &ids.not_uids),
        gids: wish(&ids.gids, &ids.not_gids),
    }])])
}

/// `/etc/fstab` with the option of one mount point changed to `option`; none
/// if nothing there says otherwise.
fn with_option(text: &str, mount: &str, option: &str) -> Option<String> {
    let name = option.split('=').next().unwrap_or_default();
    let opposite = match name.strip_prefix("no") {
        Some(plain) => plain.to_owned(),
        None => format!("no{name}"),
    };
    let contrary = |o: &str| o != option && (o == opposite || o.split('=').next() == Some(name));
    let mut changed = false;
    let one = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let options = match fields.as_slice() {
            [device, at, _, options, ..] if *at == mount && !device.starts_with('#') => *options,
            _ => return line.to_owned(),
        };
        if !options.split(',').any(contrary) {
            return line.to_owned();
        }
        changed = true;
        let new: Vec<&str> = options
            .split(',')
            .map(|o| if contrary(o) { option } else { o })
            .collect();
        line.replacen(options, &new.join(","), 1)
    };
    let text: String = text.split_inclusive('\n').map(one).collect();
    changed.then_some(text)
}

fn header(more: &[String]) -> Vec<String> {
    let first = "# Written by rootless-setup; rootless-setup prepare --undo takes it back.";
    std::iter::once(first.to_owned())
        .chain(more.iter().cloned())
        .collect()
}

fn lines(parts: &[&[String]]) -> String {
    parts
        .iter()
        .flat_map(|part| part.iter())
        .map(|line| format!("{line}\n"))
        .collect()
}
