use crate::check::engine::Status;
use crate::host::{FileSystem, Node, Output, Run};
use crate::report::CheckResult;
use crate::testing::TestHost;

const DATA: &str = "/home/alice/.local/share/docker";

/// Alice's home on a file system, with the given engine installed.
fn host(kind: &str, magic: u64, engine: &str) -> TestHost {
    let mountinfo = format!("22 1 8:1 / / rw,relatime shared:1 - {kind} /dev/vda rw\n");
    TestHost::new()
        .exe("/usr/bin/dockerd", "755")
        .prints(
            "dockerd --version",
            &format!("Docker version {engine}, build x\n"),
        )
        .file("/proc/self/mountinfo", &mountinfo)
        .with(|b| {
            let there = FileSystem {
                magic,
                size: 100 << 30,
                available: 41 << 30,
                inodes: 1_000_000,
                inodes_available: 900_000,
                ..FileSystem::default()
            };
            b.file_systems.insert("/".into(), there);
        })
}

fn ext4(engine: &str) -> TestHost {
    host("ext4", 0xef53, engine)
}

fn config(host: TestHost, json: &str) -> TestHost {
    host.file("/home/alice/.config/docker/daemon.json", json)
}

fn entries(host: TestHost, dir: &str, names: &[&str]) -> TestHost {
    let names = names.iter().map(ToString::to_string).collect();
    let node = Node {
        entries: Some(names),
        uid: 1000,
        ..Node::default()
    };
    host.node(&format!("{DATA}/{dir}"), node)
}

fn fuse(host: TestHost) -> TestHost {
    let device = Node {
        kind: Some(crate::host::Kind::CharDevice),
        open: Some(0),
        ..Node::default()
    };
    host.exe("/usr/bin/fuse-overlayfs", "755")
        .node("/dev/fuse", device)
}

fn probe(host: TestHost, errno: i32) -> TestHost {
    let line = format!(
        "{{\"rootless_setup_probe\":1,\"mounts\":[{{\"name\":\"tmpfs\",\"errno\":0}},{{\"name\":\"overlay\",\"errno\":{errno}}}]}}\n"
    );
    host.exe("/usr/bin/rootlesskit", "755").with(|b| {
        let output = Output {
            exit: Some(0),
            stdout: line,
            ..Output::default()
        };
        let run = Run {
            output: Some(output),
            ..Run::default()
        };
        b.programs.insert("rootlesskit probe".into(), run);
    })
}

fn old_kernel(host: TestHost) -> TestHost {
    host.file("/proc/sys/kernel/osrelease", "4.19.0-27-amd64\n")
}

fn driver(host: TestHost) -> CheckResult {
    host.check("storage.driver")
}

#[test]
fn overlay2_where_the_kernel_allows_it() {
    let found = driver(ext4("20.10.24+dfsg1"));
    assert_eq!(found.summary, "overlay2 on ext4, 41 GiB free");
    assert_eq!(found.status, Status::Pass);
    assert_eq!(
        driver(ext4("29.1.0")).summary,
        "overlayfs on ext4, 41 GiB free"
    );
}

#[test]
fn vfs_is_a_warning() {
    let found = driver(old_kernel(ext4("20.10.24")));
    assert_eq!(found.status, Status::Warn);
    assert_eq!(found.summary, "vfs on ext4: every layer is a full copy");
    let fix = found.fix.unwrap_or_default();
    assert_eq!(fix.commands, ["sudo apt-get install -y fuse-overlayfs"]);
    let found = driver(old_kernel(ext4("29.0.0")));
    assert!(
        found.summary.starts_with("native on ext4"),
        "{}",
        found.summary
    );
}

#[test]
fn fuse_overlayfs_where_overlay2_is_not_to_be_had() {
    let found = driver(fuse(old_kernel(ext4("20.10.24"))));
    assert_eq!(found.summary, "fuse-overlayfs on ext4, 41 GiB free");
    let without_device = old_kernel(ext4("24.0.7")).exe("/usr/bin/fuse-overlayfs", "755");
    let found = without_device.check("storage.driver-usable");
    assert_eq!(found.status, Status::Fail);
    assert_eq!(
        found.summary,
        "fuse-overlayfs cannot work: there is no /dev/fuse"
    );
}

