//! Files that were asked for: written whole or not at all.

use std::path::Path;

use crate::apply::file;
use crate::error::Error;
use crate::ui::{self, filter};

/// Found out before the work is done: the file can be written, and what is there
/// is no device, link or directory that would be replaced.
///
/// # Errors
/// [`Error::Write`] when it cannot.
pub fn writable(path: &Path) -> Result<(), Error> {
    if path == Path::new("-") {
        return Ok(());
    }
    let why = match (path.symlink_metadata(), directory(path).is_dir()) {
        (Ok(there), _) if !there.is_file() => "it is there, and no regular file",
        (Err(_), false) => "there is no such directory",
        _ => return Ok(()),
    };
    Err(Error::Write {
        path: path.display().to_string(),
        why: why.into(),
    })
}

fn directory(path: &Path) -> &Path {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Writes a text with these permission bits; `-` is standard output.
///
/// # Errors
/// [`Error::Write`] or [`Error::Print`]; a file that was there is then as it was.
pub fn write(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    if path == Path::new("-") {
        return ui::print(text);
    }
    // Whatever is shown of it later goes to a terminal, too.
    file::write(path, filter::page(text).as_bytes(), mode).map_err(|e| Error::Write {
        path: path.display().to_string(),
        why: e.to_string(),
    })
}
