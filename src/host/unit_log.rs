//! What the journal holds of a user's unit, as a stream: the whole of it may be
//! larger than the memory.

use std::io::{self, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use super::program;

/// No more of what journalctl complains about is kept.
const MOST_COMPLAINT: u64 = 16 << 10;

/// How much of the journal is wanted.
#[derive(Clone, Copy, Debug)]
pub enum Extent<'a> {
    /// So many of the last lines.
    Last(u32),
    /// Everything since a time, as journalctl understands it.
    Since(&'a str),
}

/// journalctl while it prints.
pub struct UnitLog {
    child: Child,
    stdout: ChildStdout,
    complaint: JoinHandle<String>,
}

impl UnitLog {
    /// Starts to read the log of one of this user's units.
    ///
    /// # Errors
    /// When journalctl is not there or cannot be started.
    #[expect(
        clippy::disallowed_methods,
        reason = "`program` collects what is printed; this has to flow"
    )]
    pub fn open(unit: &str, extent: Extent<'_>) -> io::Result<Self> {
        let missing = || io::Error::other("journalctl is not installed");
        let path = program::find("journalctl").ok_or_else(missing)?;
        let mut command = Command::new(path);
        command
            .args([
                "--user",
                "--unit",
                unit,
                "--output=short",
                "--all",
                "--no-pager",
            ])
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        match extent {
            Extent::Last(lines) => command.arg(format!("--lines={lines}")),
            Extent::Since(time) => command.arg(format!("--since={time}")),
        };
        let mut child = command.spawn()?;
        let closed = || io::Error::other("journalctl has no output");
        let stdout = child.stdout.take().ok_or_else(closed)?;
        let stderr = child.stderr.take().ok_or_else(closed)?;
        let complaint = std::thread::Builder::new().spawn(move || {
            let mut bytes = Vec::new();
            // What cannot be read of a complaint is none.
            let _ = stderr.take(MOST_COMPLAINT).read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        })?;
        Ok(UnitLog {
            child,
            stdout,
            complaint,
        })
    }

    /// Ends it, and tells what kept it from reading; `nothing` if no line came.
    pub fn close(mut self, nothing: bool) -> Option<String> {
        drop(self.stdout);
        let exit = self.child.wait().ok().and_then(|status| status.code());
        let complaint = self.complaint.join().unwrap_or_default();
        trouble(&complaint, exit, nothing)
    }
}

impl Read for UnitLog {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stdout.read(into)
    }
}

/// Why journalctl printed nothing, or perhaps not all.
pub fn trouble(stderr: &str, exit: Option<i32>, nothing: bool) -> Option<String> {
    let said = |part: &str| stderr.contains(part);
    match () {
        () if said("insufficient permissions") || said("Permission denied") => Some(
            "this user may not read the journal; members of the groups systemd-journal and adm may"
                .to_owned(),
        ),
        () if said("No journal files were found") => Some(
            "there is no journal for this user; it may be kept with the system's, which \
                 members of the groups systemd-journal and adm may read"
                .to_owned(),
        ),
        () if exit != Some(0) && nothing => {
            let words = stderr.lines().last().unwrap_or("no message");
            Some(format!("the journal could not be read: {words}"))
        }
        () => None,
    }
}
