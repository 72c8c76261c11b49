//! A person without a mouse: shortcuts, the order of Tab, and a focus that is visible.

use crate::browser::Browser;
use crate::company::{BOARD, Company, EXPORT, FLAGS, Person};

/// Presses Tab until the element with this name has the focus, which must be visible at each step.
#[track_caller]
fn tab_to(browser: &Browser, name: &str) {
    for _ in 0..60 {
        browser.press(&["Tab"]);
        let outline = browser.evaluate(
            "(style => parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== 'none')\
             (getComputedStyle(document.activeElement))",
        );
        assert_eq!(outline, true, "the focus of {} is not visible", browser.focused());
        if browser.focused() == name {
            return;
        }
    }
    panic!("Tab does not reach {name}: {}", browser.visible_text());
}

#[test]
fn a_flag_is_found_and_killed_by_keys_alone() {
    let company = Company::with_flags();
    let Some(ada) = company.browser(Person::Ada, FLAGS) else {
        return;
    };
    ada.press(&["?"]);
    ada.await_text("Keyboard shortcuts");
    ada.says(&["Kill the flag of the page", "Search"]);
    ada.press(&["Escape"]);
    ada.eventually("the end of the dialog", || {
        (!ada.shows("Keyboard shortcuts")).then_some(())
    });
    ada.press(&["g", "t"]);
    ada.await_text("12 tenants");
    assert_eq!(ada.path(), "/platform/tenants");
    ada.press(&["g", "f"]);
    ada.await_text(EXPORT);
    ada.press(&["/"]);
    assert_eq!(ada.focused(), "Search in keys, descriptions and owners");
    ada.type_text("export");
    ada.eventually("the search", || (!ada.shows(BOARD)).then_some(()));
    tab_to(&ada, EXPORT);
    ada.press(&["Enter"]);
    ada.await_text("Lifecycle");
    ada.press(&["k"]);
    ada.await_text("The flag is off for every tenant at once.");
    ada.press(&["Escape"]);
    ada.press(&["k", "Enter"]);
    ada.await_text(&format!("Killed {EXPORT}"));
    ada.assert_no_errors();
}

#[test]
fn a_change_is_confirmed_by_keys_alone() {
    let company = Company::with_flags();
    let Some(ada) = company.browser(Person::Ada, &format!("{FLAGS}/{EXPORT}/tenants")) else {
        return;
    };
    tab_to(&ada, "Skip to the content");
    ada.press(&["Enter"]);
    tab_to(&ada, "Override to on for t2");
    ada.press(&["Enter"]);
    ada.await_text("1 of 12 tenants changes");
    tab_to(&ada, "Skip to the content");
    ada.press(&["Enter"]);
    tab_to(&ada, "Reason (optional)");
    ada.type_text("by keys: g t / ?");
    ada.press(&["Tab"]);
    assert_eq!(ada.focused(), format!("Override {EXPORT} to on for t2"));
    ada.press(&["Enter"]);
    ada.await_text(&format!("Overrode {EXPORT} to on for t2"));
    assert_eq!(company.served("t2", "/export"), "new");
    ada.click_in("Pages of the flag", "Audit log");
    ada.await_text("“by keys: g t / ?”");
}
