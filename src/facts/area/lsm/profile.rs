//! AppArmor profiles as they lie in `/etc/apparmor.d`: enough of
//! apparmor.d(5) to know which executables a profile attaches to, and whether
//! it lets them create user namespaces.

use super::glob::Variables;

/// One profile of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Its name: the one given, else its attachment.
    pub name: String,
    /// Path expression of the executables it is for; none for one that is
    /// only entered by name.
    pub attachment: Option<String>,
    /// It has a rule `userns`, or allows everything it does not deny.
    pub userns: bool,
    /// Files it includes, as written between `<` and `>`.
    pub includes: Vec<String>,
}

/// A file's profiles and the variables it sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Profiles in order.
    pub profiles: Vec<Profile>,
    /// `@{NAME} = values`, in order; `true` if they are added to what was there.
    pub variables: Vec<(String, bool, Vec<String>)>,
}

impl File {
    /// Adds the file's variables to those known.
    pub fn extend(&self, known: &mut Variables) {
        for (name, add, values) in &self.variables {
            let entry = known.entry(name.clone()).or_default();
            if !add {
                entry.clear();
            }
            entry.extend(values.iter().cloned());
        }
    }
}

/// Parses a file; what is not understood is passed over.
pub fn parse(text: &str) -> File {
    let mut file = File::default();
    let words = words(text);
    let mut rest = words.as_slice();
    while let Some(first) = rest.first() {
        rest = match first.as_str() {
            "\n" | "}" => &rest[1..],
            "abi" | "alias" | "include" | "#include" => after_line(rest),
            word if word.starts_with("@{") && is_assignment(rest) => {
                file.variables.extend(assignment(line(rest)));
                after_line(rest)
            }
            _ => profile(rest, &mut file),
        };
    }
    file
}

/// Words of the text, line ends as words of their own, comments left out;
/// quotes keep a word together and are taken off.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for line in text.lines() {
        let mut word = String::new();
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                '#' if !quoted && word.is_empty() && !is_include(line) => break,
                c if c.is_whitespace() && !quoted => push(&mut words, &mut word),
                c => word.push(c),
            }
        }
        push(&mut words, &mut word);
        words.push("\n".to_owned());
    }
    words
}

/// `#include` is the old spelling, and no comment.
fn is_include(line: &str) -> bool {
    line.trim_start().starts_with("#include")
}

fn push(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

fn line(words: &[String]) -> &[String] {
    let end = words.iter().position(|w| w == "\n");
    &words[..end.unwrap_or(words.len())]
}

fn after_line(words: &[String]) -> &[String] {
    let end = words.iter().position(|w| w == "\n");
    &words[end.map_or(words.len(), |end| end + 1)..]
}

fn is_assignment(words: &[String]) -> bool {
    let line = line(words);
    line.first()
        .is_some_and(|w| w.contains("}=") || w.contains("}+="))
        || line
            .get(1)
            .is_some_and(|w| w.starts_with('=') || w.starts_with("+="))
}

fn assignment(line: &[String]) -> Option<(String, bool, Vec<String>)> {
    let text = line.join(" ");
    let (name, values) = text.split_once('=')?;
    let add = name.trim_end().ends_with('+');
    let name = name.trim_end_matches(['+', ' ']);
    let name = name.strip_prefix("@{")?.strip_suffix('}')?;
    let values = values
        .split_whitespace()
        .map(|v| v.trim_end_matches(',').to_owned());
    Some((name.to_owned(), add, values.collect()))
}

/// A profile's head up to `{`, then its body.
fn profile<'a>(words: &'a [String], file: &mut File) -> &'a [String] {
    let Some(open) = words.iter().position(|w| w == "{") else {
        return &[];
    };
    let mut profile = head(&words[..open]);
    let rest = body(&words[open + 1..], &mut profile);
    file.profiles.push(profile);
    rest
}

fn head(words: &[String]) -> Profile {
    let mut names: Vec<&str> = Vec::new();
    let mut flags = String::new();
    let mut in_flags = false;
    for word in words.iter().map(String::as_str).filter(|w| *w != "\n") {
        let starts = ["flags=", "xattrs=", "("]
            .iter()
            .any(|f| word.starts_with(f));
        if in_flags || starts {
            flags.push_str(word);
            in_flags = !word.ends_with(')');
        } else if !(word == "profile" && names.is_empty()) {
            names.push(word);
        }
    }
    let name = names.first().copied().unwrap_or_default();
    let is_path = |name: &&str| name.starts_with(['/', '@', '{']);
    let attachment = names.get(1).copied().or(Some(name).filter(is_path));
    Profile {
        name: name.to_owned(),
        attachment: attachment.map(str::to_owned),
        userns: flags.contains("default_allow"),
        includes: Vec::new(),
    }
}

/// Reads rules until the closing brace; those of inner profiles are not its own.
fn body<'a>(words: &'a [String], profile: &mut Profile) -> &'a [String] {
    let mut depth = 1_usize;
    let mut before = "\n";
    for (at, word) in words.iter().enumerate() {
        match word.as_str() {
            "{" => depth += 1,
            w if closes(w) => depth -= 1,
            w if depth == 1 => rule(w, before, profile),
            _ => {}
        }
        if depth == 0 {
            return &words[at + 1..];
        }
        before = word;
    }
    &[]
}

