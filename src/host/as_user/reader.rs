//! Reading files as another user: a process of ours that has become that user
//! and answers one question after the other.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::channel::Channel;
use crate::fact::Why;
use crate::host::{Host, Live, program};

/// The hidden argument that starts it.
pub const MODE: &str = "__read_as";

/// What a file is asked, as [`Host`] does.
#[derive(Debug, Serialize, Deserialize)]
pub enum Question<'a> {
    Read { path: Cow<'a, Path>, limit: u64 },
    Stat(Cow<'a, Path>),
    Link(Cow<'a, Path>),
    RealPath(Cow<'a, Path>),
    List(Cow<'a, Path>),
    TellsTypes(Cow<'a, Path>),
    Modified(Cow<'a, Path>),
    Writable(Cow<'a, Path>),
    Capability(Cow<'a, Path>),
    FileSystem(Cow<'a, Path>),
    Connect(Cow<'a, Path>),
    OpenDevice(Cow<'a, Path>),
    BuildInfo(Cow<'a, Path>),
    PackageVersion(Cow<'a, Path>),
}

/// What a reader is told first.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    account: Account,
    probe: bool,
    /// How long there are questions, in milliseconds.
    millis: u64,
}

/// Root's end.
pub struct Reader {
    child: Child,
    channel: Channel,
}

impl Reader {
    /// Starts one.
    ///
    /// # Errors
    /// In words: without it nothing of this user's is read.
    pub fn start(account: &Account, probe: bool, end: Instant) -> Result<Reader, Why> {
        let started = || {
            let (channel, theirs) = Channel::pair()?;
            let mut command = program::own(MODE);
            command.stdin(Stdio::from(theirs)).stdout(Stdio::null());
            let child = program::spawn(&mut command)?;
            let mut reader = Reader { child, channel };
            let order = Order {
                account: account.clone(),
                probe,
                millis: millis_until(end),
            };
            reader.channel.send(&order, end)?;
            Ok(reader)
        };
        started()
            .map_err(|e: io::Error| Why::new(format!("files cannot be read as that user: {e}")))
    }

    /// Asks one question; after an error the reader is of no more use.
    ///
    /// # Errors
    /// In words.
    pub fn ask(&mut self, question: &Question<'_>, end: Instant) -> Result<String, Why> {
        let sent = self.channel.send(question, end);
        let answer = sent.and_then(|()| self.channel.receive(Some(end)));
        match answer {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Why::new("files cannot be read as that user")),
            Err(e) if is_late(&e) => Err(Why::new("it gives no answer")),
            Err(e) => Err(Why::from(&e)),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // One that hangs on a dead server cannot be waited for.
        let _ = self.child.kill();
        program::forget(&self.child);
        let _ = self.child.try_wait();
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// How much time is left, for a process that has no [`Instant`] of ours.
pub fn millis_until(end: Instant) -> u64 {
    let left = end.saturating_duration_since(Instant::now());
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
}

/// What the child does. It ends when root hangs up.
///
/// # Errors
/// When it cannot become the user, or root is gone.
pub fn run() -> io::Result<()> {
    rustix::process::setsid()?;
    let mut channel = Channel::of_child()?;
    let order = channel.receive(None)?.unwrap_or_default();
    let order: Order = serde_json::from_str(&order)?;
    order.account.become_it()?;
    let deadline = Duration::from_millis(order.millis);
    let host = Live::new(order.probe, deadline).bounded();
    while let Some(question) = channel.receive(None)? {
        let question = serde_json::from_str(&question)?;
        let end = Instant::now() + deadline;
        match question {
            Question::Read { path, limit } => channel.send(&host.read_up_to(&path, limit), end),
            Question::Stat(path) => channel.send(&host.stat(&path), end),
            Question::Link(path) => channel.send(&host.link(&path), end),
            Question::RealPath(path) => channel.send(&host.real_path(&path), end),
            Question::List(path) => channel.send(&host.list(&path), end),
            Question::TellsTypes(path) => channel.send(&host.tells_types(&path), end),
            Question::Modified(path) => channel.send(&host.modified(&path), end),
            Question::Writable(path) => channel.send(&host.writable(&path), end),
            Question::Capability(path) => channel.send(&host.capability(&path), end),
            Question::FileSystem(path) => channel.send(&host.file_system(&path), end),
            Question::Connect(path) => channel.send(&host.connect(&path), end),
            Question::OpenDevice(path) => channel.send(&host.open_device(&path), end),
            Question::BuildInfo(path) => channel.send(&host.build_info(&path), end),
            Question::PackageVersion(path) => channel.send(&host.package_version(&path), end),
        }?;
    }
    Ok(())
}
