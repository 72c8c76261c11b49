//! Sign-ins by a client written here, which checks all that a client must check.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use super::form::with_parameters;
use super::token::challenge_of;
use super::{OidcFault, OidcProvider};
use crate::{Client, Request, Response};

const REDIRECT: &str = "http://127.0.0.1:1/callback";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";
const FORM: &str = "application/x-www-form-urlencoded";

/// A provider and the requests of a sign-in, which a test can change.
struct SignIn {
    provider: OidcProvider,
    authorization: HashMap<&'static str, String>,
    token: HashMap<&'static str, String>,
    /// The `Authorization` header of the token request.
    header: Option<String>,
}

impl SignIn {
    fn new() -> Self {
        let provider = OidcProvider::start("sluice", "a secret: 1");
        provider.allow_redirect(REDIRECT);
        let challenge = challenge_of(VERIFIER);
        let authorization = [
            ("response_type", "code"),
            ("client_id", "sluice"),
            ("redirect_uri", REDIRECT),
            ("scope", "openid profile"),
            ("state", "s&1"),
            ("nonce", "n-1"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let token = [
            ("grant_type", "authorization_code"),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("client_id", "sluice"),
            ("client_secret", "a secret: 1"),
        ];
        let owned = |pairs: &[(&'static str, &str)]| {
            pairs
                .iter()
                .map(|&(name, value)| (name, value.to_owned()))
                .collect()
        };
        Self {
            provider,
            authorization: owned(&authorization),
            token: owned(&token),
            header: None,
        }
    }

    fn get(&self, target: &str) -> Response {
        Client::connect(self.provider.address()).ask(&Request::get(target))
    }

    fn authorize(&self) -> Response {
        let pairs: Vec<_> = self
            .authorization
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.get(&with_parameters("/authorize", &pairs))
    }

    /// Returns the parameters of the redirect.
    fn redirected(&self) -> HashMap<String, String> {
        let answer = self.authorize();
        assert_eq!(answer.status, 303, "{}", answer.text());
        let location = answer.header("location").unwrap();
        let query = location
            .strip_prefix(REDIRECT)
            .unwrap()
            .strip_prefix('?')
            .unwrap();
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    fn redeem(&self, code: &str) -> Response {
        let mut pairs: Vec<_> = self
            .token
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        pairs.push(("code", code));
        let body = with_parameters("", &pairs).split_off(1);
        let mut request = Request::post("/token", body).header("Content-Type", FORM);
        if let Some(header) = &self.header {
            request = request.header("Authorization", header);
        }
        Client::connect(self.provider.address()).ask(&request)
    }

    /// Signs in, and returns the claims of the ID token, or what is wrong.
    fn run(&self) -> Result<Value, String> {
        let discovery = self.get("/.well-known/openid-configuration");
        if discovery.status != 200 {
            return Err(format!("status {}", discovery.status));
        }
        let issuer = self.provider.issuer();
        check(
            discovery.json()["issuer"] == issuer,
            "issuer of the discovery document",
        )?;
        let redirected = self.redirected();
        check(redirected["state"] == self.authorization["state"], "state")?;
        check(redirected["iss"] == issuer, "issuer of the redirect")?;
        let code = redirected
            .get("code")
            .ok_or_else(|| redirected["error"].clone())?;
        let answer = self.redeem(code);
        if answer.status != 200 {
            return Err(answer.json()["error"].as_str().unwrap().to_owned());
        }
        let tokens = answer.json();
        self.verified(tokens["id_token"].as_str().ok_or("no ID token")?)
    }

    /// Returns the claims of an ID token, verified with the JWKS (OpenID Connect Core 1.0 section 3.1.3.7).
    fn verified(&self, token: &str) -> Result<Value, String> {
        let header = decode_header(token).map_err(|_| "header of the ID token")?;
        let keys: JwkSet = serde_json::from_value(self.get("/jwks").json()).unwrap();
        let key = keys.find(&header.kid.unwrap_or_default()).ok_or("no key")?;
        let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
        validation.set_issuer(&[self.provider.issuer()]);
        validation.set_audience(&["sluice"]);
        let key = DecodingKey::from_jwk(key).unwrap();
        let claims = decode::<Value>(token, &key, &validation)
            .map_err(|error| error.to_string())?
            .claims;
        check(claims["nonce"] == self.authorization["nonce"], "nonce")?;
        Ok(claims)
    }
}

fn check(holds: bool, name: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(name.to_owned()) }
}

#[test]
fn a_user_signs_in_with_code_and_pkce() {
    let sign_in = SignIn::new();
    let user = json!({ "sub": "ben", "role": "operator", "name": "Ben \u{1f600}" });
    sign_in.provider.set_users(&[user]);
    let claims = sign_in.run().unwrap();
    assert_eq!(claims["sub"], "ben");
    assert_eq!(claims["role"], "operator");
    assert_eq!(claims["name"], "Ben \u{1f600}");
    assert_eq!(sign_in.provider.requests_to("/token"), 1);
    assert_eq!(sign_in.provider.requests_to("/authorize"), 1);
}

#[test]
fn a_client_proves_itself_by_header_or_form() {
    let mut sign_in = SignIn::new();
    let header = |credentials: &str| Some(format!("Basic {}", STANDARD.encode(credentials)));
    sign_in.header = header("sluice:a+secret%3A+1");
    assert_eq!(sign_in.run().unwrap_err(), "invalid_request", "in both");
    sign_in.token.remove("client_secret");
    assert_eq!(sign_in.run().unwrap()["sub"], "ann");
    for wrong in [
        header("sluice:a secret"),
        header("other:a+secret%3A+1"),
        Some("Basic ?".to_owned()),
        None,
    ] {
        sign_in.header = wrong;
        assert_eq!(sign_in.run().unwrap_err(), "invalid_client");
    }
    sign_in.token.insert("client_secret", "wrong".to_owned());
    let answer = sign_in.redeem("code-1");
    assert_eq!(
        (answer.status, answer.header("www-authenticate").is_some()),
        (401, true)
    );
}

#[test]
fn a_code_is_accepted_once_with_its_verifier() {
    let mut sign_in = SignIn::new();
    let code = sign_in.redirected()["code"].clone();
    assert_eq!(sign_in.redeem(&code).status, 200);
    assert_eq!(sign_in.redeem(&code).json()["error"], "invalid_grant");
    assert_eq!(sign_in.redeem("code-9").json()["error"], "invalid_grant");
    for (name, wrong) in [
        ("code_verifier", "another-verifier-of-forty-three-characters-"),
        ("code_verifier", "short"),
        ("code_verifier", ""),
        ("redirect_uri", "http://127.0.0.1:1/other"),
    ] {
        let right = sign_in.token.insert(name, wrong.to_owned()).unwrap();
        let code = sign_in.redirected()["code"].clone();
        assert_eq!(
            sign_in.redeem(&code).json()["error"],
            "invalid_grant",
            "{name}: {wrong}"
        );
        sign_in.token.insert(name, right);
        assert_eq!(
            sign_in.redeem(&code).status,
            400,
            "a failed attempt uses the code up"
        );
    }
    sign_in.token.insert("grant_type", "password".to_owned());
    assert_eq!(sign_in.run().unwrap_err(), "unsupported_grant_type");
}

#[test]
fn invalid_authorization_requests_are_refused() {
    for (name, value, expected) in [
        ("redirect_uri", "http://127.0.0.1:2/callback", None),
        ("client_id", "other", None),
        ("response_type", "token", Some("unsupported_response_type")),
        ("scope", "profile", Some("invalid_scope")),
        ("code_challenge", "", Some("invalid_request")),
        ("code_challenge_method", "plain", Some("invalid_request")),
    ] {
        let mut sign_in = SignIn::new();
        sign_in.authorization.insert(name, value.to_owned());
        match expected {
            None => assert_eq!(sign_in.authorize().status, 400, "{name}"),
            Some(error) => {
                let redirected = sign_in.redirected();
                assert_eq!(redirected["error"], error, "{name}");
                assert_eq!(redirected["state"], "s&1", "{name}");
                assert!(!redirected.contains_key("code"), "{name}");
            }
        }
    }
}

#[test]
fn each_fault_fails_the_check_it_is_for() {
    let sign_in = SignIn::new();
    for (fault, expected) in [
        (OidcFault::WrongNonce, "nonce"),
        (OidcFault::NoNonce, "nonce"),
        (OidcFault::WrongIssuer, "InvalidIssuer"),
        (OidcFault::WrongAudience, "InvalidAudience"),
        (OidcFault::ExpiredIdToken, "ExpiredSignature"),
        (OidcFault::NoSignature, "header of the ID token"),
        (OidcFault::ForeignKey, "InvalidSignature"),
        (OidcFault::NoIdToken, "no ID token"),
        (OidcFault::WrongState, "state"),
        (OidcFault::WrongIssuerInRedirect, "issuer of the redirect"),
        (
            OidcFault::WrongIssuerInDiscovery,
            "issuer of the discovery document",
        ),
        (OidcFault::AccessDenied, "access_denied"),
        (OidcFault::InvalidGrant, "invalid_grant"),
        (OidcFault::Status(503), "status 503"),
    ] {
        sign_in.provider.set_fault(Some(fault));
        assert_eq!(sign_in.run().unwrap_err(), expected, "{fault:?}");
        sign_in.provider.set_fault(None);
        assert_eq!(sign_in.run().unwrap()["sub"], "ann", "after {fault:?}");
    }
}

#[test]
fn a_slow_provider_answers_after_its_time() {
    let sign_in = SignIn::new();
    let time = Duration::from_millis(50);
    sign_in.provider.set_fault(Some(OidcFault::Slow(time)));
    let start = Instant::now();
    assert_eq!(sign_in.run().unwrap()["sub"], "ann");
    assert!(start.elapsed() >= 4 * time, "of four requests each is delayed");
}

#[test]
fn one_of_several_users_is_chosen_on_a_page() {
    let sign_in = SignIn::new();
    sign_in
        .provider
        .set_users(&[json!({ "sub": "ann" }), json!({ "sub": "ben" })]);
    let page = sign_in.authorize();
    assert_eq!(page.status, 200);
    let link = page
        .text()
        .split("href=\"")
        .find(|part| part.contains("Sign in as ben"))
        .unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let answer = sign_in.get(&link);
    let location = answer.header("location").unwrap().to_owned();
    let code = location.split("code=").nth(1).unwrap().split('&').next().unwrap();
    let tokens = sign_in.redeem(code).json();
    let claims = sign_in.verified(tokens["id_token"].as_str().unwrap()).unwrap();
    assert_eq!(claims["sub"], "ben");
}

#[test]
fn a_rotated_key_is_in_the_key_set() {
    let sign_in = SignIn::new();
    let before = sign_in.get("/jwks").json();
    sign_in.provider.rotate_key();
    assert_ne!(
        sign_in.get("/jwks").json()["keys"][0]["kid"],
        before["keys"][0]["kid"]
    );
    assert_eq!(sign_in.run().unwrap()["sub"], "ann");
}
