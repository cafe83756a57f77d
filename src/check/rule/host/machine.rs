//! What kind of machine this is.

use std::path::Path;

use crate::check::{Undetermined, Verdict, fail, pass, skip};
use crate::facts::Facts;
use crate::facts::area::cgroup::Hierarchy;
use crate::facts::init::Init;
use crate::facts::mounts::Mount;

pub fn linux(facts: &Facts) -> Verdict {
    let sysctl = "kernel.ostype";
    let name = facts.host.need("the host")?.ostype.need(sysctl)?;
    if name != "Linux" {
        return Ok(fail(format!("this kernel is {name}, not Linux")).seen(sysctl, name));
    }
    let version = facts.host.need("the host")?.version.known();
    if let Some((version, name)) = version.and_then(|v| Some((v, imitation(v)?))) {
        let what = format!("this kernel is {name}, which imitates Linux");
        return Ok(fail(what).seen("/proc/version", version));
    }
    let release = facts.ground.kernel_release.known();
    Ok(pass(match release {
        Some(release) => format!("Linux {release}"),
        None => "Linux".to_owned(),
    })
    .seen(sysctl, name))
}

/// Kernels that run Linux programs, and call themselves Linux when asked:
/// FreeBSD (linprocfs(5) signs so), and the lx zones of illumos.
fn imitation(version: &str) -> Option<&'static str> {
    match version {
        v if v.contains("@freebsd.org") => Some("FreeBSD"),
        v if v.contains("BrandZ virtual linux") => Some("illumos"),
        _ => None,
    }
}

pub fn not_root(facts: &Facts) -> Verdict {
    let ground = &facts.ground;
    let id = ground.identity.euid.to_string();
    Ok(match &ground.subject {
        Some(s) if s.uid == 0 => fail("rootless Docker is for ordinary users, not for root"),
        Some(s) if s.is_self => pass(format!("{} is an ordinary user", s.name)),
        Some(s) => pass(format!("root examines this host for {}", s.name)),
        None => fail("rootless Docker is set up as an ordinary user, not as root"),
    }
    .seen("effective uid", id))
}

pub fn architecture(facts: &Facts) -> Verdict {
    let arch = facts.ground.arch.as_str();
    let outcome = match arch {
        "x86_64" | "aarch64" | "arm64" | "arm" | "armv7l" | "armv8l" | "armv6l" | "ppc64le"
        | "s390x" | "riscv64" | "loongarch64" => pass(arch),
        // Debian and Alpine built for these, some until lately.
        "i386" | "i486" | "i586" | "i686" | "armv5tel" | "armv5tejl" | "mips64" => pass(arch),
        // By the name of this build alone, which does not tell the byte order.
        "powerpc64" => return Err(Undetermined::new("powerpc64: big or little endian")),
        _ => fail(format!("nobody builds Docker for {arch}")),
    };
    Ok(outcome.seen("kernel.arch", arch))
}

pub fn wsl(facts: &Facts) -> Verdict {
    let release = facts.ground.kernel_release.need("kernel.osrelease")?;
    // WSL 1 writes "-Microsoft", WSL 2 "-microsoft-standard-WSL2".
    let lower = release.to_lowercase();
    let outcome = match () {
        () if !lower.contains("microsoft") && !lower.contains("wsl2") => {
            return Ok(skip("this is not WSL"));
        }
        () if release.contains("-Microsoft") => fail("WSL 1 has no Linux kernel"),
        () => pass("WSL 2"),
    };
    Ok(outcome.seen("kernel.osrelease", release))
}

pub fn container(facts: &Facts) -> Verdict {
    let host = facts.host.need("the host")?;
    let nested = !host.all_ids.ask("/proc/self/uid_map")?.unwrap_or(&true);
    let kind = host.container.first().map(|marker| marker.kind.as_str());
    let Some(kind) = kind.or(nested.then_some("a user namespace")) else {
        return Ok(pass("no container"));
    };
    let own = host.own.known();
    let mut ways = Vec::new();
    if own.is_some_and(|own| own.seccomp == Some(2)) {
        ways.push("a seccomp filter");
    }
    if nested {
        ways.push("a limited id map");
    }
    if facts
        .ground
        .mounts
        .known()
        .is_some_and(|m| !masks(m).is_empty())
    {
        ways.push("a masked /proc");
    }
    let outcome = match ways.as_slice() {
        [] => pass(format!("signs of {kind}, and nothing stands in the way")),
        _ => fail(format!("inside {kind}, with {}", ways.join(", "))),
    };
    let remedy = match kind {
        "docker" | "podman" => "docker",
        kind if kind.starts_with("lxc") => "lxc",
        _ => "other",
    };
    let seen = host.container.iter().map(|m| (&m.source, &m.kind));
    Ok(seen.fold(outcome.remedy(remedy), |o, (source, kind)| {
        o.seen(source, kind)
    }))
}

