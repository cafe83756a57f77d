//! Tickets: every recorded host written and read back, whatever happens to the
//! text on its way; and what others may hand us as one.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use rootless_setup::check::catalogue::Catalogue;
use rootless_setup::cli::TicketFormat;
use rootless_setup::command::report::ticket::{Recording, checked, render};
use rootless_setup::host::Bundle;
use rootless_setup::report::Report;
use rootless_setup::report::markdown::MOST;
use rootless_setup::report::ticket::{Log, NoTicket, Read, Ticket, read};
use rootless_setup::ui::Look;

fn hosts() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts");
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    found.sort();
    found
}

fn host(name: &str) -> Bundle {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts");
    let path = dir.join(format!("{name}.toml"));
    Bundle::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn recording(bundle: Bundle) -> Recording {
    Recording::of_recorded(bundle, None, Duration::from_secs(30)).unwrap()
}

fn ticket(name: &str) -> Ticket {
    recording(host(name)).hidden().unwrap().0
}

fn page(ticket: &Ticket, format: TicketFormat) -> String {
    render(ticket, format, 1_700_000_000, &Look::plain()).unwrap()
}

fn back(text: &str) -> Result<Read, NoTicket> {
    read(text, Catalogue::built_in().unwrap())
}

fn value(report: &Report) -> serde_json::Value {
    serde_json::to_value(report).unwrap()
}

fn log(lines: usize) -> Log {
    let line = |n| {
        format!(
            "{n:>8.3} time=\"2026-01-02T03:04:05Z\" level=info msg=\"line {n}: `x` ``` @me #12\""
        )
    };
    Log {
        lines: (0..lines).map(line).collect(),
        ..Log::default()
    }
}

#[test]
fn every_recorded_host_is_written_and_read_back() {
    let mut without_facts = Vec::new();
    for path in hosts() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let bundle = Bundle::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let (mut ticket, register) = recording(bundle).hidden().unwrap();
        ticket.log = Some(log(30));
        for format in [TicketFormat::Markdown, TicketFormat::Json] {
            let text = checked(page(&ticket, format), &register).unwrap();
            let read = back(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(value(&read.ticket.report), value(&ticket.report), "{name}");
            assert_eq!(read.missing.words(), None, "{name}");
            assert_eq!(
                read.ticket.log.unwrap().lines,
                ticket.log.as_ref().unwrap().lines,
                "{name}"
            );
            if format == TicketFormat::Markdown {
                assert!(text.chars().count() <= MOST, "{name}");
                markdown_is_sound(&text, &name);
            }
            if read.ticket.facts.is_none() {
                without_facts.push(name.clone());
            }
        }
    }
    // Where dozens of checks fail, they take the room.
    assert_eq!(without_facts, ["debian-12-used-up", "many-faults"]);
}

/// What a CommonMark processor makes of it: tables with as many cells in every
/// row, every block closed, and no text of the host that is markup.
fn markdown_is_sound(text: &str, name: &str) {
    let mut cells = (0, 0);
    let mut code = false;
    let mut depth = 0_i32;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_GFM) {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => cells.1 = 0,
            Event::End(TagEnd::TableHead) => cells.0 = cells.1,
            Event::End(TagEnd::TableRow) => assert_eq!(cells.0, cells.1, "{name}: a broken table"),
            Event::End(TagEnd::TableCell) => cells.1 += 1,
            Event::Start(Tag::CodeBlock(_)) => code = true,
            Event::End(TagEnd::CodeBlock) => code = false,
            Event::Start(Tag::Link { dest_url, .. }) => {
                assert!(dest_url.starts_with("https://"), "{name}: {dest_url}");
            }
            Event::Start(Tag::Image { .. } | Tag::Emphasis | Tag::FootnoteDefinition(_)) => {
                panic!("{name}: markup in the text of a host");
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                let own = ["<details>", "</details>"]
                    .iter()
                    .any(|tag| html.trim().starts_with(tag));
                assert!(own, "{name}: {html}");
                depth += i32::try_from(html.matches("<details>").count()).unwrap();
                depth -= i32::try_from(html.matches("</details>").count()).unwrap();
            }
            Event::Text(text) if !code => {
                let at = text
                    .find('@')
                    .is_some_and(|at| text[at + 1..].starts_with(char::is_alphanumeric));
                let issue = text
                    .find('#')
                    .is_some_and(|at| text[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
                assert!(!at && !issue, "{name}: {text}");
            }
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{name}: a <details> is not closed");
}

#[test]
fn a_ticket_survives_the_mail() {
    let mut ticket = ticket("ubuntu-24.04-home-bin");
    ticket.log = Some(log(12));
    let text = page(&ticket, TicketFormat::Markdown);
    let prefixed = |prefix: &str, end: &str| -> String {
        text.lines()
            .map(|line| format!("{prefix}{line}{end}"))
            .collect()
    };
    for (how, mailed) in [
        ("quoted", prefixed("> ", "\n")),
        ("quoted twice", prefixed("> > ", "\r\n")),
        ("indented", prefixed("    ", "\n")),
        ("CRLF", prefixed("", "\r\n")),
        (
            "in a thread",
            format!("Hello,\n\n{text}\n\n> me\n{}", prefixed("> ", "\n")),
        ),
    ] {
        let read = back(&mailed).unwrap_or_else(|e| panic!("{how}: {e}"));
        assert_eq!(value(&read.ticket.report), value(&ticket.report), "{how}");
        assert_eq!(read.missing.words(), None, "{how}");
        let lines = read.ticket.log.unwrap().lines;
        assert_eq!(lines, ticket.log.as_ref().unwrap().lines, "{how}");
    }
}

#[test]
fn a_ticket_that_is_cut_says_what_is_missing() {
    let ticket = ticket("ubuntu-24.04-home-bin");
    let text = page(&ticket, TicketFormat::Markdown);
    let data = text.find("{\"rootless_setup_ticket\"").unwrap();
    assert_eq!(back(&text[..data]).unwrap_err(), NoTicket::NoData);
    let mut last = 0;
    for end in (data + 1_500..text.len() - 60).step_by(997) {
        let read = back(&text[..end]).unwrap_or_else(|e| panic!("{end}: {e}"));
        let words = read
            .missing
            .words()
            .unwrap_or_else(|| panic!("{end}: nothing is missing?"));
        let have = read.ticket.report.checks.len();
        assert!(have >= last, "{end}");
        last = have;
        if have < ticket.report.checks.len() {
            assert!(
                words.contains(&format!("{have} of {} checks", ticket.report.checks.len())),
                "{words}"
            );
        }
        for (one, other) in read.ticket.report.checks.iter().zip(&ticket.report.checks) {
            assert_eq!((&one.id, one.status), (&other.id, other.status));
        }
    }
    assert_eq!(last, ticket.report.checks.len());
}

#[test]
fn what_is_left_out_is_named_and_the_rest_can_be_read() {
    let mut ticket = ticket("debian-sid");
    ticket.log = Some(log(200));
    let text = page(&ticket, TicketFormat::Markdown);
    assert!(text.chars().count() <= MOST);
    assert!(
        text.contains("Left out to keep this short: the log but for its last"),
        "{}",
        &text[..900]
    );
    let read = back(&text).unwrap();
    assert_eq!(value(&read.ticket.report), value(&ticket.report));
    // Far more than fits: a site with thousands of checks, each with long words.
    let check = ticket.report.checks[0].clone();
    for n in 0..500 {
        let mut check = check.clone();
        check.id = format!("site.check-{n}");
        check.summary = "x ".repeat(2_000);
        ticket.report.checks.push(check);
    }
    let text = page(&ticket, TicketFormat::Markdown);
    assert!(text.chars().count() <= MOST);
    let read = back(&text).unwrap();
    assert!(
        read.ticket
            .left_out
            .iter()
            .any(|what| what.contains("checks beyond")),
        "{:?}",
        read.ticket.left_out
    );
}

#[test]
fn a_newer_ticket_is_read_as_far_as_it_is_understood() {
    let ticket = ticket("debian-12");
    let text = page(&ticket, TicketFormat::Json);
    let newer = text.replace(
        "\"checks\":[\n",
        "\"new_field\":{\"a\":[1]},\"checks\":[\n{\"id\":\"future.thing\",\"status\":\"simmering\",\"summary\":\"it simmers\",\"mood\":3},\n",
    );
    let read = back(&newer).unwrap();
    let future = &read.ticket.report.checks[0];
    assert_eq!(
        (future.id.as_str(), future.summary.as_str()),
        ("future.thing", "it simmers (simmering)")
    );
    assert_eq!(
        read.ticket.report.checks.len(),
        ticket.report.checks.len() + 1
    );
    let major = text.replace(
        "{\"rootless_setup_ticket\":1",
        "{\"rootless_setup_ticket\":9",
    );
    assert_eq!(back(&major).unwrap_err(), NoTicket::Newer(9, 1));
}

#[test]
fn what_is_no_ticket_is_refused_in_words() {
    let ticket = ticket("debian-12");
    let text = page(&ticket, TicketFormat::Json);
    let mut other = ticket.clone();
    other.report.checks.remove(0);
    let two = format!("{text}{}", page(&other, TicketFormat::Json));
    assert!(
        matches!(back(&two).unwrap_err(), NoTicket::Several(lines) if lines.len() == 2 && lines[0] == 1)
    );
    for text in [
        "",
        "hello",
        "{}",
        "[]",
        "{\"a\": 1}",
        "\u{0}\u{1}",
        "{\"schema_version\": 1}",
    ] {
        assert_eq!(back(text).unwrap_err(), NoTicket::Other, "{text:?}");
    }
    let bombs = [
        "[".repeat(100_000),
        format!("{{\"schema_version\":1,\"checks\":{}", "[".repeat(100_000)),
        format!(
            "{{\"rootless_setup_ticket\":1,\"checks\":{}",
            "{\"id\":".repeat(100_000)
        ),
    ];
    for bomb in bombs {
        let error = back(&bomb).unwrap_err();
        assert!(
            matches!(error, NoTicket::Other | NoTicket::Malformed(_)),
            "{error}"
        );
    }
    let wrong = text.replace("\"checks\":[\n", "\"checks\":[\n7,");
    assert!(matches!(back(&wrong).unwrap_err(), NoTicket::Malformed(_)));
}

#[test]
fn hostile_text_is_text() {
    let hostile = "\u{1b}[2J<script>alert(1)</script> @everyone fixes #12 | a | `b` ```c [x](javascript:y) ![i](//e) \u{202e}\u{7} &amp; {\"rootless_setup_ticket\":1} ]]> _u_ *v* www.x.org 0123456789abcdef0123456789abcdef01234567";
    let mut ticket = ticket("ubuntu-24.04-home-bin");
    for check in ticket.report.checks.iter_mut().take(12) {
        check.summary = hostile.into();
        check.docs = "javascript:alert(1)".into();
        for evidence in &mut check.evidence {
            evidence.source = hostile.into();
            evidence.value = hostile.into();
        }
    }
    for row in &mut ticket.report.capabilities {
        row.detail = hostile.into();
    }
    let mut lines = log(3);
    lines.lines.push(format!("```\n{hostile}"));
    ticket.log = Some(lines);
    for format in [
        TicketFormat::Markdown,
        TicketFormat::Text,
        TicketFormat::Json,
        TicketFormat::Html,
        TicketFormat::Junit,
        TicketFormat::Prometheus,
    ] {
        let text = page(&ticket, format);
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n'),
            "{format:?}"
        );
        assert!(
            !text.contains('\u{202e}') || format == TicketFormat::Json,
            "{format:?}"
        );
        if matches!(format, TicketFormat::Html | TicketFormat::Junit) {
            assert!(!text.contains("<script"), "{format:?}");
            assert!(!text.contains("href=\"javascript"), "{format:?}");
        }
        if format == TicketFormat::Markdown {
            markdown_is_sound(&text, "hostile");
            let read = back(&text).unwrap();
            assert_eq!(read.ticket.report.checks[0].summary, hostile);
        }
        if format == TicketFormat::Prometheus {
            assert!(!text.contains("everyone"));
        }
    }
}
