//! `cargo xtask explain-bench`: what `explain` makes of a large journal, against
//! `grep -E -f` with the same patterns, in turn.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Deserialize;

/// How large, how often, and which program.
#[derive(clap::Args)]
pub struct Args {
    /// Size of the journal in MiB; a half and a quarter of it are measured, too
    #[arg(long, default_value_t = 1024)]
    size: u64,
    /// Counted rounds; one more comes first
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The program to time
    #[arg(long, default_value = "target/release/rootless-setup")]
    tool: PathBuf,
    /// Where the journal is written
    #[arg(long, default_value = "/tmp")]
    dir: PathBuf,
}

#[derive(Deserialize)]
struct Catalogue {
    issue: Vec<Issue>,
}

#[derive(Deserialize)]
struct Issue {
    patterns: Vec<String>,
    sample: String,
}

/// Wall time, time of the processors, in seconds, and the most memory, in MiB.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
    memory: f64,
}

/// Runs the benchmark and prints its table.
pub fn main(args: Args) -> Result<()> {
    let text = std::fs::read_to_string("checks/known-issues.toml")?;
    let catalogue: Catalogue = toml::from_str(&text)?;
    let scratch = tempfile::tempdir_in(&args.dir)?;
    let patterns = scratch.path().join("patterns");
    std::fs::write(&patterns, for_grep(&catalogue))?;
    let tool = args.tool.to_string_lossy().into_owned();
    for size in [args.size / 4, args.size / 2, args.size] {
        let journal = scratch.path().join("journal");
        write_journal(&journal, size << 20, &catalogue)?;
        let journal = journal.to_string_lossy().into_owned();
        let explain = [&tool, "explain", "--no-host", "--format", "json", &journal];
        let patterns = patterns.to_string_lossy();
        let grep = ["grep", "-c", "-E", "-f", &patterns, &journal];
        let commands = [("C.UTF-8", &explain[..]), ("C.UTF-8", &grep), ("C", &grep)];
        let costs = in_turn(&commands, args.rounds)?;
        println!("{size} MiB");
        for (name, cost) in ["explain", "grep, C.UTF-8", "grep, C"].iter().zip(&costs) {
            let Cost { wall, cpu, memory } = cost;
            println!(
                "  {name:<14} {wall:>7.2} s  processors {cpu:>6.2} s  memory {memory:>5.1} MiB"
            );
        }
        let ratio = |of: fn(&Cost) -> f64, other: usize| of(&costs[other]) / of(&costs[0]);
        println!(
            "  faster by {:.1} and {:.1} (wanted >= 5); by time of the processors {:.1} and {:.1}\n",
            ratio(|c| c.wall, 1),
            ratio(|c| c.wall, 2),
            ratio(|c| c.cpu, 1),
            ratio(|c| c.cpu, 2),
        );
    }
    println!("(wanted: memory <= 32 MiB, and linear)");
    Ok(())
}

/// The patterns in grep's form: the same words, grouped as it can.
fn for_grep(catalogue: &Catalogue) -> String {
    let all = catalogue.issue.iter().flat_map(|issue| &issue.patterns);
    all.fold(String::new(), |mut text, pattern| {
        let pattern = pattern.replace("(?:", "(").replace(r"\d", "[0-9]");
        let _ = writeln!(text, "{pattern}");
        text
    })
}

