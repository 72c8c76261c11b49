//! Sign-in at the console of the binary: sessions over a restart and an upgrade, and an identity provider.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::json;
use testkit::{Client, OidcFault, OidcProvider, Request, Response, eventually};

use crate::managed_server::ManagedServer;
use crate::operator_tokens::{self, OperatorToken};
use crate::process::SluiceProcess;

const PAGE: &str = "/platform/feature-flags";
const HOST: &str = "127.0.0.1:9090";
const CALLBACK: &str = "http://127.0.0.1:9090/console/oidc/callback";

/// A browser with cookies.
struct Browser {
    admin: SocketAddr,
    /// Its own address. Failed sign-ins are limited by address.
    source: IpAddr,
    cookies: Vec<(String, String)>,
}

impl Browser {
    fn of(admin: SocketAddr) -> Self {
        Self {
            admin,
            source: Ipv4Addr::LOCALHOST.into(),
            cookies: Vec::new(),
        }
    }

    fn get(&mut self, path: &str) -> Response {
        self.send(Request::get(path))
    }

    fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        // Values are tokens, which need no escape.
        let fields = fields.iter().map(|(name, value)| format!("{name}={value}"));
        let body = fields.collect::<Vec<_>>().join("&");
        let kind = "application/x-www-form-urlencoded";
        self.send(Request::post(path, body).header("content-type", kind))
    }

    /// Sends a request with the cookies, and keeps those of the answer.
    fn send(&mut self, request: Request) -> Response {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies.map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.host(HOST).header("cookie", &cookies.join("; "));
        let mut client = Client::try_connect_from(self.admin, self.source).unwrap();
        let answer = client.ask(&request);
        for (name, set) in &answer.head.headers {
            if !name.eq_ignore_ascii_case("set-cookie") {
                continue;
            }
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    fn sign_in(&mut self, token: &str) {
        let answer = self.post("/console/sign-in", &[("token", token)]);
        assert_eq!(answer.header("location"), Some(PAGE), "{}", answer.text());
    }

    fn is_signed_in(&mut self) -> bool {
        self.get(PAGE).status == 200
    }

    /// Goes to the provider, which signs its user in at once, and back.
    fn sign_in_at(&mut self, provider: &OidcProvider) -> Response {
        let begun = self.get("/console/oidc");
        let url = begun
            .header("location")
            .unwrap_or_else(|| panic!("{}", begun.text()));
        let path = url.strip_prefix(provider.issuer()).unwrap();
        let redirect = Client::connect(provider.address()).ask(&Request::get(path));
        let back = redirect
            .header("location")
            .unwrap_or_else(|| panic!("{}", redirect.text()));
        let back = back.strip_prefix("http://127.0.0.1:9090").unwrap();
        self.send(Request::get(back).header("sec-fetch-site", "cross-site"))
    }
}

/// Writes a configuration with a store, an upgrade socket and the operators.
fn folder(tokens: &[&OperatorToken]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    operator_tokens::write_document(folder.path(), "operators.yaml", tokens);
    let config = "version: 1
listeners: [{ name: public, address: '127.0.0.1:0' }]
admin: { address: '127.0.0.1:0', operators: { tokens: { file: operators.yaml } } }
console: { tenants: { address: '127.0.0.1:0' } }
upgrade: { socket: upgrade.sock }
access_log: { output: off }
flags: { store: { sqlite: data, seed: flags.yaml } }
upstreams: { app: '127.0.0.1:9' }
unmatched: { upstream: app }
";
    let flags = "version: 1\ntiers: [small]\nflags: { board: { lifecycle: ga } }\ntenants: { acme: { tier: small } }\n";
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    fs::write(folder.path().join("flags.yaml"), flags).unwrap();
    folder
}

#[test]
fn a_restart_and_an_upgrade_sign_nobody_out() {
    let token = OperatorToken::issue("ada", "platform-admin");
    let folder = folder(&[&token]);
    let mut server = SluiceProcess::start(folder.path(), ["run"]);
    let mut browser = Browser::of(server.admin());
    browser.sign_in(&token.secret);
    assert!(browser.is_signed_in());
    server.signal("KILL");
    server.ended();

    let mut server = SluiceProcess::start(folder.path(), ["run"]);
    browser.admin = server.admin();
    eventually("the session after a restart", || {
        browser.is_signed_in().then_some(())
    });
    let next = SluiceProcess::start(folder.path(), ["run", "--upgrade"]);
    eventually("the end of the former process", || {
        server.has_ended().then_some(())
    });
    next.line("upgrades are possible");
    browser.admin = next.admin();
    assert!(browser.is_signed_in());

    operator_tokens::write_document(folder.path(), "operators.yaml", &[]);
    eventually("the end of the session", || {
        (!browser.is_signed_in()).then_some(())
    });
    let file = fs::read_to_string(folder.path().join("data/console-sessions.json")).unwrap();
    assert!(!file.contains("ada"), "{file}");
}

#[test]
fn a_console_that_is_off_serves_nothing() {
    let managed = ManagedServer::empty("admin: { address: '127.0.0.1:0', console: off }\n");
    let mut browser = Browser::of(managed.admin());
    for path in [
        PAGE,
        "/console",
        "/console/sign-in",
        "/admin/feature-flags",
        "/platform/events",
    ] {
        assert_eq!(browser.get(path).status, 404, "{path}");
    }
    assert_eq!(browser.get("/api/v1/whoami").status, 200);
}

/// Starts a server whose people sign in at the provider.
fn with_provider(provider: &OidcProvider) -> ManagedServer {
    with_provider_and(provider, "")
}

/// Starts a server whose people sign in at the provider, and that has further operators.
fn with_provider_and(provider: &OidcProvider, more: &str) -> ManagedServer {
    provider.allow_redirect(CALLBACK);
    provider.set_users(&[json!({ "sub": "ann", "name": "Ann", "groups": ["staff", "oncall"] })]);
    let secret = tempfile::NamedTempFile::new().unwrap();
    let (_, path) = secret.keep().unwrap();
    fs::write(&path, "s3cret\n").unwrap();
    ManagedServer::empty(&format!(
        "admin: {{ address: '127.0.0.1:0', operators: {{ {more} sign_in: {{ oidc: {{ issuer: '{}', client_id: sluice, \
         client_secret_file: '{}', role: groups, roles: {{ staff: viewer, oncall: operator }} }} }} }} }}\n",
        provider.issuer(),
        path.display(),
    ))
}

#[test]
fn a_person_signs_in_at_the_identity_provider() {
    let provider = OidcProvider::start("sluice", "s3cret");
    let managed = with_provider(&provider);
    let mut browser = Browser::of(managed.admin());
    let page = browser.get("/console/sign-in");
    assert!(page.text().contains("Sign in at 127.0.0.1"), "{}", page.text());
    let answer = browser.sign_in_at(&provider);
    // The page of this site opens the first one: the browser sends the cookie with its requests.
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(
        answer.text().contains("url=/platform/feature-flags\""),
        "{}",
        answer.text()
    );
    let page = browser.get(PAGE);
    assert!(
        page.text().contains("Ann") && page.text().contains("operator"),
        "{}",
        page.text()
    );
    let names: Vec<_> = browser.cookies.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["sluice_session"]);
    // The key of the provider may change.
    provider.rotate_key();
    let mut other = Browser::of(managed.admin());
    eventually("a sign-in with a new key", || {
        other.sign_in_at(&provider);
        other.is_signed_in().then_some(())
    });
}

