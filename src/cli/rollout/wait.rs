//! The reasons for which a rollout plan waits, in a few words each, for a cell of a table.

use serde_json::Value;

use crate::cli::render::moment::moment;
use crate::cli::render::{counted, json};

/// Formats the reasons: `time; checks errors, slow; a person to advance it`.
pub(super) fn short_waits(rollout: &Value) -> String {
    let waits = json::list(rollout, "waits");
    let reason = |wait: &Value| json::text(wait, "reason").unwrap_or_default().to_owned();
    let checks = waits.iter().filter_map(|wait| json::text(wait, "check"));
    let mut checks = Some(checks.collect::<Vec<_>>());
    let texts = waits.iter().filter_map(|wait| match reason(wait).as_str() {
        // All of them at the first one.
        "check" => match checks.take()?.as_slice() {
            [check] => Some(format!("check {check}")),
            checks => Some(format!("checks {}", checks.join(", "))),
        },
        "approval" => Some(format!("approval of {}", words(wait, "roles").join(", "))),
        "checklist" => {
            let items = u64::try_from(json::list(wait, "items").len()).unwrap_or(u64::MAX);
            Some(format!("{} of the checklist", counted(items, "item")))
        }
        "window" => Some(match json::text(wait, "opens") {
            Some(opens) => format!("window, from {}", moment(opens)),
            None => "window".to_owned(),
        }),
        "person" => Some(format!("a person to {} it", operation(rollout))),
        "unmeasured" => Some("a check that applies".to_owned()),
        "condition" => Some(json::text(wait, "code").unwrap_or("condition").to_owned()),
        other => Some(other.to_owned()),
    });
    texts.collect::<Vec<_>>().join("; ")
}

fn words(wait: &Value, field: &str) -> Vec<String> {
    json::list(wait, field).iter().map(json::word).collect()
}

/// Returns the operation that a plan in this state waits for.
fn operation(rollout: &Value) -> &'static str {
    match json::text(rollout, "state") {
        Some("running") => "advance",
        Some("paused") => "resume",
        _ => "start",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_wait_is_named_in_a_few_words() {
        let rollout = |state: &str, waits: Value| json!({ "state": state, "waits": waits });
        for (state, waits, shown) in [
            (
                "running",
                json!([{ "reason": "time" }, { "reason": "check", "check": "errors" }, { "reason": "check", "check": "slow" }]),
                "time; checks errors, slow",
            ),
            (
                "running",
                json!([{ "reason": "check", "check": "errors" }, { "reason": "person" }]),
                "check errors; a person to advance it",
            ),
            ("paused", json!([{ "reason": "person" }]), "a person to resume it"),
            (
                "draft",
                json!([{ "reason": "approval", "roles": ["technical", "product"] },
                       { "reason": "checklist", "items": ["tests passing"] }, { "reason": "person" }]),
                "approval of technical, product; 1 item of the checklist; a person to start it",
            ),
            (
                "running",
                json!([{ "reason": "window", "opens": "2026-12-01T09:00:00.000Z" }]),
                "window, from 2026-12-01 09:00Z",
            ),
            (
                "running",
                json!([{ "reason": "condition", "code": "OPEN_REPORTS" }]),
                "OPEN_REPORTS",
            ),
            ("completed", json!([]), ""),
        ] {
            assert_eq!(short_waits(&rollout(state, waits)), shown);
        }
    }
}
