//! Ending what a program has left behind.

use std::time::{Duration, Instant};

use procfs::process::{ProcState, Process, all_processes};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use rustix::process::{kill_process, pidfd_open, pidfd_send_signal};

/// How long it may take: somebody may start processes faster than they are found.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ends every descendant of this process, however often it forked and whichever
/// session it made: this process has to be their subreaper.
///
/// They are stopped first, until none runs any more, and killed then: so that a
/// process which forks while others are killed does not stay ahead.
pub fn end() {
    let end = Instant::now() + PATIENCE;
    let mut empty = 0;
    // A list of children that is read while one of them ends may be short of others.
    while empty < 2 && Instant::now() < end {
        reap();
        let found = living();
        match found.is_empty() {
            true => empty += 1,
            false => empty = 0,
        }
        let signal = match found.iter().any(|(_, state)| runs(*state)) {
            true => Signal::STOP,
            false => Signal::KILL,
        };
        found.iter().for_each(|(process, _)| send(process, signal));
    }
    reap();
}

/// One that waits for a disk, a server or its `vfork` does not count: a signal
/// waits for it.
fn runs(state: ProcState) -> bool {
    use ProcState::{Dead, Stopped, Tracing, Waiting, Zombie};
    !matches!(state, Stopped | Tracing | Waiting | Zombie | Dead)
}

fn living() -> Vec<(Process, ProcState)> {
    let all = match children(rustix::process::getpid().as_raw_pid()) {
        Some(children) => below(children),
        None => scanned(),
    };
    let dead = |state| matches!(state, ProcState::Zombie | ProcState::Dead);
    let state = |process: Process| {
        let state = process.stat().ok()?.state().ok()?;
        (!dead(state)).then_some((process, state))
    };
    all.into_iter().filter_map(state).collect()
}

/// The processes and what descends from them.
fn below(mut pids: Vec<i32>) -> Vec<Process> {
    let mut found = Vec::new();
    while let Some(pid) = pids.pop() {
        pids.extend(children(pid).unwrap_or_default());
        found.extend(Process::new(pid));
    }
    found
}

/// A process's children; none where the kernel lists none (`CONFIG_PROC_CHILDREN`).
fn children(pid: i32) -> Option<Vec<i32>> {
    let mut all = Vec::new();
    for task in Process::new(pid).ok()?.tasks().ok()?.flatten() {
        let children = task.children().ok()?.into_iter();
        all.extend(children.filter_map(|pid| i32::try_from(pid).ok()));
    }
    Some(all)
}

/// The same by a look at every process of the machine.
fn scanned() -> Vec<Process> {
    let all = all_processes().into_iter().flatten().flatten();
    let with_parent = |process: Process| Some((process.stat().ok()?.ppid, process));
    let mut others: Vec<(i32, Process)> = all.filter_map(with_parent).collect();
    others.sort_unstable_by_key(|(parent, _)| *parent);
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![rustix::process::getpid().as_raw_pid()];
    while let Some(parent) = parents.pop() {
        let from = others.partition_point(|(at, _)| *at < parent);
        let to = others.partition_point(|(at, _)| *at <= parent);
        for (_, process) in others.drain(from..to) {
            parents.push(process.pid);
            found.push(process);
        }
    }
    found
}

/// By a descriptor, where the kernel has them (Linux 5.3): its number may be
/// another process's by now.
fn send(process: &Process, signal: Signal) {
    let Some(pid) = Pid::from_raw(process.pid) else {
        return;
    };
    // An error means that it is gone already.
    let _ = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(fd) if process.is_alive() => pidfd_send_signal(fd, signal),
        Err(rustix::io::Errno::NOSYS) => kill_process(pid, signal),
        _ => Ok(()),
    };
}

fn reap() {
    while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
}
