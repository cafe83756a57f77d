//! The report as JSON.

use super::Report;

/// Renders the report, indented, with a final newline.
pub fn render(report: &Report) -> String {
    // Strings, numbers and vectors: there is nothing that could fail.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::Report;

    #[test]
    fn schema_is_the_published_one() {
        crate::testing::assert_published("report", &schemars::schema_for!(Report));
    }
}
