//! Two operators at the same time, in two browsers.

use crate::company::{BOARD, Company, EXPORT, FLAGS, Person};

/// The second one confirms an outdated preview: sees what the first one did, keeps the reason and the fields, and
/// confirms again.
#[test]
fn an_outdated_preview_shows_what_the_other_did() {
    let company = Company::with_flags();
    let page = format!("{FLAGS}/{EXPORT}/tenants");
    let Some(ada) = company.browser(Person::Ada, &page) else {
        return;
    };
    let ben = company.browser(Person::Ben, &page).unwrap();
    ben.click("Change several tenants");
    ben.fill("Tenants, one per line", "t1\nt2");
    ben.choose("Override to", "on");
    ben.click("Override");
    ben.await_text("2 of 12 tenants change");
    ben.fill("Reason (optional)", "asked for by sales & support");

    ada.click("Override to on for t1");
    ada.await_text("1 of 12 tenants changes");
    ada.confirm("a design partner");

    ben.click_confirm();
    ben.await_text("Others changed something since your preview");
    ben.says(&["ada", "a design partner", EXPORT, "t1", "1 of 12 tenants changes"]);
    assert_eq!(ben.text("#reason"), "asked for by sales & support");
    assert_eq!(company.served("t2", "/export"), "old");
    ben.click_confirm();
    assert!(ben.text(".receipt").starts_with("Overrode"));
    ben.says(&["2 tenants"]);
    assert_eq!(company.served("t2", "/export"), "new");
    ben.click_in("Pages of the flag", "Audit log");
    ben.await_text("“asked for by sales & support”");
    ada.assert_no_errors();
    ben.assert_no_errors();
}

/// An operator is not offered what the role does not allow.
#[test]
fn an_operator_is_not_offered_an_urgent_promotion() {
    let company = Company::with_flags();
    let page = format!("{FLAGS}/{BOARD}");
    let Some(ben) = company.browser(Person::Ben, &page) else {
        return;
    };
    assert!(!ben.shows("Skip the conditions"));
    let ada = company.browser(Person::Ada, &page).unwrap();
    ada.click("Skip the conditions");
    ada.fill("Who decided", "carla");
    ada.fill("Incident that requires it", "INC-7");
    ada.fill("Reason of the decision", "customers wait");
    ada.click("Promote to beta");
    ada.await_text("Conditions that are skipped:");
    ada.says(&["SIGN_OFF_MISSING"]);
    ada.confirm("decided in the incident channel");
    ada.click_in("Pages of the flag", "Audit log");
    ada.await_text("Urgent promotion, decided by carla, INC-7: “customers wait”");
}
