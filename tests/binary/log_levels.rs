//! The levels of the process log, set while a server runs.

use serde_json::{Value, json};
use testkit::{Client, Request, eventually};

use crate::managed::get;
use crate::managed_server::ManagedServer;
use crate::operator_tokens::OperatorToken;

fn put(managed: &ManagedServer, body: &Value) -> (u16, Value) {
    let request = Request::new("PUT", "/api/v1/log-level")
        .host("localhost")
        .header("content-type", "application/json")
        .with_body(body.to_string());
    let answer = Client::connect(managed.admin()).ask(&request);
    (answer.status, answer.json())
}

fn level(managed: &ManagedServer) -> Value {
    get(&mut Client::connect(managed.admin()), "/log-level").json()["level"].clone()
}

#[test]
fn levels_of_the_log_change_and_return() {
    let managed = ManagedServer::empty("");
    assert_eq!(managed.done(&["log-level"]), "info\n");
    let set = managed.done(&["log-level", "error,proxy=debug", "--for", "2s"]);
    assert!(
        set.starts_with("error,proxy=debug until 20") && set.ends_with(", then info\n"),
        "{set}"
    );
    // A second change meanwhile does not become the former one.
    let (status, body) = put(&managed, &json!({ "level": "warn", "for_seconds": 1 }));
    assert_eq!(
        (status, &body["level"], &body["afterwards"]),
        (200, &json!("warn"), &json!("info"))
    );
    eventually("the former level", || (level(&managed) == "info").then_some(()));
    managed.line("the former levels of the log are in force again");
    assert_eq!(managed.done(&["log-level", "off"]), "off\n");
    assert_eq!(managed.done(&["log-level", "info"]), "info\n");
    managed.line("the levels of the log were set");
    // The line is there even if the new levels hide it.
    for level in ["level=error,proxy=debug", "level=off"] {
        managed.line(level);
    }
    let log = managed.done(&["audit", "list", "--json"]);
    assert!(
        log.contains("platform.log_level_set") && log.contains("error,proxy=debug"),
        "{log}"
    );
}

#[test]
fn directives_that_cannot_be_followed_are_rejected() {
    let managed = ManagedServer::empty("");
    for (directives, part) in [
        ("lots", "`lots` can be at most `off`"),
        ("proxy=lots", "neither LEVEL nor MODULE=LEVEL"),
        ("info,hyper=trace", "`hyper=trace` can be at most `error`"),
        ("", "`level` has 1 to 1000 bytes"),
        (" , ", "`level` has no directive"),
    ] {
        let (status, body) = put(&managed, &json!({ "level": directives }));
        assert_eq!(
            (status, &body["code"]),
            (422, &json!("INVALID_LOG_LEVEL")),
            "{body}"
        );
        assert!(body["detail"].as_str().unwrap().contains(part), "{body}");
    }
    for seconds in [0, 86_401] {
        let (status, body) = put(&managed, &json!({ "level": "info", "for_seconds": seconds }));
        assert_eq!(status, 422, "{body}");
    }
    assert_eq!(level(&managed), "info");
    managed
        .refused(&["log-level", "a=b=c"])
        .reports("neither LEVEL nor MODULE=LEVEL");
}

#[test]
fn levels_need_the_role_platform_admin() {
    let tokens = ["viewer", "operator", "platform-admin"].map(|role| OperatorToken::issue(role, role));
    let managed = ManagedServer::with_operators(&[&tokens[0], &tokens[1], &tokens[2]]);
    for (token, status) in tokens.iter().zip([403, 403, 200]) {
        let request = Request::get_admin("/api/v1/log-level").token(&token.secret);
        assert_eq!(Client::connect(managed.admin()).ask(&request).status, status);
    }
}
