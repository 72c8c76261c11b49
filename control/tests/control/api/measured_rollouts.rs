//! The evidence about rollouts over the API: measurements, events, ticks, and the record in Markdown.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use control::operators::{
    IssuerRoles, Known, NotVerified, Operators, StaticToken, TokenHash, VerifiedToken, VerifyToken,
};
use control::{ArmName, Change, Role};
use rules::Timestamp;
use serde_json::{Value, json};
use testkit::{HOUR, START};

use crate::api::measured::{BOARD, MeasuredServer};

fn evidence(server: &MeasuredServer) -> Value {
    server.json("GET", &format!("{BOARD}/rollout/evidence"))
}

fn tick(server: &MeasuredServer) -> Value {
    server.json("POST", &format!("{BOARD}/rollout/tick"))
}

fn document(server: &MeasuredServer) -> String {
    let response = server.send("GET", &format!("{BOARD}/rollout/document"));
    let kind = response.header("content-type").unwrap().to_owned();
    assert_eq!(
        (response.status, kind.as_str()),
        (200, "text/markdown; charset=utf-8")
    );
    response.text().to_owned()
}

#[test]
fn evidence_has_values_bounds_and_samples() {
    let mut server = MeasuredServer::running();
    let before = evidence(&server);
    assert_eq!(
        (before.get("arms"), before.get("since")),
        (None, None),
        "{before}"
    );
    assert_eq!(before["checks"][0]["verdict"], "inconclusive");
    assert_eq!(
        (&before["checks"][0]["unit"], &before["checks"][0]["bound"]),
        (&json!("share"), &json!(0.01))
    );
    assert_eq!(
        (&before["checks"][1]["unit"], &before["checks"][1]["bound"]),
        (&json!("ratio"), &json!(1.2))
    );

    server.look();
    server.count(&[
        (ArmName::Treatment, 0, 1),
        (ArmName::Control, 100, 0),
        (ArmName::OptedIn, 200, 0),
        (ArmName::Excluded, 300, 2),
    ]);
    server.look();
    let found = evidence(&server);
    assert_eq!(
        (&found["state"], &found["stage"]),
        (&json!("running"), &json!("half"))
    );
    assert_eq!(found["arms"]["treatment"]["requests"], 100);
    assert_eq!(found["arms"]["treatment"]["errors"], 10);
    assert_eq!(found["arms"]["control"]["errors"], 0);
    let p95 = found["arms"]["control"]["p95_ms"].as_f64().unwrap();
    assert!((10.0..100.0).contains(&p95), "{p95}");
    assert_eq!(
        found["excluded"],
        json!([
            { "reason": "opted_in", "requests": 100, "errors": 0 },
            { "reason": "other", "requests": 100, "errors": 20 },
        ])
    );
    let ratio = &found["sample_ratio"];
    assert_eq!(
        (&ratio["treatment"], &ratio["expected_share"]),
        (&json!(10), &json!(0.5))
    );
    assert_eq!(
        (&ratio["tested"], &ratio["mismatch"]),
        (&json!(false), &json!(false))
    );
    let check = &found["checks"][0];
    assert_eq!(
        (&check["check"], &check["value"]),
        (&json!("errors"), &json!(0.1))
    );
    assert_eq!(
        check["sample"]["treatment"],
        json!({ "requests": 100, "bad": 10, "tenants": 10 })
    );
    assert!(check["evidence"].as_f64().unwrap() >= 1.0);
    // alpha 0.005, two stages, two checks.
    assert_eq!(check["evidence_needed"].as_f64().unwrap().round(), 889.0);
    assert!(
        check["detail"].is_string() && check["since"].is_string(),
        "{check}"
    );
    server.json("GET", &format!("{BOARD}/rollout"));
}

