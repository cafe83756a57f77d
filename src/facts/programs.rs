//! The programs that are run: each at most once, all at the same time, the
//! slowest first.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::version::Version;
use super::{Ground, Pending, background, refusal};
use crate::fact::{Fact, Why};
use crate::host::probe::{INSIDE, Inside};
use crate::host::{Host, Output, Program};

/// The part of the whole that one program may take: of ten seconds, six.
const SHARE: (u32, u32) = (3, 5);

/// A program that printed its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The line it printed.
    pub line: String,
    /// The version in it; none if there is none.
    pub version: Option<Version>,
}

/// What the programs said. `Absent`: not installed.
#[derive(Debug)]
pub struct Programs {
    /// `dockerd --version`.
    pub dockerd: Fact<Versioned>,
    /// `docker --version`, by the shell's PATH.
    pub docker: Fact<Versioned>,
    /// `containerd --version`.
    pub containerd: Fact<Versioned>,
    /// `runc --version`.
    pub runc: Fact<Versioned>,
    /// `slirp4netns --version`.
    pub slirp4netns: Fact<Versioned>,
    /// `pasta --version`.
    pub pasta: Fact<Versioned>,
    /// RootlessKit with our probe as its child: `rootlesskit true` that looks around.
    pub probe: Fact<Probe>,
    /// `getsubids USER`; only where a name service owns the ranges.
    pub getsubuids: Fact<Output>,
    /// `getsubids -g USER`; likewise.
    pub getsubgids: Fact<Output>,
}

impl Programs {
    /// RootlessKit's version, by its own API.
    pub fn rootlesskit_version(&self) -> Option<Version> {
        let inside = self.probe.known()?.inside.as_ref()?;
        let version = Version::parse(&inside.rootlesskit_version);
        // One that has none, or was built without it, is no version zero.
        version.filter(|v| *v > Version::new(0, 0, 0))
    }

    /// The engine's version.
    pub fn engine_version(&self) -> Option<Version> {
        self.dockerd.known()?.version.clone()
    }
}

/// The functional probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The rootlesskit that was started.
    pub path: PathBuf,
    /// What the probe saw inside; none when it did not get that far.
    pub inside: Option<Inside>,
    /// What rootlesskit itself did and printed.
    pub output: Output,
}

impl Probe {
    /// RootlessKit made its namespaces and started a program in them, even if
    /// that program (this one, on a noexec home) could not be executed there.
    pub fn works(&self) -> bool {
        self.inside.is_some()
            || self.output.exit == Some(0)
            || refusal::entered(&self.output.stderr)
    }
}

/// Programs under way.
pub struct Running {
    versions: Vec<(&'static str, Pending<Fact<Output>>)>,
    probe: Option<(PathBuf, Pending<Fact<Output>>)>,
}

impl Running {
    /// Starts them all, within a report that is to be done by `deadline`.
    pub fn start(host: &Arc<dyn Host>, ground: &Ground, deadline: Duration) -> Self {
        let patience = deadline * SHARE.0 / SHARE.1;
        let end = Instant::now() + patience;
        let env = environment(ground);
        let tool = |name: &str| ground.tools.first(name).map(|hit| hit.path.clone());
        let start = |key: &'static str, path: Option<PathBuf>, args: Vec<String>, one_line| {
            let program = Program {
                key,
                path: path?.to_string_lossy().into_owned(),
                args,
                env: env.clone(),
                deadline: patience,
                one_line,
            };
            let host = Arc::clone(host);
            Some((key, background(end, move || host.run(&program))))
        };
        let version = |key, path| start(key, path, vec!["--version".into()], true);
        let mut versions = Vec::new();
        versions.extend(version("dockerd --version", tool("dockerd")));
        let rootlesskit = tool("rootlesskit");
        let probe = start(
            "rootlesskit probe",
            rootlesskit.clone(),
            probe_args(ground),
            false,
        );
        versions.extend(version("containerd --version", tool("containerd")));
        let docker = ground
            .shell_tools
            .first("docker")
            .map(|hit| hit.path.clone());
        versions.extend(version("docker --version", docker));
        for (key, name) in [
            ("runc --version", "runc"),
            ("pasta --version", "pasta"),
            ("slirp4netns --version", "slirp4netns"),
        ] {
            versions.extend(version(key, tool(name)));
        }
        if let Some(subject) = ground
            .subject
            .as_ref()
            .filter(|_| ranges_by_service(&**host))
        {
            let name = subject.name.clone();
            let getsubids = tool("getsubids");
            versions.extend(start(
                "getsubids",
                getsubids.clone(),
                vec![name.clone()],
                false,
            ));
            versions.extend(start(
                "getsubids -g",
                getsubids,
                vec!["-g".into(), name],
                false,
            ));
        }
        let probe = rootlesskit.zip(probe.map(|(_, pending)| pending));
        Running { versions, probe }
    }

