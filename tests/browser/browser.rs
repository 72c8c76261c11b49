//! A browser on one site, used as a person does: by the names that elements show, not by their markup.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::PATIENCE;
use thirtyfour::WebElement;
use thirtyfour::components::SelectElement;
use thirtyfour::error::{WebDriverErrorInner, WebDriverResult};

use crate::observed::Observed;
use crate::webdriver::{Session, answer, done, installed};

/// Returns the visible elements of a selector whose accessible name is a text: of `aria-label`, `aria-labelledby`, labels,
/// content, value or title, in this order.
const NAMED: &str = r"
const [selector, wanted] = arguments;
const folded = text => (text || '').replace(/\s+/g, ' ').trim();
const own = node => {
  const copy = node.cloneNode(true);
  copy.querySelectorAll('select, input, textarea, button').forEach(field => field.remove());
  return copy.textContent;
};
const all = nodes => folded([...nodes].filter(node => node).map(own).join(' '));
const name = element =>
  folded(element.getAttribute('aria-label')) ||
  all((element.getAttribute('aria-labelledby') || '').split(' ').map(id => document.getElementById(id))) ||
  all(element.labels || []) || folded(element.innerText) || folded(element.value) || folded(element.title);
return [...document.querySelectorAll(selector)].filter(element => element.checkVisibility() && name(element) === wanted);
";
const CLICKABLE: &str = "a[href], button, summary, input[type=submit], input[type=checkbox], input[type=radio], \
                         [role=button], [role=tab], [role=menuitem]";
const FIELDS: &str = "input:not([type=hidden], [type=submit], [type=checkbox], [type=radio]), textarea";

/// The colour scheme that a browser asks pages for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColorScheme {
    Light,
    Dark,
}

/// A Chromium of its own, with an empty profile: 1280 by 800 pixels, light, with JavaScript. Dropping it ends it.
pub(crate) struct Browser {
    /// The URL of the site, without a path.
    pub(crate) site: String,
    pub(crate) session: Session,
    pub(crate) observed: Observed,
}

impl Browser {
    /// Starts a browser for a site, such as `http://127.0.0.1:4711`; reports that the test is skipped, and returns none,
    /// if Chromium is not installed.
    pub(crate) fn start(site: &str) -> Option<Self> {
        let Some(folder) = installed() else {
            eprintln!("Chromium is not installed: `scripts/install-chromium` does it; skipped");
            return None;
        };
        let browser = Self {
            site: site.to_owned(),
            session: Session::start(&folder),
            observed: Observed::default(),
        };
        browser.forget_start_page();
        browser.viewport(1280, 800);
        browser.color_scheme(ColorScheme::Light);
        Some(browser)
    }

    /// Opens a page of the site, by its path, and waits until it is loaded.
    #[track_caller]
    pub(crate) fn open(&self, path: &str) {
        let url = format!("{}{path}", self.site);
        done(self.session.driver.goto(url));
    }

    /// Returns the path and query of the current page.
    #[track_caller]
    pub(crate) fn path(&self) -> String {
        let path = self.evaluate("location.pathname + location.search");
        path.as_str().unwrap().to_owned()
    }

