//! The list of a client's own flags: on the admin listener, and through a route of the gateway.

use std::fs;

use serde_json::json;
use testkit::{Client, Issuer, Request, Response, eventually};
use tokens::Algorithm;

use crate::gateway_document;
use crate::process::SluiceProcess;

const PATH: &str = "/api/v1/me/feature-flags";
const FLAGS: &str = "\
version: 1
tiers: [small, large]
flags:
  board: { lifecycle: beta, rules: [{ when: { attribute: user, eq: ann }, serve: on }] }
  dark: { lifecycle: alpha }
  shell: { lifecycle: ga, default: on }
  theme: { kind: experiment, lifecycle: ga, variants: { off: null, blue: '#00f' }, off: off, tiers: { large: blue } }
  shedding: { kind: ops, default: on }
tenants:
  acme: { tier: large, channel: latest, beta: [board] }
";

/// Starts a server whose gateway forwards the list to its admin listener.
fn start() -> (tempfile::TempDir, SluiceProcess, Issuer) {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::new("https://login.example", Algorithm::Es256, "k1");
    fs::write(folder.path().join("key.pem"), issuer.key_file()).unwrap();
    fs::write(folder.path().join("flags.yaml"), FLAGS).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = format!(
        "version: 1
listeners: [{{ name: public, address: '127.0.0.1:0' }}]
admin: {{ address: '127.0.0.1:{port}' }}
flags: {{ file: flags.yaml }}
{issuers}upstreams: {{ admin: '127.0.0.1:{port}' }}
routes:
  - {{ name: my-flags, match: {PATH}, auth: optional, preflight: open, upstream: admin }}
access_log: {{ output: off }}
",
        issuers = gateway_document::issuers(&issuer, "ES256", "pem_file: key.pem")
            .replace("tenant: tenant", "tenant: tenant, user: sub"),
    );
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    (folder, sluice, issuer)
}

fn token(issuer: &Issuer) -> String {
    let mut claims = issuer.claims("acme");
    claims["sub"] = "ann".into();
    issuer.sign(&claims)
}

fn ask(sluice: &SluiceProcess, request: &Request) -> Response {
    Client::connect(sluice.listener()).ask(request)
}

#[test]
fn a_client_lists_the_flags_that_it_has_on() {
    let (_folder, sluice, issuer) = start();
    let known = Request::get(PATH).token(&token(&issuer));
    let answer = ask(&sluice, &known);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let on = json!({ "variant": "on", "value": true });
    let flags = json!({ "board": on, "shell": on, "theme": { "variant": "blue", "value": "#00f" } });
    let expected = json!({ "tenant": "acme", "flags": flags });
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    // Without a token only what is on for everyone. Flags of kind `ops` and flags that are off are not named.
    let anonymous = ask(&sluice, &Request::get(PATH));
    assert_eq!(
        anonymous.json(),
        json!({ "tenant": null, "flags": { "shell": on } })
    );
    // The admin listener answers the same itself.
    let direct = Client::connect(sluice.admin()).ask(&known);
    assert_eq!(direct.json(), expected);
}

#[test]
fn an_unchanged_list_is_answered_with_304() {
    let (folder, sluice, issuer) = start();
    let known = Request::get(PATH).token(&token(&issuer));
    let etag = ask(&sluice, &known).header("etag").unwrap().to_owned();
    let again = known.clone().header("if-none-match", &etag);
    let answer = ask(&sluice, &again);
    assert_eq!((answer.status, answer.text()), (304, ""));
    assert_eq!(answer.header("etag"), Some(etag.as_str()));
    let killed = FLAGS.replace("shell: {", "shell: { enabled: false,");
    fs::write(folder.path().join("flags.yaml"), killed).unwrap();
    let answer = eventually("the list without the killed flag", || {
        Some(ask(&sluice, &again)).filter(|answer| answer.status == 200)
    });
    assert_ne!(answer.header("etag"), Some(etag.as_str()));
    assert!(answer.json()["flags"]["shell"].is_null());
}

#[test]
fn an_invalid_token_is_refused_and_pages_may_ask() {
    let (_folder, sluice, issuer) = start();
    let other = Issuer::new("https://login.example", Algorithm::Es256, "k1");
    let forged = Request::get(PATH).token(&token(&other));
    let answer = Client::connect(sluice.admin()).ask(&forged);
    assert_eq!(answer.status, 401);
    assert!(
        answer
            .header("www-authenticate")
            .unwrap()
            .contains("error=\"invalid_token\"")
    );
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let mut nobody = issuer.claims("acme");
    nobody.as_object_mut().unwrap().remove("tenant");
    let no_tenant = Request::get(PATH).token(&issuer.sign(&nobody));
    let answer = Client::connect(sluice.admin()).ask(&no_tenant);
    assert_eq!((answer.status, answer.code().as_str()), (403, "TENANT_MISSING"));
    let preflight = Request::new("OPTIONS", PATH)
        .header("origin", "https://app.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    let answer = ask(&sluice, &preflight);
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("authorization, if-none-match")
    );
}
