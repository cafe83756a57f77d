//! The marked block in the rc file of the user's shell, which points programs
//! that know nothing of docker contexts to the daemon.

use std::ops::Range;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::docker_service::{STANDARD, entry};
use super::template::filled;

/// The line a block begins with.
const BEGIN: &str = "# >>> rootless-setup >>>";
/// The line it ends with.
const END: &str = "# <<< rootless-setup <<<";
/// Stands after the first line if the file's last line had no end before.
const UNENDED: &str = "# (the line before had no newline)";

/// A path that no block can hold.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Unfit {
    /// A shell this tool does not know; see [`rc_file`].
    #[error("no block for the shell {0}")]
    Shell(String),
    /// A line break could end the block, and no terminal shows such a path right.
    #[error("{} holds a control character", .0.display())]
    Control(PathBuf),
    /// An rc file is text.
    #[error("{} is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
    /// What stands in a PATH must be absolute and without a colon.
    #[error("{} cannot stand in a PATH", .0.display())]
    NoEntry(PathBuf),
}

/// A file that holds one of the two markers without the other, or not in their
/// order: where the block begins or ends would be a guess.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line} is {marker:?}, but the other end of the block is missing")]
pub struct Torn {
    /// The line, from 1.
    pub line: usize,
    /// The marker on it.
    pub marker: &'static str,
}

/// How a shell is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tongue {
    Posix,
    Fish,
}

/// The shell's name: `/usr/bin/zsh`, `zsh` and `-zsh` are all `zsh`.
fn name(shell: &str) -> &str {
    let name = shell.rsplit('/').next().unwrap_or_default();
    name.trim_start_matches('-')
}

fn tongue(shell: &str) -> Result<Tongue, Unfit> {
    match name(shell) {
        "bash" | "rbash" | "zsh" | "sh" | "dash" | "ash" | "busybox" | "ksh" | "ksh93" | "mksh"
        | "lksh" | "oksh" | "yash" => Ok(Tongue::Posix),
        "fish" => Ok(Tongue::Fish),
        other => Err(Unfit::Shell(other.to_owned())),
    }
}

/// The file the block belongs into; none for a shell we do not know (csh, nu, …).
///
/// - bash: `~/.bashrc`, read by each interactive shell; the `~/.profile` that
///   distributions lay down reads it at login too. It is where the setup script
///   sends people. A `~/.bash_profile` might not be there, and would hide
///   `~/.profile` if we made it.
/// - zsh: `~/.zshrc`, read by each interactive shell, login or not. Where
///   `$ZDOTDIR` is set, it is to be handed over as `home`.
/// - fish: `fish/config.fish` below `config` (`$XDG_CONFIG_HOME` or `~/.config`).
/// - sh, dash, ash, ksh and their like: `~/.profile`, read at login. What they
///   read when interactive is named by `$ENV`, which nobody sets by itself.
pub fn rc_file(shell: &str, home: &Path, config: &Path) -> Option<PathBuf> {
    Some(match (tongue(shell).ok()?, name(shell)) {
        (Tongue::Fish, _) => config.join("fish/config.fish"),
        (_, "bash" | "rbash") => home.join(".bashrc"),
        (_, "zsh") => home.join(".zshrc"),
        _ => home.join(".profile"),
    })
}

/// The block for a shell: `DOCKER_HOST` for the daemon's `socket`, and `dir`
/// (the directory of Docker's programs) in PATH unless each PATH has it anyway.
///
/// # Errors
/// An unknown shell; a path with a control character, not UTF-8, or that
/// cannot stand in a PATH.
pub fn text(shell: &str, socket: &Path, dir: &Path) -> Result<String, Unfit> {
    let tongue = tongue(shell)?;
    let host = quoted(tongue, &format!("unix://{}", printable(socket)?));
    printable(dir)?;
    let dir = entry(dir).ok_or_else(|| Unfit::NoEntry(dir.into()))?;
    let (block, path) = match tongue {
        Tongue::Posix => (
            include_str!("../../templates/shell-block.sh"),
            include_str!("../../templates/shell-path.sh"),
        ),
        Tongue::Fish => (
            include_str!("../../templates/shell-block.fish"),
            include_str!("../../templates/shell-path.fish"),
        ),
    };
    let mut text = format!("{BEGIN}\n{}", filled(block, &[("host", &host)]));
    if !STANDARD.contains(&dir) {
        text.push_str(&filled(path, &[("dir", &quoted(tongue, dir))]));
    }
    text.extend([END, "\n"]);
    Ok(text)
}

fn printable(path: &Path) -> Result<&str, Unfit> {
    let text = path.to_str().ok_or_else(|| Unfit::NotUtf8(path.into()))?;
    match text.contains(char::is_control) {
        true => Err(Unfit::Control(path.into())),
        false => Ok(text),
    }
}

/// In single quotes. A backslash means something in them to fish alone.
fn quoted(tongue: Tongue, text: &str) -> String {
    let inside = match tongue {
        Tongue::Posix => text.replace('\'', r"'\''"),
        Tongue::Fish => text.replace('\\', r"\\").replace('\'', r"\'"),
    };
    format!("'{inside}'")
}

