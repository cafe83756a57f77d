//! A text as a file that lies on no disk: for programs that judge a file before
//! it is written.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, memfd_create};

/// A text in memory.
#[derive(Debug)]
pub struct Memory(File);

impl Memory {
    /// Takes a text in.
    ///
    /// # Errors
    /// The system's.
    pub fn new(text: &str) -> io::Result<Memory> {
        let mut file = File::from(memfd_create("rootless-setup", MemfdFlags::CLOEXEC)?);
        file.write_all(text.as_bytes())?;
        Ok(Memory(file))
    }

    /// The text as a file that is read from its start.
    ///
    /// # Errors
    /// The system's.
    pub fn from_start(mut self) -> io::Result<File> {
        self.0.rewind()?;
        Ok(self.0)
    }

    /// Where other programs of this user read it, while it is held.
    pub fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Host, Live};

    #[test]
    fn another_opening_reads_it_from_the_start() {
        let memory = Memory::new("{}\n").expect("memory");
        let live = Live::new(false, std::time::Duration::from_secs(10));
        assert_eq!(
            live.read(&memory.path()).into_known().as_deref(),
            Some("{}\n")
        );
    }
}
