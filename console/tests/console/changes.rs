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
fn a_malformed_field_is_corrected_on_the_page_of_its_error() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("operation", "record"),
        ("tenant", "acme"),
        ("tier", "tier2"),
        ("attributes", "seats <5>"),
        ("reason", "a contract"),
        ("back", "/platform/tenants/acme"),
    ];
    for path in ["/platform/changes/preview", "/platform/changes"] {
        let rejected = site.change(path, &fields);
        assert_eq!(rejected.status, StatusCode::BAD_REQUEST);
        rejected.says(&[
            "INVALID_FORM",
            "“Attributes” is missing, or not as it should be",
            "name=\"attributes\" rows=\"4\"",
            "seats &#60;5&#62;</textarea>",
            "name=\"tier\" value=\"tier2\" maxlength",
            "name=\"tenant\" value=\"acme\"",
            ">a contract</textarea>",
            "href=\"/platform/tenants/acme\"",
        ]);
        rejected.hides(&["Confirm"]);
    }
}

#[test]
fn an_urgent_promotion_needs_all_three_of_its_fields() {
    let site = Site::new(DOCUMENT);
    let given = [
        ("urgent_decision_maker", "carla"),
        ("urgent_incident", "INC-7"),
        ("urgent_reason", "they wait"),
    ];
    for missing in given {
        let mut fields = vec![("operation", "state"), ("flag", "list"), ("state", "beta")];
        fields.extend(given.map(|(name, value)| (name, if name == missing.0 { "" } else { value })));
        let rejected = site.change("/platform/changes/preview", &fields);
        assert_eq!(rejected.status, StatusCode::BAD_REQUEST, "{}", missing.0);
        rejected.says(&["is missing, or not as it should be"]);
        for (name, _) in given {
            rejected.says(&[&format!("id=\"{name}\"")]);
        }
    }
}

#[test]
fn too_many_tenants_are_corrected_on_the_page_of_their_error() {
    let site = Site::new(DOCUMENT);
    let tenants: Vec<String> = (0..300).map(|tenant| format!("t{tenant}")).collect();
    let tenants = tenants.join(" ");
    let fields = [("operation", "allow"), ("flag", "list"), ("tenants", &*tenants)];
    let rejected = site.change("/platform/changes/preview", &fields);
    assert_eq!(rejected.status, StatusCode::BAD_REQUEST);
    rejected.says(&["At most 200 tenants", &format!("{tenants}</textarea>")]);
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
