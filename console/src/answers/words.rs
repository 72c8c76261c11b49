//! Names of the API in words; a name without words, such as that of a newer version, as it is.

use crate::texts::text;

/// Returns the cause of a decision in words.
pub(super) fn cause_words(cause: &str) -> String {
    words("cause", cause)
}

/// Returns the outcome of a request in words.
pub(super) fn outcome_words(outcome: &str) -> String {
    words("outcome", outcome)
}

fn words(kind: &str, name: &str) -> String {
    let id = format!("{kind}-{name}");
    match text(&id) {
        words if words == id => name.to_owned(),
        words => words.into_owned(),
    }
}
