//! From what is asked for and what is there to the steps between them.
//! What is already right gets no step, and so is never undone.

#[cfg(test)]
mod tests;

use std::path::Path;

use super::asked::{Asked, NoPlan};
use super::option::{Key, origin};
use super::present::{Found, Present};
use super::step::{Change, Kind, Plan, Seen, Step, UNIT};
use super::unit_texts::Texts;
use super::{cli_config, context, shell_block};
use crate::fact::Fact;
use crate::host::Unit;

/// The steps from what is there to what is asked for.
///
/// # Errors
/// [`NoPlan`]
pub fn plan(asked: &Asked, present: &Present, texts: &Texts) -> Result<Plan, NoPlan> {
    let mut plan = Planner {
        present,
        steps: Vec::new(),
        notes: texts.notes.clone(),
    };
    match &present.manager {
        Fact::Known(manager) => plan.unit(texts, &manager.docker)?,
        Fact::Absent => plan.by_hand(texts)?,
        Fact::Unreadable(why) => return Err(NoPlan::Manager(why.text.clone())),
    }
    plan.context()?;
    if asked.linger && present.linger != Fact::Known(true) {
        plan.steps.push(Step::Linger { uid: present.uid });
    }
    if asked.shell || plan.shell_leads_astray() {
        plan.shell()?;
    }
    Ok(Plan {
        steps: plan.steps,
        notes: plan.notes,
    })
}

struct Planner<'a> {
    present: &'a Present,
    steps: Vec<Step>,
    notes: Vec<String>,
}

