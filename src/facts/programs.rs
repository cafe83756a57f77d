//! The programs that are run: each at most once, all at the same time, the
//! slowest first; and not at all where their own files tell (see [`linked`]).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::tools::Hit;
use super::version::Version;
use super::{Ground, Pending, background, linked, refusal};
use crate::fact::{Fact, Why};
use crate::host::probe::{INSIDE, Inside, RECORD};
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
    /// Nobody was asked, on purpose.
    pub fn off(why: &str) -> Programs {
        fn off<T>(why: &str) -> Fact<T> {
            Fact::Unreadable(Why::off(why))
        }
        Programs {
            dockerd: off(why),
            docker: off(why),
            containerd: off(why),
            runc: off(why),
            slirp4netns: off(why),
            pasta: off(why),
            probe: off(why),
            getsubuids: off(why),
            getsubgids: off(why),
        }
    }

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

/// What the programs are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Everything a report shows.
    Report,
    /// What decides whether rootless Docker can be installed: the versions of
    /// programs that have any are not worth their time.
    Install,
}

/// Programs of which an installation only needs to know that they start.
const VERSION_IS_NEWS: [&str; 3] = ["containerd", "docker", "runc"];

const PROBE: &str = "rootlesskit probe";

/// Starts programs with the environment the unit would give them.
struct Starter<'a> {
    host: &'a Arc<dyn Host>,
    env: Vec<(String, String)>,
    patience: Duration,
    purpose: Purpose,
}

impl Starter<'_> {
    fn program(&self, key: &'static str, path: &Path, args: &[&str]) -> Program {
        Program {
            key: key.into(),
            path: path.to_string_lossy().into_owned(),
            args: args.iter().map(|a| (*a).to_owned()).collect(),
            env: self.env.clone(),
            deadline: self.patience,
            own_tmp: key == PROBE,
            ..Program::default()
        }
    }

    fn start(&self, key: &'static str, path: &Path, args: &[&str]) -> Pending<Fact<Output>> {
        let enough = match (key, self.purpose) {
            // Its tear-down takes as long as a look at the rest of the host.
            (PROBE, Purpose::Install) => Some(RECORD.into()),
            _ => None,
        };
        let program = Program {
            enough,
            ..self.program(key, path, args)
        };
        let host = Arc::clone(self.host);
        background(Instant::now() + self.patience, move || host.run(&program))
    }

    /// `key` is the program's name and `--version`. It is not run where its own
    /// file tells what there is to know.
    fn version(
        &self,
        key: &'static str,
        hit: Option<&Hit>,
    ) -> Option<(&'static str, Pending<Fact<Output>>)> {
        let program = Program {
            enough: Some("".into()),
            ..self.program(key, &hit?.path, &["--version"])
        };
        let (host, purpose) = (Arc::clone(self.host), self.purpose);
        let ask = move || {
            let told = told(&*host, &program, purpose);
            told.unwrap_or_else(|| host.run(&program))
        };
        Some((key, background(Instant::now() + self.patience, ask)))
    }
}

/// What the program's own file tells, if that will do.
fn told(host: &dyn Host, program: &Program, purpose: Purpose) -> Option<Fact<Output>> {
    let name = program.key.split(' ').next().unwrap_or_default();
    let path = Path::new(&program.path);
    let off = || Fact::Unreadable(Why::off("its version does not matter here"));
    match purpose {
        Purpose::Install if VERSION_IS_NEWS.contains(&name) => {
            return linked::starts_surely(host, path).then(off);
        }
        // No required check looks at it.
        Purpose::Install if name == "pasta" => return Some(off()),
        _ => {}
    }
    let line = linked::version(host, name, path)?;
    Some(Fact::Known(Output {
        exit: Some(0),
        stdout: line,
        ..Output::default()
    }))
}

impl Running {
    /// Starts them all, the slowest first, within a report that is to be done
    /// by `deadline`.
    pub fn start(
        host: &Arc<dyn Host>,
        ground: &Ground,
        deadline: Duration,
        purpose: Purpose,
    ) -> Self {
        let starter = Starter {
            purpose,
            host,
            env: environment(ground),
            patience: deadline * SHARE.0 / SHARE.1,
        };
        let tool = |name: &str| ground.tools.first(name);
        let probe = tool("rootlesskit").map(|hit| {
            let args = probe_args(ground);
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let running = starter.start(PROBE, &hit.path, &args);
            (hit.path.clone(), running)
        });
        let versions = [
            ("dockerd --version", tool("dockerd")),
            ("containerd --version", tool("containerd")),
            ("docker --version", ground.shell_tools.first("docker")),
            ("runc --version", tool("runc")),
            ("pasta --version", tool("pasta")),
            ("slirp4netns --version", tool("slirp4netns")),
        ];
        let versions = versions
            .into_iter()
            .filter_map(|(key, hit)| starter.version(key, hit));
        let mut versions: Vec<_> = versions.collect();
        let subject = ground
            .subject
            .as_ref()
            .filter(|_| ranges_by_service(&**host));
        if let Some((subject, hit)) = subject.zip(tool("getsubids")) {
            let ask = |key, args: &[&str]| (key, starter.start(key, &hit.path, args));
            versions.push(ask("getsubids", &[&subject.name]));
            versions.push(ask("getsubids -g", &["-g", &subject.name]));
        }
        Running { versions, probe }
    }

    /// Waits for what they say.
    pub fn finish(self, end: Instant) -> Programs {
        let mut outputs: Vec<(&str, Fact<Output>)> = Vec::new();
        for (key, source) in self.versions {
            outputs.push((key, settle(source, end)));
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
