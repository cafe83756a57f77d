//! Sysctls, as the kernel has them now.

use std::io::Write;
use std::path::PathBuf;

use crate::apply::file;

fn path(key: &str) -> Result<PathBuf, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    match !key.is_empty() && key.chars().all(plain) && !key.contains("..") {
        true => Ok(PathBuf::from(format!(
            "/proc/sys/{}",
            key.replace('.', "/")
        ))),
        false => Err(format!("{key:?} is no sysctl")),
    }
}

/// Its value; none if the kernel does not have it.
///
/// # Errors
/// The system's, in words.
pub fn get(key: &str) -> Result<Option<String>, String> {
    let content = file::read(&path(key)?).map_err(|e| format!("{key}: {e}"))?;
    let text = content.map(|c| String::from_utf8_lossy(&c.bytes).trim().to_owned());
    Ok(text)
}

/// Sets it.
///
/// # Errors
/// The system's, in words.
pub fn set(key: &str, value: &str) -> Result<(), String> {
    let file = std::fs::OpenOptions::new().write(true).open(path(key)?);
    file.and_then(|mut file| file.write_all(format!("{value}\n").as_bytes()))
        .map_err(|e| format!("{key} cannot be set to {value}: {e}"))
}
