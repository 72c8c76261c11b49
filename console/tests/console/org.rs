//! The page of an org: its features in plain words, its choices, and its reports.

use axum::http::StatusCode;
use control::Role;

use crate::site::{Received, Site};

const PAGE: &str = "/admin/feature-flags";
const DOCUMENT: &str = "
version: 1
tiers: [tier1]
policy: { beta_opt_in: true }
flags:
  board: { lifecycle: ga, default: off, description: The new board }
  calendar: { lifecycle: beta, default: on }
  secret.alpha: { lifecycle: alpha }
tenants:
  acme: { tier: tier1, channel: stable }
  globex: { tier: tier1, channel: stable }
";

fn visit(document: &str) -> Site {
    let site = Site::new(document);
    site.visit_as(Role::OrgAdmin, Some("acme"));
    site
}

/// Submits a form of the page of the org, with the token of the page.
fn send(site: &Site, path: &str, fields: &[(&str, &str)]) -> Received {
    let token = site.get(&format!("{PAGE}/board/report")).value_of("form_token");
    let mut all = vec![("form_token", &*token), ("org", "acme"), ("back", PAGE)];
    all.extend_from_slice(fields);
    site.submit(path, &all)
}

/// The words that an org's people are never shown.
const INTERNAL: &[&str] = &[
    "secret.alpha",
    "globex",
    "OPT_IN_CLOSED",
    "FLAG_NOT_FOUND",
    "INVALID_REPORT",
    "class=\"code\"",
    "opt_in",
    "lifecycle",
    "/platform/",
    "Revision",
    "Kill the flag",
];

#[test]
fn an_org_sees_its_features_in_plain_words() {
    let site = visit(DOCUMENT);
    let page = site.get(PAGE);
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "Your features",
        "<bdi>The new board</bdi>",
        "Id: <bdi>board</bdi>",
        "Off</span>",
        "Available since <time datetime=\"2026-11-21T00:00:00.000Z\" data-volatile>2026-11-21</time>",
        "<bdi>calendar</bdi>",
        "<h2>In testing</h2>",
        "<h2>Available</h2>",
        "action=\"/admin/changes/preview\"",
        "aria-label=\"Turn on “The new board”\"",
    ])
    .hides(INTERNAL);
}

#[test]
fn an_org_turns_a_feature_on_and_off_again() {
    let site = visit(DOCUMENT);
    let fields = [("operation", "opt-in"), ("flag", "board")];
    let preview = send(&site, "/admin/changes/preview", &fields);
    assert_eq!(preview.status, StatusCode::OK);
    preview
        .says(&[
            "“The new board” will be on for your organization.",
            ">Turn on “The new board”</button>",
        ])
        .hides(INTERNAL);
    assert_eq!(site.fixture.served("acme", "board"), "off");
    let revision = preview.value_of("revision");
    let confirmed = [
        ("operation", "opt-in"),
        ("flag", "board"),
        ("revision", &*revision),
    ];
    let done = send(&site, "/admin/changes", &confirmed);
    let page = site.get(done.location());
    page.says(&[
        "<bdi>Turned on “The new board”</bdi>",
        "Saved.",
        "Turned on by your organization on <time datetime=\"2026-11-21T00:00:00.000Z\"",
        "aria-label=\"Turn off “The new board”\"",
    ])
    .hides(INTERNAL);
    assert_eq!(site.fixture.served("acme", "board"), "on");
    let off = send(
        &site,
        "/admin/changes",
        &[("operation", "opt-out"), ("flag", "board")],
    );
    site.get(off.location()).says(&[
        "Turned off by your organization",
        "aria-label=\"Turn on “The new board”\"",
    ]);
    assert_eq!(site.fixture.served("acme", "board"), "off");
}

