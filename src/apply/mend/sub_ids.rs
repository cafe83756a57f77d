//! `/etc/subuid` and `/etc/subgid`, under the locks that shadow's own programs
//! take, each read once and written once.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::apply::file::{self, Content};
use crate::apply::interrupt;
use crate::apply::journal::Journal;
use crate::apply::run::World;
use crate::apply::target::Target;
use crate::facts::area::subid::file::Span;
use crate::facts::area::subid::unmapped;
use crate::facts::{idmap, login_defs};
use crate::plan::mend::allowed;
use crate::plan::mend::ranges::{self, Assigned, Book, Want};
use crate::plan::undo::Undo;

use super::lines;

/// How long another program may hold a lock.
const PATIENCE: Duration = Duration::from_secs(30);

/// Both files.
pub const FILES: [&str; 2] = ["/etc/subuid", "/etc/subgid"];

/// Gives the users what they want; says in words who got what.
///
/// # Errors
/// In words; nothing was written then, or what was is in the journal.
pub fn give(wants: &[Want], world: &World, journal: &mut Journal) -> Result<Vec<String>, String> {
    let targets = [target(FILES[0], world)?, target(FILES[1], world)?];
    let _locks = FILES
        .map(Path::new)
        .map(Lock::take)
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let before = [read(FILES[0], &targets[0])?, read(FILES[1], &targets[1])?];
    let assigned = assign(&before, wants)?;
    let after = [&assigned.subuid, &assigned.subgid];
    for (n, (before, after)) in before.iter().zip(after).enumerate() {
        if text(before)? != after.as_str() {
            let at = (Path::new(FILES[n]), targets[n].path());
            write(at, before.as_ref(), after, journal)?;
        }
    }
    Ok(assigned.given)
}

fn target(path: &str, world: &World) -> Result<Target, String> {
    let target = Target::of_root(Path::new(path), world, allowed::is_subid_file)?;
    target.ok_or_else(|| format!("the directory of {path} does not exist"))
}

fn write(
    (path, at): (&Path, &Path),
    before: Option<&Content>,
    after: &str,
    journal: &mut Journal,
) -> Result<(), String> {
    let former = before.map(|content| journal.keep(content)).transpose();
    let undo = Undo::Lines {
        path: path.into(),
        lines: lines::changed(
            before.map_or("", |c| lossless(c).unwrap_or_default()),
            after,
        ),
        former: former.map_err(|e| e.to_string())?,
        sha256: file::sha256(after.as_bytes()),
    };
    journal.before(undo).map_err(|e| e.to_string())?;
    let mode = before.map_or(0o644, |content| content.mode);
    file::write(at, after.as_bytes(), mode).map_err(|e| format!("{}: {e}", path.display()))
}

fn read(path: &str, target: &Target) -> Result<Option<Content>, String> {
    let link = target
        .path()
        .symlink_metadata()
        .is_ok_and(|m| m.is_symlink());
    match link {
        true => Err(format!("{path} is a symbolic link")),
        false => file::read(target.path()).map_err(|e| format!("{path}: {e}")),
    }
}

fn lossless(content: &Content) -> Option<&str> {
    std::str::from_utf8(&content.bytes).ok()
}

fn text(content: &Option<Content>) -> Result<&str, String> {
    match content {
        None => Ok(""),
        Some(content) => lossless(content)
            .ok_or_else(|| "the file of subordinate ids is not plain text".to_owned()),
    }
}

fn assign(files: &[Option<Content>; 2], wants: &[Want]) -> Result<Assigned, String> {
    let defs = String::from_utf8_lossy(&bytes("/etc/login.defs")).into_owned();
    let book = Book {
        subuid: text(&files[0])?,
        subgid: text(&files[1])?,
        uids: taken("/etc/passwd", "/proc/self/uid_map"),
        gids: taken("/etc/group", "/proc/self/gid_map"),
        defs: &login_defs::parse(&defs),
    };
    ranges::assign(&book, wants).map_err(|e| e.to_string())
}

/// Ids of the accounts, and those that this namespace cannot name.
fn taken(accounts: &str, map: &str) -> Vec<Span> {
    let text = String::from_utf8_lossy(&bytes(accounts)).into_owned();
    let id = |line: &str| line.split(':').nth(2)?.parse::<u32>().ok();
    let ids = text.lines().filter_map(id).map(|id| Span {
        first: id,
        last: id,
    });
    let map = String::from_utf8_lossy(&bytes(map)).into_owned();
    let outside = idmap::parse(&map).map(|map| unmapped(&map));
    ids.chain(outside.unwrap_or_default()).collect()
}

fn bytes(path: &str) -> Vec<u8> {
    let content = file::read(Path::new(path)).ok().flatten();
    content.map(|c| c.bytes).unwrap_or_default()
}

/// The lock of lckpwdf's kind that shadow's programs take on each of their
/// files: `/etc/subuid.lock` holds the pid of its owner, and is made by link(2).
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
}

impl Lock {
    /// Waits until nobody else holds the lock; one whose owner is dead is taken
    /// over, as shadow does.
    ///
    /// # Errors
    /// In words, after 30 s, or at once where the directory cannot be written.
    pub fn take(file: &Path) -> Result<Lock, String> {
        Self::take_within(file, PATIENCE)
    }

