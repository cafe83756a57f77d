//! Running one program: bounded in time and in what it may print, killed with
//! its whole process group when it overstays.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::model::{Output, Program};
use super::own_tmp::OwnTmp;
use super::root_owned;
use crate::fact::{Fact, Why};

/// More than this from one stream is not an answer.
pub const MOST_OUTPUT: usize = 64 << 10;

/// Where the system's own programs lie, on NixOS too.
const DIRS: [&str; 4] = [
    "/usr/bin",
    "/bin",
    "/run/current-system/sw/bin",
    "/usr/local/bin",
];

/// Process groups of the programs that run now, so that they can be ended.
static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Open while programs may be started. Whoever starts one holds it for reading
/// until its group is known; closing waits for that, so that none slips away.
static OPEN: RwLock<bool> = RwLock::new(true);

/// Ends every program that still runs and lets no other start: for the moment
/// before this process ends.
pub fn end_all() {
    *OPEN.write().unwrap_or_else(PoisonError::into_inner) = false;
    with_groups(|groups| {
        for group in groups.drain(..) {
            // An error means that it is gone already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    });
}

/// Starts a program and remembers its group.
///
/// # Errors
/// The system's, and that this program is about to end.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    start(command, |child| {
        with_groups(|groups| groups.extend(group_of(child)));
    })
}

/// Starts a program and has it remembered before this one may end.
///
/// # Errors
/// As [`spawn`].
pub(super) fn start(command: &mut Command, remember: impl FnOnce(&Child)) -> io::Result<Child> {
    let open = OPEN.read().unwrap_or_else(PoisonError::into_inner);
    if !*open {
        return Err(io::Error::other("this program is about to end"));
    }
    let child = command.spawn()?;
    remember(&child);
    Ok(child)
}

/// Its group is not to be ended any more: the number may be somebody else's soon.
pub(super) fn forget(child: &Child) {
    let group = group_of(child);
    with_groups(|groups| groups.retain(|g| Some(*g) != group));
}

/// This program in one of its hidden modes, with an empty environment.
#[expect(
    clippy::disallowed_methods,
    reason = "a process of our own, not another program"
)]
pub(super) fn own(mode: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg(mode)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// One of the system's own programs, such as `systemctl`. For root, one that only root
/// can replace.
pub fn find(name: &str) -> Option<String> {
    let root = rustix::process::geteuid().is_root();
    let fits = |path: &String| match root {
        true => root_owned::check(Path::new(path)).is_ok(),
        false => Path::new(path).exists(),
    };
    let paths = DIRS.iter().map(|dir| format!("{dir}/{name}"));
    paths.into_iter().find(fits)
}

/// Starts `program` with a clean environment and collects what it does, at most
/// `most` bytes of each stream.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that starts programs"
)]
pub fn run(program: &Program, end: Instant, most: usize) -> Fact<Output> {
    let own_tmp = program.own_tmp.then(OwnTmp::new).flatten();
    let mut command = Command::new(&program.path);
    command
        .args(&program.args)
        .env_clear()
        .envs(program.env.iter().map(|(name, value)| (name, value)))
        .envs(own_tmp.as_ref().map(OwnTmp::variable))
        .stdin(Stdio::null())
        .current_dir("/");
    collect(&mut command, program, end, most, None)
}

/// Starts `command`, which is or becomes `program`, and collects what it does;
/// it is ended when `caller` hangs up.
pub(super) fn collect(
    command: &mut Command,
    program: &Program,
    end: Instant,
    most: usize,
    caller: Option<BorrowedFd<'_>>,
) -> Fact<Output> {
    let started = Instant::now();
    let end = end.min(started + program.deadline);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    match spawn(command) {
        Ok(child) => {
            let group = group_of(&child);
            let running = Running::new(child, most, caller);
            let answer = running.finish(program, started, end);
            with_groups(|groups| groups.retain(|g| Some(*g) != group));
            answer
        }
        Err(e) => not_started(program, &e),
    }
}

/// The fact that a program could not be started.
pub(super) fn not_started(program: &Program, error: &io::Error) -> Fact<Output> {
    Fact::Unreadable(Why {
        errno: error.raw_os_error(),
        ..Why::new(format!("{} could not be started: {error}", program.path))
    })
}

/// Becomes another program, with this one's environment and terminal. Comes back
/// only to say why that failed.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that starts programs"
)]
pub fn become_program(path: &str, args: &[OsString]) -> std::io::Error {
    Command::new(path).args(args).exec()
}

fn with_groups(change: impl FnOnce(&mut Vec<Pid>)) {
    change(&mut GROUPS.lock().unwrap_or_else(PoisonError::into_inner));
}

/// The group a child leads: its own pid.
fn group_of(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

struct Running<'a> {
    child: Child,
    stdout: Stream<ChildStdout>,
    stderr: Stream<ChildStderr>,
    caller: Option<BorrowedFd<'a>>,
}

struct Stream<P> {
    pipe: Option<P>,
    bytes: Vec<u8>,
    most: usize,
}

