//! The decision about a request: the phases up to the choice of an upstream, in order. The data plane and `explain`
//! run the same phases with different [`Effects`].

use rules::{AnonymousFlags, Auth, Candidates, RequestDecision, Subject, Subjects, Timestamp};
use tokens::OperatorTokens;

use crate::breakers::OpenFlags;
use crate::caller::Caller;
use crate::decider::Decider;
use crate::findings::{DecisionHeaders, Findings};
use crate::outcome::RequestOutcome;
use crate::phase::effects::Effects;
use crate::phase::received::Received;
use crate::phase::route::RoutedHead;
use crate::phase::subject::SubjectAttributes;
use crate::phase::{action, head, headers, identity, operator_token, subject, target};
use crate::refusal::RequestRefusal;
use crate::rendered_flags::Rendered;

/// Decides a request. If it is forwarded, `found` names the upstream.
///
/// # Errors
/// The answer to a request that is not forwarded.
pub(crate) async fn decide(
    decider: &Decider,
    operator_tokens: &OperatorTokens,
    request: &mut Received<'_>,
    now: Timestamp,
    found: &mut Findings,
    effects: &mut impl Effects,
) -> Result<RequestOutcome, RequestRefusal> {
    found.body_limit = decider.body_limit;
    normalise_head(decider, operator_tokens, request, found, effects)?;
    // The routed head borrows the host while `found` is changed.
    let host = std::mem::take(&mut found.host);
    let decided = decide_normalised(decider, request, &host, now, found, effects).await;
    found.host = host;
    decided
}

/// Decides a request whose head is in the form that routes are matched by.
async fn decide_normalised(
    decider: &Decider,
    request: &Received<'_>,
    host: &str,
    now: Timestamp,
    found: &mut Findings,
    effects: &mut impl Effects,
) -> Result<RequestOutcome, RequestRefusal> {
    let head = RoutedHead::of(host, request.head);
    let mut candidates = find_candidates(decider, &head, found, effects);
    // Before the token is verified, so that a flood of bad tokens costs little.
    effects.check_client(candidates.ids())?;
    identify_caller(decider, request, &candidates, now, found, effects).await?;
    decide_gates(decider, request, &head, &mut candidates, now, found, effects)
}

/// Brings the head to the form that routes are matched by, and removes what no later phase may read.
fn normalise_head(
    decider: &Decider,
    operator_tokens: &OperatorTokens,
    request: &mut Received<'_>,
    found: &mut Findings,
    effects: &mut impl Effects,
) -> Result<(), RequestRefusal> {
    head::check(request, decider, found)?;
    // Strip before routes and gates read headers. Otherwise a header that the upstream never sees could select a
    // route or open a gate.
    headers::strip(request, decider);
    // Remove operators' tokens before the caller is identified, so that they are neither verified nor cached.
    let removed = operator_token::remove(
        &mut request.head.fields,
        &decider.credentials.token,
        operator_tokens,
    );
    if !removed.is_empty() {
        effects.operator_tokens_removed(removed);
    }
    target::normalise_in_place(request, decider, found)?;
    // The host is checked after the target: HTTP/1.0 may name it only in an absolute target.
    head::require_host(decider, found)?;
    found.is_preflight = head::is_preflight(request);
    Ok(())
}

/// Finds the routes that may decide the request.
fn find_candidates(
    decider: &Decider,
    head: &RoutedHead<'_>,
    found: &mut Findings,
    effects: &mut impl Effects,
) -> Candidates {
    let routes = &*decider.snapshot.routes;
    let mut candidates = Candidates::find(routes, head, found.is_preflight);
    // Set before the decision: an early refusal is logged with this route.
    found.route = candidates.route();
    effects.routed(found.route);
    candidates.find_others(routes, head);
    candidates
}

/// Identifies the caller, as the strictest `auth` of the candidates requires. If they only observe, a request whose
/// token is refused continues without a caller.
async fn identify_caller(
    decider: &Decider,
    request: &Received<'_>,
    candidates: &Candidates,
    now: Timestamp,
    found: &mut Findings,
    effects: &mut impl Effects,
) -> Result<(), RequestRefusal> {
    let routes = &*decider.snapshot.routes;
    let auth = candidates.auth(routes);
    match identity::identify(request, decider, auth, now, effects).await {
        Ok(identified) => {
            found.caller = identified.caller;
            found.ignored = identified.ignored;
            identified
                .ignored
                .into_iter()
                .for_each(|code| effects.ignored(code));
        }
        Err(refusal) if candidates.only_observe(routes) => {
            let code = refusal.answer.code.name;
            effects.observed(code);
            effects.count_refused(candidates.ids());
            found.observed = Some(code);
        }
        Err(refusal) => {
            if matches!(
                refusal.outcome,
                RequestOutcome::Unauthenticated | RequestOutcome::Forbidden
            ) {
                effects.count_refused(candidates.ids());
            }
            // The refusal is due to another reading if the matched route alone would have asked for less.
            found.ambiguous_target = auth != routes.auth(found.route, found.is_preflight);
            return Err(refusal);
        }
    }
    Ok(())
}

