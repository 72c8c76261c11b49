//! Many windows of one browser. It opens at most six connections to a host over HTTP/1.1, so that a stream of events of
//! each window would block the seventh one.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::managed_server::ManagedServer;

const PAGE: &str = "/platform/feature-flags";
const WINDOWS: usize = 10;
/// The number of killed flags that a page shows.
const KILLED: &str = "document.querySelectorAll('tr.killed').length";

/// Switches to a window.
fn switch(browser: &Browser, window: &str) {
    browser
        .session
        .command("POST", "window", &json!({ "handle": window }));
}

#[test]
fn ten_windows_load_and_see_a_change() {
    let managed = ManagedServer::start();
    let Some(browser) = Browser::start(&format!("http://{}", managed.admin())) else {
        return;
    };
    browser.open(PAGE);
    let first = browser.session.command("GET", "window", &Value::Null);
    let mut windows = vec![first.as_str().unwrap().to_owned()];
    while windows.len() < WINDOWS {
        let opened = browser
            .session
            .command("POST", "window/new", &json!({ "type": "window" }));
        let window = opened["handle"].as_str().unwrap();
        switch(&browser, window);
        browser.open(PAGE);
        browser.await_text("board");
        windows.push(window.to_owned());
    }
    for window in &windows {
        switch(&browser, window);
        assert_eq!(browser.evaluate("document.hidden"), false);
        assert_eq!(browser.evaluate(KILLED), 0);
    }
    managed.done(&["flags", "kill", "board", "--reason", "a test"]);
    for window in &windows {
        switch(&browser, window);
        browser.eventually("the kill", || (browser.evaluate(KILLED) == 1).then_some(()));
    }
    browser.assert_clean();
}
