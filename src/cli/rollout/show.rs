//! `sluice rollout show`: everything about the rollout plan of one flag.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::stage;
use crate::cli::exit::Exit;
use crate::cli::render::moment::moment;
use crate::cli::render::{TextTable, json, printable};
use crate::cli::session::Session;

/// The number of the last turns in the output; --json has all.
const MAX_TURNS: usize = 10;

/// Shows the rollout plan of a flag.
///
/// Shows its state, the present stage with its checks, what it waits for, approvals, checklist and its last turns.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    flag: String,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let answer = session.read_rollout(&arguments.flag)?;
    session.print_response(&answer, render)?;
    Ok(Exit::Success)
}

/// Renders a rollout plan with its state.
fn render(rollout: &Value) -> String {
    let mut table = TextTable::new(["", ""]);
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            table.row([name.to_owned(), value]);
        }
    };
    let text = |value: &Value, field| json::text(value, field).unwrap_or_default().to_owned();
    line("state", state(rollout));
    line("ticket", text(rollout, "ticket"));
    if let Some(present) = rollout.get("stage") {
        line("stage", present_stage(rollout, present));
    }
    line("next stage", text(rollout, "next_stage"));
    for wait in json::list(rollout, "waits") {
        line("waits", text(wait, "detail"));
    }
    for check in json::list(rollout, "checks") {
        line(&format!("check {}", text(check, "check")), verdict(check));
    }
    for confounded in json::list(rollout, "confounded") {
        line("confounded with", confounded_text(confounded));
    }
    let tenants = json::list(rollout, "tenants").iter().map(tenant_errors);
    line("errors by tenant", tenants.collect::<Vec<_>>().join(", "));
    for approval in json::list(rollout, "approvals") {
        let name = format!("approval {}", text(approval, "role"));
        line(&name, mark(approval, "missing"));
    }
    for item in json::list(rollout, "checklist") {
        line(&text(item, "item"), mark(item, "open"));
    }
    let stages = json::list(rollout, "stages_without_control")
        .iter()
        .map(json::word);
    line("no control arm", stages.collect::<Vec<_>>().join(", "));
    line("rollback", rollback(rollout));
    let course = json::list(rollout, "course");
    let last = course.len().saturating_sub(MAX_TURNS);
    for turn in course.iter().skip(last) {
        line(&moment(&text(turn, "at")), turn_text(turn));
    }
    format!("{}\n{}", printable(&text(rollout, "flag")), table.render(""))
}

/// Formats the state, with the reason of a pause or an end: `paused by ann: INC-7`.
fn state(rollout: &Value) -> String {
    let state = stage::state_words(rollout);
    match stage::halt_text(rollout) {
        Some(halt) => format!("{state} {halt}"),
        None => state,
    }
}

/// Formats a stage: `quarter (3 of 5): 25 % of everyone; 6 h of 48 h passed`.
fn present_stage(rollout: &Value, present: &Value) -> String {
    let lifecycle = json::text(present, "lifecycle");
    let lifecycle = lifecycle.map_or(String::new(), |lifecycle| format!(", at {lifecycle}"));
    format!(
        "{}: {}{lifecycle}; {}",
        stage::position(rollout, present),
        stage::admitted(present),
        stage::time_passed(present),
    )
}

/// Formats a check: `pass (error_rate, then pause)`.
fn verdict(check: &Value) -> String {
    let text = |field| json::text(check, field).unwrap_or_default();
    let verdict = text("verdict").replace('_', " ");
    format!("{verdict} ({}, then {})", text("metric"), text("then"))
}

/// Formats another planned flag: `theme: both plans treat 12.5 % of the requests`.
fn confounded_text(confounded: &Value) -> String {
    let flag = json::text(confounded, "flag").unwrap_or_default();
    let share = confounded
        .get("share")
        .and_then(Value::as_f64)
        .unwrap_or_default();
    format!("{flag}: both plans treat {:.1} % of the requests", share * 100.0)
}

