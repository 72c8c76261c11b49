//! Lists of flags: search, filters, orders, pages by number.

use serde_json::{Value, json};

use crate::api::server::Server;

const FLAGS: &str = "/platform/feature-flags";
const DOCUMENT: &str = r#"
version: 1
flags:
  billing.invoices: { lifecycle: ga, owner: Team Money, description: Invoices as PDF }
  board: { lifecycle: beta, owner: team-ui, description: The NEW Board }
  limits: { kind: ops, owner: ops }
  old: { lifecycle: retired, final: off, owner: team-ui }
  plan.seats: { kind: permission, default: on, owner: Team Money }
  search: { lifecycle: alpha, kind: experiment, owner: team-ui }
tenants:
  acme: {}
  globex: {}
"#;

/// Returns the keys and the total of a list.
fn listed(server: &Server, query: &str) -> (Vec<String>, u64) {
    let page = server.send_ok("GET", &format!("{FLAGS}{query}"), None);
    let flags = page["flags"].as_array().unwrap().iter();
    let keys = flags.map(|flag| flag["key"].as_str().unwrap().to_owned());
    (keys.collect(), page["total"].as_u64().unwrap())
}

fn check(server: &Server, query: &str, expected: &[&str]) {
    let (keys, total) = listed(server, query);
    assert_eq!(keys, expected, "{query}");
    assert_eq!(total, expected.len() as u64, "{query}");
}

#[test]
fn flags_are_found_by_key_description_or_owner() {
    let server = Server::with_document(DOCUMENT);
    check(&server, "?search=BILL", &["billing.invoices"]);
    check(&server, "?search=new%20board", &["board"]);
    check(&server, "?search=team%20m", &["billing.invoices", "plan.seats"]);
    check(
        &server,
        "?search=s&owner=Team%20Money",
        &["billing.invoices", "plan.seats"],
    );
    check(&server, "?search=nothing", &[]);
    let longest = "a".repeat(200);
    check(&server, &format!("?search={longest}"), &[]);
    let path = format!("{FLAGS}?search={longest}a");
    server.send_rejected(400, "INVALID_PARAMETER", "GET", &path, None);
}

#[test]
fn flags_are_filtered_by_their_state() {
    let server = Server::with_document(DOCUMENT);
    server.send_ok("POST", &format!("{FLAGS}/board/kill"), Some(&json!({})));
    check(&server, "?lifecycle=alpha", &["search"]);
    check(&server, "?lifecycle=retired", &["old"]);
    check(&server, "?lifecycle=none", &["limits", "plan.seats"]);
    check(&server, "?kind=experiment", &["search"]);
    check(&server, "?kind=permission&lifecycle=none", &["plan.seats"]);
    check(&server, "?owner=team-ui", &["board", "old", "search"]);
    check(&server, "?owner=team", &[]);
    check(&server, "?killed=true", &["board"]);
    check(&server, "?killed=false&owner=team-ui", &["old", "search"]);
    for query in ["?lifecycle=gamma", "?kind=switch", "?killed=1", "?sort=owner"] {
        let path = format!("{FLAGS}{query}");
        server.send_rejected(400, "INVALID_PARAMETER", "GET", &path, None);
    }
}

#[test]
fn flags_are_sorted_by_change_or_lifecycle() {
    let server = Server::with_document(DOCUMENT);
    for flag in ["limits", "board"] {
        server.advance_clock(1_000);
        server.send_ok("POST", &format!("{FLAGS}/{flag}/kill"), Some(&json!({})));
    }
    let rest = ["billing.invoices", "old", "plan.seats", "search"];
    check(
        &server,
        "?sort=changed",
        &[&["board", "limits"], &rest[..]].concat(),
    );
    let by_state = [
        "search",
        "board",
        "billing.invoices",
        "old",
        "limits",
        "plan.seats",
    ];
    check(&server, "?sort=lifecycle", &by_state);
    let page = server.send_ok("GET", &format!("{FLAGS}?sort=lifecycle&limit=2&offset=2"), None);
    assert_eq!(page["flags"][0]["key"], "billing.invoices");
    assert_eq!((&page["next"], &page["total"]), (&Value::Null, &json!(6)));
}

#[test]
fn flags_have_pages_by_number() {
    let server = Server::with_document(DOCUMENT);
    let (keys, total) = listed(&server, "?limit=2&offset=2");
    assert_eq!((keys.join(" "), total), ("limits old".to_owned(), 6));
    assert_eq!(listed(&server, "?offset=6"), (vec![], 6));
    assert_eq!(listed(&server, "?offset=4294967295"), (vec![], 6));
    let (keys, total) = listed(&server, "?owner=team-ui&limit=1&offset=2");
    assert_eq!((keys.join(" "), total), ("search".to_owned(), 3));
    // The page after one by number is also reached by its key.
    let page = server.send_ok("GET", &format!("{FLAGS}?limit=2&offset=2&killed=false"), None);
    assert_eq!(page["next"], "old");
    let (keys, total) = listed(&server, "?limit=2&killed=false&after=old");
    assert_eq!((keys.join(" "), total), ("plan.seats search".to_owned(), 6));
    for query in ["?after=board&offset=1", "?after=board&sort=changed"] {
        let path = format!("{FLAGS}{query}");
        server.send_rejected(422, "CONTRADICTORY_PARAMETERS", "GET", &path, None);
    }
}

#[test]
fn a_page_of_flags_has_the_number_of_tenants() {
    let server = Server::with_document(DOCUMENT);
    let page = server.send_ok("GET", &format!("{FLAGS}?limit=1"), None);
    assert_eq!((&page["tenants"], &page["total"]), (&json!(2), &json!(6)));
}
