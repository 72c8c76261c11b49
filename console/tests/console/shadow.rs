//! Shadow mode and coverage.

use std::sync::Arc;

use axum::http::StatusCode;
use control::{
    CoverageReport, DecisionNow, LifecyclePolicy, ReadTraffic, ReceiptQuery, RequestReceipt, Role,
    ShadowCauseReport, ShadowGateReport, ShadowTenantReport,
};
use rules::Timestamp;

use crate::fixed_traffic::{FixedTraffic, NoTraffic};
use crate::site::Site;

const DOCUMENT: &str = "{ version: 1, tiers: [a], flags: { board: { lifecycle: ga } } }";

#[test]
fn a_shadow_gate_shows_who_would_have_been_refused() {
    let site = Site::new(DOCUMENT);
    let page = site.get("/platform/shadow");
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "<code>basket</code>",
        "<code>board and not list</code>",
        "Would have refused 3 of 120 requests",
        "First <time datetime=\"2026-11-20T12:00:00Z\"",
        "<a href=\"/platform/feature-flags/board\"><code>board</code></a></th><td>the default of the flag</td><td class=\"num\">2</td>",
        "the caller</th><td>TOKEN_MISSING</td>",
        "<bdi>acme</bdi></a></th><td class=\"num\">2<span class=\"sub\">up to 1 too many</span>",
        "no tenant</th>",
        "One request is in no row",
        "No request yet.",
    ]);
}

#[test]
fn coverage_shows_what_no_request_used() {
    let site = Site::new(DOCUMENT);
    site.get("/platform/shadow").says(&[
        "Routes with requests and without a gate",
        "Coverage <span class=\"small dim\">since",
        "<code>start</code></th>",
        "<td class=\"num\">17</td>",
        "5 requests matched no route",
        "<code>quiet</code>",
        "no request was decided by quiet",
        "in no gate, only in a header",
        "in no gate and no header",
    ]);
}

#[test]
fn without_shadow_gates_the_page_shows_how_to_begin() {
    let site = Site::with_traffic(LifecyclePolicy::default(), DOCUMENT, Arc::new(NoTraffic));
    site.get("/platform/shadow").says(&[
        "No gate is in shadow mode",
        "mode: shadow",
        "The proxy is not running yet",
    ]);
}

#[test]
fn reports_of_the_traffic_are_for_staff() {
    let site = Site::new(DOCUMENT);
    site.visit_as(Role::Viewer, None);
    assert_eq!(site.get("/platform/shadow").status, StatusCode::OK);
    site.visit_as(Role::OrgAdmin, Some("acme"));
    assert_eq!(site.get("/platform/shadow").status, StatusCode::NOT_FOUND);
}

/// A traffic with as many gates, causes and tenants as a node counts.
struct ManyGates;

impl ReadTraffic for ManyGates {
    fn receipt(&self, _: &str, _: Timestamp) -> Option<(RequestReceipt, DecisionNow)> {
        None
    }

    fn receipts(&self, _: &ReceiptQuery, _: usize) -> Vec<RequestReceipt> {
        Vec::new()
    }

    fn receipt_places(&self) -> usize {
        0
    }

    fn shadow_gates(&self) -> Vec<ShadowGateReport> {
        let cause = |number| ShadowCauseReport {
            flag: Some(format!("flag.{number}")),
            cause: "default".to_owned(),
            requests: 2,
        };
        let tenant = |number| ShadowTenantReport {
            tenant: Some(format!("tenant-{number}")),
            requests: 2,
            error: 1,
        };
        let gate = |number| ShadowGateReport {
            route: format!("route-{number:02}."),
            requests: 400,
            refused: 128,
            causes: (0..64).map(cause).collect(),
            tenants: (0..64).map(tenant).collect(),
            ..ShadowGateReport::default()
        };
        (0..50).map(gate).collect()
    }

    fn coverage(&self) -> Option<CoverageReport> {
        FixedTraffic.coverage()
    }
}

#[test]
fn many_shadow_gates_are_paged() {
    let site = Site::with_traffic(LifecyclePolicy::default(), DOCUMENT, Arc::new(ManyGates));
    let first = site.get("/platform/shadow");
    assert!(first.text.len() < 200 * 1024, "{}", first.text.len());
    first
        .says(&[
            "route-19.",
            "The first 10 of 64.",
            "href=\"/platform/shadow?page=2\"",
        ])
        .hides(&["route-20.", "tenant-10<"]);
    site.get("/platform/shadow?page=3")
        .says(&["route-49."])
        .hides(&["route-39."]);
}