/// Returns true if the upstream gets the headers with flags. Those of an anonymous request may be wrong for the person
/// who sends it, so they are only set where anonymous requests are expected.
fn carries_flags(
    decider: &Decider,
    decision: &RequestDecision<'_>,
    found: &Findings,
    subject: &Subject<'_>,
    effects: &impl Effects,
) -> bool {
    let anonymous = decider.snapshot.headers.anonymous;
    match (&found.caller, anonymous) {
        (Some(_), _) | (None, Some(AnonymousFlags::Decide)) => true,
        (None, Some(AnonymousFlags::Omit)) => false,
        // The sender of a refused credential is probably known to the application.
        (None, None) if found.ignored.is_some() || found.observed.is_some() => false,
        (None, None) => decision.auth == Auth::Optional || effects.has_visitor_id(decision.route, subject),
    }
}

/// Returns true if flags that are decided on a route with this `auth` depend on the sender of the request. Without `auth`
/// they depend on the attributes that the request itself provides, if any are configured and used.
fn flags_vary(decider: &Decider, auth: Auth) -> bool {
    let uses_attributes = decider.snapshot.headers.anonymous != Some(AnonymousFlags::Omit);
    auth != Auth::None || uses_attributes && !decider.credentials.attributes.is_empty()
}

/// Decides the gates of the candidates, and renders what follows from them.
fn decide_gates(
    decider: &Decider,
    request: &Received<'_>,
    head: &RoutedHead<'_>,
    candidates: &mut Candidates,
    now: Timestamp,
    found: &mut Findings,
    effects: &mut impl Effects,
) -> Result<RequestOutcome, RequestRefusal> {
    let caller = found.caller.clone();
    let client = subject::client_text(decider, request.forwarding);
    let own = (&request.head.fields, client.as_deref());
    let (mut all, mut of_request) = (SubjectAttributes::new(), SubjectAttributes::new());
    subject::find_attributes(&mut all, decider, caller.as_ref(), request.assumed, own);
    subject::find_attributes(&mut of_request, decider, None, request.assumed, own);
    let mut open = OpenFlags::new();
    let tenant = caller.as_ref().and_then(Caller::tenant);
    effects.find_open_breakers(found.route, tenant, &mut open);
    let subjects = Subjects {
        caller: Subject {
            open_breakers: &open,
            ..subject::subject(decider, caller.as_ref(), &all)
        },
        anonymous: subject::subject(decider, None, &of_request),
    };
    let decision = decider
        .snapshot
        .decide_request(head, candidates, &subjects, now, effects);
    effects.decided(&decision, &subjects);
    found.route = decision.route;
    found.ambiguous_target = decision.by_other_reading;
    found.verdict = decision.verdict;
    let subject = subjects.of(decision.auth);
    // A route without auth must not learn of a caller that only another reading asked for.
    if decision.auth == Auth::None {
        found.caller = None;
    }
    let forward = action::forward_target(decider, &decision, subject, now)?;
    // After the decision: a request that is refused anyway gets the answer of its route.
    headers::check_nominations(&request.head.fields, decider)?;
    // The route's own limits come last: before its gate, they would tell a hidden route from an unknown path.
    let served = candidates.served(decision.route, decider.snapshot.routes.reads(forward.upstream));
    head::check_length(request.head, decider, served.clone(), found)?;
    effects.count(served, caller.as_ref().and_then(Caller::tenant))?;
    found.upstream = Some(forward.upstream);
    found.flags_vary = flags_vary(decider, decision.auth);
    found.headers = match carries_flags(decider, &decision, found, subject, effects) {
        true => effects.rendered(decision.route, subject, now, || {
            headers::render(decider, decision.route, subject, now)
        }),
        false => Rendered::Own(DecisionHeaders::omitted(&decider.snapshot.headers)),
    };
    if decider.replaces_attributes {
        found.decided_fields = Some(Box::new(request.head.fields.clone()));
    }
    Ok(match forward.outcome {
        // An enforcing route would have refused the request before its gate was decided.
        RequestOutcome::Forwarded if found.observed.is_some() => RequestOutcome::Shadowed,
        outcome => outcome,
    })
}
