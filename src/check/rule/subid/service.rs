//! Where the ranges come from: the files, or the name service that
//! nsswitch.conf names instead.

use super::super::userns::works;
use crate::check::{Undetermined, Verdict, fail, pass, skip};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::area::subid::{self, Side};
use crate::host::Output;

const SOURCE: &str = "/etc/nsswitch.conf";

/// What a name service says of a user's ranges.
pub enum Answer {
    /// These many ids in all.
    Ids(u64),
    /// None.
    Nothing,
    /// The service is not to be had, and shadow reads the files.
    Files,
}

/// The name service's answer for one side; none if the files decide anyway.
///
/// # Errors
/// [`Undetermined`] if nobody can tell.
pub fn answer(
    facts: &Facts,
    subid: &subid::Facts,
    side: &Side,
) -> Result<Option<Answer>, Undetermined> {
    if subid.service.ask(SOURCE)?.is_none() {
        return Ok(None);
    }
    let output = match side.path {
        "/etc/subgid" => &facts.programs.getsubgids,
        _ => &facts.programs.getsubuids,
    };
    match output.ask("getsubids")? {
        Some(output) => Ok(Some(read(output))),
        None => Err(Undetermined {
            why: "depends on subid.getsubids".to_owned(),
            off: true,
        }),
    }
}

fn read(output: &Output) -> Answer {
    // `0: alice 100000 65536`; a name may hold spaces.
    let count = |line: &str| line.rsplit(' ').next()?.trim().parse::<u32>().ok();
    let ids = output.stdout.lines().filter_map(count).map(u64::from).sum();
    match ids {
        _ if output.stderr.contains("Using files") => Answer::Files,
        0 => Answer::Nothing,
        ids => Answer::Ids(ids),
    }
}

pub fn nsswitch(facts: &Facts) -> Verdict {
    let subid = facts.subid.need("subordinate ids")?;
    let Some(service) = subid.service.ask(SOURCE)? else {
        return Ok(pass("/etc/subuid and /etc/subgid decide"));
    };
    let seen = format!("subid: {service}");
    if facts.programs.getsubuids.is_absent() {
        return Ok(skip("getsubids is not installed, see subid.getsubids"));
    }
    let lines = |side: &Side| side.file.known().is_some_and(|f| !f.own.is_empty());
    let own = lines(&subid.uid) || lines(&subid.gid);
    Ok(match answer(facts, subid, &subid.uid)? {
        Some(Answer::Files) => fail(format!(
            "libsubid_{service}.so is missing, and the files are read instead"
        ))
        .seen(SOURCE, seen)
        .remedy("no-library"),
        Some(_) if own => fail(format!(
            "{service} owns the ranges; the lines in the files are not read"
        ))
        .seen(SOURCE, seen),
        _ => pass(format!("{service} owns the ranges")).seen(SOURCE, seen),
    })
}

pub fn getsubids(facts: &Facts) -> Verdict {
    let subid = facts.subid.need("subordinate ids")?;
    let Some(service) = subid.service.ask(SOURCE)? else {
        return Ok(skip("the files decide, and need no getsubids"));
    };
    let found = facts.ground.tools.fact("getsubids");
    if let Some(hit) = found.ask("getsubids")? {
        let path = hit.path.to_string_lossy();
        return Ok(pass("getsubids can ask the name service").seen("getsubids", path));
    }
    if works(facts) {
        return Ok(pass(
            "getsubids is missing, and rootlesskit finds the ranges without it",
        ));
    }
    Ok(fail(format!(
        "only getsubids can ask {service}, and it is missing"
    ))
    .seen(SOURCE, format!("subid: {service}"))
    .seen("getsubids", "not on the unit's PATH"))
}

/// The files decide: nsswitch names nothing else, or what it names is missing.
pub fn files_decide(
    facts: &Facts,
    subid: &subid::Facts,
    side: &Side,
) -> Result<bool, Undetermined> {
    let by_files = |answer| matches!(answer, None | Some(Answer::Files));
    match &subid.service {
        Fact::Absent => Ok(true),
        _ => answer(facts, subid, side).map(by_files),
    }
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::testing::TestHost;

    fn sss() -> TestHost {
        TestHost::new().file("/etc/nsswitch.conf", "passwd: files sss\nsubid:\tsss\n")
    }

    fn asked(uids: &str, gids: &str) -> TestHost {
        sss()
            .exe("/usr/bin/getsubids", "755")
            .prints("getsubids", uids)
            .prints("getsubids -g", gids)
    }

    const RANGE: &str = "0: alice 2147483648 65536\n";

    #[test]
    fn the_service_s_answer_counts_and_the_file_does_not() {
        let host = || asked(RANGE, RANGE);
        assert_eq!(host().check("subid.subuid-range").status, Status::Pass);
        assert_eq!(host().check("subid.nsswitch").status, Status::Pass);
        let lines = asked(RANGE, "").file("/etc/subuid", "alice:100000:65536\n");
        assert_eq!(lines.check("subid.nsswitch").status, Status::Info);
        let none = asked("", "").file("/etc/subuid", "alice:100000:65536\n");
        let range = none.check("subid.subuid-range");
        assert_eq!(range.status, Status::Fail);
        assert!(range.fix.unwrap().commands.is_empty());
    }

    #[test]
    fn a_service_that_cannot_be_asked() {
        assert_eq!(sss().check("subid.getsubids").status, Status::Fail);
        assert_eq!(sss().check("subid.subuid-range").status, Status::Skip);
        assert_eq!(
            asked(RANGE, RANGE).check("subid.getsubids").status,
            Status::Pass
        );
        assert_eq!(
            TestHost::new().check("subid.getsubids").status,
            Status::Skip
        );
        let files = TestHost::new().file("/etc/nsswitch.conf", "subid: files sss\n");
        assert_eq!(files.check("subid.nsswitch").status, Status::Pass);
    }

    #[test]
    fn a_library_that_is_missing_leaves_the_files() {
        let host = || {
            asked(RANGE, RANGE)
                .file("/etc/subuid", "alice:100000:65536\n")
                .with(|b| {
                    let output = b
                        .programs
                        .get_mut("getsubids")
                        .unwrap()
                        .output
                        .as_mut()
                        .unwrap();
                    output.stderr = "Error opening libsubid_sss.so: x\nUsing files\n".into();
                })
        };
        assert_eq!(host().check("subid.nsswitch").status, Status::Info);
        assert_eq!(host().check("subid.subuid-range").status, Status::Pass);
    }
}