    fn take_within(file: &Path, patience: Duration) -> Result<Lock, String> {
        let name = file.display().to_string();
        let path = PathBuf::from(format!("{name}.lock"));
        // Two threads of one process have different names.
        let own = unique(&name);
        let end = Instant::now() + patience;
        write_pid(&own).map_err(|e| format!("{name} cannot be locked: {e}"))?;
        let taken = loop {
            match std::fs::hard_link(&own, &path) {
                Ok(()) => break Ok(Lock { path }),
                Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                    break Err(format!("{name} cannot be locked: {e}"));
                }
                Err(_) if is_stale(&path) => match take_over(&path, &own) {
                    Ok(true) => break Ok(Lock { path }),
                    Ok(false) => {}
                    Err(e) => break Err(format!("{name} cannot be locked: {e}")),
                },
                Err(_) if interrupt::asked() => break Err("interrupted".into()),
                Err(_) if Instant::now() > end => {
                    break Err(format!(
                        "{name} is locked by another program ({})",
                        holder(&path)
                    ));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        };
        // Its name was only needed to make the lock whole at once.
        let _ = file::remove(&own);
        taken
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever comes next finds that we are gone.
        let _ = file::remove(&self.path);
    }
}

fn unique(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    PathBuf::from(format!("{name}.{}-{number}", std::process::id()))
}

/// Takes over a lock whose owner ended; says whether it is ours now. `own` and the lock
/// are exchanged at once, so that the lock is never missing. If what came out is not stale
/// after all, because another process took it over first, it gets its place back.
fn take_over(lock: &Path, own: &Path) -> std::io::Result<bool> {
    let inode = |path: &Path| path.symlink_metadata().map(|meta| meta.ino()).ok();
    let ours = inode(own);
    let exchange = || {
        let flags = rustix::fs::RenameFlags::EXCHANGE;
        rustix::fs::renameat_with(rustix::fs::CWD, own, rustix::fs::CWD, lock, flags)
    };
    match exchange() {
        // It was released meanwhile.
        Err(rustix::io::Errno::NOENT) => return Ok(false),
        other => other?,
    }
    if is_stale(own) {
        return Ok(true);
    }
    for _ in 0..16 {
        match exchange() {
            Err(rustix::io::Errno::NOENT) => break,
            other => other?,
        }
        // A third process may have been in between.
        if inode(own) == ours {
            break;
        }
    }
    if inode(own) != ours {
        write_pid(own)?;
    }
    Ok(false)
}

fn write_pid(path: &Path) -> std::io::Result<()> {
    file::remove(path)?;
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    // shadow reads a number that a NUL ends.
    file.write_all(format!("{}\0", std::process::id()).as_bytes())
}

fn pid(lock: &Path) -> Option<i32> {
    let content = file::read(lock).ok().flatten()?;
    let text = String::from_utf8_lossy(&content.bytes).into_owned();
    text.trim_end_matches(['\0', '\n']).trim().parse().ok()
}

fn is_stale(lock: &Path) -> bool {
    let alive = |pid: i32| {
        let pid = rustix::process::Pid::from_raw(pid);
        pid.is_some_and(|pid| {
            !matches!(
                rustix::process::test_kill_process(pid),
                Err(rustix::io::Errno::SRCH)
            )
        })
    };
    pid(lock).is_some_and(|pid| !alive(pid))
}

fn holder(lock: &Path) -> String {
    match pid(lock) {
        Some(pid) => format!("process {pid}"),
        None => format!("see {}", lock.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_dir() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("subuid");
        (dir, file)
    }

    #[test]
    fn a_lock_is_held_once_and_goes_when_it_is_dropped() {
        let (dir, file) = in_dir();
        let lock = Lock::take(&file).unwrap();
        let error = Lock::take_within(&file, Duration::ZERO).unwrap_err();
        assert!(
            error.contains(&format!("process {}", std::process::id())),
            "{error}"
        );
        drop(lock);
        assert_eq!(file::list(dir.path()).unwrap(), Vec::<PathBuf>::new());
    }

    #[test]
    fn the_lock_of_a_dead_process_is_taken_over() {
        let (_dir, file) = in_dir();
        let lock = PathBuf::from(format!("{}.lock", file.display()));
        file::write(&lock, b"2147483646\0", 0o600).unwrap();
        Lock::take_within(&file, Duration::ZERO).unwrap();
        // What cannot be read is nobody's to break.
        file::write(&lock, b"", 0o600).unwrap();
        assert!(Lock::take_within(&file, Duration::ZERO).is_err());
    }

    #[test]
    fn of_many_who_find_a_stale_lock_one_takes_it() {
        let (dir, file) = in_dir();
        let lock = PathBuf::from(format!("{}.lock", file.display()));
        for _ in 0..250 {
            file::write(&lock, b"2147483646\0", 0o600).unwrap();
            let barrier = std::sync::Barrier::new(4);
            let one = || {
                barrier.wait();
                Lock::take_within(&file, Duration::ZERO).ok()
            };
            let taken: Vec<Lock> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
                let joined = threads.into_iter().map(|thread| thread.join().unwrap());
                joined.flatten().collect()
            });
            assert_eq!(taken.len(), 1);
            drop(taken);
            assert_eq!(file::list(dir.path()).unwrap(), Vec::<PathBuf>::new());
        }
    }
}
