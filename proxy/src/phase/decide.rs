//! The way of a request from its head to where it goes: the phases before an upstream is asked, in their order.

use http::{Method, header};
use pingora::proxy::Session;
use rules::{Auth, Mode, Preflight, Route, RouteId};

use crate::context::Context;
use crate::forwarding::Forwarding;
use crate::limits::LiveLimit;
use crate::outcome::Outcome;
use crate::phase::readings::Readings;
use crate::phase::{act, gate, head, headers, identity, limit, operator_token, route, target};
use crate::refusal::Refusal;
use crate::serving::Serving;
use crate::shared::{Shared, Stage};

/// How often another reading's gate can send a request to another upstream, which may read its path in other ways:
/// after the first time it could only be refused.
const MAX_TURNS: usize = 3;

/// Decides what becomes of the request. When it is to be forwarded, the context says where.
pub(crate) async fn decide(
    shared: &Shared,
    session: &mut Session,
    context: &mut Context,
) -> Result<(), Refusal> {
    let decided = until_decided(shared, session, context).await;
    if context.ambiguous_target {
        shared.metrics.ambiguous_target();
    }
    decided
}

async fn until_decided(shared: &Shared, session: &mut Session, context: &mut Context) -> Result<(), Refusal> {
    head::configure(session, shared.is_draining());
    head::unify(session);
    context.forwarding = Forwarding::of(session, &context.serving.trusted_proxies);
    shared.probe(Stage::Received, session.req_header());
    let raw = session.downstream_session.to_h1_raw();
    head::check(session, context)?;
    headers::strip(session, context);
    operator_token::remove(session, &context.serving, shared);
    target::normalise_in_place(session, &raw, context)?;
    // Only now: HTTP/1.0 may name the host in an absolute target alone.
    head::require_host(context)?;
    context.is_preflight = is_preflight(session);
    context.route = route::find(&context.serving.snapshot, &context.host, session.req_header());
    head::check_length(session, context)?;
    let mut readings = Readings::default();
    let others = all_others(session, context, &mut readings)?;
    let auth = auth(context, &others);
    limit::count_client(context, limits(context, &others))?;
    context.identity = match identity::identify(session, context, auth, &shared.metrics).await {
        Ok(identity) => identity,
        Err(refusal) if is_watched(context, &others) => {
            let code = refusal.answer.code.name;
            shared.metrics.rejections.count(code);
            context.code = Some(code);
            None
        }
        Err(refusal) => {
            context.ambiguous_target = auth != self::auth(context, &[]);
            return Err(refusal);
        }
    };
    limit::count_tenant(context, limits(context, &others))?;
    judge(session, context, &mut readings)?;
    if context.told.truncated {
        shared.metrics.flag_header_truncated();
    }
    Ok(())
}

/// The routes besides its own that the request may fall on at any upstream that it may be sent to, which is not
/// known before its gate is asked; and at those that the gates of these routes may send it to.
fn all_others(
    session: &Session,
    context: &mut Context,
    readings: &mut Readings,
) -> Result<Vec<RouteId>, Refusal> {
    let serving = std::sync::Arc::clone(&context.serving);
    let routes = &serving.snapshot.routes;
    readings.of(session, context, routes.may_read(context.route))?;
    for other in readings.others(context.route) {
        readings.of(session, context, routes.may_read(Some(other)))?;
    }
    Ok(readings.others(context.route))
}

fn routes<'a>(context: &'a Context, others: &'a [RouteId]) -> impl Iterator<Item = &'a Route> {
    let routes = &context.serving.snapshot.routes;
    let ids = context.route.iter().chain(others);
    ids.filter_map(|id| routes.route(*id))
}

/// The limits of the routes, each once: whichever of them the upstream may take the path for, it was asked once
/// more.
fn limits<'a>(context: &'a Context, others: &'a [RouteId]) -> impl Iterator<Item = &'a LiveLimit> {
    let ids = context.route.iter().chain(others);
    ids.filter_map(|id| context.serving.limit(*id))
}

