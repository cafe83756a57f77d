//! Rules of the area `lsm`: AppArmor beyond user namespaces, and SELinux.

use super::Rule;
use super::userns::works;
use crate::check::{Undetermined, Verdict, fail, pass, skip};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::version::Version;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[
    ("lsm.apparmor-profile", apparmor_profile),
    ("lsm.apparmor-loaded", apparmor_loaded),
    ("lsm.apparmor-session", apparmor_session),
    ("lsm.selinux-session", selinux_session),
    ("lsm.selinux", selinux),
    ("lsm.xtables-lock", xtables_lock),
    ("lsm.overlay", overlay),
];

const ENFORCE: &str = "/sys/fs/selinux/enforce";

/// A rootlesskit that no profile covers is a trap where the restriction is
/// off today and on after the next upgrade or reboot.
fn apparmor_profile(facts: &Facts) -> Verdict {
    let lsm = facts.lsm.need("AppArmor")?;
    let Some(restrict) = lsm
        .restrict
        .ask("kernel.apparmor_restrict_unprivileged_userns")?
    else {
        return Ok(skip(
            "this kernel does not restrict user namespaces by profile",
        ));
    };
    let Some(rootlesskit) = &lsm.rootlesskit else {
        return Ok(skip("rootlesskit is not installed, or AppArmor is off"));
    };
    let path = rootlesskit.path.to_string_lossy();
    if let Some((file, _)) = rootlesskit.covering.iter().find(|(_, p)| p.userns) {
        let why = pass("a profile lets rootlesskit make user namespaces");
        return Ok(why.seen(file.to_string_lossy(), format!("covers {path}")));
    }
    if let Some(doubt) = rootlesskit.doubts.first() {
        return Err(Undetermined::new(doubt.clone()));
    }
    if *restrict != 0 {
        return Ok(skip(
            "userns.apparmor judges it where the restriction is in force",
        ));
    }
    Ok(fail(format!("no AppArmor profile covers {path}")).seen(
        "kernel.apparmor_restrict_unprivileged_userns",
        "0, switched off for the whole host",
    ))
}

fn apparmor_loaded(facts: &Facts) -> Verdict {
    let lsm = facts.lsm.need("AppArmor")?;
    let covering = lsm.rootlesskit.as_ref().map_or(&[][..], |r| &r.covering);
    let Some((file, profile)) = covering.first() else {
        return Ok(skip("no AppArmor profile is for rootlesskit"));
    };
    let name = &profile.name;
    let source = "/sys/kernel/security/apparmor/profiles";
    match &lsm.loaded {
        Fact::Known(loaded) if loaded.iter().any(|l| l == name) => {
            Ok(pass("the profile for rootlesskit is loaded").seen(source, name))
        }
        Fact::Known(_) => Ok(fail("the profile for rootlesskit is not loaded")
            .seen(source, format!("no {name}"))
            .fill("file", file.to_string_lossy())),
        _ if works(facts) => Ok(skip(
            "only root may list the loaded profiles; rootlesskit works",
        )),
        _ => Ok(skip("only root may list the loaded profiles")),
    }
}

fn apparmor_session(facts: &Facts) -> Verdict {
    let lsm = facts.lsm.need("AppArmor")?;
    let source = "/proc/self/attr/current";
    if !lsm.apparmor {
        return Ok(skip("AppArmor is not in use"));
    }
    let label = lsm.label.need(source)?;
    Ok(match label.rsplit_once(" (") {
        Some((_, "enforce)")) if !works(facts) => {
            fail(format!("this session is confined by {label}")).seen(source, label)
        }
        _ => pass("this session is not held back by AppArmor").seen(source, label),
    })
}

fn selinux_session(facts: &Facts) -> Verdict {
    let lsm = facts.lsm.need("SELinux")?;
    if lsm.selinux.ask(ENFORCE)? != Some(&true) {
        return Ok(skip("SELinux does not enforce here"));
    }
    let source = "/proc/self/attr/current";
    let label = lsm.label.need(source)?;
    let user = label.split(':').next().unwrap_or_default();
    Ok(match user {
        "staff_u" | "user_u" | "guest_u" | "xguest_u" | "sysadm_u" => {
            fail(format!("the login is confined as SELinux user {user}"))
                .seen(source, label)
                .fill(
                    "user",
                    facts.ground.subject.as_ref().map_or("", |s| &s.name),
                )
        }
        _ => pass("the login is not confined by SELinux").seen(source, label),
    })
}

/// Since 29.5 the network namespace is detached by default.
const DETACHES: Version = Version::new(29, 5, 0);