#[test]
fn a_person_without_a_role_is_not_signed_in() {
    let provider = OidcProvider::start("sluice", "s3cret");
    let managed = with_provider(&provider);
    provider.set_users(&[json!({ "sub": "eve", "groups": ["guests"] })]);
    let mut browser = Browser::of(managed.admin());
    let answer = browser.sign_in_at(&provider);
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("NO_ROLE"), "{}", answer.text());
    assert!(!browser.is_signed_in());
}

#[test]
fn every_false_answer_of_the_provider_is_rejected() {
    let provider = OidcProvider::start("sluice", "s3cret");
    let ada = OperatorToken::issue("ada", "viewer");
    let tokens = tempfile::tempdir().unwrap();
    operator_tokens::write_document(tokens.path(), "operators.yaml", &[&ada]);
    let file = tokens.path().join("operators.yaml");
    let more = format!("tokens: {{ file: '{}' }},", file.display());
    let managed = with_provider_and(&provider, &more);
    let reasons = [
        (OidcFault::WrongNonce, "of another sign-in (nonce)"),
        (OidcFault::NoNonce, "of another sign-in (nonce)"),
        (OidcFault::WrongIssuer, "issuer is not known here"),
        (OidcFault::WrongAudience, "meant for another audience"),
        (OidcFault::IssuedToAnother, "issued to another client (azp)"),
        (OidcFault::ExpiredIdToken, "the token has expired"),
        (OidcFault::NoSignature, "the token"),
        (OidcFault::ForeignKey, "signature is not valid"),
        (OidcFault::NoIdToken, "has no ID token"),
        (OidcFault::WrongState, "has another state"),
        (OidcFault::WrongIssuerInRedirect, "of another identity provider"),
        (OidcFault::AccessDenied, "refused the sign-in (access_denied)"),
        (OidcFault::InvalidGrant, "rejected the code (invalid_grant)"),
    ];
    for (place, (fault, reason)) in (2_u8..).zip(reasons) {
        let mut browser = Browser::of(managed.admin());
        browser.source = Ipv4Addr::new(127, 0, 0, place).into();
        provider.set_fault(Some(fault));
        let answer = browser.sign_in_at(&provider);
        assert_eq!(answer.status, 401, "{fault:?}: {}", answer.text());
        assert!(answer.text().contains(reason), "{fault:?}: {}", answer.text());
        assert!(!browser.is_signed_in(), "{fault:?}");
        assert_eq!(browser.cookies, [], "{fault:?}");
    }
    let path = "/api/v1/platform/audit?action=platform.sign_in_failed";
    let request = Request::get(path).host("localhost").token(&ada.secret);
    let answer = Client::connect(managed.admin()).ask(&request);
    let log = answer.text();
    for (fault, reason) in reasons {
        assert!(log.contains(reason), "{fault:?}: {log}");
    }
    provider.set_fault(None);
    let mut browser = Browser::of(managed.admin());
    browser.sign_in_at(&provider);
    assert!(browser.is_signed_in());
}