/// The `DOCKER_HOST` of the block in a file; none if there is no whole block.
pub fn host(file: &str) -> Option<String> {
    let block = blocks(file).ok()?.into_iter().next()?;
    let set = ["export DOCKER_HOST=", "set -gx DOCKER_HOST "];
    let mut lines = file[block].lines();
    let value = lines.find_map(|line| set.iter().find_map(|set| line.strip_prefix(set)))?;
    Some(value.trim_end().trim_matches('\'').to_owned())
}

/// The file with `block` in it: in the place of the one that is there, else at
/// the end. Nothing else changes; a second time nothing at all.
///
/// # Errors
/// Half a block is there.
pub fn insert(file: &str, block: &str) -> Result<String, Torn> {
    let blocks = blocks(file)?;
    let Some(first) = blocks.first() else {
        return Ok(appended(file, block));
    };
    let mut text = file[..first.start].to_owned();
    match is_unended(&file[first.clone()]) {
        true => text.push_str(&unended(block)),
        false => text.push_str(block),
    }
    text.push_str(&rest(file, &blocks));
    Ok(text)
}

fn appended(file: &str, block: &str) -> String {
    match file.is_empty() || file.ends_with('\n') {
        true => [file, block].concat(),
        false => [file, "\n", &unended(block)].concat(),
    }
}

/// The block with a note that the newline before it is ours.
fn unended(block: &str) -> String {
    block.replacen('\n', &format!("\n{UNENDED}\n"), 1)
}

fn is_unended(block: &str) -> bool {
    block.lines().nth(1).map(str::trim_end) == Some(UNENDED)
}

/// The file without the block, every other byte as it was; none if there is no block.
///
/// # Errors
/// Half a block is there.
pub fn remove(file: &str) -> Result<Option<String>, Torn> {
    let blocks = blocks(file)?;
    let Some(first) = blocks.first() else {
        return Ok(None);
    };
    let mut text = file[..first.start].to_owned();
    let rest = rest(file, &blocks);
    // What somebody wrote after the block must stay on a line of its own.
    if rest.is_empty() && is_unended(&file[first.clone()]) && text.ends_with('\n') {
        text.pop();
    }
    text.push_str(&rest);
    Ok(Some(text))
}

/// What comes after the first block, without the others.
fn rest(file: &str, blocks: &[Range<usize>]) -> String {
    let ends = blocks.iter().map(|block| block.end);
    let starts = blocks.iter().skip(1).map(|block| block.start);
    ends.zip(starts.chain([file.len()]))
        .map(|(end, start)| &file[end..start])
        .collect()
}

/// Where the blocks are, markers and line ends included.
fn blocks(file: &str) -> Result<Vec<Range<usize>>, Torn> {
    let mut found = Vec::new();
    let mut begun: Option<(usize, usize)> = None;
    let mut at = 0;
    for (index, line) in file.split_inclusive('\n').enumerate() {
        let number = index + 1;
        // An editor may have left a carriage return or a blank.
        match (line.trim_end(), begun) {
            (BEGIN, None) => begun = Some((at, number)),
            (BEGIN, Some((_, line))) => return Err(torn(line, BEGIN)),
            (END, Some((start, _))) => {
                found.push(start..at + line.len());
                begun = None;
            }
            (END, None) => return Err(torn(number, END)),
            _ => {}
        }
        at += line.len();
    }
    match begun {
        Some((_, line)) => Err(torn(line, BEGIN)),
        None => Ok(found),
    }
}

