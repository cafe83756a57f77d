//! A directory for the temporary files of one program: RootlessKit leaves its
//! own behind when it is killed.

use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// Removed when it is dropped, with all that is in it.
#[derive(Debug)]
pub struct OwnTmp(PathBuf);

impl OwnTmp {
    /// None where there can be none: the program then sees to itself.
    pub fn new() -> Option<OwnTmp> {
        let mut builder = std::fs::DirBuilder::new();
        builder.mode(0o700);
        // That a name is taken is the only error that another name helps with.
        let mut names =
            (0..4).map(|_| PathBuf::from(format!("/tmp/rootless-setup-{:016x}", name())));
        names.find(|path| builder.create(path).is_ok()).map(OwnTmp)
    }

    /// What tells a program of it.
    pub fn variable(&self) -> (String, String) {
        ("TMPDIR".into(), self.0.to_string_lossy().into_owned())
    }
}

impl Drop for OwnTmp {
    fn drop(&mut self) {
        // No link is followed. What cannot be removed is a few bytes in /tmp.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A name that nobody guesses.
fn name() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::time::Instant::now())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "they make their own directories")]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_leaves_in_it_goes_with_it() {
        let tmp = OwnTmp::new().unwrap();
        let path = tmp.0.clone();
        std::fs::create_dir_all(path.join("rootlesskit1/empty")).unwrap();
        drop(tmp);
        assert!(!path.exists());
    }
}
