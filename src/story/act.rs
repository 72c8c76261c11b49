//! What follows from a verdict: who answers, and which headers the upstream is sent.

use rules::{
    Destination, Gate, Mode, OnError, Otherwise, Route, Subject, Truth, UpstreamId, Verdict, decide,
};

use super::Telling;
use super::telling::Told;

/// What follows from the verdict; from none where the route has no gate, or it isn't asked.
pub(super) fn follow(
    told: &mut Told,
    telling: &Telling<'_>,
    route: &Route,
    verdict: Option<Verdict>,
    subject: &Subject<'_>,
) {
    answer(told, telling, route, verdict, subject);
    if told.story.upstream.is_some() {
        headers(told, telling, route, subject);
    }
}

fn answer(
    told: &mut Told,
    telling: &Telling<'_>,
    route: &Route,
    verdict: Option<Verdict>,
    subject: &Subject<'_>,
) {
    let permission = route.gate.as_ref().is_some_and(Gate::has_permission_flag);
    let passes = match verdict.map(|verdict| verdict.truth) {
        None | Some(Truth::Open) => true,
        Some(_) if route.mode == Mode::Shadow => true,
        Some(Truth::Undecided) => route.on_error == OnError::Open && !permission,
        Some(Truth::Closed) => false,
    };
    told.story.passes = passes;
    if passes {
        told.story.answer = "that of the upstream".to_owned();
        if let Some(upstream) = destination(telling, route, subject) {
            lead(told, telling, upstream);
        }
        return;
    }
    let Some(verdict) = verdict.filter(|verdict| verdict.truth == Truth::Closed) else {
        told.story.answer = "503 FEATURE_UNDECIDED".to_owned();
        return;
    };
    told.story.answer = match route.otherwise_for(verdict.decision.cause) {
        Otherwise::Reject(reject) if reject.status == 404 && reject.body.is_none() && !reject.reveal => {
            "404, as for an unknown path".to_owned()
        }
        Otherwise::Reject(reject) => {
            let reveal = if reject.reveal { ", naming the flag" } else { "" };
            format!("{} FEATURE_NOT_ENABLED{reveal}", reject.status)
        }
        Otherwise::Redirect { status, location } => format!("{status} to {location}"),
        Otherwise::Upstream(upstream) => {
            lead(told, telling, *upstream);
            "that of another upstream, the behaviour without the flag".to_owned()
        }
    };
}

fn destination(telling: &Telling<'_>, route: &Route, subject: &Subject<'_>) -> Option<UpstreamId> {
    match &route.destination {
        Destination::Upstream(upstream) => Some(*upstream),
        Destination::Variants { flag, upstreams } => {
            let flags = &telling.gateway.snapshot.flags;
            let served = decide(flags, *flag, subject, telling.now).variant;
            upstreams.get(served.index()).copied()
        }
    }
}

/// Says where the request goes.
pub(super) fn lead(told: &mut Told, telling: &Telling<'_>, id: UpstreamId) {
    let snapshot = &telling.gateway.snapshot;
    let upstream = snapshot.upstreams.get(id.index());
    told.story.upstream = Some(upstream.map_or(String::new(), |upstream| upstream.name.to_string()));
    told.reads = Some(snapshot.routes.reads(id));
}

/// The headers that tell the upstream what was decided.
fn headers(told: &mut Told, telling: &Telling<'_>, route: &Route, subject: &Subject<'_>) {
    let snapshot = &telling.gateway.snapshot;
    let (plan, flags, now) = (&snapshot.headers, &snapshot.flags, telling.now);
    let mut add = |name: Option<&str>, value: Option<String>| {
        if let (Some(name), Some(value)) = (name, value) {
            told.story.headers.insert(name.to_owned(), value.into());
        }
    };
    add(plan.tenant.as_deref(), subject.tenant.map(str::to_owned));
    add(plan.user.as_deref(), subject.user.map(str::to_owned));
    if let Some(header) = &plan.flags {
        let gated = route.gate.as_ref().map_or(&[][..], |gate| gate.flags());
        let list = header.list(flags, gated, subject, now).value;
        add(Some(&header.name), list);
    }
    for (id, name) in &plan.per_flag {
        let served = decide(flags, *id, subject, now).variant;
        let variant = flags.flag(*id).and_then(|flag| flag.variant(served));
        add(Some(name), variant.map(|variant| variant.name.to_string()));
    }
    add(plan.revision.as_deref(), Some(snapshot.revision.to_string()));
}
