//! Bodies: strict JSON, no ignored members, and a time limit.

use control::Role;
use serde_json::json;
use testkit::{Client, Response};

use crate::api::server::{Server, request};

fn sent(server: &Server, method: &str, path: &str, body: &str) -> Response {
    let ask = request(method, path, None).with_body(body);
    server.send(
        ask.header("content-type", "application/json")
            .token(server.token(Role::PlatformAdmin)),
    )
}

#[test]
fn surrogate_pairs_of_json_are_read() {
    let server = Server::start();
    let document = r#"{ "version": 1, "flags": { "brand.new": { "description": "\ud83d\ude00" } } }"#;
    let response = sent(&server, "PUT", "/platform/document", document);
    assert_eq!(response.status, 200, "{}", response.text());
    let flag = server.send_ok("GET", "/platform/feature-flags/brand.new", None);
    assert_eq!(flag["description"], "\u{1f600}");
    let import = r#"{ "tenants": { "hooli": { "attributes": { "mood": "\ud83d\ude00" } } } }"#;
    let response = sent(&server, "POST", "/platform/orgs:import", import);
    assert_eq!(response.status, 200, "{}", response.text());
    let org = server.send_ok("GET", "/platform/orgs/hooli", None);
    assert_eq!(org["attributes"]["mood"], "\u{1f600}");
}

#[test]
fn problems_of_a_json_document_have_their_place() {
    let server = Server::start();
    let document = "{\n  \"version\": 1,\n  \"flags\": { \"a.b\": { \"lifecicle\": \"beta\" } }\n}";
    let response = sent(&server, "PUT", "/platform/document", document);
    assert_eq!(
        (response.status, response.code().as_str()),
        (422, "INVALID_DOCUMENT")
    );
    let problem = &response.json()["problems"][0];
    assert_eq!(
        (&problem["line"], &problem["column"]),
        (&json!(3), &json!(23)),
        "{problem}"
    );
}

