//! `cargo xtask vm pictures`: the README's pictures, from real runs in a guest.

mod svg;

use super::cache::Cache;
use super::guest::Guest;
use super::ssh::quote;
use super::suite::Suite;
use super::trial::Lab;
use super::{program, script};
use anyhow::{Context, Result, ensure};
use clap::Args as ClapArgs;
use std::fs;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(ClapArgs)]
pub struct Args {
    /// The program; by default it is built from this tree
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Where the pictures go
    #[arg(long, default_value = "docs/pictures")]
    out: PathBuf,
}

/// A host as it often is: an account from a directory, which has no subordinate
/// ids, and a system that was installed without `uidmap`.
const BREAK: &str = "unpackage uidmap; sed -i /^alice:/d /etc/subuid /etc/subgid";

/// Columns of the terminal.
const COLUMNS: NonZero<u16> = NonZero::new(80).expect("not zero");

/// More than any of the runs prints.
const ROWS: NonZero<u16> = NonZero::new(400).expect("not zero");

/// What is shown: a name, who runs it, the command, what it is answered.
struct Scene {
    name: &'static str,
    what: &'static str,
    user: &'static str,
    command: &'static str,
    answers: &'static str,
}

const SCENES: [Scene; 3] = [
    Scene {
        name: "doctor",
        what: "rootless-setup doctor names two missing things and the commands that mend them",
        user: "alice",
        command: "rootless-setup doctor",
        answers: "",
    },
    Scene {
        name: "prepare",
        what: "rootless-setup prepare mends them, as root, and examines again",
        user: "root",
        command: "rootless-setup prepare --user alice",
        answers: "y\n",
    },
    Scene {
        name: "install",
        what: "rootless-setup install shows its plan, carries it out and runs a container",
        user: "alice",
        command: "rootless-setup install --verify",
        answers: "n\ny\n",
    },
];

pub fn main(args: Args) -> Result<ExitCode> {
    let program = args.binary.map_or_else(program::build, Ok)?;
    let lab = Lab {
        cache: Cache::open()?,
        program: Some(program),
        differential: false,
        keep: false,
        transcripts: PathBuf::new(),
    };
    let guest = lab.prepare(Suite::Trixie, &[])?;
    let broken = guest.door.run("root", &script::strict(BREAK), PATIENCE)?;
    broken.ok("the break script")?;
    fs::create_dir_all(&args.out)?;
    for scene in SCENES {
        let path = args.out.join(format!("{}.svg", scene.name));
        let screen = play(&guest, &scene)?;
        let prompt = if scene.user == "root" { "#" } else { "$" };
        let picture = svg::picture(&screen, &format!("{prompt} {}", scene.command), scene.what);
        fs::write(&path, picture).with_context(|| format!("failed to write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Seconds that a run may take.
const PATIENCE: u64 = 400;

/// Runs it on a terminal in the guest; the terminal as it was at the end.
fn play(guest: &Guest, scene: &Scene) -> Result<vt100::Parser> {
    let inside = format!("stty cols {COLUMNS} rows {ROWS}; exec {}", scene.command);
    // Each answer waits for its question; a letter is answer enough.
    let line = format!(
        "{}export TERM=xterm-256color LANG=C.UTF-8; cd; \
         {{ printf %s {} | while IFS= read -r word; do sleep 15; printf %s \"$word\"; done; sleep 1; }} | \
         script -qec {} /dev/null",
        script::ROOTS_PATH,
        quote(scene.answers),
        quote(&inside)
    );
    let said = guest.door.run(scene.user, &line, PATIENCE)?;
    ensure!(
        !said.stdout.is_empty(),
        "{} printed nothing: {}",
        scene.command,
        said.stderr
    );
    let mut parser = vt100::Parser::new(ROWS, COLUMNS, 0);
    parser.process(said.stdout.as_bytes());
    Ok(parser)
}
