//! A unified diff for people.

use std::time::Duration;

use similar::TextDiff;

/// Above this size (bytes, both texts together) only the sizes are told: the
/// files we write have a few kilobytes, and nobody reads such a diff.
const LARGEST: usize = 256 * 1024;

/// After this time the diff is told as far as it is found: right, but longer
/// than it need be.
const PATIENCE: Duration = Duration::from_millis(300);

/// What changes from `old` to `new` in the file `path`, with three lines of
/// context; empty if nothing does. No text stands for no file.
pub fn unified(old: &str, new: &str, path: &str) -> String {
    if old == new {
        return String::new();
    }
    let name = |text: &str, prefix: &str| match text {
        "" => "/dev/null".to_owned(),
        _ => format!("{prefix}{path}"),
    };
    let (before, after) = (name(old, ""), name(new, ""));
    if old.contains('\0') || new.contains('\0') {
        return format!("--- {before}\n+++ {after}\nbinary contents differ\n");
    }
    if old.len() + new.len() > LARGEST {
        return format!(
            "--- {before}\n+++ {after}\n{} bytes become {} bytes, too many to show\n",
            old.len(),
            new.len()
        );
    }
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let mut unified = diff.unified_diff();
    unified
        .context_radius(3)
        .header(&before, &after)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_lines_of_context() {
        let old: String = (1..=9).map(|n| format!("{n}\n")).collect();
        let new = old.replace("5\n", "five\n");
        assert_eq!(
            unified(&old, &new, "/f"),
            "--- /f\n+++ /f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
        assert_eq!(unified(&old, &old, "/f"), "");
    }

    #[test]
    fn files_that_come_and_go() {
        assert_eq!(
            unified("", "a\n", "/f"),
            "--- /dev/null\n+++ /f\n@@ -0,0 +1 @@\n+a\n"
        );
        assert_eq!(
            unified("a\n", "", "/f"),
            "--- /f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"
        );
    }

    #[test]
    fn the_last_newline_is_told() {
        assert_eq!(
            unified("a", "a\n", "/f"),
            "--- /f\n+++ /f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"
        );
    }

    #[test]
    fn what_nobody_reads_is_bounded() {
        assert!(unified("a\0", "b", "/f").ends_with("binary contents differ\n"));
        let huge = "x\n".repeat(LARGEST);
        assert_eq!(
            unified(&huge, "y\n", "/f"),
            "--- /f\n+++ /f\n524288 bytes become 2 bytes, too many to show\n"
        );
        let half: String = (0..20_000).map(|n| format!("{n}\n")).collect();
        let other: String = (0..20_000).rev().map(|n| format!("{n}\n")).collect();
        assert!(!unified(&half, &other, "/f").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn ends_with_its_last_line(old in "([ab]\n?){0,9}", new in "([ab]\n?){0,9}") {
            let diff = unified(&old, &new, "/f");
            assert_eq!(diff.is_empty(), old == new);
            assert!(old == new || (diff.ends_with('\n') && !diff.ends_with("\n\n")));
        }
    }
}
