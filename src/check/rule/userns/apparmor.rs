//! Ubuntu's restriction, and AppArmor's refusals in general, judged against
//! the executable that the unit will run: AppArmor attaches by path.

use super::probe;
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::area::lsm::{self, Attached, profile};
use crate::facts::refusal::Obstacle;

const SYSCTL: &str = "kernel.apparmor_restrict_unprivileged_userns";
const LABEL: &str = "/proc/self/attr/current";

pub fn apparmor(facts: &Facts) -> Verdict {
    let lsm = facts.lsm.need("AppArmor")?;
    let restricted = match lsm.restrict.ask(SYSCTL)? {
        None if !lsm.apparmor => return Ok(skip("AppArmor is not in use")),
        None | Some(0) => false,
        Some(_) => true,
    };
    let Some(rootlesskit) = &lsm.rootlesskit else {
        return Ok(skip("rootlesskit is not installed"));
    };
    if probe::works(facts) {
        return Ok(seen_switch(
            pass("AppArmor lets rootlesskit make its namespaces"),
            lsm,
        ));
    }
    // Under a profile, as in a container, that one decides: no other attaches.
    if let Some(label) = lsm.label.known().filter(|l| l.ends_with(" (enforce)")) {
        return Ok(skip("the profile of this session decides").seen(LABEL, label));
    }
    let unconfined = !restricted && rootlesskit.covering.is_empty();
    match probe::refusal(facts).map(|r| r.obstacle) {
        Some(Obstacle::Denied) if !unconfined => Ok(refused(facts, lsm, rootlesskit)),
        // On some hosts the refusal is EPERM, without a word of AppArmor.
        Some(Obstacle::NotPermitted | Obstacle::Inside)
            if restricted && !rootlesskit.covering.iter().any(|(_, p)| p.userns) =>
        {
            Ok(refused(facts, lsm, rootlesskit))
        }
        Some(_) => Ok(skip("rootlesskit fails for another reason")),
        None if unconfined => Ok(seen_switch(
            pass("AppArmor does not restrict user namespaces"),
            lsm,
        )),
        None => by_files(lsm, rootlesskit),
    }
}

/// Nobody asked rootlesskit itself: the files have to do.
fn by_files(lsm: &lsm::Facts, rootlesskit: &Attached) -> Verdict {
    let covering = &rootlesskit.covering;
    if let Some((file, profile)) = covering.iter().find(|(_, p)| p.userns) {
        let why = pass("a profile lets rootlesskit make its namespaces");
        let why = why.seen(file.to_string_lossy(), attachment(&profile.attachment));
        return Ok(seen_switch(why, lsm));
    }
    if let Some((file, _)) = covering.first() {
        let why = format!("{} may not have the rule userns", file.display());
        return Err(Undetermined::new(why));
    }
    match rootlesskit.doubts.first() {
        Some(doubt) => Err(Undetermined::new(doubt.clone())),
        None => Ok(seen_switch(no_profile(rootlesskit), lsm)),
    }
}

fn refused(facts: &Facts, lsm: &lsm::Facts, rootlesskit: &Attached) -> Outcome {
    let words = probe::refusal(facts).map(|r| r.words).unwrap_or_default();
    let mut why = match rootlesskit.covering.iter().find(|(_, p)| p.userns) {
        None => match rootlesskit.covering.first() {
            None => no_profile(rootlesskit),
            Some((file, _)) => fail("the profile for rootlesskit has no rule userns")
                .seen(file.to_string_lossy(), "no userns")
                .remedy("no-rule")
                .fill("file", file.to_string_lossy()),
        },
        Some((file, profile)) => fail("the profile for rootlesskit is not in force")
            .seen(file.to_string_lossy(), attachment(&profile.attachment))
            .remedy("reload")
            .fill("file", file.to_string_lossy()),
    };
    why = why.seen(format!("{} true", rootlesskit.path.display()), words);
    seen_switch(why, lsm)
}

fn no_profile(rootlesskit: &Attached) -> Outcome {
    let path = rootlesskit.path.to_string_lossy();
    let name = profile::file_name(&path);
    let mut why = fail(format!("AppArmor has no profile for {path}"));
    for (file, other) in &rootlesskit.elsewhere {
        why = why.seen(file.to_string_lossy(), format!("is for {other}"));
    }
    why.fill("first_line", profile::first_line(&path))
        .fill("local_line", format!("  include if exists <local/{name}>"))
        .fill("file", format!("/etc/apparmor.d/{name}"))
}

fn attachment(pattern: &Option<String>) -> String {
    format!("covers {}", pattern.as_deref().unwrap_or_default())
}

