//! What each tool says in a broken guest: ours, and the ones it is measured by.

use super::case::Case;
use super::login;
use super::ssh::Door;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One tool's answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Said {
    pub exit: i32,
    pub millis: u64,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Answers by the name of the tool.
pub type Observed = BTreeMap<String, Said>;

pub const DOCTOR: &str = "doctor";
pub const CHECK: &str = "setuptool check";
pub const ROOTLESSKIT: &str = "rootlesskit true";
pub const INSTALL: &str = "setuptool install";
pub const HELLO: &str = "docker run";

/// Where the harness puts the program in the guest.
pub const PROGRAM: &str = "/usr/local/bin/rootless-setup";

/// Seconds for a report. Under emulation everything takes some thirty times as
/// long: what would be late on a real machine is not what a case is about.
const PATIENCE: u32 = 60;

/// Which of the tools to ask.
#[derive(Clone, Copy)]
pub struct Ask {
    pub doctor: bool,
    pub differential: bool,
}

/// Asks the tools, one after the other, in one login of alice.
pub fn observe(door: &Door, case: &Case, ask: Ask) -> Result<Observed> {
    let mut script = TELL.to_owned();
    if ask.doctor {
        let args = case.doctor_args.join(" ");
        script.push_str(&format!(
            "tell 90 '{DOCTOR}' {PROGRAM} doctor --format json --timeout {PATIENCE} {args}\n"
        ));
    }
    if ask.differential || !ask.doctor {
        script.push_str(&format!(
            "tell 60 '{CHECK}' dockerd-rootless-setuptool.sh check\n"
        ));
        script.push_str(&format!("tell 60 '{ROOTLESSKIT}' rootlesskit true\n"));
    }
    if ask.differential {
        script.push_str(&format!(
            "tell 120 '{INSTALL}' dockerd-rootless-setuptool.sh install\n"
        ));
        script.push_str(&format!("tell 180 '{HELLO}' sh -c '{RUN_HELLO}'\n"));
    }
    let output = login::run(
        door,
        case,
        &script,
        if ask.differential { 600 } else { 240 },
    )?;
    parse(&output.stdout)
        .with_context(|| format!("the guest's answer: {}{}", output.stdout, output.stderr))
}

/// `tell SECONDS NAME COMMAND…`: runs it and prints what it said as one section.
/// The sizes come first, so that no output can be mistaken for a heading.
const TELL: &str = r#"
tell() {
    limit=$1 name=$2; shift 2
    dir=$(mktemp -d /tmp/tell.XXXXXX) || exit 90
    start=$(date +%s%N)
    timeout -k 5 "$limit" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    code=$?
    end=$(date +%s%N)
    printf '@@ %s %s %s %s %s\n' "$code" $(((end - start) / 1000000)) \
        "$(wc -c <"$dir/out")" "$(wc -c <"$dir/err")" "$name"
    cat "$dir/out" "$dir/err"
    rm -rf "$dir"
}
"#;

/// The proof that it works: a container from an image made of one file. Where no
/// service brings a daemon up, it is started by hand, as the setup script says.
/// (It is one shell word: no single quotes.)
const RUN_HELLO: &str = r#"
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-$HOME/.docker/run}"
export DOCKER_HOST="unix://$XDG_RUNTIME_DIR/docker.sock" PATH="$PATH:/usr/sbin:/sbin"
answers() { for i in $(seq $1); do timeout 20 docker info >/dev/null 2>&1 && return; "$2" || break; sleep 1; done; false; }
active() { systemctl --user is-active -q docker.service; }
alive() { kill -0 "$daemon" 2>/dev/null; }
if ! { active && answers 20 active; } 2>/dev/null; then
    mkdir -p -m 700 "$XDG_RUNTIME_DIR"
    setsid dockerd-rootless.sh >/tmp/dockerd.log 2>&1 &
    daemon=$!
    if ! answers 40 alive; then tail -n 15 /tmp/dockerd.log >&2; exit 1; fi
    echo started by hand
fi
bb=$(command -v busybox) && tar -C "${bb%/*}" -c busybox | docker import - bb &&
    exec docker run --rm bb /busybox echo hello"#;

/// Reads the sections that `tell` printed. Sizes are in bytes.
fn parse(text: &str) -> Result<Observed> {
    let mut observed = Observed::new();
    let Some(start) = text.find("@@ ") else {
        return Ok(observed);
    };
    let mut rest = &text[start..];
    while let Some(section) = rest.strip_prefix("@@ ") {
        let (heading, body) = section
            .split_once('\n')
            .context("a section without a heading")?;
        let words: Vec<&str> = heading.splitn(5, ' ').collect();
        let [exit, millis, out, err, name] = words[..] else {
            anyhow::bail!("a heading of the wrong form: {heading}");
        };
        let (out, err): (usize, usize) = (out.parse()?, err.parse()?);
        let stdout = body.get(..out).context("a section that was cut off")?;
        let stderr = body
            .get(out..out + err)
            .context("a section that was cut off")?;
        let said = Said {
            exit: exit.parse()?,
            millis: millis.parse()?,
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        };
        observed.insert(name.to_owned(), said);
        rest = &body[out + err..];
    }
    Ok(observed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_by_size() {
        let text = "motd\n@@ 1 20 5 3 a b\n@@ x\nerr@@ 0 1 0 0 c\n";
        let observed = parse(text).unwrap();
        assert_eq!(observed["a b"].stdout, "@@ x\n");
        assert_eq!(observed["a b"].stderr, "err");
        assert_eq!(observed["c"].exit, 0);
        assert!(parse("@@ 1 20 50 3 a\nshort").is_err());
    }
}
