//! What `docker.service` and its drop-ins shall say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::asked::{Asked, Foreign, NoPlan};
use super::daemon_json;
use super::docker_service::{self, Service};
use super::drop_in::{self, How, Reach};
use super::option::{Choice, Chosen, Key, Net, Options, PortDriver, Value, fit};
use super::present::{Found, Present};
use super::step::{Seen, UNIT};
use crate::facts::unit::{self, DockerUnit};

/// Texts of the unit and its drop-ins as they shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// By path: the text, or none for a drop-in that shall go.
    pub files: Vec<(PathBuf, Option<String>)>,
    /// `daemon.json`, where something in it shall change: the file, and its text.
    pub daemon_json: Option<(PathBuf, String)>,
    /// The same for a shell: variables, and words after the script.
    pub variables: Vec<(String, String)>,
    /// Words for the script.
    pub words: Vec<String>,
    /// The options as they are.
    pub installed: Chosen,
    /// The options as they will be.
    pub chosen: Chosen,
    /// Who asked for which option, as it is to be kept.
    pub origins: Option<String>,
    /// What is left alone.
    pub notes: Vec<String>,
}

impl Texts {
    /// Every file that will be read, as it will be.
    pub fn planned(&self) -> BTreeMap<PathBuf, Option<String>> {
        let config = self.daemon_json.clone();
        let config = config.map(|(path, text)| (path, Some(text)));
        self.files.iter().cloned().chain(config).collect()
    }

    /// The drop-ins, but for one that somebody else wrote and that is to be kept.
    fn drop_ins(
        &mut self,
        asked: &Asked,
        present: &Present,
        is_ours: &dyn Fn(&Path, &str) -> bool,
        (chosen, how): (&Chosen, How<'_>),
    ) -> Result<(), NoPlan> {
        let wanted = drop_in::texts(chosen, &how)?;
        for name in drop_in::names() {
            let text = wanted
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, t)| t.clone());
            let path = present.drop_in(name);
            match edited(present, name, &path, is_ours, how) {
                Some(seen) if text.as_ref() != Some(&seen.text) => match asked.foreign {
                    Foreign::Adopt => self.files.push((path, text)),
                    Foreign::Keep => self
                        .notes
                        .push(format!("{} is kept as it is", path.display())),
                    Foreign::Ask => {
                        return Err(foreign(&path, &seen.text, text.as_deref().unwrap_or("")));
                    }
                },
                _ => self.files.push((path, text)),
            }
        }
        Ok(())
    }
}

/// What `docker.service` and its drop-ins shall say. `wrote` gives what our
/// journal says we wrote to a file last.
///
/// # Errors
/// [`NoPlan`]
pub fn texts(
    asked: &Asked,
    present: &Present,
    is_ours: &dyn Fn(&Path, &str) -> bool,
) -> Result<Texts, NoPlan> {
    let chosen = chosen(&asked.options, present)?;
    let mut texts = Texts::default();
    let unit = unit_text(asked, present, is_ours)?;
    let kept = unit.is_none();
    let script = match unit {
        Some((script, text)) => {
            texts.files.push((present.unit_dir.join(UNIT), Some(text)));
            script
        }
        None => {
            let path = present.unit_dir.join(UNIT);
            texts
                .notes
                .push(format!("{} is kept as it is", path.display()));
            kept_script(present)?
        }
    };
    if let Some(known) = present.script_at(&script) {
        fit::of_script(&chosen, &asked.options, known)?;
    }
    let reach = reach(&chosen, &script, present);
    fit::of_reach(&chosen, &asked.options, reach)?;
    let how = How {
        script: &script,
        socket: &present.unit_socket,
        reach,
    };
    (texts.variables, texts.words) = drop_in::by_hand(&chosen, &how);
    if kept {
        loses_nothing(present, &texts.words)?;
    }
    texts.drop_ins(asked, present, is_ours, (&chosen, how))?;
    texts.daemon_json = config(asked, present)?;
    let origins = present.known_origins().after(&asked.options, &chosen);
    texts.origins = origins.text();
    texts.chosen = chosen;
    texts.installed = installed_options(present);
    Ok(texts)
}

/// A command line in a drop-in takes the place of the unit's own: what a unit that is kept
/// says there is not to be lost in silence.
fn loses_nothing(present: &Present, words: &[String]) -> Result<(), NoPlan> {
    let stands = matches!(
        present.drop_ins.get(drop_in::COMMAND),
        Some(Found::File { .. })
    );
    let Found::File { seen, .. } = &present.unit else {
        return Ok(());
    };
    let own = parsed(&seen.text).exec_start().unwrap_or_default();
    let lost: Vec<&str> = own.iter().skip(1).map(String::as_str).collect();
    let said = |word: &&str| words.iter().any(|known| known == word);
    if words.is_empty() || stands || lost.iter().all(said) {
        return Ok(());
    }
    let why = format!(
        "is to be kept, and starts the daemon with words of its own ({}), which those of the \
         options ({}) would replace: write these into it yourself, or --adopt",
        lost.join(" "),
        words.join(" ")
    );
    Err(NoPlan::file(&present.unit_dir.join(UNIT), &why))
}

