//! Files somebody sent: of any kind and size, read with a limit.

#![expect(clippy::disallowed_methods, reason = "reads the files that were named")]

use std::fs::{File, Metadata, OpenOptions};
use std::io::{Error as IoError, Read, Result as IoResult, stdin};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

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
    let small = match path == Path::new("-") {
        true => fill(stdin().lock(), MOST, &mut bytes),
        false => open(path).and_then(|file| fill(file, MOST, &mut bytes)),
    };
    match small.map_err(|e| failed(e.to_string()))? {
        true => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        false => Err(failed(format!(
            "it is larger than {} MiB, which no report is",
            MOST >> 20
        ))),
    }
}

/// Opens a file to read it: a regular file or a pipe. A device is not opened: on
/// some, opening alone acts.
///
/// # Errors
/// The system's, or that it is something else.
pub fn open(path: &Path) -> IoResult<File> {
    let kind = kind(&std::fs::metadata(path)?)?;
    // Should it be replaced by a device meanwhile: not waited for, and refused.
    let extra = match kind {
        Kind::File => OFlags::NONBLOCK | OFlags::NOCTTY,
        Kind::Pipe => OFlags::NOCTTY,
    };
    let flags = i32::try_from(extra.bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    self::kind(&file.metadata()?)?;
    Ok(file)
}

/// What can be read.
enum Kind {
    File,
    Pipe,
}

fn kind(of: &Metadata) -> IoResult<Kind> {
    let kind = of.file_type();
    let other = match kind {
        kind if kind.is_file() => return Ok(Kind::File),
        kind if kind.is_fifo() => return Ok(Kind::Pipe),
        kind if kind.is_dir() => "it is a directory",
        kind if kind.is_socket() => "it is a socket",
        _ => "it is a device",
    };
    Err(IoError::other(other))
}

/// Reads all of a file into an empty buffer; false if it is larger than `most`.
///
/// # Errors
/// The system's.
pub fn fill(from: impl Read, most: u64, buffer: &mut Vec<u8>) -> IoResult<bool> {
    from.take(most + 1).read_to_end(buffer)?;
    Ok(buffer.len() as u64 <= most)
}

/// The bytes of a file, into a buffer that is used again; false if it is too large.
///
/// # Errors
/// The system's.
pub fn bytes(path: &Path, buffer: &mut Vec<u8>) -> IoResult<bool> {
    buffer.clear();
    fill(open(path)?, MOST, buffer)
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
