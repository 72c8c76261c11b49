//! The traffic of flags by minute, and that of the arms of a plan.

use control::{ArmName, FlagObservation};
use rules::Timestamp;
use serde_json::{Value, json};

use crate::api::measured::MeasuredServer;

const MINUTE: i64 = 60_000;

/// Lets the data plane report these totals: the flag, its decisions, its errors.
fn observe(server: &MeasuredServer, totals: &[(&str, u64, u64)]) {
    let observed = totals.iter().map(|(flag, decisions, errors)| FlagObservation {
        flag: (*flag).to_owned(),
        decisions: *decisions,
        errors: *errors,
        served: 0,
    });
    *server.fixture.plane.observations.lock() = observed.collect();
    let now = Timestamp(server.now());
    server.fixture.control.record_observations(now);
}

/// Returns this member of each item.
fn keys_of<'v>(items: &'v Value, member: &str) -> Vec<&'v str> {
    let items = items.as_array().unwrap().iter();
    items.filter_map(|item| item[member].as_str()).collect()
}

/// Returns the numbers of the last minutes, the current one last.
fn last(numbers: &Value, count: usize) -> Vec<u64> {
    let numbers = numbers.as_array().unwrap();
    assert_eq!(numbers.len(), 60);
    let sum: u64 = numbers.iter().filter_map(Value::as_u64).sum();
    let last: Vec<u64> = numbers[60 - count..].iter().filter_map(Value::as_u64).collect();
    assert_eq!(sum, last.iter().sum::<u64>(), "earlier minutes: {numbers:?}");
    last
}

#[test]
fn requests_and_errors_of_flags_are_by_minute() {
    let mut server = MeasuredServer::running();
    let read = |server: &MeasuredServer, query: &str| server.json("GET", &format!("/traffic/flags{query}"));
    // The start of the plan has begun the counting.
    assert!(read(&server, "")["since"].is_string());
    observe(&server, &[("board", 500, 50), ("core", 7, 0), ("idle", 0, 0)]);
    server.set_now(server.now() + 70 * MINUTE);
    assert_eq!(read(&server, "")["flags"], json!([]));
    observe(&server, &[("board", 510, 51), ("core", 8, 0), ("idle", 0, 0)]);
    server.set_now(server.now() + 2 * MINUTE);
    observe(&server, &[("board", 513, 51), ("core", 8, 0), ("idle", 0, 0)]);
    let traffic = read(&server, "");
    let flags = traffic["flags"].as_array().unwrap();
    assert_eq!(
        (flags.len(), &flags[0]["flag"], &flags[1]["flag"]),
        (2, &json!("board"), &json!("core"))
    );
    assert_eq!(last(&flags[0]["requests"], 3), [10, 0, 3]);
    assert_eq!(last(&flags[0]["errors"], 3), [1, 0, 0]);
    assert_eq!(last(&flags[1]["requests"], 3), [1, 0, 0]);
    let start = Timestamp::parse(traffic["start"].as_str().unwrap()).unwrap();
    assert_eq!(start.0, (server.now() / MINUTE - 59) * MINUTE);
    let page = read(&server, "?limit=1");
    assert_eq!(
        (&page["flags"][0]["flag"], &page["next"]),
        (&json!("board"), &json!("board"))
    );
    let page = read(&server, "?limit=1&after=board");
    assert_eq!(
        (&page["flags"][0]["flag"], page.get("next")),
        (&json!("core"), None)
    );
    let page = read(&server, "?flags=core,no.such,idle");
    assert_eq!(keys_of(&page["flags"], "flag"), ["core"]);
    assert_eq!(read(&server, "?flags=no.such")["flags"], json!([]));

    server.count(&[(ArmName::Treatment, 0, 2), (ArmName::Control, 100, 0)]);
    let board = &read(&server, "?flag=board")["flags"][0];
    assert_eq!(last(&board["requests"], 3), [10, 0, 3]);
    let arms = board["arms"].as_array().unwrap();
    let arm = |name: &str| arms.iter().find(|arm| arm["arm"] == name).unwrap();
    // Before the start of the plan its requests were excluded, minutes ago.
    assert_eq!(last(&arm("treatment")["requests"], 1), [100]);
    assert_eq!(last(&arm("treatment")["errors"], 1), [20]);
    assert_eq!(last(&arm("control")["requests"], 1), [100]);
    assert!(arms.iter().all(|arm| arm["arm"] != "opted_in"), "{arms:?}");
    let unknown = server.send("GET", "/traffic/flags?flag=no.such");
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "FLAG_NOT_FOUND"));
}