/// A drop-in that has one of our names and that somebody else wrote.
fn edited<'a>(
    present: &'a Present,
    name: &str,
    path: &Path,
    is_ours: &dyn Fn(&Path, &str) -> bool,
    how: How<'_>,
) -> Option<&'a Seen> {
    match present.drop_ins.get(name) {
        Some(Found::File { seen, .. }) => {
            let ours = is_ours(path, &seen.text) || as_we_write(name, &seen.text, how);
            (!ours).then_some(seen)
        }
        _ => None,
    }
}

/// To the letter what we write for the setting that it has.
fn as_we_write(name: &str, text: &str, how: How<'_>) -> bool {
    let Ok(said) = drop_in::read(name, text) else {
        return false;
    };
    let alone = said
        .into_iter()
        .fold(Chosen::default(), |chosen, (key, value)| {
            chosen.with(key, value)
        });
    // What stands in that of the network driver depends on the port driver, too.
    let implicit = Value::Text(PortDriver::Implicit.name().into());
    let with_port = alone.clone().with(Key::PortDriver, implicit);
    let says = |chosen, reach| {
        let how = How { reach, ..how };
        let texts = drop_in::texts(chosen, &how).unwrap_or_default();
        texts.iter().any(|(n, t)| *n == name && t == text)
    };
    let ways = [Reach::Published, Reach::Itself];
    ways.iter()
        .any(|way| says(&alone, *way) || says(&with_port, *way))
}

fn foreign(path: &Path, there: &str, wanted: &str) -> NoPlan {
    let path = path.display().to_string();
    NoPlan::Foreign {
        diff: super::diff::unified(there, wanted, &path),
        path,
    }
}

/// The options as they will be: what is named now over what is installed.
///
/// # Errors
/// When they contradict each other.
pub fn chosen(asked: &Options, present: &Present) -> Result<Chosen, NoPlan> {
    let chosen = asked.merge(&installed_options(present));
    let chosen = drop_in::without_usual(chosen, &present.unit_socket);
    fit::of_all(&chosen, asked)?;
    Ok(chosen)
}

/// dockerd refuses what stands both on its command line and in its file.
fn conflicts(asked: &Asked, present: &Present) -> Result<(), NoPlan> {
    let (path, found) = &present.daemon_json;
    let Found::File { seen, .. } = found else {
        return Ok(());
    };
    let set = |key: &Key| {
        let named = asked.options.get(*key);
        named.is_some_and(|n| n.choice != Choice::Auto)
    };
    let said = daemon_json::listens(&seen.text);
    let clashes = |key: &Key| said == Some("hosts") || said.is_some() && *key == Key::Tcp;
    let clash = [Key::Tcp, Key::Socket]
        .into_iter()
        .filter(set)
        .find(clashes);
    match (said, clash) {
        (Some(said), Some(key)) => {
            let key = key.name();
            let why = format!(
                "sets {said}, which dockerd does not take together with --{key}; take it out"
            );
            Err(NoPlan::file(path, &why))
        }
        _ => Ok(()),
    }
}

/// How a port of the daemon comes to the host, by the drivers that will run.
fn reach(chosen: &Chosen, script: &Path, present: &Present) -> Reach {
    let script = present.script_at(script);
    let detaches = script.is_some_and(|script| script.detaches);
    if chosen.flagged(Key::DetachNetns).unwrap_or(detaches) {
        return Reach::Itself;
    }
    let tried = script.map_or(&[][..], |script| &script.order);
    let picked = || tried.iter().find(|net| present.net_tools.contains(net));
    let pasta = chosen.net().or_else(|| picked().copied()) == Some(Net::Pasta);
    match pasta && chosen.port_driver() != Some(PortDriver::Pesto) {
        true => Reach::Forwarded,
        false => Reach::Published,
    }
}

