//! What Debian's package manager knows of a program: the version it was installed in.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Packages whose version is that of the program which they bring. (`containerd.io` brings
/// a runc of another version.)
const PACKAGES: [(&str, &[&str]); 4] = [
    ("dockerd", &["docker.io", "docker-ce"]),
    ("docker", &["docker-cli", "docker.io", "docker-ce-cli"]),
    ("containerd", &["containerd", "containerd.io"]),
    ("runc", &["runc"]),
];

/// The version of the package that brought `program`, if the file is still the one that the
/// package brought.
pub fn version(program: &Path) -> Option<String> {
    version_below(Path::new("/"), &program.canonicalize().ok()?)
}

fn version_below(root: &Path, program: &Path) -> Option<String> {
    let name = program.file_name()?.to_str()?;
    let (_, packages) = PACKAGES.iter().find(|(known, _)| *known == name)?;
    let brought =
        |package: &&&str| lists(root, package, program) && untouched(root, package, program);
    installed(root, packages.iter().find(brought)?)
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Its list of files has this one.
fn lists(root: &Path, package: &str, program: &Path) -> bool {
    let list = root.join(format!("var/lib/dpkg/info/{package}.list"));
    let wanted = program.as_os_str().as_encoded_bytes();
    lines(&list).is_some_and(|mut lines| lines.any(|line| line == wanted))
}

/// A build gives all that it makes one time (`SOURCE_DATE_EPOCH`, dpkg-deb(1)), and dpkg
/// keeps it: the program and the package's list of changes have the same, to the
/// nanosecond. What somebody put in its place has another.
fn untouched(root: &Path, package: &str, program: &Path) -> bool {
    let changes = root.join(format!("usr/share/doc/{package}/changelog.Debian.gz"));
    let made = time(&changes);
    made.is_some() && made == time(&below(root, program))
}

fn time(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}

/// The version in dpkg's list of packages, without the epoch, if it is wholly installed.
fn installed(root: &Path, package: &str) -> Option<String> {
    let head = format!("Package: {package}");
    let status = root.join("var/lib/dpkg/status");
    let stanza = lines(&status)?
        .skip_while(|line| line != head.as_bytes())
        .take_while(|line| !line.is_empty());
    let (mut version, mut whole) = (None, false);
    for line in stanza {
        whole |= line == b"Status: install ok installed";
        if let Some(text) = line.strip_prefix(b"Version: ") {
            version = String::from_utf8(text.to_vec()).ok();
        }
    }
    let version = version.filter(|_| whole)?;
    let (_, plain) = version.split_once(':').unwrap_or(("", &version));
    Some(plain.to_owned())
}

/// The lines of a file; it ends where it cannot be read on.
fn lines(path: &Path) -> Option<impl Iterator<Item = Vec<u8>>> {
    let file = File::open(path).ok()?;
    Some(BufReader::new(file).split(b'\n').map_while(Result::ok))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their files")]
mod tests {
    use super::*;
    use std::time::Duration;

    const STATUS: &str = "Package: docker.io-doc\nStatus: install ok installed\nVersion: 1\n\n\
        Package: docker.io\nStatus: install ok installed\nSection: admin\n\
        Version: 5:26.1.5+dfsg1-9\nDescription: x\n Package: no\n\n\
        Package: runc\nStatus: deinstall ok config-files\nVersion: 1.1.5\n";

    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            let built = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
            File::options()
                .append(true)
                .open(path)
                .unwrap()
                .set_modified(built)
                .unwrap();
        };
        write("var/lib/dpkg/status", STATUS);
        for (package, program) in [
            ("docker.io", "/usr/sbin/dockerd"),
            ("runc", "/usr/sbin/runc"),
        ] {
            write(
                &format!("var/lib/dpkg/info/{package}.list"),
                &format!("/.\n{program}\n"),
            );
            write(&format!("usr/share/doc/{package}/changelog.Debian.gz"), "");
            write(&program[1..], "ELF");
        }
        root
    }

    fn told(root: &tempfile::TempDir, program: &str) -> Option<String> {
        version_below(root.path(), Path::new(program))
    }

    #[test]
    fn a_program_that_its_package_brought() {
        let root = root();
        assert_eq!(
            told(&root, "/usr/sbin/dockerd").as_deref(),
            Some("26.1.5+dfsg1-9")
        );
    }

    #[test]
    fn in_doubt_nothing_is_told() {
        let root = root();
        assert_eq!(told(&root, "/usr/sbin/runc"), None, "not wholly installed");
        assert_eq!(told(&root, "/usr/local/bin/dockerd"), None, "no package's");
        assert_eq!(told(&root, "/usr/bin/docker"), None, "no such package");
        fs::write(root.path().join("usr/sbin/dockerd"), "another").unwrap();
        assert_eq!(told(&root, "/usr/sbin/dockerd"), None, "put in its place");
        let root = self::root();
        fs::remove_file(
            root.path()
                .join("usr/share/doc/docker.io/changelog.Debian.gz"),
        )
        .unwrap();
        assert_eq!(told(&root, "/usr/sbin/dockerd"), None, "no witness");
        let root = self::root();
        fs::write(
            root.path().join("var/lib/dpkg/status"),
            b"\xff\nPackage: docker.io",
        )
        .unwrap();
        assert_eq!(told(&root, "/usr/sbin/dockerd"), None, "half a list");
    }
}
