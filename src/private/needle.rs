//! What to search a text for: every private value in every form in which it
//! could stand there, and where each form counts.

use super::register::{Entry, Kind, Register};
use super::word::{Words, split};

/// Where a form counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Anywhere, also within a longer word.
    Anywhere,
    /// As a word of its own.
    Word,
    /// As a number with dots or colons: not within a longer one.
    Number,
    /// As one part of a path.
    Part,
    /// Only where it is used as a user's or a host's name: it is also a word.
    Used(Kind),
}

/// One form of one value.
#[derive(Clone, Debug)]
pub struct Needle {
    /// Its bytes, ASCII letters in lower case.
    pub bytes: Vec<u8>,
    /// The number of its value in the register.
    pub entry: usize,
    /// Where it counts.
    pub place: Place,
    /// It is the beginning of a secret: whatever follows of it goes with it.
    pub open: bool,
}

/// Shorter values than this count as words of their own only.
pub const LONG: usize = 5;

/// So many characters of a secret are as good as all of it.
const TELLING: usize = 10;

/// All forms of all values of a register.
pub fn of(register: &Register) -> Vec<Needle> {
    let all = register.entries().iter().enumerate();
    all.flat_map(|(at, entry)| forms(at, entry, &register.words))
        .collect()
}

fn forms(at: usize, entry: &Entry, words: &Words) -> Vec<Needle> {
    let value = entry.value.as_str();
    let Some(place) = place(entry, words) else {
        return Vec::new();
    };
    let needle = |text: &str, place| Needle {
        bytes: text.to_ascii_lowercase().into_bytes(),
        entry: at,
        place,
        open: false,
    };
    let mut needles = vec![needle(value, place)];
    if let Place::Used(_) = place {
        return needles;
    }
    for other in [
        escaped(value),
        quoted(value),
        percent(value),
        systemd(value),
        doubled(value),
    ] {
        if other != value {
            needles.push(needle(&other, place));
        }
    }
    if value.len() >= LONG && place != Place::Number {
        // In base64 the letters' case counts, and is not looked at here: what is
        // found is long enough to be no accident.
        needles.extend(base64(value).map(|text| needle(&text, Place::Anywhere)));
    }
    if matches!(entry.kind, Kind::Secret | Kind::Id) && value.len() >= TELLING + 6 {
        let end = (TELLING..value.len()).find(|at| value.is_char_boundary(*at));
        needles.push(Needle {
            open: true,
            ..needle(&value[..end.unwrap_or(value.len())], Place::Anywhere)
        });
    }
    needles
}

/// Where a value counts; none if it is nothing to search for.
fn place(entry: &Entry, words: &Words) -> Option<Place> {
    let value = entry.value.as_str();
    let distinct = value.len() >= LONG && !words.is_within(value);
    // `a.c*d` is no word, whatever its letters are.
    let plain = |c: char| c.is_alphanumeric() || "-_. ,".contains(c);
    let word = words.has_all(value) && value.chars().all(plain);
    match entry.kind {
        Kind::Ipv4 | Kind::Ipv6 | Kind::Mac | Kind::Id => Some(Place::Number),
        Kind::User | Kind::Host if word && words.has_name(value) => Some(Place::Used(entry.kind)),
        Kind::Directory if word || !distinct => Some(Place::Part),
        // A word in the place of a password cannot be told from any other.
        Kind::Secret if word || value.len() < 4 => None,
        // A person's name goes with its field; its words alone say too little.
        _ if word && !matches!(entry.kind, Kind::User | Kind::Host) => None,
        _ if distinct => Some(Place::Anywhere),
        _ => Some(Place::Word),
    }
}

/// The names of a person are private one by one, too.
pub fn names_of(person: &str) -> impl Iterator<Item = &str> {
    split(person).filter(|name| name.chars().count() > 2)
}

/// As it stands in JSON that is ASCII only.
fn escaped(value: &str) -> String {
    let escape = |c: char| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if c.is_ascii() => c.to_string(),
        c => {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            units.map(|unit| format!("\\u{unit:04x}")).collect()
        }
    };
    value.chars().map(escape).collect()
}

/// As it stands in HTML and XML.
fn quoted(value: &str) -> String {
    let value = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    value.replace('"', "&quot;").replace('\'', "&#39;")
}

/// As it stands in a URL.
fn percent(value: &str) -> String {
    encoded(
        value,
        |b| b.is_ascii_alphanumeric() || b"-._~".contains(&b),
        |b| format!("%{b:02x}"),
    )
}

/// As it stands in the name of a unit: `systemd-escape`.
fn systemd(value: &str) -> String {
    encoded(
        value,
        |b| b.is_ascii_alphanumeric() || b":_.".contains(&b),
        |b| format!("\\x{b:02x}"),
    )
}

/// As it stands in `/dev/mapper`.
fn doubled(value: &str) -> String {
    value.replace('-', "--")
}

fn encoded(value: &str, plain: fn(u8) -> bool, code: fn(u8) -> String) -> String {
    let one = |b: u8| match plain(b) {
        true => char::from(b).to_string(),
        false => code(b),
    };
    value.bytes().map(one).collect()
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The digits in base64 that depend on the value alone, for each of the three
/// ways in which it can lie in the groups of a longer text.
fn base64(value: &str) -> impl Iterator<Item = String> {
    (0..3).filter_map(move |shift| {
        let bits = value
            .bytes()
            .flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit) & 1));
        // Bits of the first group that belong to what stands before.
        let skip = [0, 4, 2][shift];
        let bits: Vec<u8> = bits.skip(skip).collect();
        let digits = bits.chunks_exact(6).map(|six| {
            let digit = six.iter().fold(0, |sum, bit| sum << 1 | usize::from(*bit));
            char::from(DIGITS[digit])
        });
        Some(digits.collect::<String>()).filter(|text| text.len() >= 6)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_finds_itself_in_any_place() {
        // printf 'alicia:x' | base64; printf 'x:alicia' | base64; printf 'yx:alicia!' | base64
        let found: Vec<String> = base64("alicia").collect();
        for (at, text) in ["YWxpY2lhOng=", "eDphbGljaWE=", "eTphbGljaWEh"]
            .iter()
            .enumerate()
        {
            assert!(
                found.iter().any(|f| text.contains(f.as_str())),
                "{at}: {found:?}"
            );
        }
    }

    #[test]
    fn forms_of_a_name() {
        assert_eq!(percent("p@ss wörd"), "p%40ss%20w%c3%b6rd");
        assert_eq!(escaped("a\"ü"), "a\\\"\\u00fc");
        assert_eq!(systemd("a-b"), "a\\x2db");
    }
}
