//! `setup.toml`, the block in a shell's start file, and certificates.

use std::path::Path;

use rootless_setup::plan::option::{file, written};
use rootless_setup::plan::{certificate, shell_block};

use super::select;

/// One of the three, by the first byte.
pub fn settings(data: &[u8]) {
    let (which, text) = select(data);
    match which % 3 {
        0 => options(&text),
        1 => shell(&text),
        _ => certificates(&text),
    }
}

fn options(text: &str) {
    match file::parse("/s", text) {
        Ok(options) => {
            let text = written::written(&options);
            let again = file::parse("/s", &text).expect("what was written reads back");
            assert_eq!(written::written(&again), text);
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            let lines = text.lines().count() + 1;
            assert!(mistakes.iter().all(|m| (1..=lines).contains(&m.line)));
        }
    }
}

/// The block goes in and out again, and every other byte stays.
fn shell(text: &str) {
    shell_block::host(text);
    let socket = Path::new("/run/user/1000/docker.sock");
    let block = shell_block::text("bash", socket, Path::new("/opt/bin")).expect("a block");
    let Ok(with) = shell_block::insert(text, &block) else {
        assert!(shell_block::remove(text).is_err());
        return;
    };
    assert!(with.len() <= text.len() + block.len() + 100);
    assert_eq!(
        shell_block::insert(&with, &block).ok().as_ref(),
        Some(&with)
    );
    let host = shell_block::host(&with);
    assert_eq!(host.as_deref(), Some("unix:///run/user/1000/docker.sock"));
    let without = shell_block::remove(&with).expect("a whole block");
    if shell_block::remove(text).expect("as before").is_none() {
        assert_eq!(without.as_deref(), Some(text), "in and out again");
    }
}

/// A certificate, and the same text as its key.
fn certificates(text: &str) {
    // 2026.
    let now = 1_790_000_000;
    let own = certificate::own(text, now);
    let authority = certificate::authority(text, now);
    if own.is_ok() {
        assert!(authority.is_ok() || text.matches("-----BEGIN CERTIFICATE").count() > 1);
    }
    let _ = certificate::key(text, text);
}
