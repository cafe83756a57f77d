//! Every recorded host under `tests/hosts/` is replayed and compared with its
//! snapshots: the page a user sees, and the status of every check.
//!
//! `INSTA_UPDATE=always cargo test --test hosts` accepts what changed.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn replay(bundle: &Path, args: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_rootless-setup"))
        .args(["doctor", "--replay"])
        .arg(bundle)
        .args(args)
        .env_clear()
        .env("LANG", "C.UTF-8")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.is_empty(), "{}: {stderr}", bundle.display());
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.code(),
    )
}

fn bundles() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts");
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    found.sort();
    found
}

/// `status id summary`, a line a check: what changes when a rule does.
fn statuses(json: &str) -> String {
    let report: serde_json::Value = serde_json::from_str(json).unwrap();
    let line = |check: &serde_json::Value| {
        let text = |key: &str| check[key].as_str().unwrap().to_owned();
        format!(
            "{:<7} {:<40} {}\n",
            text("status"),
            text("id"),
            text("summary")
        )
    };
    report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(line)
        .collect()
}

#[test]
fn every_recorded_host_equals_its_snapshots() {
    let bundles = bundles();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("hosts");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for bundle in &bundles {
            let name = bundle.file_stem().unwrap().to_string_lossy().into_owned();
            let (page, exit) = replay(bundle, &[]);
            let (json, again) = replay(bundle, &["--format", "json"]);
            assert_eq!(exit, again, "{name}: text and JSON disagree");
            let exit = exit.map_or("none".into(), |code| code.to_string());
            insta::assert_snapshot!(format!("{name}.page"), format!("{page}\nexit {exit}\n"));
            insta::assert_snapshot!(format!("{name}.checks"), statuses(&json));
        }
    });
}
