//! The flags that are on for a client, decided by the credentials and attributes of its request as a route with
//! `auth: optional` decides them.

use std::sync::Arc;

use rules::{Kind, Timestamp, decide};

use super::{AnswerFormat, DryRunRecorder, DryRunRequest};
use crate::breakers::OpenFlags;
use crate::caller::Caller;
use crate::decider::Decider;
use crate::issuer_keys::IssuerKeys;
use crate::phase::identity::identify;
use crate::phase::received::Received;
use crate::phase::subject::{SubjectAttributes, client_text, find_attributes, subject};
use crate::refusal::RequestRefusal;

/// The flags that are on for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFlags {
    /// The tenant; none for an anonymous client.
    pub tenant: Option<String>,
    /// The flags in the order of their keys.
    pub flags: Vec<ClientFlag>,
}

/// A flag that is on for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFlag {
    /// Its key.
    pub key: String,
    /// The name of the variant.
    pub variant: String,
    /// The value of the variant, as JSON.
    pub value: String,
}

/// The answer to a client whose credentials are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRefused {
    /// The HTTP status.
    pub status: u16,
    /// The code, in capitals.
    pub code: &'static str,
    /// A sentence about the code.
    pub detail: &'static str,
    /// The value of `WWW-Authenticate`, for 401.
    pub challenge: Option<String>,
}

/// Returns the flags that are on for the client of a request, without those of kind `ops`, which are not for clients. The
/// request's target is not read. `keys` and the times are those of [`dry_run`](super::dry_run).
///
/// # Errors
/// The answer to a client whose token or tenant is refused.
pub async fn client_flags(
    decider: &Decider,
    request: &DryRunRequest<'_>,
    keys: impl Fn(usize) -> Option<Arc<IssuerKeys>> + Send + Sync,
    (at, now): (Timestamp, u64),
) -> Result<ClientFlags, ClientRefused> {
    let refused = |refusal: RequestRefusal| {
        let status = refusal.answer.status_in(AnswerFormat::Problem);
        let challenge = &decider.credentials.challenge;
        ClientRefused {
            status,
            code: refusal.answer.code.name,
            detail: refusal.answer.code.detail,
            // A token is optional, so one was sent.
            challenge: (status == 401).then(|| format!("{challenge}, error=\"invalid_token\"")),
        }
    };
    let mut read = request.read(decider).map_err(|(refusal, _)| refused(refusal))?;
    let assumed = request.assumed();
    let forwarding = request.forwarding(&read, decider);
    let received = Received {
        head: &mut read.head,
        forwarding: &forwarding,
        body: read.body,
        http2: None,
        certificate: None,
        assumed: &assumed,
    };
    let ignore = |_: &rules::RequestDecision<'_>, _: &rules::Subject<'_>| {};
    let mut verifier = DryRunRecorder::new((decider, request), keys, now, ignore, forwarding.client());
    let identified = identify(&received, decider, rules::Auth::Optional, at, &mut verifier).await;
    let caller = identified.map_err(refused)?.caller;
    let client = client_text(decider, &forwarding);
    let mut attributes = SubjectAttributes::new();
    let origin = (&received.head.fields, client.as_deref());
    find_attributes(&mut attributes, decider, caller.as_ref(), &assumed, origin);
    let mut open = OpenFlags::new();
    let tenant = caller.as_ref().and_then(Caller::tenant);
    request.find_open_breakers(decider, tenant, &mut open);
    let mut subject = subject(decider, caller.as_ref(), &attributes);
    subject.open_breakers = &open;
    let flags = &decider.snapshot().flags;
    let on = flags.iter().filter_map(|(id, flag)| {
        let decision = decide(flags, id, &subject, at);
        let is_shown = decision.variant != flag.off() && flag.kind() != Kind::Ops;
        let variant = flag.variant(decision.variant).filter(|_| is_shown)?;
        Some(ClientFlag {
            key: flag.key().as_str().to_owned(),
            variant: variant.name.to_string(),
            value: variant.value.to_string(),
        })
    });
    let mut on: Vec<ClientFlag> = on.collect();
    on.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(ClientFlags {
        tenant: subject.tenant.map(str::to_owned),
        flags: on,
    })
}
