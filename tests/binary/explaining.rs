//! `sluice explain`, on the demo's files.

use serde_json::Value;

use crate::{
    process::{Said, sluice},
    tokens::demo_folder,
};

fn explain(arguments: &[&str]) -> Said {
    let folder = demo_folder();
    sluice(folder.path(), ["explain"].iter().chain(arguments), "")
}

#[test]
fn a_closed_gate_is_explained_step_by_step() {
    let said = explain(&["--tenant", "globex", "--user", "u-17", "GET", "/api//dispatch/v2/%62oard"]);
    assert_eq!(said.code, 1, "{}", said.err);
    for part in [
        "target    /api/dispatch/v2/board",
        "(as sent: /api//dispatch/v2/%62oard)",
        "route     dispatch-v2",
        "sluice.yaml:2",
        "identity  tenant globex, user u-17",
        "gate      dispatch.v2Board",
        "CLOSED",
        "requires dispatch.core",
        "=> lifecycle beta",
        "not eligible",
        "channel is stable; not on the allowlist; not opted in",
        "would otherwise:",
        "tier tier2",
        "answer    404, as for an unknown path",
        "upstream  not asked",
    ] {
        assert!(said.out.contains(part), "no `{part}` in\n{}", said.out);
    }
}

#[test]
fn an_open_gate_is_explained_with_the_headers_that_would_be_sent() {
    let said = explain(&["--tenant", "acme", "GET", "/api/dispatch/v2/board"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for part in ["OPEN", "upstream  board", "x-tenant-id: acme", "x-feature-flags: dispatch.core, dispatch.v2Board"] {
        assert!(said.out.contains(part), "no `{part}` in\n{}", said.out);
    }
}

#[test]
fn what_each_tenant_would_be_answered_is_what_the_demo_promises() {
    let answer = |tenant: &str| {
        let said = explain(&["--json", "--tenant", tenant, "GET", "/api/dispatch/v2/board"]);
        let story: Value = serde_json::from_str(&said.out).unwrap();
        (story["answer"].as_str().unwrap().to_owned(), story["upstream"].as_str().map(str::to_owned), said.code)
    };
    assert_eq!(answer("acme"), ("that of the upstream".into(), Some("board".into()), 0));
    assert_eq!(answer("globex"), ("404, as for an unknown path".into(), None, 1));
    assert_eq!(answer("initech"), ("403 FEATURE_NOT_ENABLED, naming the flag".into(), None, 1));
    let fallback = "that of another upstream, the behaviour without the flag";
    assert_eq!(answer("umbrella"), (fallback.into(), Some("legacy".into()), 1));
    assert_eq!(answer("nobody"), ("404, as for an unknown path".into(), None, 1));
}

#[test]
fn a_request_that_gets_nowhere_is_explained_too() {
    let unknown = explain(&["GET", "/nowhere"]);
    assert!(unknown.out.contains("route     none"), "{}", unknown.out);
    assert!(unknown.out.contains("upstream  legacy"), "{}", unknown.out);
    let refused = explain(&["GET", "/api/%2F"]);
    assert!(refused.out.contains("400 TARGET_INVALID"), "{}", refused.out);
    let nobody = explain(&["GET", "/api/dispatch/v2/board"]);
    assert!(nobody.out.contains("401 TOKEN_MISSING"), "{}", nobody.out);
    let forged = explain(&["--token", "eyJhbGciOiJub25lIn0.e30.", "GET", "/api/dispatch/v2/board"]);
    assert!(forged.out.contains("401 TOKEN_"), "{}", forged.out);
    assert_eq!([unknown.code, refused.code, nobody.code, forged.code], [0, 1, 1, 1]);
}
