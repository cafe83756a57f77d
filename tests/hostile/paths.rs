//! Which paths count as root's alone.

use rootless_setup::host::root_owned::RootOwned;

use crate::lab::{Lab, USER, is_root, race};

#[test]
fn a_component_of_another_user_is_never_passed() {
    if !is_root() {
        return;
    }
    let lab = Lab::new();
    lab.dir("a", 0, 0o755);
    lab.dir("a/b", 0, 0o755);
    lab.file("a/b/f", "root's", 0, 0o644);
    lab.dir("user", USER, 0o755);
    lab.dir("user/b", USER, 0o755);
    lab.file("user/b/f", "user's", USER, 0o644);
    lab.link("link", "user");
    let read = |at: &str| {
        let file = RootOwned::open(&lab.at(at)).ok()?;
        Some(std::fs::read_to_string(file.by_fd()).unwrap())
    };
    let (mut opened, mut refused) = (0, 0);
    let mut count = |text: Option<String>| match text.as_deref() {
        Some("root's") => opened += 1,
        None => refused += 1,
        Some(other) => panic!("opened {other}"),
    };
    let swaps = race(&lab.at("a"), &lab.at("user"), || {
        (0..2000).for_each(|_| count(read("a/b/f")));
    });
    let more = race(&lab.at("a"), &lab.at("link"), || {
        (0..2000).for_each(|_| count(read("a/b/f")));
    });
    eprintln!(
        "open: 4000 races, {} exchanges, {opened} opened, {refused} refused",
        swaps + more
    );
}

/// A file system that somebody mounted, with files that say they are root's.
#[test]
fn a_mount_that_is_not_in_fstab_is_refused() {
    if !is_root() {
        return;
    }
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};
    let lab = Lab::new();
    lab.dir("stick", 0, 0o755);
    let at = lab.at("stick");
    RootOwned::open(&at).unwrap();
    let refused = std::thread::spawn(move || {
        // The mount is this thread's alone.
        let none: Option<&str> = None;
        unshare(CloneFlags::CLONE_NEWNS).ok()?;
        let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
        mount(none, "/", none, private, none).ok()?;
        mount(
            Some("x"),
            &at,
            Some("tmpfs"),
            MsFlags::MS_NOSUID,
            Some("mode=755"),
        )
        .ok()?;
        Some(RootOwned::open(&at).unwrap_err().to_string())
    });
    match refused.join().unwrap() {
        Some(why) => assert!(why.contains("fstab"), "{why}"),
        None => eprintln!("skipped: nothing can be mounted here"),
    }
}
