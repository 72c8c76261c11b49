//! Pages over a large store, and many open windows. The measurement in `console/examples/measure_pages.rs` requests the same pages of a larger
//! one, from a release build.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use control::{Change, Role};
use serde_json::json;
use testkit::LargeDocument;

use crate::large_site::{LargeSize, MAX_PAGE_BYTES, large_site, visits};
use crate::measured_site::MeasuredSite;
use crate::site::{Received, Site};

/// The time for a page in a debug build on a busy machine. A page that reads all tenants for each of its rows needs more.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn every_page_of_a_large_store_is_small() {
    let size = LargeSize {
        document: LargeDocument {
            flags: 1_000,
            tenants: 10_000,
        },
        changes: 600,
        changed: 60,
    };
    let site = large_site(size);
    let mut faults = Vec::new();
    for visit in visits(size, &site) {
        let begun = Instant::now();
        let received = visit.request(&site);
        let (taken, bytes) = (begun.elapsed(), received.text.len());
        if taken > PATIENCE || bytes > MAX_PAGE_BYTES {
            faults.push(format!(
                "{} {}: {taken:.0?}, {bytes} bytes",
                visit.page, visit.path
            ));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// A reason of the greatest length, whose characters are escaped in pages.
fn hidden_reason() -> String {
    "\u{202e}".repeat(1_000)
}

fn is_small(received: &Received) {
    let bytes = received.text.len();
    assert!(bytes <= MAX_PAGE_BYTES, "{} {bytes} bytes", received.status);
}

#[test]
fn a_rollout_with_a_long_history_is_a_small_page() {
    let site = MeasuredSite::running();
    for _ in 0..60 {
        for operation in ["rollout-pause", "rollout-resume"] {
            let fields = [
                ("operation", operation),
                ("flag", "board"),
                ("reason", &*hidden_reason()),
            ];
            site.site.change("/platform/changes", &fields).location();
        }
    }
    let page = site.page();
    is_small(&page);
    page.says(&[
        "The first 50 of 100.",
        "href=\"/platform/feature-flags/board/audit\"",
    ]);
}

#[test]
fn a_rollout_of_the_largest_plan_is_a_small_page() {
    let site = Site::new("{ version: 1, flags: { board: { lifecycle: ga } } }");
    let stage = |at: usize| {
        json!({
            "name": format!("stage{at:02}-\"<{}>", "n".repeat(40)), "percentage": at + 1, "for": "1h",
            "audience": { "attribute": "country", "in": (0..100).map(|place| format!("country<{place}>{}", "x".repeat(50))).collect::<Vec<_>>() },
        })
    };
    let check = |at: usize| json!({ "name": format!("errors{at:02}"), "error_rate": { "above": "1%" }, "then": "pause" });
    let items: Vec<String> = (0..50)
        .map(|item| format!("item {item:02} {}", "\"<i>".repeat(40)))
        .collect();
    let plan = json!({
        "stages": (0..20).map(stage).collect::<Vec<_>>(),
        "checks": (0..20).map(check).collect::<Vec<_>>(),
        "checklist": items,
    });
    let change = Change::SetPlan {
        flag: "board".to_owned(),
        plan,
    };
    site.fixture.apply(change).unwrap();
    let page = site.get("/platform/feature-flags/board/rollout");
    assert_eq!(page.status, StatusCode::OK);
    is_small(&page);
    page.says(&["This plan is too long for the page"]);
}

#[test]
fn a_form_that_is_shown_again_is_a_small_page() {
    let site =
        Site::new("{ version: 1, tiers: [a], flags: { board: { lifecycle: ga } }, tenants: { acme: {} } }");
    let quotes = "\"".repeat(60_000);
    let forms: [&[(&str, &str)]; 5] = [
        &[
            ("operation", "rollout-plan"),
            ("flag", "board"),
            ("document", &quotes),
        ],
        &[
            ("operation", "record"),
            ("tenant", "acme"),
            ("attributes", &quotes),
        ],
        &[("operation", "override"), ("flag", "board"), ("tenants", &quotes)],
        &[("operation", "kill"), ("flag", "nobody"), ("reason", &quotes)],
        &[("operation", "kill"), ("flag", "nobody"), ("unknown", &quotes)],
    ];
    for fields in forms {
        for path in ["/platform/changes/preview", "/platform/changes"] {
            let answer = site.change(path, fields);
            assert!(answer.status.is_client_error(), "{}", answer.status);
            is_small(&answer);
        }
    }
    let token = site.get("/platform/explain").value_of("form_token");
    let question = [
        ("form_token", &*token),
        ("token", "t"),
        ("path", "/"),
        ("headers", &quotes),
    ];
    is_small(&site.submit("/platform/explain", &question));
    site.visit_as(Role::OrgAdmin, Some("acme"));
    let token = site
        .get("/admin/feature-flags/board/report")
        .value_of("form_token");
    let quotes = "\"".repeat(15_000);
    let report = [
        ("form_token", &*token),
        ("org", "acme"),
        ("operation", "report"),
        ("flag", "board"),
        ("text", &quotes),
        ("cause", &quotes),
    ];
    is_small(&site.submit("/admin/changes", &report));
}

#[test]
fn a_refused_plan_with_many_faults_is_a_small_page() {
    let site = Site::new("{ version: 1, flags: { board: { lifecycle: ga } } }");
    let faults: String = (0..3_000).map(|at| format!("fault<{at}>: 1\n")).collect();
    let fields = [
        ("operation", "rollout-plan"),
        ("flag", "board"),
        ("document", &*faults),
    ];
    let answer = site.change("/platform/changes/preview", &fields);
    assert!(answer.status.is_client_error(), "{}", answer.status);
    is_small(&answer);
}

#[test]
fn a_long_query_does_not_make_a_large_page() {
    let tenants: Vec<String> = (0..60).map(|tenant| format!("t{tenant}: {{}}")).collect();
    let document = format!(
        "{{ version: 1, flags: {{ board: {{ lifecycle: ga }} }}, tenants: {{ {} }} }}",
        tenants.join(", ")
    );
    let site = Site::new(&document);
    for bytes in [1_000, 10_000, 60_000] {
        let query = format!("unknown={}", "'".repeat(bytes));
        for page in [
            "/platform/feature-flags/board/tenants",
            "/platform/tenants/t1",
            "/platform/feature-flags",
            "/platform/explain",
            "/platform/audit",
        ] {
            is_small(&site.get(&format!("{page}?{query}")));
        }
        let query = format!(
            "path=%2F&headers={}&attributes={}",
            "'".repeat(bytes / 2),
            "'".repeat(bytes / 2)
        );
        is_small(&site.get(&format!("/platform/explain?{query}")));
    }
}

#[test]
fn ten_open_windows_are_not_throttled() {
    let site = Site::new("{ version: 1, tiers: [a], flags: { board: { lifecycle: ga } } }");
    // A minute of ten visible windows: each requests its page every five seconds.
    for _ in 0..12 {
        for _ in 0..10 {
            let page = site.get("/platform/feature-flags/board");
            assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        }
    }
}
