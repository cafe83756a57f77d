//! Homes that are made to cost much.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use anyhow::Result;

/// A home that costs much.
pub struct Input {
    /// Its name in the table.
    pub name: &'static str,
    /// Makes it in an empty directory.
    pub make: fn(&Path) -> Result<()>,
}

const fn input(name: &'static str, make: fn(&Path) -> Result<()>) -> Input {
    Input { name, make }
}

/// All of them; the first three were found by a review.
pub const ALL: [Input; 15] = [
    input("600 drop-ins of 1 MB", drop_ins),
    input("PATH of 150,000 directories", long_path),
    input("ELF with a section of 3 GiB", |home| elf(home, 3 << 30)),
    input("ELF with 16,384 sections", many_sections),
    input("daemon.json of 1 MiB of small objects", daemon_json),
    input("100,000 contexts", contexts),
    input("400 contexts of 1 MB", large_contexts),
    input("unit of a million words", many_words),
    input("unit of 350,000 settings", many_settings),
    input("unit of 500,000 specifiers", specifiers),
    input("100,000 names of drop-ins", many_names),
    input("config.json of 1 MiB of keys", config_json),
    input("4,000 environment files of 1 MB", environment_files),
    input("4,000 check files of 1 MB", check_files),
    input("program that prints endlessly", endless),
];

const UNITS: &str = ".config/systemd/user";
const DROP_INS: &str = ".config/systemd/user/docker.service.d";

fn put(home: &Path, path: &str, text: &[u8]) -> Result<()> {
    let path = home.join(path);
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    Ok(fs::write(path, text)?)
}

/// A unit with this line in its `[Service]`.
fn unit(home: &Path, line: &str) -> Result<()> {
    let text = format!("[Service]\nExecStart=/usr/bin/dockerd-rootless.sh\n{line}\n");
    put(home, &format!("{UNITS}/docker.service"), text.as_bytes())
}

/// So many links to one file in a directory.
fn links(home: &Path, dir: &str, suffix: &str, count: usize, text: &str) -> Result<()> {
    put(home, "large", text.as_bytes())?;
    let dir = home.join(dir);
    fs::create_dir_all(&dir)?;
    for n in 0..count {
        symlink(home.join("large"), dir.join(format!("{n:06}{suffix}")))?;
    }
    Ok(())
}

fn drop_ins(home: &Path) -> Result<()> {
    unit(home, "")?;
    let text = "[Service]\n".to_owned() + &"Environment=A=b\n".repeat(62_000);
    links(home, DROP_INS, ".conf", 600, &text)
}

fn long_path(home: &Path) -> Result<()> {
    let dirs: String = (0..150_000).map(|n| format!("/{n:x}:")).collect();
    unit(home, &format!("Environment=PATH={dirs}"))
}

fn daemon_json(home: &Path) -> Result<()> {
    let text = format!("{{\"x\":[{}0]}}", "{\"\":0},".repeat(149_000));
    put(home, ".config/docker/daemon.json", text.as_bytes())
}

fn contexts(home: &Path) -> Result<()> {
    let dir = home.join(".docker/contexts/meta");
    fs::create_dir_all(&dir)?;
    put(home, "meta.json", b"{\"Name\":\"x\"}")?;
    for n in 0..100_000 {
        let one = dir.join(format!("{n:064x}"));
        fs::create_dir(&one)?;
        if n < 5_000 {
            symlink(home.join("meta.json"), one.join("meta.json"))?;
        }
    }
    Ok(())
}

fn large_contexts(home: &Path) -> Result<()> {
    let text = format!("{{\"Name\":\"{}\"}}", "x".repeat(1 << 20));
    put(home, "meta.json", &text.as_bytes()[..1 << 20])?;
    for n in 0..400 {
        let dir = home.join(format!(".docker/contexts/meta/{n:064x}"));
        fs::create_dir_all(&dir)?;
        symlink(home.join("meta.json"), dir.join("meta.json"))?;
    }
    Ok(())
}

fn many_words(home: &Path) -> Result<()> {
    unit(home, &format!("Environment={}", "a ".repeat(500_000)))
}

fn many_settings(home: &Path) -> Result<()> {
    unit(home, &"a=\n".repeat(340_000))
}

fn specifiers(home: &Path) -> Result<()> {
    unit(home, &format!("Environment=A={}", "%h".repeat(500_000)))
}

