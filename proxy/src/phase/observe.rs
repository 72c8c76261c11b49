//! The end of a request: metrics and the access log.

use std::time::{Duration, SystemTime};

use rules::{Flag, FlagId, Lifecycle, Subject, TenantId};

use crate::access_entry::{AccessEntry, AnsweredBy, DecisionEntry, GateEntry, GateVerdict, micros};
use crate::arms::{EndedRequest, RequestEnd};
use crate::meter::{FlagMeter, RouteMeter};
use crate::outcome::RequestOutcome;
use crate::phase::gate_flags::for_gate_flags;
use crate::phase::{admission, receipt, trace};
use crate::request_context::RequestContext;
use crate::shared::Shared;
use crate::traceparent::{continued, only_parent};

/// The response that was sent to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The status; 0 if none was sent.
    pub(crate) status: u16,
    /// Bytes of the body.
    pub(crate) body_bytes: u64,
}

/// Counts and logs a request.
pub(crate) fn observe(shared: &Shared, sent: Sent, context: &mut RequestContext) {
    // From here on the drop of the context must not observe the request a second time.
    context.unobserved = None;
    let head = &context.head;
    let duration = context.started.elapsed();
    let status = sent.status;
    let prepared = &context.prepared;
    meter(context).observe(context.outcome, status, duration);
    if let Some(tenants) = shared.metrics.tenants()
        && let Some(tenant) = context.found.tenant()
    {
        tenants.count(tenant.as_str(), context.outcome, status);
    }
    if status >= 500 {
        count_errors(context);
    } else {
        count_served(context, status);
    }
    if !context.arms.is_empty() {
        let ended = EndedRequest {
            id: context.id.as_str(),
            tenant: context.found.tenant().map(TenantId::as_str),
            started: context.started,
            duration,
            status,
            end: request_end(context, status, duration),
        };
        prepared.meters.observed().count(&context.arms, &ended);
    }
    if context.found.observed.is_some() || is_refused_by_gate(context) {
        count_shadowed(context);
    }
    receipt::keep(shared, status, context);
    if let Some(sampled) = &context.trace {
        meter(context).note_exemplar(sampled.number(), duration, SystemTime::now());
        trace::finish(shared, sampled, context, (status, duration));
    }
    if !shared.access_log.is_on() {
        return;
    }
    // The client's trace id is logged, because the upstream's spans continue it.
    let parent = only_parent(&head.fields).and_then(continued);
    let trace_id = parent.map_or(context.id.as_str(), |(trace, _)| trace);
    let answered_by = if context.upstream_answered {
        AnsweredBy::Upstream
    } else {
        AnsweredBy::Sluice
    };
    shared.access_log.write(&AccessEntry {
        trace_id: Some(trace_id),
        method: head.method(),
        path: head.path(),
        query: head.query().filter(|_| prepared.log_query),
        status,
        answered_by: (status != 0).then_some(answered_by),
        response_bytes: sent.body_bytes,
        ..known(context, duration)
    });
}

/// Counts and logs a request whose task was ended: by the shedder, or at the end of the process. The bytes that its
/// client got are not known.
fn observe_ended(shared: &Shared, context: &mut RequestContext) {
    let is_shed = context.share.as_ref().is_some_and(|share| share.is_shed());
    // Before a request is admitted, the shedder ends its connection.
    (context.outcome, context.code) = match is_shed || !shared.is_draining() {
        true => (RequestOutcome::Shed, Some("SHED")),
        false => (RequestOutcome::Aborted, Some("SHUTDOWN")),
    };
    context.cause = (context.outcome == RequestOutcome::Shed)
        .then(|| "a resource was short, and the client held more than its share".into());
    let sent = Sent {
        status: context.begun_status,
        body_bytes: 0,
    };
    observe(shared, sent, context);
}

impl Drop for RequestContext {
    /// Releases the request's slot: the connection to its upstream is returned or closed by now. Observes a request
    /// whose task was dropped before the engine did.
    fn drop(&mut self) {
        if let Some(share) = &self.share {
            share.release_slot();
        }
        // A second panic would end the process.
        if let Some(shared) = self.unobserved.take()
            && !std::thread::panicking()
        {
            observe_ended(&shared, self);
        }
    }
}

/// Returns the access log entry without the head and the response.
fn known(context: &RequestContext, duration: Duration) -> AccessEntry<'_> {
    let route = context
        .found
        .route
        .and_then(|id| context.prepared.decider.snapshot.routes.route(id));
    let is_shadow = route.is_some_and(|route| route.mode == rules::GateMode::Shadow);
    let time = SystemTime::now()
        .checked_sub(duration)
        .unwrap_or(SystemTime::UNIX_EPOCH);
    AccessEntry {
        client: context.forwarding.client(),
        host: Some(&*context.found.host).filter(|host| !host.is_empty()),
        route: route.map(|route| &*route.name),
        ambiguous_target: context.found.ambiguous_target,
        tenant: context.found.tenant().map(TenantId::as_str),
        user: context.found.user(),
        gate: gate(context, is_shadow),
        upstream: admission::name(context),
        endpoint: context.attempts.endpoint().map(|endpoint| endpoint.address),
        retries: context.attempts.retries(),
        duration_us: micros(duration),
        upstream_us: context.upstream_time.map(micros),
        request_bytes: context.body_bytes,
        error: context.code,
        cause: context.cause.as_deref().or(context.attempts.cause()),
        ..AccessEntry::new(time, context.id.as_str(), context.outcome)
    }
}

