//! Limits of bodies and rates, ids of requests, and the headers of every answer.

use control::Role;
use control::api::{MAX_BODY_BYTES, REQUEST_BURST};
use serde_json::json;
use testkit::Client;

use crate::api::server::{Server, request};

#[test]
fn a_body_over_the_limit_of_its_route_is_rejected() {
    let server = Server::start();
    let long = json!({ "reason": "x".repeat(MAX_BODY_BYTES) });
    server.send_rejected(
        413,
        "BODY_TOO_LARGE",
        "POST",
        "/platform/feature-flags/ui.shell/kill",
        Some(&long),
    );
    let bodiless = request("GET", "/whoami", None).with_body("{}");
    let response = server.send(bodiless.token(server.token(Role::Viewer)));
    assert_eq!(
        (response.status, response.code().as_str()),
        (413, "BODY_TOO_LARGE")
    );
    let tenants: serde_json::Map<_, _> = (0..2_000)
        .map(|n| (format!("t-{n}"), json!({ "tier": "tier1" })))
        .collect();
    assert!(json!(tenants).to_string().len() < MAX_BODY_BYTES);
    let answer = server.send_ok(
        "POST",
        "/platform/orgs:import",
        Some(&json!({ "tenants": tenants })),
    );
    assert_eq!(answer["items"].as_array().unwrap().len(), 2_000);
}

#[test]
fn a_body_needs_its_content_type() {
    let server = Server::start();
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/yaml"),
    ] {
        let mut ask = request("POST", "/platform/feature-flags/ui.shell/kill", None).with_body("{}");
        if let Some(kind) = kind {
            ask = ask.header("content-type", kind);
        }
        let response = server.send(ask.token(server.token(Role::Operator)));
        assert_eq!(
            (response.status, response.code().as_str()),
            (415, "UNSUPPORTED_MEDIA_TYPE"),
            "{kind:?}"
        );
    }
}

#[test]
fn answers_are_not_cached_and_have_the_id_of_the_request() {
    let server = Server::start();
    for (path, status) in [
        ("/whoami", 200),
        ("/nowhere", 404),
        ("/platform/orgs/nobody", 404),
    ] {
        let ask = request("GET", path, None).header("x-request-id", "change-4711");
        let response = server.send(ask.token(server.token(Role::Viewer)));
        assert_eq!(response.status, status);
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("x-request-id"), Some("change-4711"));
        if status != 200 {
            assert_eq!(response.json()["request_id"], "change-4711");
        }
    }
}

#[test]
fn the_rate_limit_of_one_actor_does_not_affect_others() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    let ask = request("GET", "/whoami", None).token(server.token(Role::Viewer));
    let mut refused = None;
    for _ in 0..REQUEST_BURST * 4 {
        let response = client.ask(&ask);
        if response.status == 429 {
            refused = Some(response);
            break;
        }
    }
    let refused = refused.expect("nobody was refused");
    assert_eq!(refused.code(), "TOO_MANY_REQUESTS");
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(server.send_as(Role::Operator, "GET", "/whoami", None).status, 200);
}

#[test]
fn a_backup_is_sent_to_admins_and_leaves_no_file() {
    let server = Server::with_store_on_disk();
    let response = server.send_as(Role::PlatformAdmin, "GET", "/platform/backup", None);
    assert_eq!(response.status, 200);
    assert!(response.body.starts_with(b"SQLite format 3\0"));
    assert_eq!(server.remaining_copies(), 0);
    let log = server.send_ok("GET", "/platform/audit?action=platform.backup_taken", None);
    assert_eq!(log["entries"][0]["outcome"], "applied");
}

#[test]
fn without_a_store_there_is_no_backup() {
    let server = Server::with_files();
    let response = server.send_as(Role::PlatformAdmin, "GET", "/platform/backup", None);
    assert_eq!((response.status, response.code().as_str()), (409, "NO_STORE"));
}

#[test]
fn without_a_store_no_audit_log_is_reported() {
    let server = Server::with_files();
    for path in [
        "/platform/audit",
        "/platform/audit/verify",
        "/platform/audit/export",
        "/orgs/acme/audit",
    ] {
        let answer = server.send_rejected(409, "NO_STORE", "GET", path, None);
        assert!(answer["help"].is_string(), "{path}: {answer}");
    }
}

#[test]
fn head_of_the_backup_makes_no_copy_and_no_entry() {
    let server = Server::with_store_on_disk();
    let ask = request("HEAD", "/platform/backup", None)
        .host("127.0.0.1")
        .token(server.token(Role::PlatformAdmin));
    let mut client = Client::connect(server.address());
    client.send(ask.bytes());
    let response = client.response_to("HEAD");
    assert_eq!(
        (response.status, response.header("content-type")),
        (200, Some("application/octet-stream"))
    );
    let log = server.send_ok("GET", "/platform/audit?action=platform.backup_taken", None);
    assert_eq!(log["entries"], json!([]));
}

#[test]
fn a_path_that_is_not_utf_8_is_a_problem() {
    let server = Server::start();
    let answer = server.send_rejected(400, "INVALID_NAME", "GET", "/platform/feature-flags/%ff", None);
    assert!(
        answer["request_id"].is_string() && answer["help"].is_string(),
        "{answer}"
    );
}