#[test]
fn a_check_that_opted_in_tenants_fail_says_so() {
    let mut server = MeasuredServer::with_plan(&json!({
        "stages": [{ "name": "half", "percentage": 50, "for": "1h" }],
        "checks": [{ "name": "errors", "error_rate": { "above": "1%" }, "then": "pause" }],
        "minimum": { "requests": 100, "tenants": 3 },
    }));
    server.look();
    for _ in 0..30 {
        server.count(&[
            (ArmName::Treatment, 0, 0),
            (ArmName::Control, 100, 0),
            (ArmName::OptedIn, 200, 1),
        ]);
        server.look();
    }
    let check = &evidence(&server)["checks"][0];
    assert_eq!(
        (
            &check["value"],
            &check["verdict"],
            &check["reason"],
            &check["detail"]
        ),
        (
            &json!(0.0),
            &json!("fail"),
            &json!("evidence"),
            &json!("tenants that opted in: the evidence against it is sufficient")
        ),
        "{check}"
    );
}

#[test]
fn a_stage_of_everyone_has_no_control_in_its_evidence() {
    let mut server = MeasuredServer::with_plan(&json!({
        "stages": [{ "name": "all", "percentage": 100, "for": "1h" }],
        "checks": [
            { "name": "errors", "error_rate": { "above": "1%" } },
            { "name": "slower", "p95": { "worse_than_control": "20%" } },
        ],
    }));
    server.look();
    server.count(&[(ArmName::Treatment, 0, 0)]);
    server.look();
    let found = evidence(&server);
    assert_eq!(
        (found["arms"].get("control"), found.get("sample_ratio")),
        (None, None)
    );
    let check = &found["checks"][1];
    assert_eq!(
        (&check["verdict"], &check["reason"]),
        (&json!("not_applicable"), &json!("no_control"))
    );
}

#[test]
fn a_tick_takes_the_step_that_is_due_once() {
    let mut server = MeasuredServer::running();
    let found = tick(&server);
    assert_eq!(
        (&found["result"], &found["rollout"]["state"]),
        (&json!("no_step"), &json!("running"))
    );
    server.count_healthy(11);
    assert_eq!(tick(&server)["result"], "no_step", "a minute has not passed");
    server.count(&[(ArmName::Treatment, 0, 0), (ArmName::Control, 100, 0)]);
    let found = tick(&server);
    assert_eq!(found["result"], "stepped", "{found}");
    assert_eq!(found["rollout"]["stage"]["name"], "all");
    let again = tick(&server);
    assert_eq!(
        (&again["result"], &again["revision"]),
        (&json!("no_step"), &found["revision"])
    );
    let entered = server.fixture.log();
    let entered = entered.last().unwrap();
    assert_eq!(entered.actor, "rollout");
    server.change(Change::PauseRollout { flag: "board".into() });
    assert_eq!(tick(&server)["result"], "no_step");
    let missing = server.send("POST", "/platform/feature-flags/other/rollout/tick");
    assert_eq!((missing.status, missing.code().as_str()), (404, "FLAG_NOT_FOUND"));
}

/// A slot that has begun may have requests from before the stage was entered, in the arms of that time.
#[test]
fn the_slot_of_a_first_tick_is_no_evidence() {
    let mut server = MeasuredServer::running();
    tick(&server);
    let arms = [(ArmName::Treatment, 0, 0), (ArmName::Control, 100, 0)];
    for (slots, requests) in [(1, 0), (2, 100)] {
        server.count(&arms);
        let found = evidence(&server);
        assert_eq!(found["arms"]["control"]["requests"], requests, "{slots}");
    }
    assert_eq!(evidence(&server)["uncounted"]["late_slots"], 0);
}

#[test]
fn events_begin_with_the_state_and_follow_changes() {
    let mut server = MeasuredServer::running();
    server.look();
    let mut events = server.watch(|request| request.header("last-event-id", "7-never"));
    assert_eq!((events.status, events.kind.as_str()), (200, "text/event-stream"));
    let (name, id, data) = events.next().unwrap();
    assert_eq!(
        (name.as_str(), &data["rollout"]["state"]),
        ("snapshot", &json!("running"))
    );
    assert!(!id.is_empty());
    // A look that changes nothing is no event: the next one has the requests.
    server.look();
    server.count(&[(ArmName::Treatment, 0, 0), (ArmName::Control, 100, 0)]);
    server.look();
    let (name, next, data) = events.next().unwrap();
    assert_eq!(
        (name.as_str(), &data["evidence"]["arms"]["treatment"]["requests"]),
        ("change", &json!(100))
    );
    assert_ne!(id, next);
    // A change by a person does not wait for a look.
    server.change(Change::PauseRollout { flag: "board".into() });
    let (_, _, data) = events.next().unwrap();
    assert_eq!(data["rollout"]["state"], "paused");
    server.change(Change::CancelRollout { flag: "board".into() });
    let (_, _, data) = events.next().unwrap();
    assert_eq!(data["rollout"]["state"], "cancelled");
    server.change(Change::RemovePlan { flag: "board".into() });
    assert_eq!(events.next().unwrap().0, "removed");
    assert_eq!(events.next(), None);
    let missing = server.watch(|request| request);
    assert_eq!(missing.status, 404);
}

