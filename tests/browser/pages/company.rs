//! A small company in a store of its own: the same flags, tenants, people, changes and requests in each run.

use std::fs;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Client, Issuer, Request, Response, Upstream, eventually, reply, response};
use tokens::Algorithm;

use crate::browser::Browser;
use crate::gateway_document::issuers;
use crate::operator_tokens::{self, OperatorToken};
use crate::process::{SluiceProcess, sluice_with};

const FLAGS: &str = include_str!("company.yaml");
const ROUTES: &str = include_str!("company_routes.yaml");

/// The people, with their roles. The last one is the admin of an org.
const PEOPLE: [(&str, &str); 5] = [
    ("mara.lindqvist", "platform-admin"),
    ("jonas.okafor", "operator"),
    ("priya.raman", "operator"),
    ("vera.holm", "viewer"),
    ("aurora-admin", "org-admin"),
];

/// The tenant with an admin of its own.
pub(super) const ORG: &str = "aurora-heating";

/// A running server with the company, and the people who may use its console.
pub(super) struct Company {
    folder: TempDir,
    sluice: SluiceProcess,
    tokens: Vec<OperatorToken>,
    issuer: Issuer,
    _upstreams: [Upstream; 2],
    /// The id of a request that was refused.
    pub(super) refused_request: String,
}

impl Company {
    /// Starts the server, and lets the people and the tenants do what they did.
    pub(super) fn found() -> Self {
        let mut company = Self::with_flags(FLAGS, ROUTES);
        company.release();
        company.refused_request = company.requests();
        company
    }

    /// Starts a server with these routes, and the flags and tenants of a document.
    pub(super) fn with_flags(flags: &str, routes: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tokens = PEOPLE.map(|(name, role)| match role {
            "org-admin" => OperatorToken::issue_for_org(name, ORG),
            _ => OperatorToken::issue(name, role),
        });
        operator_tokens::write_document(folder.path(), "operators.yaml", &tokens.each_ref());
        let issuer = Issuer::new("https://login.example", Algorithm::Hs256, "k1");
        fs::write(folder.path().join("secret"), issuer.key_file()).unwrap();
        let upstreams = ["the new service", "the old service"]
            .map(|text| Upstream::answering(move |_, stream| reply(stream, &response(200, "OK", text))));
        let config = format!(
            "{}{routes}{}upstreams: {{ new: '{}', old: '{}' }}\n",
            include_str!("company_sluice.yaml"),
            issuers(&issuer, "HS256", "secret_file: secret"),
            upstreams[0].address(),
            upstreams[1].address(),
        );
        fs::write(folder.path().join("sluice.yaml"), config).unwrap();
        fs::write(folder.path().join("flags.yaml"), flags).unwrap();
        let sluice = SluiceProcess::start(folder.path(), ["run"]);
        let company = Self {
            folder,
            sluice,
            tokens: tokens.into(),
            issuer,
            _upstreams: upstreams,
            refused_request: String::new(),
        };
        let apply = "apply -f flags.yaml --yes --adopt --decision-maker mara.lindqvist --incident MIG-1 --reason move";
        let server = format!("http://{}", company.admin());
        let variables = [
            ("SLUICE_SERVER", &*server),
            ("SLUICE_TOKEN", company.token_of("platform-admin")),
        ];
        sluice_with(&variables, company.folder.path(), apply.split(' ')).exits(0);
        company
    }

    /// Returns the address of the console.
    pub(super) fn admin(&self) -> SocketAddr {
        self.sluice.admin()
    }

    /// Returns the token of the first person with a role.
    pub(super) fn token_of(&self, role: &str) -> &str {
        let person = PEOPLE.iter().position(|(_, of)| *of == role).unwrap();
        &self.tokens[person].secret
    }

    /// Starts a browser in which the first person with this role is signed in; none if Chromium is not installed.
    pub(super) fn browser(&self, role: &str) -> Option<Browser> {
        let browser = Browser::start(&format!("http://{}", self.admin()))?;
        browser.open("/console/sign-in");
        browser.fill("Operator token", self.token_of(role));
        browser.click("Sign in");
        browser.await_text("Signed in as");
        Some(browser)
    }

    /// Sends a request to the admin API as a person, which must succeed. A body of null is none.
    #[track_caller]
    pub(super) fn call(&self, person: &str, method: &str, path: &str, body: &Value) -> Value {
        let person = PEOPLE.iter().position(|(name, _)| *name == person).unwrap();
        let mut request = Request::new(method, &format!("/api/v1{path}"))
            .host("localhost")
            .token(&self.tokens[person].secret);
        if !body.is_null() {
            request = request
                .header("content-type", "application/json")
                .with_body(body.to_string());
        }
        let answer = Client::connect(self.admin()).ask(&request);
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
        answer.json()
    }

