//! Changes: their effects and answers; a rejected change changes nothing.

use control::Role;
use serde_json::{Value, json};

use crate::api::server::{DAY, Server, request};

const BOARD: &str = "/platform/feature-flags/dispatch.v2Board";

#[test]
fn every_operation_has_its_effect() {
    let server = Server::start();
    let flag = |key: &str| server.send_ok("GET", &format!("/platform/feature-flags/{key}"), None);
    let org = |id: &str| server.send_ok("GET", &format!("/platform/orgs/{id}"), None);

    server.send_ok(
        "POST",
        &format!("{BOARD}/kill"),
        Some(&json!({ "reason": "INC-7" })),
    );
    assert_eq!(flag("dispatch.v2Board")["enabled"], false);
    server.send_ok("POST", &format!("{BOARD}/restore"), Some(&json!({})));
    assert_eq!(flag("dispatch.v2Board")["enabled"], true);
    server.send_ok(
        "PUT",
        &format!("{BOARD}/tiers"),
        Some(&json!({ "tiers": { "tier2": "on", "tier3": true } })),
    );
    assert_eq!(flag("dispatch.v2Board")["tiers"]["tier2"], "on");
    server.send_ok(
        "PUT",
        &format!("{BOARD}/rollout"),
        Some(&json!({ "rollout": { "percentage": 25 } })),
    );
    assert_eq!(flag("dispatch.v2Board")["rollout"]["percentage"], 25);
    server.send_ok(
        "PUT",
        &format!("{BOARD}/rollout"),
        Some(&json!({ "rollout": null })),
    );
    assert_eq!(flag("dispatch.v2Board").get("rollout"), None);

    server.send_ok("PUT", "/platform/orgs/hooli", Some(&json!({ "tier": "tier2" })));
    server.send_ok(
        "PATCH",
        "/platform/orgs/hooli",
        Some(&json!({ "channel": "latest", "tier": null })),
    );
    assert_eq!(org("hooli"), json!({ "id": "hooli", "channel": "latest" }));
    server.send_ok("PUT", "/platform/orgs/hooli/beta/dispatch.v2Board", None);
    assert_eq!(org("hooli")["beta"], json!(["dispatch.v2Board"]));
    server.send_ok("DELETE", "/platform/orgs/hooli/beta/dispatch.v2Board", None);
    let at = "/platform/orgs/hooli/feature-flags/ui.shell";
    for (body, expected) in [
        (json!({ "enabled": false }), json!("off")),
        (json!({ "variant": "on" }), json!("on")),
        (json!({ "enabled": null }), Value::Null),
    ] {
        server.send_ok("POST", at, Some(&body));
        let found = org("hooli")["overrides"]["ui.shell"].clone();
        assert!(
            found == expected || (found == json!(false) && expected == "off"),
            "{body}: {found}"
        );
    }
    server.send_ok("DELETE", "/platform/orgs/hooli", None);
    server.send_rejected(404, "TENANT_NOT_FOUND", "GET", "/platform/orgs/hooli", None);

    let choice = "/orgs/globex/feature-flags/dispatch.v2Board";
    server.send_ok("POST", &format!("{choice}/opt-in"), Some(&json!({})));
    assert_eq!(org("globex")["opt_in"], json!(["dispatch.v2Board"]));
    let own = server.send_ok("GET", "/orgs/globex/feature-flags", None);
    assert_eq!(
        (&own["flags"][0]["on"], &own["flags"][0]["choice"]),
        (&json!(true), &json!("in"))
    );
    server.send_ok("POST", &format!("{choice}/opt-out"), Some(&json!({})));
    assert_eq!(org("globex")["opt_out"], json!(["dispatch.v2Board"]));
}

