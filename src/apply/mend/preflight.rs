//! What root would refuse is known before the plan is shown. Each step looks again
//! when it is done.

use std::path::Path;

use super::{aside, capability, home, owner, profile};
use crate::apply::run::World;
use crate::apply::target::Target;
use crate::host::root_owned::RootOwned;
use crate::plan::mend::action::Action;
use crate::plan::mend::allowed;
use crate::plan::mend::deed::Deed;

/// Whether root can do an action on this host.
///
/// # Errors
/// Why not, in words.
pub fn action(action: &Action) -> Result<(), String> {
    match action {
        Action::Profile { file, lines } => match allowed::profile_program(file, lines) {
            Some(program) => profile::judge(&program, Path::new(file)),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// A step as the plan shows it; none where nothing is left to do.
///
/// # Errors
/// Why root does not do it, in words.
pub fn deed(deed: Deed, world: &World) -> Result<Option<Deed>, String> {
    match &deed {
        Deed::Own {
            home,
            top,
            uid,
            gid,
            ..
        } => {
            let files = home::survey(Path::new(home), top, *uid)?;
            return Ok((!files.is_empty()).then(|| Deed::Own {
                home: home.clone(),
                top: top.clone(),
                uid: *uid,
                gid: *gid,
                files,
            }));
        }
        Deed::Change(change) => drop(Target::of(&change.path, world)?),
        Deed::Mode { path, .. } => drop(owner::of_root(Path::new(path), world)?),
        Deed::LoadProfile { file } => drop(profile::file(Path::new(file), world)?),
        Deed::Regular { path, .. } => {
            Target::of_root(Path::new(path), world, allowed::is_subid_file)?;
            RootOwned::resolve(Path::new(path)).map_err(|why| why.to_string())?;
        }
        Deed::Capability { path, .. } => drop(capability::program(Path::new(path), world)?),
        Deed::SetAside { path, to } => aside::judge(Path::new(path), Path::new(to), world)?,
        Deed::Packages { .. }
        | Deed::MakeDir(_)
        | Deed::Setting { .. }
        | Deed::LoadModules(_)
        | Deed::Reload
        | Deed::RestartManager { .. }
        | Deed::SubIds(_)
        | Deed::Remount { .. }
        | Deed::Linger { .. }
        | Deed::Disable(_)
        | Deed::RestartDaemon
        | Deed::StartUnit(_) => {}
    }
    Ok(Some(deed))
}
