//! Files that others write to as well, of which only some lines are ours.

/// The lines that are new in `after`, each with the one that stood in its place.
pub fn changed(before: &str, after: &str) -> Vec<(String, Option<String>)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let replaced = |n: usize| old.get(n).map(|line| (*line).to_owned());
    let numbered = new.iter().enumerate();
    numbered
        .filter(|(n, line)| old.get(*n) != Some(line))
        .map(|(n, line)| ((*line).to_owned(), replaced(n)))
        .collect()
}

/// `text` without our lines, and with those that stood in their place.
pub fn without(text: &str, ours: &[(String, Option<String>)]) -> String {
    let mut out = String::new();
    let mut left: Vec<&(String, Option<String>)> = ours.iter().collect();
    for line in text.split_inclusive('\n') {
        let plain = line.strip_suffix('\n').unwrap_or(line);
        match left.iter().position(|(new, _)| new == plain) {
            None => out.push_str(line),
            Some(at) => {
                if let (_, Some(old)) = left.remove(at) {
                    out.push_str(old);
                    out.push('\n');
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_and_what_was_replaced_comes_out_again() {
        let before = "alice:1:2\nbob:3:4\n";
        let after = "alice:1:2\nbob:9:4\ncarol:20:5\n";
        let ours = changed(before, after);
        assert_eq!(without(after, &ours), before);
        // Somebody added a line meanwhile.
        let now = format!("{after}dave:100:1\n");
        assert_eq!(without(&now, &ours), format!("{before}dave:100:1\n"));
    }
}
