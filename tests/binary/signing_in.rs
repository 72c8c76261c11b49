//! The operators of `sluice.yaml`, changed while the proxy runs.

use std::fs;

use serde_json::json;
use testkit::{Client, Issuer, KeyServer, Request, eventually, now_seconds};
use tokens::Algorithm;

use crate::files;
use crate::managed::ManagedGateway;
use crate::managed_server::ManagedServer;
use crate::operator_tokens::{self, OperatorToken};
use crate::process::SluiceProcess;

const NOBODY: &str = "admin: { address: '127.0.0.1:0' }";
const SOMEBODY: &str = "admin: { address: '127.0.0.1:0', operators: { tokens: { file: tokens.yaml } } }";

/// Probes of Kubernetes and Prometheus have no token of an operator.
#[test]
fn probes_and_metrics_need_no_token_beside_operators() {
    let token = OperatorToken::issue("vic", "viewer");
    let managed = ManagedServer::with_operators(&[&token]);
    let status = |path: &str| {
        let answer = Client::connect(managed.admin()).ask(&Request::get(path).host("10.1.2.3:9090"));
        answer.status
    };
    let statuses = ["/livez", "/readyz", "/metrics", "/api/v1/whoami"].map(status);
    assert_eq!(statuses, [200, 200, 200, 401]);
}

#[test]
fn operators_section_is_removed_only_by_a_restart() {
    let managed = ManagedGateway::new();
    let folder = managed.path();
    let nobody = fs::read_to_string(folder.join("sluice.yaml")).unwrap();
    let write = |text: &str| files::replace(folder, "sluice.yaml", text);
    let token = OperatorToken::issue("vic", "viewer");
    operator_tokens::write_document(folder, "tokens.yaml", &[&token]);
    let somebody = nobody.replace(NOBODY, SOMEBODY);
    write(&somebody);

    let named = SluiceProcess::start(folder, ["run"]);
    let status =
        |server: &SluiceProcess, request: &Request| Client::connect(server.admin()).ask(request).status;
    let readiness = |server: &SluiceProcess| {
        let answer = Client::connect(server.admin()).ask(&Request::get_admin("/readyz?verbose"));
        String::from_utf8(answer.body).unwrap()
    };
    let anybody = Request::get("/api/v1/whoami").host("localhost");
    let vic = anybody.clone().token(&token.secret);
    let unrestricted = "every user of this machine is platform-admin";
    assert_eq!((status(&named, &vic), status(&named, &anybody)), (200, 401));
    assert!(!named.printed().iter().any(|line| line.contains(unrestricted)));

    write(&nobody);
    named.line("WARN `admin.operators` is no longer in the document");
    assert_eq!((status(&named, &vic), status(&named, &anybody)), (200, 401));
    let shown = readiness(&named);
    let words = "[!] operators: `admin.operators` is no longer in the document; the former operators stay";
    assert!(
        shown.starts_with("ready\n")
            && shown.contains(words)
            && shown.contains("Restore `admin.operators`, or restart"),
        "{shown}"
    );
    write(&somebody);
    eventually("what is said to end", || {
        (!readiness(&named).contains("operators")).then_some(())
    });
    assert_eq!((status(&named, &vic), status(&named, &anybody)), (200, 401));
    drop(named);

    write(&nobody);
    let open = SluiceProcess::start(folder, ["run"]);
    open.line(unrestricted);
    assert_eq!(status(&open, &anybody), 200, "the next start means it");
    write(&somebody);
    eventually("operators who are named", || {
        (status(&open, &anybody) == 401).then_some(())
    });
    assert_eq!(status(&open, &vic), 200);
}

const EMPTY: &str = r#"{"keys":[]}"#;

/// Starts a server that accepts the tokens of `issuer`, with these keys.
fn signing_in_by(managed: &ManagedGateway, issuer: &Issuer, keys: &str) -> SluiceProcess {
    signing_in_with_claims(managed, issuer, keys, "roles: tenant")
}

/// Starts a server that accepts the tokens of `issuer`, with these keys and paths of claims.
fn signing_in_with_claims(
    managed: &ManagedGateway,
    issuer: &Issuer,
    keys: &str,
    claims: &str,
) -> SluiceProcess {
    let audience = issuer.claims("acme")["aud"].as_str().unwrap().to_owned();
    let operators = format!(
        "admin: {{ address: '127.0.0.1:0', operators: {{ issuer: {{ issuer: '{}', audiences: [{audience}], \
         algorithms: [ES256], keys: {{ {keys} }}, claims: {{ {claims} }}, roles: {{ staff: viewer }} }} }} }}",
        issuer.name()
    );
    managed.edit(NOBODY, &operators);
    managed.run()
}

