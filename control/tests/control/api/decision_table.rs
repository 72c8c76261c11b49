//! The decision table of a flag with the numbers of tenants.

use serde_json::{Value, json};

use crate::api::server::{DAY, Server};

const DOCUMENT: &str = r#"
version: 1
tiers: [small, large]
policy: { beta_opt_in: true }
flags:
  board:
    lifecycle: beta
    variants: { off: off, blue: blue, red: red }
    opt_in_serves: red
    default: blue
    rules: [{ when: { attribute: country, eq: DE }, serve: red }]
    tiers: { large: off }
    requires: [base]
  base: { kind: ops, default: on, schedule: { from: 2026-11-01T00:00:00Z, until: 2026-11-22T00:00:00Z } }
  old: { lifecycle: retired, final: on }
tenants:
  a-none: {}
  b-none: {}
  c-out: { opt_out: [board] }
  d-off: { overrides: { board: off } }
  e-blue: { overrides: { board: blue }, internal: true }
  f-in: { opt_in: [board] }
  g-large: { channel: latest, beta: [board], tier: large }
  h-rule: { channel: latest, beta: [board], attributes: { country: DE } }
  i-default: { channel: latest, beta: [board] }
  j-default: { channel: latest, beta: [board], tier: small }
"#;

fn table(server: &Server, flag: &str) -> Value {
    let table = server.send_ok("GET", &format!("/platform/feature-flags/{flag}/decisions"), None);
    let lines = table["lines"].as_array().unwrap();
    let sum: u64 = lines.iter().map(|line| line["tenants"].as_u64().unwrap()).sum();
    assert_eq!(Some(sum), table["tenants"].as_u64(), "{table}");
    let on: u64 = lines.iter().map(|line| line["on"].as_u64().unwrap()).sum();
    assert_eq!(Some(on), table["tenants_on"].as_u64(), "{table}");
    table
}

/// Returns the lines as number, cause, tenants and those that have it on.
fn lines(table: &Value) -> Vec<(String, String, u64, u64)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = table["lines"].as_array().unwrap().iter();
    lines
        .map(|line| {
            let numbers = (line["tenants"].as_u64().unwrap(), line["on"].as_u64().unwrap());
            (text(&line["line"]), text(&line["cause"]), numbers.0, numbers.1)
        })
        .collect()
}

fn check(table: &Value, expected: &[(&str, &str, u64, u64)]) {
    let expected = expected
        .iter()
        .map(|(line, cause, tenants, on)| ((*line).to_owned(), (*cause).to_owned(), *tenants, *on));
    assert_eq!(lines(table), expected.collect::<Vec<_>>());
}

#[test]
fn each_tenant_is_decided_by_one_line_of_the_table() {
    let server = Server::with_document(DOCUMENT);
    let board = table(&server, "board");
    check(
        &board,
        &[
            ("6", "override", 1, 0),
            ("7", "opt_out", 1, 0),
            ("8", "lifecycle", 2, 0),
            ("9", "override", 1, 1),
            ("10", "rule", 1, 1),
            ("11", "opt_in", 1, 1),
            ("13", "tier", 1, 0),
            ("14", "default", 2, 2),
        ],
    );
    assert_eq!(board["flag"], "board");
    assert_eq!(
        board["lines"][7]["variants"],
        json!([{ "variant": "blue", "tenants": 2 }])
    );
    check(&table(&server, "old"), &[("2", "retired", 10, 10)]);
    let path = "/platform/feature-flags/missing/decisions";
    server.send_rejected(404, "FLAG_NOT_FOUND", "GET", path, None);
}

#[test]
fn the_decision_table_follows_changes_and_the_clock() {
    let server = Server::with_document(DOCUMENT);
    table(&server, "board");
    let path = "/platform/orgs/a-none/feature-flags/board";
    server.send_ok("POST", path, Some(&json!({ "variant": "red" })));
    // An override does not make it eligible.
    assert_eq!(
        lines(&table(&server, "board"))[2],
        ("8".into(), "lifecycle".into(), 2, 0)
    );
    server.send_ok(
        "PATCH",
        "/platform/orgs/a-none",
        Some(&json!({ "internal": true })),
    );
    let board = table(&server, "board");
    assert_eq!(lines(&board)[3], ("9".into(), "override".into(), 2, 2));
    let served = json!([{ "variant": "blue", "tenants": 1 }, { "variant": "red", "tenants": 1 }]);
    assert_eq!(board["lines"][3]["variants"], served);
    server.advance_clock(DAY);
    check(&table(&server, "base"), &[("4", "schedule", 10, 0)]);
    check(&table(&server, "board"), &[("5", "prerequisite", 10, 0)]);
    server.send_ok("POST", "/platform/feature-flags/board/kill", Some(&json!({})));
    check(&table(&server, "board"), &[("3", "killed", 10, 0)]);
}
