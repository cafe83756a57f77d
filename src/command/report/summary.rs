//! `report summary`: reads many reports at the same time, sums them up.

use std::path::{Path, PathBuf};

use super::output;
use crate::cli::SummaryFormat;
use crate::command::input;
use crate::error::Error;
use crate::exit::Exit;
use crate::report::fleet::{Fleet, Host, html, json, skim, text};
use crate::{thread, ui};

pub fn run(paths: &[PathBuf], format: SummaryFormat, to: &Path) -> Result<Exit, Error> {
    output::writable(to)?;
    let files = input::files(paths)?;
    let fleet = gather(&files);
    let page = match format {
        SummaryFormat::Text => text::render(&fleet),
        SummaryFormat::Json => json::render(&fleet),
        SummaryFormat::Html => html::render(&fleet),
    };
    output::write(to, &page, 0o600)?;
    for (name, why) in fleet.unread.iter().take(10) {
        ui::warn(&format!("{name} does not count: {why}"));
    }
    if fleet.unread.len() > 10 {
        ui::warn(&format!("and {} more", fleet.unread.len() - 10));
    }
    Ok(match fleet.hosts.is_empty() {
        true => Exit::Usage,
        false => Exit::Fine,
    })
}

/// Each thread takes its share, with a buffer of its own.
fn gather(files: &[PathBuf]) -> Fleet {
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(16);
    let share = files.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = files
            .chunks(share)
            .map(|files| thread::scoped(scope, move || read_all(files)))
            .collect();
        let mut fleet = Fleet::default();
        for part in parts {
            // A part that crashed is a bug that the panic's message tells of.
            fleet.join(part.join().unwrap_or_default());
        }
        fleet.settle();
        fleet
    })
}

fn read_all(files: &[PathBuf]) -> Fleet {
    let mut fleet = Fleet::default();
    let mut buffer = Vec::new();
    for path in files {
        let name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        match host(path, &mut buffer, &mut fleet) {
            Ok(host) => fleet.add(name, host),
            Err(why) => fleet.unread.push((name, why)),
        }
    }
    fleet
}

fn host(path: &Path, buffer: &mut Vec<u8>, fleet: &mut Fleet) -> Result<Host, String> {
    match input::bytes(path, buffer) {
        Err(error) => Err(error.to_string()),
        Ok(false) => Err(format!("it is larger than {} MiB", input::MOST >> 20)),
        Ok(true) => skim(buffer, fleet),
    }
}
