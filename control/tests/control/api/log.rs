//! The audit log over the API.

use control::Role;
use serde_json::{Value, json};

use crate::api::server::Server;

fn entries(log: &Value) -> &[Value] {
    log["entries"].as_array().unwrap()
}

#[test]
fn a_change_to_one_org_is_in_both_logs() {
    let server = Server::start();
    let at = "/platform/orgs/acme/feature-flags/ui.shell";
    server.send_ok(
        "POST",
        at,
        Some(&json!({ "enabled": false, "reason": "ticket 7" })),
    );
    let platform = server.send_ok("GET", "/platform/audit?org=acme", None);
    let entry = &entries(&platform)[0];
    assert_eq!(entry["action"], "platform.feature_flag_disabled");
    assert_eq!(
        (&entry["actor"], &entry["role"]),
        (&json!("platform-admin"), &json!("platform-admin"))
    );
    assert_eq!(entry["reason"], "ticket 7");
    assert!(!entry["patch"].as_array().unwrap().is_empty(), "{entry}");
    let own = server
        .send_as(Role::OrgAdmin, "GET", "/orgs/acme/audit", None)
        .json();
    let same = &entries(&own)[0];
    assert_eq!(
        (&same["action"], &same["id"]),
        (&json!("feature_flag.disabled"), &entry["id"])
    );
    let other = server.send_ok("GET", "/orgs/globex/audit?actor=platform-admin", None);
    assert_eq!(entries(&other).len(), 0);
}

#[test]
fn the_log_has_filters() {
    let server = Server::start();
    server.send_ok("POST", "/platform/feature-flags/ui.shell/kill", Some(&json!({})));
    server.send_ok(
        "POST",
        "/platform/feature-flags/ui.shell/restore",
        Some(&json!({})),
    );
    for (query, count) in [
        ("flag=ui.shell", 4),
        ("flag=ui.shell&action=platform.feature_flag_killed", 1),
        ("flag=ui.shell&action=platform.feature_flag_state_changed", 1),
        ("action=platform.feature_flag_killed", 1),
        ("actor=platform-admin", 2),
        ("actor=nobody", 0),
        ("from=2026-11-21T00:00:00Z&flag=ui.shell", 4),
        ("until=2026-11-21T00:00:00Z", 0),
    ] {
        let log = server.send_ok("GET", &format!("/platform/audit?{query}"), None);
        assert_eq!(entries(&log).len(), count, "{query}");
    }
    server.send_rejected(
        400,
        "INVALID_PARAMETER",
        "GET",
        "/platform/audit?action=nothing",
        None,
    );
    server.send_rejected(
        400,
        "INVALID_PARAMETER",
        "GET",
        "/platform/audit?from=yesterday",
        None,
    );
}

#[test]
fn the_log_is_exported_as_lines_and_verified() {
    let server = Server::start();
    for index in 0..1_200 {
        let body = json!({ "enabled": index % 2 == 0 });
        server.send_ok("POST", "/platform/orgs/acme/feature-flags/ui.shell", Some(&body));
    }
    let response = server.send_as(Role::Viewer, "GET", "/platform/audit/export", None);
    assert_eq!(response.header("content-type"), Some("application/jsonl"));
    let lines: Vec<Value> = response
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let all = lines.len();
    assert!(all > 1_200, "{all}");
    assert!((1_u64..).zip(&lines).all(|(id, line)| line["id"] == id));
    let proof = server.send_ok("GET", "/platform/audit/verify", None);
    assert_eq!((&proof["intact"], &proof["entries"]), (&json!(true), &json!(all)));
    let last = lines.last().unwrap();
    assert_eq!(proof["head"], format!("{all}:{}", last["hash"].as_str().unwrap()));
    let path = format!("/platform/audit/export?after={}", all - 1);
    let rest = server.send_as(Role::Viewer, "GET", &path, None);
    assert_eq!(rest.text().lines().count(), 1);
}

#[test]
fn an_org_admin_reads_only_the_log_of_its_org() {
    let server = Server::start();
    let secret = json!({ "enabled": true, "reason": "secret deal" });
    for flag in ["reports.export", "ui.shell"] {
        let at = format!("/platform/orgs/acme/feature-flags/{flag}");
        server.send_ok("POST", &at, Some(&secret));
    }
    let own = json!({ "reason": "we like it" });
    let opted = "/orgs/acme/feature-flags/dispatch.v2Board/opt-in";
    assert_eq!(
        server.send_as(Role::OrgAdmin, "POST", opted, Some(&own)).status,
        200
    );
    let read = |query: &str| {
        let path = format!("/orgs/acme/audit{query}");
        let response = server.send_as(Role::OrgAdmin, "GET", &path, None);
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    };
    let log = read("");
    for word in [
        "reports.export",
        "secret",
        "platform-admin",
        "setup",
        "\"patch",
        "inverse",
    ] {
        assert!(!log.to_string().contains(word), "{word}: {log}");
    }
    let first = &entries(&log)[0];
    assert_eq!(
        (&first["action"], &first["actor"], &first["reason"]),
        (
            &json!("feature_flag.opted_in"),
            &json!("org-admin"),
            &json!("we like it")
        )
    );
    let second = &entries(&log)[1];
    assert_eq!(
        (&second["action"], &second["actor"], &second["flag"]),
        (
            &json!("feature_flag.enabled"),
            &json!("platform"),
            &json!("ui.shell")
        )
    );
    for query in [
        "?flag=reports.export",
        "?actor=platform-admin",
        "?flag=reports.export&limit=1",
    ] {
        assert_eq!(read(query), json!({ "entries": [] }), "{query}");
    }
    let page = read("?limit=1");
    assert_eq!(entries(&page), std::slice::from_ref(first));
    let rest = read(&format!("?limit=1&after={}", page["next"].as_str().unwrap()));
    assert_eq!(entries(&rest), std::slice::from_ref(second));
    let staff = server.send_ok("GET", "/orgs/acme/audit?flag=reports.export", None);
    assert_eq!(entries(&staff)[0]["reason"], "secret deal");
}