/// Formats the errors of a tenant: `acme 312`, or `acme up to 312` if they may be fewer.
fn tenant_errors(tenant: &Value) -> String {
    let number = |field| tenant.get(field).and_then(Value::as_u64).unwrap_or_default();
    let name = json::text(tenant, "tenant").unwrap_or("(no tenant)");
    let up_to = if number("surplus") > 0 { "up to " } else { "" };
    format!("{name} {up_to}{}", number("errors"))
}

/// Formats an approval or an item: `ann, 2026-11-20 10:00Z`, or the word for one that is not done.
fn mark(done: &Value, undone: &str) -> String {
    match (json::text(done, "by"), json::text(done, "at")) {
        (Some(by), Some(at)) => format!("{by}, {}", moment(at)),
        _ => undone.to_owned(),
    }
}

/// Returns the effect of a rollback of the plan.
fn rollback(rollout: &Value) -> String {
    let plan = rollout.get("plan").unwrap_or(&Value::Null);
    json::text(plan, "rollback").unwrap_or("kill").to_owned()
}

/// Formats a turn: `entered stage quarter by ann: REL-12`.
fn turn_text(turn: &Value) -> String {
    let text = |field| json::text(turn, field);
    let (what, joint) = match text("turn").unwrap_or_default() {
        "stage_entered" => ("entered".to_owned(), " stage"),
        turn => (turn.replace('_', " "), " in stage"),
    };
    let stage = text("stage").map_or(String::new(), |stage| format!("{joint} {stage}"));
    let role = text("role").map_or(String::new(), |role| format!(" for {role}"));
    let why = text("why").map_or(String::new(), |why| format!(": {why}"));
    format!("{what}{role}{stage} by {}{why}", text("by").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollout_is_shown_with_what_it_waits_for() {
        let rollout = serde_json::json!({
            "flag": "board", "state": "paused", "ticket": "OPS-1287", "stages": 3,
            "stage": { "name": "quarter", "number": 2, "percentage": 25, "lifecycle": "ga", "duration_ms": 172_800_000,
                       "passed_ms": 21_600_000, "remaining_ms": 151_200_000, "has_control": true },
            "next_stage": "all", "waits": [{ "reason": "person", "detail": "a person has to resume the plan" }],
            "halt": { "by": "rollout", "at": "2026-11-20T10:00:00.000Z", "check": "errors" },
            "checks": [{ "check": "errors", "metric": "error_rate", "then": "pause", "verdict": "fail" }],
            "approvals": [{ "role": "technical", "by": "ann", "at": "2026-11-20T09:00:00.000Z" }, { "role": "product" }],
            "tenants": [{ "tenant": "acme", "errors": 312, "surplus": 0 }, { "errors": 7, "surplus": 2 }],
            "confounded": [{ "flag": "theme", "share": 0.125 }],
            "checklist": [{ "item": "tests passing" }], "stages_without_control": ["all"],
            "course": [{ "at": "2026-11-20T09:00:00.000Z", "by": "ann", "turn": "approved", "role": "technical" },
                       { "at": "2026-11-20T10:00:00.000Z", "by": "rollout", "turn": "paused", "stage": "quarter", "why": "errors" }],
            "plan": { "rollback": "exposure" },
        });
        assert_eq!(
            render(&rollout),
            "board\n\
             state                paused by rollout: the check `errors` failed\n\
             ticket               OPS-1287\n\
             stage                quarter (2 of 3): 25 % of everyone, at ga; 6 h of 48 h passed\n\
             next stage           all\n\
             waits                a person has to resume the plan\n\
             check errors         fail (error_rate, then pause)\n\
             confounded with      theme: both plans treat 12.5 % of the requests\n\
             errors by tenant     acme 312, (no tenant) up to 7\n\
             approval technical   ann, 2026-11-20 09:00Z\n\
             approval product     missing\n\
             tests passing        open\n\
             no control arm       all\n\
             rollback             exposure\n\
             2026-11-20 09:00Z    approved for technical by ann\n\
             2026-11-20 10:00Z    paused in stage quarter by rollout: errors\n"
        );
    }
}