impl Planner<'_> {
    fn unit(&mut self, texts: &Texts, state: &Unit) -> Result<(), NoPlan> {
        if state.load_state == "masked" || state.unit_file_state == "masked" {
            let path = self.present.unit_dir.join(UNIT);
            return Err(NoPlan::file(
                &path,
                "is masked: systemctl --user unmask docker.service",
            ));
        }
        let before = self.steps.len();
        for (path, text) in &texts.files {
            self.unit_file(path, text.as_deref())?;
        }
        let units = self.steps.len() > before;
        let config = self.daemon_json(texts)?;
        self.origins(texts.origins.as_deref())?;
        self.socket_dir();
        self.daemon(state, units, config);
        if state.unit_file_state != "enabled" {
            let link = self.present.link();
            self.dirs(&link);
            self.steps.push(Step::Enable {
                link,
                dir_mode: self.present.wants_mode,
            });
            self.steps.push(Step::Reload);
        }
        Ok(())
    }

    /// Says whether it changes.
    fn daemon_json(&mut self, texts: &Texts) -> Result<bool, NoPlan> {
        let Some((path, text)) = &texts.daemon_json else {
            return Ok(false);
        };
        // Proxies in it may hold a password.
        let found = &self.present.daemon_json.1;
        self.change(path, found, Kind::DaemonJson, Some(text), 0o600)?;
        Ok(true)
    }

    fn origins(&mut self, text: Option<&str>) -> Result<(), NoPlan> {
        let path = self.present.state_dir.join(origin::NAME);
        self.change(&path, &self.present.origins, Kind::Origins, text, 0o600)
    }

    /// systemd finds a unit that is new to it by itself when it is started; it
    /// reads the rest while the daemon comes up.
    fn daemon(&mut self, state: &Unit, units: bool, config: bool) {
        let stale = units || state.need_daemon_reload;
        let start = match state.active_state.as_str() {
            "active" if stale || config => Some(Step::Restart),
            "active" => None,
            _ => Some(Step::Start),
        };
        if stale && state.is_installed() {
            self.steps.push(Step::Reload);
        }
        self.steps.extend(start);
    }

    fn unit_file(&mut self, path: &Path, text: Option<&str>) -> Result<(), NoPlan> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let found = match self.present.drop_ins.get(name.as_ref()) {
            Some(found) => found,
            None => &self.present.unit,
        };
        self.change(path, found, Kind::Unit, text, 0o644)
    }

    /// One file, from what it is to `text`; nothing where it is that already.
    fn change(
        &mut self,
        path: &Path,
        found: &Found,
        kind: Kind,
        text: Option<&str>,
        new_mode: u32,
    ) -> Result<(), NoPlan> {
        let (before, real) = match found {
            Found::Absent => (None, path),
            Found::File { seen, real, .. } => (Some(seen), real.as_path()),
            Found::Unusable(why) => return Err(NoPlan::file(path, why)),
        };
        if before.map(|seen| seen.text.as_str()) == text {
            return Ok(());
        }
        let mode = before.map_or(new_mode, |seen| seen.mode);
        self.dirs(path);
        self.steps.push(Step::Change(Change {
            path: real.into(),
            kind,
            before: before.cloned(),
            after: text.map(|text| Seen {
                text: text.into(),
                mode,
            }),
        }));
        Ok(())
    }

    /// dockerd makes none for its socket. What lies in it is for its owner alone.
    fn socket_dir(&mut self) {
        if self.present.socket != self.present.unit_socket {
            self.dirs_as(&self.present.socket, &|_| 0o700);
        }
    }

    /// The directories that `file` lies in and that are not there yet.
    fn dirs(&mut self, file: &Path) {
        self.dirs_as(file, &dir_mode);
    }

    fn dirs_as(&mut self, file: &Path, mode: &dyn Fn(&Path) -> u32) {
        let planned = |steps: &[Step], dir: &Path| steps.iter().any(|s| s.path() == Some(dir));
        let missing = |dir: &&Path| self.present.missing.contains(*dir);
        let dirs: Vec<&Path> = file.ancestors().skip(1).take_while(missing).collect();
        for dir in dirs.into_iter().rev() {
            if !planned(&self.steps, dir) {
                self.steps.push(Step::MakeDir {
                    path: dir.into(),
                    mode: mode(dir),
                });
            }
        }
    }

    /// Without systemd nobody starts the daemon but the user.
    fn by_hand(&mut self, texts: &Texts) -> Result<(), NoPlan> {
        self.daemon_json(texts)?;
        match texts.chosen.get(Key::Socket) {
            Some(_) => self.socket_dir(),
            None => self.dirs(&self.present.socket),
        }
        self.notes.push(
            "there is no systemd user manager here: the daemon has to be started by hand".into(),
        );
        Ok(())
    }

    fn context(&mut self) -> Result<(), NoPlan> {
        let host = format!("unix://{}", self.present.socket.display());
        let path = self.present.meta_path();
        let text = match &self.present.meta {
            Found::File { seen, .. } => context::corrected(&seen.text, &host),
            _ => Ok(context::meta(&host)),
        };
        let text = text.map_err(|why| NoPlan::file(&path, &why.to_string()))?;
        self.change(&path, &self.present.meta, Kind::Context, Some(&text), 0o644)?;
        self.current_context()
    }

    fn current_context(&mut self) -> Result<(), NoPlan> {
        let path = self.present.docker_dir.join("config.json");
        let there = match &self.present.config {
            Found::File { seen, .. } => Some(seen.text.as_str()),
            _ => None,
        };
        let text = cli_config::with_current_context(there, Some(context::NAME));
        let text = text.map_err(|why| NoPlan::file(&path, &why.to_string()))?;
        let kind = Kind::CurrentContext;
        self.change(&path, &self.present.config, kind, Some(&text), 0o600)
    }

    /// Our block in the shell's start file names another socket: `DOCKER_HOST`
    /// would override the context.
    fn shell_leads_astray(&self) -> bool {
        match &self.present.rc {
            Some((_, Found::File { seen, .. })) => shell_block::host(&seen.text)
                .is_some_and(|host| host != format!("unix://{}", self.present.socket.display())),
            _ => false,
        }
    }

    fn shell(&mut self) -> Result<(), NoPlan> {
        let unknown = || NoPlan::Shell(self.present.shell.clone());
        let (path, found) = self.present.rc.as_ref().ok_or_else(unknown)?;
        let there = match found {
            Found::File { seen, .. } => seen.text.as_str(),
            _ => "",
        };
        let script = self.present.script.as_deref();
        let dir = script
            .and_then(Path::parent)
            .unwrap_or(Path::new("/usr/bin"));
        let block = shell_block::text(&self.present.shell, &self.present.socket, dir);
        let block = block.map_err(|why| NoPlan::file(path, &why.to_string()))?;
        let text = shell_block::insert(there, &block);
        let text = text.map_err(|why| NoPlan::file(path, &why.to_string()))?;
        self.change(path, found, Kind::Shell, Some(&text), 0o644)
    }
}

/// `~/.config` and `~/.docker` are their owner's own; what lies in them as systemd and
/// the docker client make it.
fn dir_mode(dir: &Path) -> u32 {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    match name.as_ref() {
        ".config" | ".docker" | "run" => 0o700,
        _ => 0o755,
    }
}