#[test]
fn streams_are_limited_and_end_at_the_drain() {
    let server = MeasuredServer::running();
    // Streams of one client: beyond its connections, the oldest ones are closed for new ones.
    let mut open: Vec<_> = (0..8).map(|_| server.watch(|request| request)).collect();
    for events in &mut open {
        assert_eq!(events.next().unwrap().0, "snapshot");
    }
    server.json("GET", &format!("{BOARD}/rollout"));
    server.streams.end();
    for events in &mut open {
        assert_eq!(events.next(), None);
    }
    assert_eq!(server.watch(|request| request).status, 429);
}

/// Accepts any token until an hour after the start.
struct ForAnHour;

#[async_trait]
impl VerifyToken for ForAnHour {
    async fn verify(&self, token: &str, _: Timestamp) -> Result<VerifiedToken, NotVerified> {
        Ok(VerifiedToken {
            subject: token.to_owned(),
            display_name: None,
            roles: vec!["staff".to_owned()],
            org: None,
            expires: Timestamp(START + HOUR),
        })
    }
}

/// Returns a static token of a viewer with its end.
fn viewer(name: &str, expires: Option<i64>) -> (String, StaticToken) {
    let (secret, hash) = TokenHash::issue().unwrap();
    let token = StaticToken {
        name: name.to_owned(),
        role: Role::Viewer,
        org: None,
        hash,
        expires: expires.map(Timestamp),
    };
    (secret, token)
}

#[test]
fn a_stream_ends_with_the_credentials_of_its_reader() {
    let issuer = IssuerRoles {
        issuer: "https://staff.example".to_owned(),
        verify: Arc::new(ForAnHour),
        roles: vec![("staff".to_owned(), Role::Viewer)],
    };
    let (short, short_token) = viewer("short", Some(START + HOUR));
    let (endless, endless_token) = viewer("endless", None);
    let operators = Operators::of(Known {
        tokens: vec![short_token, endless_token],
        issuer: Some(issuer),
        ..Known::default()
    });
    let plan = json!({ "stages": [{ "name": "all", "percentage": 100, "for": "1h" }] });
    let server = MeasuredServer::serve(&plan, operators);
    let mut streams = [&short, "of-the-issuer", &endless].map(|token| {
        let mut events = server.watch(|request| request.token(token));
        assert_eq!(events.next().unwrap().0, "snapshot");
        events
    });
    server.set_now(START + HOUR - 1);
    server.change(Change::PauseRollout { flag: "board".into() });
    for events in &mut streams {
        assert_eq!(events.next().unwrap().0, "change");
    }
    server.set_now(START + HOUR);
    let [of_static, of_issuer, without_end] = &mut streams;
    assert_eq!((of_static.next(), of_issuer.next()), (None, None));
    server.change(Change::CancelRollout { flag: "board".into() });
    assert_eq!(without_end.next().unwrap().0, "change");
}

#[test]
fn streams_keep_no_other_client_out() {
    let server = MeasuredServer::running();
    let open: Vec<_> = (0..40).map(|_| server.watch(|request| request)).collect();
    assert!(open.iter().all(|events| events.status == 200));
    for _ in 0..10 {
        server.json("GET", &format!("{BOARD}/rollout"));
    }
}

