//! The token endpoint (OpenID Connect Core 1.0 section 3.1.3).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokens::Algorithm;

use super::form::Form;
use super::{Answer, OidcFault, ProviderState};
use crate::Issuer;
use crate::upstream::Recorded;

impl ProviderState {
    /// Exchanges a code for tokens, once: a failed attempt uses it up, too (RFC 6749 section 4.1.2).
    pub(super) fn redeem(&self, request: &Recorded) -> Answer {
        let body = String::from_utf8_lossy(&request.body);
        let form = match Form::parse(&body) {
            Ok(form) => form,
            Err(name) => return refused(400, "invalid_request", &format!("{name} is repeated")),
        };
        if let Err(answer) = self.authenticate(request, &form) {
            return answer;
        }
        if !form.has("grant_type", "authorization_code") {
            return refused(
                400,
                "unsupported_grant_type",
                "grant_type is not authorization_code",
            );
        }
        let mut shared = self.shared.lock().unwrap();
        let fault = shared.fault;
        let grant = form.value("code").and_then(|code| shared.grants.remove(code));
        let Some(grant) = grant.filter(|_| fault != Some(OidcFault::InvalidGrant)) else {
            return refused(400, "invalid_grant", "code is unknown or used");
        };
        if !form.has("redirect_uri", &grant.redirect) {
            return refused(
                400,
                "invalid_grant",
                "redirect_uri differs from that of the authorization",
            );
        }
        let verifier = form.value("code_verifier").unwrap_or_default();
        // RFC 7636 section 4.1: 43 to 128 characters.
        if !(43..=128).contains(&verifier.len()) || challenge_of(verifier) != grant.challenge {
            return refused(400, "invalid_grant", "code_verifier does not fit code_challenge");
        }
        let claims = self.id_claims(&grant, fault);
        let mut tokens =
            json!({ "access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "scope": "openid" });
        if fault != Some(OidcFault::NoIdToken) {
            tokens["id_token"] = json!(match fault {
                Some(OidcFault::NoSignature) => unsigned(&claims),
                Some(OidcFault::ForeignKey) => {
                    let id = shared.key.jwk()["kid"].as_str().unwrap();
                    Issuer::new(&self.issuer, Algorithm::Rs256, id).sign(&claims)
                }
                _ => shared.key.sign(&claims),
            });
        }
        Answer::json(200, &tokens)
    }

    /// Checks the client's credentials: in the header or in the form, not in both (RFC 6749 section 2.3.1).
    fn authenticate(&self, request: &Recorded, form: &Form) -> Result<(), Answer> {
        let in_header = request.header("authorization").map(|header| {
            let (id, secret) = credentials(header)?;
            Some(id == self.client_id && secret == self.client_secret)
        });
        let in_form = form
            .value("client_secret")
            .map(|secret| secret == self.client_secret && form.has("client_id", &self.client_id));
        match (in_header, in_form) {
            (Some(_), Some(_)) => Err(refused(400, "invalid_request", "credentials in header and form")),
            (Some(Some(true)), None) | (None, Some(true)) => Ok(()),
            _ => {
                let mut answer = refused(401, "invalid_client", "the credentials of the client are wrong");
                answer
                    .headers
                    .push_str("\r\nWWW-Authenticate: Basic realm=\"token\"");
                Err(answer)
            }
        }
    }
}

/// Returns the id and the secret of an `Authorization` header. Both are encoded like a form, then as `Basic`.
fn credentials(header: &str) -> Option<(String, String)> {
    let decoded = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |text: &str| {
        let mut pairs = form_urlencoded::parse(text.as_bytes());
        pairs.next().map(|(name, _)| name.into_owned())
    };
    Some((decode(id)?, decode(secret)?))
}

/// Returns the S256 challenge of a verifier (RFC 7636 section 4.2).
pub(super) fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.",
        part(&json!({ "alg": "none", "typ": "JWT" })),
        part(claims)
    )
}

fn refused(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(
        status,
        &json!({ "error": error, "error_description": description }),
    )
}
