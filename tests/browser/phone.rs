//! Pages on a phone: the current entry of a row of links is in view, and lists need no scrolling to the side.

use crate::browser::Browser;
use crate::company::{Company, EXPORT, FLAGS, Person};

const WIDTH: u32 = 360;
const HEIGHT: u32 = 640;

/// The rows of links whose current entry is outside of their view.
const HIDDEN_ENTRIES: &str = "
[...document.querySelectorAll('nav [aria-current=page]')].filter(link => {
  const [at, row] = [link, link.closest('nav')].map(element => element.getBoundingClientRect());
  return at.left < row.left - 1 || at.right > row.right + 1;
}).map(link => link.textContent).join()";

/// The widths of lists that are wider than their view.
const WIDE_LISTS: &str = "
[...document.querySelectorAll('main .scroll')].filter(list => list.scrollWidth > list.clientWidth)
  .map(list => `${list.querySelector('caption')?.textContent}: ${list.scrollWidth}`).join()";

fn phone(company: &Company) -> Option<Browser> {
    let browser = company.browser(Person::Ada, FLAGS)?;
    browser.viewport(WIDTH, HEIGHT);
    Some(browser)
}

#[test]
fn a_phone_shows_the_current_page_in_the_menu() {
    let company = Company::with_flags();
    let Some(browser) = phone(&company) else { return };
    for path in ["/platform/audit", "/platform/requests", FLAGS] {
        browser.open(path);
        assert_eq!(browser.evaluate(HIDDEN_ENTRIES), "", "{path}");
    }
    for tab in ["", "/rollout", "/audit"] {
        browser.open(&format!("{FLAGS}/{EXPORT}{tab}"));
        assert_eq!(browser.evaluate(HIDDEN_ENTRIES), "", "{tab}");
    }
}

#[test]
fn lists_fit_the_width_of_a_phone() {
    let company = Company::with_flags();
    let Some(browser) = phone(&company) else { return };
    let tenants = format!("{FLAGS}/{EXPORT}/tenants");
    for path in [
        FLAGS,
        &*tenants,
        "/platform/tenants",
        "/platform/tenants/t1",
        "/platform/requests",
        "/platform/nodes",
        "/platform/audit",
    ] {
        browser.open(path);
        assert_eq!(browser.evaluate(WIDE_LISTS), "", "{path}");
    }
}

#[test]
fn met_conditions_stay_open_while_the_page_updates() {
    let company = Company::with_flags();
    let Some(ada) = company.browser(Person::Ada, &format!("{FLAGS}/{}", crate::company::BOARD)) else {
        return;
    };
    ada.evaluate(
        "document.getElementById('met').open = true; window.first = document.getElementById('met'); 0",
    );
    ada.eventually("the next update", || {
        (ada.evaluate("document.getElementById('met') !== window.first") == true).then_some(())
    });
    assert_eq!(ada.evaluate("document.getElementById('met').open"), true);
}
