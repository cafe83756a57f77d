//! What clap has to say: an error in the command line, or the help.

use clap::Error;
use clap::builder::StyledStr;
use clap::error::ContextValue;

use crate::ui::filter;

/// The message, without styles. Arguments are shown in it, and can hold anything:
/// hostile characters in them are escapes, so that no style is taken for one of
/// clap's and removed.
pub fn message(mut refused: Error) -> String {
    let context: Vec<_> = refused.context().map(|(k, v)| (k, v.clone())).collect();
    for (kind, value) in context {
        refused.insert(kind, harmless(value));
    }
    refused.render().to_string()
}

fn harmless(value: ContextValue) -> ContextValue {
    let styled = |text: StyledStr| StyledStr::from(filter::page(&text.to_string()));
    let lines = |texts: Vec<String>| texts.iter().map(|text| filter::one_line(text)).collect();
    match value {
        ContextValue::String(text) => ContextValue::String(filter::one_line(&text)),
        ContextValue::Strings(texts) => ContextValue::Strings(lines(texts)),
        ContextValue::StyledStr(text) => ContextValue::StyledStr(styled(text)),
        ContextValue::StyledStrs(texts) => {
            ContextValue::StyledStrs(texts.into_iter().map(styled).collect())
        }
        other => other,
    }
}