fn seen_switch(why: Outcome, lsm: &lsm::Facts) -> Outcome {
    match &lsm.restrict {
        Fact::Known(n) => why.seen(SYSCTL, n.to_string()),
        _ => why,
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe::tests::{ended, refused};
    use crate::check::engine::Status;
    use crate::host::Node;
    use crate::report::CheckResult;
    use crate::testing::TestHost;

    const PACKAGED: &str = "abi <abi/4.0>,\ninclude <tunables/global>\n\
        profile rootlesskit /usr/bin/rootlesskit flags=(unconfined) {\n  userns,\n}\n";
    const DENIED: &str = "failed to start the child: fork/exec /proc/self/exe: permission denied";

    fn ubuntu(restrict: &str) -> TestHost {
        TestHost::new()
            .file("/sys/module/apparmor/parameters/enabled", "Y\n")
            .file(
                "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
                restrict,
            )
            .file("/etc/apparmor.d/rootlesskit", PACKAGED)
    }

    /// RootlessKit in `~/bin`, first on the PATH.
    fn own_copy(host: TestHost) -> TestHost {
        host.env("PATH", "/home/alice/bin:/usr/bin:/bin")
            .exe("/home/alice/bin/rootlesskit", "755")
    }

    fn check(host: TestHost) -> CheckResult {
        host.check("userns.apparmor")
    }

    #[test]
    fn the_probe_decides() {
        assert_eq!(check(ended(ubuntu("1\n"), 0, "", "")).status, Status::Pass);
        assert_eq!(check(TestHost::new()).status, Status::Skip);
        assert_eq!(check(ubuntu("1\n")).status, Status::Skip);
        let ids = refused(
            ubuntu("1\n"),
            "failed to setup UID/GID map: newuidmap 1 [] failed: : exit status 1",
        );
        assert_eq!(check(ids).status, Status::Skip);
        let pod = refused(ubuntu("1\n"), DENIED);
        let pod = pod.file("/proc/self/attr/current", "docker-default (enforce)\n");
        assert_eq!(check(pod).status, Status::Skip);
    }

    #[test]
    fn a_copy_in_the_home_has_no_profile() {
        let result = check(own_copy(refused(ubuntu("1\n"), DENIED)));
        assert_eq!(result.status, Status::Fail);
        assert!(result.summary.contains("/home/alice/bin/rootlesskit"));
        assert_eq!(result.evidence[0].value, "is for /usr/bin/rootlesskit");
        let commands = result.fix.unwrap().commands;
        assert!(
            commands[0].contains("'\"/home/alice/bin/rootlesskit\" flags=(unconfined) {'"),
            "{commands:?}"
        );
        assert!(
            commands[0].ends_with("| sudo tee /etc/apparmor.d/home.alice.bin.rootlesskit"),
            "{commands:?}"
        );
    }

    #[test]
    fn a_profile_that_is_there_and_not_in_force() {
        let result = check(refused(ubuntu("1\n"), DENIED));
        assert_eq!(result.status, Status::Fail);
        assert!(
            result.fix.unwrap().commands[0]
                .contains("apparmor_parser -r /etc/apparmor.d/rootlesskit")
        );
        // Switched off by a link in disable/.
        let off = refused(ubuntu("1\n"), DENIED)
            .node("/etc/apparmor.d/disable/rootlesskit", Node::default());
        assert!(check(off).summary.contains("no profile"));
        // A profile without the rule, as on a Debian kernel that mediates userns.
        let bare = "profile rootlesskit /usr/bin/rootlesskit {\n  capability,\n}\n";
        let bare = refused(
            ubuntu("0\n").file("/etc/apparmor.d/rootlesskit", bare),
            DENIED,
        );
        assert!(check(bare).summary.contains("no rule userns"));
    }

    #[test]
    fn without_a_probe_the_files_decide() {
        let quiet = |host: TestHost| host.exe("/usr/bin/rootlesskit", "755");
        assert_eq!(check(quiet(ubuntu("1\n"))).status, Status::Pass);
        assert_eq!(check(quiet(ubuntu("0\n"))).status, Status::Pass);
        assert_eq!(check(own_copy(ubuntu("1\n"))).status, Status::Fail);
        let by_glob = own_copy(ubuntu("1\n")).file(
            "/etc/apparmor.d/own",
            "@{HOME}/bin/rootless* {\n userns,\n}\n",
        );
        assert_eq!(check(by_glob).status, Status::Pass);
        let doubt = own_copy(ubuntu("1\n")).file(
            "/etc/apparmor.d/own",
            "@{what}/rootlesskit {\n userns,\n}\n",
        );
        assert_eq!(check(doubt).status, Status::Unknown);
        let local = "/home/alice/bin/rootlesskit {\n include if exists <local/x>\n}\n";
        let host = own_copy(ubuntu("1\n")).file("/etc/apparmor.d/own", local);
        let with = host.file("/etc/apparmor.d/local/x", "userns,\n");
        assert_eq!(check(with).status, Status::Pass);
    }
}