#[test]
fn a_provider_that_fails_is_reported_without_a_failed_sign_in() {
    let provider = OidcProvider::start("sluice", "s3cret");
    let managed = with_provider(&provider);
    for fault in [OidcFault::Status(500), OidcFault::Status(302)] {
        provider.set_fault(Some(fault));
        let answer = Browser::of(managed.admin()).get("/console/oidc");
        assert_eq!(answer.status, 503, "{fault:?}");
        assert!(answer.text().contains("SIGN_IN_UNAVAILABLE"), "{}", answer.text());
    }
    provider.set_fault(Some(OidcFault::WrongIssuerInDiscovery));
    let answer = Browser::of(managed.admin()).get("/console/oidc");
    assert!(answer.text().contains("of another issuer"), "{}", answer.text());
    provider.set_fault(None);
    let mut browser = Browser::of(managed.admin());
    browser.sign_in_at(&provider);
    assert!(browser.is_signed_in());
}

#[test]
fn an_answer_of_the_provider_is_for_one_browser_and_once() {
    let provider = OidcProvider::start("sluice", "s3cret");
    let managed = with_provider(&provider);
    let mut browser = Browser::of(managed.admin());
    let begun = browser.get("/console/oidc");
    let url = begun.header("location").unwrap();
    let path = url.strip_prefix(provider.issuer()).unwrap();
    let redirect = Client::connect(provider.address()).ask(&Request::get(path));
    let back = redirect.header("location").unwrap();
    let back = back.strip_prefix("http://127.0.0.1:9090").unwrap();
    // A link with the code of someone else (login CSRF).
    let mut victim = Browser::of(managed.admin());
    assert_eq!(victim.get(back).status, 401);
    assert!(!victim.is_signed_in());
    let pending = browser.cookies.clone();
    assert_eq!(browser.get(back).status, 200);
    let mut replayed = Browser::of(managed.admin());
    replayed.cookies = pending;
    assert_eq!(replayed.get(back).status, 401);
    assert!(!replayed.is_signed_in());
}