#[test]
fn fuse_needs_a_kernel_too() {
    let on = |release: &str| {
        let host = fuse(ext4("26.1.4")).file("/proc/sys/kernel/osrelease", release);
        host.check("storage.driver-usable")
    };
    assert_eq!(on("4.9.0-13-amd64\n").status, Status::Fail);
    assert_eq!(on("3.10.0-1160.119.1.el7.x86_64\n").status, Status::Unknown);
    assert_eq!(on("4.19.0-27-amd64\n").status, Status::Pass);
}

#[test]
fn old_kernels_that_allow_overlay_all_the_same() {
    let ubuntu =
        old_kernel(ext4("20.10.24")).file("/proc/version", "Linux version 4.15 (Ubuntu 7)");
    assert_eq!(driver(ubuntu).status, Status::Pass);
    let file = "/sys/module/overlay/parameters/permit_mounts_in_userns";
    assert_eq!(
        driver(old_kernel(ext4("20.10.5")).file(file, "Y\n")).status,
        Status::Pass
    );
    assert_eq!(
        driver(old_kernel(ext4("20.10.5")).file(file, "N\n")).status,
        Status::Warn
    );
    let rhel8 = ext4("26.1.0").file("/proc/sys/kernel/osrelease", "4.18.0-553.el8_10.x86_64\n");
    assert_eq!(rhel8.check("storage.driver-usable").status, Status::Unknown);
}

#[test]
fn the_probe_decides_over_the_version() {
    assert_eq!(
        driver(probe(old_kernel(ext4("24.0.7")), 0)).status,
        Status::Pass
    );
    let found = driver(probe(ext4("24.0.7"), 1));
    assert_eq!(found.status, Status::Warn);
    let check = |errno| probe(ext4("24.0.7"), errno).check("storage.overlay-probe");
    assert_eq!(
        (check(0).status, check(1).status),
        (Status::Pass, Status::Info)
    );
    assert_eq!(
        ext4("1").check("storage.overlay-probe").status,
        Status::Skip
    );
}

#[test]
fn selinux_stops_overlay2_but_not_the_image_store() {
    let selinux = |engine| {
        ext4(engine)
            .file("/sys/fs/selinux/enforce", "1")
            .exe("/usr/sbin/getenforce", "755")
    };
    assert_eq!(driver(selinux("28.2.2")).status, Status::Warn);
    assert_eq!(
        driver(selinux("29.2.0")).summary,
        "overlayfs on ext4, 41 GiB free"
    );
    // Without the program dockerd-rootless.sh does not notice.
    let unnoticed = ext4("28.2.2").file("/sys/fs/selinux/enforce", "1");
    assert_eq!(driver(unnoticed).status, Status::Pass);
}

#[test]
fn file_systems_that_hold_no_overlay() {
    assert_eq!(
        driver(host("ecryptfs", 0xf15f, "28.0.0")).status,
        Status::Warn
    );
    assert_eq!(
        driver(host("overlay", 0x794c_7630, "28.0.0")).status,
        Status::Warn
    );
    let zfs = |version| host("zfs", 0x2fc1_2fc1, "28.0.0").file("/sys/module/zfs/version", version);
    assert_eq!(driver(zfs("2.2.2-0ubuntu9\n")).status, Status::Pass);
    assert_eq!(driver(zfs("2.1.5-1\n")).status, Status::Warn);
    assert_eq!(
        zfs("rubbish").check("storage.driver-usable").status,
        Status::Unknown
    );
    assert_eq!(zfs("2.1.5").check("storage.zfs").status, Status::Info);
    assert_eq!(zfs("2.3.0").check("storage.zfs").status, Status::Pass);
}

#[test]
fn a_prior_driver_stays() {
    let found = driver(entries(ext4("29.3.0"), "overlay2", &["l", "abc"]));
    assert_eq!(found.summary, "overlay2 on ext4, 41 GiB free");
    let fuse_gone = entries(ext4("28.0.0"), "fuse-overlayfs", &["l"]);
    let found = fuse_gone.check("storage.driver-usable");
    assert_eq!(found.status, Status::Fail);
    assert_eq!(
        found.summary,
        "fuse-overlayfs cannot work: it is not installed"
    );
    let empty = entries(ext4("28.0.0"), "btrfs", &[]);
    assert_eq!(driver(empty).summary, "overlay2 on ext4, 41 GiB free");
}

