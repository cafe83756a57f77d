//! A log that is read up to a size and for a time: it may be endless.

use std::io::{Read, Result};
use std::time::{Duration, Instant};

/// No more of a log is read, in bytes.
pub const MOST: u64 = 1 << 30;

/// A reader that ends at the limits.
pub struct Limited<R> {
    from: R,
    left: u64,
    timeout: u64,
    end: Instant,
    cut: Option<String>,
}

impl<R: Read> Limited<R> {
    /// Reads from `from` for so many seconds.
    pub fn new(from: R, timeout: u64) -> Self {
        Limited {
            from,
            left: MOST,
            timeout,
            end: Instant::now() + Duration::from_secs(timeout),
            cut: None,
        }
    }

    /// Why not all of it was read, if it was not.
    pub fn cut(self) -> Option<String> {
        self.cut
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if self.cut.is_some() {
            return Ok(0);
        }
        if Instant::now() >= self.end {
            let read = (MOST - self.left) >> 20;
            self.cut = Some(format!(
                "reading stopped after {} seconds, at {read} MiB (--timeout)",
                self.timeout
            ));
            return Ok(0);
        }
        // One byte more tells whether this is the end.
        let most = usize::try_from(self.left + 1).unwrap_or(usize::MAX);
        let length = into.len().min(most);
        let read = self.from.read(&mut into[..length])? as u64;
        if read > self.left {
            self.cut = Some(format!("only the first {} MiB were read", MOST >> 20));
        }
        let read = read.min(self.left);
        self.left -= read;
        Ok(usize::try_from(read).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_endless_ends() {
        let mut all = Limited::new(&b"abc"[..], 60);
        assert_eq!(std::io::copy(&mut all, &mut std::io::sink()).unwrap(), 3);
        assert_eq!(all.cut(), None);
        let mut late = Limited::new(std::io::repeat(b'a'), 0);
        assert_eq!(late.read(&mut [0; 9]).unwrap(), 0);
        assert!(late.cut().unwrap().contains("after 0 seconds"));
        let mut long = Limited::new(std::io::repeat(b'a'), 60);
        long.left = 5;
        assert_eq!(std::io::copy(&mut long, &mut std::io::sink()).unwrap(), 5);
        assert_eq!(long.cut().unwrap(), "only the first 1024 MiB were read");
    }
}