    /// Sets the size of the page that is visible, in CSS pixels.
    pub(crate) fn viewport(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.session
            .devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Sets the preferred colour scheme. Motion is always reduced.
    pub(crate) fn color_scheme(&self, scheme: ColorScheme) {
        let scheme = match scheme {
            ColorScheme::Light => "light",
            ColorScheme::Dark => "dark",
        };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.session
            .devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Turns JavaScript off for pages that are opened from now on.
    pub(crate) fn disable_scripts(&self) {
        self.session
            .devtools("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    }

    /// Returns a mark of the current document: a reload, or another page, has another one.
    pub(crate) fn document(&self) -> Value {
        self.evaluate("performance.timeOrigin")
    }

    /// Evaluates an expression in the page, also if its JavaScript is off or its policy forbids scripts; waits for the
    /// result of a promise. Fails if it throws.
    #[track_caller]
    pub(crate) fn evaluate(&self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.session.devtools("Runtime.evaluate", &parameters);
        let thrown = &answer["exceptionDetails"];
        assert!(thrown.is_null(), "{expression:.200}: {thrown}");
        answer["result"]["value"].take()
    }

    /// Clicks the link, button, checkbox or similar with this name, as soon as there is one.
    #[track_caller]
    pub(crate) fn click(&self, name: &str) {
        self.act_on(CLICKABLE, name, async |element| element.click().await);
    }

    /// Clicks the element with this name in the part of the page with this label, such as a navigation.
    #[track_caller]
    pub(crate) fn click_in(&self, part: &str, name: &str) {
        let selector = format!("[aria-label=\"{part}\"] :is({CLICKABLE})");
        self.act_on(&selector, name, async |element| element.click().await);
    }

    /// Replaces the text of the field with this label.
    #[track_caller]
    pub(crate) fn fill(&self, label: &str, text: &str) {
        self.act_on(FIELDS, label, async |field| field.clear().await);
        self.act_on(FIELDS, label, async |field| field.send_keys(text).await);
    }

    /// Chooses the option with this text in the list with this label.
    #[track_caller]
    pub(crate) fn choose(&self, label: &str, option: &str) {
        self.act_on("select", label, async |list| {
            let chosen = SelectElement::new(list)
                .await?
                .select_by_visible_text(option)
                .await;
            match chosen {
                Err(error) if matches!(*error, WebDriverErrorInner::NoSuchElement(_)) => {
                    panic!("{label} has no option {option}")
                }
                chosen => chosen,
            }
        });
    }

    /// Returns the text or the value of the first element that a CSS selector finds, as soon as there is one.
    #[track_caller]
    pub(crate) fn text(&self, selector: &str) -> String {
        let selector = json!(selector);
        let expression = format!(
            "(found => found && ('value' in found && found.tagName !== 'LI' ? found.value : found.innerText))\
             (document.querySelector({selector}))"
        );
        self.eventually(&format!("an element {selector}"), || {
            self.evaluate(&expression).as_str().map(str::to_owned)
        })
    }

    /// Returns true if the page shows this text now.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.visible_text().contains(text)
    }

    /// Waits until the page shows this text.
    #[track_caller]
    pub(crate) fn await_text(&self, text: &str) {
        self.eventually(&format!("the text `{text}`"), || self.shows(text).then_some(()));
    }

    /// Returns the text that the page shows.
    #[track_caller]
    pub(crate) fn visible_text(&self) -> String {
        let text = self.evaluate("document.body ? document.body.innerText : ''");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Polls until `look` returns a value. Fails with the text of the page, after `PATIENCE`.
    #[track_caller]
    pub(crate) fn eventually<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "gave up after {PATIENCE:?} waiting for {what} on {}:\n{}",
                self.path(),
                self.visible_text()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Acts on the only element with this name. A page that is replaced meanwhile is looked at again.
    #[track_caller]
    fn act_on(&self, selector: &str, name: &str, act: impl AsyncFn(&WebElement) -> WebDriverResult<()>) {
        self.eventually(&format!("`{name}` to accept an action"), || {
            let element = self.element(selector, name);
            match answer(act(&element)) {
                Ok(()) => Some(()),
                Err(error) if matches!(*error, WebDriverErrorInner::StaleElementReference(_)) => None,
                Err(error) => panic!("`{name}`: {error}"),
            }
        });
    }

    /// Returns the only visible element with this name, as soon as there is one. Fails if there are several.
    #[track_caller]
    fn element(&self, selector: &str, name: &str) -> WebElement {
        self.eventually(&format!("an element named `{name}`"), || {
            let arguments = [selector, name].map(Value::from);
            let found = answer(self.session.driver.execute(NAMED, arguments)).ok()?;
            let mut found = found.elements().unwrap();
            assert!(found.len() < 2, "{} elements are named `{name}`", found.len());
            found.pop()
        })
    }
}