#[test]
fn a_choice_without_effect_says_so() {
    let site = visit(DOCUMENT);
    send(
        &site,
        "/admin/changes",
        &[("operation", "opt-in"), ("flag", "board")],
    );
    site.visit_as(Role::PlatformAdmin, None);
    site.change("/platform/changes", &[("operation", "kill"), ("flag", "board")]);
    site.visit_as(Role::OrgAdmin, Some("acme"));
    site.get(PAGE)
        .says(&["Off</span>", "Not available at the moment."])
        .hides(INTERNAL)
        .hides(&["aria-label=\"Turn on “The new board”\""]);
    let again = send(
        &site,
        "/admin/changes/preview",
        &[("operation", "opt-out"), ("flag", "board")],
    );
    again
        .says(&["“The new board” stays off for now. We will save your choice."])
        .hides(INTERNAL);
}

#[test]
fn a_killed_feature_is_not_offered_to_an_org() {
    let site = visit(DOCUMENT);
    site.visit_as(Role::PlatformAdmin, None);
    site.change("/platform/changes", &[("operation", "kill"), ("flag", "board")]);
    site.visit_as(Role::OrgAdmin, Some("acme"));
    site.get(PAGE)
        .says(&[
            "Not available at the moment.",
            "aria-label=\"Turn on “calendar”\"",
        ])
        .hides(&["aria-label=\"Turn on “The new board”\""])
        .hides(INTERNAL);
}

#[test]
fn a_refused_choice_is_explained_without_codes() {
    let site = visit(&DOCUMENT.replace("beta_opt_in: true", "beta_opt_in: false"));
    let refused = send(
        &site,
        "/admin/changes",
        &[("operation", "opt-in"), ("flag", "calendar")],
    );
    assert!(refused.status.is_client_error());
    refused
        .says(&["can’t be turned on by your organization yet"])
        .hides(INTERNAL);
    let hidden = send(
        &site,
        "/admin/changes/preview",
        &[("operation", "opt-in"), ("flag", "secret.alpha")],
    );
    hidden.says(&["This feature is not available."]);
    let foreign = [("operation", "opt-in"), ("flag", "board"), ("org", "globex")];
    let token = site.get(&format!("{PAGE}/board/report")).value_of("form_token");
    let mut fields = vec![("form_token", &*token)];
    fields.extend(foreign);
    let refused = site.submit("/admin/changes", &fields);
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    refused.says(&["You may not do this for this organization."]);
    assert_eq!(site.fixture.served("globex", "board"), "off");
}

#[test]
fn an_org_confirms_again_after_a_change_of_others() {
    let site = visit(DOCUMENT);
    let fields = [("operation", "opt-in"), ("flag", "board")];
    let revision = send(&site, "/admin/changes/preview", &fields).value_of("revision");
    site.visit_as(Role::PlatformAdmin, None);
    site.change(
        "/platform/changes",
        &[("operation", "kill"), ("flag", "calendar")],
    );
    site.visit_as(Role::OrgAdmin, Some("acme"));
    let confirmed = [
        ("operation", "opt-in"),
        ("flag", "board"),
        ("revision", &*revision),
    ];
    let again = send(&site, "/admin/changes", &confirmed);
    assert_eq!(again.status, StatusCode::PRECONDITION_FAILED);
    again
        .says(&[
            "Something was changed meanwhile.",
            "“The new board” will be on",
            ">Turn on “The new board”</button>",
        ])
        .hides(INTERNAL);
    assert_ne!(again.value_of("revision"), revision);
    assert_eq!(site.fixture.served("acme", "board"), "off");
}

#[test]
fn an_org_reports_a_problem() {
    let site = visit(DOCUMENT);
    let form = site.get(&format!("{PAGE}/board/report"));
    form.says(&[
        "Report a problem with “The new board”",
        "name=\"cause\"",
        "name=\"ticket\"",
    ])
    .hides(INTERNAL);
    let fields = [
        ("operation", "report"),
        ("flag", "board"),
        ("cause", "no save"),
        ("text", "since noon"),
        ("ticket", "SUP-1"),
    ];
    let sent = send(&site, "/admin/changes", &fields);
    site.get(sent.location())
        .says(&["Reported a problem with “The new board”", "Saved."]);
    let (_, flag) = site
        .fixture
        .control
        .read(|state, _| (state.revision, state.flag("board")));
    let reports = flag.unwrap().state.reports.clone();
    let report = reports.iter().next().unwrap().1;
    assert_eq!(
        (&*report.cause, report.ticket.as_deref()),
        ("no save", Some("SUP-1"))
    );
}

