//! `sluice rollout evidence`: the measurements behind the verdicts of the present stage.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::measured_value::{bound, milliseconds, percent, value};
use crate::cli::client::ClientRequest;
use crate::cli::exit::Exit;
use crate::cli::rejection::Intent;
use crate::cli::render::moment::{moment, moment_to_the_second};
use crate::cli::render::{TextTable, json, printable};
use crate::cli::required_members::RequiredMembers;
use crate::cli::route;
use crate::cli::session::Session;

/// Shows the measurements behind the verdicts of the present stage.
///
/// For each check its value, bound and sample; the requests, errors and latencies of both arms; the subjects of the arms
/// against the percentage; the requests in neither arm. --json has more: the evidence of each check as a number, and the
/// sample by arm.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The flag's key.
    flag: String,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Exit> {
    let flag = &arguments.flag;
    let request = ClientRequest::get(route::flag(flag, "/rollout/evidence")).about_flag(flag);
    let answer = session.send(&request, Intent::Read(RequiredMembers::ROLLOUT))?;
    session.print_response(&answer, render)?;
    Ok(Exit::Success)
}

/// Renders the evidence.
fn render(evidence: &Value) -> String {
    let text = |field| json::text(evidence, field).map(printable);
    let flag = text("flag").unwrap_or_default();
    let Some(stage) = text("stage") else {
        return format!("{flag}: the plan has not started; nothing is measured\n");
    };
    let state = text("state").unwrap_or_default().replace('_', " ");
    let since = match (json::text(evidence, "since"), json::text(evidence, "looked_at")) {
        (Some(since), Some(looked_at)) => format!(
            "; measured from {} to {}",
            moment(since),
            moment_to_the_second(looked_at)
        ),
        _ => "; not measured yet".to_owned(),
    };
    let mut parts = vec![
        format!("{flag}: {state}, stage {stage}{since}\n"),
        checks(evidence),
    ];
    if let Some(arms) = evidence.get("arms") {
        parts.push(arms_table(arms));
    }
    let counts = counts(evidence);
    if !counts.is_empty() {
        parts.push(counts);
    }
    parts.join("\n")
}

fn checks(evidence: &Value) -> String {
    let mut table = TextTable::new(["check", "metric", "value", "bound", "verdict", "since", "because"]);
    for check in json::list(evidence, "checks") {
        let text = |field| json::text(check, field).unwrap_or_default();
        table.row([
            text("check").to_owned(),
            text("metric").to_owned(),
            value(check),
            bound(check),
            text("verdict").replace('_', " "),
            json::text(check, "since").map(moment).unwrap_or_default(),
            text("detail").to_owned(),
        ]);
    }
    table.render("no check applies\n")
}

/// Renders the requests of both arms.
pub(super) fn arms_table(arms: &Value) -> String {
    let mut table = TextTable::new(["arm", "requests", "errors", "tenants", "p50", "p95", "p99"]);
    for name in ["treatment", "control"] {
        if let Some(arm) = arms.get(name) {
            table.row(arm_row(name, arm));
        }
    }
    table.render("")
}

fn arm_row(name: &str, arm: &Value) -> [String; 7] {
    let number = |field| json::number(arm, field).unwrap_or_default();
    let latency = |field| {
        arm.get(field)
            .and_then(Value::as_f64)
            .map_or("-".to_owned(), milliseconds)
    };
    [
        name.to_owned(),
        number("requests").to_string(),
        errors(number("requests"), number("errors")),
        number("tenants").to_string(),
        latency("p50_ms"),
        latency("p95_ms"),
        latency("p99_ms"),
    ]
}

/// Formats errors with their share of the requests: `12 (0.4 %)`.
#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
fn errors(requests: u64, errors: u64) -> String {
    match requests {
        0 => errors.to_string(),
        requests => format!("{errors} ({})", percent(errors as f64 / requests as f64)),
    }
}