#[test]
fn numbers_that_are_not_finite_or_too_large_are_rejected() {
    let server = Server::start();
    for value in ["1e400", "[{\"a\":1e400}]", &"1".repeat(50), "NaN", "Infinity"] {
        let document = format!(
            r#"{{"version":1,"flags":{{"a":{{"variants":{{"off":0,"on":{value}}},"default":"off"}}}}}}"#
        );
        let org = format!(r#"{{"attributes":{{"account":{value}}}}}"#);
        let asked = format!(r#"{{"flag":"ui.shell","attributes":{{"account":{value}}}}}"#);
        for (method, path, body) in [
            ("PUT", "/platform/document", &document),
            ("PATCH", "/platform/orgs/acme", &org),
            ("POST", "/explain", &asked),
        ] {
            let response = sent(&server, method, path, body);
            let code = response.code();
            assert!(
                matches!(code.as_str(), "MALFORMED_BODY" | "INVALID_DOCUMENT"),
                "{method} {path} {body}: {}",
                response.text()
            );
        }
    }
}

#[test]
fn a_repeated_key_is_rejected() {
    let server = Server::start();
    let before = server.send_ok("GET", "/platform/document", None);
    for (method, path, body) in [
        (
            "PUT",
            "/platform/orgs/acme",
            r#"{ "tier": "tier1", "tier": "tier2" }"#,
        ),
        (
            "PATCH",
            "/platform/orgs/acme",
            r#"{ "attributes": { "a": 1, "\u0061": 2 } }"#,
        ),
        (
            "POST",
            "/platform/orgs:import",
            r#"{ "tenants": { "a": {}, "a": { "tier": "tier1" } } }"#,
        ),
        (
            "PUT",
            "/platform/feature-flags/ui.shell/tiers",
            r#"{ "tiers": { "tier1": "on", "tier1": "off" } }"#,
        ),
        (
            "PUT",
            "/platform/document",
            r#"{ "version": 1, "flags": { "a.b": {}, "a.b": { "owner": "me" } } }"#,
        ),
    ] {
        let response = sent(&server, method, path, body);
        assert_eq!(
            (response.status, response.code().as_str()),
            (400, "MALFORMED_BODY"),
            "{method} {path}: {}",
            response.text()
        );
        let answer = response.json();
        assert!(
            answer["detail"]
                .as_str()
                .unwrap()
                .contains("written twice at line 1"),
            "{answer}"
        );
        assert!(answer["help"].is_string(), "{answer}");
    }
    assert_eq!(server.send_ok("GET", "/platform/document", None), before);
}

#[test]
fn a_body_that_does_not_arrive_changes_nothing() {
    let server = Server::with_short_timeout();
    let head = format!(
        "POST /api/v1/platform/feature-flags/ui.shell/kill HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{{",
        server.token(Role::Operator)
    );
    let mut client = Client::connect(server.address());
    client.send(head);
    let response = client.response();
    assert_eq!(
        (response.status, response.code().as_str()),
        (408, "BODY_TIMED_OUT")
    );
    assert!(!response.text().contains("audit log"), "{}", response.text());
}

#[test]
fn a_malformed_request_gets_help() {
    let server = Server::start();
    let kill = "/platform/feature-flags/ui.shell/kill";
    for (method, path, body) in [
        ("POST", "/platform/feature-flags/1%20a/kill", "{}"),
        ("POST", kill, r#"{ "because": "x" }"#),
        ("POST", "/platform/feature-flags/ui.shell/kill?dry_run=yes", "{}"),
        ("POST", kill, "{"),
        ("PUT", "/platform/orgs/acme/beta/dispatch.v2Board", "{}"),
        ("POST", "/platform/orgs/acme/feature-flags/ui.shell", "{}"),
        (
            "PUT",
            "/platform/feature-flags/ui.shell/tiers",
            r#"{ "tiers": { "tier1": {} } }"#,
        ),
    ] {
        let answer = sent(&server, method, path, body);
        assert!(answer.status == 400 || answer.status == 413, "{}", answer.text());
        assert!(answer.json()["help"].is_string(), "{}", answer.text());
    }
    let nobody = server.send(request("GET", "/whoami", None).token("sluice_wrong"));
    assert!(nobody.json()["help"].is_string(), "{}", nobody.text());
}

#[test]
fn a_problem_contains_no_secret() {
    let server = Server::start();
    let token = "sluice_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE";
    for (method, path, body) in [
        (
            "PUT",
            "/platform/orgs/acme".to_owned(),
            format!("{{ \"tier\": \"{token}\" }}"),
        ),
        (
            "PUT",
            "/platform/orgs/acme".to_owned(),
            format!("{{ \"{token}\": 1 }}"),
        ),
        (
            "PUT",
            "/platform/document".to_owned(),
            format!("{{ \"version\": 1, \"flags\": {{ \"a.b\": {{ \"kind\": \"{token}\" }} }} }}"),
        ),
        ("GET", format!("/platform/feature-flags/{token}"), String::new()),
        (
            "GET",
            format!("/platform/feature-flags?status={token}"),
            String::new(),
        ),
    ] {
        let response = sent(&server, method, &path, &body);
        assert!(response.status >= 400, "{path}: {}", response.text());
        assert!(
            !response.text().contains("Zm9vYmFy"),
            "{path}: {}",
            response.text()
        );
        assert!(!response.code().is_empty(), "{}", response.text());
    }
}

#[test]
fn a_problem_of_sign_in_has_help() {
    let server = Server::start();
    let response = server.send(request("GET", "/whoami", None));
    assert_eq!(response.json()["help"], "send `authorization: Bearer TOKEN`");
    let other = request("GET", "/whoami", None).header("authorization", "Digest a");
    assert_eq!(
        server.send(other).json()["detail"],
        "authorization is not `Bearer TOKEN`"
    );
}

#[test]
fn a_kill_needs_no_body() {
    let server = Server::start();
    let send = |path: &str, typed: bool, body: &str| {
        let mut ask = request("POST", path, None).token(server.token(Role::Operator));
        if typed {
            ask = ask.header("content-type", "application/json");
        }
        server.send(if body.is_empty() { ask } else { ask.with_body(body) })
    };
    let (kill, restore) = (
        "/platform/feature-flags/ui.shell/kill",
        "/platform/feature-flags/ui.shell/restore?reason=INC-7",
    );
    for (path, typed, body, status) in [
        (kill, false, "", 200),
        (restore, false, "", 200),
        (kill, true, "", 200),
        (restore, true, "{}", 200),
        (kill, false, "{}", 415),
        (kill, true, "[]", 400),
        ("/platform/feature-flags/ui.shell/state", true, "", 400),
    ] {
        let answer = send(path, typed, body);
        assert_eq!(answer.status, status, "{path} {typed} {body}: {}", answer.text());
    }
    // The type of an empty body does not matter.
    let form = request("POST", kill, None).token(server.token(Role::Operator));
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(server.send(form).status, 200);
    let log = server.send_ok(
        "GET",
        "/platform/audit?action=platform.feature_flag_restored",
        None,
    );
    assert_eq!(log["entries"][0]["reason"], "INC-7", "{log}");
}
