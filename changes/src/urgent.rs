//! The justification of an urgent promotion: decision maker, incident, reason.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plain_text::is_readable;
use crate::refusal::{Code, Refusal};

/// The justification of an urgent promotion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Urgent {
    /// The person who decided.
    pub decision_maker: String,
    /// The incident.
    pub incident: String,
    /// The reason.
    pub reason: String,
}

/// The largest length of each field, in characters.
const MAX_CHARACTERS: usize = 1_000;

/// Returns the justification without surrounding white space.
///
/// # Errors
/// [`Code::InvalidUrgent`], with the names of the invalid fields.
pub(crate) fn validated(urgent: &Urgent) -> Result<Urgent, Vec<Refusal>> {
    let trimmed = Urgent {
        decision_maker: urgent.decision_maker.trim().to_owned(),
        incident: urgent.incident.trim().to_owned(),
        reason: urgent.reason.trim().to_owned(),
    };
    let fields = [
        ("decision_maker", &trimmed.decision_maker),
        ("incident", &trimmed.incident),
        ("reason", &trimmed.reason),
    ];
    let invalid = fields
        .into_iter()
        .filter(|(_, text)| !is_readable(text, MAX_CHARACTERS));
    let invalid: Vec<&str> = invalid.map(|(field, _)| field).collect();
    if invalid.is_empty() {
        return Ok(trimmed);
    }
    let detail = format!(
        "these fields of the justification are empty, too long or unreadable: {}",
        invalid.join(", ")
    );
    let names: Vec<Value> = invalid.into_iter().map(Value::from).collect();
    let refusal = Refusal::new(Code::InvalidUrgent, detail)
        .help("write each in 1 to 1,000 characters on one line, with at least one letter or digit")
        .fact("fields", names);
    Err(vec![refusal])
}