/// `daemon.json` with what was asked for in it; none where that is as it is.
fn config(asked: &Asked, present: &Present) -> Result<Option<(PathBuf, String)>, NoPlan> {
    conflicts(asked, present)?;
    if !daemon_json::is_asked(&asked.options) {
        return Ok(None);
    }
    let (path, found) = &present.daemon_json;
    if present.daemon_json_is_named && asked.foreign == Foreign::Adopt {
        let why = "is named by the unit that shall be replaced, and by no unit of ours: --keep \
                   that one, or move the file to ~/.config/docker/daemon.json";
        return Err(NoPlan::file(path, why));
    }
    let there = match found {
        Found::Unusable(why) => return Err(NoPlan::file(path, why)),
        Found::File { seen, .. } => Some(seen.text.as_str()),
        Found::Absent => None,
    };
    let text = daemon_json::edited(there, &asked.options);
    let text = text.map_err(|why| NoPlan::file(path, &format!("cannot be edited: {why}")))?;
    let changed = text.filter(|text| there != Some(text));
    Ok(changed.map(|text| (path.clone(), text)))
}

/// What our drop-ins say, and `daemon.json`. One that somebody spoilt says nothing.
pub fn installed_options(present: &Present) -> Chosen {
    let mut installed = Chosen::default();
    for (name, found) in &present.drop_ins {
        if let Found::File { seen, .. } = found {
            for (key, value) in drop_in::read(name, &seen.text).unwrap_or_default() {
                installed.set(key, value);
            }
        }
    }
    if let Found::File { seen, .. } = &present.daemon_json.1 {
        for (key, value) in daemon_json::read(&seen.text) {
            installed.set(key, value);
        }
    }
    drop_in::joined(installed, &present.unit_socket)
}

/// The script and the text of our unit; none where the present one is kept.
fn unit_text(
    asked: &Asked,
    present: &Present,
    is_ours: &dyn Fn(&Path, &str) -> bool,
) -> Result<Option<(PathBuf, String)>, NoPlan> {
    let path = present.unit_dir.join(UNIT);
    let (there, link) = match &present.unit {
        Found::Unusable(why) => return Err(NoPlan::file(&path, why)),
        Found::Absent => (None, false),
        Found::File { seen, link, .. } => (Some(seen), *link),
    };
    if there.is_some() && asked.foreign == Foreign::Keep {
        return Ok(None);
    }
    let wanted = wanted_unit(present, there)?;
    match there {
        Some(seen) if seen.text != wanted.1 && !is_ours(&path, &seen.text) => match asked.foreign {
            Foreign::Adopt if link => {
                Err(NoPlan::file(&path, "is a link: remove it, or --keep it"))
            }
            Foreign::Adopt => Ok(Some(wanted)),
            _ => Err(foreign(&path, &seen.text, &wanted.1)),
        },
        _ => Ok(Some(wanted)),
    }
}

/// What our unit says. One that is installed stays as it is while it still
/// fits: another shell's PATH is no reason to change it.
fn wanted_unit(present: &Present, there: Option<&Seen>) -> Result<(PathBuf, String), NoPlan> {
    let fits = |seen: &&Seen| {
        let (script, path) = installed(&seen.text)?;
        let text = service(&script, &path).ok()?;
        let has = |dir: &str| path.split(':').any(|d| d == dir);
        let same = present.script.as_ref() == Some(&script) && present.path.split(':').all(has);
        (same && text == seen.text).then_some((script, text))
    };
    if let Some(stays) = there.as_ref().and_then(fits) {
        return Ok(stays);
    }
    let script = present.script.clone().ok_or(NoPlan::NoScript)?;
    if script.to_string_lossy().contains(char::is_whitespace) {
        // It starts itself again as `$0 $@`, without quotes.
        return Err(NoPlan::file(
            &script,
            "cannot start itself from a path with white space",
        ));
    }
    let text = service(&script, &present.path)?;
    Ok((script, text))
}

fn service(script: &Path, path: &str) -> Result<String, NoPlan> {
    Ok(docker_service::text(&Service { script, path })?)
}

/// A unit without its drop-ins.
fn parsed(text: &str) -> DockerUnit {
    DockerUnit {
        file: Some(unit::parse(Path::new(UNIT), text)),
        ..DockerUnit::default()
    }
}

/// What a unit starts, and the PATH it sets.
fn installed(text: &str) -> Option<(PathBuf, String)> {
    let unit = parsed(text);
    let script = unit.exec_start()?.into_iter().next()?;
    let path = unit.environment(Path::new("")).remove("PATH");
    Some((script.into(), path.unwrap_or_default()))
}

/// The script that a kept unit starts.
fn kept_script(present: &Present) -> Result<PathBuf, NoPlan> {
    let text = match &present.unit {
        Found::File { seen, .. } => seen.text.as_str(),
        _ => "",
    };
    let by_unit = installed(text).map(|(script, _)| script);
    by_unit
        .or_else(|| present.script.clone())
        .ok_or(NoPlan::NoScript)
}
