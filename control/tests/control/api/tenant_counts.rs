//! The numbers of tenants in lists of flags.

use control::api::MAX_COUNTED_DECISIONS;
use serde_json::{Value, json};
use testkit::eventually;

use crate::api::server::{DAY, Server};

const FLAGS: &str = "/platform/feature-flags";
const TENANTS: usize = 600;

/// Returns the number of tenants that have each flag on, in the order of keys.
fn tenants_on(server: &Server) -> Vec<Value> {
    let page = server.send_ok("GET", &format!("{FLAGS}?limit=1000"), None);
    let flags = page["flags"].as_array().unwrap().iter();
    flags.map(|flag| flag["tenants_on"].clone()).collect()
}

/// Waits until all flags of the list are counted.
fn counted(server: &Server) -> Vec<Value> {
    eventually("all flags are counted", || {
        Some(tenants_on(server)).filter(|numbers| numbers.iter().all(Value::is_number))
    })
}

/// Starts the API with more decisions than a list counts at once.
fn large() -> Server {
    let flag = |at: usize| {
        format!(
            "  f{at:03}: {{ lifecycle: ga, rollout: {{ percentage: {} }} }}\n",
            at % 101
        )
    };
    let flags: String = (0..MAX_COUNTED_DECISIONS / TENANTS + 20).map(flag).collect();
    let tenants: String = (0..TENANTS).map(|at| format!("  t{at:03}: {{}}\n")).collect();
    Server::with_document(&format!("version: 1\nflags:\n{flags}tenants:\n{tenants}"))
}

#[test]
fn large_lists_are_counted_in_the_background() {
    let server = large();
    let at_first = tenants_on(&server);
    let at_once = MAX_COUNTED_DECISIONS / TENANTS;
    assert!(at_first[..at_once].iter().all(Value::is_number));
    assert!(at_first[at_once..].iter().any(Value::is_null));
    let numbers = counted(&server);
    for at in [0, 1, 100, at_once, at_once + 1, at_once + 19] {
        let flag = server.send_ok("GET", &format!("{FLAGS}/f{at:03}"), None);
        assert_eq!(flag["tenants_on"], numbers[at], "{at}");
    }
    assert_eq!((&numbers[0], &numbers[100]), (&json!(0), &json!(TENANTS)));
}

#[test]
fn counts_of_a_list_follow_each_change() {
    let server = large();
    let before = counted(&server);
    let change = |path: &str, body: Value| drop(server.send_ok("POST", path, Some(&body)));
    change(
        "/platform/orgs/t000/feature-flags/f000",
        json!({ "enabled": true }),
    );
    change(
        "/platform/orgs/t001/feature-flags/f350",
        json!({ "enabled": false }),
    );
    change("/platform/feature-flags/f100/kill", json!({}));
    server.send_ok("DELETE", "/platform/orgs/t002", None);
    // Counts of other flags are adjusted, so that none is missing.
    let after = tenants_on(&server);
    let fresh = |at: usize| server.send_ok("GET", &format!("{FLAGS}/f{at:03}"), None)["tenants_on"].clone();
    assert_eq!((&before[0], &after[0]), (&json!(0), &json!(1)));
    assert_eq!(after[100], json!(0));
    assert!(after.iter().all(Value::is_number));
    assert_eq!(after[349], fresh(349));
    let on_for_all = 201;
    assert_eq!(
        (&before[on_for_all], &after[on_for_all]),
        (&json!(600), &json!(599))
    );
}

#[test]
fn counts_of_a_list_follow_the_clock() {
    let schedule = "{ from: 2026-11-22T00:00:00Z, until: 2026-11-23T00:00:00Z }";
    let server = Server::with_document(&format!(
        "version: 1\nflags:\n  banner: {{ kind: ops, default: on, requires: [sale] }}\n  sale: {{ kind: ops, default: on, schedule: {schedule} }}\ntenants: {{ acme: {{}} }}\n"
    ));
    for expected in [0, 1, 0] {
        assert_eq!(tenants_on(&server), [json!(expected), json!(expected)]);
        server.advance_clock(DAY);
    }
}
