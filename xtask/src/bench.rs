//! `cargo xtask bench`: what `doctor` costs, as ratios within one run.
//!
//! Absolute times of shared machines mean little; the ratio of two programs
//! that are timed in turn, A B A B, means something. Every figure is the
//! median of the rounds, with the smallest and largest beside it.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How many rounds, and as whom.
#[derive(clap::Args)]
pub struct Args {
    /// Counted rounds; two more come first
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    /// Uid of the ordinary user to run as, when this is root
    #[arg(long, default_value_t = 65534)]
    uid: u32,
    /// Home of that user
    #[arg(long, default_value = "/tmp")]
    home: PathBuf,
    /// The program to time
    #[arg(long, default_value = "target/release/rootless-setup")]
    tool: PathBuf,
}

/// Programs `doctor` waits for, as they stand alone.
const SINGLES: [(&str, &str); 7] = [
    ("dockerd", "--version"),
    ("rootlesskit", "true"),
    ("docker", "--version"),
    ("containerd", "--version"),
    ("runc", "--version"),
    ("slirp4netns", "--version"),
    ("pasta", "--version"),
];

/// Where distributions keep the setup script.
const SETUPTOOL: [&str; 3] = [
    "/usr/bin/dockerd-rootless-setuptool.sh",
    "/usr/local/bin/dockerd-rootless-setuptool.sh",
    "/usr/share/docker.io/contrib/dockerd-rootless-setuptool.sh",
];

/// Debian keeps the setup script off every PATH, and then it checks nothing.
const PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/share/docker.io/contrib";

struct Bench {
    args: Args,
    scratch: tempfile::TempDir,
    tool: PathBuf,
}

/// Runs the benchmark and prints its table.
pub fn main(args: Args) -> Result<()> {
    let scratch = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()?;
    let tool = scratch.path().join("rootless-setup");
    // The build tree may lie where an ordinary user cannot look.
    std::fs::copy(&args.tool, &tool)
        .with_context(|| format!("{}: cargo build --release first", args.tool.display()))?;
    let bench = Bench {
        args,
        scratch,
        tool,
    };
    bench.full()?;
    bench.no_probe()?;
    bench.subuid()
}

impl Bench {
    /// Full `doctor` against the slowest single program, run alone.
    fn full(&self) -> Result<()> {
        let mut commands = vec![self.doctor(&[])];
        for (name, arg) in SINGLES {
            if let Some(path) = find(name) {
                commands.push(vec![path, arg.into()]);
            }
        }
        let medians = self.rounds(&commands)?;
        let slowest = medians[1..]
            .iter()
            .max()
            .context("none of the programs is installed")?;
        ratio(
            "doctor / slowest single program",
            medians[0],
            *slowest,
            1.25,
        );
        Ok(())
    }

    /// `doctor --no-probe` against the setup script's `check`.
    fn no_probe(&self) -> Result<()> {
        let doctor = self.doctor(&["--no-probe"]);
        let Some(script) = SETUPTOOL.iter().find(|p| Path::new(p).exists()) else {
            bail!("dockerd-rootless-setuptool.sh is not installed");
        };
        let medians = self.rounds(&[doctor.clone(), vec![(*script).into(), "check".into()]])?;
        ratio(
            "doctor --no-probe / setup script check",
            medians[0],
            medians[1],
            0.25,
        );
        let peak = self.peak_memory(&doctor)?;
        println!(
            "peak memory of doctor --no-probe: {:.1} MiB (wanted <= 10)",
            peak / 1024.0
        );
        Ok(())
    }

