//! `{{key}}` in a text, replaced once: what stands in a value is never a key.

/// Puts `values` in the places of their keys; a key without a value stays.
pub fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut parts = template.split("{{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let found = part.split_once("}}").and_then(|(key, after)| {
            let value = values.iter().find(|(name, _)| *name == key)?;
            Some((value.1, after))
        });
        match found {
            Some((value, after)) => text.extend([value, after]),
            None => text.extend(["{{", part]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_read_again() {
        let values = [("a", "{{b}}"), ("b", "B")];
        assert_eq!(
            filled("{{a}} {{b}}{{c}} {{ }", &values),
            "{{b}} B{{c}} {{ }"
        );
        assert_eq!(filled("", &values), "");
    }

    proptest::proptest! {
        #[test]
        fn without_keys_nothing_changes(text in ".*") {
            assert_eq!(filled(&text, &[]), text);
        }
    }
}
