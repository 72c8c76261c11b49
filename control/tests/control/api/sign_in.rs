//! Authentication over HTTP: tokens, failures, and requests from other sites if no operators are configured.

use control::Role;
use control::operators::FAILURES_PER_MINUTE;
use serde_json::json;
use testkit::Client;

use crate::api::server::{Server, request};

#[test]
fn failed_sign_ins_are_reported_limited_and_audited() {
    let server = Server::start();
    let ask = || server.send(request("GET", "/whoami", None).token("sluice_wrong"));
    for _ in 0..FAILURES_PER_MINUTE {
        let response = ask();
        assert_eq!(
            (response.status, response.code().as_str()),
            (401, "SIGN_IN_FAILED")
        );
        assert!(
            response
                .header("www-authenticate")
                .unwrap()
                .contains("error=\"invalid_token\"")
        );
    }
    let response = ask();
    assert_eq!(
        (response.status, response.code().as_str()),
        (429, "TOO_MANY_REQUESTS")
    );
    assert!(response.header("retry-after").is_some());
    // Valid credentials from the same address are still accepted.
    let log = server.send_ok("GET", "/platform/audit?action=platform.sign_in_failed", None);
    let entries = log["entries"].as_array().unwrap();
    assert_eq!(entries.len(), FAILURES_PER_MINUTE as usize);
    assert_eq!(entries[0]["details"]["peer"], "127.0.0.1");
    assert_eq!(entries[0]["outcome"], "refused");
    assert!(!log.to_string().contains("sluice_wrong"));
}

#[test]
fn without_operators_a_local_client_is_platform_admin() {
    let server = Server::without_operators();
    let response = server.send(request("GET", "/whoami", None));
    assert_eq!(
        response.json(),
        json!({ "name": "local", "role": "platform-admin" })
    );
}

#[test]
fn without_operators_pages_of_other_sites_are_rejected() {
    let server = Server::without_operators();
    let here = server.address().to_string();
    let kill = || request("POST", "/platform/feature-flags/ui.shell/kill", Some(&json!({})));
    let foreign = [
        (kill().host("evil.example"), "FOREIGN_HOST"),
        (
            kill().host(&here).header("origin", "https://evil.example"),
            "FOREIGN_ORIGIN",
        ),
        (kill().host(&here).header("origin", "null"), "FOREIGN_ORIGIN"),
        (
            kill().host(&here).header("sec-fetch-site", "cross-site"),
            "FOREIGN_ORIGIN",
        ),
    ];
    for (ask, code) in foreign {
        let response = Client::connect(server.address()).ask(&ask);
        assert_eq!((response.status, response.code().as_str()), (403, code));
        assert_eq!(response.header("access-control-allow-origin"), None);
    }
    let flag = server
        .send(request("GET", "/platform/feature-flags/ui.shell", None))
        .json();
    assert_eq!(flag["enabled"], true);
    let own = kill().header("origin", &format!("http://{here}"));
    assert_eq!(server.send(own).status, 200);
}

#[test]
fn with_operators_any_host_is_accepted() {
    let server = Server::start();
    let ask = request("GET", "/whoami", None).host("flags.internal.example");
    let response = Client::connect(server.address()).ask(&ask.token(server.token(Role::Viewer)));
    assert_eq!(response.status, 200);
}