    /// The changes, in their order.
    fn release(&self) {
        let of_flag = |person: &str, flag: &str, path: &str, body: Value| {
            self.call(
                person,
                "POST",
                &format!("/platform/feature-flags/{flag}/{path}"),
                &body,
            );
        };
        let plan = json!({
            "ticket": "REL-331",
            "stages": [
                { "name": "quarter", "percentage": 25, "for": "2d" },
                { "name": "half", "percentage": 50, "for": "2d", "advance": "manual" },
                { "name": "all", "percentage": 100, "for": "1d" },
            ],
            "checks": [
                { "name": "errors", "error_rate": { "above": "3%" }, "then": "rollback" },
                { "name": "slow", "p95": { "above": "2s" }, "then": "notify" },
                { "name": "reports", "reports": { "same_cause": 2 }, "then": "pause" },
            ],
            "minimum": { "requests": 200, "tenants": 2 },
            "approvals": ["technical", "product"],
            "checklist": ["load test passed", "support informed"],
            "rollback": "exposure",
            "finish": { "default": "on" },
        });
        self.call(
            "jonas.okafor",
            "PUT",
            "/platform/feature-flags/routing.smartEta/rollout/plan",
            &plan,
        );
        of_flag(
            "jonas.okafor",
            "routing.smartEta",
            "rollout/approve",
            json!({ "role": "technical" }),
        );
        of_flag(
            "priya.raman",
            "routing.smartEta",
            "rollout/approve",
            json!({ "role": "product" }),
        );
        for item in ["load test passed", "support informed"] {
            of_flag(
                "priya.raman",
                "routing.smartEta",
                "rollout/check",
                json!({ "item": item }),
            );
        }
        of_flag(
            "mara.lindqvist",
            "routing.smartEta",
            "rollout/start",
            json!({ "reason": "REL-331" }),
        );
        let draft = json!({
            "stages": [{ "name": "half", "percentage": 50, "for": "1d" }, { "name": "all", "percentage": 100, "for": "1d" }],
            "approvals": ["operations"],
            "checklist": ["backup taken"],
        });
        self.call(
            "jonas.okafor",
            "PUT",
            "/platform/feature-flags/ops.readOnly/rollout/plan",
            &draft,
        );
        of_flag(
            "jonas.okafor",
            "dispatch.board",
            "sign-offs",
            json!({ "role": "operations" }),
        );
        let kill = json!({ "incident": "INC-2291", "reason": "payouts twice" });
        of_flag("jonas.okafor", "billing.instantPayout", "kill", kill);
        let incident = json!({ "incident": "INC-2263", "reason": "totals differ by a cent" });
        of_flag("priya.raman", "billing.eInvoice", "incidents", incident);
        for (org, ticket) in [("cobalt-building", "SUP-4655"), ("delmar-boilers", "SUP-4661")] {
            let report = json!({
                "org": org, "cause": "wrong technician", "ticket": ticket, "text": "The suggestion ignores skills.",
            });
            of_flag("priya.raman", "dispatch.autoAssign", "reports", report);
        }
        let tiers = json!({ "tiers": { "free": true }, "reason": "trial for small firms" });
        self.call(
            "priya.raman",
            "PUT",
            "/platform/feature-flags/reports.scheduled/tiers",
            &tiers,
        );
        let of_org = |person: &str, path: &str, body: Value| self.call(person, "POST", path, &body);
        of_org(
            "jonas.okafor",
            "/platform/orgs/acme/feature-flags/dispatch.autoAssign",
            json!({ "variant": "off", "reason": "SUP-4690" }),
        );
        of_org(
            "aurora-admin",
            &format!("/orgs/{ORG}/feature-flags/dispatch.autoAssign/opt-in"),
            json!({}),
        );
        of_org(
            "aurora-admin",
            &format!("/orgs/{ORG}/feature-flags/reports.scheduled/opt-out"),
            json!({}),
        );
    }

    /// Sends a request of a tenant to the proxy.
    pub(super) fn request(&self, tenant: &str, path: &str) -> Response {
        let request = Request::get(path).token(&self.issuer.token(tenant));
        Client::connect(self.sluice.listener()).ask(&request)
    }

    /// Sends the requests, and returns the id of one that was refused.
    fn requests(&self) -> String {
        for tenant in ["acme", "globex", "cobalt-building", "delmar-boilers", ORG] {
            for path in ["/api/arrivals/7", "/api/assign", "/api/chat", "/api/start"] {
                self.request(tenant, path);
            }
        }
        let refused = ["initech", "globex"].map(|tenant| {
            let refused = self.request(tenant, "/api/dispatch/board");
            assert_eq!(refused.status, 404, "{}", refused.text());
            let id = refused.json()["request_id"].as_str().unwrap().to_owned();
            // The receipts of two requests that ended at almost the same time have no certain order.
            eventually("the receipt of the request", || {
                let receipts = self.call("vera.holm", "GET", "/requests", &Value::Null);
                receipts.to_string().contains(&id).then_some(())
            });
            id
        });
        let [_, last] = refused;
        last
    }

    /// Waits for the first look at the checks of the rollout plan: before it its page has no verdicts.
    pub(super) fn await_verdicts(&self) {
        let path = "/platform/feature-flags/routing.smartEta/rollout/evidence";
        eventually("the first look at the checks", || {
            let evidence = self.call("vera.holm", "GET", path, &Value::Null);
            evidence["checks"][0]["reason"].is_string().then_some(())
        });
    }
}
