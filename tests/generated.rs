//! What `generate` makes: pages that are sound and up to date, a manual that
//! groff takes without a word, completions that the real shells offer.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    missing_docs
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

const TOOL: &str = env!("CARGO_BIN_EXE_rootless-setup");

fn stdout(args: &[&str]) -> String {
    let output = Command::new(TOOL).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn files(dir: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn the_pages_of_the_checks_are_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    stdout(&["generate", "checks", dir.path().to_str().unwrap()]);
    let (made, there) = (files(dir.path()), files(Path::new("docs/checks")));
    let stale = |name: &&String| there.get(*name) != made.get(*name);
    let differ: Vec<&String> = made.keys().chain(there.keys()).filter(stale).collect();
    assert!(
        differ.is_empty(),
        "cargo run -- generate checks docs/checks; and remove what is no longer made: {differ:?}"
    );
    let all = stdout(&["generate", "checks"]);
    assert!(made.values().all(|page| all.contains(page.as_str())));
}

#[test]
fn the_pages_of_the_checks_are_sound() {
    let pages = files(Path::new("docs/checks"));
    let checks = stdout(&["checks", "list"]).lines().count();
    assert_eq!(pages.len(), checks + 1);
    for (name, page) in &pages {
        sound(name, page, &pages);
    }
    let rows = |page: &str| {
        let events = Parser::new_ext(page, Options::ENABLE_TABLES);
        let row = |event: &Event<'_>| matches!(event, Event::Start(Tag::TableRow));
        events.filter(row).count()
    };
    assert_eq!(rows(&pages["README.md"]), checks, "a row for each check");
}

/// No markup but our own, and every link leads somewhere.
fn sound(name: &str, page: &str, pages: &BTreeMap<String, String>) {
    let (mut table, mut cells, mut titles) = (0, 0, 0);
    for event in Parser::new_ext(page, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Html(text) | Event::InlineHtml(text) => panic!("{name}: {text}"),
            Event::Start(Tag::Emphasis | Tag::Strikethrough | Tag::BlockQuote(_)) => {
                panic!("{name}: markup that nobody meant")
            }
            Event::Start(Tag::Heading { .. }) => titles += 1,
            Event::Start(Tag::Table(columns)) => table = columns.len(),
            Event::Start(Tag::TableRow) => cells = 0,
            Event::Start(Tag::TableCell) => cells += 1,
            Event::End(TagEnd::TableRow) => assert_eq!(cells, table, "{name}"),
            Event::Start(Tag::Link { dest_url, .. }) => assert!(
                dest_url.starts_with("https://") || pages.contains_key(&*dest_url),
                "{name}: {dest_url}"
            ),
            _ => {}
        }
    }
    assert!(titles > 1, "{name}");
    assert!(!page.contains("\n\n\n") && page.ends_with('\n'), "{name}");
}

#[test]
fn the_manual_has_every_command_and_option() {
    let page = stdout(&["generate", "man"]);
    assert!(page.is_ascii());
    let manual = page.replace("\\-", "-");
    for command in [
        "doctor",
        "install",
        "report summary",
        "generate completions",
    ] {
        let heading = format!(".SS \"rootless-setup {command}");
        assert!(manual.contains(&heading), "{command}");
    }
    let help = stdout(&["install", "--help"]);
    let options = help.split_whitespace().filter(|w| w.starts_with("--"));
    for option in options {
        let name = option
            .split(['=', '[', '<', ',', '.', ')', ';'])
            .next()
            .unwrap();
        assert!(manual.contains(name), "{name}");
    }
    let Some(groff) = run("groff", &["-man", "-Tutf8", "-ww", "-z"], Some(&page)) else {
        return;
    };
    let said = String::from_utf8_lossy(&groff.stderr).into_owned();
    assert!(groff.status.success() && said.is_empty(), "{said}");
}

