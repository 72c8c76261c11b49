//! The receipt of a request: after its end, its decision is written into the ring.

use std::sync::Arc;

use rules::{GateMode, Subject, TenantId};

use crate::caller::Caller;
use crate::outcome::RequestOutcome;
use crate::phase::with_subject::with_subject;
use crate::receipts::{KeptSubject, ReceiptRecord, ReceiptTexts, add_flags};
use crate::request_context::RequestContext;
use crate::shared::Shared;

/// Keeps the receipt of a request that Sluice answered itself, or that is in the sample. `status` is what the client was
/// sent, 0 if nothing.
pub(crate) fn keep(shared: &Shared, status: u16, context: &RequestContext) {
    let is_answered = status != 0 || context.outcome == RequestOutcome::Shed;
    let is_refused = is_answered && !context.upstream_answered && context.code.is_some();
    if shared.receipts.wants(is_refused, &context.id) {
        shared.receipts.keep(|record| write(record, status, context));
    }
}

fn write(record: &mut ReceiptRecord, status: u16, context: &RequestContext) {
    let (found, prepared) = (&context.found, &*context.prepared);
    let snapshot = &prepared.decider.snapshot;
    let route = found.route.and_then(|id| snapshot.routes.route(id));
    record.set_texts(&ReceiptTexts {
        method: context.head.method(),
        host: &found.host,
        path: context.head.path(),
        route: route.map_or("", |route| &*route.name),
        tenant: found.tenant().map_or("", TenantId::as_str),
        user: found.user().unwrap_or_default(),
        issuer: issuer(context),
        cause: context
            .cause
            .as_deref()
            .or(context.attempts.cause())
            .unwrap_or_default(),
    });
    record.id = Some(context.id);
    record.at = Some(context.now);
    record.outcome = Some(context.outcome);
    record.status = status;
    record.code = context.code;
    record.revision = Some(Arc::clone(&snapshot.revision.0));
    record.truth = found.verdict.map(|verdict| verdict.truth);
    record.is_preflight = found.is_preflight;
    record.is_shadow = route.is_some_and(|route| route.mode == GateMode::Shadow);
    let gate = route.and_then(|route| route.gate.as_ref());
    let (Some(id), Some(gate), Some(verdict)) = (found.route, gate, found.verdict) else {
        return;
    };
    let needs = prepared.gate_needs.of_route(id, snapshot);
    let flags = &snapshot.flags;
    match needs {
        Some(needs) if needs.is_verdict_enough => {
            let subject = Subject {
                tenant: found.tenant().map(TenantId::as_str),
                ..Subject::default()
            };
            add_flags(record, (gate, verdict), flags, (&subject, context.now));
        }
        _ => with_subject(context, |subject| {
            add_flags(record, (gate, verdict), flags, (subject, context.now));
            let kept = needs.and_then(|needs| KeptSubject::of(needs, flags, subject));
            record.subject = kept.map(Box::new);
        }),
    }
}

/// Returns the name of the issuer of the caller's token; empty for none.
fn issuer(context: &RequestContext) -> &str {
    let issuer = match &context.found.caller {
        Some(Caller::Token(identity)) => context.prepared.decider.issuer(identity),
        Some(Caller::Certificate(..) | Caller::Stated(_)) | None => None,
    };
    issuer.map_or("", tokens::Issuer::name)
}