/// A closing brace of a block, alone or behind a rule; not that of `{a,b}`.
fn closes(word: &str) -> bool {
    word.ends_with('}') && !word.contains('{')
}

fn rule(word: &str, before: &str, profile: &mut Profile) {
    let plain = word.trim_end_matches(',');
    let included = plain.strip_prefix('<').and_then(|w| w.strip_suffix('>'));
    match plain {
        "userns" if before != "deny" => profile.userns = true,
        "all" if before == "allow" => profile.userns = true,
        _ => profile.includes.extend(included.map(str::to_owned)),
    }
}

/// Whether text that a profile includes has a rule `userns`.
pub fn grants_userns(included: &str) -> bool {
    let mut profile = Profile::default();
    body(&words(included), &mut profile);
    profile.userns
}

/// The first line of a profile for the executable at `path`, with everything
/// in the path that AppArmor would read as more than itself escaped.
pub fn first_line(path: &str) -> String {
    let mut escaped = String::new();
    for c in path.chars() {
        if "*?[]{}^\"\\@".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    format!("\"{escaped}\" flags=(unconfined) {{")
}

/// The file name for a profile of `path`, after AppArmor's own custom.
pub fn file_name(path: &str) -> String {
    let plain = |c: char| match c {
        '/' => '.',
        c if c.is_ascii_alphanumeric() || "._-".contains(c) => c,
        _ => '_',
    };
    path.trim_start_matches('/').chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Ubuntu 24.04's package `apparmor` ships it.
    const PACKAGED: &str = "# This profile allows everything and only exists to give the\n\
        # application a name instead of having the label \"unconfined\"\n\n\
        abi <abi/4.0>,\ninclude <tunables/global>\n\n\
        profile rootlesskit /usr/bin/rootlesskit flags=(unconfined) {\n  userns,\n\n  \
        # Site-specific additions and overrides. See local/README for details.\n  \
        include if exists <local/rootlesskit>\n}\n";

    #[test]
    fn the_packaged_profile() {
        let file = parse(PACKAGED);
        let [profile] = file.profiles.as_slice() else {
            panic!("{file:?}")
        };
        assert_eq!(profile.name, "rootlesskit");
        assert_eq!(profile.attachment.as_deref(), Some("/usr/bin/rootlesskit"));
        assert!(profile.userns);
        assert_eq!(profile.includes, ["local/rootlesskit"]);
    }

    #[test]
    fn other_forms() {
        let attachments = |text: &str| {
            let of = |p: Profile| (p.attachment.unwrap_or_default(), p.userns);
            parse(text).profiles.into_iter().map(of).collect::<Vec<_>>()
        };
        let one = |text: &str| attachments(text).remove(0);
        assert_eq!(
            one("\"/home/a b/rootlesskit\" flags=(unconfined) { userns, }"),
            ("/home/a b/rootlesskit".into(), true)
        );
        assert_eq!(
            one("/usr/{,s}bin/rootlesskit {\n deny userns,\n /x/{a,b} r,\n}\n"),
            ("/usr/{,s}bin/rootlesskit".into(), false)
        );
        assert_eq!(
            one(
                "profile x @{exec_path}\n  flags=(attach_disconnected,\n  complain)\n{\n userns create,\n}"
            ),
            ("@{exec_path}".into(), true)
        );
        assert_eq!(
            one("profile only-by-name { userns, }"),
            (String::new(), true)
        );
        assert_eq!(
            one("profile p /a flags=(default_allow) {\n}"),
            ("/a".into(), true)
        );
        // An inner profile's rule is not the outer one's.
        let two = attachments(
            "/a {\n  profile in {\n    userns,\n  }\n  ^hat {\n  }\n}\n/b {\n  userns,\n}\n",
        );
        assert_eq!(two, [("/a".into(), false), ("/b".into(), true)]);
    }

    #[test]
    fn variables_are_set_and_added_to() {
        let mut known = Variables::new();
        parse("@{exec_path} = /a /b\n@{exec_path}+=/c\n@{HOME}=@{HOMEDIRS}/*/ /root/ # note\n")
            .extend(&mut known);
        assert_eq!(known["exec_path"], ["/a", "/b", "/c"]);
        assert_eq!(known["HOME"], ["@{HOMEDIRS}/*/", "/root/"]);
    }

    #[test]
    fn what_we_write_we_read() {
        let path = "/home/a b/{x}*/rootlesskit";
        let file = parse(&format!("{}\n  userns,\n}}\n", first_line(path)));
        let pattern = file.profiles[0].attachment.clone().unwrap();
        assert!(file.profiles[0].userns);
        assert_eq!(
            super::super::glob::matches(&pattern, &Variables::new(), path),
            Some(true)
        );
        assert_eq!(
            file_name("/home/a b/bin/rootlesskit"),
            "home.a_b.bin.rootlesskit"
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[a-z/@{}<>#\", =+()\n\\\\]{0,200}") {
            parse(&text);
            grants_userns(&text);
        }
    }
}