    /// Waits for what they say.
    pub fn finish(self, end: Instant) -> Programs {
        let mut outputs: Vec<(&str, Fact<Output>)> = Vec::new();
        for (key, pending) in self.versions {
            outputs.push((key, settle(pending, end)));
        }
        let mut take = |key: &str| match outputs.iter().position(|(k, _)| *k == key) {
            Some(at) => outputs.swap_remove(at).1,
            None => Fact::Absent,
        };
        Programs {
            dockerd: versioned(take("dockerd --version")),
            docker: versioned(take("docker --version")),
            containerd: versioned(take("containerd --version")),
            runc: versioned(take("runc --version")),
            slirp4netns: versioned(take("slirp4netns --version")),
            pasta: versioned(take("pasta --version")),
            getsubuids: take("getsubids"),
            getsubgids: take("getsubids -g"),
            probe: match self.probe {
                Some((path, pending)) => settle(pending, end).map(|output| probe(path, output)),
                None => Fact::Absent,
            },
        }
    }
}

fn settle(mut pending: Pending<Fact<Output>>, end: Instant) -> Fact<Output> {
    pending.end = pending.end.min(end);
    pending.wait().and_then(|answer| answer)
}

fn versioned(output: Fact<Output>) -> Fact<Versioned> {
    output.and_then(|output| {
        let text = match output.stdout.trim() {
            "" => output.stderr.trim(),
            text => text,
        };
        // Some print a notice first (podman's docker shim, dockerd's warnings).
        let lines = || text.lines().map(str::trim);
        let line = lines()
            .find(|l| Version::find(l).is_some())
            .or_else(|| lines().next());
        match line {
            Some(line) => Fact::Known(Versioned {
                line: line.chars().take(200).collect(),
                version: Version::find(line),
            }),
            None => Fact::Unreadable(Why::new("it printed nothing")),
        }
    })
}

fn probe(path: PathBuf, output: Output) -> Probe {
    let record = |line: &str| serde_json::from_str::<Inside>(line).ok();
    let inside = output
        .stdout
        .lines()
        .find_map(record)
        .filter(|i| i.rootless_setup_probe > 0);
    Probe {
        path,
        inside,
        output,
    }
}

/// What the unit would give its programs, and nothing of this shell.
/// `GOGC=off` halves the start of the Go programs, which only print a version.
fn environment(ground: &Ground) -> Vec<(String, String)> {
    let subject = ground.subject.as_ref();
    let mut env = vec![
        ("PATH".to_owned(), ground.unit_path.clone()),
        ("LC_ALL".to_owned(), "C".to_owned()),
        ("GOGC".to_owned(), "off".to_owned()),
    ];
    env.extend(subject.map(|s| ("USER".to_owned(), s.name.clone())));
    let home = ground.home.known();
    env.extend(home.map(|h| ("HOME".to_owned(), h.to_string_lossy().into_owned())));
    env
}

/// `rootlesskit <this program> __inside [iptables]`.
#[expect(clippy::disallowed_methods, reason = "the probe is this program")]
fn probe_args(ground: &Ground) -> Vec<String> {
    let own = std::env::current_exe().unwrap_or_default();
    let iptables = ground.tools.first("iptables");
    let mut args = vec![own.to_string_lossy().into_owned(), INSIDE.to_owned()];
    args.extend(iptables.map(|hit| hit.path.to_string_lossy().into_owned()));
    args
}

/// `subid: sss` and the like in nsswitch.conf(5): the files do not decide.
fn ranges_by_service(host: &dyn Host) -> bool {
    let text = host
        .read(std::path::Path::new("/etc/nsswitch.conf"))
        .into_known();
    let sources = text.as_deref().and_then(subid_sources);
    // shadow knows one source only, the first.
    sources.is_some_and(|sources| sources.first().is_some_and(|s| s != "files"))
}

/// The sources of the `subid:` line, if there is one.
pub fn subid_sources(nsswitch: &str) -> Option<Vec<String>> {
    let line = |l: &str| {
        Some(
            l.split('#')
                .next()?
                .trim()
                .strip_prefix("subid:")?
                .to_owned(),
        )
    };
    let sources = nsswitch.lines().find_map(line)?;
    Some(sources.split_whitespace().map(str::to_owned).collect())
}
