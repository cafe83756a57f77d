//! `doctor`: collect the facts, judge them, show the report.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::examine::{self, examine};
use super::input;
use crate::cli::{Doctor, Format};
use crate::error::Error;
use crate::exit::Exit;
use crate::facts::subject;
use crate::host::{Bundle, Host, Recorded, Recorder};
use crate::report::{Report, json, text};
use crate::ui::{self, Look};

/// The largest recorded host that is read, in bytes.
const MOST_BUNDLE: u64 = 32 << 20;

/// Examines a host and prints the report.
///
/// # Errors
/// When the user or the file asked for cannot be examined.
pub fn run(args: &Doctor, look: &Look) -> Result<Exit, Error> {
    let report = match &args.replay {
        Some(path) => replay(args, path)?,
        None => ui::with_progress("Examining this host ...", || live(args))?,
    };
    let page = match args.format {
        Format::Text => text::render(&report, look, args.verbose),
        Format::Json => json::render(&report),
    };
    ui::print(&page)?;
    Ok(report.exit(args.strict))
}

fn live(args: &Doctor) -> Result<Report, Error> {
    let deadline = Duration::from_secs(args.timeout);
    let (live, subject) = examine::live(args.user.as_deref(), !args.no_probe, deadline)?;
    let Some(path) = &args.capture else {
        return examine(&live, subject, "live", deadline);
    };
    // Found out before the work is done, not after it.
    let mut file = create(path)?;
    let recorder = Arc::new(Recorder::new(live, args.user.clone()));
    // Asked again, so that the recording holds what it takes to find the user.
    let subject = subject::find(&*recorder, args.user.as_deref())?;
    let report = examine(
        &(recorder.clone() as Arc<dyn Host>),
        subject,
        "live",
        deadline,
    )?;
    let failed = |why: String| Error::Write {
        path: path.display().to_string(),
        why,
    };
    let bundle = recorder
        .bundle()
        .to_toml()
        .map_err(|e| failed(e.to_string()))?;
    file.write_all(bundle.as_bytes())
        .map_err(|e| failed(e.to_string()))?;
    Ok(report)
}

/// A new file that only its owner can read: a recording names users and paths.
fn create(path: &Path) -> Result<std::fs::File, Error> {
    let options = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    options.map_err(|e| Error::Write {
        path: path.display().to_string(),
        why: e.to_string(),
    })
}

fn replay(args: &Doctor, path: &Path) -> Result<Report, Error> {
    recorded(
        path,
        args.user.as_deref(),
        Duration::from_secs(args.timeout),
    )
}

/// Examines a recorded host, for `user` if one is named.
///
/// # Errors
/// When the file is none, or the user is not in it.
pub fn recorded(path: &Path, user: Option<&str>, deadline: Duration) -> Result<Report, Error> {
    let name = match path.display().to_string() {
        // The source of a report on this host.
        name if name == "live" => "./live".to_owned(),
        name => name,
    };
    let bundle = bundle(path)?;
    let wanted = user.map(str::to_owned).or_else(|| bundle.user.clone());
    let host: Arc<dyn Host> = Arc::new(Recorded::new(bundle));
    let subject = subject::find(&*host, wanted.as_deref())?;
    examine(&host, subject, &name, deadline)
}

/// Reads a recorded host.
///
/// # Errors
/// When the file is none.
pub fn bundle(path: &Path) -> Result<Bundle, Error> {
    let name = path.display().to_string();
    let text = read(path).map_err(|why| Error::Read {
        path: name.clone(),
        why,
    })?;
    Bundle::parse(&text).map_err(|error| Error::Bundle { path: name, error })
}

fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = input::open(path).and_then(|file| input::fill(file, MOST_BUNDLE, &mut bytes));
    match read.map_err(|e| e.to_string())? {
        true => String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned()),
        false => Err(format!("it is larger than {} MiB", MOST_BUNDLE >> 20)),
    }
}
