//! The cache outside the tree: images, saved states, the harness's ssh key.
//!
//! An entry is a directory whose name ends in the hash of all that went into
//! it. It is made under a temporary name and renamed when it is whole, so an
//! entry that exists is complete. One run at a time makes entries.

use super::needs;
use super::process::{self, tied};
use super::suite::Suite;
use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

pub struct Cache {
    root: PathBuf,
    /// The public half of the key that opens every guest.
    pub public_key: String,
}

/// Held while entries are made or cases run.
pub struct Lock(#[allow(dead_code, reason = "the open file is the lock")] File);

impl Cache {
    pub fn open() -> Result<Cache> {
        let root = place()?;
        for dir in ["images", "states", "tmp"] {
            fs::create_dir_all(root.join(dir))
                .with_context(|| format!("failed to create the cache {}", root.display()))?;
        }
        let public_key = key(&root)?;
        Ok(Cache { root, public_key })
    }

    pub fn private_key(&self) -> PathBuf {
        self.root.join("id_ed25519")
    }

    /// The one permission to make entries, or an error that names the holder.
    pub fn lock(&self) -> Result<Lock> {
        let path = self.root.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                write!(&file, "{}", std::process::id())?;
                self.sweep()?;
                Ok(Lock(file))
            }
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                bail!(
                    "another run (pid {holder}) is using {}",
                    self.root.display()
                )
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// A directory for work in progress, on the same file system as the entries.
    pub fn scratch(&self) -> Result<TempDir> {
        let prefix = format!("{}-", std::process::id());
        Ok(tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(self.root.join("tmp"))?)
    }

    /// Where an entry is or will be; `parts` is everything that goes into it.
    pub fn entry(&self, kind: &str, name: &str, parts: &[&str]) -> PathBuf {
        self.root.join(kind).join(format!("{name}-{}", hash(parts)))
    }

    /// Moves finished work to its place.
    pub fn keep(&self, work: TempDir, place: &Path) -> Result<()> {
        // TempDir makes 0700; the entry shall be readable to its owner only, too.
        fs::rename(work.keep(), place)
            .with_context(|| format!("failed to move a finished entry to {}", place.display()))
    }

    /// Throws away all entries of one guest.
    pub fn forget(&self, suite: Suite) -> Result<()> {
        let _lock = self.lock()?;
        for kind in ["states", "images"] {
            for entry in fs::read_dir(self.root.join(kind))? {
                let entry = entry?;
                if entry
                    .file_name()
                    .to_string_lossy()
                    .starts_with(suite.name())
                {
                    fs::remove_dir_all(entry.path())?;
                }
            }
        }
        Ok(())
    }

    /// Removes what runs that were killed hard have left.
    fn sweep(&self) -> Result<()> {
        for entry in fs::read_dir(self.root.join("tmp"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let pid = name.split('-').next().unwrap_or_default();
            let dead = !Path::new("/proc").join(pid).exists();
            if dead && fs::remove_dir_all(entry.path()).is_err() {
                // A guest that was being unpacked does not belong to the caller.
                let mut remove = needs::as_root("rm");
                remove
                    .args(["-rf", "--one-file-system", "--"])
                    .arg(entry.path());
                process::run(&mut remove, "", Duration::from_secs(120))?.ok("rm")?;
            }
        }
        Ok(())
    }
}

/// A short, stable name for a list of texts.
fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher
        .finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn place() -> Result<PathBuf> {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    from("ROOTLESS_SETUP_VM_CACHE")
        .or_else(|| from("XDG_CACHE_HOME").map(|dir| dir.join("rootless-setup-vm")))
        .or_else(|| from("HOME").map(|dir| dir.join(".cache/rootless-setup-vm")))
        .ok_or_else(|| {
            anyhow!("no HOME, XDG_CACHE_HOME or ROOTLESS_SETUP_VM_CACHE to put the cache in")
        })
}

/// Makes the ssh key once; images carry its public half.
fn key(root: &Path) -> Result<String> {
    let private = root.join("id_ed25519");
    let public = root.join("id_ed25519.pub");
    if !public.exists() {
        let mut command = tied("TERM", "ssh-keygen");
        command
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "guest harness", "-f"])
            .arg(&private);
        process::run(&mut command, "", Duration::from_secs(20))?.ok("ssh-keygen")?;
    }
    Ok(fs::read_to_string(&public)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_has_left_is_swept_and_a_living_one_is_not_disturbed() {
        let root = tempfile::tempdir().unwrap();
        let tmp = root.path().join("tmp");
        let live = tmp.join(format!("{}-b", std::process::id()));
        // No process has this number: it is above the kernel's limit.
        for dir in [&tmp.join("4194305-a"), &live] {
            fs::create_dir_all(dir.join("root/etc")).unwrap();
        }
        let cache = Cache {
            root: root.path().to_owned(),
            public_key: String::new(),
        };
        let _lock = cache.lock().unwrap();
        let left: Vec<_> = fs::read_dir(&tmp).unwrap().collect();
        assert_eq!(left.len(), 1);
        assert!(live.exists());
    }

    #[test]
    fn one_run_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("tmp")).unwrap();
        let cache = Cache {
            root: root.path().to_owned(),
            public_key: String::new(),
        };
        let _lock = cache.lock().unwrap();
        let error = cache.lock().err().unwrap().to_string();
        let pid = std::process::id();
        assert!(error.contains(&format!("(pid {pid})")), "{error}");
    }
}