#[test]
fn a_host_without_a_public_url_has_no_redirect() {
    let provider = OidcProvider::start("sluice", "s3cret");
    let managed = with_provider(&provider);
    let request = Request::get("/console/oidc").host("evil.example");
    let answer = Client::connect(managed.admin()).ask(&request);
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("NO_PUBLIC_URL"), "{}", answer.text());
}

#[test]
fn the_listener_of_orgs_has_nothing_for_staff() {
    let staff = OperatorToken::issue("ada", "platform-admin");
    let org = OperatorToken::issue_for_org("bob", "acme");
    let folder = folder(&[&staff, &org]);
    let mut server = SluiceProcess::start(folder.path(), ["run"]);
    check_listener_of_orgs(&server, &staff, &org);
    let next = SluiceProcess::start(folder.path(), ["run", "--upgrade"]);
    eventually("the end of the former process", || {
        server.has_ended().then_some(())
    });
    next.line("upgrades are possible");
    assert_eq!(next.tenants(), server.tenants(), "the socket is handed over");
    check_listener_of_orgs(&next, &staff, &org);
}

fn check_listener_of_orgs(server: &SluiceProcess, staff: &OperatorToken, org: &OperatorToken) {
    let mut browser = Browser::of(server.tenants());
    assert_eq!(browser.get("/").header("location"), Some("/console/sign-in"));
    let answer = browser.post("/console/sign-in", &[("token", &staff.secret)]);
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("ORG_ADMINS_ONLY"), "{}", answer.text());
    let answer = browser.post("/console/sign-in", &[("token", &org.secret)]);
    assert_eq!(answer.header("location"), Some("/admin/feature-flags"));
    let page = browser.get("/admin/feature-flags");
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains("board"), "{}", page.text());
    for path in [
        PAGE,
        "/platform/sessions",
        "/platform/events",
        "/platform/changes",
        "/metrics",
        "/readyz",
        "/ofrep/v1/evaluate/flags",
    ] {
        assert_eq!(browser.get(path).status, 404, "{path}");
    }
    // The cookies of both listeners are of one host, and one sign-in does not end the other.
    let mut both = Browser::of(server.admin());
    both.sign_in(&staff.secret);
    both.admin = server.tenants();
    both.post("/console/sign-in", &[("token", &org.secret)]);
    assert_eq!(both.get("/admin/feature-flags").status, 200);
    both.admin = server.admin();
    assert!(both.is_signed_in());
    let api = |path: &str, token: &OperatorToken| {
        let request = Request::get(&format!("/api/v1{path}"))
            .host("localhost")
            .token(&token.secret);
        Client::connect(server.tenants()).ask(&request).status
    };
    assert_eq!(api("/whoami", org), 200);
    assert_eq!(api("/orgs/acme/audit", org), 200);
    assert_eq!(api("/orgs/globex/audit", org), 403);
    for path in ["/whoami", "/orgs/acme/audit"] {
        assert_eq!(api(path, staff), 403, "{path}");
    }
    for path in [
        "/platform/audit",
        "/platform/feature-flags",
        "/openapi.json",
        "/log-level",
    ] {
        for token in [staff, org] {
            assert_eq!(api(path, token), 404, "{path}");
        }
    }
    // An org's admin has no pages of staff at the admin listener either.
    browser.admin = server.admin();
    browser.post("/console/sign-in", &[("token", &org.secret)]);
    assert_eq!(browser.get(PAGE).status, 404);
    // A session of staff is none here.
    let mut browser = Browser::of(server.admin());
    browser.sign_in(&staff.secret);
    browser.admin = server.tenants();
    assert_eq!(
        browser.get("/console").header("location"),
        Some("/console/sign-in")
    );
    browser.admin = server.admin();
    assert!(browser.is_signed_in(), "the session goes on at its own listener");
}
