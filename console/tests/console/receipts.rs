//! Receipts of changes: on their page and in their session alone, and once for a form that is sent twice.

use axum::http::StatusCode;
use control::Role;

use crate::site::{Received, Site};

const DOCUMENT: &str = "
version: 1
tiers: [tier1]
policy: { beta_opt_in: true }
flags:
  board: { lifecycle: ga, default: off }
  list: { lifecycle: ga, default: on }
tenants:
  acme: { tier: tier1 }
";

fn kill(site: &Site, flag: &str) -> Received {
    site.change("/platform/changes", &[("operation", "kill"), ("flag", flag)])
}

/// Returns the id of the receipt of a change.
fn receipt(applied: &Received) -> String {
    let (_, id) = applied.location().split_once("receipt=").unwrap();
    id.to_owned()
}

#[test]
fn a_receipt_is_shown_on_its_page_alone() {
    let site = Site::new(DOCUMENT);
    let id = receipt(&kill(&site, "list"));
    let page = |path: &str| site.get(&format!("{path}?receipt={id}"));
    page("/platform/feature-flags/list").says(&["class=\"receipt\"", "Restore"]);
    for other in [
        "/platform/feature-flags/board",
        "/platform/feature-flags",
        "/platform/tenants/acme",
    ] {
        page(other).hides(&["Done:", "class=\"receipt\""]);
    }
}

#[test]
fn a_receipt_is_shown_in_its_session_alone() {
    let site = Site::new(DOCUMENT);
    site.visit_as(Role::PlatformAdmin, None);
    let killed = kill(&site, "list");
    site.get(killed.location()).says(&["class=\"receipt\""]);
    // The same person signs in again.
    site.visit_as(Role::PlatformAdmin, None);
    site.get(killed.location()).hides(&["Done:", "class=\"receipt\""]);
}

#[test]
fn an_old_link_shows_no_receipt_of_another_change() {
    let site = Site::new(DOCUMENT);
    let old = kill(&site, "list").location().to_owned();
    // After a restart, the first change has another number.
    let restarted = Site::new(DOCUMENT);
    assert_ne!(kill(&restarted, "list").location(), old);
    for path in [&*old, "/platform/feature-flags/list?receipt=1"] {
        restarted.get(path).hides(&["Done:", "class=\"receipt\""]);
    }
}

#[test]
fn a_repeated_confirmation_gets_the_first_receipt() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("operation", "override"),
        ("flag", "list"),
        ("tenants", "acme"),
        ("variant", "off"),
    ];
    let preview = site.change("/platform/changes/preview", &fields);
    let revision = preview.value_of("revision");
    let mut confirmed = fields.to_vec();
    confirmed.extend([("revision", &*revision), ("reason", "a pilot")]);
    let first = site.change("/platform/changes", &confirmed);
    let second = site.change("/platform/changes", &confirmed);
    assert_eq!(first.location(), second.location());
    site.get(second.location()).says(&["class=\"receipt\""]);
    // Another form is another change.
    confirmed.push(("force", "true"));
    let third = site.change("/platform/changes", &confirmed);
    assert_eq!(third.status, StatusCode::PRECONDITION_FAILED);
}

#[test]
fn a_record_that_is_confirmed_twice_is_no_conflict() {
    let site =
        Site::new("{ version: 1, tiers: [a, b], flags: { board: {} }, tenants: { acme: { tier: a } } }");
    let fields = [
        ("operation", "record"),
        ("tenant", "acme"),
        ("tier", "b"),
        ("was.tier", "a"),
    ];
    let preview = site.change("/platform/changes/preview", &fields);
    let revision = preview.value_of("revision");
    let mut confirmed = fields.to_vec();
    confirmed.push(("revision", &*revision));
    let first = site.change("/platform/changes", &confirmed);
    let second = site.change("/platform/changes", &confirmed);
    assert_eq!(first.location(), second.location());
}

#[test]
fn a_kill_that_is_sent_twice_keeps_its_undo() {
    let site = Site::new(DOCUMENT);
    let (first, second) = (kill(&site, "list"), kill(&site, "list"));
    assert_eq!(first.location(), second.location());
    site.get(second.location())
        .says(&["class=\"receipt\"", "Restore"]);
    // After another change, the same form is a change of its own.
    let restore = [("operation", "restore"), ("flag", "list")];
    site.change("/platform/changes", &restore).location();
    assert_eq!(site.fixture.served("acme", "list"), "on");
    assert_ne!(kill(&site, "list").location(), first.location());
    assert_eq!(site.fixture.served("acme", "list"), "off");
}

#[test]
fn an_org_that_confirms_twice_sees_no_failure() {
    let site = Site::new(DOCUMENT);
    site.visit_as(Role::OrgAdmin, Some("acme"));
    let token = site
        .get("/admin/feature-flags/board/report")
        .value_of("form_token");
    let fields = [
        ("form_token", &*token),
        ("org", "acme"),
        ("operation", "opt-in"),
        ("flag", "board"),
    ];
    let revision = site
        .submit("/admin/changes/preview", &fields)
        .value_of("revision");
    let mut confirmed = fields.to_vec();
    confirmed.push(("revision", &*revision));
    let first = site.submit("/admin/changes", &confirmed);
    let second = site.submit("/admin/changes", &confirmed);
    assert_eq!(first.location(), second.location());
}
