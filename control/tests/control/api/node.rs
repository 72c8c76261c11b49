//! The state of this node, and the uses of flags in its document.

use control::{
    Code, Damage, DocumentPlace, FlagUses, HeaderUse, NodeHealth, NodeReason, NodeReport, NodeState,
    ReadNode, ReloadReport, Role, RouteMatchText, RouteUse,
};
use serde_json::json;

use crate::api::server::Server;

/// A time in the reports.
const AT: &str = "2026-11-30T12:00:00Z";

/// A degraded node with a route for one flag.
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

    fn node(&self) -> Option<NodeReport> {
        Some(NodeReport {
            id: "gw-1:7".to_owned(),
            host: "gw-1".to_owned(),
            started: AT.to_owned(),
            state: NodeState::Degraded,
            reasons: vec![NodeReason {
                name: "reload".to_owned(),
                detail: "rejected".to_owned(),
            }],
            ..NodeReport::default()
        })
    }

    fn health(&self) -> Option<NodeHealth> {
        Some(NodeHealth {
            node: self.node()?,
            reload: ReloadReport {
                at: AT.to_owned(),
                accepted: AT.to_owned(),
                ..ReloadReport::default()
            },
            ..NodeHealth::default()
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

#[test]
fn nodes_and_their_health_are_for_staff() {
    let server = Server::start();
    let nodes = server.send_ok("GET", "/platform/nodes", None);
    let node = json!({
        "id": "gw-1:7", "host": "gw-1", "listeners": [], "admin": null, "version": "", "commit": null, "started": AT,
        "revision": null, "since": null, "state": "degraded", "reasons": [{ "name": "reload", "detail": "rejected" }],
    });
    assert_eq!(nodes, json!({ "answered_by": "gw-1:7", "nodes": [node] }));
    let health = server.send_ok("GET", "/platform/health", None);
    assert_eq!(
        (&health["node"], &health["reload"]["result"]),
        (&node, &json!("accepted"))
    );
    let revision = server.send_ok("GET", "/platform/orgs", None)["revision"].clone();
    assert_eq!(
        health["flags"],
        json!({ "source": "store", "revision": revision })
    );
    for path in ["/platform/nodes", "/platform/health"] {
        assert_eq!(server.send_as(Role::Viewer, "GET", path, None).status, 200);
        assert_eq!(server.send_as(Role::OrgAdmin, "GET", path, None).status, 403);
    }
}

#[test]
fn health_names_the_source_of_the_flags() {
    let flags = |server: &Server| server.send_ok("GET", "/platform/health", None)["flags"].clone();
    assert_eq!(flags(&Server::with_files()), json!({ "source": "files" }));
    let damaged = Server::with_damaged_store(Damage {
        code: Code::StoreDamaged,
        detail: "the store can't be used: page 7".to_owned(),
        help: "restore a backup".to_owned(),
    });
    let damage = json!({
        "code": "STORE_DAMAGED", "detail": "the store can't be used: page 7", "help": "restore a backup",
    });
    assert_eq!(
        flags(&damaged),
        json!({ "source": "last_good", "damage": damage })
    );
}
