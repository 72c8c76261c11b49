//! The OpenAPI document: equal to its golden file, and complete.

use std::path::Path;

use control::Role;
use control::api::{PREFIX, SERVICE, VERSION, openapi, routes};
use testkit::{Client, Request};

use crate::api::server::Server;

#[test]
fn the_contract_equals_its_golden_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let mut text = serde_json::to_string_pretty(&openapi()).unwrap();
    text.push('\n');
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let agreed = std::fs::read_to_string(&path).unwrap();
    assert!(
        text == agreed,
        "docs/openapi.json differs; UPDATE_GOLDEN=1 writes it: read the difference before you commit it"
    );
}

#[test]
fn every_route_is_in_the_contract_and_the_api_serves_it() {
    let server = Server::start();
    let served = server.send_as(Role::Viewer, "GET", "/openapi.json", None).json();
    assert_eq!(served, openapi());
    assert_eq!(served["openapi"], "3.1.0");
    for route in routes() {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &served["paths"][format!("{PREFIX}{}", route.path)][&method];
        assert_eq!(operation["operationId"], route.name);
    }
    let names: std::collections::BTreeSet<&str> = routes().map(|route| route.name).collect();
    assert_eq!(names.len(), routes().count(), "two routes have one name");
}

#[test]
fn the_api_identifies_itself_without_credentials() {
    let expected = serde_json::json!({ "service": SERVICE, "api": VERSION });
    for server in [Server::start(), Server::without_operators(), Server::with_files()] {
        let ask = |request: &Request| Client::connect(server.address()).ask(request);
        for host in ["127.0.0.1", "ops.example"] {
            let request = Request::get(PREFIX).host(host);
            for request in [request.clone(), request.clone().token("sluice_of-nobody")] {
                let answer = ask(&request);
                assert_eq!(answer.status, 200);
                assert_eq!(answer.json(), expected);
            }
        }
        assert_eq!(ask(&Request::new("POST", PREFIX)).code(), "METHOD_NOT_ALLOWED");
        assert_eq!(
            ask(&Request::get(&format!("{PREFIX}?version=2"))).code(),
            "UNKNOWN_PARAMETER"
        );
    }
    let operation = &openapi()["paths"][PREFIX]["get"];
    assert_eq!(operation["security"], serde_json::json!([]));
}

#[test]
fn every_reference_of_the_contract_resolves() {
    let document = openapi();
    let text = document.to_string();
    let references: std::collections::BTreeSet<&str> = text
        .split("\"$ref\":\"#")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert!(references.len() > 10);
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[test]
fn every_route_is_in_the_guide() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    let guide = std::fs::read_to_string(path).unwrap();
    for route in routes() {
        let line = format!("`{} {}`", route.method.as_str(), route.path);
        assert!(guide.contains(&line), "{line}");
    }
}
