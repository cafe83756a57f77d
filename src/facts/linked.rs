//! The version a Go program was linked with, read from its own file, or from the package
//! that brought it, instead of running it: `dockerd --version` alone takes longer than
//! everything else.
//!
//! Only where the program would surely start: right machine, its loader and
//! libraries there, not on a noexec mount. In any doubt it is run.

use std::path::Path;

use super::version::Version;
use crate::fact::Fact;
use crate::host::{BuildInfo, Host};

/// The variable that each program's build sets, with `-X` of Go's linker.
const VARIABLES: [(&str, &str); 4] = [
    ("dockerd", "dockerversion.Version="),
    ("docker", "docker/cli/cli/version.Version="),
    ("containerd", "/version.Version="),
    ("runc", "main.version="),
];

/// Directories of shared libraries; others are left to the loader, and to a run.
const LIBRARIES: [&str; 8] = [
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
];

/// The program would surely start, whatever its version.
pub fn starts_surely(host: &dyn Host, path: &Path) -> bool {
    let info = host.build_info(path);
    info.known().is_some_and(|info| starts(host, path, info))
}

/// The line that stands for what `name --version` prints, if the file tells.
pub fn version(host: &dyn Host, name: &str, path: &Path) -> Option<String> {
    let (_, variable) = VARIABLES.iter().find(|(program, _)| *program == name)?;
    let Fact::Known(info) = host.build_info(path) else {
        return None;
    };
    let linked = assigned(&info.text, variable).map(|version| (version.to_owned(), "build"));
    // With -trimpath Go's linker keeps its flags to itself.
    let packaged = || Some((host.package_version(path).into_known()?, "package"));
    let (version, by) = linked.or_else(packaged)?;
    let known = Version::parse(&version).is_some_and(|v| v.major() > 0);
    (known && starts(host, path, &info)).then(|| format!("{name} {version}, by its {by}"))
}

/// The value of a `-X` assignment in the linker flags.
fn assigned<'a>(settings: &'a str, variable: &str) -> Option<&'a str> {
    let flags = settings
        .lines()
        .find_map(|l| l.strip_prefix("build\t-ldflags="))?;
    let (_, value) = flags.split_once(variable)?;
    let end = value.find(|c: char| c.is_whitespace() || "\"'\\".contains(c));
    Some(&value[..end.unwrap_or(value.len())])
}

/// The kernel and the loader would take the file.
fn starts(host: &dyn Host, path: &Path, info: &BuildInfo) -> bool {
    let there = |path: &Path| host.stat(path).known().is_some();
    let library = |name: &String| {
        LIBRARIES
            .iter()
            .any(|dir| there(&Path::new(dir).join(name)))
    };
    info.machine == own_machine()
        && info
            .interpreter
            .as_ref()
            .is_none_or(|loader| there(Path::new(loader)))
        && info.libraries.iter().all(library)
        && host
            .file_system(path)
            .known()
            .is_some_and(|fs| !fs.noexec())
}

/// The ELF machine number of this build; 0 for one that is not in the list.
fn own_machine() -> u16 {
    match std::env::consts::ARCH {
        "x86_64" => 62,
        "aarch64" => 183,
        "riscv64" => 243,
        "powerpc64" => 21,
        "s390x" => 22,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{FileSystem, Node, Recorded};
    use crate::testing::TestHost;

    const TEXT: &str = "path\tcmd/dockerd\nbuild\t-ldflags=\" -w -X \\\"github.com/docker/docker/dockerversion.Version=20.10.24+dfsg1\\\" -X \\\"a.b=c\\\"\"\n";

    fn host(change: impl FnOnce(&mut BuildInfo)) -> TestHost {
        let mut info = BuildInfo {
            text: TEXT.into(),
            machine: own_machine(),
            interpreter: Some("/lib64/ld-linux-x86-64.so.2".into()),
            libraries: vec!["libc.so.6".into()],
        };
        change(&mut info);
        let node = Node {
            build_info: Some(info),
            mode: Some("0755".into()),
            ..Node::default()
        };
        TestHost::new()
            .node("/usr/bin/dockerd", node)
            .file("/lib64/ld-linux-x86-64.so.2", "")
            .file("/usr/lib/x86_64-linux-gnu/libc.so.6", "")
    }

    fn told(host: TestHost) -> Option<String> {
        version(
            &Recorded::new(host.0),
            "dockerd",
            Path::new("/usr/bin/dockerd"),
        )
    }

    #[test]
    fn the_version_it_was_linked_with() {
        let line = "dockerd 20.10.24+dfsg1, by its build";
        assert_eq!(told(host(|_| ())).as_deref(), Some(line));
    }

    #[test]
    fn the_version_of_its_package() {
        let packaged = |version: &str| {
            let host = host(|info| info.text.clear());
            told(host.with(|bundle| {
                let dockerd = bundle.files.get_mut("/usr/bin/dockerd");
                dockerd.expect("dockerd").package = Some(version.into());
            }))
        };
        let line = "dockerd 26.1.5+dfsg1-9, by its package";
        assert_eq!(packaged("26.1.5+dfsg1-9").as_deref(), Some(line));
        assert_eq!(packaged("0~git1"), None);
        assert_eq!(packaged("unknown"), None);
    }

    #[test]
    fn in_any_doubt_it_is_run() {
        assert_eq!(told(host(|info| info.machine = 3)), None);
        assert_eq!(
            told(host(|info| info.libraries.push("libgone.so.1".into()))),
            None
        );
        assert_eq!(
            told(host(|info| info.interpreter = Some("/no/loader".into()))),
            None
        );
        assert_eq!(told(host(|info| info.text = "path\tx\n".into())), None);
        assert_eq!(
            told(host(
                |info| info.text = TEXT.replace("20.10.24+dfsg1", "library-import")
            )),
            None
        );
        let noexec = FileSystem {
            flags: 8,
            ..FileSystem::default()
        };
        let host = host(|_| ()).with(|b| {
            b.file_systems.insert("/usr/bin".into(), noexec);
        });
        assert_eq!(told(host), None);
    }
}
