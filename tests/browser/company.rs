//! A company that releases with flags: the built binary with a store, operators, two upstreams, and requests of its
//! tenants.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use testkit::{Client, Exchanges, Issuer, Request, Response, Upstream};
use tokens::Algorithm;

use crate::browser::Browser;
use crate::gateway_document;
use crate::operator_tokens::{self, OperatorToken};
use crate::process::SluiceProcess;

/// The flag that goes through the lifecycle.
pub(crate) const BOARD: &str = "dispatch.v2Board";
/// The flag that is rolled out by percentage.
pub(crate) const EXPORT: &str = "reports.fastExport";
/// A flag that no route names.
pub(crate) const BELL: &str = "mobile.bell";
/// The page of the flags.
pub(crate) const FLAGS: &str = "/platform/feature-flags";
/// The time that a flag stays in alpha.
pub(crate) const SOAK: Duration = Duration::from_secs(10);
/// The tenants: `t0` to `t11`, the first of them large.
const TENANTS: usize = 12;
/// The large tenants.
const LARGE: usize = 4;

/// A person who operates flags.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Person {
    /// A platform admin.
    Ada,
    /// An operator.
    Ben,
    /// The admin of the org `t3`.
    Olga,
}

/// A running server, its upstreams, and its people.
pub(crate) struct Company {
    _folder: TempDir,
    sluice: SluiceProcess,
    _upstreams: [Upstream; 2],
    harms: Arc<AtomicBool>,
    issuer: Issuer,
    people: [OperatorToken; 3],
}

/// Requests of all tenants, until it is dropped.
pub(crate) struct Traffic {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

/// Starts an upstream that answers with its name; the new one fails while it harms.
fn upstream(name: &'static str, harms: &Arc<AtomicBool>) -> Upstream {
    let harms = Arc::clone(harms);
    Upstream::answering(move |_, stream| {
        let answer = match name == "new" && harms.load(Ordering::Relaxed) {
            true => testkit::response(500, "Internal Server Error", "broken"),
            false => testkit::response(200, "OK", name),
        };
        testkit::reply(stream, &answer)
    })
}

impl Company {
    /// Starts the server, without flags.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let people = [
            OperatorToken::issue("ada", "platform-admin"),
            OperatorToken::issue("ben", "operator"),
            OperatorToken::issue_for_org("olga", "t3"),
        ];
        operator_tokens::write_document(folder.path(), "operators.yaml", &people.each_ref());
        let issuer = Issuer::new("https://login.example", Algorithm::Hs256, "k1");
        fs::write(folder.path().join("secret"), issuer.key_file()).unwrap();
        let harms = Arc::<AtomicBool>::default();
        let upstreams = [upstream("old", &harms), upstream("new", &harms)];
        let config = format!(
            "version: 1
listeners: [{{ name: public, address: '127.0.0.1:0' }}]
admin: {{ address: '127.0.0.1:0', operators: {{ tokens: {{ file: operators.yaml }} }} }}
flags: {{ store: {{ sqlite: data }} }}
{issuers}upstreams: {{ old: '{old}', new: '{new}' }}
routes:
  - {{ name: board, match: /board, gate: {BOARD}, upstream: new, otherwise: {{ upstream: old }} }}
  - {{ name: export, match: /export, gate: {EXPORT}, upstream: new, otherwise: {{ upstream: old }} }}
control: {{ promotion: {{ soak: {soak}s, beta: {{ sign_offs: [engineering], errors_window: 1s }} }} }}
console: {{ tenants: {{ address: '127.0.0.1:0' }} }}
access_log: {{ output: off }}
",
            issuers = gateway_document::issuers(&issuer, "HS256", "secret_file: secret"),
            old = upstreams[0].address(),
            new = upstreams[1].address(),
            soak = SOAK.as_secs(),
        );
        fs::write(folder.path().join("sluice.yaml"), config).unwrap();
        let sluice = SluiceProcess::start(folder.path(), ["run"]);
        sluice.admin();
        Self {
            _folder: folder,
            sluice,
            _upstreams: upstreams,
            harms,
            issuer,
            people,
        }
    }

    /// Starts the server with the flags of the company.
    pub(crate) fn with_flags() -> Self {
        let company = Self::start();
        company.apply_flags();
        company
    }

    /// Applies the document of the flags, by the API: engineers do this, not people at the console.
    pub(crate) fn apply_flags(&self) {
        let tenants: Map<String, Value> = (0..TENANTS)
            .map(|tenant| {
                let tier = if tenant < LARGE { "large" } else { "small" };
                (format!("t{tenant}"), json!({ "tier": tier }))
            })
            .collect();
        let document = json!({
            "version": 1,
            "tiers": ["small", "large"],
            "flags": {
                BOARD: { "description": "A board that plans itself", "owner": "dispatch" },
                BELL: {},
                EXPORT: {
                    "description": "Exports in a tenth of the time",
                    "lifecycle": "ga",
                    "revertible": true,
                    "revert": "turn it off",
                },
            },
            "tenants": tenants,
        });
        let query = "adopt=true&force=true&decision_maker=carla&incident=MIG-1&reason=first";
        let applied = self.ask("PUT", &format!("/platform/document?{query}"), &document);
        assert_eq!(applied.status, 200, "{}", applied.text());
    }

    /// Sends a request to the API, as Ada.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Response {
        let request = Request::new(method, &format!("/api/v1{path}"))
            .host("localhost")
            .header("content-type", "application/json")
            .token(self.token(Person::Ada));
        Client::connect(self.sluice.admin()).ask(&request.with_body(body.to_string()))
    }

    /// Returns the record of a tenant.
    pub(crate) fn tenant(&self, id: &str) -> Value {
        let request = Request::get(&format!("/api/v1/platform/orgs/{id}"))
            .host("localhost")
            .token(self.token(Person::Ada));
        Client::connect(self.sluice.admin()).ask(&request).json()
    }

    /// Makes a change by the API, which must succeed.
    #[track_caller]
    pub(crate) fn change(&self, path: &str, body: &Value) {
        let answer = self.ask("POST", path, body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Returns the name of the upstream that answers a tenant.
    pub(crate) fn served(&self, tenant: &str, path: &str) -> String {
        let request = Request::get(path).token(&self.issuer.token(tenant));
        let answer = Client::connect(self.sluice.listener()).ask(&request);
        answer.text().to_owned()
    }

    /// Makes the new upstream fail, or lets it recover.
    pub(crate) fn harm(&self, harms: bool) {
        self.harms.store(harms, Ordering::Relaxed);
    }

    /// Starts requests of all tenants.
    pub(crate) fn traffic(&self) -> Traffic {
        let stop = Arc::<AtomicBool>::default();
        let clients = (0..TENANTS).map(|tenant| {
            let token = self.issuer.token(&format!("t{tenant}"));
            let (stop, address) = (Arc::clone(&stop), self.sluice.listener());
            thread::spawn(move || ask_until(&stop, address, &token))
        });
        Traffic {
            clients: clients.collect(),
            stop,
        }
    }

    fn token(&self, person: Person) -> &str {
        let [ada, ben, olga] = &self.people;
        match person {
            Person::Ada => &ada.secret,
            Person::Ben => &ben.secret,
            Person::Olga => &olga.secret,
        }
    }

    /// Returns the URL of the console of a person: admins of orgs have a listener of their own.
    fn site(&self, person: Person) -> String {
        let address = match person {
            Person::Ada | Person::Ben => self.sluice.admin(),
            Person::Olga => self.sluice.tenants(),
        };
        format!("http://{address}")
    }

    /// Starts a browser, and signs a person in at a page. Returns none if Chromium is not installed.
    pub(crate) fn browser(&self, person: Person, path: &str) -> Option<Browser> {
        let browser = Browser::start(&self.site(person))?;
        self.sign_in(&browser, person, path);
        Some(browser)
    }

    /// Signs a person in at a page.
    pub(crate) fn sign_in(&self, browser: &Browser, person: Person, path: &str) {
        browser.open(path);
        browser.fill("Operator token", self.token(person));
        browser.click("Sign in");
        browser.await_text("Signed in as");
        assert_eq!(browser.path(), path);
    }

    /// Starts a browser without JavaScript, and signs a person in at a page.
    pub(crate) fn browser_without_scripts(&self, person: Person, path: &str) -> Option<Browser> {
        let browser = Browser::start(&self.site(person))?;
        browser.disable_scripts();
        self.sign_in(&browser, person, path);
        Some(browser)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            let _ = client.join();
        }
    }
}

