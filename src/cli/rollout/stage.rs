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

/// Formats the time that is left of a stage: `6 h 2 min`, or `over`.
pub(super) fn time_left(stage: &Value) -> String {
    match json::number(stage, "remaining_ms") {
        Some(0) => "over".to_owned(),
        _ => duration(stage, "remaining_ms"),
    }
}

/// Formats the time in a stage: `6 h of 48 h passed`, or `its time of 48 h is over`.
pub(super) fn time_passed(stage: &Value) -> String {
    let number = |field| json::number(stage, field).unwrap_or_default();
    let whole = duration(stage, "duration_ms");
    match number("passed_ms") >= number("duration_ms") {
        true => format!("its time of {whole} is over"),
        false => format!("{} of {whole} passed", duration(stage, "passed_ms")),
    }
}

/// Formats the reason of a pause or an end: `by ann: INC-7`, `by rollout: the check `errors` failed`, or `by a kill of the
/// flag (ann): INC-7`. None if there is none.
pub(super) fn halt_text(rollout: &Value) -> Option<String> {
    let halt = rollout.get("halt")?;
    let text = |field| json::text(halt, field);
    let by = text("by").unwrap_or_default();
    let by = match text("change") {
        Some("kill") => format!("a kill of the flag ({by})"),
        Some("lifecycle") => format!("a change of the lifecycle ({by})"),
        _ => by.to_owned(),
    };
    let check = text("check").map(|check| format!("the check `{check}` failed"));
    let why = text("why").map(str::to_owned).or(check);
    let why = why.map_or(String::new(), |why| format!(": {why}"));
    Some(format!("by {by}{why}"))
}

/// Formats a duration in milliseconds.
fn duration(stage: &Value, field: &str) -> String {
    let milliseconds = json::number(stage, field).unwrap_or_default();
    control::duration_text(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kill_that_paused_a_plan_is_named() {
        for (halt, shown) in [
            (
                json!({ "by": "ann", "change": "kill" }),
                "by a kill of the flag (ann)",
            ),
            (
                json!({ "by": "ann", "change": "kill", "why": "INC-7" }),
                "by a kill of the flag (ann): INC-7",
            ),
            (
                json!({ "by": "ann", "change": "lifecycle" }),
                "by a change of the lifecycle (ann)",
            ),
            (json!({ "by": "ann" }), "by ann"),
            (
                json!({ "by": "rollout", "check": "errors" }),
                "by rollout: the check `errors` failed",
            ),
        ] {
            assert_eq!(halt_text(&json!({ "halt": halt })).as_deref(), Some(shown));
        }
        assert_eq!(halt_text(&json!({})), None);
    }

    #[test]
    fn the_time_of_a_stage_is_over() {
        let stage = |passed: u64, left: u64| json!({ "passed_ms": passed, "duration_ms": 10_000, "remaining_ms": left });
        assert_eq!(time_passed(&stage(6_000, 4_000)), "6 s of 10 s passed");
        assert_eq!(time_left(&stage(6_000, 4_000)), "4 s");
        assert_eq!(time_passed(&stage(26_000, 0)), "its time of 10 s is over");
        assert_eq!(time_left(&stage(26_000, 0)), "over");
    }
}