fn selinux(facts: &Facts) -> Verdict {
    let lsm = facts.lsm.need("SELinux")?;
    match lsm.selinux.ask(ENFORCE)? {
        None => return Ok(skip("SELinux is not in use")),
        Some(false) => return Ok(pass("SELinux is permissive").seen(ENFORCE, "0")),
        Some(true) => {}
    }
    let enforcing = pass("SELinux enforces, which this engine can live with").seen(ENFORCE, "1");
    let Some(dockerd) = facts.programs.dockerd.ask("dockerd --version")? else {
        return Ok(skip("the engine is not installed"));
    };
    let Some(version) = &dockerd.version else {
        return Err(Undetermined::new(format!(
            "no version in: {}",
            dockerd.line
        )));
    };
    let unit = facts.ground.unit.environment(facts.ground.home_path());
    let detach = unit.get("DOCKERD_ROOTLESS_ROOTLESSKIT_DETACH_NETNS");
    if *version < DETACHES || detach.is_some_and(|d| d == "false") {
        return Ok(enforcing.seen("dockerd --version", version.to_string()));
    }
    Ok(
        fail("SELinux enforces, and may refuse the detached network namespace")
            .seen(ENFORCE, "1")
            .seen("dockerd --version", version.to_string()),
    )
}

fn xtables_lock(facts: &Facts) -> Verdict {
    let lsm = facts.lsm.need("SELinux")?;
    if lsm.selinux.ask(ENFORCE)? != Some(&true) {
        return Ok(skip("SELinux does not enforce here"));
    }
    let Some(relabels) = lsm.relabels_run.ask("dockerd-rootless.sh")? else {
        return Ok(skip("dockerd-rootless.sh is not installed"));
    };
    if *relabels {
        return Ok(pass("dockerd-rootless.sh relabels /run for iptables"));
    }
    let Some(iptables) = facts.ground.tools.first("iptables") else {
        return Ok(skip("iptables is not installed"));
    };
    let real = iptables.real.to_string_lossy();
    // Only the legacy variant takes the lock.
    if real.contains("nft") {
        return Ok(pass("this iptables takes no lock").seen(iptables.path.to_string_lossy(), real));
    }
    Ok(fail("iptables may not take its lock in /run under SELinux")
        .seen(ENFORCE, "1")
        .seen("dockerd-rootless.sh", "no iptables_var_run_t")
        .seen(iptables.path.to_string_lossy(), real))
}

/// From here on a fresh engine keeps images in containerd.
const SNAPSHOTTERS: Version = Version::new(29, 0, 0);

