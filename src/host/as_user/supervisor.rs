//! Running one program as another user: a process of root's in a session of its
//! own, which the user can neither signal nor trace, watches over it and ends
//! everything that came of it.
//!
//! root's command -> [`MODE`] (root, the subreaper) -> [`BECOME`] (becomes the
//! user, then the program).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, setegid, seteuid, setgroups};
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::channel::Channel;
use super::descendants;
use super::reader::millis_until;
use crate::fact::{Fact, Why};
use crate::host::memory::Memory;
use crate::host::own_tmp::OwnTmp;
use crate::host::program::{self, MOST_OUTPUT};
use crate::host::{Output, Program};

/// The hidden argument that starts the supervisor.
pub const MODE: &str = "__supervise";

/// The hidden argument that becomes the user and the program.
pub const BECOME: &str = "__become";

/// How long the supervisor may take to end what its program left behind.
const CLEAN_UP: Duration = Duration::from_secs(2);

/// The ends of the supervisors that run: when these are closed, they clean up.
static RUNNING: Mutex<Vec<UnixStream>> = Mutex::new(Vec::new());

/// What is to be run, and as whom.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    account: Account,
    program: Program,
    /// How long it may take, in milliseconds.
    millis: u64,
}

/// Runs a program as that user, until `end` at the latest.
pub fn run(account: &Account, program: &Program, end: Instant) -> Fact<Output> {
    let end = end.min(Instant::now() + program.deadline);
    let order = Order {
        account: account.clone(),
        program: program.clone(),
        millis: millis_until(end),
    };
    match supervised(&order, end + CLEAN_UP) {
        Ok(Some(answer)) => serde_json::from_str(&answer)
            .unwrap_or_else(|_| Fact::unreadable("the answer was cut short")),
        Ok(None) => Fact::unreadable(format!("{} was ended", program.path)),
        Err(e) => Fact::Unreadable(Why {
            text: format!("{} could not be run: {e}", program.path),
            ..Why::from(&e)
        }),
    }
}

fn supervised(order: &Order, end: Instant) -> io::Result<Option<String>> {
    let (mut channel, theirs) = Channel::pair()?;
    let handle = channel.handle()?;
    let mut command = program::own(MODE);
    command.stdin(Stdio::from(theirs)).stdout(Stdio::null());
    let mut child = program::start(&mut command, |_| running(|all| all.push(handle)))?;
    let answer = channel
        .send(order, end)
        .and_then(|()| channel.receive(Some(end)));
    // It ends by itself once it has answered, or nobody listens.
    drop(channel);
    if !matches!(answer, Ok(Some(_))) {
        // It had its time to clean up.
        let _ = child.kill();
    }
    // It may still remove files: this is not waited for but at the very end.
    let _ = child.try_wait();
    answer
}

/// Has every supervisor end what it runs, and waits until it has.
pub fn end_all() {
    let all = running(std::mem::take);
    for stream in &all {
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
    for mut stream in all {
        let _ = stream.set_read_timeout(Some(CLEAN_UP));
        // Until it hangs up, or for as long as it may take.
        let _ = io::copy(&mut stream, &mut io::sink());
    }
}

fn running<T>(change: impl FnOnce(&mut Vec<UnixStream>) -> T) -> T {
    change(&mut RUNNING.lock().unwrap_or_else(PoisonError::into_inner))
}

/// What the supervisor does.
///
/// # Errors
/// When it cannot become what it has to be, or root is gone.
pub fn supervise() -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    leave_login_session();
    // Shared memory of its own, which ends with it; where there can be none, it is root's.
    let _ = unshare(CloneFlags::CLONE_NEWIPC);
    let mut channel = Channel::of_child()?;
    let text = channel.receive(None)?.unwrap_or_default();
    let mut order: Order = serde_json::from_str(&text)?;
    let end = Instant::now() + Duration::from_millis(order.millis);
    // None of root's groups is wanted here.
    setgroups(&[])?;
    let tmp = match order.program.own_tmp {
        true => as_user(&order.account, OwnTmp::new)?,
        false => None,
    };
    order.program.env.extend(tmp.as_ref().map(OwnTmp::variable));
    let answer = watched(&order, &channel, end);
    descendants::end();
    let sent = channel.send(&answer, Instant::now() + CLEAN_UP);
    drop(channel);
    end_soon();
    if let Some(tmp) = tmp {
        as_user(&order.account, || drop(tmp))?;
    }
    sent
}

/// Somebody may put files into a directory faster than they are removed.
#[expect(
    clippy::disallowed_methods,
    reason = "a process of our own, which is done"
)]
fn end_soon() {
    std::thread::spawn(|| {
        std::thread::sleep(CLEAN_UP / 4);
        std::process::exit(0);
    });
}

/// logind and polkit tell by the control group whose login session a process is
/// of: this is not root's. Where neither file is there, no session is either.
#[expect(clippy::disallowed_methods, reason = "a setting of this process alone")]
fn leave_login_session() {
    for root in ["", "/systemd", "/unified"] {
        let _ = std::fs::write(format!("/sys/fs/cgroup{root}/cgroup.procs"), "0");
    }
}

fn watched(order: &Order, channel: &Channel, end: Instant) -> Fact<Output> {
    let program = &order.program;
    let text = serde_json::to_string(order).unwrap_or_default();
    let memory = match Memory::new(&text).and_then(Memory::from_start) {
        Ok(memory) => memory,
        Err(e) => return Fact::Unreadable(Why::from(&e)),
    };
    let mut command = program::own(BECOME);
    command.stdin(Stdio::from(OwnedFd::from(memory)));
    let caller = Some(channel.as_fd());
    let answer = program::collect(&mut command, program, end, MOST_OUTPUT, caller);
    answer.and_then(|output| match not_started(&output) {
        Some(error) => program::not_started(program, &error),
        None => Fact::Known(output),
    })
}

/// How a program ends that was none: [`become_program`] says why.
const NOT_STARTED: i32 = 126;

/// How the line begins in which it does.
const ERRNO: &str = "rootless-setup: errno ";

fn not_started(output: &Output) -> Option<io::Error> {
    let errno = output.stderr.trim_end().strip_prefix(ERRNO)?.parse();
    let errno = errno.ok().filter(|_| output.exit == Some(NOT_STARTED));
    errno.map(io::Error::from_raw_os_error)
}

/// Does something as the user, and is root again. The user can signal this
/// process at no time: only its effective ids change.
fn as_user<T>(account: &Account, work: impl FnOnce() -> T) -> io::Result<T> {
    setegid(Gid::from_raw(account.gid))?;
    seteuid(Uid::from_raw(account.uid))?;
    let done = work();
    seteuid(Uid::from_raw(0))?;
    setegid(Gid::from_raw(0))?;
    Ok(done)
}

/// Becomes the user, and then the program; comes back only where that failed,
/// with the exit code that says so.
#[expect(clippy::print_stderr, reason = "the supervisor reads it")]
pub fn become_program() -> u8 {
    let error = becoming().err().unwrap_or_else(|| io::Error::other(""));
    eprintln!("{ERRNO}{}", error.raw_os_error().unwrap_or_default());
    NOT_STARTED as u8
}

#[expect(clippy::disallowed_methods, reason = "it becomes the user's program")]
fn becoming() -> io::Result<()> {
    let order: Order = serde_json::from_reader(io::stdin().lock())?;
    order.account.become_it()?;
    let error = Command::new(&order.program.path)
        .args(&order.program.args)
        .env_clear()
        .envs(order.program.env)
        .stdin(Stdio::null())
        .exec();
    Err(error)
}
