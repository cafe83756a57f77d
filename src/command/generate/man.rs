//! `generate man`: the manual page, with every subcommand on it.
//!
//! `clap_mangen` writes a page for each command; a reader who looks for an
//! option searches one page, so this is our own, from the same tree.

use clap::{Arg, Command, CommandFactory};

use crate::cli::Cli;

/// The page, for `man -l`.
pub fn page() -> String {
    let mut command = Cli::command();
    command.build();
    let mut page = Page(String::new());
    page.head(&command);
    page.section("COMMANDS");
    for sub in shown(&command) {
        page.command(sub, "rootless-setup");
    }
    page.section("OPTIONS OF EVERY COMMAND");
    for arg in command.get_arguments().filter(|arg| arg.is_global_set()) {
        page.arg(arg);
    }
    page.tail();
    page.0
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    let all = command.get_subcommands();
    all.filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

struct Page(String);

const DESCRIPTION: &str = "Rootless Docker runs the daemon and its containers as an ordinary user. \
    This program examines a host for it, says what is wrong and how to mend it, mends it, \
    installs rootless Docker, and removes it again. doctor, status, explain and report change \
    nothing; fix, prepare, install and uninstall show what they will do, and ask. Without a \
    command, at a terminal, it goes through all of it step by step.";

const EXITS: [(&str, &str); 10] = [
    ("0", "fine; for doctor, warnings are"),
    (
        "1",
        "a required check fails; for status, the daemon does not run",
    ),
    ("2", "the command line, or a file it names, cannot be used"),
    ("3", "nothing fails, but something could not be determined"),
    (
        "4",
        "nothing was done: it was declined, or something is to be decided first; or all is done but an administrator's part",
    ),
    (
        "5",
        "a step failed, and everything done before it was taken back",
    ),
    (
        "6",
        "not everything could be taken back; the journal tells what is left",
    ),
    (
        "7",
        "a private value would have stood in a report: nothing was written",
    ),
    ("70", "a bug in this program"),
    ("130", "ended by Ctrl-C"),
];

const FILES: [(&str, &str); 4] = [
    (
        "~/.local/state/rootless-setup/",
        "the journals: the way back from every change",
    ),
    ("/var/lib/rootless-setup/", "the journal of prepare"),
    (
        "~/.config/rootless-setup/checks.d/, /etc/rootless-setup/checks.d/",
        "checks and waivers of the site",
    ),
    (
        "setup.toml",
        "options of an installation, for install --config",
    ),
];

impl Page {
    fn head(&mut self, command: &Command) {
        let version = command.get_version().unwrap_or_default();
        self.line(&format!(
            ".TH ROOTLESS-SETUP 1 \"\" \"rootless-setup {version}\" \"User Commands\""
        ));
        // No hyphens and no stretched lines in what is to be typed.
        self.line(".nh\n.ad l");
        self.section("NAME");
        let about = command.get_about().map(ToString::to_string);
        let about = about.unwrap_or_default();
        self.text(&format!("rootless-setup - {}", about.trim_end_matches('.')));
        self.section("SYNOPSIS");
        self.bold("rootless-setup [COMMAND] [OPTIONS]");
        self.section("DESCRIPTION");
        self.text(DESCRIPTION);
    }

    fn command(&mut self, command: &Command, parent: &str) {
        let name = format!("{parent} {}", command.get_name());
        if command.get_subcommands().next().is_none() || command.get_arguments().any(is_own) {
            self.line(&format!(".SS \"{}\"", escaped(&synopsis(command, &name))));
            if let Some(about) = command.get_long_about().or(command.get_about()) {
                self.text(&format!("{about}."));
            }
            for alias in command.get_visible_aliases() {
                self.text(&format!("Also: {parent} {alias}."));
            }
            for arg in command.get_arguments().filter(|arg| is_own(arg)) {
                self.arg(arg);
            }
        }
        for sub in shown(command) {
            self.command(sub, &name);
        }
    }

    fn arg(&mut self, arg: &Arg) {
        self.line(".TP");
        let short = arg.get_short().map(|c| format!("-{c}, "));
        self.bold(&(short.unwrap_or_default() + &arg.to_string()));
        let help = arg.get_long_help().or(arg.get_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        let paragraph = |line: &str| format!("{}.", line.trim().trim_end_matches('.'));
        let paragraphs: Vec<String> = help.lines().map(paragraph).collect();
        // Two lines of a comment are one sentence; those of the table are its own.
        let joined = match arg.get_long_help() {
            Some(long) if long.to_string().contains("By default: ") => paragraphs.join("\n.br\n"),
            _ => paragraph(&help.replace('\n', " ")),
        };
        for line in joined.lines() {
            match line {
                ".br" => self.line(line),
                line => self.text(line),
            }
        }
        self.values(arg);
    }

    fn values(&mut self, arg: &Arg) {
        let values = arg.get_possible_values();
        let names: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
        let takes = arg.get_action().takes_values();
        if takes && !names.is_empty() {
            self.text(&format!("One of: {}.", names.join(", ")));
        }
        let defaults = arg.get_default_values().iter();
        let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy()).collect();
        if takes && !defaults.is_empty() {
            self.text(&format!("Default: {}.", defaults.join(", ")));
        }
    }

    fn tail(&mut self) {
        self.section("EXIT STATUS");
        self.table(&EXITS);
        self.section("FILES");
        self.table(&FILES);
        self.section("SEE ALSO");
        self.line(".BR dockerd (8),\n.BR docker (1),\n.BR rootlesskit (1),\n.BR subuid (5),\n.BR loginctl (1)");
    }

    fn table(&mut self, rows: &[(&str, &str)]) {
        for (term, meaning) in rows {
            self.line(".TP");
            self.bold(term);
            self.text(&format!("{meaning}."));
        }
    }

    fn section(&mut self, title: &str) {
        self.line(&format!(".SH \"{title}\""));
    }

    fn bold(&mut self, text: &str) {
        self.line(&format!("\\fB{}\\fR", escaped(text)));
    }

    fn text(&mut self, text: &str) {
        self.line(&escaped(text));
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }
}

/// Not one that every command has.
fn is_own(arg: &Arg) -> bool {
    let id = arg.get_id().as_str();
    !arg.is_global_set() && !arg.is_hide_set() && id != "help" && id != "version"
}

fn synopsis(command: &Command, name: &str) -> String {
    let usage = command.clone().render_usage().to_string();
    let words: Vec<&str> = usage.split_whitespace().skip(1).collect();
    let usage = words.join(" ");
    match usage.find(name) {
        // A second form of it is that of a subcommand, which has its own heading.
        Some(0) => usage
            .split(" rootless-setup ")
            .next()
            .unwrap_or(name)
            .to_owned(),
        _ => name.to_owned(),
    }
}

/// Text for roff, in ASCII: no line of it is a request.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '"' => out.push_str("\\(dq"),
            '.' | '\'' if out.is_empty() => {
                out.push_str("\\&");
                out.push(c);
            }
            '~' => out.push_str("\\(ti"),
            '^' => out.push_str("\\(ha"),
            '`' => out.push_str("\\(ga"),
            '\'' => out.push_str("\\(aq"),
            c if c.is_ascii() => out.push(c),
            c => out.push_str(&format!("\\[u{:04X}]", u32::from(c))),
        }
    }
    out
}
