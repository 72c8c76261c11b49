//! The look of each page as golden pictures, and everything that a browser reports about it.

use super::company::Company;
use super::is_long;
use super::table::{PAGES, Page};
use crate::browser::{Browser, ColorScheme};

/// The size of the golden pictures, and that of a phone.
const WIDE: (u32, u32) = (1024, 640);
const PHONE: (u32, u32) = (360, 640);
/// The scale of the pictures: small files, in which a letter can still be read.
const SCALE: f64 = 0.5;

/// The problems of all pages, so that one run shows every page that differs.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, page: &str, found: impl IntoIterator<Item = String>) {
        self.0
            .extend(found.into_iter().map(|problem| format!("{page}: {problem}")));
    }

    #[track_caller]
    fn assert_none(self) {
        assert!(
            self.0.is_empty(),
            "{}\nUPDATE_GOLDEN=1 writes the pictures that differ: look at them before you commit them",
            self.0.join("\n")
        );
    }
}

/// Opens a page, and returns an error unless it has its heading.
fn open(browser: &Browser, company: &Company, page: &Page) -> Option<String> {
    browser.open(&page.path(company));
    let heading = browser.text("h1");
    (heading != page.heading).then(|| format!("the heading is {heading}"))
}

/// Returns the element that is wider than the page, if there is one.
pub(super) fn overflow(browser: &Browser) -> Option<String> {
    let widest = browser.evaluate(
        "document.documentElement.scrollWidth <= innerWidth ? '' : [...document.querySelectorAll('main *')]
            .filter(node => node.getBoundingClientRect().right > innerWidth + 1 && !node.closest('.scroll, .tabs, .steps, nav'))
            .map(node => node.outerHTML.slice(0, 200)).slice(-1)[0] || 'the page'",
    );
    let widest = widest.as_str().unwrap();
    (!widest.is_empty()).then(|| format!("wider than the screen: {widest}"))
}

fn check(browser: &Browser, company: &Company, page: &Page, problems: &mut Problems) {
    let views = [
        ("light", ColorScheme::Light, WIDE),
        ("dark", ColorScheme::Dark, WIDE),
        ("phone", ColorScheme::Light, PHONE),
    ];
    for (view, scheme, (width, height)) in views {
        if view == "dark" && !is_long() {
            continue;
        }
        browser.viewport(width, height);
        browser.color_scheme(scheme);
        let name = format!("{}-{view}", page.name);
        problems.add(&name, open(browser, company, page));
        browser.fix_texts();
        // In the long form: another version of Chromium may draw them differently.
        if is_long() {
            problems.add(&name, browser.golden_difference(&name, SCALE).err());
        }
        problems.add(&name, overflow(browser));
        if view == "phone" {
            // The contrast of the dark scheme, and what scrolls on a phone.
            browser.color_scheme(ColorScheme::Dark);
        }
        if view == "phone" || is_long() {
            problems.add(&name, browser.accessibility_findings());
        }
    }
}

#[test]
fn every_page_looks_as_its_golden_pictures() {
    let company = Company::found();
    let Some(browser) = company.browser("platform-admin") else {
        return;
    };
    company.await_verdicts();
    let mut problems = Problems::default();
    for page in PAGES {
        check(&browser, &company, page, &mut problems);
    }
    problems.add("console", browser.console_errors());
    problems.add("requests", browser.foreign_requests());
    problems.assert_none();
}

#[test]
fn every_page_works_without_javascript() {
    let company = Company::found();
    let Some(browser) = company.browser("platform-admin") else {
        return;
    };
    browser.disable_scripts();
    let mut problems = Problems::default();
    for page in PAGES {
        problems.add(page.name, open(&browser, &company, page));
        let status = browser.evaluate("performance.getEntriesByType('navigation')[0].responseStatus");
        problems.add(page.name, (status != 200).then(|| format!("status {status}")));
    }
    problems.add("console", browser.console_errors());
    problems.add("requests", browser.foreign_requests());
    problems.assert_none();
}