fn status(server: &SluiceProcess, token: &str) -> u16 {
    let whoami = Request::get("/api/v1/whoami").host("localhost").token(token);
    Client::connect(server.admin()).ask(&whoami).status
}

#[test]
fn withdrawn_issuer_key_rejects_sign_ins() {
    let managed = ManagedGateway::new();
    let issuer = Issuer::new("https://staff.example", Algorithm::Es256, "k1");
    let keys = KeyServer::of(&[&issuer]);
    let source = format!("jwks_url: '{}', refresh: 1s", keys.url());
    let server = signing_in_by(&managed, &issuer, &source);
    let token = issuer.token("staff");
    assert_eq!(status(&server, &token), 200);
    keys.fail(500);
    let fetches = keys.fetches();
    eventually("a fetch that fails", || {
        (keys.fetches() > fetches + 1).then_some(())
    });
    assert_eq!(status(&server, &token), 200, "a failure withdraws nothing");
    keys.serve_text(EMPTY);
    server.line("no usable key is published: tokens of this issuer are rejected");
    assert_eq!(status(&server, &token), 401);
    assert_eq!(status(&server, &issuer.token("staff")), 401);
}

#[test]
fn a_stream_of_events_ends_when_the_jwt_of_its_reader_expires() {
    let managed = ManagedGateway::new();
    let issuer = Issuer::new("https://staff.example", Algorithm::Es256, "k1");
    files::replace(managed.path(), "staff.json", Issuer::jwks(&[&issuer]));
    let before = managed.run();
    managed.furnish(&before);
    let plan = json!({ "stages": [{ "name": "all", "percentage": 100, "for": "1h" }] });
    let set = Request::new("PUT", "/api/v1/platform/feature-flags/spare/rollout/plan")
        .host("localhost")
        .header("content-type", "application/json")
        .with_body(plan.to_string());
    let set = Client::connect(before.admin()).ask(&set);
    assert_eq!(set.status, 200, "{}", set.text());
    drop(before);
    let server = signing_in_by(&managed, &issuer, "jwks_file: staff.json");
    let mut claims = issuer.claims("staff");
    // It is accepted for three seconds more: the leeway is 30 s.
    claims["exp"] = (now_seconds() - 27).into();
    let token = issuer.sign(&claims);
    let path = "/api/v1/platform/feature-flags/spare/rollout/events";
    let mut reader = Client::connect(server.admin());
    reader.send(Request::get(path).host("localhost").token(&token).bytes());
    assert_eq!(reader.head().0, 200);
    let mut chunks = 0;
    while reader.chunk().is_some() {
        chunks += 1;
    }
    assert_eq!((chunks, status(&server, &token)), (1, 401));
}

#[test]
fn emptied_jwks_file_rejects_sign_ins_and_warns() {
    let managed = ManagedGateway::new();
    let issuer = Issuer::new("https://staff.example", Algorithm::Es256, "k1");
    let write = |text: &str| files::replace(managed.path(), "staff.json", text);
    write(&Issuer::jwks(&[&issuer]));
    let server = signing_in_by(&managed, &issuer, "jwks_file: staff.json");
    let token = issuer.token("staff");
    assert_eq!(status(&server, &token), 200);
    write(EMPTY);
    eventually("the key to count no more", || {
        (status(&server, &token) == 401).then_some(())
    });
    server.line("warning[no-usable-key]: no key in `staff.json` can be used");
}

#[test]
fn operators_are_identified_by_the_subject_of_their_token() {
    let managed = ManagedGateway::new();
    let issuer = Issuer::new("https://staff.example", Algorithm::Es256, "k1");
    files::replace(managed.path(), "staff.json", Issuer::jwks(&[&issuer]));
    let keys = "jwks_file: staff.json";
    let server = signing_in_with_claims(&managed, &issuer, keys, "roles: tenant, name: iss");
    let whoami = Request::get("/api/v1/whoami")
        .host("localhost")
        .token(&issuer.token("staff"));
    let answer = Client::connect(server.admin()).ask(&whoami).json();
    let subject = issuer.claims("staff")["sub"].as_str().unwrap().to_owned();
    assert_eq!(answer["name"], format!("oidc:https://staff.example#{subject}"));
    assert_eq!(answer["display_name"], "https://staff.example");
}
