//! Reads: pages, numbers of tenants, explanations.

use control::{LifecyclePolicy, Role, StaleLimits};
use serde_json::{Value, json};

use crate::api::server::{DAY, Server};

#[test]
fn a_flag_has_its_definition_state_and_numbers() {
    let server = Server::start();
    server.send_ok(
        "POST",
        "/orgs/globex/feature-flags/dispatch.v2Board/opt-in",
        Some(&json!({})),
    );
    let flag = server.send_ok("GET", "/platform/feature-flags/dispatch.v2Board", None);
    for (field, expected) in [
        ("key", json!("dispatch.v2Board")),
        ("kind", json!("release")),
        ("description", json!("New board")),
        ("lifecycle", json!("beta")),
        ("enabled", json!(true)),
        ("tenants_on", json!(1)),
        ("tenants_opted_in", json!(1)),
        ("tenants_allowlisted", json!(1)),
        ("lifecycle_since", json!("2026-11-21T00:00:00.000Z")),
        ("changed_by", json!("setup")),
        ("stale", json!([])),
    ] {
        assert_eq!(flag[field], expected, "{field}: {flag}");
    }
}

#[test]
fn an_org_asks_for_some_flags_alone() {
    let server = Server::start();
    let path = "/orgs/acme/feature-flags";
    let all = server.send_ok("GET", path, None);
    let key = all["flags"][1]["key"].as_str().unwrap();
    let found = server.send_ok("GET", &format!("{path}?flags={key},unknown"), None);
    let found = found["flags"].as_array().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["key"], key);
}

#[test]
fn lists_have_pages() {
    let server = Server::start();
    for (path, items, key, all) in [
        ("/platform/feature-flags", "flags", "key", 4),
        ("/platform/orgs", "orgs", "id", 3),
        ("/orgs/acme/feature-flags", "flags", "key", 2),
        ("/platform/orgs/acme/feature-flags", "flags", "key", 4),
        ("/platform/audit", "entries", "id", 11),
    ] {
        let mut seen: Vec<Value> = Vec::new();
        let mut after = String::new();
        for _ in 0..=all {
            let page = server.send_ok("GET", &format!("{path}?limit=1{after}"), None);
            seen.extend(
                page[items]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item[key].clone()),
            );
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(seen.len(), all, "{path}: {seen:?}");
        let whole = server.send_ok("GET", path, None);
        let whole: Vec<Value> = whole[items]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item[key].clone())
            .collect();
        assert_eq!(seen, whole, "{path}");
        server.send_rejected(400, "INVALID_PARAMETER", "GET", &format!("{path}?limit=0"), None);
        server.send_rejected(
            400,
            "INVALID_PARAMETER",
            "GET",
            &format!("{path}?limit=1001"),
            None,
        );
    }
}

#[test]
fn tenants_are_found_by_id_tier_and_channel() {
    let server = Server::start();
    let found = |query: &str| -> (u64, Vec<String>) {
        let page = server.send_ok("GET", &format!("/platform/orgs?{query}"), None);
        let ids = page["orgs"].as_array().unwrap().iter();
        let ids = ids.map(|org| org["id"].as_str().unwrap().to_owned());
        (page["total"].as_u64().unwrap(), ids.collect())
    };
    for (query, expected) in [
        ("search=ACM", vec!["acme"]),
        ("search=t", vec!["initech"]),
        ("search=e&limit=1", vec!["acme"]),
        ("search=e&limit=1&after=acme", vec!["globex"]),
        ("search=%25", vec![]),
        ("tier=tier2", vec!["globex"]),
        ("tier=TIER2", vec![]),
        ("channel=latest", vec!["acme"]),
        ("channel=stable", vec!["globex", "initech"]),
        ("channel=stable&tier=tier1&search=INI", vec!["initech"]),
    ] {
        let expected = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(found(query), (3, expected), "{query}");
    }
    let long = "a".repeat(201);
    for query in [&format!("search={long}"), "search=", "channel=beta", "search=%0a"] {
        let path = format!("/platform/orgs?{query}");
        server.send_rejected(400, "INVALID_PARAMETER", "GET", &path, None);
    }
}

