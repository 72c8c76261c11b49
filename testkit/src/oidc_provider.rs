//! An OpenID Connect provider on loopback with one client, whose answers a test can falsify.
//!
//! The authorization code flow with PKCE (OpenID Connect Core 1.0 section 3.1, RFC 7636, RFC 9207), discovery and JWKS. It
//! is strict where providers are: every parameter is required and checked, and a code is accepted once. Codes do not
//! expire, and there are no user info endpoint and no refresh tokens.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tokens::Algorithm;

use crate::upstream::{After, Recorded, Upstream, reply, response};
use crate::{Issuer, now_seconds};

mod authorization;
mod form;
#[cfg(test)]
mod tests;
mod token;

/// Id of the signing key.
const KEY_ID: &str = "k1";

/// A deviation of the provider from the specification, or from what a user expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OidcFault {
    /// The ID token has the nonce of another sign-in.
    WrongNonce,
    /// The ID token has no nonce.
    NoNonce,
    /// The ID token has another issuer.
    WrongIssuer,
    /// The ID token is for another client.
    WrongAudience,
    /// The ID token is for this client and another one, and was issued to the other one (`azp`).
    IssuedToAnother,
    /// The ID token expired an hour ago.
    ExpiredIdToken,
    /// The ID token has `alg` `none` and no signature.
    NoSignature,
    /// The ID token is signed with a key that is not in the JWKS, under the id of one that is.
    ForeignKey,
    /// The answer of the token endpoint has no ID token.
    NoIdToken,
    /// The redirect has another state.
    WrongState,
    /// The redirect names another issuer (RFC 9207).
    WrongIssuerInRedirect,
    /// The discovery document names another issuer.
    WrongIssuerInDiscovery,
    /// The user refuses: the redirect has `access_denied`.
    AccessDenied,
    /// The token endpoint refuses every code.
    InvalidGrant,
    /// Every request is answered with this status and no body.
    Status(u16),
    /// Every answer is sent after this time.
    Slow(Duration),
}

/// An OpenID Connect provider. Dropping it stops it.
pub struct OidcProvider {
    upstream: Upstream,
    state: Arc<ProviderState>,
}

struct ProviderState {
    /// The URL of the provider, which is its name.
    issuer: String,
    client_id: String,
    client_secret: String,
    shared: Mutex<Shared>,
}

/// The state that requests and tests change.
struct Shared {
    key: Issuer,
    /// Claims of each user, with `sub`.
    users: Vec<Value>,
    redirects: Vec<String>,
    fault: Option<OidcFault>,
    /// Grants that are not redeemed, by code.
    grants: HashMap<String, Grant>,
    /// Number of codes issued.
    codes: usize,
}

/// The result of a sign-in, which its code stands for.
struct Grant {
    user: Value,
    redirect: String,
    nonce: Option<String>,
    /// The S256 challenge of PKCE.
    challenge: String,
}

/// An answer without its connection.
struct Answer {
    status: u16,
    /// Content type and further header lines.
    headers: String,
    body: String,
}

impl OidcProvider {
    /// Starts a provider with one client, no redirect URI and the user `ann`.
    #[must_use]
    pub fn start(client_id: &str, client_secret: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared {
            key: Issuer::new(&issuer, Algorithm::Rs256, KEY_ID),
            users: vec![json!({ "sub": "ann" })],
            redirects: Vec::new(),
            fault: None,
            grants: HashMap::new(),
            codes: 0,
        };
        let state = Arc::new(ProviderState {
            issuer,
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            shared: Mutex::new(shared),
        });
        let answering = Arc::clone(&state);
        let upstream = Upstream::on(listener, move |request, stream| answering.answer(request, stream));
        Self { upstream, state }
    }

