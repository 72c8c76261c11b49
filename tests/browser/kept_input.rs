//! Errors never lose input: what a person typed is on the page that shows the error, and is corrected there.

use crate::company::{BOARD, Company, EXPORT, FLAGS, Person};

#[test]
fn an_invalid_question_keeps_its_fields() {
    let company = Company::with_flags();
    let Some(ada) = company.browser(Person::Ada, FLAGS) else {
        return;
    };
    ada.click_in("Pages", "Explain");
    ada.fill("Path", "/board?a=1");
    ada.fill("Tenant, instead of a token", "t1");
    ada.click("More: user, groups, attributes, time …");
    ada.fill("Attributes, NAME=VALUE, one a line", "seats");
    ada.fill("At this time instead of now", "yesterday");
    ada.press(&["Enter"]);
    ada.await_text("The question is invalid");
    for (field, text) in [
        ("path", "/board?a=1"),
        ("tenant", "t1"),
        ("attributes", "seats"),
        ("at", "yesterday"),
    ] {
        assert_eq!(ada.text(&format!("[name={field}]")), text);
    }
    ada.fill("Attributes, NAME=VALUE, one a line", "seats=5");
    ada.fill("At this time instead of now", "2026-11-30T15:00:00Z");
    ada.press(&["Enter"]);
    ada.await_text("Step");
    ada.assert_no_errors();
}

#[test]
fn a_plan_with_an_error_is_corrected_on_its_page() {
    let company = Company::with_flags();
    let page = format!("{FLAGS}/{EXPORT}/rollout");
    let Some(ada) = company.browser(Person::Ada, &page) else {
        return;
    };
    let plan = "stages:\n  - { name: all, percentage: 100, for: 1d }\n";
    ada.fill("Plan, in YAML or JSON", &plan.replace(" 100", " [100"));
    ada.click("Preview");
    ada.await_text("Refused, nothing was changed");
    ada.says(&["Line 2"]);
    let kept = ada.text("#document");
    assert_eq!(kept.trim_end(), plan.replace(" 100", " [100").trim_end());
    ada.fill("Plan, in YAML or JSON", plan);
    ada.fill("Reason (optional)", "kept, too");
    ada.click("Preview again");
    ada.await_text("0 of 12 tenants change");
    assert_eq!(ada.text("#reason"), "kept, too");
    ada.confirm("kept, too");
    ada.says(&["all\n100 %"]);
    ada.assert_no_errors();
}

#[test]
fn a_bad_attribute_is_corrected_on_the_page_of_its_error() {
    let company = Company::with_flags();
    let Some(ada) = company.browser(Person::Ada, "/platform/tenants/t1") else {
        return;
    };
    ada.choose("Channel", "latest");
    ada.click("Attributes");
    ada.fill("Attributes", "seats: 5\nregion eu");
    ada.click("Preview");
    ada.await_text("Refused, nothing was changed");
    assert_eq!(ada.text("#attributes").trim_end(), "seats: 5\nregion eu");
    ada.fill("Attributes", "seats: 5\nregion: eu");
    ada.fill("Reason (optional)", "a bigger contract");
    ada.click("Preview again");
    ada.await_text("Change the record of t1");
    ada.confirm("a bigger contract");
    let record = company.tenant("t1");
    assert_eq!(
        record["attributes"],
        serde_json::json!({ "seats": 5, "region": "eu" })
    );
    assert_eq!(record["channel"], "latest", "the other field of the form");
    ada.assert_no_errors();
}

#[test]
fn a_tier_that_does_not_exist_is_corrected_in_place() {
    let company = Company::with_flags();
    let Some(ada) = company.browser(Person::Ada, "/platform/tenants/t1") else {
        return;
    };
    ada.fill("Tier", "huge");
    ada.click("Preview");
    ada.await_text("Refused, nothing was changed");
    assert_eq!(ada.text("#tier"), "huge");
    ada.fill("Tier", "small");
    ada.click("Preview again");
    ada.confirm("a smaller contract");
    let record = company.tenant("t1");
    assert_eq!(record["tier"], "small");
}

#[test]
fn an_urgent_promotion_without_an_incident_keeps_its_fields() {
    let company = Company::with_flags();
    let Some(ada) = company.browser(Person::Ada, &format!("{FLAGS}/{BOARD}")) else {
        return;
    };
    ada.click("Skip the conditions");
    ada.fill("Who decided", "carla");
    ada.fill("Reason of the decision", "customers wait");
    ada.click("Promote to beta");
    ada.await_text("Refused, nothing was changed");
    assert_eq!(ada.text("[name=urgent_decision_maker]"), "carla");
    assert_eq!(ada.text("[name=urgent_reason]"), "customers wait");
    ada.fill("Incident that requires it", "INC-7");
    ada.click("Preview again");
    ada.await_text("Conditions that are skipped:");
}
