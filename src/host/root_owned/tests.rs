use super::*;

#[test]
fn what_others_can_replace_is_refused() {
    for path in ["/etc/passwd", "/etc", "/usr/bin", "/proc/sys/kernel/ostype"] {
        RootOwned::open(Path::new(path)).unwrap();
    }
    for path in ["/tmp", "/var/tmp/", "etc", "/etc/../etc/passwd", ""] {
        assert!(RootOwned::open(Path::new(path)).is_err(), "{path}");
    }
    let missing = RootOwned::open(Path::new("/etc/no/such/file")).unwrap_err();
    assert_eq!(missing, NotRoots::Missing("/etc/no".into()));
}

#[test]
fn modes_links_and_files_in_a_sticky_directory() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let file = dir.path().join("f");
    std::fs::File::create(&file).unwrap();
    set(&file, 0o644);
    RootOwned::open(&file).unwrap();
    set(&file, 0o646);
    assert!(RootOwned::open(&file).is_err());
    set(&file, 0o644);
    let link = dir.path().join("l");
    std::os::unix::fs::symlink("f", &link).unwrap();
    assert!(RootOwned::open(&link).is_err());
    assert_eq!(RootOwned::resolve(&link).unwrap().path(), file);
    std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
    assert!(RootOwned::resolve(&dir.path().join("loop")).is_err());
    set(dir.path(), 0o1777);
    assert!(RootOwned::open(&file).is_err());
    set(dir.path(), 0o757);
    assert!(RootOwned::open(&file).is_err());
}

#[test]
fn mounts_of_users_are_not_roots() {
    let fstab = "# /a\n/dev/b /a\\040b ext4 defaults 0 2\n/dev/c /c ext4 noauto,user 0 0\n\
                 /dev/d /d ext4\n";
    assert!(in_fstab(fstab, Path::new("/a b")));
    assert!(in_fstab(fstab, Path::new("/d")));
    assert!(!in_fstab(fstab, Path::new("/c")));
    assert!(!in_fstab(fstab, Path::new("/media/x")));
}