/// Runs a program that may be missing; says so if it is.
fn run(program: &str, args: &[&str], input: Option<&str>) -> Option<Output> {
    let dir = Path::new(TOOL).parent().unwrap().display();
    let mut command = Command::new(program);
    command
        .args(args)
        .env("PATH", format!("{dir}:{}", std::env::var("PATH").unwrap()))
        .env("HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("skipped: there is no {program} here");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    let text = input.unwrap_or_default().to_owned();
    let writer = std::thread::spawn(move || {
        let _ = std::io::Write::write_all(&mut stdin, text.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Some(output)
}

/// What a shell offers, as its completion script hands it over.
fn offered(shell: &str, script: &str) -> Option<Vec<String>> {
    let args: &[&str] = match shell {
        "bash" => &["--norc", "--noprofile", "-c", script],
        "zsh" => &["-f", "-c", script],
        _ => &["--no-config", "-c", script],
    };
    let output = run(shell, args, None)?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.is_empty(), "{shell}: {said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let bare = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
    Some(text.lines().map(bare).collect())
}

/// Command lines up to the cursor, and a word that is offered there.
const LINES: [(&str, &str); 7] = [
    ("doc", "doctor"),
    ("fix subid.subuid-r", "subid.subuid-range"),
    (
        "prepare --user a --only userns.probe,subid.subuid-r",
        "userns.probe,subid.subuid-range",
    ),
    ("explain subuid-m", "subuid-missing"),
    ("install --net pa", "pasta"),
    ("install --port-driver ", "implicit"),
    ("generate completions z", "zsh"),
];

#[test]
fn bash_offers_what_fits() {
    let script = stdout(&["generate", "completions", "bash"]);
    let offer = |words: &str, count: usize| {
        let call = format!(
            "{script}\ncompopt() {{ echo \":$2\"; }}\nCOMP_WORDS=(rootless-setup {words})\n\
             COMP_CWORD={count}\n_rootless_setup\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        );
        offered("bash", &call)
    };
    for (line, word) in LINES {
        let words = line.replace(' ', "' '");
        let Some(found) = offer(&format!("'{words}'"), line.split(' ').count()) else {
            return;
        };
        assert!(found.contains(&word.to_owned()), "{line}: {found:?}");
    }
    // Readline splits there, and replaces what follows the sign.
    assert_eq!(offer("install --net = pa", 4).unwrap(), ["pasta"]);
    assert_eq!(offer("install --config ''", 3).unwrap(), [":default", ""]);
    assert_eq!(offer("fix nothing-of-this-name", 2).unwrap(), [""]);
}

#[test]
fn zsh_offers_what_fits() {
    let script = stdout(&["generate", "completions", "zsh"]);
    let offer = |line: &str| {
        let count = line.split(' ').count() + 1;
        let words = line.replace(' ', "' '");
        let (before, prefix) = line.rsplit_once(' ').unwrap_or(("", line));
        let _ = before;
        let call = format!(
            "compdef() {{ : }}\n_files() {{ echo :files }}\n\
             _describe() {{ print -rl -- \"${{(@P)@[-1]%%:*}}\" }}\n{script}\n\
             words=(rootless-setup '{words}') CURRENT={count} PREFIX='{prefix}'\n_rootless_setup\n"
        );
        offered("zsh", &call)
    };
    for (line, word) in LINES {
        let Some(found) = offer(line) else { return };
        assert!(found.contains(&word.to_owned()), "{line}: {found:?}");
    }
    assert_eq!(offer("install --net=pa").unwrap(), ["--net=pasta"]);
    assert_eq!(offer("install --config ").unwrap(), [":files"]);
}

#[test]
fn fish_offers_what_fits() {
    let script = stdout(&["generate", "completions", "fish"]);
    let offer = |line: &str| {
        let call = format!("{script}\ncomplete -C 'rootless-setup {line}'\n");
        offered("fish", &call)
    };
    for (line, word) in LINES {
        let Some(found) = offer(line) else { return };
        assert!(found.contains(&word.to_owned()), "{line}: {found:?}");
    }
    assert_eq!(offer("install --net=pa").unwrap(), ["--net=pasta"]);
    assert!(
        offer("install --config /etc/host")
            .unwrap()
            .contains(&"/etc/hosts".to_owned())
    );
}
