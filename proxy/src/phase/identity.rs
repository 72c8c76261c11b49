//! Identification of the caller: finds the token of a request, has it verified, and returns the caller.

use std::sync::Arc;

use rules::{Auth, TenantId, Timestamp, UnknownTenant};
use tokens::{Identity, Issuers, Unverified};

use crate::answer::{Answer, AnswerCode};
use crate::caller::Caller;
use crate::credential_sources::TokenLookup;
use crate::decider::Decider;
use crate::issuer_keys::{IssuerKeys, Unproven};
use crate::outcome::RequestOutcome;
use crate::phase::effects::Effects;
use crate::phase::received::Received;
use crate::refusal::RequestRefusal;

/// Retry delay when keys are not available, in seconds.
const RETRY_SECONDS: u32 = 5;

/// Returns the caller; none if there is no token and none is required.
///
/// # Errors
/// The answer to a request whose token is missing or refused, or whose tenant is.
pub(crate) async fn identify(
    request: &Received<'_>,
    decider: &Decider,
    auth: Auth,
    now: Timestamp,
    effects: &mut impl Effects,
) -> Result<Option<Caller>, RequestRefusal> {
    if auth == Auth::None {
        return Ok(None);
    }
    if let Some(caller) = &request.assumed.caller {
        admit(decider, caller.tenant())?;
        return Ok(Some(caller.clone()));
    }
    let token = match decider.credentials.token.find(&request.head.fields) {
        TokenLookup::Token(token) => token,
        TokenLookup::Nothing => match by_certificate(request, decider, now)? {
            None if auth == Auth::Required => {
                return Err(unauthenticated(decider, AnswerCode::TOKEN_MISSING, ""));
            }
            caller => return Ok(caller),
        },
        TokenLookup::Several => return Err(invalid_token(decider, AnswerCode::TOKEN_REPEATED)),
    };
    let identity = effects.verify(token).await.map_err(|unproven| match unproven {
        Unproven::Rejected(rejection) => invalid_token(decider, AnswerCode::of_rejection(&rejection)),
        Unproven::NoKeys => {
            let answer = Answer::new(AnswerCode::KEYS, &decider.pages);
            let answer = answer.with_header("retry-after", RETRY_SECONDS.to_string());
            RequestRefusal::new(RequestOutcome::Undecided, answer)
        }
    })?;
    admit(decider, identity.tenant.as_ref().ok())?;
    Ok(Some(Caller::Token(identity)))
}

/// Returns the caller that the connection's certificate names, if certificates are accepted. A token takes
/// precedence, and a refused token is not replaced by a certificate.
fn by_certificate(
    request: &Received<'_>,
    decider: &Decider,
    now: Timestamp,
) -> Result<Option<Caller>, RequestRefusal> {
    let (Some(place), Some(certificate)) = (decider.credentials.certificate, request.certificate) else {
        return Ok(None);
    };
    if !certificate.is_fresh(now.seconds()) {
        return Err(unauthenticated(decider, AnswerCode::CERTIFICATE_EXPIRED, ""));
    }
    admit(decider, certificate.tenant(place))?;
    Ok(Some(Caller::Certificate(Arc::clone(certificate), place)))
}

/// Refuses a caller without a tenant, and an unknown tenant if such tenants are rejected.
fn admit(decider: &Decider, tenant: Option<&TenantId>) -> Result<(), RequestRefusal> {
    let forbidden = |code| RequestRefusal::new(RequestOutcome::Forbidden, Answer::new(code, &decider.pages));
    let Some(tenant) = tenant else {
        return Err(forbidden(AnswerCode::TENANT_MISSING));
    };
    let rejects = decider.snapshot.flags.unknown_tenant() == UnknownTenant::Reject;
    if rejects && decider.snapshot.tenants.find(tenant.as_str()).is_none() {
        return Err(forbidden(AnswerCode::TENANT_UNKNOWN));
    }
    Ok(())
}

/// Verifies a token at `now` (seconds since 1970) with the keys of the issuer that it names. `keys` returns them by
/// the issuer's position.
///
/// # Errors
/// The token is refused, or its keys are not available.
pub(crate) async fn verify(
    issuers: &Issuers,
    keys: impl FnOnce(usize) -> Option<Arc<IssuerKeys>>,
    token: &str,
    now: u64,
) -> Result<Identity, Unproven> {
    let unverified = Unverified::parse(token)?;
    let issuer = issuers.pick(&unverified)?;
    let position = issuers.iter().position(|other| std::ptr::eq(other, issuer));
    let keys = position.and_then(keys).ok_or(Unproven::NoKeys)?;
    keys.verify(issuer, &unverified, now).await
}

/// Returns the refusal of an invalid token (RFC 6750 section 3.1).
fn invalid_token(decider: &Decider, code: AnswerCode) -> RequestRefusal {
    unauthenticated(
        decider,
        code,
        &format!(", error=\"invalid_token\", error_description=\"{}\"", code.detail),
    )
}

fn unauthenticated(decider: &Decider, code: AnswerCode, error: &str) -> RequestRefusal {
    let challenge = format!("{}{error}", decider.credentials.challenge);
    let answer = Answer::new(code, &decider.pages).with_header("www-authenticate", challenge);
    RequestRefusal::new(RequestOutcome::Unauthenticated, answer)
}
