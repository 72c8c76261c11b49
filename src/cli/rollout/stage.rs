//! The stage of a rollout plan as text.

use serde_json::Value;

use crate::cli::render::json;

/// Formats the state of a plan: `rolled back`.
pub(super) fn state_words(rollout: &Value) -> String {
    let state = json::text(rollout, "state").unwrap_or_default();
    state.replace('_', " ")
}

/// Formats a stage with its position: `quarter (3 of 5)`.
pub(super) fn position(rollout: &Value, stage: &Value) -> String {
    let name = json::text(stage, "name").unwrap_or_default();
    let number = |value, field| json::number(value, field).unwrap_or_default();
    format!(
        "{name} ({} of {})",
        number(stage, "number"),
        number(rollout, "stages")
    )
}

/// Formats the percentage of a stage: `25 %`.
pub(super) fn percentage(stage: &Value) -> String {
    let percentage = stage.get("percentage");
    percentage.map_or(String::new(), |percentage| format!("{percentage} %"))
}

/// Formats the audience of a stage with its percentage: `25 % of everyone`.
pub(super) fn admitted(stage: &Value) -> String {
    let audience = stage.get("audience");
    let audience = audience.map_or("everyone".to_owned(), Value::to_string);
    format!("{} of {audience}", percentage(stage))
}

/// Formats the time that is left of a stage: `6 h 2 min`.
pub(super) fn time_left(stage: &Value) -> String {
    duration(stage, "remaining_ms")
}

/// Formats a duration in milliseconds.
pub(super) fn duration(stage: &Value, field: &str) -> String {
    let milliseconds = json::number(stage, field).unwrap_or_default();
    control::duration_text(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}
