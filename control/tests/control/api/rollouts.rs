//! Rollout plans over the API, by the sentences of docs/rollouts.md.

use control::{CheckVerdict, LifecyclePolicy, Role};
use serde_json::{Value, json};
use testkit::{HOUR, START};

use crate::api::server::{DAY, Server, request};

/// A flag at ga, and one at beta.
const SHELL: &str = "/platform/feature-flags/ui.shell";
const BOARD: &str = "/platform/feature-flags/dispatch.v2Board";

/// Three stages of a day, of which a person ends the last one.
fn plan() -> Value {
    json!({
        "stages": [
            { "name": "few", "percentage": 5, "for": "1d" },
            { "name": "half", "percentage": 50, "for": "1d" },
            { "name": "all", "percentage": 100, "for": "1d", "advance": "manual" },
        ],
        "rollback": "exposure",
    })
}

/// The plan above with other fields.
fn plan_with(fields: Value) -> Value {
    let mut plan = plan();
    for (name, value) in fields.as_object().unwrap() {
        plan[name] = value.clone();
    }
    plan
}

fn set(server: &Server, plan: &Value) {
    server.send_ok("PUT", &format!("{SHELL}/rollout/plan"), Some(plan));
}

fn operate(server: &Server, operation: &str) -> Value {
    server.send_ok("POST", &format!("{SHELL}/rollout/{operation}"), Some(&json!({})))
}

fn refused(server: &Server, status: u16, code: &str, operation: &str) -> Value {
    let path = format!("{SHELL}/rollout/{operation}");
    server.send_rejected(status, code, "POST", &path, Some(&json!({})))
}

fn show(server: &Server) -> Value {
    server.send_ok("GET", &format!("{SHELL}/rollout"), None)
}

