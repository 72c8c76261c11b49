//! Changes with JavaScript off: by forms and redirects.

use crate::company::{BOARD, Company, EXPORT, FLAGS, Person};

#[test]
fn changes_are_made_with_javascript_off() {
    let company = Company::with_flags();
    let Some(ada) = company.browser_without_scripts(Person::Ada, FLAGS) else {
        return;
    };
    // An override.
    ada.click(EXPORT);
    ada.click_in("Pages of the flag", "Tenants");
    ada.click("Override to on for t2");
    ada.await_text("1 of 12 tenants changes");
    ada.confirm("a design partner");
    assert_eq!(company.served("t2", "/export"), "new");
    // A kill, which is one click, and its undo.
    ada.click("Kill");
    ada.await_text(&format!("Killed {EXPORT}"));
    assert_eq!(company.served("t2", "/export"), "old");
    ada.click_in("Receipt of the change", "Restore");
    ada.confirm("it was another service");
    assert_eq!(company.served("t2", "/export"), "new");
    // A kill from the list: a page with its form.
    ada.click_in("Pages", "Feature flags");
    ada.click(&format!("Kill {EXPORT}"));
    ada.await_text("The flag is off for every tenant at once.");
    assert_eq!(ada.path(), format!("{FLAGS}/{EXPORT}/kill"));
    ada.click("Kill now");
    ada.await_text(&format!("Killed {EXPORT}"));
    assert_eq!(company.served("t2", "/export"), "old");
    ada.click_in("Receipt of the change", "Restore");
    ada.confirm("it was another service");
    // A search.
    ada.click_in("Pages", "Feature flags");
    ada.fill("Search in keys, descriptions and owners", "itself");
    ada.click("Search");
    ada.await_text("one flag");
    assert!(ada.shows(BOARD) && !ada.shows(EXPORT));
    // An opt-in.
    let body = serde_json::json!({
        "state": "beta",
        "override": { "decision_maker": "carla", "incident": "INC-7", "reason": "for the test" },
    });
    company.change(&format!("/platform/feature-flags/{BOARD}/state"), &body);
    let olga = company
        .browser_without_scripts(Person::Olga, "/admin/feature-flags")
        .unwrap();
    olga.click("Turn on “A board that plans itself”");
    olga.await_text("“A board that plans itself” will be on for your organization.");
    olga.click_confirm();
    olga.await_text("Saved.");
    olga.says(&["Turned on by your organization"]);
    assert_eq!(company.served("t3", "/board"), "new");
    // Nothing is offered that needs a script.
    for browser in [&ada, &olga] {
        assert!(!browser.shows("Shortcuts"), "{}", browser.visible_text());
        browser.assert_no_errors();
    }
}