/// Whether every route that asks who is asking only watches: then nobody is refused for the answer.
fn is_watched(context: &Context, others: &[RouteId]) -> bool {
    routes(context, others)
        .filter(|route| route.auth != Auth::None)
        .all(|route| route.mode == Mode::Shadow && route.gate.is_some())
}

/// The strictest of what the routes ask for: one that must know who is asking can't be got round by another
/// reading.
fn auth(context: &Context, others: &[RouteId]) -> Auth {
    routes(context, others)
        .filter(|route| !context.is_preflight || route.preflight == Preflight::Gated)
        .map(|route| route.auth)
        .fold(Auth::None, |strictest, auth| match (strictest, auth) {
            (Auth::Required, _) | (_, Auth::Required) => Auth::Required,
            (Auth::Optional, _) | (_, Auth::Optional) => Auth::Optional,
            (Auth::None, Auth::None) => Auth::None,
        })
}

/// Whether this is what a browser asks before a request that pages of other sites may not make unasked (Fetch,
/// section 3.2.2), and nothing else that could be hidden in one: it has no body, and asks for no other protocol.
fn is_preflight(session: &mut Session) -> bool {
    let request = session.req_header();
    let says = |name| request.headers.get(name).is_some_and(|value| !value.is_empty());
    let asks = request.method == Method::OPTIONS
        && says(header::ORIGIN)
        && says(header::ACCESS_CONTROL_REQUEST_METHOD)
        && !request.headers.contains_key(header::UPGRADE);
    asks && session.is_body_empty()
}

/// Judges the request on the route it fell on. Where it would be forwarded to an upstream that may read its path
/// so that it falls on another route, and the gate there is not open, that one decides instead. Each route judges
/// whom it asks for: nobody, where it asks for nobody, whoever another reading found.
fn judge(session: &Session, context: &mut Context, readings: &mut Readings) -> Result<(), Refusal> {
    let serving = std::sync::Arc::clone(&context.serving);
    let identity = context.identity.clone();
    let headers = &session.req_header().headers;
    let client = context.forwarding.client_text();
    let attributes = gate::attributes(&serving, identity.as_ref(), headers, client.as_deref());
    let known = gate::subject(&serving, identity.as_ref(), &attributes);
    let attributes = gate::attributes(&serving, None, headers, client.as_deref());
    let nobody = gate::subject(&serving, None, &attributes);
    let (is_preflight, now) = (context.is_preflight, context.now);
    let subject = |id| match asks(&serving, id, is_preflight) {
        Auth::None => &nobody,
        Auth::Optional | Auth::Required => &known,
    };
    let judged = |id| act::judge(&serving, id, is_preflight, subject(id), now);
    let mut judgement = judged(context.route);
    let mut asked = None;
    for _ in 0..MAX_TURNS {
        let Ok(course) = &judgement.course else { break };
        let reads = serving.snapshot.routes.reads(course.upstream);
        if asked.replace(reads) == Some(reads) {
            break;
        }
        let own = context.route;
        for &other in readings.of(session, context, reads)? {
            if Some(other) == own {
                continue;
            }
            if let Some(stricter) = act::stricter(&serving, &judgement, judged(Some(other))) {
                context.route = Some(other);
                context.ambiguous_target = true;
                judgement = stricter;
            }
        }
    }
    context.verdict = judgement.verdict;
    if asks(&serving, context.route, is_preflight) == Auth::None {
        context.identity = None;
    }
    let course = judgement.course?;
    context.upstream = Some(course.upstream);
    context.outcome = match course.outcome {
        // Were the route enforced, the request would have been refused before its gate was asked.
        Outcome::Forwarded if context.code.is_some() => Outcome::Shadowed,
        outcome => outcome,
    };
    context.told = headers::tell(&serving, context.route, subject(context.route), now);
    Ok(())
}

/// Whom a route asks for in this request.
fn asks(serving: &Serving, id: Option<RouteId>, is_preflight: bool) -> Auth {
    id.and_then(|id| serving.snapshot.routes.route(id))
        .filter(|route| !is_preflight || route.preflight == Preflight::Gated)
        .map_or(Auth::None, |route| route.auth)
}
