//! JSON as it is printed.

use serde::Serialize;

use crate::ui::filter;

/// Renders a document, indented, with a final newline; hostile characters are
/// escapes in its strings.
pub fn render(document: &impl Serialize) -> String {
    // Strings, numbers and vectors: there is nothing that could fail.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    filter::json(text)
}

#[cfg(test)]
mod tests {
    use crate::report::Report;

    #[test]
    fn schema_is_the_published_one() {
        crate::testing::assert_published("report", &schemars::schema_for!(Report));
    }
}
