//! The operations that each role is offered; the others are refused.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::company::{Company, ORG};
use super::table::PAGES;
use crate::browser::Browser;

/// Every operation that a page of the company offers. All of them need the role `operator`.
const OPERATIONS: &[&str] = &[
    "allow",
    "close-incident",
    "disallow",
    "kill",
    "open-incident",
    "opt-in",
    "opt-out",
    "override",
    "record",
    "remove-override",
    "report",
    "restore",
    "rollout-advance",
    "rollout-approve",
    "rollout-cancel",
    "rollout-check",
    "rollout-pause",
    "rollout-plan",
    "rollout-remove-plan",
    "rollout-rollback",
    "rollout-start",
    "rollout-tick",
    "sign-off",
    "state",
    "tiers",
];

/// Returns the forms of a page that change something: their path and fields, without the token and the page to return to. A
/// form whose buttons choose the operation is returned once for each. The fields of urgent changes have a test of their own.
const FORMS: &str = r"
[...document.querySelectorAll('form[method=post]')].flatMap(form => {
  const path = new URL(form.action).pathname;
  const fields = [...new FormData(form)].filter(([name]) => !['form_token', 'back'].includes(name) && !name.startsWith('urgent_'));
  const choices = [...form.querySelectorAll('button[name=operation]')].map(button => ['operation', button.value]);
  return choices.length ? choices.map(choice => [path, [...fields, choice]]) : [[path, fields]];
})";

/// A form: the path that it is sent to, and its fields.
type Form = (String, Vec<(String, String)>);
/// Forms by page.
type Offered = BTreeMap<&'static str, Vec<Form>>;
/// Fields that people fill in, and that an operation needs.
const NEEDED: [&str; 5] = ["tenants", "variant", "incident", "document", "cause"];

/// Returns the operation of a form; for a form without one, its path.
fn operation((path, fields): &Form) -> &str {
    let named = fields.iter().find(|(name, _)| name == "operation");
    named.map_or(path, |(_, operation)| operation)
}

/// Forms of everyone, which change nothing of flags.
const OF_ALL: [&str; 2] = ["/console/sign-out", "/platform/explain"];

/// Returns the forms of all pages, without those of everyone.
fn offered(company: &Company, browser: &Browser) -> Offered {
    let of_page = |path: String| {
        browser.open(&path);
        let forms: Vec<Form> = serde_json::from_value(browser.evaluate(FORMS)).unwrap();
        forms
            .into_iter()
            .filter(|(path, _)| !OF_ALL.contains(&&**path))
            .collect()
    };
    PAGES
        .iter()
        .map(|page| (page.name, of_page(page.path(company))))
        .collect()
}

fn operations(offered: &Offered) -> BTreeSet<&str> {
    offered.values().flatten().map(operation).collect()
}

/// Sends fields with the form token of the visitor, as a page would, and returns the status of the answer.
fn forge(browser: &Browser, path: &str, fields: &[(String, String)]) -> Value {
    browser.evaluate(&format!(
        "fetch({path}, {{ method: 'POST', redirect: 'manual', body: new URLSearchParams([
            ...{fields}, ['form_token', document.querySelector('[name=form_token]').value], ['back', location.pathname]]) }})
            .then(answer => answer.status)",
        path = json!(path),
        fields = json!(fields),
    ))
}

/// Sends every form to both steps of a change. Fails unless all of them are refused, and nothing is changed.
#[track_caller]
fn assert_refused(company: &Company, browser: &Browser, forms: &Offered) {
    let revision = || {
        company.call(
            "mara.lindqvist",
            "GET",
            "/platform/feature-flags?limit=1",
            &Value::Null,
        )["revision"]
            .clone()
    };
    let before = revision();
    let mut forged = BTreeSet::new();
    for form in forms.values().flatten() {
        if !forged.insert(operation(form)) {
            continue;
        }
        // A form without a preview is sent to the second step alone.
        let paths = match form.0.strip_suffix("/preview") {
            Some(second) => vec![&*form.0, second],
            None => vec![&*form.0],
        };
        let mut fields = form.1.clone();
        for (_, value) in fields
            .iter_mut()
            .filter(|(name, value)| value.is_empty() && NEEDED.contains(&&**name))
        {
            "globex".clone_into(value);
        }
        for path in paths {
            let status = forge(browser, path, &fields);
            assert_eq!(status, 403, "{} to {path}", operation(form));
        }
    }
    assert_eq!(revision(), before);
}

