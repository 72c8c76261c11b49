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
    page.says(&["<bdi>Killed board</bdi>", "in force", "Restore", "killed"]);
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
    preview.says(&[
        "1 of 2 tenants changes",
        "<bdi>acme</bdi>",
        ">Override board to off for acme</button>",
        "Reason (optional)",
    ]);
    let place = |text: &str| preview.text.find(text).unwrap();
    assert!(place("class=\"confirm\"") < place("<table>"), "{}", preview.text);
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
fn a_refusal_that_no_field_mends_leads_back() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("operation", "state"),
        ("flag", "list"),
        ("state", "beta"),
        ("back", "/platform/feature-flags/list"),
    ];
    let refused = site.change("/platform/changes/preview", &fields);
    refused
        .says(&[
            "<a class=\"button primary\" href=\"/platform/feature-flags/list\">Back</a>",
            ">Try again</button>",
        ])
        .hides(&["Reason", "Preview again", "wait until then", "Cancel"]);
    let waits = "in alpha for 0 h of 24 h; possible from 2026-11-22 00:00 UTC (in 24 h)";
    refused.says(&[waits]);
    assert_eq!(refused.text.matches("2026-11-22").count(), 1, "{}", refused.text);
    site.get("/platform/feature-flags/list").says(&[waits]);
}

#[test]
fn a_refusal_helps_with_the_console() {
    let site = Site::new(DOCUMENT);
    site.get("/platform/tenants/nobody")
        .says(&[
            "Check the spelling, or create the tenant: “sluice tenants set ID --new”.",
            "href=\"/platform/tenants\">All tenants</a>",
        ])
        .hides(&["PUT "]);
    site.get("/platform/feature-flags/bord")
        .says(&["href=\"/platform/feature-flags\">All flags</a>"])
        .hides(&["GET "]);
}

#[test]
fn a_change_that_writes_nothing_has_no_confirmation() {
    let site = Site::new(DOCUMENT);
    let fields = [("operation", "disallow"), ("flag", "list"), ("tenants", "acme")];
    site.change("/platform/changes/preview", &fields)
        .says(&["Nothing to change.", ">Back</a>"])
        .hides(&["class=\"primary\"", "name=\"reason\""]);
}

#[test]
fn a_receipt_of_the_allowlist_names_what_its_undo_does() {
    let site = Site::new(DOCUMENT);
    let fields = [
        ("operation", "allow"),
        ("flag", "list"),
        ("tenants", "acme globex"),
    ];
    let applied = site.change("/platform/changes", &fields);
    site.get(applied.location()).says(&[
        "Added 2 tenants to the beta allowlist of list",
        ">Remove the 2 tenants again</button>",
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
        rejected.hides(&["class=\"primary\""]);
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
        ">Override board to off for acme</button>",
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