/// Sends requests of one tenant, one after the other, about 10 a second.
fn ask_until(stop: &AtomicBool, address: SocketAddr, token: &str) {
    let mut exchanges = Exchanges::new(address);
    while !stop.load(Ordering::Relaxed) {
        for path in ["/board", "/export"] {
            let request = Request::get(path).token(token).bytes();
            let _ = exchanges.ask("GET", &request);
        }
        thread::sleep(Duration::from_millis(200));
    }
}

impl Browser {
    /// Confirms the change that is previewed, with a reason, and waits for its receipt.
    #[track_caller]
    pub(crate) fn confirm(&self, reason: &str) {
        self.fill("Reason (optional)", reason);
        self.click_confirm();
        let receipt = self.text(".receipt");
        assert!(!receipt.starts_with("Nothing to change:"), "{receipt}");
        assert!(receipt.contains("in force on 1 of 1 node after "), "{receipt}");
    }

    /// Clicks the button that confirms the change, which is named after it.
    #[track_caller]
    pub(crate) fn click_confirm(&self) {
        let words = "document.querySelector('form.confirm button.primary')?.innerText";
        let name = self.eventually("the button that confirms", || {
            self.evaluate(words).as_str().map(str::to_owned)
        });
        self.click(&name);
    }

    /// Fails unless the page shows each of these texts.
    #[track_caller]
    pub(crate) fn says(&self, texts: &[&str]) {
        let page = self.visible_text();
        for text in texts {
            assert!(page.contains(text), "{text} is missing:\n{page}");
        }
    }

    /// Fails if a script, the content security policy or a resource had an error. Refusals are no errors: the page
    /// that shows one has its status.
    #[track_caller]
    pub(crate) fn assert_no_errors(&self) {
        let mut errors = self.console_errors();
        errors.retain(|error| !error.contains("the server responded with a status of 4"));
        assert!(errors.is_empty(), "{errors:#?}");
        assert_eq!(self.foreign_requests(), [""; 0]);
    }
}