#[test]
fn an_org_sees_since_when_it_chose() {
    let server = Server::start();
    let path = "/orgs/globex/feature-flags";
    let board = || server.send_ok("GET", path, None)["flags"][0].clone();
    let before = board();
    assert_eq!(before["key"], "dispatch.v2Board");
    assert!(before["lifecycle_since"].is_string(), "{before}");
    assert!(before.get("choice_since").is_none());
    server.advance_clock(60_000);
    server.send_ok("POST", &format!("{path}/dispatch.v2Board/opt-in"), None);
    let opted_in = board()["choice_since"].clone();
    server.advance_clock(60_000);
    server.send_ok("POST", &format!("{path}/dispatch.v2Board/opt-in"), None);
    // The same choice again is no new one.
    assert_eq!(board()["choice_since"], opted_in);
    server.send_ok("POST", &format!("{path}/dispatch.v2Board/opt-out"), None);
    let opted_out = board();
    assert_eq!(opted_out["choice"], "out");
    assert!(opted_out["choice_since"].as_str() > opted_in.as_str());
    assert_eq!(opted_out["lifecycle_since"], before["lifecycle_since"]);
}

#[test]
fn a_rejected_promotion_lists_all_reasons() {
    let server = Server::start();
    let problem = server.send_rejected(
        409,
        "SOAK_NOT_ELAPSED",
        "POST",
        &format!("{BOARD}/state"),
        Some(&json!({ "state": "ga" })),
    );
    let codes: Vec<&str> = problem["refusals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refusal| refusal["code"].as_str().unwrap())
        .collect();
    assert!(
        codes.contains(&"SOAK_NOT_ELAPSED") && codes.contains(&"EXIT_CRITERIA"),
        "{codes:?}"
    );
    assert_eq!(problem["type"], "urn:sluice:problem:soak-not-elapsed");
    assert_eq!(
        (&problem["status"], &problem["title"]),
        (&json!(409), &json!("Conflict"))
    );
    assert!(problem["refusals"][0]["help"].is_string(), "{problem}");
    server.send_rejected(
        409,
        "STATE_SKIPPED",
        "POST",
        "/platform/feature-flags/reports.export/state",
        Some(&json!({ "state": "ga" })),
    );
}

#[test]
fn an_urgent_promotion_requires_a_platform_admin() {
    let server = Server::start();
    let body = json!({ "state": "ga", "override": { "decision_maker": "cto", "incident": "INC-7", "reason": "outage" } });
    server.send_rejected(
        403,
        "ROLE_MISSING",
        "POST",
        &format!("{BOARD}/state"),
        Some(&body),
    );
    let answer = server.send_ok("POST", &format!("{BOARD}/state"), Some(&body));
    assert!(
        !answer["skipped_conditions"].as_array().unwrap().is_empty(),
        "{answer}"
    );
}

#[test]
fn an_empty_override_is_rejected_and_tiers_still_off_are_named() {
    let server = Server::start();
    let tiers = json!({ "tiers": { "tier3": "off" } });
    server.send_ok("PUT", &format!("{BOARD}/tiers?force=true"), Some(&tiers));
    let at = format!("{BOARD}/state?force=true");
    let body = |incident: &str| json!({ "state": "ga", "override": { "decision_maker": "cto", "incident": incident, "reason": "outage" } });
    server.send_rejected(422, "INVALID_URGENT", "POST", &at, Some(&body(" ")));
    let answer = server.send_ok("POST", &at, Some(&body("INC-7")));
    assert_eq!(answer["tiers_still_off"], json!(["tier3"]), "{answer}");
}

#[test]
fn an_empty_or_long_incident_is_an_invalid_incident() {
    let server = Server::start();
    for text in [String::new(), " ".to_owned(), "x".repeat(1_001)] {
        let incident = json!({ "incident": text });
        let state = json!({ "state": "alpha", "incident": text });
        let operations = [
            ("kill", &incident),
            ("restore", &incident),
            ("incidents", &incident),
            ("incidents/close", &incident),
            ("state", &state),
        ];
        for (operation, body) in operations {
            let path = format!("{BOARD}/{operation}");
            server.send_rejected(422, "INVALID_INCIDENT", "POST", &path, Some(body));
        }
        let urgent = json!({ "decision_maker": text, "incident": text, "reason": text });
        let body = json!({ "state": "ga", "override": urgent });
        let path = format!("{BOARD}/state");
        let problem = server.send_rejected(422, "INVALID_URGENT", "POST", &path, Some(&body));
        let fields = &problem["refusals"][0]["fields"];
        assert_eq!(
            fields,
            &json!(["decision_maker", "incident", "reason"]),
            "{problem}"
        );
    }
    let number = json!({ "incident": 7 });
    server.send_rejected(
        400,
        "MALFORMED_BODY",
        "POST",
        &format!("{BOARD}/kill"),
        Some(&number),
    );
}

#[test]
fn requests_use_the_clock_of_the_api() {
    let server = Server::start();
    let promote = json!({ "state": "beta" });
    let at = "/platform/feature-flags/reports.export/state";
    server.send_rejected(409, "SOAK_NOT_ELAPSED", "POST", at, Some(&promote));
    server.advance_clock(DAY);
    assert_eq!(server.send_ok("POST", at, Some(&promote))["changed"], true);
}

#[test]
fn a_change_is_applied_at_its_revision_or_not_at_all() {
    let server = Server::start();
    let shown = server.send_as(Role::Viewer, "GET", BOARD, None);
    let tag = shown.header("etag").unwrap().to_owned();
    assert_eq!(
        tag,
        format!("\"{}\"", shown.json()["revision"].as_u64().unwrap_or(1))
    );
    let kill = |tag: &str| {
        let request = request("POST", &format!("{BOARD}/kill"), Some(&json!({}))).header("if-match", tag);
        server.send(request.token(server.token(Role::Operator)))
    };
    let done = kill(&tag);
    assert_eq!(done.status, 200, "{}", done.text());
    assert_ne!(done.header("etag").unwrap(), tag);
    let lost = kill(&tag);
    assert_eq!((lost.status, lost.code().as_str()), (412, "REVISION_CONFLICT"));
    assert_eq!(lost.json()["refusals"][0]["current"], done.json()["revision"]);
    assert_eq!(kill("1").code(), "REVISION_CONFLICT");
    for malformed in ["\"1", "\"a\"", "W/\"1\"", "*", "\"1\", \"2\""] {
        assert_eq!(kill(malformed).code(), "MALFORMED_HEADER", "{malformed}");
    }
}

#[test]
fn a_dry_run_says_if_it_would_change_anything() {
    let server = Server::start();
    let path = "/platform/orgs/acme/feature-flags/ui.shell";
    let dry_run = |enabled: Value| {
        let body = json!({ "enabled": enabled });
        let answer = server.send_ok("POST", &format!("{path}?dry_run=true"), Some(&body));
        answer["changed"].clone()
    };
    assert_eq!(dry_run(json!(null)), false);
    assert_eq!(dry_run(json!(false)), true);
}

#[test]
fn a_dry_run_lists_changed_decisions_and_changes_nothing() {
    let server = Server::start();
    let before = server.send_ok("GET", "/platform/document", None);
    let body = json!({ "tiers": { "tier3": "on" } });
    let tried = server.send_ok(
        "PUT",
        "/platform/feature-flags/ui.shell/tiers?dry_run=true",
        Some(&body),
    );
    assert_eq!(tried["preview"]["tenants_changed"], 0);
    let tried = server.send_ok(
        "POST",
        "/platform/feature-flags/ui.shell/kill?dry_run=true",
        Some(&json!({})),
    );
    assert_eq!(
        (
            &tried["preview"]["tenants_changed"],
            &tried["preview"]["tenants_total"]
        ),
        (&json!(3), &json!(3))
    );
    assert_eq!(tried["preview"]["decisions"][0]["tenant"], "acme");
    assert_eq!(server.send_ok("GET", "/platform/document", None), before);
    let log = server.send_ok("GET", "/platform/audit?flag=ui.shell&actor=platform-admin", None);
    assert_eq!(log["entries"], json!([]));
}

#[test]
fn an_import_has_one_revision_and_a_result_for_each_tenant() {
    let server = Server::start();
    let before = server.send_ok("GET", "/platform/orgs", None)["revision"]
        .as_u64()
        .unwrap();
    let body =
        json!({ "mode": "create", "tenants": { "acme": {}, "new-1": { "tier": "tier1" }, "new-2": {} } });
    let answer = server.send_ok("POST", "/platform/orgs:import", Some(&body));
    assert_eq!(answer["revision"], before + 1);
    let items: Vec<(&str, &str)> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["id"].as_str().unwrap(), item["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(
        items,
        [("acme", "refused"), ("new-1", "created"), ("new-2", "created")]
    );
    assert_eq!(answer["items"][0]["refusal"]["code"], "ALREADY_EXISTS");
}

#[test]
fn an_invalid_tenant_of_an_import_blocks_no_other() {
    let server = Server::start();
    let body = json!({ "tenants": {
        "new-1": { "tier": "tier1" },
        "new-2": { "tier": "tier9" },
        "new-3": { "overrides": { "no.such": true } },
        "new-4": { "tire": "tier1" },
        "new-5": { "tier": "tier9" },
        "new-6": 5,
        "new-7": null,
    } });
    for path in ["/platform/orgs:import?dry_run=true", "/platform/orgs:import"] {
        let answer = server.send_ok("POST", path, Some(&body));
        let items = answer["items"].as_array().unwrap();
        let outcomes: Vec<&str> = items
            .iter()
            .map(|item| item["outcome"].as_str().unwrap())
            .collect();
        assert_eq!(
            outcomes,
            [
                "created", "refused", "refused", "refused", "refused", "refused", "refused"
            ]
        );
        let details = ["tier9", "no.such", "tire", "tier9", "no mapping", "no mapping"];
        for (item, words) in items.iter().skip(1).zip(details) {
            let refusal = &item["refusal"];
            assert_eq!(
                (&refusal["code"], &refusal["org"]),
                (&json!("INVALID_DOCUMENT"), &item["id"])
            );
            assert!(refusal["detail"].as_str().unwrap().contains(words), "{refusal}");
        }
    }
    let orgs = server.send_ok("GET", "/platform/orgs?after=initech", None);
    assert_eq!(orgs["orgs"], json!([{ "id": "new-1", "tier": "tier1" }]));
}

#[test]
fn an_import_rejected_as_a_whole_is_in_the_log() {
    let server = Server::start();
    let before = server.send_ok("GET", "/platform/document", None);
    let body = json!({ "tenants": { "new-1": { "tier": "tier9" } } });
    let tried = server.send_ok("POST", "/platform/orgs:import?dry_run=true", Some(&body));
    assert_eq!(tried["items"][0]["outcome"], "refused");
    let answer = server.send_ok("POST", "/platform/orgs:import", Some(&body));
    assert_eq!(
        (&answer["changed"], &answer["items"][0]["outcome"]),
        (&json!(false), &json!("refused"))
    );
    assert_eq!(server.send_ok("GET", "/platform/document", None), before);
    let log = server.send_ok("GET", "/platform/audit?action=platform.orgs_imported", None);
    let entries = log["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{log}");
    assert_eq!(
        (&entries[0]["outcome"], &entries[0]["details"]["refused"]),
        (&json!("refused"), &json!(1))
    );
}

#[test]
fn a_document_is_json_or_yaml_and_an_invalid_one_is_rejected() {
    let server = Server::start();
    let whole = server.send_ok("GET", "/platform/document", None);
    let again = server.send_ok("PUT", "/platform/document", Some(&whole));
    assert_eq!(again["changed"], false, "{again}");
    let put = |kind: &str, text: &str| {
        let request = request("PUT", "/platform/document", None).with_body(text);
        server.send(
            request
                .header("content-type", kind)
                .token(server.token(Role::PlatformAdmin)),
        )
    };
    let yaml = put(
        "application/yaml; charset=utf-8",
        "version: 1\ntiers: [tier1, tier2, tier3]\nunknown_tenant: { tier: tier1 }\nflags: { brand.new: { owner: me } }\n",
    );
    assert_eq!(yaml.status, 200, "{}", yaml.text());
    assert_eq!(yaml.json()["difference"]["added"][0]["name"], "brand.new");
    let before = server.send_ok("GET", "/platform/document", None);
    for (text, status, code) in [
        ("version: 1\nflgs: {}\n", 422, "INVALID_DOCUMENT"),
        (
            "version: 1\nflags: { a: { requires: [nobody] } }\n",
            422,
            "INVALID_DOCUMENT",
        ),
        ("{", 422, "INVALID_DOCUMENT"),
    ] {
        let bad = put("application/yaml", text);
        assert_eq!(
            (bad.status, bad.code().as_str()),
            (status, code),
            "{text}: {}",
            bad.text()
        );
        let problem = &bad.json()["problems"][0];
        assert!(
            problem["code"].is_string() && problem["message"].is_string(),
            "{problem}"
        );
    }
    assert_eq!(put("application/json", "{").code(), "MALFORMED_BODY");
    assert_eq!(put("text/plain", "{}").status, 415);
    assert_eq!(server.send_ok("GET", "/platform/document", None), before);
}

#[test]
fn flags_from_files_can_be_read_and_not_changed() {
    let server = Server::with_files();
    assert_eq!(
        server.send_ok("GET", "/platform/feature-flags", None)["flags"][0]["key"],
        "dispatch.core"
    );
    // Nobody saw when files changed, so no flag has a time, and none is stale because of one.
    let flags = server.send_ok("GET", "/platform/feature-flags", None);
    assert!(!flags.to_string().contains("1970"), "{flags}");
    for flag in flags["flags"].as_array().unwrap() {
        let fields = flag.as_object().unwrap();
        for field in ["created", "changed", "changed_by", "lifecycle_since"] {
            assert!(!fields.contains_key(field), "{flag}");
        }
        assert_eq!(flag["stale"], json!([]), "{flag}");
    }
    let problem = server.send_rejected(
        409,
        "READ_ONLY_SOURCE",
        "POST",
        &format!("{BOARD}/kill"),
        Some(&json!({})),
    );
    assert!(
        problem["help"].as_str().unwrap().contains("--socket"),
        "{problem}"
    );
    server.send_ok("POST", &format!("{BOARD}/kill?dry_run=true"), Some(&json!({})));
}

#[test]
fn invalid_input_has_its_code_and_changes_nothing() {
    let server = Server::start();
    let before = server.send_ok("GET", "/platform/document", None);
    let state = format!("{BOARD}/state");
    for (status, code, method, path, body) in [
        (
            400,
            "MALFORMED_BODY",
            "POST",
            state.as_str(),
            json!({ "state": "gamma" }),
        ),
        (
            400,
            "MALFORMED_BODY",
            "POST",
            &state,
            json!({ "state": "ga", "sate": 1 }),
        ),
        (400, "MALFORMED_BODY", "POST", &state, json!([])),
        (
            400,
            "MALFORMED_BODY",
            "POST",
            &state,
            json!({ "state": "ga", "reason": "" }),
        ),
        (
            400,
            "MALFORMED_BODY",
            "PUT",
            "/platform/feature-flags/ui.shell/rollout",
            json!({}),
        ),
        (
            400,
            "MALFORMED_BODY",
            "PUT",
            "/platform/feature-flags/ui.shell/rollout",
            json!([null, null]),
        ),
        (
            400,
            "MALFORMED_BODY",
            "PUT",
            "/platform/feature-flags/ui.shell/tiers",
            json!({ "tiers": { "tier1": {} } }),
        ),
        (
            400,
            "MALFORMED_BODY",
            "POST",
            "/platform/orgs:import",
            json!({ "tenants": [] }),
        ),
        (
            400,
            "MALFORMED_BODY",
            "POST",
            &state,
            json!({ "state": "ga", "override": ["a", "b", "c"] }),
        ),
        (
            400,
            "MALFORMED_BODY",
            "POST",
            "/platform/orgs/acme/feature-flags/ui.shell",
            json!({}),
        ),
        (
            400,
            "MALFORMED_BODY",
            "POST",
            "/platform/orgs/acme/feature-flags/ui.shell",
            json!({ "enabled": true, "variant": "on" }),
        ),
        (
            400,
            "UNKNOWN_PARAMETER",
            "POST",
            "/platform/feature-flags/ui.shell/kill?dryrun=true",
            json!({}),
        ),
        (
            400,
            "INVALID_PARAMETER",
            "POST",
            "/platform/feature-flags/ui.shell/kill?dry_run=yes",
            json!({}),
        ),
        (
            400,
            "INVALID_PARAMETER",
            "POST",
            "/platform/feature-flags/ui.shell/kill?force=true&force=true",
            json!({}),
        ),
        (
            400,
            "INVALID_NAME",
            "POST",
            "/platform/feature-flags/1%20a/kill",
            json!({}),
        ),
        (
            404,
            "FLAG_NOT_FOUND",
            "POST",
            "/platform/feature-flags/no.such/kill",
            json!({}),
        ),
        (404, "NOT_FOUND", "POST", "/platform/feature-flag", json!({})),
        (
            405,
            "METHOD_NOT_ALLOWED",
            "DELETE",
            "/platform/feature-flags/ui.shell",
            json!({}),
        ),
        (
            422,
            "INVALID_DOCUMENT",
            "PUT",
            "/platform/orgs/acme",
            json!({ "tier": "tier9" }),
        ),
        (
            422,
            "INVALID_DOCUMENT",
            "PUT",
            "/platform/orgs/acme",
            json!({ "teir": "tier1" }),
        ),
        (
            422,
            "INVALID_DOCUMENT",
            "PUT",
            "/platform/feature-flags/ui.shell/tiers",
            json!({ "tiers": { "tier9": "on" } }),
        ),
    ] {
        server.send_rejected(status, code, method, path, Some(&body));
    }
    assert_eq!(server.send_ok("GET", "/platform/document", None), before);
}

#[test]
fn an_adoption_beyond_alpha_needs_a_decision_maker() {
    let server = Server::start();
    let document = |flag: Value| json!({ "version": 1, "flags": { "moved.flag": flag, "moved.more": {} } });
    let rigid = document(json!({ "lifecycle": "ga" }));
    let document = document(json!({ "lifecycle": "ga", "revertible": true }));
    let put_document = |document: &Value, query: &str| {
        server.send_as(
            Role::PlatformAdmin,
            "PUT",
            &format!("/platform/document?{query}"),
            Some(document),
        )
    };
    let put = |query: &str| put_document(&document, query);
    let refused = put_document(&rigid, "adopt=true").json();
    let codes: Vec<_> = refused["refusals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].clone())
        .collect();
    assert!(
        [
            "STATE_SKIPPED",
            "SOAK_NOT_ELAPSED",
            "NOT_REVERTIBLE",
            "EXIT_CRITERIA"
        ]
        .iter()
        .all(|code| codes.contains(&json!(code))),
        "{refused}"
    );
    assert_eq!(
        server
            .send_as(
                Role::PlatformAdmin,
                "GET",
                "/platform/feature-flags/moved.more",
                None
            )
            .status,
        404
    );
    let by = "decision_maker=Carla%20%28CTO%29";
    for (query, code) in [
        (format!("adopt=true&{by}"), "INVALID_URGENT"),
        (format!("adopt=true&{by}&incident=MIG-1"), "INVALID_URGENT"),
        (
            format!("adopt=true&{by}&incident=MIG-1&reason=-"),
            "INVALID_URGENT",
        ),
        (
            format!("{by}&incident=MIG-1&reason=migration"),
            "INVALID_PARAMETER",
        ),
    ] {
        assert_eq!(put(&query).json()["code"], code, "{query}");
    }
    let query = format!("adopt=true&{by}&incident=MIG-1&reason=migration");
    // A justification never skips this one.
    assert_eq!(put_document(&rigid, &query).json()["code"], "NOT_REVERTIBLE");
    let dry_run = put(&format!("{query}&dry_run=true")).json();
    assert!(
        dry_run["skipped_conditions"]
            .to_string()
            .contains("SOAK_NOT_ELAPSED"),
        "{dry_run}"
    );
    let applied = put(&query);
    assert_eq!(applied.status, 200, "{}", applied.text());
    let log = server.send_ok(
        "GET",
        "/platform/audit?flag=moved.flag&action=platform.feature_flag_state_changed",
        None,
    );
    let entry = &log["entries"][0];
    assert_eq!(
        (
            &entry["urgent"]["decision_maker"],
            &entry["urgent"]["incident"],
            &entry["details"]["to"]
        ),
        (&json!("Carla (CTO)"), &json!("MIG-1"), &json!("ga"))
    );
    assert!(
        entry["details"]["skipped"]
            .to_string()
            .contains("SOAK_NOT_ELAPSED"),
        "{entry}"
    );
}

#[test]
fn a_document_can_not_make_a_beta_flag_require_an_alpha_one() {
    let server = Server::start();
    let document = json!({ "version": 1, "flags": {
        "dispatch.v2Board": { "requires": ["fresh.flag"] }, "fresh.flag": {},
    } });
    let path = "/platform/document";
    for query in [
        "",
        "?adopt=true",
        "?adopt=true&decision_maker=carla&incident=MIG-1&reason=test",
        "?dry_run=true",
    ] {
        let refused = server.send_as(
            Role::PlatformAdmin,
            "PUT",
            &format!("{path}{query}"),
            Some(&document),
        );
        assert_eq!(
            (refused.status, refused.json()["code"].clone()),
            (409, json!("FLAG_DEPENDENCY")),
            "{query}"
        );
    }
}

#[test]
fn an_override_without_effect_says_so() {
    let server = Server::start();
    let document =
        json!({ "version": 1, "policy": { "alpha_overrides": false }, "flags": { "young.flag": {} } });
    server.send_ok("PUT", "/platform/document?force=true", Some(&document));
    let path = "/platform/orgs/acme";
    let young = json!({ "org": "acme", "flag": "young.flag",
        "reason": "it is alpha, and `policy.alpha_overrides` is false" });
    let on = json!({ "enabled": true });
    let single = format!("{path}/feature-flags/young.flag");
    let patch = json!({ "overrides": { "young.flag": true } });
    let import = json!({ "mode": "patch", "tenants": { "acme": { "overrides": { "young.flag": "on" } } } });
    for (method, path, body) in [
        ("POST", single.as_str(), &on),
        ("PATCH", path, &patch),
        ("POST", "/platform/orgs:import", &import),
    ] {
        let dry_run = server.send_ok(method, &format!("{path}?dry_run=true"), Some(body));
        assert_eq!(dry_run["overrides_without_effect"], json!([young]), "{path}");
        let applied = server.send_ok(method, path, Some(body));
        assert_eq!(applied["overrides_without_effect"], json!([young]), "{path}");
        server.send_ok("POST", &single, Some(&json!({ "enabled": null })));
    }
    // An override of a flag that its tenant is eligible for has an effect, and one of off always has.
    let board = "/platform/orgs/acme/feature-flags/dispatch.v2Board";
    let applied = server.send_ok("POST", board, Some(&on));
    assert_eq!(applied.get("overrides_without_effect"), None);
    let applied = server.send_ok("POST", &single, Some(&json!({ "enabled": false })));
    assert_eq!(applied.get("overrides_without_effect"), None);
    let killed = "/platform/feature-flags/dispatch.v2Board/kill";
    server.send_ok("POST", killed, Some(&json!({})));
    server.send_ok("POST", board, Some(&json!({ "enabled": null })));
    let applied = server.send_ok("POST", board, Some(&on));
    assert_eq!(applied["overrides_without_effect"][0]["reason"], "killed");
}
