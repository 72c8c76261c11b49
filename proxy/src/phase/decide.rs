//! The way of a request from its head to where it goes: the phases before an upstream is asked, in their order.

use arrayvec::ArrayVec;
use pingora::proxy::Session;
use rules::{Auth, Mode, Route, RouteId};

use crate::context::Context;
use crate::forwarding::Forwarding;
use crate::outcome::Outcome;
use crate::phase::{act, gate, head, headers, identity, route, target};
use crate::refusal::Refusal;
use crate::shared::{Shared, Stage};

/// The routes that a request falls on by the readings of its path; the first is the one it is forwarded by.
type Readings = ArrayVec<Option<RouteId>, 2>;

/// Decides what becomes of the request. When it is to be forwarded, the context says where.
pub(crate) async fn decide(
    shared: &Shared,
    session: &mut Session,
    context: &mut Context,
) -> Result<(), Refusal> {
    head::configure(session, shared.is_draining());
    context.forwarding = Forwarding::of(session, &context.serving.trusted_proxies);
    shared.probe(Stage::Received, session.req_header());
    let raw = session.downstream_session.to_h1_raw();
    head::check(session, &raw, context)?;
    let decoded = target::normalise_in_place(session, &raw, context)?;
    head::check_length(session, context)?;
    let readings = readings(session, context, decoded.as_deref());
    context.route = readings.first().copied().flatten();
    let auth = auth(context, &readings);
    context.identity = match identity::identify(session, context, auth, &shared.metrics).await {
        Ok(identity) => identity,
        Err(refusal) if is_watched(context, &readings) => {
            let code = refusal.answer.code.name;
            shared.metrics.rejections.count(code);
            context.code = Some(code);
            None
        }
        Err(refusal) => return Err(refusal),
    };
    judge(session, context, &readings)?;
    if context.told.truncated {
        shared.metrics.flag_header_truncated();
    }
    Ok(())
}

fn readings(session: &Session, context: &Context, decoded: Option<&str>) -> Readings {
    let request = session.req_header();
    let paths = [Some(request.uri.path()), decoded].into_iter().flatten();
    let find = |path| route::find(&context.serving.snapshot, &context.host, path, request);
    let mut readings = Readings::new();
    for found in paths.map(find) {
        if !readings.contains(&found) {
            readings.push(found);
        }
    }
    readings
}

fn routes<'a>(context: &'a Context, readings: &'a Readings) -> impl Iterator<Item = &'a Route> {
    let routes = &context.serving.snapshot.routes;
    readings.iter().flatten().filter_map(|id| routes.route(*id))
}

/// Whether every route that asks who is asking only watches: then nobody is refused for the answer.
fn is_watched(context: &Context, readings: &Readings) -> bool {
    routes(context, readings)
        .filter(|route| route.auth != Auth::None)
        .all(|route| route.mode == Mode::Shadow && route.gate.is_some())
}

/// The strictest of what the routes ask for: one that must know who is asking can't be got round by another
/// reading.
fn auth(context: &Context, readings: &Readings) -> Auth {
    routes(context, readings)
        .map(|route| route.auth)
        .fold(Auth::None, |strictest, auth| match (strictest, auth) {
            (Auth::Required, _) | (_, Auth::Required) => Auth::Required,
            (Auth::Optional, _) | (_, Auth::Optional) => Auth::Optional,
            (Auth::None, Auth::None) => Auth::None,
        })
}

/// Judges the request on the route it fell on. Where it would be forwarded and another reading's gate is not
/// open, that one decides instead, because the upstream may read the path that way.
fn judge(session: &Session, context: &mut Context, readings: &Readings) -> Result<(), Refusal> {
    let serving = std::sync::Arc::clone(&context.serving);
    let identity = context.identity.clone();
    let headers = &session.req_header().headers;
    let client = context.forwarding.client_text();
    let attributes = gate::attributes(&serving, identity.as_deref(), headers, client.as_deref());
    let subject = gate::subject(&serving, identity.as_deref(), &attributes);
    let mut judgement = act::judge(&serving, context.route, &subject, context.now);
    for other in readings.iter().skip(1).filter(|other| other.is_some()) {
        let reading = act::judge(&serving, *other, &subject, context.now);
        if let Some(stricter) = act::stricter(&serving, &judgement, reading) {
            context.route = *other;
            judgement = stricter;
        }
    }
    context.verdict = judgement.verdict;
    let course = judgement.course?;
    context.upstream = Some(course.upstream);
    context.outcome = match course.outcome {
        // Were the route enforced, the request would have been refused before its gate was asked.
        Outcome::Forwarded if context.code.is_some() => Outcome::Shadowed,
        outcome => outcome,
    };
    context.told = headers::tell(&serving, context.route, &subject, context.now);
    Ok(())
}
