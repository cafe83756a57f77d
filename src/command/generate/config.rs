//! `generate config`: a commented `setup.toml`.

use std::path::Path;

use crate::command::report::output;
use crate::error::Error;
use crate::exit::Exit;
use crate::plan::option::file;

/// Writes it; a file that is there is kept.
///
/// # Errors
/// When it cannot be written.
pub fn run(path: &Path) -> Result<Exit, Error> {
    if path != Path::new("-") && path.symlink_metadata().is_ok() {
        return Err(Error::Write {
            path: path.display().to_string(),
            why: "it is there already".into(),
        });
    }
    output::writable(path)?;
    output::write(path, &file::commented(), 0o600)?;
    Ok(Exit::Fine)
}
