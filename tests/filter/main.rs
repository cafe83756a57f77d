//! Every string from outside passes one filter before it is printed: hostile
//! characters through every command that prints foreign text.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

mod hostile;

use std::ffi::OsString;
use std::process::Command;

use hostile::{Home, all, argument, names, some};
use serde_json::{Value, json};

const HOST: &str = "tests/hosts/ubuntu-24.04-home-bin.toml";

/// A site's check with a hostile character wherever one can be.
fn site(hostile: &str) -> String {
    let text = |words: &str| toml::Value::from(format!("{words} {hostile}"));
    let mut file: toml::Table = toml::from_str(
        "[[check]]\nlevel = 'required'\n\
         predicate = { sysctl-equals = { name = 'net.ipv4.ip_forward', value = '7' } }\n\
         [check.remedy]\n",
    )
    .unwrap();
    let check = file["check"][0].as_table_mut().unwrap();
    for (key, words) in [
        ("id", "site.a"),
        ("title", "a title"),
        ("cause", "a cause"),
        ("docs", "https://wiki.example/"),
    ] {
        check.insert(key.into(), text(words));
    }
    let remedy = check["remedy"].as_table_mut().unwrap();
    remedy.insert("note".into(), text("do"));
    let commands = toml::Table::from_iter([("default".to_owned(), vec![text("run")].into())]);
    remedy.insert("commands".into(), commands.into());
    toml::to_string(&file).unwrap()
}

/// Every string below a value, with what leads to it.
fn strings<'a>(value: &'a mut Value, at: &str, out: &mut Vec<(String, &'a mut String)>) {
    match value {
        Value::String(text) => out.push((at.to_owned(), text)),
        Value::Array(all) => all.iter_mut().for_each(|value| strings(value, at, out)),
        Value::Object(all) => {
            for (name, value) in all {
                strings(value, &format!("{at}.{name}"), out);
            }
        }
        _ => {}
    }
}

fn bundle() -> toml::Table {
    toml::from_str(&std::fs::read_to_string(HOST).unwrap()).unwrap()
}

fn with_site(mut bundle: toml::Table, hostile: &str) -> toml::Table {
    let files = bundle["files"].as_table_mut().unwrap();
    let path = "/etc/rootless-setup/checks.d";
    let entries = format!("{path:?} = {{ entries = ['x.toml'] }}");
    files.extend(toml::from_str::<toml::Table>(&entries).unwrap());
    let mut file = toml::Table::new();
    file.insert("text".into(), site(hostile).into());
    files.insert(format!("{path}/x.toml"), file.into());
    bundle
}

fn spoil(value: &mut toml::Value, hostile: &str, count: &mut usize, which: usize) {
    match value {
        toml::Value::String(text) => {
            *count += 1;
            if *count % 7 == which {
                text.push_str(hostile);
            }
        }
        toml::Value::Array(all) => all
            .iter_mut()
            .for_each(|value| spoil(value, hostile, count, which)),
        toml::Value::Table(all) => all
            .iter_mut()
            .for_each(|(_, value)| spoil(value, hostile, count, which)),
        _ => {}
    }
}

const REPLAY: [&[&str]; 9] = [
    &["doctor", "-v", "--color", "always"],
    &["doctor", "-v", "--ascii"],
    &["doctor", "--format", "json"],
    &["report", "--format", "text"],
    &["report", "--format", "markdown", "--show-private"],
    &["report", "--format", "html", "--show-private"],
    &["report", "--format", "json", "--show-private"],
    &["report", "--format", "junit", "--show-private"],
    &["report", "--format", "prometheus"],
];

#[test]
fn a_site_check_in_a_recorded_host() {
    let home = Home::new();
    let text = toml::to_string(&with_site(bundle(), &all())).unwrap();
    let path = home.file("bundle.toml", &text);
    for command in REPLAY {
        let mut args: Vec<OsString> = command.iter().map(Into::into).collect();
        args.extend(["--replay".into(), path.clone().into()]);
        let page = home.runs(&args);
        if command.contains(&"-v") {
            assert!(page.contains("FAIL  site.a \\u{1b}]52;c;aGk="), "{page}");
            assert!(page.contains("from the site's own checks"), "{page}");
            assert!(page.contains("\n      text run "), "{page}");
        }
    }
}

#[test]
fn every_string_of_a_recorded_host() {
    let home = Home::new();
    for which in 0..7 {
        let mut bundle = toml::Value::Table(bundle());
        spoil(&mut bundle, &some(), &mut 0, which);
        let path = home.file("bundle.toml", &toml::to_string(&bundle).unwrap());
        for command in [REPLAY[0], REPLAY[2], REPLAY[4], REPLAY[6]] {
            let mut args: Vec<OsString> = command.iter().map(Into::into).collect();
            args.extend(["--replay".into(), path.clone().into()]);
            home.runs(&args);
        }
    }
}

