//! What follows from a verdict: the request goes to an upstream, or it gets an answer of ours.

use http::header::RETRY_AFTER;
use rules::{
    Cause, Destination, Gate, Mode, OnError, Otherwise, Preflight, Route, RouteId, Subject, Timestamp, Truth,
    Unmatched, UpstreamId, Verdict, decide,
};

use crate::answer::{Answer, Code};
use crate::closed::reveals;
use crate::outcome::Outcome;
use crate::phase::gate;
use crate::refusal::Refusal;
use crate::serving::Serving;

/// When a client may try again after a flag could not be decided, in seconds.
const RETRY_SECONDS: u32 = 5;

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Course {
    pub(crate) upstream: UpstreamId,
    pub(crate) outcome: Outcome,
}

/// What a route makes of a request.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) verdict: Option<Verdict>,
    pub(crate) course: Result<Course, Refusal>,
}

impl Judgement {
    /// Whether the gate, if there is one, lets the request through to where the route leads.
    fn is_open(&self) -> bool {
        let through = |course: &Course| matches!(course.outcome, Outcome::Forwarded | Outcome::Shadowed);
        self.course.as_ref().is_ok_and(through)
    }
}

/// Judges a request on the route it fell on; on none, if it fell on none. A CORS preflight may pass a route's gate.
pub(crate) fn judge(
    serving: &Serving,
    id: Option<RouteId>,
    is_preflight: bool,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Judgement {
    let found = id.and_then(|id| Some((id, serving.snapshot.routes.route(id)?)));
    let Some((id, route)) = found else {
        return Judgement {
            verdict: None,
            course: unmatched(serving),
        };
    };
    let verdict = route
        .gate
        .as_ref()
        .filter(|_| !is_preflight || route.preflight == Preflight::Gated)
        .map(|gate| gate::decide(serving, gate, subject, now));
    let through = |outcome| match destination(serving, route, verdict, subject, now) {
        Some(upstream) => Ok(Course { upstream, outcome }),
        None => Err(Refusal::new(
            Outcome::Panicked,
            Answer::new(Code::INTERNAL, &serving.pages),
        )),
    };
    let watched = route.mode == Mode::Shadow;
    let course = match verdict.map_or(Truth::Open, |verdict| verdict.truth) {
        Truth::Open => through(Outcome::Forwarded),
        Truth::Closed | Truth::Undecided if watched => through(Outcome::Shadowed),
        Truth::Closed => closed(serving, id, route, verdict, subject, now),
        Truth::Undecided if is_open_on_error(route) => through(Outcome::Forwarded),
        Truth::Undecided => Err(undecided(serving)),
    };
    Judgement { verdict, course }
}

/// What decides instead of `first` where a path can also be read so that `other` is said of it; none where
/// `first` stands. Of two readings whose gates are closed, each would hand the other's path to an upstream that
/// its own gate doesn't lead to, so that neither is sent anywhere.
pub(crate) fn stricter(serving: &Serving, first: &Judgement, other: Judgement) -> Option<Judgement> {
    let course = first.course.as_ref().ok()?;
    if other.is_open() {
        return None;
    }
    let elsewhere = |theirs: &Course| theirs.upstream != course.upstream;
    if first.is_open() || other.course.is_err() {
        return Some(other);
    }
    let apart = other.course.as_ref().is_ok_and(elsewhere);
    apart.then(|| Judgement {
        verdict: other.verdict,
        course: Err(Refusal {
            outcome: Outcome::Rejected,
            ..serving.unmatched()
        }),
    })
}

fn is_open_on_error(route: &Route) -> bool {
    let has_permission_flag = route.gate.as_ref().is_some_and(Gate::has_permission_flag);
    route.on_error == OnError::Open && !has_permission_flag
}

/// Where an open gate leads. Compiling gives every variant an upstream.
fn destination(
    serving: &Serving,
    route: &Route,
    verdict: Option<Verdict>,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Option<UpstreamId> {
    match &route.destination {
        Destination::Upstream(upstream) => Some(*upstream),
        Destination::Variants { flag, upstreams } => {
            let decided = verdict
                .filter(|verdict| verdict.flag == *flag)
                .map(|verdict| verdict.decision);
            let decision = decided.unwrap_or_else(|| decide(&serving.snapshot.flags, *flag, subject, now));
            upstreams.get(decision.variant.index()).copied()
        }
    }
}

/// What a closed gate does.
fn closed(
    serving: &Serving,
    id: RouteId,
    route: &Route,
    verdict: Option<Verdict>,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Result<Course, Refusal> {
    // Only a gate can be closed, so there is a verdict.
    let cause = verdict.map_or(Cause::Default, |verdict| verdict.decision.cause);
    match route.otherwise_for(cause) {
        Otherwise::Upstream(upstream) => Ok(Course {
            upstream: *upstream,
            outcome: Outcome::Fallback,
        }),
        Otherwise::Reject(reject) if reveals(reject) => {
            let answer = Answer::with_status(Code::FEATURE, reject.status, &serving.pages);
            let answer = match (&route.gate, verdict) {
                (Some(gate), Some(verdict)) => reveal(serving, answer, gate, verdict, subject, now),
                _ => answer,
            };
            Err(Refusal::new(Outcome::Rejected, answer))
        }
        Otherwise::Reject(_) | Otherwise::Redirect { .. } => Err(serving.closed(id, cause)),
    }
}

/// Adds what a tenant may know of a gate that is closed for it.
fn reveal(
    serving: &Serving,
    answer: Answer,
    gate: &Gate,
    verdict: Verdict,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Answer {
    let flags = &serving.snapshot.flags;
    let Some(flag) = flags.flag(verdict.flag) else {
        return answer;
    };
    let remedies = gate.remedies(flags, subject, verdict.flag, now);
    answer
        .member("flag", &flag.key().as_str().into())
        .member("opt_in", &remedies.opt_in.into())
        .member("higher_tier", &remedies.higher_tier.into())
}

fn undecided(serving: &Serving) -> Refusal {
    let answer = Answer::new(Code::UNDECIDED, &serving.pages).header(RETRY_AFTER, RETRY_SECONDS.to_string());
    Refusal::new(Outcome::Undecided, answer)
}

fn unmatched(serving: &Serving) -> Result<Course, Refusal> {
    match &serving.snapshot.routes.unmatched {
        Unmatched::Upstream(upstream) => Ok(Course {
            upstream: *upstream,
            outcome: Outcome::Forwarded,
        }),
        Unmatched::Reject(_) => Err(serving.unmatched()),
    }
}
