//! Ending what a program has left behind.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use procfs::process::{ProcState, Process, all_processes};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use rustix::process::{kill_process, pidfd_open, pidfd_send_signal};

/// How long it may take: somebody may start processes faster than they are found.
const PATIENCE: Duration = Duration::from_millis(1500);

/// For setpriority(2): before everybody.
const FIRST: i32 = -20;

/// Ends every descendant of this process, however often it forked and whichever
/// session it made: this process has to be their subreaper.
///
/// They are stopped first, until no other is found that runs, and killed then: so
/// that a process which forks while others are killed does not stay ahead. One that
/// was stopped may run on for a while, to give its memory back, but forks no more.
pub fn end() {
    let end = Instant::now() + PATIENCE;
    // Many of them may run. That this is not allowed is no reason not to try.
    let _ = rustix::process::setpriority_process(None, FIRST);
    let mut stopped: BTreeSet<i32> = BTreeSet::new();
    let mut empty = 0;
    // A list of children that is read while one of them ends may be short of others.
    while empty < 2 && Instant::now() < end {
        reap();
        let found = living();
        empty = if found.is_empty() { empty + 1 } else { 0 };
        let runs = |(process, state): &&(Process, ProcState)| {
            !matches!(state, ProcState::Stopped | ProcState::Tracing)
                && !stopped.contains(&process.pid)
        };
        let running: Vec<&Process> = found
            .iter()
            .filter(runs)
            .map(|(process, _)| process)
            .collect();
        running
            .iter()
            .for_each(|process| send(process, Signal::STOP));
        if running.is_empty() {
            found
                .iter()
                .for_each(|(process, _)| send(process, Signal::KILL));
        }
        stopped.extend(running.iter().map(|process| process.pid));
    }
    reap();
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