#[test]
fn staff_sees_every_flag_of_a_tenant_and_its_cause() {
    let server = Server::start();
    server.send_ok(
        "POST",
        "/platform/orgs/globex/feature-flags/ui.shell",
        Some(&json!({ "enabled": false })),
    );
    server.send_ok("POST", "/orgs/globex/feature-flags/dispatch.v2Board/opt-in", None);
    let flags = |org: &str, query: &str| -> Vec<Value> {
        let page = server.send_ok("GET", &format!("/platform/orgs/{org}/feature-flags{query}"), None);
        assert_eq!(page["org"], org);
        page["flags"].as_array().unwrap().clone()
    };
    let board = json!({
        "key": "dispatch.v2Board", "description": "New board", "kind": "release", "lifecycle": "beta", "on": true,
        "variant": "on", "cause": "opt_in", "allowlisted": false, "opted_in": true, "opted_out": false,
    });
    let shell = json!({
        "key": "ui.shell", "kind": "release", "lifecycle": "ga", "on": false, "variant": "off", "cause": "override",
        "override": "off", "allowlisted": false, "opted_in": false, "opted_out": false,
    });
    let all = flags("globex", "");
    assert_eq!((all.len(), &all[1], &all[3]), (4, &board, &shell));
    let keys = |org: &str, query: &str| -> Vec<String> {
        let flags = flags(org, query).into_iter();
        flags
            .map(|flag| flag["key"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(keys("globex", "?search=NEW"), ["dispatch.v2Board"]);
    assert_eq!(keys("globex", "?on=false"), ["reports.export", "ui.shell"]);
    assert_eq!(
        keys("globex", "?on=true&limit=1&after=dispatch.core"),
        ["dispatch.v2Board"]
    );
    assert_eq!(flags("acme", "?search=v2")[0]["allowlisted"], true);
    let path = "/platform/orgs/hooli/feature-flags";
    server.send_rejected(404, "TENANT_NOT_FOUND", "GET", path, None);
}

#[test]
fn stale_flags_are_listed_with_their_reasons() {
    let server = Server::start();
    server.advance_clock(15 * DAY);
    let page = server.send_ok("GET", "/platform/feature-flags?stale=true", None);
    let shell = page["flags"]
        .as_array()
        .unwrap()
        .iter()
        .find(|flag| flag["key"] == "ui.shell")
        .unwrap();
    let codes: Vec<&str> = shell["stale"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["code"].as_str().unwrap())
        .collect();
    assert!(
        codes.contains(&"LONG_GA") && codes.contains(&"UNUSED"),
        "{codes:?}"
    );
    assert!(
        page["flags"]
            .as_array()
            .unwrap()
            .iter()
            .all(|flag| flag["key"] != "dispatch.v2Board")
    );
}

#[test]
fn the_policy_defines_when_flags_are_stale() {
    let day = |days: i64| days * DAY;
    let server = Server::with_policy(LifecyclePolicy {
        stale: StaleLimits {
            ga_ms: day(2),
            unused_ms: day(4),
            undecided_ms: day(90),
        },
        ..LifecyclePolicy::default()
    });
    let codes = || -> Vec<String> {
        let shell = server.send_ok("GET", "/platform/feature-flags/ui.shell", None);
        let reasons = shell["stale"].as_array().unwrap().iter();
        reasons
            .map(|reason| reason["code"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(codes().is_empty());
    server.advance_clock(3 * DAY);
    assert_eq!(codes(), ["LONG_GA"]);
    server.advance_clock(2 * DAY);
    assert_eq!(codes(), ["LONG_GA", "UNUSED"]);
    let listed = server.send_ok("GET", "/platform/feature-flags?stale=true", None);
    assert!(listed.to_string().contains("ui.shell"), "{listed}");
}

#[test]
fn an_explanation_has_every_step() {
    let server = Server::start();
    let ask = |question: Value| server.send_ok("POST", "/explain", Some(&question));
    let answer = ask(
        json!({ "flag": "dispatch.v2Board", "tenant": "globex", "attributes": { "seats": 7, "tags": ["a"] } }),
    );
    assert_eq!(
        (&answer["variant"], &answer["cause"], &answer["known_tenant"]),
        (&json!("off"), &json!("lifecycle"), &json!(true))
    );
    let steps = answer["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["outcome"] == "decided"), "{answer}");
    assert!(
        steps
            .iter()
            .any(|step| step["outcome"].as_str().unwrap().starts_with("would")),
        "{answer}"
    );
    assert_eq!(ask(json!({ "flag": "ui.shell" }))["variant"], "on");
    for (status, code, question) in [
        (404, "FLAG_NOT_FOUND", json!({ "flag": "no.such" })),
        (
            400,
            "MALFORMED_BODY",
            json!({ "flag": "ui.shell", "attributes": { "tier": "tier3" } }),
        ),
        (
            400,
            "MALFORMED_BODY",
            json!({ "flag": "ui.shell", "attributes": { "a": {} } }),
        ),
        (
            400,
            "MALFORMED_BODY",
            json!({ "flag": "ui.shell", "tenant": "a b" }),
        ),
        (400, "MALFORMED_BODY", json!({ "flag": "ui.shell", "at": "now" })),
    ] {
        server.send_rejected(status, code, "POST", "/explain", Some(&question));
    }
}

#[test]
fn a_request_is_explained_by_the_explainer() {
    let server = Server::start();
    let request = json!({
        "method": "POST", "path": "/board?x", "host": "shop.example", "tenant": "acme", "user": "u-1",
        "headers": ["Accept: a", "accept:b"], "groups": ["staff"], "attributes": { "seats": 7 },
        "client": "192.0.2.1", "listener": "public",
    });
    let question = json!({ "request": request, "at": "2026-11-22T00:00:00Z" });
    let answer = server.send_ok("POST", "/explain", Some(&question));
    assert_eq!(answer["target"], "/board?x");
    let asked = answer["answer"]["detail"].as_str().unwrap();
    for part in [
        "\"POST\"",
        "\"shop.example\"",
        "\"acme\"",
        "UserId(\"u-1\")",
        "[(\"accept\", \"a\"), (\"accept\", \"b\")]",
        "[\"staff\"]",
        "(\"seats\", Number(7))",
        "Some(192.0.2.1)",
        "Some(\"public\")",
        "at 1795305600000",
    ] {
        assert!(asked.contains(part), "no {part} in {asked}");
    }
    let plain = json!({ "request": { "method": "GET", "path": "/" } });
    let answer = server.send_ok("POST", "/explain", Some(&plain));
    assert_eq!(answer["identity"], "Unnamed");
    assert!(
        answer["answer"]["detail"]
            .as_str()
            .unwrap()
            .contains("\"localhost\""),
        "{answer}"
    );
}

#[test]
fn impossible_request_to_explain_is_rejected() {
    let server = Server::start();
    for (status, code, more) in [
        (400, "MALFORMED_BODY", json!({ "method": "G T" })),
        (400, "MALFORMED_BODY", json!({ "method": null })),
        (400, "MALFORMED_BODY", json!({ "tenant": "a b" })),
        (400, "MALFORMED_BODY", json!({ "headers": ["a"] })),
        (400, "MALFORMED_BODY", json!({ "headers": ["a: \n"] })),
        (400, "MALFORMED_BODY", json!({ "headers": vec!["a: b"; 101] })),
        (400, "MALFORMED_BODY", json!({ "attributes": { "tier": "x" } })),
        (422, "INVALID_QUESTION", json!({ "client": "localhost" })),
        (400, "MALFORMED_BODY", json!({ "cookies": [] })),
        (422, "INVALID_QUESTION", json!({ "token": "a", "tenant": "acme" })),
        (422, "INVALID_QUESTION", json!({ "token": "a", "groups": ["b"] })),
        (422, "INVALID_QUESTION", json!({ "user": "u-1" })),
        (
            422,
            "INVALID_QUESTION",
            json!({ "tenant": "acme", "user": "u-1 " }),
        ),
    ] {
        let mut request = json!({ "method": "GET", "path": "/" });
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        server.send_rejected(
            status,
            code,
            "POST",
            "/explain",
            Some(&json!({ "request": request })),
        );
    }
    let both = json!({ "flag": "ui.shell", "request": { "method": "GET", "path": "/" } });
    server.send_rejected(400, "MALFORMED_BODY", "POST", "/explain", Some(&both));
}

#[test]
fn whoami_returns_the_signed_in_actor() {
    let server = Server::start();
    let answer = server.send_as(Role::OrgAdmin, "GET", "/whoami", None).json();
    assert_eq!(
        answer,
        json!({ "name": "org-admin", "role": "org-admin", "org": "acme" })
    );
}

#[test]
fn head_is_answered_like_get_without_a_body() {
    let server = Server::start();
    let request = crate::api::server::request("HEAD", "/platform/orgs", None);
    let response = server.send(request.token(server.token(Role::Viewer)));
    assert_eq!((response.status, response.body.len()), (200, 0));
    assert!(response.header("etag").is_some());
}

#[test]
fn tier_defaults_are_listed_with_the_tenants_of_each_tier() {
    let server = Server::start();
    let path = "/platform/feature-flags/dispatch.core/tiers";
    server.send_ok("PUT", path, Some(&json!({ "tiers": { "tier2": true } })));
    let answer = server.send_ok("GET", path, None);
    let tiers = json!([
        { "tier": "tier1", "tenants": 1 },
        { "tier": "tier2", "default": "on", "tenants": 1 },
        { "tier": "tier3", "tenants": 1 },
    ]);
    assert_eq!(
        (&answer["tiers"], &answer["variants"]),
        (&tiers, &json!(["on", "off"]))
    );
    server.send_rejected(
        404,
        "FLAG_NOT_FOUND",
        "GET",
        "/platform/feature-flags/no.such/tiers",
        None,
    );
}
