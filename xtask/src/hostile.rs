//! `cargo xtask bench-hostile`: what a home made to cost much costs `doctor`.
//!
//! Each input is made in a home of its own. `doctor --timeout` runs there as an
//! ordinary user, and where this is root also as root for that user, whose
//! account exists in a mount namespace only. Peak memory is `VmHWM`.

mod inputs;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use inputs::Input;

/// What is run, and what it can cost.
#[derive(clap::Args)]
pub struct Args {
    /// The program to run
    #[arg(long, default_value = "target/release/rootless-setup")]
    tool: PathBuf,
    /// The time that doctor is given, in seconds
    #[arg(long, default_value_t = 5)]
    timeout: u64,
    /// So many seconds more are allowed
    #[arg(long, default_value_t = 2)]
    slack: u64,
    /// Most memory, in MiB
    #[arg(long, default_value_t = 64)]
    memory: u64,
    /// Uid of the ordinary user, when this is root
    #[arg(long, default_value_t = 64_001)]
    uid: u32,
    /// Only the inputs whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Also run this other program, for comparison; its costs do not count
    #[arg(long)]
    before: Option<PathBuf>,
}

/// A run is ended after so long, whatever was asked for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The account, in a mount namespace only.
const ACCOUNT: &str = "hostile";

struct Bench {
    args: Args,
    scratch: tempfile::TempDir,
    is_root: bool,
}

/// What one run cost.
struct Cost {
    time: Duration,
    kib: u64,
    exit: String,
}

/// Makes every input, runs the program on it and prints the table.
pub fn main(args: Args) -> Result<ExitCode> {
    let scratch = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()?;
    let is_root = rustix::process::geteuid().is_root();
    let bench = Bench {
        args,
        scratch,
        is_root,
    };
    let tools = bench.tools()?;
    println!("| input | program | as | time | peak memory | exit |");
    println!("|---|---|---|---|---|---|");
    let mut exceeded = false;
    for input in inputs::ALL.iter().filter(|input| bench.is_asked(input)) {
        let home = bench.home(input)?;
        for (name, tool) in &tools {
            exceeded |= bench.rows(input, &home, name, tool)? && name == "this";
        }
        std::fs::remove_dir_all(&home)?;
    }
    Ok(match exceeded {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

impl Bench {
    /// Copies of the programs: the build tree may be closed to ordinary users.
    fn tools(&self) -> Result<Vec<(String, PathBuf)>> {
        let mut tools = Vec::new();
        let all = [
            ("this", Some(&self.args.tool)),
            ("before", self.args.before.as_ref()),
        ];
        for (name, path) in all {
            let Some(path) = path else { continue };
            let copy = self.scratch.path().join(name);
            std::fs::copy(path, &copy)
                .with_context(|| format!("{}: cargo build --release first", path.display()))?;
            tools.push((name.to_owned(), copy));
        }
        Ok(tools)
    }

    fn is_asked(&self, input: &Input) -> bool {
        let only = self.args.only.as_deref();
        only.is_none_or(|only| input.name.contains(only))
    }

    fn home(&self, input: &Input) -> Result<PathBuf> {
        let home = self.scratch.path().join("home");
        std::fs::create_dir(&home)?;
        (input.make)(&home).with_context(|| input.name.to_owned())?;
        if self.is_root {
            let owner = format!("{0}:{0}", self.args.uid);
            let done = Command::new("chown")
                .args(["-RhP", &owner])
                .arg(&home)
                .status()?;
            anyhow::ensure!(done.success(), "chown fails");
        }
        Ok(home)
    }

    /// One row as the user, one as root for the user; whether a limit is exceeded.
    fn rows(&self, input: &Input, home: &Path, name: &str, tool: &Path) -> Result<bool> {
        let mut runs = vec![("user", self.as_user(tool, home))];
        if self.is_root {
            runs.push(("root", self.as_root(tool, home)?));
        }
        let mut exceeded = false;
        for (who, command) in runs {
            let cost = cost(command)?;
            let longest = Duration::from_secs(self.args.timeout + self.args.slack);
            let over = cost.time > longest || cost.kib > self.args.memory << 10;
            let mark = if over { " **over**" } else { "" };
            println!(
                "| {} | {name} | {who} | {:.1} s | {:.1} MiB{mark} | {} |",
                input.name,
                cost.time.as_secs_f64(),
                cost.kib as f64 / 1024.0,
                cost.exit
            );
            exceeded |= over;
        }
        Ok(exceeded)
    }

    fn as_user(&self, tool: &Path, home: &Path) -> Command {
        let mut command = Command::new(tool);
        command.args(["doctor", "--timeout", &self.args.timeout.to_string()]);
        command.env_clear().env("HOME", home).env("PATH", PATH);
        if self.is_root {
            command.uid(self.args.uid).gid(self.args.uid);
        }
        command
    }

    /// Root examines the account, which exists in a mount namespace only.
    fn as_root(&self, tool: &Path, home: &Path) -> Result<Command> {
        let passwd = self.scratch.path().join("passwd");
        let (uid, home) = (self.args.uid, home.display());
        let own = std::fs::read_to_string("/etc/passwd")?;
        let line = format!("{ACCOUNT}:x:{uid}:{uid}::{home}:/bin/sh\n");
        std::fs::write(&passwd, own + &line)?;
        let script =
            r#"mount --bind "$0" /etc/passwd && exec "$1" doctor --user "$2" --timeout "$3""#;
        let mut command = Command::new("unshare");
        command
            .args(["-m", "sh", "-c", script])
            .arg(&passwd)
            .arg(tool);
        command.args([ACCOUNT, &self.args.timeout.to_string()]);
        command.env_clear().env("HOME", "/root").env("PATH", PATH);
        Ok(command)
    }
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a command in a process group of its own, looking at its memory.
fn cost(mut command: Command) -> Result<Cost> {
    command.current_dir("/").process_group(0);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = Instant::now();
    let mut child = command.spawn()?;
    let mut kib = 0;
    let exit = loop {
        kib = kib.max(peak_kib(&child));
        if let Some(status) = child.try_wait()? {
            break status
                .code()
                .map_or("killed".to_owned(), |code| code.to_string());
        }
        if started.elapsed() > PATIENCE {
            end(&mut child);
            break format!("ended after {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Ok(Cost {
        time: started.elapsed(),
        kib,
        exit,
    })
}

/// `VmHWM`, which only grows; 0 once the process has ended.
fn peak_kib(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

fn end(child: &mut Child) {
    let group = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}
