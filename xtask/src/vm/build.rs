//! From Debian packages to a disk image.

use super::cache::Cache;
use super::needs;
use super::process::{self, tied};
use super::suite::{CUSTOMIZE, Suite};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A disk, and the kernel to start it with.
pub struct Image {
    pub dir: PathBuf,
}

impl Image {
    /// The disk as an overlay names it: from where the overlay lies, be it a state or a copy
    /// in use. So the cache may be moved, or be known by another name to the run that has
    /// saved the state.
    pub fn backing(&self) -> PathBuf {
        Path::new("../../images")
            .join(self.key())
            .join("disk.qcow2")
    }

    pub fn kernel(&self) -> PathBuf {
        self.dir.join("vmlinuz")
    }

    pub fn initrd(&self) -> PathBuf {
        self.dir.join("initrd.img")
    }

    /// Names this very image in the keys of what is derived from it.
    pub fn key(&self) -> String {
        self.dir
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }
}

/// Raises every image's key when the way of building below changes.
const RECIPE_VERSION: &str = "1";

const DISK_SIZE: &str = "6G";

/// Where the image of a guest is or will be.
pub fn image(cache: &Cache, suite: Suite) -> Image {
    let packages = suite.packages().join(",");
    let recipe = [
        RECIPE_VERSION,
        suite.release(),
        suite.init(),
        &packages,
        CUSTOMIZE,
        &cache.public_key,
    ];
    Image {
        dir: cache.entry("images", suite.name(), &recipe),
    }
}

/// Builds the image if the cache has none. The caller holds the cache's lock.
pub fn ensure(cache: &Cache, suite: Suite, image: &Image) -> Result<()> {
    if image.dir.exists() {
        Ok(())
    } else {
        make(cache, suite, &image.dir)
    }
}

fn make(cache: &Cache, suite: Suite, place: &Path) -> Result<()> {
    let start = Instant::now();
    let work = cache.scratch()?;
    needs::room(work.path(), 6)?;
    eprintln!("# {suite}: building the image, about two minutes");
    let dir = work.path();
    unpack(cache, suite, dir)?;
    let raw = dir.join("disk.raw");
    step(
        "mke2fs",
        needs::as_root("sh")
            .args(["-euc", MAKE_DISK, "sh"])
            .arg(dir)
            .arg(DISK_SIZE),
        300,
    )?;
    let mut convert = tied("KILL", "qemu-img");
    convert
        .args(["convert", "-O", "qcow2"])
        .arg(&raw)
        .arg(dir.join("disk.qcow2"));
    step("qemu-img", &mut convert, 300)?;
    fs::remove_file(raw)?;
    let size = fs::metadata(dir.join("disk.qcow2"))?.len() >> 20;
    cache.keep(work, place)?;
    eprintln!(
        "# {suite}: image of {size} MiB built in {} s",
        start.elapsed().as_secs()
    );
    Ok(())
}

/// No mount and no loop device: mke2fs copies a directory into a new file system.
const MAKE_DISK: &str = r#"
cd "$1"
mkdir root
tar -C root --xattrs --xattrs-include='*' --exclude='./dev/*' -xf root.tar
rm root.tar
cp root/boot/vmlinuz-* vmlinuz
cp root/boot/initrd.img-* initrd.img
mv root/boot/packages.txt .
rm -f root/boot/initrd.img-*
mke2fs -q -t ext4 -L guest -d root disk.raw "$2"
rm -rf root
"#;

fn unpack(cache: &Cache, suite: Suite, dir: &Path) -> Result<()> {
    let mut command = needs::as_root("mmdebstrap");
    command
        .args(["--mode=unshare", "--variant=minbase"])
        .arg("--dpkgopt=force-unsafe-io")
        // An unstable mirror's release file can be past its date.
        .arg("--aptopt=Acquire::Check-Valid-Until \"false\"")
        .arg(format!("--include={}", suite.packages().join(",")))
        .arg(format!("--customize-hook={CUSTOMIZE}"))
        .arg(suite.release())
        .arg(dir.join("root.tar"))
        .env("SUITE", suite.name())
        .env("INIT", suite.init())
        .env("PUBKEY", &cache.public_key)
        .env("TMPDIR", dir);
    step("mmdebstrap", &mut command, 1200)
}

fn step(name: &str, command: &mut Command, seconds: u64) -> Result<()> {
    process::run(command, "", Duration::from_secs(seconds))
        .with_context(|| name.to_owned())?
        .ok(name)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_names_its_image_from_where_it_lies() {
        let dir = PathBuf::from("/home/a/.cache/rootless-setup-vm/images/sid-0123");
        let named = Image { dir }.backing();
        assert_eq!(named, Path::new("../../images/sid-0123/disk.qcow2"));
    }
}
