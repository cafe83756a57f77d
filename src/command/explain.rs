//! `explain`: a log, and what stands behind it; or one check, or one known
//! issue, in full.

mod limited;
pub mod page;

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use super::doctor::recorded;
use super::examine::{self, examine};
use super::input;
use crate::cli::{Explain, Format};
use crate::error::Error;
use crate::exit::Exit;
use crate::host::unit_log::{Extent, UnitLog};
use crate::known::catalogue::KnownIssues;
use crate::known::{Explanation, NotText, Results, SCHEMA_VERSION, Scanned, Source};
use crate::known::{asks_the_host, rank, scan};
use crate::plan::step::UNIT;
use crate::report::{Report, causes, json};
use crate::ui::{self, Look};
use limited::{Limited, MOST};

/// How long the examination of this host may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// So many of the journal's last lines, where no time is named.
const LAST: u32 = 5000;

/// Explains what was named.
///
/// # Errors
/// When it is neither an id nor a text that can be read.
pub fn run(args: &Explain, look: &Look) -> Result<Exit, Error> {
    let Some(what) = &args.what else {
        let log = journal(args.since.as_deref(), args.timeout)?;
        return explain(args, look, log);
    };
    if let Some(page) = what
        .to_str()
        .map(|id| page::of(id, look))
        .transpose()?
        .flatten()
    {
        ui::print(&page)?;
        return Ok(Exit::Fine);
    }
    let log = match what.as_os_str() == "-" {
        true => read("-", std::io::stdin(), args.timeout)?,
        false => file(what, args.timeout)?,
    };
    explain(args, look, log)
}

/// A log that was gone through.
struct Log {
    scanned: Scanned,
    source: Source,
}

fn known() -> Result<&'static KnownIssues, Error> {
    KnownIssues::built_in().map_err(|e| Error::Bug(e.to_string()))
}

/// Ranks what was met, and shows it.
fn explain(args: &Explain, look: &Look, log: Log) -> Result<Exit, Error> {
    let known = known()?;
    let sightings = &log.scanned.sightings;
    let report = match (args.no_host, asks_the_host(known, sightings)) {
        (false, true) => Some(host(args)?),
        _ => None,
    };
    let results = report.as_ref().map(Results::from);
    let explanation = Explanation {
        schema_version: SCHEMA_VERSION,
        source: log.source,
        host: report.as_ref().map(|report| report.host.source.clone()),
        causes: rank(known, sightings, results.as_ref()),
    };
    ui::print(&match args.format {
        Format::Text => causes::text(&explanation, look),
        Format::Json => json::render(&explanation),
    })?;
    Ok(match explanation.causes.is_empty() {
        true => Exit::Undetermined,
        false => Exit::Fine,
    })
}

/// The host whose checks decide: examined only if it matters.
fn host(args: &Explain) -> Result<Report, Error> {
    if let Some(path) = &args.replay {
        return recorded(path, None, DEADLINE);
    }
    ui::with_progress("Examining this host ...", || {
        let (live, subject) = examine::live(None, true, DEADLINE)?;
        examine(&live, subject, "live", DEADLINE)
    })
}

fn read(name: &str, from: impl Read + Send, timeout: u64) -> Result<Log, Error> {
    let mut limited = Limited::new(from, timeout);
    let scanned = scan(known()?, &mut limited).map_err(|e| refused(name, &e))?;
    let source = Source {
        name: name.to_owned(),
        bytes: scanned.bytes,
        lines: scanned.lines,
        trouble: limited.cut(),
    };
    Ok(Log { scanned, source })
}

fn refused(name: &str, why: &NotText) -> Error {
    let quoted = shlex::try_quote(name).unwrap_or_default();
    let by = match why {
        NotText::Compressed(by) => format!("{by} {quoted} | rootless-setup explain -"),
        NotText::Journal => format!("journalctl --file {quoted} | rootless-setup explain -"),
        NotText::Unreadable(_) | NotText::Binary => String::new(),
    };
    match why {
        NotText::Unreadable(e) => unreadable(name, e),
        why => Error::NotText {
            path: name.to_owned(),
            why: why.to_string(),
            by,
        },
    }
}

fn unreadable(name: &str, why: &std::io::Error) -> Error {
    Error::Read {
        path: name.to_owned(),
        why: why.to_string(),
    }
}

fn file(path: &Path, timeout: u64) -> Result<Log, Error> {
    let name = path.display().to_string();
    let failed = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound if !name.contains('/') => page::unknown(&name),
        _ => unreadable(&name, &e),
    };
    let mut file = input::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let skipped = size.saturating_sub(MOST);
    if skipped == 0 {
        return read(&name, file, timeout);
    }
    // The newest lines are at the end.
    file.seek(SeekFrom::Start(skipped)).map_err(failed)?;
    let mut log = read(&name, file, timeout)?;
    let last = format!(
        "only the last {} of {} MiB were read, and lines are counted from there",
        MOST >> 20,
        size >> 20
    );
    let both = log.source.trouble.map(|why| format!("{last}; {why}"));
    log.source.trouble = Some(both.unwrap_or(last));
    Ok(log)
}

/// The journal of this user's unit.
fn journal(since: Option<&str>, timeout: u64) -> Result<Log, Error> {
    if rustix::process::geteuid().is_root() {
        return Err(Error::Root("explain --journal"));
    }
    let extent = since.map_or(Extent::Last(LAST), Extent::Since);
    let failed = |e: std::io::Error| unreadable("the journal", &e);
    let mut stream = UnitLog::open(UNIT, extent).map_err(failed)?;
    let mut log = read("the journal", &mut stream, timeout)?;
    // It says so itself: `-- No entries --`.
    let nothing = log.scanned.lines <= 1;
    let trouble = stream.close(nothing);
    log.source.trouble = log.source.trouble.or(trouble);
    Ok(log)
}