/// Returns the reasons for which the plan waits.
fn waits(server: &Server) -> Vec<String> {
    let shown = show(server);
    let waits = shown["waits"].as_array().unwrap().iter();
    waits
        .map(|wait| wait["reason"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns the codes of all reasons of a rejection.
fn codes(problem: &Value) -> Vec<&str> {
    let refusals = problem["refusals"].as_array().unwrap().iter();
    refusals
        .map(|refusal| refusal["code"].as_str().unwrap())
        .collect()
}

/// A server with a running plan.
fn running() -> Server {
    let server = Server::start();
    set(&server, &plan());
    operate(&server, "start");
    server
}

#[test]
fn a_plan_goes_through_its_stages_to_the_end() {
    let server = Server::start();
    set(&server, &plan());
    let shown = show(&server);
    assert_eq!((&shown["state"], shown.get("stage")), (&json!("approved"), None));
    assert_eq!(shown["exposure"]["stages"], json!([]), "{shown}");
    assert_eq!(shown["stages_without_control"], json!(["all"]));
    assert_eq!(waits(&server), ["person"]);

    operate(&server, "start");
    server.advance_clock(HOUR);
    let shown = show(&server);
    let stage = &shown["stage"];
    assert_eq!((&stage["name"], &stage["number"]), (&json!("few"), &json!(1)));
    assert_eq!(
        (&stage["passed_ms"], &stage["remaining_ms"]),
        (&json!(HOUR), &json!(23 * HOUR))
    );
    assert_eq!(shown["exposure"]["stages"][0]["percentage"], 5);
    assert_eq!(shown["next_stage"], "half");
    assert_eq!(shown["checks"][0]["verdict"], "inconclusive");
    assert_eq!(waits(&server), ["time", "check"]);

    server.set_verdict("errors", CheckVerdict::Pass);
    for (stage, waiting) in [("half", &["time"][..]), ("all", &["time", "person"])] {
        server.advance_clock(DAY);
        assert!(waits(&server).is_empty());
        operate(&server, "advance");
        assert_eq!(show(&server)["stage"]["name"], stage);
        assert_eq!(waits(&server), waiting);
    }
    server.advance_clock(DAY);
    operate(&server, "advance");
    let shown = show(&server);
    assert_eq!(
        (&shown["state"], shown.get("next_stage")),
        (&json!("completed"), None)
    );
    let turns = shown["course"].as_array().unwrap().iter();
    let turns: Vec<&str> = turns.map(|turn| turn["turn"].as_str().unwrap()).collect();
    assert_eq!(
        turns,
        ["set", "started", "stage_entered", "stage_entered", "completed"]
    );
    refused(&server, 409, "ROLLOUT_STATE", "cancel");
}

#[test]
fn a_plan_is_json_or_yaml_with_places_of_its_problems() {
    let server = Server::start();
    let put = |kind: &str, text: &str| {
        let request = request("PUT", &format!("{SHELL}/rollout/plan"), None).with_body(text);
        let request = request.header("content-type", kind);
        server.send(request.token(server.token(Role::Operator)))
    };
    let yaml = put(
        "application/yaml",
        "stages:\n  - { name: all, percentage: 100, for: 1h }\n",
    );
    assert_eq!(yaml.status, 200, "{}", yaml.text());
    assert_eq!(show(&server)["plan"]["stages"][0]["name"], "all");
    // Every problem of the form at once, each with its place.
    let bad = put(
        "application/yaml",
        "stages:\n  - { name: all, percentage: 101, for: 1h }\n  - { name: all, percent: 5 }\n",
    );
    assert_eq!(
        (bad.status, bad.code().as_str()),
        (422, "INVALID_DOCUMENT"),
        "{}",
        bad.text()
    );
    let problems = bad.json()["problems"].clone();
    assert!(problems.as_array().unwrap().len() == 2, "{problems}");
    assert_eq!(
        (&problems[0]["file"], &problems[0]["line"]),
        (&json!("plan"), &json!(2))
    );
    let bad = put("application/json", "{ \"stages\": [] }");
    assert_eq!((bad.status, bad.code().as_str()), (422, "INVALID_DOCUMENT"));
    assert_eq!(put("application/json", "stages: []").code(), "MALFORMED_BODY");
    assert_eq!(
        put("application/json", "{\"stages\": [], \"stages\": []}").code(),
        "MALFORMED_BODY"
    );
    assert_eq!(put("text/plain", "{}").status, 415);
    assert_eq!(show(&server)["plan"]["stages"][0]["name"], "all");
}

#[test]
fn a_plan_that_cannot_advance_is_refused_with_every_reason() {
    let server = Server::start();
    let hopeless = json!({
        "stages": [
            { "name": "one", "audience": { "segment": "nobody" }, "percentage": 50, "for": "1h" },
            { "name": "two", "audience": { "attribute": "tier", "eq": "tier9" }, "percentage": 5, "for": "1h" },
            { "name": "back", "lifecycle": "alpha", "percentage": 10, "for": "1h" },
        ],
        "serve": "blue",
    });
    for query in ["", "?dry_run=true"] {
        let path = format!("{SHELL}/rollout/plan{query}");
        let problem = server.send_rejected(422, "INVALID_PLAN", "PUT", &path, Some(&hopeless));
        let fields = problem["refusals"].as_array().unwrap().iter().map(|refusal| {
            assert_eq!(refusal["code"], "INVALID_PLAN");
            assert!(refusal["help"].is_string(), "{refusal}");
            refusal["field"].as_str().unwrap()
        });
        let fields: Vec<&str> = fields.collect();
        for field in [
            "stages[0].audience",
            "stages[1].audience",
            "stages[2].lifecycle",
            "serve",
        ] {
            assert!(fields.contains(&field), "{field}: {fields:?}");
        }
    }
    server.send_rejected(404, "PLAN_NOT_FOUND", "GET", &format!("{SHELL}/rollout"), None);
}

#[test]
fn a_dry_run_of_a_plan_names_stages_without_control() {
    let server = Server::start();
    let before = server.send_ok("GET", "/platform/document", None);
    let path = format!("{SHELL}/rollout/plan?dry_run=true");
    let tried = server.send_ok("PUT", &path, Some(&plan()));
    assert_eq!(tried["stages_without_control"], json!(["all"]));
    assert_eq!(tried["preview"]["tenants_changed"], 0, "{tried}");
    assert_eq!(server.send_ok("GET", "/platform/document", None), before);
    // The start has the effect that its dry run shows.
    set(
        &server,
        &plan_with(json!({ "stages": [{ "name": "few", "percentage": 0.001, "for": "1d" }] })),
    );
    let start = format!("{SHELL}/rollout/start");
    let tried = server.send_ok("POST", &format!("{start}?dry_run=true"), Some(&json!({})));
    assert_eq!(tried["preview"]["tenants_changed"], 3, "{tried}");
    assert_eq!(tried["preview"]["decisions"][0]["cause"], "held_back", "{tried}");
    assert_eq!(show(&server)["state"], "approved");
}

#[test]
fn a_start_needs_approvals_checklist_and_an_open_window() {
    let server = Server::start();
    // The clock of the server starts on a Saturday at midnight.
    let window = json!([{ "days": "sat-sun", "from": "09:00", "until": "16:00", "zone": "UTC" }]);
    let prepared = plan_with(json!({
        "approvals": ["technical", "product"], "checklist": ["tests passing"], "window": window,
    }));
    set(&server, &prepared);
    assert_eq!(show(&server)["state"], "draft");
    assert_eq!(waits(&server), ["approval", "checklist", "window", "person"]);
    let problem = refused(&server, 409, "APPROVAL_MISSING", "start");
    assert_eq!(
        codes(&problem),
        ["APPROVAL_MISSING", "CHECKLIST_OPEN", "OUTSIDE_WINDOW"]
    );
    assert_eq!(problem["refusals"][0]["roles"], json!(["technical", "product"]));
    assert_eq!(problem["refusals"][1]["items"], json!(["tests passing"]));
    assert_eq!(problem["refusals"][2]["opens"], "2026-11-21T09:00:00.000Z");

    let approve = |role: Role, named: &str| {
        let path = format!("{SHELL}/rollout/approve");
        server.send_as(role, "POST", &path, Some(&json!({ "role": named })))
    };
    assert_eq!(approve(Role::Operator, "finance").code(), "UNKNOWN_APPROVAL");
    assert_eq!(approve(Role::Operator, "technical").status, 200);
    let taken = approve(Role::Operator, "product");
    assert_eq!((taken.status, taken.code().as_str()), (409, "APPROVAL_TAKEN"));
    assert_eq!(approve(Role::PlatformAdmin, "product").status, 200);
    assert_eq!(show(&server)["state"], "approved");
    assert_eq!(show(&server)["approvals"][0]["by"], "operator");

    let check = format!("{SHELL}/rollout/check");
    let body = |done: bool| json!({ "item": "tests passing", "done": done });
    server.send_rejected(
        409,
        "UNKNOWN_ITEM",
        "POST",
        &check,
        Some(&json!({ "item": "tests" })),
    );
    for (done, open) in [(true, false), (false, true), (true, false)] {
        server.send_ok("POST", &check, Some(&body(done)));
        assert_eq!(show(&server)["checklist"][0].get("by").is_none(), open);
    }
    assert_eq!(waits(&server), ["window", "person"]);
    refused(&server, 409, "OUTSIDE_WINDOW", "start");
    server.advance_clock(9 * HOUR);
    operate(&server, "start");
    server.send_rejected(409, "ROLLOUT_STATE", "POST", &check, Some(&body(false)));
}

#[test]
fn force_starts_outside_the_window_but_not_unapproved() {
    let server = Server::start();
    let window = json!([{ "days": "mon", "zone": "UTC" }]);
    set(
        &server,
        &plan_with(json!({ "window": window, "approvals": ["technical"] })),
    );
    let problem = refused(&server, 409, "APPROVAL_MISSING", "start?force=true");
    assert_eq!(codes(&problem), ["APPROVAL_MISSING"]);
    let approve = json!({ "role": "technical" });
    server.send_ok("POST", &format!("{SHELL}/rollout/approve"), Some(&approve));
    operate(&server, "start?force=true");
}

#[test]
fn approvals_need_operators() {
    let server = Server::without_operators();
    let put = |plan: &Value| server.send(request("PUT", &format!("{SHELL}/rollout/plan"), Some(plan)));
    let refused = put(&plan_with(json!({ "approvals": ["technical"] })));
    assert_eq!((refused.status, refused.code().as_str()), (422, "INVALID_PLAN"));
    assert_eq!(
        refused.json()["field"]
            .as_str()
            .or(refused.json()["refusals"][0]["field"].as_str()),
        Some("approvals")
    );
    assert_eq!(put(&plan()).status, 200);
}

#[test]
fn a_stage_ends_when_its_conditions_are_met() {
    let server = running();
    let problem = refused(&server, 409, "STAGE_NOT_ELAPSED", "advance");
    assert_eq!(codes(&problem), ["STAGE_NOT_ELAPSED", "CHECK_NOT_PASSED"]);
    assert_eq!(problem["refusals"][0]["until"], "2026-11-22T00:00:00.000Z");
    assert_eq!(problem["refusals"][1]["check"], "errors");
    server.advance_clock(DAY);
    for (verdict, word) in [
        (CheckVerdict::Fail, "fail"),
        (CheckVerdict::Inconclusive, "inconclusive"),
    ] {
        server.set_verdict("errors", verdict);
        let problem = refused(&server, 409, "CHECK_NOT_PASSED", "advance");
        assert_eq!(problem["refusals"][0]["verdict"], word);
    }
    operate(&server, "advance?force=true");
    assert_eq!(show(&server)["stage"]["name"], "half");
    let log = server.send_ok("GET", "/platform/audit?flag=ui.shell&limit=1", None);
    assert_eq!(log["entries"][0]["details"]["forced"], true, "{log}");
}

#[test]
fn an_advance_is_made_at_the_revision_that_was_read() {
    let server = running();
    let revision = show(&server)["revision"].as_u64().unwrap();
    let advance = |revision: u64| {
        let path = format!("{SHELL}/rollout/advance?force=true");
        let request = request("POST", &path, Some(&json!({}))).header("if-match", &format!("\"{revision}\""));
        server.send(request.token(server.token(Role::Operator)))
    };
    assert_eq!(advance(revision).status, 200);
    // The same request again, as of somebody who saw the same stage, skips none.
    let lost = advance(revision);
    assert_eq!((lost.status, lost.code().as_str()), (412, "REVISION_CONFLICT"));
    assert_eq!(show(&server)["stage"]["name"], "half");
}

#[test]
fn an_advance_beside_another_skips_no_stage() {
    let server = running();
    let path = format!("{SHELL}/rollout/advance?force=true");
    server.send_meanwhile(request("POST", &path, Some(&json!({}))));
    refused(&server, 412, "REVISION_CONFLICT", "advance?force=true");
    assert_eq!(show(&server)["stage"]["name"], "half");
}

#[test]
fn a_promotion_by_a_stage_meets_its_conditions() {
    let server = Server::start();
    let promoting =
        json!({ "stages": [{ "name": "all", "lifecycle": "ga", "percentage": 100, "for": "1d" }] });
    server.send_ok("PUT", &format!("{BOARD}/rollout/plan"), Some(&promoting));
    let start = format!("{BOARD}/rollout/start?force=true");
    let problem = server.send_rejected(409, "SOAK_NOT_ELAPSED", "POST", &start, Some(&json!({})));
    assert!(codes(&problem).contains(&"EXIT_CRITERIA"), "{problem}");
    let shown = server.send_ok("GET", &format!("{BOARD}/rollout"), None);
    assert_eq!(shown["state"], "approved");
}

#[test]
fn a_pause_stops_the_timer_and_keeps_the_stages() {
    let server = running();
    server.advance_clock(HOUR);
    let body = json!({ "reason": "INC-7" });
    server.send_ok("POST", &format!("{SHELL}/rollout/pause"), Some(&body));
    let paused = show(&server);
    assert_eq!(paused["state"], "paused");
    assert_eq!(
        (&paused["halt"]["by"], &paused["halt"]["why"]),
        (&json!("platform-admin"), &json!("INC-7"))
    );
    assert_eq!(waits(&server), ["person"]);
    refused(&server, 409, "ROLLOUT_STATE", "advance");
    assert_eq!(operate(&server, "pause")["changed"], false);
    server.advance_clock(DAY);
    operate(&server, "resume");
    let resumed = show(&server);
    assert_eq!(resumed["stage"]["passed_ms"], HOUR);
    assert_eq!(resumed["exposure"], paused["exposure"]);
}

#[test]
fn a_kill_pauses_and_a_restore_does_not_resume() {
    let server = running();
    server.send_ok("POST", &format!("{SHELL}/kill"), Some(&json!({})));
    assert_eq!(show(&server)["state"], "paused");
    refused(&server, 409, "ROLLBACK_OPEN", "resume");
    server.send_ok("POST", &format!("{SHELL}/restore"), Some(&json!({})));
    assert_eq!(show(&server)["state"], "paused");
    operate(&server, "resume");
}

#[test]
fn a_rollback_has_the_effect_of_the_plan_or_another() {
    for (body, enabled, percentage) in [
        (None, true, 0),
        (Some(json!({ "to": "kill", "reason": "INC-7" })), false, 5),
        (Some(json!({ "to": "previous" })), true, 0),
    ] {
        let server = running();
        server.send_ok("POST", &format!("{SHELL}/rollout/rollback"), body.as_ref());
        let shown = show(&server);
        assert_eq!(shown["state"], "rolled_back");
        assert_eq!(
            shown["exposure"]["stages"][0]["percentage"], percentage,
            "{body:?}"
        );
        assert_eq!(server.send_ok("GET", SHELL, None)["enabled"], enabled);
        assert!(show(&server)["waits"].as_array().unwrap().is_empty());
        refused(&server, 409, "ROLLOUT_STATE", "rollback");
    }
    let server = running();
    let path = format!("{SHELL}/rollout/rollback");
    server.send_rejected(
        400,
        "MALFORMED_BODY",
        "POST",
        &path,
        Some(&json!({ "to": "before" })),
    );
}

#[test]
fn a_running_plan_is_edited_in_its_later_stages_only() {
    let server = Server::start();
    let approve = || {
        let body = json!({ "role": "technical" });
        server.send_ok("POST", &format!("{SHELL}/rollout/approve"), Some(&body));
    };
    let approved = plan_with(json!({ "approvals": ["technical"] }));
    set(&server, &approved);
    approve();
    operate(&server, "start");
    let mut edited = approved.clone();
    edited["stages"][0]["percentage"] = json!(10);
    edited["rollback"] = json!("kill");
    let path = format!("{SHELL}/rollout/plan");
    let problem = server.send_rejected(422, "INVALID_PLAN", "PUT", &path, Some(&edited));
    assert_eq!(codes(&problem).len(), 2, "{problem}");
    let mut edited = approved;
    edited["stages"][1]["percentage"] = json!(40);
    set(&server, &edited);
    server.set_verdict("errors", CheckVerdict::Pass);
    server.advance_clock(DAY);
    assert_eq!(waits(&server), ["approval"]);
    refused(&server, 409, "APPROVAL_MISSING", "advance?force=true");
    approve();
    operate(&server, "advance");
    assert_eq!(show(&server)["stage"]["percentage"], 40);
}

#[test]
fn other_changes_of_a_planned_flag_need_force() {
    let server = running();
    let rollout = json!({ "rollout": { "percentage": 25 } });
    let path = format!("{SHELL}/rollout");
    for (method, path, body) in [
        ("PUT", path.clone(), Some(&rollout)),
        (
            "POST",
            format!("{SHELL}/state"),
            Some(&json!({ "state": "beta" })),
        ),
        ("DELETE", format!("{SHELL}/rollout/plan"), None),
    ] {
        let problem = server.send_rejected(409, "ROLLOUT_RUNNING", method, &path, body);
        assert_eq!(problem["refusals"][0]["stage"], "few", "{path}");
    }
    // The percentage rollout has its own meaning on the same path.
    server.send_ok("PUT", &format!("{path}?force=true"), Some(&rollout));
    let shown = show(&server);
    assert_eq!(
        (&shown["state"], &shown["exposure"]),
        (&json!("cancelled"), &Value::Null)
    );
    assert_eq!(server.send_ok("GET", SHELL, None)["rollout"]["percentage"], 25);
    server.send_ok("DELETE", &format!("{SHELL}/rollout/plan"), None);
    server.send_rejected(404, "PLAN_NOT_FOUND", "GET", &path, None);
}

#[test]
fn a_large_stage_needs_force() {
    let policy = LifecyclePolicy {
        max_blast_radius: Some(1),
        ..LifecyclePolicy::default()
    };
    let server = Server::with_policy(policy);
    set(
        &server,
        &plan_with(json!({ "stages": [{ "name": "few", "percentage": 0.001, "for": "1d" }] })),
    );
    let dry_run = operate(&server, "start?dry_run=true");
    assert_eq!(dry_run["needs_force"], true);
    refused(&server, 409, "BLAST_RADIUS", "start");
    operate(&server, "start?force=true");
    // What takes a feature back is never limited.
    operate(&server, "rollback");
}

#[test]
fn rollouts_are_listed_page_by_page() {
    let server = running();
    server.send_ok("PUT", &format!("{BOARD}/rollout/plan"), Some(&plan()));
    let page = server.send_ok("GET", "/platform/rollouts?limit=1", None);
    assert_eq!(page["rollouts"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&page["rollouts"][0]["flag"], &page["next"]),
        (&json!("dispatch.v2Board"), &json!("dispatch.v2Board"))
    );
    let page = server.send_ok("GET", "/platform/rollouts?flags=no.such,dispatch.v2Board", None);
    assert_eq!(page["rollouts"].as_array().unwrap().len(), 1);
    assert_eq!(page["rollouts"][0]["flag"], "dispatch.v2Board");
    let page = server.send_ok("GET", "/platform/rollouts?flags=no.such", None);
    assert_eq!(page["rollouts"], json!([]));
    let page = server.send_ok("GET", "/platform/rollouts?after=dispatch.v2Board", None);
    assert_eq!(
        (&page["rollouts"][0]["state"], page.get("next")),
        (&json!("running"), None)
    );
    assert_eq!(page["rollouts"][0]["stage"]["name"], "few");
    assert_eq!(page["rollouts"].as_array().unwrap().len(), 1);
}

#[test]
fn operations_without_a_plan_or_a_flag_are_refused() {
    let server = Server::start();
    for operation in ["start", "pause", "resume", "advance", "rollback", "cancel"] {
        refused(&server, 404, "PLAN_NOT_FOUND", operation);
        let path = format!("/platform/feature-flags/no.such/rollout/{operation}");
        server.send_rejected(404, "FLAG_NOT_FOUND", "POST", &path, Some(&json!({})));
    }
    server.send_rejected(
        404,
        "FLAG_NOT_FOUND",
        "GET",
        "/platform/feature-flags/no.such/rollout",
        None,
    );
    set(&server, &plan());
    for operation in ["pause", "resume", "advance", "rollback"] {
        refused(&server, 409, "ROLLOUT_STATE", operation);
    }
    let body = json!({ "role": "technical" });
    let approve = format!("{SHELL}/rollout/approve");
    server.send_rejected(409, "UNKNOWN_APPROVAL", "POST", &approve, Some(&body));
    assert_eq!(operate(&server, "cancel")["changed"], true);
    assert_eq!(operate(&server, "cancel")["changed"], false);
    refused(&server, 409, "ROLLOUT_STATE", "start");
    assert_eq!(START % DAY, 0, "the tests count days from midnight");
}

#[test]
fn rollouts_are_audited_with_reason_and_role() {
    let server = Server::start();
    set(&server, &plan());
    let path = format!("{SHELL}/rollout/start");
    assert_eq!(
        server
            .send_as(Role::Viewer, "POST", &path, Some(&json!({})))
            .status,
        403
    );
    server.send_ok("POST", &path, Some(&json!({ "reason": "REL-12" })));
    let log = server.send_ok("GET", "/platform/audit?flag=ui.shell&limit=2", None);
    let [started, rejected] = [&log["entries"][0], &log["entries"][1]];
    assert_eq!(
        (&started["reason"], &started["details"]["stage"]),
        (&json!("REL-12"), &json!("few"))
    );
    assert_eq!(
        (&rejected["action"], &rejected["outcome"]),
        (&started["action"], &json!("refused"))
    );
    assert_eq!(rejected["actor"], "viewer");
}

#[test]
fn a_document_and_its_dry_run_refuse_an_unsuitable_plan() {
    let server = Server::start();
    let document = |plan: Value| json!({ "version": 1, "flags": { "fresh": { "plan": plan } } });
    let unsuitable = json!({ "stages": [
        { "name": "a", "percentage": 5, "for": "1d", "audience": { "attribute": "channel", "eq": "nightly" } },
        { "name": "b", "percentage": 5, "for": "1d", "lifecycle": "ga", "audience": { "segment": "nobody" } },
    ] });
    let malformed = json!({ "stages": [
        { "name": "a", "percentage": 5, "for": "1d", "audience": { "attribute": "email", "matches": "(" } },
    ] });
    let before = server.send_ok("GET", "/platform/document", None);
    for path in ["/platform/document?dry_run=true", "/platform/document"] {
        let put = |plan: &Value| {
            let problem = server.send_as(Role::PlatformAdmin, "PUT", path, Some(&document(plan.clone())));
            (problem.status, problem.json())
        };
        let (status, problem) = put(&unsuitable);
        let fields = problem["refusals"].as_array().unwrap().iter();
        let fields: Vec<_> = fields.map(|refusal| refusal["field"].clone()).collect();
        assert_eq!(
            (status, &problem["code"]),
            (422, &json!("INVALID_PLAN")),
            "{problem}"
        );
        for field in ["stages[1].lifecycle", "stages[0].audience", "stages[1].audience"] {
            assert!(fields.contains(&json!(field)), "{field}: {problem}");
        }
        let (status, problem) = put(&malformed);
        assert_eq!(
            (status, &problem["problems"][0]["code"]),
            (422, &json!("invalid-pattern")),
            "{problem}"
        );
    }
    assert_eq!(server.send_ok("GET", "/platform/document", None), before);
}