/// Renders the sample ratio and the requests that are in no arm.
fn counts(evidence: &Value) -> String {
    let mut table = TextTable::new(["", ""]);
    let number = |value: &Value, field| json::number(value, field).unwrap_or_default();
    if let Some(ratio) = evidence.get("sample_ratio") {
        let (treatment, control) = (number(ratio, "treatment"), number(ratio, "control"));
        let share = ratio
            .get("expected_share")
            .and_then(Value::as_f64)
            .unwrap_or_default();
        let judged = match (json::is(ratio, "mismatch"), json::is(ratio, "tested")) {
            (true, _) => "MISMATCH: something else moves subjects, comparisons are inconclusive",
            (false, true) => "no mismatch",
            (false, false) => "too few to test",
        };
        let all = treatment.saturating_add(control);
        let subjects = format!(
            "{treatment} of {all} in treatment, {} expected; {judged}",
            percent(share)
        );
        table.row(["subjects".to_owned(), subjects]);
    }
    let excluded = json::list(evidence, "excluded").iter().map(|excluded| {
        let reason = json::text(excluded, "reason")
            .unwrap_or_default()
            .replace('_', " ");
        format!("{} {reason}", number(excluded, "requests"))
    });
    let excluded: Vec<String> = excluded.collect();
    if !excluded.is_empty() {
        table.row([
            "in neither arm".to_owned(),
            format!("{} requests", excluded.join(", ")),
        ]);
    }
    let uncounted: Vec<String> = json::entries(evidence, "uncounted")
        .filter(|(_, count)| count.as_u64() != Some(0))
        .map(|(name, count)| format!("{count} {}", name.replace('_', " ")))
        .collect();
    if !uncounted.is_empty() {
        table.row(["not counted".to_owned(), uncounted.join(", ")]);
    }
    table.render("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_a_table_of_checks_and_one_of_arms() {
        let evidence = serde_json::json!({
            "flag": "board", "state": "running", "stage": "half",
            "since": "2026-11-20T09:00:00.000Z", "looked_at": "2026-11-20T10:00:05.000Z",
            "checks": [
                { "check": "errors", "metric": "error_rate", "verdict": "pass", "unit": "share", "value": 0.004, "bound": 0.01,
                  "since": "2026-11-20T09:30:00.000Z", "detail": "every condition is met" },
                { "check": "reports", "metric": "reports", "verdict": "inconclusive", "unit": "orgs", "bound": 2 },
            ],
            "arms": { "treatment": { "requests": 500, "errors": 2, "tenants": 9, "p50_ms": 12.3, "p95_ms": 84.1, "p99_ms": 1830 } },
            "sample_ratio": { "treatment": 9, "control": 11, "expected_share": 0.5, "tested": false, "mismatch": false },
            "excluded": [{ "reason": "opted_in", "requests": 100 }, { "reason": "other", "requests": 7 }],
            "uncounted": { "units_moved": 3, "late_slots": 0 },
        });
        assert_eq!(
            render(&evidence),
            "board: running, stage half; measured from 2026-11-20 09:00Z to 2026-11-20 10:00:05Z\n\
             \n\
             check     metric       value   bound   verdict        since               because\n\
             errors    error_rate   0.4 %   1 %     pass           2026-11-20 09:30Z   every condition is met\n\
             reports   reports      -       2       inconclusive\n\
             \n\
             arm         requests   errors      tenants   p50     p95     p99\n\
             treatment   500        2 (0.4 %)   9         12 ms   84 ms   1.83 s\n\
             \n\
             subjects         9 of 20 in treatment, 50 % expected; too few to test\n\
             in neither arm   100 opted in, 7 other requests\n\
             not counted      3 units moved\n"
        );
        let before = serde_json::json!({ "flag": "board", "state": "draft" });
        assert_eq!(
            render(&before),
            "board: the plan has not started; nothing is measured\n"
        );
    }
}