/// A report, with a log.
fn ticket(home: &Home) -> Value {
    let path = home.file("host.toml", &std::fs::read_to_string(HOST).unwrap());
    let path = path.to_str().unwrap();
    let text = home.runs(&["report", "--format", "json", "--replay", path]);
    let mut ticket: Value = serde_json::from_str(&text).unwrap();
    let log = r#"{"lines": ["a", "b"], "trouble": "c", "cause": "d"}"#;
    ticket["log"] = serde_json::from_str(log).unwrap();
    ticket["left_out"] = Value::from(vec!["e"]);
    ticket
}

/// The report with hostile characters in every string of these kinds.
fn spoiled(ticket: &Value, kinds: &[String]) -> String {
    let mut ticket = ticket.clone();
    let mut found = Vec::new();
    strings(&mut ticket, "", &mut found);
    let mut left: Vec<&String> = kinds.iter().flat_map(|kind| [kind, kind]).collect();
    for (at, text) in found {
        if let Some(place) = left.iter().position(|kind| **kind == at) {
            left.swap_remove(place);
            text.push_str(&all());
        }
    }
    ticket.to_string()
}

#[test]
fn every_string_of_a_report() {
    let home = Home::new();
    let original = ticket(&home);
    let mut copy = original.clone();
    let mut found = Vec::new();
    strings(&mut copy, "", &mut found);
    let mut kinds: Vec<String> = found.into_iter().map(|(at, _)| at).collect();
    kinds.retain(|at| !at.starts_with(".facts"));
    kinds.sort();
    kinds.dedup();
    assert!(kinds.len() > 15, "{kinds:?}");
    for kind in &kinds {
        let path = home.file("a.json", &spoiled(&original, std::slice::from_ref(kind)));
        home.runs(&[
            "report",
            "read",
            "-v",
            "--color",
            "always",
            path.to_str().unwrap(),
        ]);
    }
    // Words of a closed list make it another kind of report, or none.
    let words = ["values", "status", "level", "state", "capability"];
    kinds.retain(|kind| !words.iter().any(|word| kind.ends_with(word)));
    let path = home.file("a.json", &spoiled(&original, &kinds));
    let plain = home.file("b.json", &original.to_string());
    let [path, plain] = [&path, &plain].map(|path| path.to_str().unwrap());
    let page = home.runs(&["report", "read", "-v", path]);
    assert!(page.contains("\\u{202e}"), "{page}");
    home.runs(&["report", "read", "--format", "json", path]);
    home.runs(&["report", "diff", path, plain]);
    home.runs(&["report", "diff", "--format", "json", plain, path]);
    for format in ["text", "json", "html"] {
        home.runs(&["report", "summary", "--format", format, path, plain]);
    }
}

#[test]
fn fixes_of_a_report_are_not_commands_of_ours() {
    let home = Home::new();
    let path = home.file("t.json", &ticket(&home).to_string());
    let page = home.runs(&["report", "read", path.to_str().unwrap()]);
    assert!(
        page.contains("from this report, not from rootless-setup"),
        "{page}"
    );
    assert!(!page.contains("\n      $ "), "{page}");
}

/// A journal with a hostile path in several kinds of records.
fn journal(hostile: &str) -> String {
    let path = format!("/home/alice/{hostile}").replace('\0', "");
    let start = "{\"entry\":\"journal\",\"format\":1,\"tool\":\"t\",\"made\":[]}\n";
    let records = [
        json!({"undo": "remove-dir", "path": path}),
        json!({"undo": "remove-file", "path": path, "sha256": ""}),
        json!({"undo": "restore-file", "path": path, "backup": "b", "mode": 420, "sha256": null}),
        json!({"undo": "disable", "unit": path}),
    ];
    let line = |(id, mut record): (usize, Value)| {
        record["entry"] = "before".into();
        record["id"] = id.into();
        format!("{record}\n")
    };
    let lines: String = records.into_iter().enumerate().map(line).collect();
    format!("{start}{lines}")
}

#[test]
fn journals_of_undo() {
    let home = Home::new();
    for hostile in [all(), some()] {
        let text = journal(&hostile);
        home.file(".local/state/rootless-setup/journal.jsonl", &text);
        home.file(".local/state/rootless-setup/fix/journal.jsonl", &text);
        for args in [
            &["fix", "--undo", "--dry-run"][..],
            &["uninstall", "--dry-run"],
            &["uninstall", "--dry-run", "--color", "always"],
            &["status"],
            &["status", "--format", "json"],
        ] {
            let page = home.runs(args);
            let listed = args.contains(&"--dry-run");
            assert!(!listed || page.contains("\\u{202e}"), "{args:?}: {page}");
        }
    }
}

