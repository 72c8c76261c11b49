//! The changes between two events of a rollout plan as lines, for output that is not a terminal. Pure.

use serde_json::Value;

use crate::cli::render::moment::moment_to_the_second;
use crate::cli::render::{json, printable};
use crate::cli::rollout::measured_value::{bound, value};
use crate::cli::rollout::stage;

/// Returns a line for each change: of the state or the stage, and of each verdict. Values that move within a verdict are
/// no change. Before the first event there is nothing to compare with, and the present state is the change.
pub(super) fn change_lines(before: Option<&Value>, event: &Value) -> Vec<String> {
    let at = json::text(event, "at")
        .map(moment_to_the_second)
        .unwrap_or_default();
    let mut lines = Vec::new();
    let state = state(event);
    if before.map(self::state).as_ref() != Some(&state) {
        lines.push(state);
    }
    for check in checks(event) {
        let name = json::text(check, "check").unwrap_or_default();
        let verdict = json::text(check, "verdict").unwrap_or_default();
        let mut earlier = before.map_or(&[][..], checks).iter();
        let earlier = earlier.find(|earlier| json::text(earlier, "check") == Some(name));
        if earlier.and_then(|earlier| json::text(earlier, "verdict")) != Some(verdict) {
            let numbers = match check.get("value") {
                Some(_) => format!(", {} of {}", value(check), bound(check)),
                None => String::new(),
            };
            lines.push(format!("check {name}: {}{numbers}", verdict.replace('_', " ")));
        }
    }
    lines
        .iter()
        .map(|line| format!("{at}  {}", printable(line)))
        .collect()
}

fn checks(event: &Value) -> &[Value] {
    event
        .get("evidence")
        .map_or(&[][..], |evidence| json::list(evidence, "checks"))
}

/// Formats the state with its stage, and the reason of a pause or an end.
fn state(event: &Value) -> String {
    let rollout = event.get("rollout").unwrap_or(&Value::Null);
    let present = rollout.get("stage");
    let stage = present.map_or(String::new(), |present| {
        format!(
            ", stage {}: {}",
            stage::position(rollout, present),
            stage::admitted(present)
        )
    });
    let halt = stage::halt_text(rollout).map_or(String::new(), |halt| format!(", {halt}"));
    format!("{}{stage}{halt}", stage::state_words(rollout))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(state: &str, errors: (&str, f64)) -> Value {
        json!({
            "at": "2026-11-20T10:00:05.000Z",
            "rollout": { "state": state, "stages": 2, "stage": { "name": "half", "number": 1, "percentage": 50 } },
            "evidence": { "checks": [
                { "check": "errors", "verdict": errors.0, "unit": "share", "value": errors.1, "bound": 0.01 },
                { "check": "reports", "verdict": "pass", "unit": "orgs", "bound": 2 },
            ] },
        })
    }

    #[test]
    fn only_states_and_verdicts_are_lines() {
        let first = event("running", ("inconclusive", 0.0));
        assert_eq!(
            change_lines(None, &first),
            [
                "2026-11-20 10:00:05Z  running, stage half (1 of 2): 50 % of everyone",
                "2026-11-20 10:00:05Z  check errors: inconclusive, 0 % of 1 %",
                "2026-11-20 10:00:05Z  check reports: pass",
            ]
        );
        let more = event("running", ("inconclusive", 0.005));
        assert!(change_lines(Some(&first), &more).is_empty());
        let mut failed = event("rolled_back", ("fail", 0.2));
        failed["rollout"]["halt"] = json!({ "by": "rollout", "check": "errors" });
        assert_eq!(
            change_lines(Some(&more), &failed),
            [
                "2026-11-20 10:00:05Z  rolled back, stage half (1 of 2): 50 % of everyone, by rollout: the check `errors` failed",
                "2026-11-20 10:00:05Z  check errors: fail, 20 % of 1 %",
            ]
        );
    }
}
