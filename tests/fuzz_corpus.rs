//! Replays the corpora of the fuzz targets (`fuzz/corpus/`) through the bodies
//! of the targets, without a fuzzer: what was found once stays fixed. Each input
//! has a limit of time and of memory.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs
)]

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One input takes no longer, even without optimization on a slow machine.
const LONGEST: Duration = Duration::from_secs(5);

/// All corpora together raise the peak of this process by no more, most of it for
/// the catalogues.
const MOST_KIB: u64 = 64 << 10;

fn inputs(target: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let files = std::fs::read_dir(dir.join(target)).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// `VmHWM` of this process.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

#[test]
fn every_corpus_is_replayed() {
    let before = peak_kib();
    for (target, body) in targets::ALL {
        let inputs = inputs(target);
        assert!(!inputs.is_empty(), "{target} has no corpus");
        let started = Instant::now();
        for input in &inputs {
            let data = std::fs::read(input).unwrap();
            // A failed assertion does not name the input.
            let name = input.display().to_string();
            let one = Instant::now();
            let done = std::panic::catch_unwind(|| body(&data));
            assert!(done.is_ok(), "{name} fails");
            assert!(one.elapsed() < LONGEST, "{name} took {:?}", one.elapsed());
        }
        eprintln!(
            "{target}: {} inputs in {:?}",
            inputs.len(),
            started.elapsed()
        );
    }
    let grown = peak_kib().saturating_sub(before);
    eprintln!("peak memory grew by {grown} KiB");
    assert!(grown < MOST_KIB, "the corpora took {grown} KiB of memory");
}

#[test]
fn the_corpora_stay_small() {
    for (target, _) in targets::ALL {
        let inputs = inputs(target);
        let sizes = inputs.iter().map(|file| file.metadata().unwrap().len());
        let size: u64 = sizes.sum();
        assert!(inputs.len() <= 250, "{target} has {} inputs", inputs.len());
        assert!(size <= 400 << 10, "{target} has {size} bytes");
    }
}

/// Each target has a program for the fuzzer, and each program a target.
#[test]
fn every_target_has_a_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let programs = std::fs::read_dir(root.join("fuzz_targets"))
        .unwrap()
        .count();
    assert_eq!(programs, targets::ALL.len());
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for (target, _) in targets::ALL {
        let program = root.join(format!("fuzz_targets/{target}.rs"));
        let text = std::fs::read_to_string(program).unwrap();
        assert!(
            text.contains(&format!("targets::{target}(data)")),
            "{target}"
        );
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "{target}"
        );
    }
}