/// Root's journal, in a mount namespace with a /var/lib of its own.
#[test]
fn the_journal_of_prepare() {
    let home = Home::new();
    let journal = home.file("journal.jsonl", &journal(&all()));
    let line = "mount -t tmpfs none /var/lib && mkdir -m 700 /var/lib/rootless-setup && \
        cp \"$0\" /var/lib/rootless-setup/journal.jsonl && exec \"$1\" prepare --undo --dry-run";
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", line]);
    let output = command.arg(journal).arg(home.path("tool")).output();
    let output = output.unwrap();
    if String::from_utf8_lossy(&output.stderr).contains("unshare") {
        return; // No user namespaces here.
    }
    let page = hostile::judged(&[], &output);
    assert!(page.contains("\\u{202e}"), "{page}");
}

#[test]
fn logs_of_any_kind() {
    let home = Home::new();
    let sample = "[rootlesskit:parent] error: failed to setup UID/GID map: newuidmap 12 [0 1000 1 1 100000 65536] failed: ";
    let log = format!("{sample}{}\n{}\n", some().replace('\n', ""), all());
    for name in ["log.txt".to_owned()].into_iter().chain(names()) {
        let path = home.file(&name, &log);
        for more in [
            &["--color", "always"][..],
            &["--format", "json"],
            &["--ascii"],
        ] {
            let mut args: Vec<OsString> = more.iter().map(Into::into).collect();
            args.extend(["explain".into(), path.clone().into(), "--no-host".into()]);
            home.runs(&args);
        }
    }
}

#[test]
fn arguments_of_every_command() {
    let home = Home::new();
    for before in [
        &[][..],
        &["--color"],
        &["--replay"],
        &["doctor"],
        &["doctor", "--user"],
        &["doctor", "--replay"],
        &["doctor", "--capture", "/none", "--format"],
        &["fix"],
        &["fix", "--script", "/dev/null", "--dry-run"],
        &["prepare", "--user"],
        &["prepare", "--only"],
        &["install", "--dry-run", "--net"],
        &["install", "--dry-run", "--config"],
        &["install", "--dry-run", "--data-root"],
        &["uninstall"],
        &["status"],
        &["nsenter", "--"],
        &["explain"],
        &["explain", "--no-host"],
        &["report", "--replay"],
        &["report", "-o"],
        &["report", "read"],
        &["report", "diff", "/none"],
        &["report", "summary"],
        &["checks", "list"],
        &["generate"],
        &["generate", "completions"],
        &["generate", "checks"],
    ] {
        let mut args: Vec<OsString> = before.iter().map(Into::into).collect();
        args.push(argument());
        home.runs(&args);
        args.extend(["--color".into(), "always".into()]);
        home.runs(&args);
    }
}

#[test]
fn homes_and_configuration() {
    let home = Home::new();
    for name in names() {
        let own = home.path(&name);
        let file = |at: &str, text: &str| home.file(own.join(at), text);
        let script = file("bin/dockerd-rootless.sh", "#!/bin/sh\n");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(script, mode).unwrap();
        file(
            ".config/docker/daemon.json",
            &format!("{{\"labels\": [{:?}]}}", name),
        );
        file(
            ".config/systemd/user/docker.service",
            &format!("[Service]\n# {name}\n"),
        );
        file(".docker/config.json", &format!("{{ {name}"));
        let setup = file("setup.toml", &format!("[{name}]\nx = 1\n"));
        for args in [
            &["doctor", "-v", "--no-probe"][..],
            &["doctor", "--no-probe", "--format", "json"],
            &["install", "--dry-run", "--adopt", "--color", "always"],
            &["install", "--dry-run"],
            &["install", "--dry-run", "--config", setup.to_str().unwrap()],
            &["fix", "--dry-run"],
            &["fix", "--script", "-"],
            &["uninstall", "--dry-run"],
            &["status", "--color", "always"],
            &["report", "--no-probe", "--show-private"],
            &["report", "summary", own.to_str().unwrap()],
        ] {
            home.run(args, &own);
        }
    }
}

#[test]
fn what_is_generated() {
    let home = Home::new();
    for args in [
        &["--help"][..],
        &["install", "--help"],
        &["generate", "man"],
        &["generate", "config"],
        &["generate", "checks"],
        &["checks", "list", "--format", "json"],
    ] {
        let page = home.runs(args);
        assert!(!page.contains("\\u{"), "{args:?}");
    }
}
