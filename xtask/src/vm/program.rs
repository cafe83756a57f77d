//! The program under test: one static file that starts on every guest, old or new.

use super::process::{self, tied};
use anyhow::Result;
use std::path::PathBuf;
use std::time::Duration;

const TARGET: &str = "x86_64-unknown-linux-musl";

/// Builds it from this tree, as the README says.
pub fn build() -> Result<PathBuf> {
    eprintln!("# building the static program");
    add_target()?;
    let mut cargo = tied("TERM", "cargo");
    cargo.args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "rootless-setup",
        "--target",
        TARGET,
    ]);
    process::run(&mut cargo, "", Duration::from_secs(1200))?
        .ok("cargo build (rustup target add x86_64-unknown-linux-musl gives the target)")?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    Ok(target.join(TARGET).join("release/rootless-setup"))
}

/// The compiler's part for static programs, where rustup can fetch it.
fn add_target() -> Result<()> {
    let mut rustup = tied("TERM", "sh");
    rustup.args([
        "-c",
        "! command -v rustup >/dev/null || rustup target add \"$0\"",
        TARGET,
    ]);
    process::run(&mut rustup, "", Duration::from_secs(300))?.ok("rustup target add")?;
    Ok(())
}
