//! What this program wrote itself, as a user can hand it back: journals,
//! bundles, tickets.

use rootless_setup::check::catalogue::Catalogue;
use rootless_setup::fuzz;
use rootless_setup::host::Bundle;
use rootless_setup::report::ticket::{self, Detail};
use rootless_setup::report::{html, markdown, text};
use rootless_setup::ui::Look;
use serde_json::Value;

use super::select;

/// A journal: no record comes from anything but a whole line that holds it.
pub fn journal(data: &[u8]) {
    let journal = fuzz::journal(data);
    let whole = usize::try_from(journal.whole).expect("a size");
    assert!(whole <= data.len() && (whole == 0 || data[whole - 1] == b'\n'));
    assert!(!data[whole..].contains(&b'\n'));
    let lines: Vec<&[u8]> = data[..whole].split(|b| *b == b'\n').collect();
    let parsed = |line: &&[u8]| serde_json::from_slice::<Value>(line).ok();
    let is = |value: &Value, entry: &str| value.get("entry").is_some_and(|e| e == entry);
    let id = |value: &Value| value.get("id").and_then(Value::as_u64);
    for record in &journal.records {
        let mut lines = lines.iter().filter_map(parsed);
        let source = lines.find(|v| is(v, "before") && id(v) == Some(record.id));
        assert!(source.is_some(), "a record that no line holds: {record:?}");
        let source = source.and_then(|mut v| Some(v.as_object_mut()?.remove("undo")));
        let undo = serde_json::to_value(&record.undo).expect("an undo has a JSON form");
        // Two lines may have one number: the kind of either is one that is there.
        assert!(source.is_some() && undo.get("undo").is_some());
        assert!(record.id < journal.next || journal.next == u64::MAX);
    }
    let unread = lines
        .iter()
        .filter(|line| !line.is_empty() && parsed(line).is_none());
    assert!(
        unread.count() <= journal.damaged.len(),
        "a line that is no JSON passed as read"
    );
    assert!(
        journal
            .damaged
            .iter()
            .all(|n| (1..=lines.len()).contains(n))
    );
    cut(data, &journal);
}

/// What a crash leaves of a journal says no more than its whole lines do.
fn cut(data: &[u8], journal: &fuzz::Journal) {
    let whole = usize::try_from(journal.whole).expect("a size");
    let again = fuzz::journal(&data[..whole]);
    assert_eq!(again.records, journal.records);
    assert_eq!(again.damaged, journal.damaged);
}

/// A ticket as it was pasted, or a bundle, by the first byte.
pub fn ticket(data: &[u8]) {
    let (which, text) = select(data);
    match which % 2 {
        0 => pasted(&text),
        _ => bundle(&text),
    }
}

fn pasted(text: &str) {
    let catalogue = Catalogue::built_in().expect("the catalogue");
    let Ok(read) = ticket::read(text, catalogue) else {
        return;
    };
    let ticket = read.ticket;
    shown(&text::render(&ticket.report, &Look::plain(), true));
    html::render(&ticket);
    let json = ticket::json(&ticket, catalogue, &Detail::default());
    let again = ticket::read(&json, catalogue).expect("what was written reads back");
    assert_eq!(again.ticket.report.checks.len(), ticket.report.checks.len());
    let twice = ticket::json(&again.ticket, catalogue, &Detail::default());
    assert_eq!(twice, json, "reading and writing is stable");
    let pasted = markdown::render(&ticket, catalogue);
    ticket::read(&pasted, catalogue).expect("the Markdown reads back");
}

/// Nothing on a page steers a terminal once it went through the filter.
fn shown(page: &str) {
    for line in page.lines() {
        let safe = Look::plain().safe(line);
        assert_eq!(safe.chars().find(|c| c.is_control()), None, "{safe:?}");
    }
}

fn bundle(text: &str) {
    let Ok(bundle) = Bundle::parse(text) else {
        return;
    };
    let Ok(toml) = bundle.to_toml() else {
        return;
    };
    let again = Bundle::parse(&toml).expect("what was written reads back");
    assert_eq!(again.to_toml().ok(), Some(toml));
}
