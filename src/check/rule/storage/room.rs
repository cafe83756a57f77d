//! Whether there is room for images, and whether programs on the data-root run.

use super::{place, size};
use crate::check::{Verdict, fail, pass, skip};
use crate::facts::Facts;

/// Less than this, and an ordinary image no longer fits.
const FEW_BYTES: u64 = 1 << 30;

/// An ordinary image unpacks to a few thousand files.
const FEW_INODES: u64 = 20_000;

/// What a daemon without any image writes when it starts.
const START: (u64, u64) = (1 << 20, 64);

pub fn not_full(facts: &Facts) -> Verdict {
    let place = place(facts)?;
    let fs = place.file_system;
    let path = place.nearest.path.to_string_lossy();
    let no_inodes = fs.inodes > 0 && fs.inodes_available < START.1;
    Ok(match (fs.available < START.0, no_inodes) {
        (true, _) => fail("the disk is full: the daemon cannot start").seen(
            &*path,
            format!("{} of {}", size(fs.available), size(fs.size)),
        ),
        (_, true) => fail("no inodes are left: the daemon cannot start")
            .seen(&*path, format!("{} of {}", fs.inodes_available, fs.inodes)),
        _ => pass("there is room for the daemon to start"),
    }
    .fill("path", path))
}

pub fn free_space(facts: &Facts) -> Verdict {
    let place = place(facts)?;
    let free = place.file_system.available;
    let path = place.nearest.path.to_string_lossy();
    let summary = format!("{} free for images", size(free));
    Ok(match free < FEW_BYTES {
        true => fail(format!("only {summary}")),
        false => pass(summary),
    }
    .seen(
        path,
        format!("{} of {}", size(free), size(place.file_system.size)),
    ))
}

pub fn free_inodes(facts: &Facts) -> Verdict {
    let place = place(facts)?;
    let (free, all) = (place.file_system.inodes_available, place.file_system.inodes);
    if all == 0 {
        return Ok(skip(format!(
            "{} has no fixed number of inodes",
            place.name
        )));
    }
    let path = place.nearest.path.to_string_lossy();
    Ok(match free < FEW_INODES {
        true => fail(format!("only {free} inodes are free")),
        false => pass(format!("{free} inodes free")),
    }
    .seen(path, format!("{free} of {all}")))
}

pub fn noexec(facts: &Facts) -> Verdict {
    let place = place(facts)?;
    let mount = place.nearest.mount.as_ref();
    let noexec = place.file_system.noexec() || mount.is_some_and(|m| m.has("noexec"));
    if !noexec {
        return Ok(pass("programs on the data-root can be executed"));
    }
    let at = mount
        .map_or(&place.nearest.path, |m| &m.at)
        .to_string_lossy();
    Ok(fail("no program in a volume can be executed")
        .seen(&*at, "noexec")
        .fill("mount", at))
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::host::FileSystem;
    use crate::testing::TestHost;

    fn with(change: impl FnOnce(&mut FileSystem)) -> TestHost {
        TestHost::new().with(|b| {
            let mut there = FileSystem {
                magic: 0xef53,
                available: 5 << 30,
                inodes: 1_000_000,
                inodes_available: 900_000,
                ..FileSystem::default()
            };
            change(&mut there);
            b.file_systems.insert("/".into(), there);
        })
    }

    #[test]
    fn room() {
        let space = |bytes| with(|fs| fs.available = bytes).check("storage.free-space");
        assert_eq!(space(500 << 20).summary, "only 500 MiB free for images");
        assert_eq!(space(500 << 20).status, Status::Warn);
        assert_eq!(space(2 << 30).status, Status::Pass);
        let inodes = |all, free| {
            let host = with(|fs| (fs.inodes, fs.inodes_available) = (all, free));
            host.check("storage.free-inodes").status
        };
        assert_eq!(inodes(1_000_000, 1200), Status::Warn);
        assert_eq!(inodes(1_000_000, 500_000), Status::Pass);
        assert_eq!(inodes(0, 0), Status::Skip);
    }

    #[test]
    fn a_disk_on_which_no_daemon_starts() {
        let id = "storage.not-full";
        assert_eq!(with(|fs| fs.available = 0).check(id).status, Status::Fail);
        let few = with(|fs| fs.available = 9 << 20).check(id);
        assert_eq!(few.status, Status::Pass);
        let used_up = |all| with(|fs| (fs.inodes, fs.inodes_available) = (all, 0)).check(id);
        assert_eq!(used_up(1_000_000).status, Status::Fail);
        assert_eq!(used_up(0).status, Status::Pass);
    }

    #[test]
    fn noexec() {
        let flags = |flags| with(|fs| fs.flags = flags).check("storage.noexec").status;
        assert_eq!((flags(0), flags(8)), (Status::Pass, Status::Warn));
    }
}
