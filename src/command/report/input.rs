//! Files somebody sent: of any kind and size, read with a limit.

#![expect(clippy::disallowed_methods, reason = "reads the files that were named")]

use std::fs::File;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The largest file that is read, in bytes: a ticket has 60,000 characters, a
/// report with everything a few times that.
pub const MOST: u64 = 8 << 20;

/// The text of a file; `-` is standard input.
///
/// # Errors
/// [`Error::Read`], also when it is too large.
pub fn text(path: &Path) -> Result<String, Error> {
    let failed = |why: String| Error::Read {
        path: path.display().to_string(),
        why,
    };
    let mut bytes = Vec::new();
    let limit = MOST + 1;
    let read = match path == Path::new("-") {
        true => stdin().lock().take(limit).read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
    };
    read.map_err(|e| failed(e.to_string()))?;
    if bytes.len() as u64 > MOST {
        return Err(failed(format!(
            "it is larger than {} MiB, which no report is",
            MOST >> 20
        )));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The bytes of a file, into a buffer that is used again; false if it is too large.
///
/// # Errors
/// The system's.
pub fn bytes(path: &Path, buffer: &mut Vec<u8>) -> std::io::Result<bool> {
    buffer.clear();
    File::open(path)?.take(MOST + 1).read_to_end(buffer)?;
    Ok(buffer.len() as u64 <= MOST)
}

/// The files named, and those right in the directories named, in order.
///
/// # Errors
/// [`Error::Read`] for what is not there.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in paths {
        let failed = |e: std::io::Error| Error::Read {
            path: path.display().to_string(),
            why: e.to_string(),
        };
        if !std::fs::metadata(path).map_err(failed)?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).map_err(failed)?;
        let found = entries.flatten().map(|entry| entry.path());
        let mut own: Vec<PathBuf> = found.filter(|path| is_report(path)).collect();
        own.sort();
        files.append(&mut own);
    }
    Ok(files)
}

fn is_report(path: &Path) -> bool {
    let end = path
        .extension()
        .and_then(|end| end.to_str())
        .unwrap_or_default();
    ["md", "json", "txt", "markdown", "eml"].contains(&end)
}
