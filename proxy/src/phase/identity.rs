//! Identification of the caller: finds the credential of a request, has it verified, and returns the caller.

use std::sync::Arc;

use rules::{Auth, TenantId, Timestamp, UnknownTenant};
use tokens::Identity;

use crate::answer::AnswerCode;
use crate::caller::Caller;
use crate::credential_sources::{FoundToken, TokenLookup};
use crate::decider::Decider;
use crate::phase::effects::Effects;
use crate::phase::received::Received;
use crate::phase::unidentified::Unidentified;
use crate::refusal::RequestRefusal;

/// The result of an identification.
#[derive(Debug, Default)]
pub(crate) struct Identified {
    /// The caller; none if the request is anonymous.
    pub(crate) caller: Option<Caller>,
    /// The code of the reason why a credential was ignored.
    pub(crate) ignored: Option<&'static str>,
}

/// The proof of a request's caller.
enum Credential<'r> {
    /// It needs no further check.
    Proven(Caller),
    /// A token, to be verified.
    Token(FoundToken<'r>),
    /// There is none.
    Nothing,
}

/// Identifies the caller. A request without a token is anonymous if none is required; with `Lenient` also one whose
/// credential is refused.
///
/// # Errors
/// The answer to a request whose token is missing or refused, or whose tenant is.
pub(crate) async fn identify(
    request: &Received<'_>,
    decider: &Decider,
    auth: Auth,
    now: Timestamp,
    effects: &mut impl Effects,
) -> Result<Identified, RequestRefusal> {
    match auth {
        Auth::None => Ok(Identified::default()),
        Auth::Lenient => Ok(identify_if_valid(request, decider, now, effects)),
        Auth::Optional | Auth::Required => {
            let caller = identify_or_refuse(request, decider, auth, now, effects).await;
            let caller = caller.map_err(|unidentified| unidentified.refusal(decider))?;
            Ok(Identified {
                caller,
                ..Identified::default()
            })
        }
    }
}

async fn identify_or_refuse(
    request: &Received<'_>,
    decider: &Decider,
    auth: Auth,
    now: Timestamp,
    effects: &mut impl Effects,
) -> Result<Option<Caller>, Unidentified> {
    match credential(request, decider, now)? {
        Credential::Proven(caller) => Ok(Some(caller)),
        Credential::Token(token) => {
            let verified = effects.verify(token).await;
            admitted(decider, verified.map_err(Unidentified::of)?).map(Some)
        }
        Credential::Nothing if auth == Auth::Required => {
            Err(Unidentified::Unproven(AnswerCode::TOKEN_MISSING))
        }
        Credential::Nothing => Ok(None),
    }
}

/// Identifies the caller if the credential is valid. Waits for nothing.
fn identify_if_valid(
    request: &Received<'_>,
    decider: &Decider,
    now: Timestamp,
    effects: &mut impl Effects,
) -> Identified {
    let caller = credential(request, decider, now).and_then(|credential| match credential {
        Credential::Proven(caller) => Ok(Some(caller)),
        Credential::Token(token) => admitted(decider, effects.verify_at_once(token)?).map(Some),
        Credential::Nothing => Ok(None),
    });
    match caller {
        Ok(caller) => Identified {
            caller,
            ..Identified::default()
        },
        Err(unidentified) => Identified {
            ignored: Some(unidentified.code()),
            ..Identified::default()
        },
    }
}

/// Finds the credential of a request. A token takes precedence over a certificate, and a refused token is not replaced
/// by one.
fn credential<'r>(
    request: &'r Received<'_>,
    decider: &Decider,
    now: Timestamp,
) -> Result<Credential<'r>, Unidentified> {
    if let Some(caller) = &request.assumed.caller {
        admit(decider, caller.tenant())?;
        return Ok(Credential::Proven(caller.clone()));
    }
    match decider.credentials.token.find(&request.head.fields) {
        TokenLookup::Token(token) => Ok(Credential::Token(token)),
        TokenLookup::Nothing => {
            let caller = by_certificate(request, decider, now)?;
            Ok(caller.map_or(Credential::Nothing, Credential::Proven))
        }
        TokenLookup::Several => Err(Unidentified::InvalidToken(AnswerCode::TOKEN_REPEATED)),
    }
}

/// Returns the caller that the connection's certificate names, if certificates are accepted.
fn by_certificate(
    request: &Received<'_>,
    decider: &Decider,
    now: Timestamp,
) -> Result<Option<Caller>, Unidentified> {
    let (Some(place), Some(certificate)) = (decider.credentials.certificate, request.certificate) else {
        return Ok(None);
    };
    if !certificate.is_fresh(now.seconds()) {
        return Err(Unidentified::Unproven(AnswerCode::CERTIFICATE_EXPIRED));
    }
    admit(decider, certificate.tenant(place))?;
    Ok(Some(Caller::Certificate(Arc::clone(certificate), place)))
}

/// Returns the caller with this identity.
fn admitted(decider: &Decider, identity: Arc<Identity>) -> Result<Caller, Unidentified> {
    admit(decider, identity.tenant.as_ref().ok())?;
    Ok(Caller::Token(identity))
}

/// Refuses a caller without a tenant, and an unknown tenant if such tenants are rejected.
fn admit(decider: &Decider, tenant: Option<&TenantId>) -> Result<(), Unidentified> {
    let Some(tenant) = tenant else {
        return Err(Unidentified::Forbidden(AnswerCode::TENANT_MISSING));
    };
    let rejects = decider.snapshot.flags.unknown_tenant() == UnknownTenant::Reject;
    if rejects && decider.snapshot.tenants.find(tenant.as_str()).is_none() {
        return Err(Unidentified::Forbidden(AnswerCode::TENANT_UNKNOWN));
    }
    Ok(())
}
