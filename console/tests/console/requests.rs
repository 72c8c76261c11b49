//! Receipts of requests: the list, the search by id, then and now.

use std::sync::Arc;

use axum::http::StatusCode;
use control::{LifecyclePolicy, Role};

use crate::fixed_traffic::{NoTraffic, OF_ACME, OF_GLOBEX, OF_NOBODY};
use crate::site::Site;

const DOCUMENT: &str = "{ version: 1, tiers: [a], flags: { board: { lifecycle: ga } } }";

#[test]
fn the_list_has_the_newest_requests() {
    let site = Site::new(DOCUMENT);
    let page = site.get("/platform/requests");
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "up to 4096 are kept",
        &*format!("href=\"/platform/requests/{OF_ACME}\""),
        "<code>/checkout/7</code>",
        "title=\"2026-11-20 12:00:00 UTC\">12:00:00</time>",
        "<span class=\"tag bad\">refused</span>",
        "href=\"/platform/tenants/acme\"",
        "off: the default of the flag",
    ]);
}

#[test]
fn the_host_of_most_requests_is_not_repeated() {
    let site = Site::new(DOCUMENT);
    site.get("/platform/requests").hides(&["shop.example"]);
    site.get(&format!("/platform/requests/{OF_ACME}"))
        .says(&["shop.example"]);
}

#[test]
fn filters_of_requests_are_applied_and_kept() {
    let site = Site::new(DOCUMENT);
    let page = site.get("/platform/requests?tenant=globex&flag=board&outcome=limited");
    page.says(&[
        OF_GLOBEX,
        "name=\"tenant\" value=\"globex\"",
        "name=\"flag\" value=\"board\"",
        "<option value=\"limited\" selected>over a limit</option>",
    ])
    .hides(&[OF_ACME, OF_NOBODY]);
    site.get("/platform/requests?tenant=%22%3E%3Cb%3E")
        .says(&["No request matches.", "value=\"&#34;&#62;&#60;b&#62;\""]);
}

#[test]
fn an_id_leads_to_its_receipt() {
    let site = Site::new(DOCUMENT);
    let upper = OF_ACME.to_uppercase();
    let found = site.get(&format!("/platform/requests?id=+%22{upper}%22+"));
    assert_eq!(found.location(), format!("/platform/requests/{OF_ACME}"));
    let invalid = site.get("/platform/requests?id=eyJhbGciOiJub25lIn0.e30.");
    assert_eq!(invalid.status, StatusCode::BAD_REQUEST);
    invalid.says(&["32 digits", "value=\"eyJhbGciOiJub25lIn0.e30.\""]);
    let unknown = site.get("/platform/requests/dddddddddddddddddddddddddddddddd");
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    unknown.says(&[
        "RECEIPT_NOT_FOUND",
        "this node has no record of the request",
        "another node",
    ]);
}

#[test]
fn a_receipt_marks_what_would_differ_now() {
    let site = Site::new(DOCUMENT);
    let page = site.get(&format!("/platform/requests/{OF_ACME}"));
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "<strong>Refused because board is off for acme: the default of the flag</strong>",
        "<dt>Id</dt>",
        ">Revision f406dffab663</span>",
        "4 parts would differ now.",
        "<tr class=\"deciding\"><th scope=\"row\">Outcome <span class=\"tag warn\">differs</span></th><td>refused</td><td>forwarded</td></tr>",
        "<tr><th scope=\"row\">Route</th><td>checkout</td><td>checkout</td></tr>",
        "<code>board</code> variant <span class=\"tag warn\">differs</span></th><td>off</td><td>on</td>",
        "<code>board</code> bucket</th><td>47955</td><td>47955</td>",
        "for operators",
        "<dt><code>country</code></dt><dd>DE</dd>",
        "/platform/explain?method=GET&#38;path=%2Fcheckout%2F7&#38;host=shop.example&#38;tenant=acme",
    ]);
}

#[test]
fn a_receipt_without_differences_says_so() {
    let site = Site::new(DOCUMENT);
    site.get(&format!("/platform/requests/{OF_GLOBEX}"))
        .says(&["It would be decided the same way now."])
        // A limit refused it, not the gate.
        .hides(&["<span class=\"tag warn\">differs", "Refused because"]);
}

#[test]
fn a_request_that_is_not_decided_again_has_the_reason() {
    let site = Site::new(DOCUMENT);
    let page = site.get(&format!("/platform/requests/{OF_NOBODY}"));
    page.says(&[
        "Not decided again: the caller was not verified",
        "no verified tenant",
        "&#60;script&#62;x&#60;/script&#62;\\u{202e}",
    ])
    .hides(&["<script>x", "\u{202e}"]);
}

#[test]
fn a_node_without_receipts_shows_the_setting() {
    let site = Site::with_traffic(LifecyclePolicy::default(), DOCUMENT, Arc::new(NoTraffic));
    site.get("/platform/requests")
        .says(&["Receipts are off", "receipts: { keep: 4096"]);
}

#[test]
fn a_viewer_sees_all_receipts_and_an_org_admin_no_list() {
    let site = Site::new(DOCUMENT);
    site.visit_as(Role::Viewer, None);
    site.get("/platform/requests").says(&[OF_ACME, OF_GLOBEX]);
    site.get(&format!("/platform/requests/{OF_GLOBEX}"))
        .says(&["for operators"]);
    site.visit_as(Role::OrgAdmin, Some("acme"));
    for path in [
        "/platform/requests".to_owned(),
        format!("/platform/requests/{OF_ACME}"),
    ] {
        assert_eq!(site.get(&path).status, StatusCode::NOT_FOUND, "{path}");
    }
}