    /// Returns its URL, from which clients find everything else.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.state.issuer
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.upstream.address()
    }

    /// Allows a redirect URI of the client. Others are refused without a redirect.
    pub fn allow_redirect(&self, uri: &str) {
        self.state.shared.lock().unwrap().redirects.push(uri.to_owned());
    }

    /// Sets the users by their claims, of which `sub` is required. If there is one, each authorization request signs this
    /// user in at once. If there are several, a page has a link for each: `Sign in as SUB`.
    pub fn set_users(&self, users: &[Value]) {
        self.state.shared.lock().unwrap().users = users.to_vec();
    }

    /// Sets or removes the fault.
    pub fn set_fault(&self, fault: Option<OidcFault>) {
        self.state.shared.lock().unwrap().fault = fault;
    }

    /// Replaces the signing key by a new one with another id.
    pub fn rotate_key(&self) {
        let mut shared = self.state.shared.lock().unwrap();
        let id = format!("{}+", shared.key.jwk()["kid"].as_str().unwrap_or_default());
        shared.key = Issuer::new(&self.state.issuer, Algorithm::Rs256, &id);
    }

    /// Returns the number of requests to a path, such as `/token`.
    #[must_use]
    pub fn requests_to(&self, path: &str) -> usize {
        let requests = self.upstream.requests();
        let matching = requests
            .iter()
            .filter(|request| split(request.target()).0 == path);
        matching.count()
    }
}

impl ProviderState {
    fn answer(&self, request: &Recorded, stream: &mut TcpStream) -> After {
        // Not held while the answer is delayed: other sign-ins continue.
        let fault = self.shared.lock().unwrap().fault;
        if let Some(OidcFault::Slow(time)) = fault {
            thread::sleep(time);
        }
        let answer = match (fault, request.method(), split(request.target())) {
            (Some(OidcFault::Status(status)), ..) => Answer::text(status, ""),
            (_, "GET", ("/.well-known/openid-configuration", _)) => self.discovery(fault),
            (_, "GET", ("/jwks", _)) => Answer::json(
                200,
                &serde_json::from_str(&Issuer::jwks(&[&self.shared.lock().unwrap().key])).unwrap(),
            ),
            (_, "GET", ("/authorize", query)) => self.authorize(query),
            (_, "POST", ("/token", _)) => self.redeem(request),
            _ => Answer::text(404, "no such endpoint"),
        };
        let text = response(answer.status, "Answer", &answer.body);
        reply(
            stream,
            &text.replacen("Content-Type: text/plain", &answer.headers, 1),
        )
    }

    /// The discovery document (OpenID Connect Discovery 1.0 section 3).
    fn discovery(&self, fault: Option<OidcFault>) -> Answer {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let issuer = match fault {
            Some(OidcFault::WrongIssuerInDiscovery) => at("/other"),
            _ => self.issuer.clone(),
        };
        Answer::json(
            200,
            &json!({
                "issuer": issuer,
                "authorization_endpoint": at("/authorize"),
                "token_endpoint": at("/token"),
                "jwks_uri": at("/jwks"),
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", "profile", "email"],
                "authorization_response_iss_parameter_supported": true,
            }),
        )
    }

    /// Returns valid claims of an ID token for a grant, changed by the fault.
    fn id_claims(&self, grant: &Grant, fault: Option<OidcFault>) -> Value {
        let mut claims = grant.user.clone();
        let now = now_seconds();
        claims["iss"] = json!(self.issuer);
        claims["aud"] = json!(self.client_id);
        claims["iat"] = json!(now);
        claims["exp"] = json!(now + 300);
        if let Some(nonce) = &grant.nonce {
            claims["nonce"] = json!(nonce);
        }
        match fault {
            Some(OidcFault::WrongNonce) => claims["nonce"] = json!("of another sign-in"),
            Some(OidcFault::NoNonce) => drop(claims.as_object_mut().unwrap().remove("nonce")),
            Some(OidcFault::WrongIssuer) => claims["iss"] = json!(format!("{}/other", self.issuer)),
            Some(OidcFault::WrongAudience) => claims["aud"] = json!("another client"),
            Some(OidcFault::IssuedToAnother) => {
                claims["aud"] = json!([self.client_id, "another client"]);
                claims["azp"] = json!("another client");
            }
            Some(OidcFault::ExpiredIdToken) => {
                claims["iat"] = json!(now - 3900);
                claims["exp"] = json!(now - 3600);
            }
            _ => {}
        }
        claims
    }
}

impl Answer {
    fn text(status: u16, text: &str) -> Self {
        Self {
            status,
            headers: "Content-Type: text/plain".to_owned(),
            body: text.to_owned(),
        }
    }

    fn json(status: u16, value: &Value) -> Self {
        Self {
            status,
            headers: "Content-Type: application/json\r\nCache-Control: no-store".to_owned(),
            body: value.to_string(),
        }
    }
}

/// Splits a target into its path and its query.
fn split(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}