fn meter(context: &RequestContext) -> &RouteMeter {
    let meters = &context.prepared.meters;
    match context.found.route {
        Some(route) => meters.route(route.index()),
        None => meters.unmatched(),
    }
}

/// Returns the end of a request, as observed flags count it. An error of the client is none of the flag.
fn request_end(context: &RequestContext, status: u16, duration: Duration) -> RequestEnd {
    match context.outcome {
        RequestOutcome::Forwarded | RequestOutcome::Fallback | RequestOutcome::Shadowed => match status {
            500.. => RequestEnd::Failed(duration),
            _ => RequestEnd::Served(duration),
        },
        RequestOutcome::UpstreamError => RequestEnd::Broken,
        RequestOutcome::ClientError | RequestOutcome::Shed | RequestOutcome::Aborted => RequestEnd::Aborted,
        RequestOutcome::Rejected
        | RequestOutcome::Redirected
        | RequestOutcome::Unauthenticated
        | RequestOutcome::Forbidden
        | RequestOutcome::Limited
        | RequestOutcome::Unmatched
        | RequestOutcome::Undecided
        | RequestOutcome::BadRequest
        | RequestOutcome::Panicked => RequestEnd::Answered,
    }
}

/// Counts the response as an error of the flags that let the request pass.
fn count_errors(context: &RequestContext) {
    for_flags_on(context, |_| true, |meter, _, _| meter.count_error());
}

/// Counts the response for the flags before ga that let the request pass, and notes its tenant for those that it
/// requested. Flags at ga cost nothing.
fn count_served(context: &RequestContext, status: u16) {
    let is_served = matches!(
        context.outcome,
        RequestOutcome::Forwarded | RequestOutcome::Fallback | RequestOutcome::Shadowed
    );
    if !is_served || status == 0 {
        return;
    }
    let is_before_ga = |flag: &Flag| {
        flag.lifecycle()
            .is_some_and(|lifecycle| lifecycle < Lifecycle::Ga)
    };
    let served_tenants = context.prepared.meters.served_tenants();
    for_flags_on(context, is_before_ga, |meter, id, subject| {
        meter.count_served();
        if let Some(tenant) = subject.record.filter(|tenant| tenant.has_requested(id)) {
            served_tenants.note(meter.key(), tenant.id());
        }
    });
}

/// Returns true if the gate of the request is not open.
fn is_refused_by_gate(context: &RequestContext) -> bool {
    let verdict = context.found.verdict;
    verdict.is_some_and(|verdict| verdict.truth != rules::Truth::Open)
}

/// Counts a request that its route would have refused if it did not only observe, also if its upstream failed.
fn count_shadowed(context: &RequestContext) {
    let found = &context.found;
    let snapshot = &context.prepared.decider.snapshot;
    let flags = &snapshot.flags;
    let route = found.route.and_then(|id| snapshot.routes.route(id));
    if route.is_none_or(|route| route.mode != rules::GateMode::Shadow) {
        return;
    }
    let closed = found.verdict.filter(|_| is_refused_by_gate(context));
    let cause = match (found.observed, closed) {
        (Some(code), _) => (None, code),
        (None, Some(verdict)) => {
            let flag = flags.flag(verdict.flag).map(|flag| flag.key().as_str());
            (flag, verdict.decision.cause.as_str())
        }
        (None, None) => return,
    };
    let tenant = found.tenant().map_or("", TenantId::as_str);
    meter(context).shadow_to_count().count(tenant, cause, context.now);
}

/// Calls `each` for the flags of the request's gate that were on for it, as far as they are `wanted`.
fn for_flags_on(
    context: &RequestContext,
    wanted: impl Fn(&Flag) -> bool,
    each: impl Fn(&FlagMeter, FlagId, &Subject<'_>),
) {
    let prepared = &*context.prepared;
    let flags = &prepared.decider.snapshot.flags;
    for_gate_flags(context, wanted, |id, decision, subject| {
        let is_on = flags.flag(id).is_some_and(|flag| flag.off() != decision.variant);
        if is_on && let Some(meter) = prepared.meters.flag(id.index()) {
            each(meter, id, subject);
        }
    });
}

fn gate(context: &RequestContext, shadow: bool) -> Option<GateEntry<'_>> {
    let verdict = context.found.verdict?;
    let flag = context.prepared.decider.snapshot.flags.flag(verdict.flag);
    let decision = flag.and_then(|flag| {
        let variant = &*flag.variant(verdict.decision.variant)?.name;
        Some(DecisionEntry {
            flag: flag.key().as_str(),
            variant,
            cause: verdict.decision.cause,
        })
    });
    let verdict = match verdict.truth {
        rules::Truth::Open => GateVerdict::Open,
        rules::Truth::Closed => GateVerdict::Closed,
        rules::Truth::Undecided => GateVerdict::Undecided,
    };
    Some(GateEntry {
        verdict,
        shadow,
        decision,
    })
}