#[test]
fn a_record_has_the_facts_and_names_missing_ones() {
    let mut server = MeasuredServer::with_plan(&json!({
        "ticket": "REL|12",
        "stages": [
            { "name": "half", "percentage": 50, "for": "1m", "audience": { "attribute": "internal", "eq": true } },
            { "name": "all", "percentage": 100, "for": "1m", "advance": "manual" },
        ],
        "checks": [{ "name": "errors", "error_rate": { "above": "1%" }, "then": "rollback" }],
        "minimum": { "requests": 100, "tenants": 3 },
        "rollback": "exposure",
    }));
    server.count_healthy(3);
    let text = document(&server);
    for part in [
        "# Rollout of `board`\n",
        "| ticket | REL\\|12 |",
        "| owner | **missing** |",
        "## 1. Strategy",
        "| approach | a percentage by tenant, in 2 stages, compared with the rest |",
        "## 2. Configuration",
        "\"revertible\": true",
        "## 3. Rollout plan",
        "| half | `{\"attribute\":\"internal\",\"eq\":true}` | as before | 50 % | 1 min | by itself | yes |",
        "## 4. Monitoring and alerts",
        "| errors | error_rate | above 1% | rollback | all | pass |",
        "## 5. Rollback",
        "These checks roll back by themselves: `errors`.",
        "the audit log has no kill, revert or rollback of the flag",
        "## 6. Approvals",
        "## 7. Checklist",
        "## 8. Course",
        "| started | half | ada | a test |",
        "## 9. Evidence of the present stage",
        "| control | ",
        "## Missing facts\n\n- owner\n- purpose\n",
    ] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    // The exercise of the rollback is from the audit log.
    server.change(Change::Kill { flag: "board".into() });
    server.change(Change::Restore { flag: "board".into() });
    let text = document(&server);
    for part in ["killed by ada: a test\n", "restored by ada: a test\n"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    assert!(!text.contains("an exercise of the rollback"), "{text}");
}

#[test]
fn minutes_are_in_the_evidence_if_asked_for() {
    let mut server = MeasuredServer::running();
    server.look();
    server.count(&[(ArmName::Treatment, 0, 1), (ArmName::Excluded, 300, 0)]);
    assert_eq!(evidence(&server).get("minutes"), None);
    let found = server.json("GET", &format!("{BOARD}/rollout/evidence?minutes=true"));
    let minutes = found["minutes"].as_array().unwrap();
    let counted = minutes.last().unwrap()["arms"].as_array().unwrap();
    let named: Vec<&str> = counted.iter().map(|arm| arm["arm"].as_str().unwrap()).collect();
    assert_eq!(named, ["treatment", "excluded"], "{found}");
    assert!(counted[0]["errors"].as_u64().unwrap() > 0 && counted[0]["p95_ms"].is_number());
}

#[test]
fn a_record_without_control_has_no_column_of_it() {
    let stage = |percentage: u8| json!({ "name": "one", "percentage": percentage, "for": "1h" });
    let record = |percentage| {
        document(&MeasuredServer::with_plan(
            &json!({ "stages": [stage(percentage)] }),
        ))
    };
    let without = record(100);
    assert!(!without.contains("control arm |"), "{without}");
    assert!(
        without.contains("No stage has a control arm: comparisons do not apply."),
        "{without}"
    );
    assert!(
        without.contains("| approach | a percentage by tenant, in 1 stage |"),
        "{without}"
    );
    let with = record(50);
    assert!(with.contains("| ends | control arm |"), "{with}");
    assert!(with.contains("in 1 stage, compared with the rest"), "{with}");
}

#[test]
fn a_person_does_not_advance_by_a_clock_that_jumps() {
    let mut server = MeasuredServer::running();
    server.count_healthy(2);
    server.jump(2_000 * 3_600_000);
    let response = server.send("POST", &format!("{BOARD}/rollout/advance"));
    assert!(
        response.text().contains("STAGE_NOT_ELAPSED"),
        "{}",
        response.text()
    );
}

#[test]
fn a_failed_correction_is_an_answer() {
    let mut server = MeasuredServer::running();
    server.count_healthy(2);
    server.jump(2_000 * 3_600_000);
    for path in ["advance", "tick"] {
        server.fixture.store.hooks.1.store(1, Ordering::Relaxed);
        let response = server.send("POST", &format!("{BOARD}/rollout/{path}"));
        let text = response.text();
        assert!(text.contains("STORE_UNAVAILABLE"), "{path}: {text}");
    }
    assert_eq!(tick(&server)["result"], "no_step");
}
