//! The identity: finds the token, has it verified or remembers that it was, and says who is asking.

use std::sync::Arc;

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use pingora::proxy::Session;
use rules::{Auth, TenantId, UnknownTenant};
use tokens::{Identity, Unverified};

use crate::answer::{Answer, Code};
use crate::asker::Asker;
use crate::context::Context;
use crate::credentials::Found;
use crate::edge::{Arrival, arrival};
use crate::issuer_keys::Unproven;
use crate::metrics::Metrics;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::serving::Serving;

/// When a client may try again after keys could not be had, in seconds.
const RETRY_SECONDS: u32 = 5;

/// Who is asking. No one, where there is no token and none is needed.
pub(crate) async fn identify(
    session: &mut Session,
    context: &Context,
    auth: Auth,
    metrics: &Metrics,
) -> Result<Option<Asker>, Refusal> {
    if auth == Auth::None {
        return Ok(None);
    }
    let serving = &*context.serving;
    let found = serving.credentials.token.find(&session.req_header().headers);
    let token = match found {
        Found::Token(token) => token,
        Found::Nothing => match by_certificate(session, context)? {
            None if auth == Auth::Required => {
                return Err(unauthenticated(serving, Code::TOKEN_MISSING, ""));
            }
            asker => return Ok(asker),
        },
        Found::Several => return Err(invalid_token(serving, Code::TOKEN_REPEATED)),
    };
    let now = context.now_seconds();
    let identity = match serving.tokens.find(token.as_str(), now, &serving.keys) {
        Some(identity) => identity,
        None => match verify(serving, token.as_str(), now).await {
            Ok(identity) => {
                metrics.verifications.count("ok");
                let identity = Arc::new(identity);
                serving.tokens.keep(token.as_str(), &identity);
                identity
            }
            Err(Unproven::Rejected(rejection)) => {
                metrics.verifications.count(rejection.code());
                return Err(invalid_token(serving, Code::of_rejection(&rejection)));
            }
            Err(Unproven::NoKeys) => {
                metrics.verifications.count("no_keys");
                let answer = Answer::new(Code::KEYS, &serving.pages);
                let answer = answer.header(RETRY_AFTER, RETRY_SECONDS.to_string());
                return Err(Refusal::new(Outcome::Undecided, answer));
            }
        },
    };
    admit(serving, identity.tenant.as_ref().ok())?;
    Ok(Some(Asker::Token(identity)))
}

/// Who the certificate of the connection says is asking, where that counts. A token goes before it: one that is
/// bad is not made good by a certificate.
fn by_certificate(session: &Session, context: &Context) -> Result<Option<Asker>, Refusal> {
    let serving = &*context.serving;
    let (Some(place), Some(certificate)) = (
        serving.credentials.certificate,
        arrival(session).and_then(Arrival::certificate),
    ) else {
        return Ok(None);
    };
    if !certificate.is_fresh(context.now_seconds()) {
        return Err(unauthenticated(serving, Code::CERTIFICATE_EXPIRED, ""));
    }
    admit(serving, certificate.tenant(place))?;
    Ok(Some(Asker::Certificate(Arc::clone(certificate), place)))
}

/// Whether the tenant is let in at all.
fn admit(serving: &Serving, tenant: Option<&TenantId>) -> Result<(), Refusal> {
    let forbidden = |code| Refusal::new(Outcome::Forbidden, Answer::new(code, &serving.pages));
    let Some(tenant) = tenant else {
        return Err(forbidden(Code::TENANT_MISSING));
    };
    let rejects = serving.snapshot.flags.unknown_tenant() == UnknownTenant::Reject;
    if rejects && serving.snapshot.tenants.find(tenant.as_str()).is_none() {
        return Err(forbidden(Code::TENANT_UNKNOWN));
    }
    Ok(())
}

/// Verifies a token by the keys of the issuer that it names.
async fn verify(serving: &Serving, token: &str, now: u64) -> Result<Identity, Unproven> {
    let unverified = Unverified::parse(token)?;
    let issuer = serving.issuers.pick(&unverified)?;
    let position = serving
        .issuers
        .iter()
        .position(|other| std::ptr::eq(other, issuer));
    let keys = position
        .and_then(|position| serving.keys.get(position))
        .ok_or(Unproven::NoKeys)?;
    keys.verify(issuer, &unverified, now).await
}

/// RFC 6750 section 3.1: a token was given and is refused.
fn invalid_token(serving: &Serving, code: Code) -> Refusal {
    unauthenticated(
        serving,
        code,
        &format!(", error=\"invalid_token\", error_description=\"{}\"", code.detail),
    )
}

fn unauthenticated(serving: &Serving, code: Code, error: &str) -> Refusal {
    let challenge = format!("{}{error}", serving.credentials.challenge);
    let answer = Answer::new(code, &serving.pages).header(WWW_AUTHENTICATE, challenge);
    Refusal::new(Outcome::Unauthenticated, answer)
}