#[test]
fn an_invalid_report_keeps_the_input() {
    let site = visit(DOCUMENT);
    let long = "x".repeat(101);
    let fields = [
        ("operation", "report"),
        ("flag", "board"),
        ("cause", &*long),
        ("text", "since <b>noon</b>"),
        ("ticket", "SUP-1"),
    ];
    let refused = send(&site, "/admin/changes", &fields);
    assert!(refused.status.is_client_error());
    refused
        .says(&[
            "Describe the problem in a few words",
            &*format!("name=\"cause\" value=\"{long}\""),
            "since &#60;b&#62;noon&#60;/b&#62;</textarea>",
            "value=\"SUP-1\"",
            "name=\"flag\" value=\"board\"",
        ])
        .hides(INTERNAL);
    let empty = send(
        &site,
        "/admin/changes",
        &[("operation", "report"), ("flag", "board")],
    );
    empty.says(&["Describe the problem in a few words"]);
}

#[test]
fn staff_opens_the_page_of_an_org() {
    let site = Site::new(DOCUMENT);
    site.visit_as(Role::Viewer, None);
    let page = site.get(PAGE);
    page.says(&["Open the page of a tenant"]);
    let page = site.get(&format!("{PAGE}?org=acme"));
    page.says(&["of <bdi>acme</bdi>", "The new board"])
        .hides(&["Turn on</button>", "Report a problem"]);
    site.visit_as(Role::Operator, None);
    let page = site.get(&format!("{PAGE}?org=acme"));
    page.says(&[
        "action=\"/platform/changes/preview\"",
        "href=\"/admin/feature-flags/board/report?org=acme\"",
    ]);
    let unknown = site.get(&format!("{PAGE}?org=%3Cb%3Einitech"));
    assert!(unknown.status.is_client_error());
    unknown.says(&["value=\"&#60;b&#62;initech\""]);
}

#[test]
fn an_org_admin_opens_only_its_own_page() {
    let site = visit(DOCUMENT);
    site.get(&format!("{PAGE}?org=globex"))
        .says(&["The new board"])
        .hides(&["<bdi>globex", "value=\"globex\""]);
    let first = site.get("/console");
    assert_eq!(first.location(), PAGE);
    let stranger = site.visit_as(Role::OrgAdmin, Some("initech")).get(PAGE);
    assert_eq!(stranger.status, StatusCode::NOT_FOUND);
    stranger
        .says(&["Your organization is not set up yet."])
        .hides(&["TENANT_NOT_FOUND"]);
}

#[test]
fn an_org_without_features_sees_what_will_come() {
    let document =
        "{ version: 1, tiers: [a], flags: { x: { lifecycle: alpha } }, tenants: { acme: { tier: a } } }";
    let site = visit(document);
    site.get(PAGE)
        .says(&["There is nothing to choose yet"])
        .hides(&["sluice"]);
}

#[test]
fn many_features_are_paged() {
    let flags: String = (100..160)
        .map(|number| format!("  f{number}: {{ lifecycle: ga }}\n"))
        .collect();
    let site = visit(&format!(
        "version: 1\ntiers: [a]\nflags:\n{flags}tenants: {{ acme: {{ tier: a }} }}\n"
    ));
    let first = site.get(PAGE);
    first
        .says(&["<bdi>f149</bdi>", "href=\"/admin/feature-flags?after=f149\""])
        .hides(&["<bdi>f150</bdi>"]);
    site.get(&format!("{PAGE}?after=f149"))
        .says(&["<bdi>f150</bdi>", "First features"])
        .hides(&["<bdi>f149</bdi>"]);
}

#[test]
fn a_hostile_description_of_a_feature_is_text() {
    let description = format!("<script>x</script>\\u202e{}", "y".repeat(900));
    let site = visit(&format!(
        "{{ version: 1, tiers: [a], flags: {{ x: {{ lifecycle: ga, description: \"{description}\" }} }}, tenants: {{ acme: {{ tier: a }} }} }}"
    ));
    site.get(PAGE)
        .says(&["&#60;script&#62;", "\\u{202e}"])
        .hides(&["<script>x", "\u{202e}"]);
}