impl<P: Read> Stream<P> {
    /// Takes what is there; false when the stream is over its limit.
    fn take(&mut self) -> bool {
        let mut buffer = [0; 8192];
        match self.pipe.as_mut().map(|pipe| pipe.read(&mut buffer)) {
            Some(Ok(0) | Err(_)) | None => self.pipe = None,
            Some(Ok(n)) => self.bytes.extend_from_slice(&buffer[..n]),
        }
        self.bytes.len() <= self.most
    }

    /// A whole line begins so.
    fn has_line(&self, start: &str) -> bool {
        let mut lines = self.bytes.split_inclusive(|byte| *byte == b'\n');
        lines.any(|line| line.ends_with(b"\n") && line.starts_with(start.as_bytes()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

enum Ended {
    Enough,
    BothClosed,
    TooMuch,
    TooLate,
}

impl<'a> Running<'a> {
    fn new(mut child: Child, most: usize, caller: Option<BorrowedFd<'a>>) -> Self {
        let stdout = Stream {
            pipe: child.stdout.take(),
            bytes: Vec::new(),
            most,
        };
        let stderr = Stream {
            pipe: child.stderr.take(),
            bytes: Vec::new(),
            most,
        };
        Running {
            child,
            stdout,
            stderr,
            caller,
        }
    }

    fn finish(mut self, program: &Program, started: Instant, end: Instant) -> Fact<Output> {
        let status = match self.collect(program.enough.as_deref(), end) {
            // Its tear-down is nobody's business: do not wait for it.
            Ended::Enough => None,
            Ended::BothClosed => match wait(&mut self.child, end) {
                Some(status) => Some(status),
                None => return self.kill(program, &overdue(end - started)),
            },
            Ended::TooMuch => {
                let why = format!("printed more than {} KiB", self.stdout.most >> 10);
                return self.kill(program, &why);
            }
            Ended::TooLate => return self.kill(program, &overdue(end - started)),
        };
        Fact::Known(Output {
            exit: status.and_then(|s| s.code()),
            signal: status.and_then(|s| s.signal()),
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
            millis: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn collect(&mut self, enough: Option<&str>, end: Instant) -> Ended {
        while self.stdout.pipe.is_some() || self.stderr.pipe.is_some() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ended::TooLate;
            }
            let (out, err, hung_up) = self.ready(left);
            if hung_up {
                return Ended::TooLate;
            }
            if (out && !self.stdout.take()) || (err && !self.stderr.take()) {
                return Ended::TooMuch;
            }
            if enough.is_some_and(|start| self.stdout.has_line(start)) {
                return Ended::Enough;
            }
        }
        Ended::BothClosed
    }

    /// Waits until a stream has something, or the caller hangs up; says which.
    fn ready(&self, left: Duration) -> (bool, bool, bool) {
        let out = self.stdout.pipe.as_ref().map(AsFd::as_fd);
        let err = self.stderr.pipe.as_ref().map(AsFd::as_fd);
        // A caller has nothing to say: that there is something to read is its end.
        let all = [out, err, self.caller].into_iter().flatten();
        let mut fds: Vec<PollFd<'_>> = all
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        let timeout = Timespec::try_from(left).ok();
        if poll(&mut fds, timeout.as_ref()).is_err() {
            return (false, false, false);
        }
        let mut hit = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut one = |fd: Option<BorrowedFd<'_>>| fd.is_some() && hit.next().unwrap_or_default();
        (one(out), one(err), one(self.caller))
    }

    fn kill(mut self, program: &Program, why: &str) -> Fact<Output> {
        if let Some(group) = group_of(&self.child) {
            // An error means that it is gone already.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.try_wait();
        Fact::unreadable(format!("{} {why}", program.key))
    }
}

fn overdue(after: Duration) -> String {
    format!("gave no answer within {:.1} s", after.as_secs_f32())
}

/// Both streams are closed, so the end is near: wait for it in short naps.
fn wait(child: &mut Child, end: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_micros(200)),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(script: &str, enough: Option<&'static str>) -> (Output, Duration) {
        let program = Program {
            key: "sh".into(),
            path: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            deadline: Duration::from_secs(20),
            enough: enough.map(Into::into),
            ..Program::default()
        };
        let started = Instant::now();
        let end = started + program.deadline;
        let output = run(&program, end, MOST_OUTPUT).into_known().unwrap();
        (output, started.elapsed())
    }

    #[test]
    fn a_line_that_is_enough_is_waited_for_and_nothing_after_it() {
        let script = "echo hello; printf {a; sleep 0.2; echo b; exec sleep 10";
        let (output, took) = says(script, Some("{a"));
        assert_eq!(
            (output.stdout.as_str(), output.exit),
            ("hello\n{ab\n", None)
        );
        assert!(took < Duration::from_secs(9), "{took:?}");
        assert_eq!(
            says("echo hello; exec sleep 10", Some("")).0.stdout,
            "hello\n"
        );
    }

    #[test]
    fn without_that_line_it_is_the_end_that_counts() {
        let (output, _) = says("echo hello; exit 3", Some("{a"));
        assert_eq!((output.stdout.as_str(), output.exit), ("hello\n", Some(3)));
    }
}
