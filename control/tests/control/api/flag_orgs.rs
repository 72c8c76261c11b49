//! The tenants of a flag: who has it, and why.

use control::api::MAX_SCANNED_TENANTS;
use serde_json::{Value, json};

use crate::api::server::Server;

const ORGS: &str = "/platform/feature-flags/board/orgs";
const DOCUMENT: &str = r#"
version: 1
tiers: [small, large]
policy: { beta_opt_in: true }
flags:
  board: { lifecycle: beta, default: on }
tenants:
  Acme: { tier: large, channel: latest, beta: [board] }
  acme-eu: { opt_out: [board] }
  globex: { tier: small, opt_in: [board] }
  hooli: { overrides: { board: on }, internal: true }
  initech: {}
"#;

/// Returns the ids of a list.
fn listed(server: &Server, query: &str) -> Vec<String> {
    let page = server.send_ok("GET", &format!("{ORGS}{query}"), None);
    let orgs = page["orgs"].as_array().unwrap().iter();
    orgs.map(|org| org["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_org_of_a_flag_has_its_decision_and_its_standing() {
    let server = Server::with_document(DOCUMENT);
    let page = server.send_ok("GET", ORGS, None);
    assert_eq!((&page["flag"], &page["tenants"]), (&json!("board"), &json!(5)));
    let org = |id: &str, on: bool, cause: &str, more: Value| {
        let variant = if on { "on" } else { "off" };
        let mut org = json!({
            "id": id, "channel": "stable", "internal": false, "on": on, "variant": variant, "cause": cause,
            "allowlisted": false,
        });
        org.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        org
    };
    let expected = json!([
        org(
            "Acme",
            true,
            "default",
            json!({ "tier": "large", "channel": "latest", "allowlisted": true })
        ),
        org("acme-eu", false, "opt_out", json!({ "choice": "out" })),
        org(
            "globex",
            true,
            "opt_in",
            json!({ "tier": "small", "choice": "in" })
        ),
        org(
            "hooli",
            true,
            "override",
            json!({ "internal": true, "override": "on" })
        ),
        org("initech", false, "lifecycle", json!({})),
    ]);
    assert_eq!(page["orgs"], expected);
    server.send_rejected(
        404,
        "FLAG_NOT_FOUND",
        "GET",
        "/platform/feature-flags/missing/orgs",
        None,
    );
}

#[test]
fn a_flag_of_an_org_names_the_variants_of_an_override() {
    let document = "{ version: 1, flags: { board: {}, theme: { variants: { off: null, blue: 1 }, default: blue } }, tenants: { acme: {} } }";
    let server = Server::with_document(document);
    let page = server.send_ok("GET", "/platform/orgs/acme/feature-flags", None);
    let variants: Vec<&Value> = page["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| &flag["variants"])
        .collect();
    assert_eq!(variants, [&Value::Null, &json!(["off", "blue"])]);
}

#[test]
fn orgs_of_a_flag_are_filtered() {
    let server = Server::with_document(DOCUMENT);
    for (query, expected) in [
        ("?search=ACME", "Acme acme-eu"),
        ("?search=oo", "hooli"),
        ("?on=true", "Acme globex hooli"),
        ("?on=false", "acme-eu initech"),
        ("?cause=opt_in", "globex"),
        ("?cause=lifecycle", "initech"),
        ("?standing=allowlisted", "Acme"),
        ("?standing=overridden", "hooli"),
        ("?standing=opted_in", "globex"),
        ("?standing=opted_out", "acme-eu"),
        ("?standing=opted_out&on=true", ""),
        ("?search=acme&on=true", "Acme"),
    ] {
        assert_eq!(listed(&server, query).join(" "), expected, "{query}");
    }
    for query in ["?on=yes", "?cause=breaker", "?standing=in", "?tier=large"] {
        let path = format!("{ORGS}{query}");
        let answer = server.send_as(control::Role::Viewer, "GET", &path, None);
        assert_eq!(answer.status, 400, "{query}");
    }
}

#[test]
fn orgs_of_a_flag_have_pages() {
    let server = Server::with_document(DOCUMENT);
    for (filter, expected) in [
        ("", "Acme acme-eu globex hooli initech"),
        ("&on=true", "Acme globex hooli"),
    ] {
        let mut seen: Vec<String> = Vec::new();
        let mut after = String::new();
        let pages = (1..=5).find(|_| {
            let page = server.send_ok("GET", &format!("{ORGS}?limit=1{filter}{after}"), None);
            seen.extend(
                page["orgs"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|org| org["id"].as_str().unwrap().to_owned()),
            );
            after = format!("&after={}", page["next"].as_str().unwrap_or_default());
            page["next"].is_null()
        });
        assert_eq!(seen.join(" "), expected);
        assert_eq!(pages, Some(seen.len()));
    }
}

#[test]
fn a_page_of_orgs_reads_a_limited_number_of_tenants() {
    let tenants: String = (0..=MAX_SCANNED_TENANTS)
        .map(|at| format!("  t{at:06}: {{}}\n"))
        .collect();
    let document = format!(
        "version: 1\nflags:\n  board: {{ kind: ops }}\ntenants:\n{tenants}  u: {{ overrides: {{ board: on }} }}\n"
    );
    let server = Server::with_document(&document);
    let first = server.send_ok("GET", &format!("{ORGS}?on=true"), None);
    assert_eq!((&first["orgs"], &first["next"]), (&json!([]), &json!("t099999")));
    assert_eq!(listed(&server, "?on=true&after=t099999"), ["u"]);
}
