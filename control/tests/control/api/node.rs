//! The state of this node, and the uses of flags in its document.

use control::{DocumentPlace, FlagUses, HeaderUse, ReadNode, Role, RouteMatchText, RouteUse};
use serde_json::json;

use crate::api::server::Server;

/// A node with a route for one flag.
pub(crate) struct FixedNode;

fn place(file: &str, line: usize) -> DocumentPlace {
    DocumentPlace {
        file: file.to_owned(),
        line,
        column: 3,
    }
}

impl ReadNode for FixedNode {
    fn flag_uses(&self, flag: &str) -> Option<FlagUses> {
        (flag == "dispatch.v2Board").then(|| FlagUses {
            place: Some(place("flags.yaml", 9)),
            routes: vec![RouteUse {
                route: "board".to_owned(),
                matched: RouteMatchText {
                    host: "*".to_owned(),
                    path: "/board".to_owned(),
                    ..RouteMatchText::default()
                },
                gate: Some("dispatch.v2Board".to_owned()),
                place: Some(place("sluice.yaml", 4)),
                ..RouteUse::default()
            }],
            routes_total: 1,
            headers: vec![HeaderUse {
                header: "x-flags".to_owned(),
                reason: "all",
            }],
        })
    }
}

#[test]
fn the_usage_of_a_flag_joins_document_and_flags() {
    let server = Server::start();
    let usage = |flag: &str| server.send_ok("GET", &format!("/platform/feature-flags/{flag}/usage"), None);
    let board = usage("dispatch.v2Board");
    let expected = json!({
        "revision": board["revision"], "flag": "dispatch.v2Board",
        "place": { "file": "flags.yaml", "line": 9, "column": 3 },
        "routes": [{
            "route": "board", "match": { "host": "*", "path": "/board", "methods": [], "headers": [] },
            "gate": "dispatch.v2Board", "shadow": false, "variants": false, "observed": false,
            "place": { "file": "sluice.yaml", "line": 4, "column": 3 },
        }],
        "routes_total": 1,
        "headers": [{ "header": "x-flags", "reason": "all" }],
        "requires": [{ "flag": "dispatch.core" }], "required_by": [], "required_by_total": 0, "segments": [],
    });
    assert_eq!(board, expected);
    let core = usage("dispatch.core");
    assert_eq!(
        (&core["required_by"], &core["routes"], core.get("place")),
        (&json!(["dispatch.v2Board"]), &json!([]), None)
    );
    let path = "/platform/feature-flags/no.such/usage";
    server.send_rejected(404, "FLAG_NOT_FOUND", "GET", path, None);
    let path = "/platform/feature-flags/dispatch.core/usage";
    assert_eq!(server.send_as(Role::OrgAdmin, "GET", path, None).status, 403);
}
