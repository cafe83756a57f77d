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

    /// `UPDATE_SCHEMA=1 cargo test schema` writes the file anew.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test reads and writes its fixture"
    )]
    fn schema_is_the_published_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/report-v1.schema.json");
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(Report)).unwrap() + "\n";
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), schema);
    }
}