#[test]
fn each_role_is_offered_what_it_may_do_and_refused_the_rest() {
    let company = Company::found();
    let Some(admin) = company.browser("platform-admin") else {
        return;
    };
    let all = offered(&company, &admin);
    let sessions_end = "/platform/sessions/end";
    let mut expected: BTreeSet<&str> = OPERATIONS.iter().copied().collect();
    expected.insert(sessions_end);
    assert_eq!(operations(&all), expected);
    // An operator is offered the same forms, except the end of sessions, and a sign-off for a second role.
    let operator = company.browser("operator").unwrap();
    let mut of_operator = all.clone();
    of_operator.insert("sessions", Vec::new());
    let of_signer = of_operator.get_mut("flag-beta").unwrap();
    of_signer.retain(|form| operation(form) != "sign-off");
    assert_eq!(offered(&company, &operator), of_operator);
    assert_eq!(forge(&operator, sessions_end, &[]), 403);
    // A viewer is offered nothing, and refused everything.
    let viewer = company.browser("viewer").unwrap();
    let of_viewer = offered(&company, &viewer);
    assert_eq!(operations(&of_viewer), BTreeSet::new(), "{of_viewer:#?}");
    assert_refused(&company, &viewer, &all);
    assert!(viewer.foreign_requests().is_empty());
}

#[test]
fn an_urgent_change_is_for_platform_admins_alone() {
    let company = Company::found();
    let Some(operator) = company.browser("operator") else {
        return;
    };
    let path = "/platform/feature-flags/dispatch.board";
    let urgent = "document.querySelector('[name=urgent_decision_maker]') !== null";
    operator.open(path);
    assert_eq!(operator.evaluate(urgent), false);
    let fields = [
        ("operation", "state"),
        ("flag", "dispatch.board"),
        ("state", "ga"),
        ("urgent_decision_maker", "jonas"),
        ("urgent_incident", "INC-1"),
        ("urgent_reason", "an emergency"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    for step in ["/platform/changes/preview", "/platform/changes"] {
        assert_eq!(forge(&operator, step, &fields), 403, "{step}");
    }
    let admin = company.browser("platform-admin").unwrap();
    admin.open(path);
    assert_eq!(admin.evaluate(urgent), true);
    assert_eq!(forge(&admin, "/platform/changes/preview", &fields), 200);
}

#[test]
fn the_admin_of_an_org_has_the_pages_of_the_org_alone() {
    let company = Company::found();
    let Some(browser) = company.browser("org-admin") else {
        return;
    };
    for page in PAGES {
        let path = page.path(&company);
        let status = browser.evaluate(&format!("fetch({}).then(answer => answer.status)", json!(path)));
        assert_eq!(status, if page.is_of_org() { 200 } else { 404 }, "{path}");
    }
    browser.open("/admin/feature-flags");
    let forms: Vec<Form> = serde_json::from_value(browser.evaluate(FORMS)).unwrap();
    let offered: BTreeSet<&str> = forms.iter().map(operation).collect();
    assert_eq!(
        offered,
        BTreeSet::from(["/console/sign-out", "opt-in", "opt-out"])
    );
    let links = browser.evaluate("[...document.querySelectorAll('a')].map(link => link.pathname).filter(path => path.startsWith('/platform')).length");
    assert_eq!(links, 0);
    // Of another org, and of staff.
    let fields = |operation: &str, org: &str| {
        [
            ("operation", operation),
            ("org", org),
            ("flag", "dispatch.autoAssign"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    assert_eq!(forge(&browser, "/admin/changes", &fields("opt-in", "acme")), 403);
    assert_eq!(forge(&browser, "/admin/changes", &fields("kill", ORG)), 403);
    assert_eq!(forge(&browser, "/platform/changes", &fields("kill", ORG)), 404);
}
