//! The log-ins of the quick start: each `issuers` section accepts the token beside it, and tokens that are listed as
//! not supported are rejected as the page says.

use std::{fs, path::Path};

use serde_json::{Value, json};
use testkit::{Client, Issuer, Request, Response, Upstream, now_seconds};
use tokens::Algorithm;

use crate::documents::blocks;
use crate::gateway_document::LISTENERS;
use crate::process::{SluiceProcess, sluice};

const PAGE: &str = "docs/quick-start.md";
const FLAGS: &str = "version: 1\nflags: { board.v2: { lifecycle: ga, default: on } }\n";

/// A proxy with the `issuers` section of one log-in. A key of the test replaces the published ones.
struct LogIn {
    issuer: Issuer,
    claims: Value,
    api: Upstream,
    sluice: SluiceProcess,
    _folder: tempfile::TempDir,
}

impl LogIn {
    fn all() -> Vec<Self> {
        let (sections, claims) = (blocks(PAGE, "yaml"), blocks(PAGE, "json"));
        assert_eq!(sections.len(), claims.len());
        let parsed = claims.iter().map(|claims| serde_json::from_str(claims).unwrap());
        sections
            .iter()
            .zip(parsed)
            .map(|(section, claims)| Self::start(section, claims))
            .collect()
    }

    fn named(part: &str) -> Self {
        let mut all = Self::all();
        let at = all
            .iter()
            .position(|log_in| log_in.claims["iss"].as_str().unwrap().contains(part));
        all.swap_remove(at.unwrap())
    }

    fn start(section: &str, claims: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let api = Upstream::named("api");
        let issuer = Issuer::new(claims["iss"].as_str().unwrap(), Algorithm::Rs256, "key");
        fs::write(folder.path().join("flags.yaml"), FLAGS).unwrap();
        fs::write(folder.path().join("key.pem"), issuer.key_file()).unwrap();
        let rest = format!(
            "flags: {{ file: flags.yaml }}\nupstreams: {{ api: {} }}\n\
             routes: [{{ name: board, match: /board, gate: board.v2, upstream: api }}]\n",
            api.address()
        );
        let config = format!("{LISTENERS}{rest}{section}");
        // The section as it is on the page.
        check(folder.path(), &config);
        let keys = section.lines().find(|line| line.contains("jwks_url")).unwrap();
        let config = config.replace(keys, "    keys: { pem_file: key.pem }");
        check(folder.path(), &config);
        let sluice = SluiceProcess::start(folder.path(), ["run"]);
        Self {
            issuer,
            claims,
            api,
            sluice,
            _folder: folder,
        }
    }

    /// Asks with a token of the page's claims, changed by the test.
    fn ask(&self, change: impl FnOnce(&mut Value)) -> Response {
        let mut claims = self.claims.clone();
        claims["iat"] = json!(now_seconds());
        claims["exp"] = json!(now_seconds() + 600);
        change(&mut claims);
        let token = self.issuer.sign(&claims);
        Client::connect(self.sluice.listener()).ask(&Request::get("/board").token(&token))
    }
}

fn check(folder: &Path, config: &str) {
    fs::write(folder.join("sluice.yaml"), config).unwrap();
    sluice(folder, ["check", "--strict"], "").exits(0);
}

#[test]
fn every_log_in_of_the_quick_start_names_the_tenant() {
    let all = LogIn::all();
    assert!(all.len() >= 4, "{} log-ins", all.len());
    for log_in in all {
        let answer = log_in.ask(|_| {});
        assert_eq!(answer.status, 200, "{} {}", log_in.claims, answer.text());
        let request = log_in.api.only();
        assert_eq!(request.header("x-tenant-id"), Some("acme"), "{}", log_in.claims);
        let user = ["oid", "sub"]
            .iter()
            .find_map(|name| log_in.claims[name].as_str());
        assert_eq!(request.header("x-user-id"), user, "{}", log_in.claims);
    }
}

#[test]
fn tokens_that_are_not_supported_yet_are_rejected() {
    let code = |answer: Response| (answer.status, answer.code());
    let cognito = LogIn::named("cognito");
    let access = cognito.ask(|claims| {
        claims.as_object_mut().unwrap().remove("aud");
        claims["client_id"] = json!("CLIENT_ID");
        claims["token_use"] = json!("access");
    });
    assert_eq!(code(access), (401, "TOKEN_MISSING_CLAIM".to_owned()));
    let entra = LogIn::named("microsoft");
    let groups: Vec<String> = (0..150)
        .map(|n| format!("a1b2c3d4-0000-0000-0000-{n:012}"))
        .collect();
    let large = entra.ask(|claims| claims["groups"] = json!(groups));
    assert_eq!(code(large), (401, "TOKEN_TOO_LARGE".to_owned()));
    let other = entra.ask(|claims| claims["iss"] = json!("https://login.microsoftonline.com/OTHER/v2.0"));
    assert_eq!(code(other), (401, "TOKEN_UNKNOWN_ISSUER".to_owned()));
    let keycloak = LogIn::named("keycloak");
    for organization in [json!({ "acme": { "id": "42" } }), json!([7])] {
        let answer = keycloak.ask(|claims| claims["organization"] = organization);
        assert_eq!(code(answer), (403, "TENANT_MISSING".to_owned()));
    }
}
