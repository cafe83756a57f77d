//! Where a line's own message begins.

/// No line has more prefixes, one inside the other.
const MOST: usize = 8;

/// The message behind all prefixes; the whole line if nothing would be left.
pub fn message(line: &[u8]) -> &[u8] {
    let mut rest = line;
    for _ in 0..MOST {
        match without(rest) {
            Some(shorter) if !shorter.is_empty() => rest = shorter,
            _ => break,
        }
    }
    rest
}

/// The line without its first prefix.
fn without(line: &[u8]) -> Option<&[u8]> {
    quoting(line)
        .or_else(|| time(line))
        .or_else(|| syslog(line))
        .or_else(|| field(line))
        .or_else(|| kernel(line))
        .or_else(|| compose(line))
        .or_else(|| job(line))
        .or_else(|| step(line))
}

/// Indentation, `> `, a bullet, a fence's backticks, a prompt's bar.
fn quoting(line: &[u8]) -> Option<&[u8]> {
    match line {
        [b' ' | b'\t' | b'`', rest @ ..] => Some(rest),
        [b'>' | b'|' | b'*', b' ', rest @ ..] => Some(rest),
        [b'>', rest @ ..] if rest.starts_with(b">") => Some(rest),
        [0xef, 0xbb, 0xbf, rest @ ..] => Some(rest),
        _ => None,
    }
}

/// `2024-08-14T06:12:37.123Z `, `2024-08-14 06:12:37,123 +0000 `, in brackets or not.
fn time(line: &[u8]) -> Option<&[u8]> {
    let inner = line.strip_prefix(b"[").unwrap_or(line);
    let shape = |text: &[u8], shape: &[u8]| {
        text.len() >= shape.len()
            && text.iter().zip(shape).all(|(b, s)| match s {
                b'0' => b.is_ascii_digit(),
                s => b == s,
            })
    };
    let dated = shape(inner, b"0000-00-00T00:00") || shape(inner, b"0000-00-00 00:00");
    if !dated && !shape(inner, b"0000/00/00 00:00") {
        return None;
    }
    let end = inner[16..]
        .iter()
        .position(|b| matches!(b, b' ' | b']' | b'\t'))?
        + 17;
    let rest = &inner[end..];
    // A zone of its own.
    match rest {
        [b'+' | b'-', b'0'..=b'9', ..] => rest
            .iter()
            .position(|b| *b == b' ')
            .map(|at| &rest[at + 1..]),
        [b'U', b'T', b'C', b' ', rest @ ..] => Some(rest),
        _ => Some(rest),
    }
}

/// `Aug 14 06:12:37 host0 dockerd-rootless.sh[2713]: `, or what is left of it
/// behind a time of another form: `host0 systemd[1]: `.
fn syslog(line: &[u8]) -> Option<&[u8]> {
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let dated = line.len() > 16
        && MONTHS.chunks(3).any(|month| line.starts_with(month))
        && line[9] == b':'
        && line[12] == b':';
    if dated {
        let rest = &line[15..];
        return Some(rest.strip_prefix(b" ").unwrap_or(rest));
    }
    // Up to two words, the second with a pid.
    let end = line.iter().take(120).position(|b| *b == b']')?;
    let head = &line[..end];
    let pid = head.iter().rposition(|b| *b == b'[')?;
    let number = &head[pid + 1..];
    let numbered = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    let words = head[..pid].split(|b| *b == b' ').count();
    let named = pid > 0
        && head[..pid]
            .iter()
            .all(|b| b.is_ascii_graphic() || *b == b' ');
    match numbered && named && words <= 2 {
        true => line[end + 1..].strip_prefix(b": "),
        false => None,
    }
}

/// `MESSAGE=`, `{"log":"`, `{"MESSAGE":"`, `stderr F `.
fn field(line: &[u8]) -> Option<&[u8]> {
    const FIELDS: [&[u8]; 6] = [
        b"MESSAGE=",
        b"{\"log\":\"",
        b"{\"MESSAGE\":\"",
        b"stderr F ",
        b"stdout F ",
        b"##[error]",
    ];
    FIELDS.iter().find_map(|field| line.strip_prefix(*field))
}

/// `[   12.345678] `.
fn kernel(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().take(24).position(|b| *b == b']')?;
    let inner = line[..end].strip_prefix(b"[")?;
    let digits = inner
        .iter()
        .all(|b| b.is_ascii_digit() || matches!(b, b' ' | b'.'));
    (digits && inner.contains(&b'.')).then(|| &line[end + 1..])
}

/// `service-1  | `.
fn compose(line: &[u8]) -> Option<&[u8]> {
    let at = line.iter().take(48).position(|b| *b == b'|')?;
    let name = line[..at].trim_ascii_end();
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'@');
    let spaced = at > name.len() && line.get(at + 1) == Some(&b' ');
    (spaced && !name.is_empty() && name.iter().all(is_name)).then(|| &line[at + 2..])
}

/// `[workflow/job]   | `, as act has it, with an emoji or without.
fn job(line: &[u8]) -> Option<&[u8]> {
    let inner = line.strip_prefix(b"[")?;
    let end = inner.iter().take(80).position(|b| *b == b']')?;
    let named = inner[..end].contains(&b'/');
    let rest = &inner[end + 1..];
    let blank = |b: &u8| *b == b' ' || !b.is_ascii();
    let at = rest.iter().take(16).position(|b| !blank(b))?;
    match named {
        true => rest[at..].strip_prefix(b"| "),
        false => None,
    }
}

/// `#12 3.456 `, as BuildKit has it; `01E ` and `00O+`, as GitLab does.
fn step(line: &[u8]) -> Option<&[u8]> {
    if let [
        b'0'..=b'9',
        b'0'..=b'9',
        b'E' | b'O',
        b' ' | b'+',
        rest @ ..,
    ] = line
    {
        return Some(rest);
    }
    let inner = line.strip_prefix(b"#")?;
    let mut words = inner.splitn(3, |b| *b == b' ');
    let (number, seconds, rest) = (words.next()?, words.next()?, words.next()?);
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let dot = seconds.iter().position(|b| *b == b'.')?;
    let timed = digits(&seconds[..dot]) && digits(&seconds[dot + 1..]);
    (digits(number) && timed).then_some(rest)
}
