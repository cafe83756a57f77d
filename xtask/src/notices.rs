//! The notices of the crates in the distributed binary: `THIRD-PARTY-LICENSES.txt`
//! in the target directory. The texts are those in the crates' sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// What is distributed.
const BINARY: &str = "rootless-setup";
const TARGET: &str = "x86_64-unknown-linux-musl";

/// Licenses that the Apache-2.0 binary can contain.
const ALLOWED: [&str; 6] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "BSD-3-Clause",
];

/// How the name of a file with a license or a notice starts.
const NAMES: [&str; 6] = [
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];

#[derive(clap::Args)]
pub struct Args {
    /// The target that the binary is built for
    #[arg(long, default_value = TARGET)]
    target: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// None for an ordinary dependency; `dev` or `build`.
    kind: Option<String>,
}

/// Writes the file and prints its path.
pub fn main(args: &Args) -> Result<()> {
    let metadata = metadata(&args.target)?;
    let packages = distributed(&metadata)?;
    let mut text = format!(
        "Licenses of the software that the {BINARY} binary contains.\n\
         {} crates; the text of every license is printed once, below its crates.\n",
        packages.len()
    );
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in &packages {
        let name = format!("{} {}", package.name, package.version);
        let license = package.license.as_deref().unwrap_or_default();
        ensure!(allowed(license), "{name}: license not allowed: {license:?}");
        let _ = write!(text, "\n{name}: {license}");
        for license in license_texts(package, &packages).context(name.clone())? {
            texts.entry(license).or_default().insert(name.clone());
        }
    }
    text.push('\n');
    let mut sections: Vec<(String, String)> = texts.into_iter().map(section).collect();
    sections.push(standard_library()?);
    sections.sort();
    for (crates, license) in sections {
        let line = "=".repeat(80);
        let _ = write!(text, "\n{line}\n{crates}\n{line}\n\n{license}\n");
    }
    let path = metadata.target_directory.join("THIRD-PARTY-LICENSES.txt");
    std::fs::write(&path, text)?;
    println!("{}", path.display());
    Ok(())
}

fn section((license, crates): (String, BTreeSet<String>)) -> (String, String) {
    let crates: Vec<String> = crates.into_iter().collect();
    (crates.join(", "), license)
}

fn metadata(target: &str) -> Result<Metadata> {
    let output = Command::new("cargo")
        .args(["metadata", "--locked", "--format-version", "1"])
        .args(["--filter-platform", target])
        .output()?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The crates in the binary, by name: ordinary dependencies, and theirs.
fn distributed(metadata: &Metadata) -> Result<Vec<&Package>> {
    let own = metadata.packages.iter().find(|p| p.name == BINARY);
    let own = own.with_context(|| format!("no package {BINARY}"))?;
    let mut left = vec![own.id.as_str()];
    let mut seen = BTreeSet::new();
    while let Some(id) = left.pop() {
        let node = metadata.resolve.nodes.iter().find(|node| node.id == id);
        let deps = node.filter(|_| seen.insert(id)).map(|node| &node.deps);
        let linked = |dep: &&Dependency| dep.dep_kinds.iter().any(|kind| kind.kind.is_none());
        left.extend(
            deps.into_iter()
                .flatten()
                .filter(linked)
                .map(|dep| dep.pkg.as_str()),
        );
    }
    seen.remove(own.id.as_str());
    let linked = metadata
        .packages
        .iter()
        .filter(|p| seen.contains(p.id.as_str()));
    let mut packages: Vec<&Package> = linked.collect();
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(packages)
}

/// Whether an SPDX expression can be met by allowed licenses: of `OR` one, of
/// `AND` all. Parentheses only group, as in `(A OR B) AND C`.
fn allowed(expression: &str) -> bool {
    let known = |license: &str| ALLOWED.contains(&license.trim_matches([' ', '(', ')']));
    let one = |part: &str| part.replace('/', " OR ").split(" OR ").any(known);
    !expression.is_empty() && expression.split(" AND ").all(one)
}

/// The texts that come with a crate, or with another of the same repository and
/// license: a workspace may keep them in one of its crates only.
fn license_texts(package: &Package, packages: &[&Package]) -> Result<Vec<String>> {
    let related = |other: &&&Package| {
        package.repository.is_some()
            && other.repository == package.repository
            && other.license == package.license
    };
    let others = packages.iter().filter(related).copied();
    for package in std::iter::once(package).chain(others) {
        let texts = own_texts(&package.manifest_path)?;
        if !texts.is_empty() {
            return Ok(texts);
        }
    }
    bail!("no license text in {}", package.manifest_path.display())
}

fn own_texts(manifest: &Path) -> Result<Vec<String>> {
    let dir = manifest
        .parent()
        .context("a manifest without a directory")?;
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if entry.file_type()?.is_file() && NAMES.iter().any(|start| name.starts_with(start)) {
            texts.push(read(&entry.path())?);
        }
    }
    texts.sort();
    Ok(texts)
}

fn read(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(text.replace("\r\n", "\n").trim_end().to_owned())
}

/// What the Rust toolchain says of its standard library, and of musl in it.
fn standard_library() -> Result<(String, String)> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()?;
    let sysroot = String::from_utf8(output.stdout)?;
    let page = Path::new(sysroot.trim()).join("share/doc/rust/COPYRIGHT-library.html");
    Ok(("The Rust standard library (HTML)".into(), read(&page)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_needs_one_of_or_and_all_of_and() {
        for expression in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/Apache-2.0",
            "(MIT OR X) AND Unicode-3.0",
        ] {
            assert!(allowed(expression), "{expression}");
        }
        for expression in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR Apache-2.0) AND X",
        ] {
            assert!(!allowed(expression), "{expression}");
        }
    }

    #[test]
    fn every_linked_crate_has_an_allowed_license_and_its_text() {
        let metadata = metadata(TARGET).unwrap();
        let packages = distributed(&metadata).unwrap();
        for package in &packages {
            assert!(
                allowed(package.license.as_deref().unwrap_or_default()),
                "{}",
                package.name
            );
            license_texts(package, &packages).unwrap();
        }
    }
}