pub fn proc_visible(facts: &Facts) -> Verdict {
    let mounts = facts.ground.mounts.need("/proc/self/mountinfo")?;
    let masked = masks(mounts);
    let Some(first) = masked.first() else {
        return Ok(pass("a container gets a /proc of its own"));
    };
    let first = first.at.display();
    let markers = &facts.host.need("the host")?.container;
    let kind = markers.first().map_or("", |marker| marker.kind.as_str());
    // Only of these it is known that no whole procfs is left in the mount
    // namespace, out of sight: systemd-nspawn leaves one.
    if !["docker", "podman", "oci", "kubernetes"].contains(&kind) {
        let why = format!("{first} is masked, and nobody tried whether that matters");
        return Err(Undetermined::new(why));
    }
    let names: Vec<_> = masked.iter().map(|m| m.at.to_string_lossy()).collect();
    let summary = format!("{first} is masked, so no container gets a /proc");
    Ok(fail(summary).seen("/proc/self/mountinfo", names.join(" ")))
}

/// What hides parts of every procfs. The kernel mounts a new one in a user
/// namespace only where one is wholly visible (`mount_too_revealing`), be it
/// at another place, as LXC and systemd-nspawn arrange it.
fn masks(mounts: &[Mount]) -> Vec<&Mount> {
    let of = |at: &Path| mounts.iter().filter(|m| hides(at, m)).collect::<Vec<_>>();
    let whole = |m: &&Mount| m.kind == "proc" && m.at.ends_with("proc");
    let hidden: Vec<_> = mounts.iter().filter(whole).map(|m| of(&m.at)).collect();
    match hidden.iter().any(Vec::is_empty) {
        true => Vec::new(),
        false => hidden.into_iter().next().unwrap_or_default(),
    }
}

/// Whether a mount hides a part of the procfs at `at`. The directories that
/// the kernel made to be mounted on hide nothing.
fn hides(at: &Path, mount: &Mount) -> bool {
    mount.at.strip_prefix(at).is_ok_and(|below| {
        !["", "sys/fs/binfmt_misc", "fs/nfsd", "openprom"].contains(&below.to_str().unwrap_or("?"))
    })
}

