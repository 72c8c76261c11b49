//! Changes by forms: preview, confirmation, refusal, conflict, receipt.

use axum::http::StatusCode;

use crate::site::Site;

const DOCUMENT: &str = "
version: 1
tiers: [tier1, tier2]
flags:
  board: { lifecycle: ga, default: on }
  list: { lifecycle: alpha }
tenants:
  acme: { tier: tier1 }
  globex: { tier: tier2 }
";

#[test]
fn a_kill_is_one_step_and_its_receipt_undoes_it() {
    let site = Site::new(DOCUMENT);
    let applied = site.change("/platform/changes", &[("operation", "kill"), ("flag", "board")]);
    let location = applied.location().to_owned();
    assert!(
        location.starts_with("/platform/feature-flags/board?receipt="),
        "{location}"
    );
    assert_eq!(site.fixture.served("acme", "board"), "off");
    let page = site.get(&location);
    page.says(&["Done:", "Kill board", "in force", "Restore", "killed"]);
    let restored = site.change(
        "/platform/changes",
        &[("operation", "restore"), ("flag", "board")],
    );
    assert_eq!(restored.status, StatusCode::SEE_OTHER);
    assert_eq!(site.fixture.served("acme", "board"), "on");
}

#[test]
fn a_preview_changes_nothing_and_names_tenants() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("operation", "override"),
        ("flag", "board"),
        ("tenants", "acme"),
        ("variant", "off"),
    ];
    let preview = site.change("/platform/changes/preview", &fields);
    assert_eq!(preview.status, StatusCode::OK);
    preview.says(&["Changes for 1 of 2 tenants", "<bdi>acme</bdi>", "Confirm"]);
    assert_eq!(site.fixture.served("acme", "board"), "on");
    let revision = preview.value_of("revision");
    let mut confirmed = fields.to_vec();
    confirmed.extend([("revision", &*revision), ("reason", "a pilot")]);
    assert_eq!(
        site.change("/platform/changes", &confirmed).status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(site.fixture.served("acme", "board"), "off");
}

#[test]
fn a_refusal_shows_all_reasons_and_keeps_the_input() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("operation", "state"),
        ("flag", "list"),
        ("state", "ga"),
        ("reason", "we need it <b>now</b>"),
    ];
    let refused = site.change("/platform/changes", &fields);
    assert!(refused.status.is_client_error());
    refused.says(&[
        "Refused, nothing was changed",
        "we need it &#60;b&#62;now&#60;/b&#62;",
        "name=\"state\" value=\"ga\"",
    ]);
}

#[test]
fn a_second_operator_sees_the_first_change_and_keeps_the_input() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("operation", "override"),
        ("flag", "board"),
        ("tenants", "acme"),
        ("variant", "off"),
    ];
    let revision = site
        .change("/platform/changes/preview", &fields)
        .value_of("revision");
    let kill = [
        ("operation", "kill"),
        ("flag", "board"),
        ("reason", "it is broken"),
    ];
    assert_eq!(
        site.change("/platform/changes", &kill).status,
        StatusCode::SEE_OTHER
    );
    let mut confirmed = fields.to_vec();
    confirmed.extend([("revision", &*revision), ("reason", "a pilot")]);
    let conflict = site.change("/platform/changes", &confirmed);
    assert_eq!(conflict.status, StatusCode::PRECONDITION_FAILED);
    conflict.says(&[
        "Others changed something since your preview",
        "it is broken",
        ">a pilot</textarea>",
        "Confirm",
    ]);
    assert_ne!(conflict.value_of("revision"), revision);
}

#[test]
fn a_form_of_another_session_is_rejected() {
    let site = Site::new(DOCUMENT);
    let forged = [("form_token", "AAAA"), ("operation", "kill"), ("flag", "board")];
    let rejected = site.submit("/platform/changes", &forged);
    assert_eq!(rejected.status, StatusCode::FORBIDDEN);
    rejected.says(&["FORM_EXPIRED"]);
    assert_eq!(site.fixture.served("acme", "board"), "on");
}