fn many_names(home: &Path) -> Result<()> {
    unit(home, "")?;
    let dir = home.join(DROP_INS);
    fs::create_dir_all(&dir)?;
    for n in 0..100_000 {
        File::create(dir.join(format!("{n:06}.conf")))?;
    }
    Ok(())
}

fn config_json(home: &Path) -> Result<()> {
    let keys: String = (0..95_000).map(|n| format!("\"{n:x}\":0,")).collect();
    let text = format!("{{{keys}\"currentContext\":\"x\"}}");
    put(home, ".docker/config.json", text.as_bytes())
}

fn environment_files(home: &Path) -> Result<()> {
    let text = "DOCKERD_ROOTLESS_ROOTLESSKIT_X=1\n".repeat(31_000);
    links(home, ".config/environment.d", ".conf", 4_000, &text)?;
    let line = format!("EnvironmentFile={}\n", home.join("large").display());
    unit(home, &line.repeat(4_000))
}

fn check_files(home: &Path) -> Result<()> {
    let text = format!("x = [{}]\n", "[],".repeat(340_000));
    links(
        home,
        ".config/rootless-setup/checks.d",
        ".toml",
        4_000,
        &text,
    )
}

/// A program of this text, first on the PATH of the unit.
fn program(home: &Path, name: &str, text: &[u8]) -> Result<()> {
    put(home, &format!("bin/{name}"), text)?;
    let path = home.join("bin").join(name);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    let dir = home.join("bin");
    unit(
        home,
        &format!("Environment=PATH={}:/usr/bin:/bin", dir.display()),
    )
}

fn endless(home: &Path) -> Result<()> {
    for name in ["rootlesskit", "dockerd", "docker", "runc", "slirp4netns"] {
        program(
            home,
            name,
            b"#!/bin/sh\nexec yes \"rootlesskit version 2.0.0\"\n",
        )?;
    }
    Ok(())
}

/// Section headers of a 64-bit ELF file: name, type, offset, size.
fn section(name: u32, kind: u32, offset: u64, size: u64) -> Vec<u8> {
    let mut bytes = [name.to_le_bytes(), kind.to_le_bytes()].concat();
    bytes.extend([0, 0, offset, size].map(u64::to_le_bytes).concat());
    bytes.extend([0_u8; 8]);
    bytes.extend([1, 0].map(u64::to_le_bytes).concat());
    bytes
}

fn header(sections: u16, table: u64) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    bytes.extend([0, 0, table].map(u64::to_le_bytes).concat());
    bytes.extend([0_u8; 4]);
    bytes.extend([64, 56, 0, 64, sections, 1].map(u16::to_le_bytes).concat());
    bytes
}

const NAMES: &[u8] = b"\0.go.buildinfo\0.shstrtab\0";

/// A sparse program whose build information has this size.
fn elf(home: &Path, size: u64) -> Result<()> {
    let table = 64 + NAMES.len() as u64;
    let mut bytes = header(3, table);
    bytes.extend(NAMES);
    bytes.extend([0_u8; 64]);
    bytes.extend(section(15, 3, 64, NAMES.len() as u64));
    bytes.extend(section(1, 1, 4096, size));
    for name in ["rootlesskit", "dockerd", "containerd", "runc"] {
        program(home, name, &bytes)?;
        let file = File::options()
            .write(true)
            .open(home.join("bin").join(name))?;
        file.set_len(4096 + size)?;
    }
    Ok(())
}

/// Each with a long name that is not the one looked for.
fn many_sections(home: &Path) -> Result<()> {
    let count = 16_384_u16;
    let names = [b"\0", "x".repeat(1 << 20).as_bytes(), b"\0"].concat();
    let mut bytes = header(count, 64 + names.len() as u64);
    bytes.extend(&names);
    bytes.extend([0_u8; 64]);
    bytes.extend(section(1, 3, 64, names.len() as u64));
    for n in 2..u32::from(count) {
        bytes.extend(section(1 + n * 60, 1, 64, 1 << 20));
    }
    let mut file = File::create(home.join("elf"))?;
    file.write_all(&bytes)?;
    for name in ["rootlesskit", "dockerd", "containerd", "runc"] {
        program(home, name, &bytes)?;
    }
    Ok(())
}