fn overlay(facts: &Facts) -> Verdict {
    let lsm = facts.lsm.need("SELinux")?;
    if lsm.selinux.ask(ENFORCE)?.is_none() {
        return Ok(skip("SELinux is not in use"));
    }
    if let Some(hit) = facts.ground.tools.first("fuse-overlayfs") {
        let why = pass("fuse-overlayfs is there, as SELinux keeps overlay2 away");
        return Ok(why.seen("fuse-overlayfs", hit.path.to_string_lossy()));
    }
    let Some(dockerd) = facts.programs.dockerd.ask("dockerd --version")? else {
        return Ok(skip("the engine is not installed"));
    };
    match &dockerd.version {
        None => Err(Undetermined::new(format!(
            "no version in: {}",
            dockerd.line
        ))),
        Some(v) if *v >= SNAPSHOTTERS => Ok(skip("this engine keeps its images in containerd")),
        Some(v) => Ok(
            fail("SELinux keeps overlay2 away and fuse-overlayfs is missing")
                .seen("dockerd --version", v.to_string())
                .seen("fuse-overlayfs", "not on the unit's PATH"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::host::{Node, Output};
    use crate::report::CheckResult;
    use crate::testing::TestHost;

    fn enforcing(version: &str) -> TestHost {
        TestHost::new()
            .file("/sys/fs/selinux/enforce", "1")
            .exe("/usr/bin/dockerd", "755")
            .prints(
                "dockerd --version",
                &format!("Docker version {version}, build x\n"),
            )
    }

    fn status(host: TestHost, id: &str) -> Status {
        host.check(id).status
    }

    #[test]
    fn selinux_matters_from_29_5_on() {
        let id = "lsm.selinux";
        assert_eq!(status(TestHost::new(), id), Status::Skip);
        assert_eq!(
            status(TestHost::new().file("/sys/fs/selinux/enforce", "0"), id),
            Status::Pass
        );
        assert_eq!(
            status(TestHost::new().file("/sys/fs/selinux/enforce", "?"), id),
            Status::Unknown
        );
        assert_eq!(status(enforcing("28.5.1"), id), Status::Pass);
        assert_eq!(status(enforcing("29.5.0"), id), Status::Info);
        let unit = "[Service]\nEnvironment=DOCKERD_ROOTLESS_ROOTLESSKIT_DETACH_NETNS=false\n";
        let pinned =
            enforcing("29.5.0").file("/home/alice/.config/systemd/user/docker.service", unit);
        assert_eq!(status(pinned, id), Status::Pass);
    }

    #[test]
    fn the_lock_is_a_matter_of_the_script_and_of_the_variant() {
        let id = "lsm.xtables-lock";
        let script = |text: &str| {
            enforcing("20.10.5").exe("/usr/sbin/iptables", "755").node(
                "/usr/bin/dockerd-rootless.sh",
                Node {
                    text: Some(text.into()),
                    mode: Some("755".into()),
                    ..Node::default()
                },
            )
        };
        assert_eq!(status(enforcing("20.10.5"), id), Status::Skip);
        assert_eq!(status(script("exec dockerd"), id), Status::Fail);
        assert_eq!(
            status(script("chcon x:iptables_var_run_t:s0 /run"), id),
            Status::Pass
        );
        let nft = script("exec dockerd").node(
            "/usr/sbin/iptables",
            Node {
                real: Some("/usr/sbin/xtables-nft-multi".into()),
                mode: Some("755".into()),
                ..Node::default()
            },
        );
        assert_eq!(status(nft, id), Status::Pass);
    }

    #[test]
    fn overlay2_needs_a_stand_in() {
        let id = "lsm.overlay";
        assert_eq!(status(TestHost::new(), id), Status::Skip);
        assert_eq!(status(enforcing("28.0.0"), id), Status::Warn);
        assert_eq!(
            status(
                enforcing("28.0.0").exe("/usr/bin/fuse-overlayfs", "755"),
                id
            ),
            Status::Pass
        );
        assert_eq!(status(enforcing("29.0.0"), id), Status::Skip);
    }

    #[test]
    fn a_confined_login() {
        let id = "lsm.selinux-session";
        let label = |l: &str| enforcing("28.0.0").file("/proc/self/attr/current", l);
        assert_eq!(
            status(label("unconfined_u:unconfined_r:unconfined_t:s0\0"), id),
            Status::Pass
        );
        assert_eq!(
            status(label("staff_u:staff_r:staff_t:s0\0"), id),
            Status::Warn
        );
        assert_eq!(status(TestHost::new(), id), Status::Skip);
    }

    const PROFILE: &str =
        "profile rootlesskit /usr/bin/rootlesskit flags=(unconfined) {\n userns,\n}\n";

    fn apparmor(restrict: &str) -> TestHost {
        TestHost::new()
            .exe("/usr/bin/rootlesskit", "755")
            .file("/sys/module/apparmor/parameters/enabled", "Y\n")
            .file(
                "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
                restrict,
            )
    }

    #[test]
    fn a_profile_is_missed_where_the_whole_host_is_open() {
        let id = "lsm.apparmor-profile";
        let covered = apparmor("0\n").file("/etc/apparmor.d/rootlesskit", PROFILE);
        assert_eq!(status(covered, id), Status::Pass);
        assert_eq!(status(apparmor("0\n"), id), Status::Info);
        assert_eq!(status(apparmor("1\n"), id), Status::Skip);
        assert_eq!(status(TestHost::new(), id), Status::Skip);
    }

    #[test]
    fn root_sees_whether_it_is_loaded() {
        let id = "lsm.apparmor-loaded";
        let list = "/sys/kernel/security/apparmor/profiles";
        let host = || apparmor("1\n").file("/etc/apparmor.d/rootlesskit", PROFILE);
        let loaded = |text: &str| host().file(list, text).check(id);
        assert_eq!(loaded("rootlesskit (unconfined)\n").status, Status::Pass);
        let missing: CheckResult = loaded("a b (enforce)\n");
        assert_eq!(missing.status, Status::Warn);
        assert!(missing.fix.unwrap().commands[0].ends_with("-r /etc/apparmor.d/rootlesskit"));
        assert_eq!(status(host(), id), Status::Skip);
        assert_eq!(status(apparmor("1\n"), id), Status::Skip);
    }

    #[test]
    fn a_container_s_profile_holds_the_session_back() {
        let id = "lsm.apparmor-session";
        let label = |l: &str| apparmor("0\n").file("/proc/self/attr/current", l);
        assert_eq!(status(label("unconfined\n"), id), Status::Pass);
        assert_eq!(
            status(label("docker-default (enforce)\n"), id),
            Status::Info
        );
        assert_eq!(status(TestHost::new(), id), Status::Skip);
        let works = label("docker-default (enforce)\n")
            .prints("rootlesskit probe", "")
            .with(|b| {
                assert_eq!(
                    b.programs["rootlesskit probe"]
                        .output
                        .as_ref()
                        .map(|o: &Output| o.exit),
                    Some(Some(0))
                )
            });
        assert_eq!(status(works, id), Status::Pass);
    }
}