#[test]
fn several_prior_drivers_stop_dockerd_unless_one_is_named() {
    let both = || {
        let host = entries(ext4("28.0.0"), "overlay2", &["l"]);
        entries(host, "btrfs", &["subvolumes"])
    };
    let found = both().check("storage.driver-usable");
    assert_eq!(found.status, Status::Fail);
    let named = config(both(), r#"{"storage-driver": "overlay2"}"#);
    assert_eq!(named.check("storage.driver-usable").status, Status::Pass);
}

#[test]
fn configured_drivers() {
    let with = |json| config(ext4("28.0.0"), json);
    let vfs = driver(with(r#"{"storage-driver": "vfs"}"#));
    assert_eq!(vfs.status, Status::Warn);
    let usable = |host: TestHost| host.check("storage.driver-usable");
    let btrfs = usable(with(r#"{"storage-driver": "btrfs"}"#));
    assert_eq!(
        btrfs.summary,
        "btrfs cannot work: the data-root lies on ext4"
    );
    let gone = usable(with(r#"{"storage-driver": "devicemapper"}"#));
    assert_eq!(gone.status, Status::Fail);
    let unheard = usable(with(r#"{"storage-driver": "nydus"}"#));
    assert_eq!(unheard.status, Status::Unknown);
    let rubbish = with("{ rubbish").examine();
    assert_eq!(rubbish["storage.data-root-fs"].status, Status::Unknown);
    assert_eq!(rubbish["storage.driver"].status, Status::Skip);
    let feature = with(r#"{"features": {"containerd-snapshotter": true}}"#);
    assert_eq!(driver(feature).summary, "overlayfs on ext4, 41 GiB free");
}

#[test]
fn btrfs_comes_first_only_in_old_engines() {
    let btrfs = |engine| host("btrfs", 0x9123_683e, engine);
    assert_eq!(
        driver(btrfs("20.10.24")).summary,
        "btrfs on btrfs, 41 GiB free"
    );
    assert_eq!(
        driver(btrfs("28.0.0")).summary,
        "overlay2 on btrfs, 41 GiB free"
    );
    let options = |host: TestHost| host.check("storage.btrfs-options").status;
    assert_eq!(options(btrfs("20.10.24")), Status::Pass);
    assert_eq!(options(btrfs("28.0.0")), Status::Skip);
    assert_eq!(options(btrfs("20.10.5")), Status::Warn);
    let allowed = btrfs("20.10.5").file(
        "/proc/self/mountinfo",
        "22 1 8:1 / / rw - btrfs /dev/vda rw,user_subvol_rm_allowed\n",
    );
    assert_eq!(options(allowed), Status::Pass);
}

#[test]
fn images_of_another_driver_are_hidden() {
    let images = |host, driver| {
        entries(
            host,
            &format!("image/{driver}/imagedb/content/sha256"),
            &["a", "b"],
        )
    };
    let found = images(ext4("28.0.0"), "vfs").check("storage.driver-switch");
    assert_eq!(found.status, Status::Info);
    assert_eq!(found.summary, "overlay2 does not show images of vfs: 2");
    let same = images(ext4("28.0.0"), "overlay2").check("storage.driver-switch");
    assert_eq!(same.status, Status::Pass);
    assert_eq!(
        ext4("28.0.0").check("storage.driver-switch").status,
        Status::Skip
    );
}

#[test]
fn without_an_engine_only_what_any_would_do() {
    let found = driver(TestHost::new());
    assert!(
        found.summary.starts_with("overlayfs on ext4"),
        "{}",
        found.summary
    );
    let named = config(TestHost::new(), r#"{"storage-driver": "overlay"}"#);
    assert_eq!(named.check("storage.driver-usable").status, Status::Fail);
    let old = old_kernel(TestHost::new()).check("storage.driver-usable");
    assert_eq!(old.status, Status::Unknown);
}