/// Median of each command's rounds, all timed in turn.
fn in_turn(commands: &[(&str, &[&str])], rounds: usize) -> Result<Vec<Cost>> {
    let mut costs = vec![Vec::new(); commands.len()];
    for round in 0..=rounds {
        for ((locale, words), costs) in commands.iter().zip(&mut costs) {
            let cost = cost(locale, words)?;
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    let medians = costs.iter_mut().map(|costs| {
        costs.sort_by(|a, b| a.wall.total_cmp(&b.wall));
        costs[costs.len() / 2]
    });
    Ok(medians.collect())
}

fn cost(locale: &str, words: &[&str]) -> Result<Cost> {
    let started = Instant::now();
    let output = Command::new("/usr/bin/time")
        .args(["-f", "%U %S %M"])
        .args(words)
        .env("LC_ALL", locale)
        .stdin(Stdio::null())
        // With nothing to print to, grep is content with the first match.
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .context("/usr/bin/time (package `time`)")?;
    let wall = started.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = text.lines().last().unwrap_or_default();
    let figures: Vec<f64> = last.split(' ').filter_map(|f| f.parse().ok()).collect();
    let [user, system, memory] = figures[..] else {
        anyhow::bail!("{words:?}: {text}");
    };
    Ok(Cost {
        wall,
        cpu: user + system,
        memory: memory / 1024.0,
    })
}

/// A journal as `journalctl` prints it: many services, Docker among them, and a
/// known issue every 5000 lines. The same for the same size.
fn write_journal(path: &Path, size: u64, catalogue: &Catalogue) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut random = 7_u64;
    let (mut written, mut line) = (0, 0_usize);
    while written < size {
        line += 1;
        let mut next = |most: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) % most
        };
        let text = match line % 5000 {
            0 => {
                let issue = &catalogue.issue[line / 5000 % catalogue.issue.len()];
                format!("dockerd-rootless.sh[{}]: {}", next(9999), issue.sample)
            }
            _ => ordinary(&mut next),
        };
        let time = format!(
            "Nov {:2} {:02}:{:02}:{:02}",
            1 + line / 600_000 % 28,
            line / 25_000 % 24,
            line / 420 % 60,
            line / 7 % 60
        );
        let text = format!("{time} web1 {text}\n");
        written += text.len() as u64;
        out.write_all(text.as_bytes())?;
    }
    Ok(out.flush()?)
}

fn ordinary(next: &mut impl FnMut(u64) -> u64) -> String {
    let (a, b, c) = (next(9999), next(255), next(65535));
    match next(12) {
        0 => format!(
            "sshd[{a}]: Accepted publickey for alice from 192.0.2.{b} port {c} ssh2: ED25519 SHA256:{c:043x}"
        ),
        1 => format!(
            "sshd[{a}]: Failed password for invalid user admin{c} from 203.0.113.{b} port {c} ssh2"
        ),
        2 => format!("systemd[1]: Started Session {a} of User alice."),
        3 => format!(
            "kernel: [UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:{b:02x} SRC=198.51.100.{b} DST=192.0.2.1 LEN=40 TTL=52 ID={c} PROTO=TCP SPT={c} DPT={a} WINDOW=1024 SYN"
        ),
        4 => format!("CRON[{a}]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)"),
        5 => format!(
            "dockerd-rootless.sh[{a}]: time=\"2026-11-01T10:00:00.{c:09}Z\" level=info msg=\"ignoring event\" container={c:064x} module=libcontainerd namespace=moby topic=/tasks/delete type=\"*events.TaskDelete\""
        ),
        6 => format!(
            "NetworkManager[611]: <info>  [1700000000.{a:04}] dhcp4 (eth0): state changed new lease, address=192.0.2.{b}"
        ),
        7 => format!(
            "systemd-resolved[402]: Using degraded feature set UDP instead of UDP+EDNS0 for DNS server 192.0.2.{b}."
        ),
        8 => format!(
            "nginx[{a}]: 198.51.100.{b} - - [01/Nov/2026:10:00:00 +0000] \"GET /api/v1/items/{c} HTTP/1.1\" 200 {a} \"-\" \"Mozilla/5.0\""
        ),
        9 => format!(
            "postgres[{a}]: [{b}-1] LOG:  checkpoint complete: wrote {c} buffers (0.1%); 0 WAL file(s) added"
        ),
        10 => format!(
            "sudo[{a}]: pam_unix(sudo:session): session opened for user root(uid=0) by alice(uid=1000)"
        ),
        _ => format!(
            "kernel: audit: type=1400 audit(1700000000.{a}:{c}): apparmor=\"STATUS\" operation=\"profile_load\" profile=\"unconfined\" name=\"snap.x\" pid={a} comm=\"apparmor_parser\""
        ),
    }
}