fn torn(line: usize, marker: &'static str) -> Torn {
    Torn { line, marker }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const SOCKET: &str = "/run/user/1000/docker.sock";
    /// What a path may hold and a shell may trip over.
    const HOSTILE: [&str; 7] = [
        "/home/a b/bin",
        "/home/it's/'bin",
        "/home/$(touch x)`id`/$HOME/bin",
        "/home/\"q\"\\n\\\\/bin\\",
        "/home/*?[a-z]/{a,b}/~/!!/bin",
        "/home/é ü/\u{1f433};#&|<>/bin",
        "/home/{{host}}/-n/bin",
    ];

    fn block(dir: &str) -> String {
        text("bash", Path::new(SOCKET), Path::new(dir)).expect("block")
    }

    #[test]
    fn the_right_files() {
        let of = |shell| rc_file(shell, Path::new("/h"), Path::new("/c"));
        assert_eq!(of("/bin/bash"), Some("/h/.bashrc".into()));
        assert_eq!(of("-zsh"), Some("/h/.zshrc".into()));
        assert_eq!(of("/usr/bin/fish"), Some("/c/fish/config.fish".into()));
        for shell in ["/bin/sh", "dash", "mksh", "/usr/bin/ksh93"] {
            assert_eq!(of(shell), Some("/h/.profile".into()));
        }
        for shell in ["", "/", "/usr/sbin/nologin", "tcsh", "nu"] {
            assert_eq!(of(shell), None);
        }
    }

    #[test]
    fn the_blocks() {
        assert_eq!(
            block("/usr/bin"),
            "# >>> rootless-setup >>>\n# Written by rootless-setup; `rootless-setup uninstall` takes it out again.\n\
             export DOCKER_HOST='unix:///run/user/1000/docker.sock'\n# <<< rootless-setup <<<\n"
        );
        let fish = text("fish", Path::new(SOCKET), Path::new("/it's\\")).expect("block");
        assert!(fish.contains("contains -- '/it\\'s\\\\' $PATH\n"), "{fish}");
    }

    #[test]
    fn paths_that_do_not_fit() {
        let of = |dir| text("sh", Path::new(SOCKET), Path::new(dir));
        assert!(matches!(of("/a\nb"), Err(Unfit::Control(_))));
        assert!(matches!(of("/a:b"), Err(Unfit::NoEntry(_))));
        assert!(matches!(of("bin"), Err(Unfit::NoEntry(_))));
        let socket = Path::new("/a\u{1b}/docker.sock");
        assert!(matches!(
            text("sh", socket, Path::new("/b")),
            Err(Unfit::Control(_))
        ));
        assert_eq!(
            text("tcsh", socket, Path::new("/b")),
            Err(Unfit::Shell("tcsh".into()))
        );
    }

    /// What the shell has after the block, read twice: DOCKER_HOST and PATH.
    fn run(shell: &str, dir: &str) -> Option<(String, String)> {
        let socket = format!("{dir}/docker.sock");
        let block = text(shell, Path::new(&socket), Path::new(dir)).expect("block");
        let print = "printf '%s\\n' \"$DOCKER_HOST\"\n";
        let path = match shell {
            "fish" => "string join : $PATH\n",
            _ => "printf '%s\\n' \"$PATH\"\n",
        };
        let script = format!("{block}{block}{print}{path}");
        let home = tempfile::tempdir().expect("directory");
        #[expect(clippy::disallowed_methods, reason = "the shell itself decides")]
        let mut command = Command::new(shell);
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.env("HOME", home.path()).args(["-c", &script]);
        let output = command.output().ok()?;
        assert!(output.stderr.is_empty(), "{shell}: {output:?}");
        let output = String::from_utf8(output.stdout).expect("UTF-8");
        let (host, path) = output.split_once('\n').expect("two lines");
        Some((host.to_owned(), path.trim_end_matches('\n').to_owned()))
    }

    #[test]
    fn shells_read_what_was_meant() {
        for shell in ["bash", "dash", "zsh", "fish", "ksh", "mksh"] {
            for dir in HOSTILE {
                let Some((host, path)) = run(shell, dir) else {
                    continue;
                };
                assert_eq!(host, format!("unix://{dir}/docker.sock"), "{shell}");
                assert_eq!(path, format!("{dir}:/usr/bin:/bin"), "{shell}");
            }
        }
    }

    #[test]
    fn half_a_block_is_no_block() {
        let of = |file: &str| remove(file).expect_err("torn").line;
        assert_eq!(of("a\n# >>> rootless-setup >>>\nb\n"), 2);
        assert_eq!(of("# <<< rootless-setup <<<"), 1);
        assert_eq!(of(&format!("{BEGIN}\n{BEGIN}\n{END}\n")), 1);
        assert_eq!(of(&format!("{BEGIN}\n{END}\n{END}\n")), 3);
        assert_eq!(
            insert(&format!("x\n{END}\n"), "")
                .expect_err("torn")
                .to_string(),
            "line 2 is \"# <<< rootless-setup <<<\", but the other end of the block is missing"
        );
        assert_eq!(remove(&format!("echo '{BEGIN}'\n")), Ok(None));
    }

    #[test]
    fn what_came_after_it_stays() {
        let block = block("/x");
        let file = insert("a", &block).expect("whole") + "b";
        assert_eq!(remove(&file), Ok(Some("a\nb".into())));
        let windows = file.replace('\n', "\r\n");
        assert_eq!(remove(&windows), Ok(Some("a\r\nb".into())));
        // Two blocks are as good as one.
        let two = format!("a\n{block}b\n{block}c\n");
        assert_eq!(insert(&two, &block), Ok(format!("a\n{block}b\nc\n")));
        assert_eq!(remove(&two), Ok(Some("a\nb\nc\n".into())));
    }

    proptest::proptest! {
        #[test]
        fn there_and_back(file in "([a-z# \\r]{0,9}\n?){0,9}", more in "[a-z\n]{0,9}") {
            let old = insert(&file, &block("/old")).expect("whole");
            let new = insert(&old, &block("/new")).expect("whole");
            assert_eq!(insert(&new, &block("/new")).as_ref(), Ok(&new));
            assert_eq!(insert(&file, &block("/new")), Ok(new.clone()));
            assert_eq!(remove(&new), Ok(Some(file.clone())));
            assert!(remove(&(new + &more)).expect("whole").expect("there").starts_with(&file));
        }

        #[test]
        fn never_panics(file in "(# >>> rootless-setup >>>|# <<< rootless-setup <<<|\n|.){0,9}") {
            let _ = remove(&file);
            let _ = insert(&file, "x\ny\n");
        }
    }
}