pub fn hidepid(facts: &Facts) -> Verdict {
    let mounts = facts.ground.mounts.need("/proc/self/mountinfo")?;
    let proc = mounts.iter().rfind(|m| m.at == Path::new("/proc"));
    let Some(proc) = proc else {
        return Ok(skip("/proc is not mounted"));
    };
    let option = |name: &str| {
        let mut options = proc.options.iter();
        options.find_map(|o| o.strip_prefix(name)?.strip_prefix('='))
    };
    let hidden = option("hidepid").filter(|value| !["0", "off"].contains(value));
    let Some(hidden) = hidden else {
        return Ok(pass("/proc shows every process"));
    };
    let seen = format!("hidepid={hidden}");
    let cgroup = facts.cgroup.need("cgroups")?;
    if let Init::Other(_) = cgroup.init.need("/run/systemd/system")? {
        return Ok(skip("it matters with systemd only").seen("/proc", seen));
    }
    if *cgroup.hierarchy.need("cgroups")? != Hierarchy::Unified {
        return Ok(skip("it matters with cgroup v2 only").seen("/proc", seen));
    }
    let exempt = option("gid").and_then(|gid| gid.parse::<u32>().ok());
    let groups = facts.ground.subject.as_ref().map(|s| &s.groups);
    let may = exempt
        .zip(groups)
        .is_some_and(|(gid, groups)| groups.contains(&gid));
    Ok(match may {
        true => pass("/proc hides processes, but not from this user"),
        false => fail("/proc hides processes from this user's systemd"),
    }
    .seen("/proc", seen))
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::testing::TestHost;

    const ROOT: &str = "22 1 8:1 / / rw shared:1 - ext4 /dev/vda rw\n";
    const PROC: &str = "23 22 0:21 / /proc rw,nosuid - proc proc rw";
    const V2: &str = "31 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

    fn mounted(lines: &str) -> TestHost {
        TestHost::new().file("/proc/self/mountinfo", &format!("{ROOT}{V2}{lines}\n"))
    }

    #[test]
    fn linux_and_what_is_not() {
        let with = |name: &str| {
            TestHost::new()
                .file("/proc/sys/kernel/ostype", name)
                .check("host.linux")
        };
        assert_eq!(with("Linux\n").summary, "Linux 6.1.0-18-amd64");
        assert_eq!(with("FreeBSD\n").status, Status::Fail);
        let says = |version: &str| {
            let host = TestHost::new().file("/proc/sys/kernel/ostype", "Linux\n");
            host.file("/proc/version", version)
                .check("host.linux")
                .status
        };
        let freebsd = "Linux version 5.15.0 (des@freebsd.org) (gcc version 4) #4 Sun Dec 18\n";
        assert_eq!(says(freebsd), Status::Fail);
        assert_eq!(
            says("Linux version 4.3.0 BrandZ virtual linux\n"),
            Status::Fail
        );
        let debian = "Linux version 6.1.0 (debian-kernel@lists.debian.org) #1 SMP\n";
        assert_eq!(says(debian), Status::Pass);
        assert_eq!(TestHost::new().check("host.linux").status, Status::Unknown);
    }

    #[test]
    fn root_needs_an_ordinary_user() {
        let root = || TestHost::new().with(|b| (b.identity.uid, b.identity.euid) = (0, 0));
        let id = "host.not-root";
        let alone = root().check(id);
        assert_eq!(alone.status, Status::Fail);
        assert_eq!(
            alone.fix.unwrap().commands[0],
            "rootless-setup doctor --user NAME"
        );
        assert_eq!(
            root().env("SUDO_USER", "alice").check(id).status,
            Status::Pass
        );
        let named = root().with(|b| b.user = Some("root".into()));
        assert_eq!(named.check(id).status, Status::Fail);
        assert_eq!(
            TestHost::new().check(id).summary,
            "alice is an ordinary user"
        );
    }

    #[test]
    fn architectures() {
        let with = |name: &str| {
            TestHost::new()
                .file("/proc/sys/kernel/arch", name)
                .check("host.architecture")
                .status
        };
        assert_eq!(with("aarch64\n"), Status::Pass);
        assert_eq!(with("i686\n"), Status::Pass);
        assert_eq!(with("sparc64\n"), Status::Info);
        assert_eq!(with("powerpc64\n"), Status::Unknown);
    }

    #[test]
    fn wsl_1_is_not_wsl_2() {
        let with = |release: &str| {
            TestHost::new()
                .file("/proc/sys/kernel/osrelease", release)
                .check("host.wsl")
                .status
        };
        assert_eq!(with("4.4.0-19041-Microsoft\n"), Status::Fail);
        assert_eq!(with("5.15.90.1-microsoft-standard-WSL2\n"), Status::Pass);
        assert_eq!(with("6.1.0-18-amd64\n"), Status::Skip);
    }

    #[test]
    fn a_container_that_masks_and_one_that_does_not() {
        let id = "host.container";
        let docker = |lines| mounted(lines).file("/.dockerenv", "");
        let masked = format!("{PROC}\n40 23 0:5 /null /proc/kcore rw - tmpfs tmpfs rw");
        let found = docker(&masked).check(id);
        assert_eq!(found.status, Status::Info);
        assert_eq!(found.summary, "inside docker, with a masked /proc");
        assert_eq!(docker(PROC).check(id).status, Status::Pass);
        assert_eq!(mounted(PROC).check(id).summary, "no container");
        let nested = mounted(PROC).file("/proc/self/uid_map", "0 100000 65536\n");
        assert_eq!(nested.check(id).status, Status::Info);
        let wsl = mounted(PROC).file("/run/systemd/container", "wsl\n");
        assert_eq!(wsl.check(id).status, Status::Pass);
    }

    #[test]
    fn a_masked_proc_hides_all_unless_another_is_whole() {
        let id = "host.proc-visible";
        let misc = "40 23 0:5 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw";
        let kcore = "41 23 0:5 /null /proc/kcore rw - devtmpfs udev rw";
        let other = "42 22 0:30 / /dev/.lxc/proc rw - proc proc rw";
        let host = |lines: &[&str]| mounted(&lines.join("\n"));
        let with = |lines: &[&str]| host(lines).file("/.dockerenv", "").check(id).status;
        assert_eq!(with(&[PROC, misc]), Status::Pass);
        assert_eq!(with(&[PROC, kcore]), Status::Fail);
        assert_eq!(with(&[PROC, kcore, other]), Status::Pass);
        let pod = host(&[PROC, kcore]).env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
        assert_eq!(pod.check(id).status, Status::Fail);
        let nspawn = host(&[PROC, kcore]).file("/run/systemd/container", "systemd-nspawn\n");
        assert_eq!(nspawn.check(id).status, Status::Unknown);
    }

    #[test]
    fn hidepid_unless_the_group_is_exempt() {
        let with = |options: &str| {
            let proc = format!("23 22 0:21 / /proc rw - proc proc rw{options}");
            let host = mounted(&proc).file("/run/systemd/system/x", "");
            host.check("host.hidepid").status
        };
        assert_eq!(with(""), Status::Pass);
        assert_eq!(with(",hidepid=off"), Status::Pass);
        assert_eq!(with(",hidepid=2"), Status::Fail);
        assert_eq!(with(",gid=4,hidepid=invisible"), Status::Fail);
        assert_eq!(with(",gid=1000,hidepid=invisible"), Status::Pass);
        let v1 = format!(
            "{ROOT}23 22 0:21 / /proc rw - proc proc rw,hidepid=2\n\
            31 22 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
            32 31 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
        );
        let v1 = TestHost::new().file("/proc/self/mountinfo", &v1);
        assert_eq!(v1.check("host.hidepid").status, Status::Skip);
    }
}