    /// A long `/etc/subuid`, bound over the real one in a mount namespace of
    /// its own; what it costs is the difference to one line.
    fn subuid(&self) -> Result<()> {
        if !rustix::process::geteuid().is_root() {
            println!("the cost of a long /etc/subuid is measured as root only");
            return Ok(());
        }
        let sizes = [1, 250_000, 500_000, 1_000_000];
        let commands: Vec<_> = sizes
            .iter()
            .map(|n| self.with_subuids(*n))
            .collect::<Result<_>>()?;
        let medians = self.rounds(&commands)?;
        for (lines, time) in sizes.iter().zip(&medians).skip(1) {
            let cost = millis(time.saturating_sub(medians[0]));
            println!("/etc/subuid with {lines} lines: {cost:.1} ms");
        }
        println!("(wanted: <= 100 ms for 1000000 lines, and linear)");
        Ok(())
    }

    fn with_subuids(&self, lines: u64) -> Result<Vec<String>> {
        let path = self.scratch.path().join(format!("subuid-{lines}"));
        let line = |n: u64| format!("user{n}:{}:2000\n", 100_000 + n * 2_000);
        std::fs::write(&path, (0..lines).map(line).collect::<String>())?;
        let script = r#"mount --bind "$0" /etc/subuid && exec setpriv --reuid "$1" --regid "$1" --clear-groups "$2" doctor --no-probe"#;
        let path = path.to_string_lossy().into_owned();
        let tool = self.tool.to_string_lossy().into_owned();
        let words = [
            "unshare",
            "-m",
            "sh",
            "-c",
            script,
            &path,
            &self.args.uid.to_string(),
            &tool,
        ];
        Ok(words.map(str::to_owned).into())
    }

    fn doctor(&self, args: &[&str]) -> Vec<String> {
        let tool = self.tool.to_string_lossy().into_owned();
        let args = args.iter().map(|a| (*a).to_owned());
        [tool, "doctor".into()].into_iter().chain(args).collect()
    }

    fn command(&self, words: &[String]) -> Command {
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .env("HOME", &self.args.home)
            .env("PATH", PATH)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if rustix::process::geteuid().is_root() && words[0] != "unshare" {
            command.uid(self.args.uid).gid(self.args.uid);
        }
        command
    }

    /// Times all commands in turn; the medians in their order.
    fn rounds(&self, commands: &[Vec<String>]) -> Result<Vec<Duration>> {
        let mut times = vec![Vec::new(); commands.len()];
        for round in 0..self.args.rounds + 2 {
            for (words, times) in commands.iter().zip(&mut times) {
                let started = Instant::now();
                self.command(words)
                    .status()
                    .with_context(|| words.join(" "))?;
                if round >= 2 {
                    times.push(started.elapsed());
                }
            }
        }
        let medians = times.iter_mut().zip(commands).map(|(times, words)| {
            times.sort();
            let median = times[times.len() / 2];
            let (least, most) = (millis(times[0]), millis(times[times.len() - 1]));
            let name = words
                .join(" ")
                .replace(self.scratch.path().to_str().unwrap_or("?"), "");
            println!(
                "{:>8.1} ms ({least:.1} to {most:.1})  {name}",
                millis(median)
            );
            median
        });
        Ok(medians.collect())
    }

    /// The largest resident size of one run, in KiB.
    fn peak_memory(&self, words: &[String]) -> Result<f64> {
        let mut timed = vec!["/usr/bin/time".to_owned(), "-f".into(), "%M".into()];
        timed.extend_from_slice(words);
        let output = self
            .command(&timed)
            .stderr(Stdio::piped())
            .output()
            .context("/usr/bin/time (package `time`)")?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let last = text.lines().last().unwrap_or_default();
        last.trim()
            .parse()
            .with_context(|| format!("/usr/bin/time said {text:?}"))
    }
}

fn find(name: &str) -> Option<String> {
    let dirs = ["/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let paths = dirs.iter().map(|dir| format!("{dir}/{name}"));
    paths.into_iter().find(|path| Path::new(path).exists())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn ratio(what: &str, a: Duration, b: Duration, wanted: f64) {
    let ratio = a.as_secs_f64() / b.as_secs_f64();
    println!("{what}: {ratio:.2} (wanted <= {wanted})\n");
}
