//! The console and the requests of a browser, since its start.

use std::cell::RefCell;

use serde_json::Value;

use crate::browser::Browser;
use crate::webdriver::done;

/// Entries read so far: each reading of a log empties it in the browser.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    errors: RefCell<Vec<String>>,
    requests: RefCell<Vec<String>>,
}

impl Browser {
    /// Leaves the page with which Chromium starts, which has requests and perhaps errors of its own.
    pub(crate) fn forget_start_page(&self) {
        done(self.session.driver.goto("about:blank"));
        self.console_errors();
        self.requests();
        self.observed.errors.borrow_mut().clear();
        self.observed.requests.borrow_mut().clear();
    }

    /// Returns the errors in the console: of scripts, of the content security policy, of resources that failed.
    pub(crate) fn console_errors(&self) -> Vec<String> {
        let mut errors = self.observed.errors.borrow_mut();
        let severe = done(self.session.driver.browser_log()).into_iter();
        errors.extend(
            severe
                .filter(|entry| entry.level == "SEVERE")
                .map(|entry| entry.message),
        );
        errors.clone()
    }

    /// Returns the URLs of all requests of pages, also of those that failed or were blocked.
    pub(crate) fn requests(&self) -> Vec<String> {
        let mut requests = self.observed.requests.borrow_mut();
        for entry in done(self.session.driver.get_log("performance")) {
            let event: Value = serde_json::from_str(&entry.message).unwrap();
            let event = &event["message"];
            let url = match event["method"].as_str() {
                Some("Network.requestWillBeSent") => &event["params"]["request"]["url"],
                Some("Network.webSocketCreated") => &event["params"]["url"],
                _ => continue,
            };
            let url = url.as_str().unwrap();
            if !url.starts_with("chrome:") {
                requests.push(url.to_owned());
            }
        }
        requests.clone()
    }

    /// Returns the requests that are not to the site.
    pub(crate) fn foreign_requests(&self) -> Vec<String> {
        let own = format!("{}/", self.site);
        let is_foreign = |url: &String| !url.starts_with(&own) && !url.starts_with("data:");
        self.requests().into_iter().filter(is_foreign).collect()
    }

    /// Fails if the console has an error, a request was not to the site, or the page has an accessibility finding.
    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        let path = self.path();
        let (errors, foreign) = (self.console_errors(), self.foreign_requests());
        assert!(errors.is_empty(), "errors in the console of {path}: {errors:#?}");
        assert!(
            foreign.is_empty(),
            "requests of {path} to other hosts: {foreign:#?}"
        );
        let findings = self.accessibility_findings();
        assert!(findings.is_empty(), "findings of axe on {path}: {findings:#?}");
    }
}
