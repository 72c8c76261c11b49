//! The next step of a flag's lifecycle, and its conditions.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::server::{DAY, Server};

const FLAGS: &str = "/platform/feature-flags";

fn step(server: &Server, flag: &str) -> Value {
    server.send_ok("GET", &format!("{FLAGS}/{flag}/promotion"), None)
}

/// Returns the codes of the conditions that are met, or not.
fn codes(step: &Value, met: bool) -> BTreeSet<String> {
    let conditions = step["conditions"].as_array().unwrap().iter();
    let wanted = conditions.filter(|condition| condition["met"] == met);
    wanted
        .map(|condition| condition["code"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns the codes with which a promotion is refused.
fn refused(server: &Server, flag: &str, to: &str) -> BTreeSet<String> {
    let path = format!("{FLAGS}/{flag}/state?dry_run=true");
    let answer = server.send_as(
        control::Role::Operator,
        "POST",
        &path,
        Some(&json!({ "state": to })),
    );
    let refusals = answer.json()["refusals"].as_array().cloned().unwrap_or_default();
    refusals
        .iter()
        .map(|refusal| refusal["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_next_step_has_each_condition_met_or_not() {
    let server = Server::start();
    for (flag, from, to) in [
        ("reports.export", "alpha", "beta"),
        ("dispatch.v2Board", "beta", "ga"),
        ("ui.shell", "ga", "retired"),
    ] {
        let found = step(&server, flag);
        assert_eq!((&found["lifecycle"], &found["next"]), (&json!(from), &json!(to)));
        assert_eq!(codes(&found, false), refused(&server, flag, to), "{flag}");
        assert_eq!(found["is_met"], json!(false));
        assert!(codes(&found, true).contains("INCIDENT_OPEN"), "{found}");
    }
    server.send_ok(
        "POST",
        &format!("{FLAGS}/ui.shell/incidents"),
        Some(&json!({ "incident": "INC-7" })),
    );
    server.send_ok("POST", &format!("{FLAGS}/ui.shell/kill"), Some(&json!({})));
    let found = step(&server, "ui.shell");
    assert_eq!(codes(&found, false), refused(&server, "ui.shell", "retired"));
    assert!(codes(&found, false).contains("ROLLBACK_OPEN"), "{found}");
    server.send_rejected(
        404,
        "FLAG_NOT_FOUND",
        "GET",
        &format!("{FLAGS}/missing/promotion"),
        None,
    );
}

#[test]
fn a_condition_that_waits_has_the_time_when_it_is_met() {
    let server = Server::start();
    let found = step(&server, "ui.shell");
    let conditions = found["conditions"].as_array().unwrap();
    let soak = conditions
        .iter()
        .find(|condition| condition["code"] == "SOAK_NOT_ELAPSED")
        .unwrap();
    assert_eq!(soak["requirement"], "24 h in ga");
    assert_eq!(soak["until"], "2026-11-22T00:00:00.000Z");
    assert_eq!(soak["remaining_ms"], json!(DAY));
    assert_eq!(
        soak["detail"],
        "in ga for 0 h of 24 h; possible from 2026-11-22 00:00Z (in 24 h)"
    );
    assert_eq!(soak["help"], "wait until then");
    server.advance_clock(DAY);
    let found = step(&server, "ui.shell");
    assert!(codes(&found, true).contains("SOAK_NOT_ELAPSED"), "{found}");
    assert_eq!(
        found["is_met"],
        json!(refused(&server, "ui.shell", "retired").is_empty())
    );
}

#[test]
fn a_flag_without_a_next_state_has_no_conditions() {
    let server = Server::with_document(
        "version: 1\nflags: { old: { lifecycle: retired, final: on }, limits: { kind: ops } }\n",
    );
    let (old, limits) = (step(&server, "old"), step(&server, "limits"));
    assert_eq!(old["lifecycle"], "retired");
    assert_eq!(limits["lifecycle"], Value::Null);
    for found in [old, limits] {
        assert_eq!((&found["next"], &found["is_met"]), (&Value::Null, &json!(false)));
        assert_eq!(found["conditions"], json!([]));
    }
}
