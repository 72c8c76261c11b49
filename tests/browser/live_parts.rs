//! Open pages show changes that others make, without a reload, and leave forms alone.

use serde_json::json;

use crate::company::{BELL, BOARD, Company, EXPORT, FLAGS, Person};

#[test]
fn a_change_by_the_api_appears_on_open_pages() {
    let company = Company::with_flags();
    let Some(list) = company.browser(Person::Ada, FLAGS) else {
        return;
    };
    let flag = company
        .browser(Person::Ben, &format!("{FLAGS}/{EXPORT}"))
        .unwrap();
    let documents = [list.document(), flag.document()];
    flag.fill("Incident, a text or link", "INC-9");
    list.fill("Owner", "nobody");
    let kill = format!("/platform/feature-flags/{EXPORT}/kill");
    company.change(&kill, &json!({ "reason": "in the background" }));
    flag.eventually("the state on the page of the flag", || {
        flag.text(".head").contains("killed").then_some(())
    });
    flag.says(&["Restore"]);
    list.eventually("the state in the list", || {
        list.text("#results").contains("killed").then_some(())
    });
    assert_eq!(flag.text(".filters [name=incident]"), "INC-9");
    assert_eq!(list.text("[name=owner]"), "nobody");
    company.change(
        &format!("/platform/orgs/t2/feature-flags/{EXPORT}"),
        &json!({ "enabled": true }),
    );
    let facts = || flag.text("#overview");
    flag.eventually("the override", || facts().contains("Overridden\n1").then_some(()));
    assert_eq!([list.document(), flag.document()], documents);
    list.assert_no_errors();
    flag.assert_no_errors();
}

#[test]
fn a_form_that_is_being_filled_survives_changes() {
    let company = Company::with_flags();
    let Some(ada) = company.browser(Person::Ada, &format!("{FLAGS}/{BOARD}")) else {
        return;
    };
    ada.click("Skip the conditions");
    ada.fill("Who decided", "carla");
    ada.fill("Reason of the decision", "customers wait");
    company.change(
        &format!("/platform/feature-flags/{BOARD}/sign-offs"),
        &json!({ "role": "engineering" }),
    );
    ada.eventually("the condition that is met", || {
        let unmet = "[...document.querySelectorAll('#next-step .unmet')].map(row => row.innerText).join()";
        let unmet = ada.evaluate(unmet);
        (!unmet.as_str().unwrap().contains("SIGN_OFF_MISSING")).then_some(())
    });
    ada.says(&["engineering: ada"]);
    assert_eq!(ada.text("#decision-maker"), "carla");
    assert_eq!(ada.text("#urgent-reason"), "customers wait");
    ada.fill("Incident that requires it", "INC-7");
    ada.click("Promote to beta");
    ada.await_text("Conditions that are skipped:");
    ada.assert_no_errors();
}

#[test]
fn an_open_page_keeps_its_parts_when_its_flag_is_removed() {
    let company = Company::with_flags();
    let Some(ada) = company.browser(Person::Ada, &format!("{FLAGS}/{BELL}")) else {
        return;
    };
    let list = company.browser(Person::Ben, FLAGS).unwrap();
    let document = json!({ "version": 1, "tiers": ["small", "large"], "flags": { BOARD: {}, EXPORT: {} } });
    let applied = company.ask("PUT", "/platform/document?prune=true", &document);
    assert_eq!(applied.status, 200, "{}", applied.text());
    list.eventually("the end of the flag", || (!list.shows(BELL)).then_some(()));
    // Longer than the interval of measurements.
    ada.eventually("a request that fails", || {
        ada.console_errors()
            .iter()
            .any(|error| error.contains("404"))
            .then_some(())
    });
    ada.says(&["Lifecycle", "On for 0 of 12 tenants"]);
}
