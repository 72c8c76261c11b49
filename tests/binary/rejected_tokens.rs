//! `sluice explain` of a request whose token is rejected: the value of the token beside that of the configuration.

use std::fs;

use serde_json::{Value, json};
use testkit::{Client, Issuer, KeyServer, Request, Upstream, now_seconds};
use tokens::Algorithm;

use crate::gateway_document::{self, LISTENERS};
use crate::process::{SluiceProcess, sluice};

/// A gateway whose route requires a token of the issuer.
struct Gateway {
    issuer: Issuer,
    folder: tempfile::TempDir,
    _keys: KeyServer,
}

impl Gateway {
    fn new() -> Self {
        let issuer = Issuer::new("https://id.me.test", Algorithm::Es256, "k1");
        let keys = KeyServer::of(&[&issuer]);
        let url = keys.url();
        Self::with_keys(issuer, keys, &url)
    }

    fn with_keys(issuer: Issuer, keys: KeyServer, url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let section = gateway_document::issuers(&issuer, "ES256", &format!("jwks_url: \"{url}\""));
        let config = format!(
            "{LISTENERS}flags: {{ file: flags.yaml }}\n{}upstreams: {{ api: '127.0.0.1:9' }}\n\
             routes: [{{ name: board, match: /board, auth: required, upstream: api }}]\n",
            section.replace("tenant: tenant", "tenant: org.id")
        );
        fs::write(folder.path().join("sluice.yaml"), config).unwrap();
        fs::write(folder.path().join("flags.yaml"), "version: 1\n").unwrap();
        Self {
            issuer,
            folder,
            _keys: keys,
        }
    }

    /// Returns the line of the identity that `sluice explain` prints for a token of these claims, changed by the test.
    fn identity(&self, change: impl FnOnce(&mut Value)) -> String {
        self.identity_of(&self.token(change))
    }

    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.issuer.claims("acme");
        claims["org"] = json!({ "id": "acme" });
        change(&mut claims);
        self.issuer.sign(&claims)
    }

    fn identity_of(&self, token: &str) -> String {
        let arguments = ["explain", "--token", token, "GET", "/board"];
        let output = sluice(self.folder.path(), arguments, "");
        let line = output.stdout.lines().find(|line| line.starts_with("identity "));
        line.unwrap_or_else(|| panic!("{output}")).to_owned()
    }
}

#[test]
fn a_rejected_token_is_explained_with_its_values() {
    let gateway = Gateway::new();
    let audience = gateway.issuer.claims("acme")["aud"].as_str().unwrap().to_owned();
    for (name, value, expected) in [
        (
            "iss",
            json!("https://id.me.test/"),
            r#"iss is "https://id.me.test/"; the issuers are "https://id.me.test""#.to_owned(),
        ),
        (
            "aud",
            json!(["other"]),
            format!("aud is [\"other\"]; expected is one of \"{audience}\""),
        ),
        ("aud", json!("a\u{1b}[2J"), "aud is \"a\\u001b[2J\"".to_owned()),
        (
            "exp",
            json!(1_000_000_000),
            "exp is 2001-09-09T01:46:40.000Z".to_owned(),
        ),
        (
            "exp",
            json!(now_seconds() * 1000),
            format!("exp is {}", now_seconds() / 1000),
        ),
        (
            "org",
            json!("acme"),
            "no string at org.id; the claims are ".to_owned(),
        ),
        ("org", json!({ "id": 7 }), "org.id is 7".to_owned()),
    ] {
        let line = gateway.identity(|claims| claims[name] = value);
        assert!(line.contains(&expected), "no `{expected}` in {line}");
    }
    let line = gateway.identity(|claims| drop(claims.as_object_mut().unwrap().remove("aud")));
    assert!(
        line.contains("the token has no aud claim: the claims are "),
        "{line}"
    );
    let line = gateway.identity_of(&format!("Bearer {}", gateway.token(|_| {})));
    assert!(line.contains("remove `Bearer ` from it"), "{line}");
    let line = gateway.identity(|_| {});
    assert!(line.contains("tenant acme"), "{line}");
}

#[test]
fn a_token_of_an_unknown_key_is_explained_with_the_kids() {
    let gateway = Gateway::new();
    let other = Issuer::new("https://id.me.test", Algorithm::Es256, "zz");
    let line = gateway.identity_of(&other.token("acme"));
    assert!(line.contains(r#"kid is "zz"; the known ones are "k1""#), "{line}");
}

#[test]
fn keys_that_cannot_be_fetched_are_explained_with_their_url() {
    let issuer = Issuer::new("https://id.me.test", Algorithm::Es256, "k1");
    let keys = KeyServer::broken();
    let url = keys.url();
    let gateway = Gateway::with_keys(issuer, keys, &url);
    let line = gateway.identity(|_| {});
    let expected = format!("the keys of the token's issuer are not available: {url}: ");
    assert!(line.contains(&expected), "no `{expected}` in {line}");
    assert!(!line.contains("no fetch has ended yet"), "{line}");
}

#[test]
fn an_answer_to_a_client_has_no_text_of_its_token() {
    let gateway = Gateway::new();
    let api = Upstream::named("api");
    let path = gateway.folder.path().join("sluice.yaml");
    let config = fs::read_to_string(&path)
        .unwrap()
        .replace("127.0.0.1:9'", &format!("{}'", api.address()));
    fs::write(&path, config).unwrap();
    let sluice = SluiceProcess::start(gateway.folder.path(), ["run"]);
    let token = gateway.token(|claims| claims["iss"] = json!("https://id.other.test"));
    let answer = Client::connect(sluice.listener()).ask(&Request::get("/board").token(&token));
    assert_eq!(answer.status, 401);
    assert!(!answer.text().contains("id.other.test"), "{}", answer.text());
    assert!(!answer.text().contains("id.me.test"), "{}", answer.text());
}
