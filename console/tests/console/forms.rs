//! Forms that no page sends: their size, their fields, their revision, and the roles of those who send them.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use control::Role;

use crate::site::{Received, Site};

const DOCUMENT: &str = "
version: 1
tiers: [tier1, tier2]
flags:
  board: { lifecycle: ga, default: on }
tenants:
  acme: { tier: tier1 }
  globex: { tier: tier2 }
";

const PATHS: [&str; 2] = ["/platform/changes/preview", "/platform/changes"];

/// The time for a form in a debug build on a busy machine. Work that grows with the square of the fields needs more.
const PATIENCE: Duration = Duration::from_secs(1);

/// Submits a form with the token of a page, and further fields as they are.
fn submit(site: &Site, path: &str, fields: &str) -> Received {
    let token = site.get("/platform/explain").value_of("form_token");
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ORIGIN, "http://127.0.0.1:9090");
    site.send(
        request
            .body(Body::from(format!("form_token={token}{fields}")))
            .unwrap(),
    )
}

#[test]
fn a_form_of_many_fields_is_answered_at_once() {
    let site = Site::new(DOCUMENT);
    for role in [Role::PlatformAdmin, Role::Viewer] {
        site.visit_as(role, None);
        for tiers in [900, 30_000, 200_000] {
            for path in PATHS {
                let fields = format!("&operation=tiers&flag=board{}", "&tier.a=".repeat(tiers));
                let begun = Instant::now();
                let answer = submit(&site, path, &fields);
                let taken = begun.elapsed();
                assert!(!answer.status.is_server_error(), "{}", answer.status);
                assert!(taken < PATIENCE, "{tiers} fields: {taken:?}");
            }
        }
    }
}

#[test]
fn a_form_of_too_many_fields_is_refused() {
    let site = Site::new(DOCUMENT);
    let fields = format!("&operation=kill&flag=board{}", "&more=".repeat(2_000));
    for path in PATHS {
        let answer = submit(&site, path, &fields);
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        answer.says(&["INVALID_FORM", "more than 1000 fields"]);
    }
    assert_eq!(site.fixture.served("acme", "board"), "on");
}

#[test]
fn a_form_that_is_too_long_is_a_readable_page() {
    let site = Site::new(DOCUMENT);
    let long = "x".repeat(300 * 1024);
    let fields = format!("&operation=kill&flag=board&reason={long}");
    for path in PATHS {
        let answer = submit(&site, path, &fields);
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        answer.says(&["<h1>", "FORM_TOO_LARGE", "256 KiB", "sluice rollout plan"]);
    }
    assert_eq!(site.fixture.served("acme", "board"), "on");
}

#[test]
fn a_form_is_not_read_without_the_role() {
    let site = Site::new(DOCUMENT);
    site.visit_as(Role::Viewer, None);
    // The field `flag` is missing: only a form that is read says so.
    for path in PATHS {
        let answer = submit(&site, path, "&operation=tiers");
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        answer.says(&["ROLE_MISSING"]);
    }
}

#[test]
fn an_org_admin_can_use_operations_of_orgs_alone() {
    let site = Site::new(DOCUMENT);
    let org = Some("acme");
    site.visit_as(Role::OrgAdmin, org);
    let token = site
        .get("/admin/feature-flags/board/report")
        .value_of("form_token");
    for operation in ["kill", "tiers", "record", "override", "rollout-start"] {
        for path in ["/admin/changes/preview", "/admin/changes"] {
            let fields = [("form_token", &*token), ("operation", operation)];
            let answer = site.submit(path, &fields);
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{operation}");
            answer.hides(&["Attributes", "name=\"reason\""]);
        }
    }
}

#[test]
fn a_revision_that_is_no_number_is_refused() {
    let site = Site::new(DOCUMENT);
    for revision in ["abc", "", "-1", "1.5", "99999999999999999999999"] {
        let fields = format!("&operation=override&flag=board&tenants=acme&variant=off&revision={revision}");
        let answer = submit(&site, "/platform/changes", &fields);
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{revision}");
        answer.says(&["INVALID_FORM"]);
    }
    assert_eq!(site.fixture.served("acme", "board"), "on");
}
